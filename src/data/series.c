/* Time series: loading them, and what they hold. */
#include "data/series.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "data/missing.h"
#include "data/series_build.h"

static elman_status create(elman_context *context, const char *name, elman_series **series,
                           elman_error *error) {
    *series = memory_allocate(&context->memory, sizeof **series);
    if (!*series) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its series", name);
    (*series)->context = context;
    return ELMAN_OK;
}

/* A copy of a column's name. */
static bool copy_name(const Source *source, size_t column, char **name) {
    *name = memory_copy_string(source->memory, source->names[column]);
    return *name != NULL;
}

static bool copy_names(const Source *source, const ColumnList *list, char ***names, size_t *count) {
    *names = memory_allocate_array(source->memory, list->count, sizeof **names);
    if (!*names) return false;
    for (; *count < list->count; ++*count)
        if (!copy_name(source, list->columns[*count], &(*names)[*count])) return false;
    return true;
}

static elman_status name_columns(const Source *source, const SeriesColumns *columns,
                                 elman_series *series, elman_error *error) {
    const bool wide = columns->targets.count > 1;
    series->wide = wide;
    if ((columns->time == COLUMN_NONE || copy_name(source, columns->time, &series->time_name)) &&
        (columns->id == COLUMN_NONE || copy_name(source, columns->id, &series->id_name)) &&
        (wide || copy_name(source, columns->targets.columns[0], &series->target_name)) &&
        copy_names(source, &columns->known, &series->known_names, &series->known_count) &&
        copy_names(source, &columns->past, &series->past_names, &series->past_count))
        return ELMAN_OK;
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for the names of its columns",
                source->name);
}

/* Everything behind the opening of the file. */
static elman_status read_source(Source *source, const elman_series_options *options,
                                elman_series *series, elman_error *error) {
    SeriesColumns columns = {0};
    SeriesRows rows = {0};
    SeriesGroups groups = {0};
    bool more;
    elman_status status = source_next(source, &more, error);
    if (status) return status;
    if (!more)
        return fail(error, ELMAN_ERR_DATA, "%s: has names of columns, but no rows", source->name);
    const bool gaps = options->missing != ELMAN_MISSING_REFUSE;
    if ((status = series_columns_find(source, options, true, &columns, error)) ||
        (status = series_rows_read(source, &columns, options->missing, &rows, error)) ||
        (status = series_groups_find(source, &columns, &rows, &groups, error)) ||
        (status = series_groups_space(&groups, gaps, &series->spacing, error)) ||
        (status = name_columns(source, &columns, series, error)))
        goto done;
    series->form = rows.form;
    series->frequency = source->frequency;
    series->missing = options->missing;
    spacing_name(&series->spacing, series->spacing_name);
    if ((status = series_build(&groups, series, error))) goto done;
    series_digest(series);
done:
    series_groups_release(&groups);
    series_rows_release(&rows);
    series_columns_release(source->memory, &columns);
    return status;
}

static elman_status check_missing(elman_missing missing, elman_error *error) {
    if (missing <= ELMAN_MISSING_MASK) return ELMAN_OK;
    return fail(error, ELMAN_ERR_ARGUMENT, "elman_series: missing is %d, expected 0, 1 or 2",
                (int)missing);
}

elman_status elman_series_load(elman_context *context, const char *path,
                               const elman_series_options *given, elman_series **out,
                               elman_error *error) {
    elman_series_options options;
    Source source = {0};
    elman_series *series = NULL;
    *out = NULL;
    elman_status status =
        options_read(&options, sizeof options, given, "elman_series_options", error);
    if (!status) status = check_missing(options.missing, error);
    if (!status) status = create(context, path, &series, error);
    if (!status) status = source_open(&context->memory, path, options.object, &source, error);
    if (!status) status = read_source(&source, &options, series, error);
    source_close(&source);
    if (status)
        elman_series_destroy(series);
    else
        *out = series;
    return status;
}

static elman_status copy_values(const double *values, size_t count, elman_series *series,
                                elman_error *error) {
    static const char name[] = "elman_series_from_values";
    Memory *const memory = &series->context->memory;
    size_t numbers = 0;
    series->one = memory_allocate(memory, sizeof *series->one);
    if (!series->one) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory", name);
    series->count = 1;
    OneSeries *const one = series->one;
    *one = (OneSeries){.start = 1, .length = count};
    one->id = memory_copy_string(memory, "y");
    one->y = memory_allocate_array(memory, count, sizeof *values);
    series->target_name = memory_copy_string(memory, "y");
    if (!one->id || !one->y || !series->target_name)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for %zu numbers", name, count);
    for (size_t i = 0; i < count; i++) {
        one->y[i] = values[i];
        if (!isnan(values[i])) numbers++;
        if (isinf(values[i]) || (isnan(values[i]) && series->missing == ELMAN_MISSING_REFUSE))
            return fail(error, ELMAN_ERR_DATA, "%s: number %zu of %zu is %s%s", name, i + 1, count,
                        isinf(values[i]) ? "infinite" : "missing; ",
                        isinf(values[i]) ? "" : MISSING_HINT);
    }
    if (numbers == 0)
        return fail(error, ELMAN_ERR_DATA, "%s: there is no number among %zu", name, count);
    if (series->missing == ELMAN_MISSING_INTERPOLATE) (void)interpolate(one->y, count);
    return ELMAN_OK;
}

elman_status elman_series_from_values(elman_context *context, const double *values, size_t count,
                                      elman_missing missing, elman_series **out,
                                      elman_error *error) {
    elman_series *series = NULL;
    *out = NULL;
    elman_status status = check_missing(missing, error);
    if (!status) status = create(context, "elman_series_from_values", &series, error);
    if (!status) {
        series->missing = missing;
        series->spacing = (elman_spacing){ELMAN_TIME_NUMBER, 1, 0, 0};
        spacing_name(&series->spacing, series->spacing_name);
        status = copy_values(values, count, series, error);
    }
    if (status) {
        elman_series_destroy(series);
        return status;
    }
    series_digest(series);
    *out = series;
    return ELMAN_OK;
}

static void release_names(Memory *memory, char **names, size_t count) {
    for (size_t i = 0; names && i < count; i++) memory_release(memory, names[i]);
    memory_release(memory, names);
}

void elman_series_destroy(elman_series *series) {
    if (!series) return;
    Memory *const memory = &series->context->memory;
    for (size_t i = 0; i < series->count; i++) {
        OneSeries *const one = &series->one[i];
        memory_release(memory, one->id);
        memory_release(memory, one->y);
        memory_release(memory, one->known);
        memory_release(memory, one->past);
    }
    for (size_t i = 0; i < series->static_count; i++) {
        StaticColumn *const column = &series->statics[i];
        memory_release(memory, column->name);
        memory_release(memory, column->values);
        release_names(memory, column->levels, column->level_count);
    }
    memory_release(memory, series->one);
    memory_release(memory, series->statics);
    memory_release(memory, series->time_name);
    memory_release(memory, series->id_name);
    memory_release(memory, series->target_name);
    release_names(memory, series->known_names, series->known_count);
    release_names(memory, series->past_names, series->past_count);
    memory_release(memory, series);
}

size_t elman_series_count(const elman_series *series) {
    return series->count;
}

const char *elman_series_id(const elman_series *series, size_t index) {
    return series->one[index].id;
}

size_t elman_series_length(const elman_series *series, size_t index) {
    return series->one[index].length;
}

size_t elman_series_future(const elman_series *series, size_t index) {
    return series->one[index].future;
}

const double *elman_series_values(const elman_series *series, size_t index) {
    return series->one[index].y;
}

elman_spacing elman_series_spacing(const elman_series *series) {
    return series->spacing;
}

const char *elman_series_spacing_name(const elman_series *series) {
    return series->spacing_name;
}

size_t elman_series_seasons(const elman_series *series, size_t *seasons, size_t most) {
    if (series->frequency == 0) return spacing_seasons(&series->spacing, seasons, most);
    if (most > 0) seasons[0] = series->frequency;
    return most > 0 ? 1 : 0;
}

const char *elman_series_time(const elman_series *series, size_t index, size_t step,
                              char text[ELMAN_TIME_TEXT_MAX]) {
    const int64_t steps = step > INT64_MAX ? INT64_MAX : (int64_t)step;
    time_write(spacing_advance(&series->spacing, series->one[index].start, steps), series->form,
               text);
    return text;
}

const char *elman_series_digest(const elman_series *series) {
    return series->digest;
}
