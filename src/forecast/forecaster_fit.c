/* Scales of targets and covariates, and the ends of the series. */
#include "forecast/forecaster_fit.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "forecast/naive.h"
#include "forecast/view.h"
#include "forecast/window.h"

enum { LEVELS_MAX = 1000 };

/* Values gathered from all series, and room to sort them. */
typedef struct Gathered {
    double *values, *sorted;
    size_t count;
} Gathered;

static elman_status gathered_create(Memory *memory, const elman_series *series, Gathered *gathered,
                                    elman_error *error) {
    size_t total = 0, twice;
    *gathered = (Gathered){0};
    for (size_t i = 0; i < series->count; i++)
        total += series->one[i].length + series->one[i].future;
    if (total < series->count) total = series->count;
    gathered->values =
        size_mul(total, 2, &twice) ? memory_allocate_array(memory, twice, sizeof(double)) : NULL;
    if (gathered->values == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory to scale %zu values", total);
    gathered->sorted = gathered->values + total;
    return ELMAN_OK;
}

/* A column of covariates over the training parts of all series. */
static void gather_column(const elman_forecaster *forecaster, const elman_series *series,
                          bool known, size_t column, Gathered *gathered) {
    gathered->count = 0;
    for (size_t i = 0; i < series->count; i++) {
        const OneSeries *one = &series->one[i];
        const float *rows = known ? one->known : one->past;
        const size_t width = known ? series->known_count : series->past_count;
        size_t train, valid;
        forecaster_parts(forecaster, one->length, &train, &valid);
        for (size_t t = 0; t < train; t++)
            gathered->values[gathered->count++] = (double)rows[t * width + column];
    }
}

static elman_status fit_covariates(elman_forecaster *forecaster, const elman_series *series,
                                   bool known, Gathered *gathered, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t count = known ? series->known_count : series->past_count;
    char *const *names = known ? series->known_names : series->past_names;
    Covariate *covariates = memory_allocate_array(memory, count, sizeof(Covariate));
    if (known)
        forecaster->known = covariates;
    else
        forecaster->past = covariates;
    for (size_t i = 0; i < count && covariates != NULL; i++) {
        covariates[i].name = memory_copy_string(memory, names[i]);
        if (covariates[i].name == NULL) covariates = NULL;
        if (covariates == NULL) break;
        *(known ? &forecaster->known_count : &forecaster->past_count) = i + 1;
        gather_column(forecaster, series, known, i, gathered);
        covariates[i].standard = standard_fit(gathered->values, gathered->count,
                                              ELMAN_SCALING_STANDARD, gathered->sorted);
    }
    if (covariates == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu columns", count);
    return ELMAN_OK;
}

bool copy_name(Memory *memory, const char *name, char **copy) {
    *copy = name != NULL ? memory_copy_string(memory, name) : NULL;
    return name == NULL || *copy != NULL;
}

bool static_column_copy(Memory *memory, const StaticColumn *from, StaticColumn *to) {
    to->name = memory_copy_string(memory, from->name);
    if (to->name == NULL) return false;
    if (from->levels == NULL) return true;
    to->levels = memory_allocate_array(memory, from->level_count, sizeof(char *));
    for (size_t i = 0; to->levels != NULL && i < from->level_count; i++) {
        to->levels[i] = memory_copy_string(memory, from->levels[i]);
        if (to->levels[i] == NULL) return false;
        to->level_count = i + 1;
    }
    return to->levels != NULL;
}

static elman_status fit_statics(elman_forecaster *forecaster, const elman_series *series,
                                Gathered *gathered, elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t count = series->static_count;
    forecaster->statics = memory_allocate_array(memory, count, sizeof(StaticColumn));
    forecaster->static_standards = memory_allocate_array(memory, count, sizeof(Standard));
    if (forecaster->statics == NULL || forecaster->static_standards == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu columns", count);
    for (size_t i = 0; i < count; i++) {
        const StaticColumn *column = &series->statics[i];
        if (column->level_count > LEVELS_MAX)
            return fail(error, ELMAN_ERR_DATA,
                        "the static column \"%s\" has %zu different words, expected at most %d",
                        column->name, column->level_count, LEVELS_MAX);
        forecaster->static_count = i + 1;
        if (!static_column_copy(memory, column, &forecaster->statics[i]))
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the column \"%s\"", column->name);
        double *values = memory_allocate_array(memory, series->count, sizeof(double));
        forecaster->statics[i].values = values;
        if (values == NULL)
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the column \"%s\"", column->name);
        for (size_t s = 0; s < series->count; s++)
            gathered->values[s] = values[s] = column->values[s];
        forecaster->static_standards[i] =
            standard_fit(gathered->values, series->count, ELMAN_SCALING_STANDARD, gathered->sorted);
    }
    return ELMAN_OK;
}

elman_status forecaster_fit_columns(elman_forecaster *forecaster, const elman_series *series,
                                    elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    Gathered gathered;
    elman_status status = gathered_create(memory, series, &gathered, error);
    if (status == ELMAN_OK) status = fit_covariates(forecaster, series, true, &gathered, error);
    if (status == ELMAN_OK) status = fit_covariates(forecaster, series, false, &gathered, error);
    if (status == ELMAN_OK) status = fit_statics(forecaster, series, &gathered, error);
    memory_release(memory, gathered.values);
    return status;
}

/* Appends a training part, after the logarithm; of a series without a value in it, all that is not
 * held out. */
static elman_status gather_target(const elman_forecaster *forecaster, const elman_series *series,
                                  size_t index, Gathered *gathered, elman_error *error) {
    static const Standard as_is = {0.0, 1.0};
    const OneSeries *one = &series->one[index];
    size_t train, valid, present = 0;
    forecaster_parts(forecaster, one->length, &train, &valid);
    for (size_t t = 0; t < train; t++) present += isnan(one->y[t]) ? 0 : 1;
    if (present == 0) train = valid;
    const elman_status status = target_check(forecaster, series, index, train, error);
    if (status != ELMAN_OK) return status;
    for (size_t t = 0; t < train; t++)
        gathered->values[gathered->count++] = target_scale(forecaster, &as_is, one->y[t]);
    return ELMAN_OK;
}

elman_status forecaster_fit_members(elman_forecaster *forecaster, const elman_series *series,
                                    elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    Gathered gathered;
    elman_status status = gathered_create(memory, series, &gathered, error);
    forecaster->members = memory_allocate_array(memory, series->count, sizeof(Member));
    if (status == ELMAN_OK && forecaster->members == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for %zu series", series->count);
    for (size_t i = 0; i < series->count && status == ELMAN_OK; i++) {
        Member *member = &forecaster->members[i];
        size_t train, valid;
        forecaster_parts(forecaster, series->one[i].length, &train, &valid);
        member->id = memory_copy_string(memory, series->one[i].id);
        if (member->id == NULL)
            status = fail(error, ELMAN_ERR_MEMORY, "no memory for %zu series", series->count);
        else
            forecaster->member_count = i + 1;
        member->naive_error = naive_error(series->one[i].y, train, forecaster->season);
        if (!forecaster->together) gathered.count = 0;
        if (status == ELMAN_OK) status = gather_target(forecaster, series, i, &gathered, error);
        /* Together, the last one has seen all. */
        if (status == ELMAN_OK && (!forecaster->together || i + 1 == series->count))
            member->standard =
                target_standard(forecaster, gathered.values, gathered.count, gathered.sorted);
    }
    for (size_t i = 0; forecaster->together && i < forecaster->member_count; i++)
        forecaster->members[i].standard =
            forecaster->members[forecaster->member_count - 1].standard;
    memory_release(memory, gathered.values);
    return status;
}

static float *copy_rows(Memory *memory, const float *rows, size_t first, size_t count,
                        size_t width) {
    float *copy = memory_allocate_array(memory, count * width, sizeof(float));
    if (copy != NULL && count * width > 0)
        memcpy(copy, rows + first * width, count * width * sizeof(float));
    return copy;
}

/* The states of smoothing before the tails. */
static elman_status keep_states(elman_forecaster *forecaster, const elman_series *series,
                                elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const Smooth *smooth = &forecaster->smooth;
    Views views;
    elman_status status = views_create(forecaster, series, 0, VIEWS_LEARN, &views, error);
    for (size_t i = 0; i < views.count && status == ELMAN_OK; i++) {
        View *view = &views.view[i];
        Member *member = &forecaster->members[i];
        double *state = memory_allocate_array(memory, smooth_state_size(smooth), sizeof(double));
        if (state == NULL)
            status = fail(error, ELMAN_ERR_MEMORY, "no memory for the ends of %zu series",
                          series->count);
        else
            smooth_run(smooth, view->x, &view->track, view->one->length - member->tail.length,
                       state);
        member->state = state;
    }
    views_release(&views);
    return status;
}

elman_status forecaster_keep_tails(elman_forecaster *forecaster, const elman_series *series,
                                   elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    const size_t kept = forecaster->steps_before + window_reach(forecaster);
    for (size_t i = 0; i < series->count; i++) {
        const OneSeries *one = &series->one[i];
        OneSeries *tail = &forecaster->members[i].tail;
        const size_t first = one->length > kept ? one->length - kept : 0;
        tail->length = one->length - first;
        tail->future = one->future;
        tail->start = spacing_advance(&series->spacing, one->start, (int64_t)first);
        tail->y = memory_allocate_array(memory, tail->length, sizeof(double));
        tail->known =
            copy_rows(memory, one->known, first, tail->length + tail->future, series->known_count);
        tail->past = copy_rows(memory, one->past, first, tail->length, series->past_count);
        if (tail->y == NULL || tail->known == NULL || tail->past == NULL)
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the ends of %zu series",
                        series->count);
        memcpy(tail->y, one->y + first, tail->length * sizeof(double));
    }
    return forecaster->base == ELMAN_BASE_SMOOTH ? keep_states(forecaster, series, error)
                                                 : ELMAN_OK;
}
