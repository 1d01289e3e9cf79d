/* Reads more data with the columns that a forecaster was made for. */
#include "core/fail.h"
#include "forecast/forecaster.h"

/* The names of columns, as elman_series_options takes them. */
static elman_columns covariate_names(const char **names, const Covariate *covariates,
                                     size_t count) {
    for (size_t i = 0; i < count; i++) names[i] = covariates[i].name;
    return (elman_columns){names, count};
}

elman_status elman_forecaster_load(const elman_forecaster *forecaster, const char *path,
                                   const char *object, elman_series **series, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t targets = forecaster->wide ? forecaster->member_count : 1;
    const size_t count =
        targets + forecaster->known_count + forecaster->past_count + forecaster->static_count;
    *series = NULL;
    const char **names = memory_allocate_array(memory, count, sizeof(char *));
    if (names == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu names", count);
    elman_series_options options = {.struct_size = sizeof(options),
                                    .time = forecaster->time_name,
                                    .id = forecaster->id_name,
                                    .missing = forecaster->missing,
                                    .object = object};
    const char **next = names;
    if (forecaster->wide)
        for (size_t i = 0; i < targets; i++) next[i] = forecaster->members[i].id;
    else
        next[0] = forecaster->target_name;
    options.target =
        (elman_columns){next, forecaster->wide || forecaster->target_name != NULL ? targets : 0};
    next += targets;
    options.known = covariate_names(next, forecaster->known, forecaster->known_count);
    next += forecaster->known_count;
    options.past = covariate_names(next, forecaster->past, forecaster->past_count);
    next += forecaster->past_count;
    for (size_t i = 0; i < forecaster->static_count; i++) next[i] = forecaster->statics[i].name;
    options.statics = (elman_columns){next, forecaster->static_count};
    const elman_status status =
        elman_series_load(forecaster->context, path, &options, series, error);
    memory_release(memory, names);
    return status;
}
