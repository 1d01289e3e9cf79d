/* Rows of numbers from text, CSV and .npy. */
#include <elman/rows.h>

#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/files.h"
#include "formats/csv.h"
#include "formats/npy.h"

#define ROWS_FILE_MAX ((size_t)1 << 32) /* bytes */

struct elman_rows {
    Memory memory;
    size_t count, width;
    float *values;
};

static elman_status read_npy(elman_rows *rows, const char *path, const void *bytes, size_t size,
                             elman_error *error) {
    NpyArray array;
    const elman_status status = npy_parse(path, bytes, size, &array, error);
    if (status) return status;
    if (array.rank != 1 && array.rank != 2)
        return fail(error, ELMAN_ERR_DATA,
                    "%s: has %zu dimensions, expected [rows][columns] or [rows]", path, array.rank);
    if (array.count == 0)
        return fail(error, ELMAN_ERR_DATA, "%s: is empty, expected rows of numbers", path);
    rows->count = array.shape[0];
    rows->width = array.rank == 2 ? array.shape[1] : 1;
    rows->values = memory_allocate_array(&rows->memory, array.count, sizeof *rows->values);
    if (!rows->values) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its numbers", path);
    for (size_t i = 0; i < array.count; i++) {
        const double number = npy_number(&array, i);
        rows->values[i] = (float)number;
        if (!isfinite(rows->values[i]))
            return fail(error, ELMAN_ERR_DATA,
                        "%s: row %zu, column %zu is %g, expected a finite float", path,
                        i / rows->width + 1, i % rows->width + 1, number);
    }
    return ELMAN_OK;
}

static elman_status read_csv(elman_rows *rows, const char *name, const char *text, size_t size,
                             char separator, elman_error *error) {
    CsvTable table;
    const elman_status status =
        csv_parse(&rows->memory, name, text, size, separator, &table, error);
    rows->count = table.rows;
    rows->width = table.columns;
    rows->values = table.values;
    return status;
}

static elman_status create(elman_context *context, const char *name, elman_rows **rows,
                           elman_error *error) {
    *rows = memory_allocate(&context->memory, sizeof **rows);
    if (!*rows) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its rows", name);
    (*rows)->memory = context->memory;
    return ELMAN_OK;
}

elman_status elman_rows_load(elman_context *context, const char *path, elman_rows **out,
                             elman_error *error) {
    elman_rows *rows;
    unsigned char *bytes = NULL;
    const bool standard = strcmp(path, "-") == 0;
    const char *const file = standard ? "/dev/stdin" : path;
    const char *const name = standard ? "standard input" : path;
    size_t size;
    *out = NULL;
    elman_status status = create(context, name, &rows, error);
    if (!status) status = file_read(&context->memory, file, ROWS_FILE_MAX, &bytes, &size, error);
    if (!status)
        status = npy_recognise(bytes, size)
                     ? read_npy(rows, name, bytes, size, error)
                     : read_csv(rows, name, (const char *)bytes, size, '\n', error);
    memory_release(&context->memory, bytes);
    if (status)
        elman_rows_destroy(rows);
    else
        *out = rows;
    return status;
}

elman_status elman_rows_parse(elman_context *context, const char *name, const char *text,
                              elman_rows **out, elman_error *error) {
    elman_rows *rows;
    *out = NULL;
    elman_status status = create(context, name, &rows, error);
    if (!status) status = read_csv(rows, name, text, strlen(text), ';', error);
    if (status)
        elman_rows_destroy(rows);
    else
        *out = rows;
    return status;
}

void elman_rows_destroy(elman_rows *rows) {
    if (!rows) return;
    Memory memory = rows->memory;
    memory_release(&memory, rows->values);
    memory_release(&memory, rows);
}

size_t elman_rows_count(const elman_rows *rows) {
    return rows->count;
}

size_t elman_rows_width(const elman_rows *rows) {
    return rows->width;
}

const float *elman_rows_values(const elman_rows *rows) {
    return rows->values;
}
