/* The known covariates of the times behind the end of a set of series, from a file of their own. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "data/missing.h"
#include "data/series.h"
#include "data/series_groups.h"

/* The new covariates of one series; NULL: it stays as it is. */
typedef struct NewFuture {
    float *known;  /* [length + future][known count] */
    size_t future; /* steps */
} NewFuture;

typedef struct FutureReader {
    elman_series *series;
    const SeriesGroups *groups;
    NewFuture *futures; /* [series] */
    elman_error *error;
} FutureReader;

static elman_status refuse_memory(const FutureReader *reader) {
    return fail(reader->error, ELMAN_ERR_MEMORY, "%s: no memory for its covariates",
                reader->groups->source->name);
}

/* The series that a group of rows belongs to; they stand in the order of their ids. */
static elman_status find_series(const FutureReader *reader, size_t group, size_t *index) {
    const SeriesGroups *const groups = reader->groups;
    const char *const id = names_text(&groups->rows->ids, group);
    size_t low = 0, high = reader->series->count;
    while (low < high) {
        *index = low + (high - low) / 2;
        const int order = series_compare_ids(id, reader->series->one[*index].id);
        if (order == 0) return ELMAN_OK;
        if (order < 0)
            high = *index;
        else
            low = *index + 1;
    }
    char place[SOURCE_PLACE_MAX];
    const size_t row = group_row(groups, groups->starts[group]);
    source_place(groups->source, series_rows_line(groups->rows, row), groups->columns->id, place);
    return fail(reader->error, ELMAN_ERR_DATA, "%s: found \"%.60s\", which is none of the series",
                place, id);
}

/* The times of a group must go on where the series ends. */
static elman_status check_times(const FutureReader *reader, size_t group, const OneSeries *one) {
    const SeriesGroups *const groups = reader->groups;
    const elman_series *const series = reader->series;
    if (!series->time_name) return ELMAN_OK;
    int64_t steps = (int64_t)one->length;
    for (size_t i = groups->starts[group]; i < groups->starts[group + 1]; i++, steps++) {
        const size_t row = group_row(groups, i);
        const int64_t expected = spacing_advance(&series->spacing, one->start, steps);
        const int64_t time = row_time(groups->rows, row);
        if (time == expected) continue;
        char place[SOURCE_PLACE_MAX], found[ELMAN_TIME_TEXT_MAX], wanted[ELMAN_TIME_TEXT_MAX];
        group_place(groups, row, place);
        time_write(time, groups->rows->form, found);
        time_write(expected, series->form, wanted);
        return fail(reader->error, ELMAN_ERR_DATA,
                    "%s: found %s, expected %s: the times must follow the end of the series", place,
                    found, wanted);
    }
    return ELMAN_OK;
}

static elman_status read_group(const FutureReader *reader, size_t group, size_t index) {
    const SeriesGroups *const groups = reader->groups;
    const elman_series *const series = reader->series;
    Memory *const memory = &series->context->memory;
    const OneSeries *const one = &series->one[index];
    NewFuture *const fresh = &reader->futures[index];
    const size_t known = series->known_count, begin = groups->starts[group];
    size_t steps, cells;
    elman_status status = check_times(reader, group, one);
    if (status) return status;
    fresh->future = groups->starts[group + 1] - begin;
    if (!size_add(one->length, fresh->future, &steps) || !size_mul(steps, known, &cells) ||
        !(fresh->known = memory_allocate_array(memory, cells, sizeof *fresh->known)))
        return refuse_memory(reader);
    memcpy(fresh->known, one->known, one->length * known * sizeof *fresh->known);
    for (size_t i = 0; i < fresh->future; i++)
        memcpy(fresh->known + (one->length + i) * known,
               row_covariates(groups->rows, group_row(groups, begin + i)),
               known * sizeof *fresh->known);
    if (series->missing != ELMAN_MISSING_INTERPOLATE) return ELMAN_OK;
    for (size_t i = 0; i < known; i++) (void)interpolate_floats(fresh->known + i, steps, known);
    return ELMAN_OK;
}

/* In a wide file, and in one of one series, the rows are those of all series. */
static elman_status read_groups(const FutureReader *reader) {
    const size_t groups = reader->groups->rows->ids.count;
    elman_status status;
    if (!reader->series->id_name) {
        for (size_t i = 0; i < reader->series->count; i++)
            if ((status = read_group(reader, 0, i))) return status;
        return ELMAN_OK;
    }
    for (size_t group = 0; group < groups; group++) {
        size_t index = 0;
        if ((status = find_series(reader, group, &index)) ||
            (status = read_group(reader, group, index)))
            return status;
    }
    return ELMAN_OK;
}

/* Numbers that are dates by chance are numbers where the series has numbers, and the other way
 * round. */
static elman_status check_form(const FutureReader *reader) {
    const elman_series *const series = reader->series;
    const SeriesGroups *const groups = reader->groups;
    TimeForm both;
    if (!series->time_name || time_form_join(series->form, groups->rows->form, &both))
        return ELMAN_OK;
    char place[SOURCE_PLACE_MAX], found[ELMAN_TIME_TEXT_MAX], wanted[ELMAN_TIME_TEXT_MAX];
    group_place(groups, 0, place);
    time_write(row_time(groups->rows, 0), groups->rows->form, found);
    time_write(series->one[0].start, series->form, wanted);
    return fail(reader->error, ELMAN_ERR_DATA, "%s: found %s, expected a time like %s", place,
                found, wanted);
}

/* What cannot fail any more. */
static void replace_futures(const FutureReader *reader) {
    elman_series *const series = reader->series;
    for (size_t i = 0; i < series->count; i++) {
        NewFuture *const fresh = &reader->futures[i];
        if (!fresh->known) continue;
        float *const old = series->one[i].known;
        series->one[i].known = fresh->known;
        series->one[i].future = fresh->future;
        fresh->known = old;
    }
    series_digest(series);
}

static elman_status read_source(elman_series *series, Source *source, elman_error *error) {
    SeriesColumns columns = {0};
    SeriesRows rows = {0};
    SeriesGroups groups = {0};
    FutureReader reader = {.series = series, .groups = &groups, .error = error};
    Memory *const memory = source->memory;
    const elman_series_options options = {
        .time = series->time_name,
        .id = series->id_name,
        .known = {(const char *const *)series->known_names, series->known_count}};
    bool more;
    elman_status status = source_next(source, &more, error);
    if (status || !more) return status;
    if ((status = series_columns_find(source, &options, false, &columns, error)) ||
        (status = series_rows_read(source, &columns, series->missing, &rows, error)) ||
        (status = series_groups_find(source, &columns, &rows, &groups, error)) ||
        (status = check_form(&reader)))
        goto done;
    reader.futures = memory_allocate_array(memory, series->count, sizeof *reader.futures);
    status = reader.futures ? read_groups(&reader) : refuse_memory(&reader);
    if (!status) replace_futures(&reader);
done:
    for (size_t i = 0; reader.futures && i < series->count; i++)
        memory_release(memory, reader.futures[i].known);
    memory_release(memory, reader.futures);
    series_groups_release(&groups);
    series_rows_release(&rows);
    series_columns_release(memory, &columns);
    return status;
}

elman_status elman_series_load_future(elman_series *series, const char *path, elman_error *error) {
    Source source = {0};
    if (series->known_count == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: the series have no known covariates, so nothing of their future can be "
                    "read",
                    path);
    elman_status status = source_open(&series->context->memory, path, NULL, &source, error);
    if (!status) status = read_source(series, &source, error);
    source_close(&source);
    return status;
}
