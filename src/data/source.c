/* Rows of cells with named columns. */
#include "data/source.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/utf8.h"

enum { SHOWN_MAX = 40 }; /* bytes of a cell in a message */

static elman_status refuse_memory(const Source *source, elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its columns", source->name);
}

/* Takes the names from the first record. */
static elman_status read_names(Source *source, elman_error *error) {
    TableRow row;
    const elman_status status = table_next(source->table, &row, error);
    if (status) return status;
    if (row.count == 0)
        return fail(error, ELMAN_ERR_DATA, "%s: is empty, expected a line of names and rows",
                    source->name);
    source->names = memory_allocate_array(source->memory, row.count, sizeof *source->names);
    if (!source->names) return refuse_memory(source, error);
    source->columns = row.count;
    bool named = false;
    for (size_t i = 0; i < row.count; i++) {
        const TableField field = table_trim(row.fields[i]);
        int64_t time;
        TimeForm form;
        double number;
        named = named || (!table_is_missing(field) && !table_number(field, &number) &&
                          !time_read(field.text, field.size, &time, &form));
        if (!source_is_utf8(field))
            return fail(error, ELMAN_ERR_DATA,
                        "%s:%zu: the name of column %zu is not UTF-8: save the file as UTF-8",
                        source->name, row.line, i + 1);
        source->names[i] = memory_allocate(source->memory, field.size + 1);
        if (!source->names[i]) return refuse_memory(source, error);
        memcpy(source->names[i], field.text, field.size);
    }
    if (!named)
        return fail(error, ELMAN_ERR_DATA, "%s:%zu: found values, expected names of columns",
                    source->name, row.line);
    return ELMAN_OK;
}

elman_status source_open(Memory *memory, const char *path, const char *object, Source *source,
                         elman_error *error) {
    *source = (Source){.memory = memory};
    if (source_is_rdata(path)) return source_open_rdata(path, object, source, error);
    if (object)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: is no file of R's, which has objects like \"%s\"", path, object);
    const elman_status status = table_open(memory, path, NULL, &source->table, error);
    if (status) return status;
    source->name = memory_copy_string(memory, table_name(source->table));
    if (!source->name) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its name", path);
    return read_names(source, error);
}

void source_close(Source *source) {
    for (size_t i = 0; i < source->columns; i++) memory_release(source->memory, source->names[i]);
    if (source->memory) {
        memory_release(source->memory, source->names);
        memory_release(source->memory, source->name);
        memory_release(source->memory, source->scratch);
    }
    table_close(source->table);
    rdata_table_release(source->data);
    rdata_close(source->file);
    *source = (Source){0};
}

elman_status source_next(Source *source, bool *more, elman_error *error) {
    if (source->data) {
        *more = source->line < source->data->rows;
        source->line += *more;
        return ELMAN_OK;
    }
    const elman_status status = table_next(source->table, &source->row, error);
    if (status) return status;
    *more = source->row.count > 0;
    if (!*more) return ELMAN_OK;
    source->line = source->row.line;
    if (source->row.count == source->columns) return ELMAN_OK;
    return fail(error, ELMAN_ERR_DATA, "%s:%zu: has %zu values, expected %zu: %s, ..., %s",
                source->name, source->line, source->row.count, source->columns, source->names[0],
                source->names[source->columns - 1]);
}

bool source_is_missing(const Source *source, size_t column) {
    if (source->data) return source_rdata_is_missing(source, column);
    return table_is_missing(source->row.fields[column]);
}

bool source_number(const Source *source, size_t column, double *value) {
    if (source->data) return source_rdata_number(source, column, value);
    return table_number(source->row.fields[column], value);
}

bool source_time(const Source *source, size_t column, int64_t *time, TimeForm *form) {
    if (source->data) return source_rdata_time(source, column, time, form);
    const TableField field = table_trim(source->row.fields[column]);
    return time_read(field.text, field.size, time, form);
}

TableField source_text(const Source *source, size_t column) {
    if (source->data) return source_rdata_text(source, column);
    return table_trim(source->row.fields[column]);
}

bool source_is_utf8(TableField text) {
    for (size_t at = 0; at < text.size;) {
        const size_t length = utf8_length(text.text + at, text.size - at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

void source_line(const Source *source, size_t line, char place[SOURCE_PLACE_MAX]) {
    (void)snprintf(place, SOURCE_PLACE_MAX, source->data ? "%.200s, row %zu" : "%.200s:%zu",
                   source->name, line);
}

void source_place(const Source *source, size_t line, size_t column, char place[SOURCE_PLACE_MAX]) {
    char begin[SOURCE_PLACE_MAX];
    source_line(source, line, begin);
    (void)snprintf(place, SOURCE_PLACE_MAX, "%.230s, column %.60s", begin, source->names[column]);
}

elman_status source_refuse(const Source *source, size_t column, const char *expected,
                           elman_error *error) {
    char place[SOURCE_PLACE_MAX];
    source_place(source, source->line, column, place);
    const TableField field = source_text(source, column);
    const bool cut = field.size > SHOWN_MAX;
    return fail(error, ELMAN_ERR_DATA, "%s: found \"%.*s%s\", expected %s", place,
                cut ? SHOWN_MAX : (int)field.size, field.size > 0 ? field.text : "",
                cut ? "..." : "", expected);
}
