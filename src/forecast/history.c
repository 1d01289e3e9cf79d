/* The series that a model remembers the ends of. */
#include <string.h>

#include "core/fail.h"
#include "forecast/forecaster_fit.h"

static bool copy_names(Memory *memory, const Covariate *covariates, size_t count, char ***names,
                       size_t *copied) {
    *names = memory_allocate_array(memory, count, sizeof(char *));
    for (size_t i = 0; *names != NULL && i < count; i++) {
        if (!copy_name(memory, covariates[i].name, &(*names)[i])) return false;
        *copied = i + 1;
    }
    return *names != NULL;
}

static void *copy_block(Memory *memory, const void *from, size_t count, size_t size) {
    void *copy = memory_allocate_array(memory, count, size);
    if (copy != NULL && count > 0) memcpy(copy, from, count * size);
    return copy;
}

static bool copy_member(const elman_forecaster *f, const Member *member, OneSeries *one) {
    Memory *memory = &f->context->memory;
    const OneSeries *tail = &member->tail;
    one->start = tail->start;
    one->length = tail->length;
    one->future = tail->future;
    one->y = copy_block(memory, tail->y, tail->length, sizeof(double));
    one->known = copy_block(memory, tail->known, (tail->length + tail->future) * f->known_count,
                            sizeof(float));
    one->past = copy_block(memory, tail->past, tail->length * f->past_count, sizeof(float));
    return copy_name(memory, member->id, &one->id) && one->y != NULL && one->known != NULL &&
           one->past != NULL;
}

static bool copy_statics(const elman_forecaster *f, elman_series *series) {
    Memory *memory = &f->context->memory;
    series->statics = memory_allocate_array(memory, f->static_count, sizeof(StaticColumn));
    for (size_t i = 0; series->statics != NULL && i < f->static_count; i++) {
        series->static_count = i + 1;
        series->statics[i].values =
            copy_block(memory, f->statics[i].values, f->member_count, sizeof(double));
        if (series->statics[i].values == NULL ||
            !static_column_copy(memory, &f->statics[i], &series->statics[i]))
            return false;
    }
    return series->statics != NULL;
}

static bool copy_members(const elman_forecaster *f, elman_series *series) {
    series->one = memory_allocate_array(&f->context->memory, f->member_count, sizeof(OneSeries));
    for (size_t i = 0; series->one != NULL && i < f->member_count; i++) {
        series->count = i + 1;
        if (!copy_member(f, &f->members[i], &series->one[i])) return false;
    }
    return series->one != NULL;
}

elman_status elman_forecaster_history(const elman_forecaster *f, elman_series **result,
                                      elman_error *error) {
    Memory *memory = &f->context->memory;
    *result = NULL;
    elman_series *series = memory_allocate(memory, sizeof(*series));
    if (series == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for the model's series");
    series->context = f->context;
    series->spacing = f->spacing;
    series->form = f->form;
    series->wide = f->wide;
    spacing_name(&f->spacing, series->spacing_name);
    series->missing = f->missing;
    if (!copy_name(memory, f->time_name, &series->time_name) ||
        !copy_name(memory, f->id_name, &series->id_name) ||
        !copy_name(memory, f->target_name, &series->target_name) ||
        !copy_names(memory, f->known, f->known_count, &series->known_names, &series->known_count) ||
        !copy_names(memory, f->past, f->past_count, &series->past_names, &series->past_count) ||
        !copy_statics(f, series) || !copy_members(f, series)) {
        elman_series_destroy(series);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the model's series");
    }
    *result = series;
    return ELMAN_OK;
}
