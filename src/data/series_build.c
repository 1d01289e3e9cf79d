/* Makes series of ordered rows: a number for each step, and none where there was none. */
#include "data/series_build.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "data/missing.h"
#include "formats/order.h"

typedef struct Builder {
    Memory *memory;
    const SeriesGroups *groups;
    elman_series *series;
    elman_error *error;
} Builder;

static elman_status refuse_memory(const Builder *builder) {
    return fail(builder->error, ELMAN_ERR_MEMORY, "%s: no memory for its series",
                builder->groups->source->name);
}

/* count * width zeroed elements. */
static void *allocate_table(Memory *memory, size_t count, size_t width, size_t size) {
    size_t cells;
    return size_mul(count, width, &cells) ? memory_allocate_array(memory, cells, size) : NULL;
}

static void fill_nan(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = NAN;
}

/* Puts the numbers of the group's rows at their steps. */
static void place_rows(const Builder *builder, size_t group, size_t target, OneSeries *one) {
    const SeriesGroups *const groups = builder->groups;
    const SeriesRows *const rows = groups->rows;
    const elman_series *const series = builder->series;
    const size_t known = series->known_count, past = series->past_count;
    int64_t before = one->start;
    size_t step = 0;
    for (size_t i = groups->starts[group]; i < groups->starts[group + 1]; i++) {
        const size_t row = group_row(groups, i);
        const float *const covariates = row_covariates(rows, row);
        int64_t steps = 0;
        (void)spacing_steps(&series->spacing, before, row_time(rows, row), &steps);
        before = row_time(rows, row);
        step += (size_t)steps;
        one->y[step] = row_targets(rows, row)[target];
        if (known > 0) memcpy(one->known + step * known, covariates, known * sizeof *covariates);
        if (past > 0)
            memcpy(one->past + step * past, covariates + known, past * sizeof *covariates);
    }
}

static bool all_known(const OneSeries *one, size_t step, size_t known) {
    for (size_t i = 0; i < known; i++)
        if (isnan(one->known[step * known + i])) return false;
    return known > 0;
}

/* Turns the last steps into the future where they have known covariates and no target. */
static elman_status split_future(const Builder *builder, OneSeries *one) {
    const size_t known = builder->series->known_count;
    size_t numbers = 0;
    for (size_t i = 0; i < one->length; i++)
        if (!isnan(one->y[i])) numbers++;
    if (numbers == 0)
        return fail(builder->error, ELMAN_ERR_DATA, "%s: series \"%.60s\" has no number",
                    builder->groups->source->name, one->id);
    while (isnan(one->y[one->length - 1]) && all_known(one, one->length - 1, known)) {
        one->length--;
        one->future++;
    }
    return ELMAN_OK;
}

/* Refuses the first missing number within the series, whose rows have no gaps. */
static elman_status refuse_missing(const Builder *builder, size_t group, size_t target,
                                   const OneSeries *one) {
    const SeriesGroups *const groups = builder->groups;
    const SeriesColumns *const columns = groups->columns;
    const size_t past = columns->past.count;
    for (size_t step = 0; step < one->length; step++) {
        size_t column = COLUMN_NONE;
        if (isnan(one->y[step])) column = columns->targets.columns[target];
        for (size_t i = 0; column == COLUMN_NONE && i < past; i++)
            if (isnan(one->past[step * past + i])) column = columns->past.columns[i];
        if (column == COLUMN_NONE) continue;
        char place[SOURCE_PLACE_MAX];
        const size_t row = group_row(groups, groups->starts[group] + step);
        source_place(groups->source, series_rows_line(groups->rows, row), column, place);
        return fail(builder->error, ELMAN_ERR_DATA, "%s: no number; " MISSING_HINT, place);
    }
    return ELMAN_OK;
}

static elman_status fill_missing(const Builder *builder, OneSeries *one) {
    const elman_series *const series = builder->series;
    const char *empty = NULL; /* a column without a number */
    (void)interpolate(one->y, one->length);
    for (size_t i = 0; i < series->known_count; i++)
        if (!interpolate_floats(one->known + i, one->length + one->future, series->known_count))
            empty = series->known_names[i];
    for (size_t i = 0; i < series->past_count; i++)
        if (!interpolate_floats(one->past + i, one->length, series->past_count))
            empty = series->past_names[i];
    if (!empty) return ELMAN_OK;
    return fail(builder->error, ELMAN_ERR_DATA,
                "%s: column %s has no number in series \"%.60s\", so nothing can be interpolated",
                builder->groups->source->name, empty, one->id);
}

/* The steps from a group's first row to its last, both counted. */
static size_t count_steps(const SeriesGroups *groups, size_t group, const elman_spacing *spacing) {
    const size_t first = groups->starts[group], last = groups->starts[group + 1] - 1;
    int64_t steps = 0;
    (void)spacing_steps(spacing, row_time(groups->rows, group_row(groups, first)),
                        row_time(groups->rows, group_row(groups, last)), &steps);
    return (size_t)steps + 1;
}

static elman_status build_one(const Builder *builder, size_t group, size_t target, OneSeries *one) {
    const SeriesGroups *const groups = builder->groups;
    const elman_series *const series = builder->series;
    const char *const name = groups->columns->id == COLUMN_NONE
                                 ? groups->source->names[groups->columns->targets.columns[target]]
                                 : names_text(&groups->rows->ids, group);
    const size_t steps = count_steps(groups, group, &series->spacing);
    one->start = row_time(groups->rows, group_row(groups, groups->starts[group]));
    one->length = steps;
    one->id = memory_copy_string(builder->memory, name);
    one->y = memory_allocate_array(builder->memory, steps, sizeof *one->y);
    one->known = allocate_table(builder->memory, steps, series->known_count, sizeof *one->known);
    one->past = allocate_table(builder->memory, steps, series->past_count, sizeof *one->past);
    if (!one->id || !one->y || !one->known || !one->past) return refuse_memory(builder);
    for (size_t i = 0; i < steps; i++) one->y[i] = NAN;
    fill_nan(one->known, steps * series->known_count);
    fill_nan(one->past, steps * series->past_count);
    place_rows(builder, group, target, one);
    const elman_status status = split_future(builder, one);
    if (status) return status;
    if (series->missing == ELMAN_MISSING_REFUSE) return refuse_missing(builder, group, target, one);
    return series->missing == ELMAN_MISSING_INTERPOLATE ? fill_missing(builder, one) : ELMAN_OK;
}

/* 1 to 9 and digits behind it, or 0. */
static bool is_number(const char *id) {
    const size_t digits = strspn(id, "0123456789");
    return digits > 0 && id[digits] == '\0' && (id[0] != '0' || digits == 1);
}

int series_compare_ids(const char *a, const char *b) {
    const bool number = is_number(a);
    if (number != is_number(b)) return number ? -1 : 1;
    const size_t size = strlen(a), other = strlen(b);
    if (number && size != other) return size < other ? -1 : 1;
    return strcmp(a, b);
}

static int compare_ids(const void *elements, uint32_t a, uint32_t b) {
    const Names *const ids = elements;
    return series_compare_ids(names_text(ids, a), names_text(ids, b));
}

static int compare_texts(const void *elements, uint32_t a, uint32_t b) {
    const char *const *const texts = elements;
    return strcmp(texts[a], texts[b]);
}

/* Whether all texts are numbers, which then are the column's values. */
static bool read_constants(const char *const *texts, size_t count, double *values) {
    for (size_t i = 0; i < count; i++)
        if (!table_number((TableField){texts[i], strlen(texts[i]), false}, &values[i]))
            return false;
    return true;
}

/* Gives each word its place among the sorted ones. */
static elman_status find_levels(const Builder *builder, const char *const *texts, uint32_t *order,
                                StaticColumn *column) {
    const size_t count = builder->series->count;
    column->levels = memory_allocate_array(builder->memory, count, sizeof *column->levels);
    if (!column->levels) return refuse_memory(builder);
    order_sort(order, count, compare_texts, texts);
    for (size_t i = 0; i < count; i++) {
        const char *const text = texts[order[i]];
        if (i == 0 || strcmp(text, texts[order[i - 1]]) != 0) {
            column->levels[column->level_count] = memory_copy_string(builder->memory, text);
            if (!column->levels[column->level_count++]) return refuse_memory(builder);
        }
        column->values[order[i]] = (double)(column->level_count - 1);
    }
    return ELMAN_OK;
}

/* `order` is that of the ids; `texts` and `sorted` are room for as many. */
static elman_status build_static(const Builder *builder, size_t index, const uint32_t *order,
                                 const char **texts, uint32_t *sorted) {
    const SeriesGroups *const groups = builder->groups;
    StaticColumn *const column = &builder->series->statics[index];
    const size_t source = groups->columns->statics.columns[index];
    const size_t count = builder->series->count;
    column->name = memory_copy_string(builder->memory, groups->source->names[source]);
    column->values = memory_allocate_array(builder->memory, count, sizeof *column->values);
    if (!column->name || !column->values) return refuse_memory(builder);
    for (size_t i = 0; i < count; i++) texts[i] = row_constant(groups->rows, order[i], index);
    if (read_constants(texts, count, column->values)) return ELMAN_OK;
    return find_levels(builder, texts, sorted, column);
}

static elman_status build_all(const Builder *builder, uint32_t *order, uint32_t *sorted,
                              const char **texts) {
    elman_series *const series = builder->series;
    const size_t targets = builder->groups->columns->targets.count;
    const Names *const ids = &builder->groups->rows->ids;
    order_sort(order, ids->count, compare_ids, ids);
    for (size_t i = 0; i < ids->count; i++) {
        for (size_t target = 0; target < targets; target++) {
            /* A series that is half built is the set's, too. */
            const elman_status status =
                build_one(builder, order[i], target, &series->one[series->count++]);
            if (status) return status;
        }
    }
    for (size_t i = 0; i < builder->groups->columns->statics.count; i++) {
        series->static_count++;
        const elman_status status = build_static(builder, i, order, texts, sorted);
        if (status) return status;
    }
    return ELMAN_OK;
}

elman_status series_build(const SeriesGroups *groups, elman_series *series, elman_error *error) {
    Memory *const memory = &series->context->memory;
    const Builder builder = {memory, groups, series, error};
    const size_t ids = groups->rows->ids.count, statics = groups->columns->statics.count;
    series->one = allocate_table(memory, ids, groups->columns->targets.count, sizeof *series->one);
    series->statics = memory_allocate_array(memory, statics, sizeof *series->statics);
    uint32_t *const order = memory_allocate_array(memory, 2 * ids, sizeof *order);
    const char **const texts = memory_allocate_array(memory, ids, sizeof *texts);
    const elman_status status = series->one && series->statics && order && texts
                                    ? build_all(&builder, order, order + ids, texts)
                                    : refuse_memory(&builder);
    memory_release(memory, order);
    memory_release(memory, texts);
    return status;
}
