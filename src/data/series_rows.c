/* Reads the rows of a file as numbers. */
#include "data/series_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "data/missing.h"

enum { CHUNK_BYTES = 2 << 20, SHIFT_MAX = 14 };

static elman_status refuse_memory(const Source *source, elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "%s:%zu: no memory for more rows", source->name,
                source->line);
}

static elman_status refuse_missing(const Source *source, size_t column, const char *what,
                                   elman_error *error) {
    char place[SOURCE_PLACE_MAX];
    const TableField field = source_text(source, column);
    source_place(source, source->line, column, place);
    return fail(error, ELMAN_ERR_DATA, "%s: no %s (\"%.*s\"); " MISSING_HINT, place, what,
                (int)field.size, field.size > 0 ? field.text : "");
}

/* Twice the room of an array, of which `count` elements are in use. */
static void *grow_array(Memory *memory, void *old, size_t count, size_t size, size_t *capacity) {
    const size_t wanted = *capacity ? 2 * *capacity : 16;
    void *const array = memory_allocate_array(memory, wanted, size);
    if (!array) return NULL;
    if (count > 0) memcpy(array, old, count * size);
    memory_release(memory, old);
    *capacity = wanted;
    return array;
}

static size_t row_bytes(const SeriesRows *rows) {
    return sizeof(int64_t) + rows->targets * sizeof(double) + rows->covariates * sizeof(float) +
           sizeof(uint32_t);
}

static bool add_chunk(SeriesRows *rows) {
    if (rows->chunk_count == rows->chunk_capacity) {
        RowChunk *const chunks = grow_array(rows->memory, rows->chunks, rows->chunk_count,
                                            sizeof *chunks, &rows->chunk_capacity);
        if (!chunks) return false;
        rows->chunks = chunks;
    }
    const size_t length = (size_t)1 << rows->shift;
    char *const block = memory_allocate_array(rows->memory, length, row_bytes(rows));
    if (!block) return false;
    RowChunk *const chunk = &rows->chunks[rows->chunk_count++];
    chunk->times = (int64_t *)(void *)block;
    chunk->targets = (double *)(void *)(chunk->times + length);
    chunk->covariates = (float *)(void *)(chunk->targets + length * rows->targets);
    chunk->series = (uint32_t *)(void *)(chunk->covariates + length * rows->covariates);
    return true;
}

/* Remembers on which line the next row stands. */
static bool note_line(SeriesRows *rows, size_t line) {
    if (rows->run_count > 0) {
        const LineRun *const run = &rows->runs[rows->run_count - 1];
        if (run->line + (rows->count - run->row) == line) return true;
    }
    if (rows->run_count == rows->run_capacity) {
        LineRun *const runs = grow_array(rows->memory, rows->runs, rows->run_count, sizeof *runs,
                                         &rows->run_capacity);
        if (!runs) return false;
        rows->runs = runs;
    }
    rows->runs[rows->run_count++] = (LineRun){rows->count, line};
    return true;
}

size_t series_rows_line(const SeriesRows *rows, size_t row) {
    size_t low = 0, high = rows->run_count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (rows->runs[middle].row <= row)
            low = middle;
        else
            high = middle;
    }
    return rows->runs[low].line + (row - rows->runs[low].row);
}

static elman_status read_id(const Source *source, const SeriesColumns *columns, SeriesRows *rows,
                            size_t *index, elman_error *error) {
    TableField text = {"", 0, false};
    if (columns->id != COLUMN_NONE) {
        text = source_text(source, columns->id);
        if (text.size == 0) return source_refuse(source, columns->id, "an id", error);
    }
    if (!ids_find(&rows->ids, text.text, text.size, index)) return refuse_memory(source, error);
    return ELMAN_OK;
}

static elman_status read_time(const Source *source, const SeriesColumns *columns, SeriesRows *rows,
                              size_t index, int64_t *time, elman_error *error) {
    TimeForm form;
    if (columns->time == COLUMN_NONE) {
        *time = (int64_t)rows->ids.ids[index].rows + 1;
        return ELMAN_OK;
    }
    if (!source_time(source, columns->time, time, &form))
        return source_refuse(source, columns->time,
                             "a time such as 2024-01-31, 2024-01-31 09:30:00, 2024-01, 2024Q1 or a "
                             "whole number",
                             error);
    if (rows->count == 0) {
        rows->form = form;
    } else if (!time_form_join(rows->form, form, &rows->form)) {
        char example[ELMAN_TIME_TEXT_MAX], expected[80];
        time_write(row_time(rows, 0), rows->form, example);
        (void)snprintf(expected, sizeof(expected), "a time like %s in the first row", example);
        return source_refuse(source, columns->time, expected, error);
    }
    return ELMAN_OK;
}

/* A number, or NaN where it is missing. */
static elman_status read_number(const Source *source, size_t column, bool may_miss, double *value,
                                elman_error *error) {
    if (source_number(source, column, value)) return ELMAN_OK;
    *value = NAN;
    if (!source_is_missing(source, column)) return source_refuse(source, column, "a number", error);
    return may_miss ? ELMAN_OK : refuse_missing(source, column, "number", error);
}

static elman_status read_covariates(const Source *source, const ColumnList *list, bool may_miss,
                                    float *values, elman_error *error) {
    for (size_t i = 0; i < list->count; i++) {
        double value;
        const elman_status status = read_number(source, list->columns[i], may_miss, &value, error);
        if (status) return status;
        values[i] = (float)value;
        if (isinf(values[i]))
            return source_refuse(source, list->columns[i], "a number below 3.4e38", error);
    }
    return ELMAN_OK;
}

static elman_status read_numbers(const Source *source, const SeriesColumns *columns,
                                 elman_missing missing, SeriesRows *rows, elman_error *error) {
    const bool may_miss = missing != ELMAN_MISSING_REFUSE;
    const size_t known = columns->known.count;
    double *const targets = row_targets(rows, rows->count);
    float *const covariates = row_covariates(rows, rows->count);
    bool ended = columns->targets.count == 0;
    elman_status status;
    for (size_t i = 0; i < columns->targets.count; i++) {
        status = read_number(source, columns->targets.columns[i], may_miss || known > 0,
                             &targets[i], error);
        if (status) return status;
        ended = ended || isnan(targets[i]);
    }
    if ((status = read_covariates(source, &columns->known, may_miss, covariates, error)))
        return status;
    return read_covariates(source, &columns->past, may_miss || (known > 0 && ended),
                           covariates + known, error);
}

/* Compares what is constant for a series with its first row. */
static elman_status read_constants(const Source *source, const SeriesColumns *columns,
                                   SeriesRows *rows, SeriesId *id, elman_error *error) {
    Memory *const memory = rows->memory;
    const bool first = id->constants == NULL;
    if (first && !(id->constants = memory_allocate_array(memory, columns->statics.count,
                                                         sizeof *id->constants)))
        return refuse_memory(source, error);
    for (size_t i = 0; i < columns->statics.count; i++) {
        const size_t column = columns->statics.columns[i];
        const TableField text = source_text(source, column);
        if (source_is_missing(source, column))
            return source_refuse(source, column, "a number or a word", error);
        if (first) {
            id->constants[i] = memory_allocate(memory, text.size + 1);
            if (!id->constants[i]) return refuse_memory(source, error);
            memcpy(id->constants[i], text.text, text.size);
        } else if (strlen(id->constants[i]) != text.size ||
                   memcmp(id->constants[i], text.text, text.size) != 0) {
            char expected[128];
            (void)snprintf(expected, sizeof(expected), "\"%.40s\" as in the first row of \"%.40s\"",
                           id->constants[i], id->text);
            return source_refuse(source, column, expected, error);
        }
    }
    return ELMAN_OK;
}

static elman_status read_row(const Source *source, const SeriesColumns *columns,
                             elman_missing missing, SeriesRows *rows, elman_error *error) {
    const size_t place = row_place(rows, rows->count);
    size_t index;
    int64_t time;
    elman_status status;
    if (rows->count == UINT32_MAX)
        return fail(error, ELMAN_ERR_DATA, "%s:%zu: more than %zu rows, the most that are read",
                    source->name, source->line, rows->count);
    if ((place == 0 && !add_chunk(rows)) || !note_line(rows, source->line))
        return refuse_memory(source, error);
    if ((status = read_id(source, columns, rows, &index, error)) ||
        (status = read_time(source, columns, rows, index, &time, error)) ||
        (status = read_numbers(source, columns, missing, rows, error)))
        return status;
    SeriesId *const id = &rows->ids.ids[index];
    if (columns->statics.count > 0 && (status = read_constants(source, columns, rows, id, error)))
        return status;
    if (rows->count > 0) {
        const size_t before = row_series(rows, rows->count - 1);
        const bool follows =
            index == before ? time > row_time(rows, rows->count - 1) : id->rows == 0;
        rows->in_order = rows->in_order && follows;
    }
    RowChunk *const chunk = &rows->chunks[rows->count >> rows->shift];
    chunk->times[place] = time;
    chunk->series[place] = (uint32_t)index;
    id->rows++;
    rows->count++;
    return ELMAN_OK;
}

/* A column of numbers that are all dates such as 20240131 becomes one of dates. */
static void read_compact(SeriesRows *rows) {
    int64_t time;
    for (size_t i = 0; i < rows->count; i++)
        if (!time_of_compact(row_time(rows, i), &time)) return;
    for (size_t i = 0; i < rows->count; i++) {
        (void)time_of_compact(row_time(rows, i), &time);
        rows->chunks[i >> rows->shift].times[row_place(rows, i)] = time;
    }
    rows->form = (TimeForm)(TIME_FORM_DATE | (unsigned)TIME_FORM_COMPACT);
}

elman_status series_rows_read(Source *source, const SeriesColumns *columns, elman_missing missing,
                              SeriesRows *rows, elman_error *error) {
    *rows = (SeriesRows){.memory = source->memory,
                         .targets = columns->targets.count,
                         .covariates = columns->known.count + columns->past.count,
                         .shift = SHIFT_MAX,
                         .form = TIME_FORM_NUMBER,
                         .in_order = true};
    ids_init(&rows->ids, source->memory, columns->statics.count);
    while (rows->shift > 0 && row_bytes(rows) << rows->shift > CHUNK_BYTES) rows->shift--;
    bool more = true;
    while (more) {
        elman_status status = read_row(source, columns, missing, rows, error);
        if (!status) status = source_next(source, &more, error);
        if (status) return status;
    }
    if (columns->time != COLUMN_NONE && rows->form == TIME_FORM_NUMBER) read_compact(rows);
    return ELMAN_OK;
}

void series_rows_release(SeriesRows *rows) {
    if (!rows->memory) return;
    for (size_t i = 0; i < rows->chunk_count; i++)
        memory_release(rows->memory, rows->chunks[i].times);
    memory_release(rows->memory, rows->chunks);
    memory_release(rows->memory, rows->runs);
    ids_release(&rows->ids);
    *rows = (SeriesRows){0};
}
