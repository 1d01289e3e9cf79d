/* Reads the rows of a file as numbers. */
#include "data/series_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
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

static size_t row_bytes(const SeriesRows *rows) {
    return sizeof(int64_t) + rows->targets * sizeof(double) + rows->covariates * sizeof(float) +
           sizeof(uint32_t);
}

static bool add_chunk(SeriesRows *rows) {
    RowChunk *const chunks = memory_grow(rows->memory, rows->chunks, rows->chunk_count, 1,
                                         &rows->chunk_capacity, sizeof *chunks);
    if (!chunks) return false;
    rows->chunks = chunks;
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
    LineRun *const runs = memory_grow(rows->memory, rows->runs, rows->run_count, 1,
                                      &rows->run_capacity, sizeof *runs);
    if (!runs) return false;
    rows->runs = runs;
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

/* Whether the row has the id of the one before, as most rows have. */
static bool is_last_id(const SeriesRows *rows, TableField text) {
    if (rows->count == 0) return false;
    return rows->ids.entries[rows->last].size == text.size &&
           memcmp(names_text(&rows->ids, rows->last), text.text, text.size) == 0;
}

static elman_status read_id(const Source *source, const SeriesColumns *columns, SeriesRows *rows,
                            size_t *index, elman_error *error) {
    TableField text = {"", 0, false};
    if (columns->id != COLUMN_NONE) {
        text = source_text(source, columns->id);
        if (text.size == 0) return source_refuse(source, columns->id, "an id", error);
    }
    *index = rows->last;
    if (is_last_id(rows, text))
        rows->ids.entries[*index].added++;
    else if (!names_add(&rows->ids, text.text, text.size, index))
        return refuse_memory(source, error);
    rows->last = *index;
    if (rows->ids.entries[*index].added == 1 && !source_is_utf8(text))
        return source_refuse(source, columns->id, "UTF-8: save the file as UTF-8", error);
    return ELMAN_OK;
}

static elman_status read_time(const Source *source, const SeriesColumns *columns, SeriesRows *rows,
                              size_t index, int64_t *time, elman_error *error) {
    TimeForm form;
    if (columns->time == COLUMN_NONE) {
        *time = (int64_t)rows->ids.entries[index].added;
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

/* "103,86" and "1.234,5", as spreadsheets write numbers in much of Europe. */
static bool has_decimal_comma(TableField text) {
    static const char digits[] = "0123456789.";
    size_t at = text.size > 0 && text.text[0] == '-', commas = 0;
    if (at == text.size) return false;
    for (; at < text.size; at++) {
        if (text.text[at] == ',')
            commas++;
        else if (!memchr(digits, text.text[at], sizeof(digits) - 1))
            return false;
    }
    return commas == 1;
}

/* A number, or NaN where it is missing. */
static elman_status read_number(const Source *source, size_t column, bool may_miss, double *value,
                                elman_error *error) {
    if (source_number(source, column, value)) return ELMAN_OK;
    *value = NAN;
    if (!source_is_missing(source, column)) {
        const bool comma = has_decimal_comma(source_text(source, column));
        return source_refuse(
            source, column,
            comma ? "a number with a point, as 1234.5, instead of a comma" : "a number", error);
    }
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

/* Reads what is constant for a series from its first row, and compares the others with it. */
static elman_status read_constants(const Source *source, const SeriesColumns *columns,
                                   SeriesRows *rows, size_t id, elman_error *error) {
    const size_t statics = rows->statics;
    if (rows->ids.entries[id].added == 1) {
        size_t *const constants = memory_grow(rows->memory, rows->constants, id * statics, statics,
                                              &rows->constant_capacity, sizeof *constants);
        if (!constants) return refuse_memory(source, error);
        rows->constants = constants;
    }
    for (size_t i = 0; i < statics; i++) {
        const size_t column = columns->statics.columns[i];
        const TableField text = source_text(source, column);
        size_t word;
        if (source_is_missing(source, column))
            return source_refuse(source, column, "a number or a word", error);
        if (!names_add(&rows->words, text.text, text.size, &word))
            return refuse_memory(source, error);
        if (rows->words.entries[word].added == 1 && !source_is_utf8(text))
            return source_refuse(source, column, "UTF-8: save the file as UTF-8", error);
        if (rows->ids.entries[id].added == 1) rows->constants[id * statics + i] = word;
        if (rows->constants[id * statics + i] == word) continue;
        char expected[128];
        (void)snprintf(expected, sizeof(expected), "\"%.40s\" as in the first row of \"%.40s\"",
                       row_constant(rows, id, i), names_text(&rows->ids, id));
        return source_refuse(source, column, expected, error);
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
    if (rows->statics > 0 && (status = read_constants(source, columns, rows, index, error)))
        return status;
    if (rows->count > 0) {
        const size_t before = row_series(rows, rows->count - 1);
        const bool follows = index == before ? time > row_time(rows, rows->count - 1)
                                             : rows->ids.entries[index].added == 1;
        rows->in_order = rows->in_order && follows;
    }
    RowChunk *const chunk = &rows->chunks[rows->count >> rows->shift];
    chunk->times[place] = time;
    chunk->series[place] = (uint32_t)index;
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
                         .statics = columns->statics.count,
                         .shift = SHIFT_MAX,
                         .form = TIME_FORM_NUMBER,
                         .in_order = true};
    rows->ids.memory = rows->words.memory = source->memory;
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
    memory_release(rows->memory, rows->constants);
    names_release(&rows->ids);
    names_release(&rows->words);
    *rows = (SeriesRows){0};
}
