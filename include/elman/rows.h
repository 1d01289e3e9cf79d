/* Rows of numbers: the steps of a sequence, from text, a CSV file or a NumPy array. */
#ifndef ELMAN_ROWS_H
#define ELMAN_ROWS_H

#include <stddef.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_rows elman_rows;

/* Reads a file. One that begins as .npy files do is one: float32, float64, int32 or int64,
 * little-endian, row-major, [rows][columns] or [rows]. Any other is CSV: numbers with commas
 * between, one row a line, without headings or quotes. Errors: IO, FORMAT, UNSUPPORTED (another
 * type of array), DATA (what is no finite number of float's range, with its place; rows of
 * different length; nothing), MEMORY. */
ELMAN_API elman_status elman_rows_load(elman_context *context, const char *path, elman_rows **rows,
                                       elman_error *error);

/* Reads text such as "1,2;3,4": numbers with commas between them, rows with semicolons. `name`
 * stands in messages. Errors: DATA, MEMORY. */
ELMAN_API elman_status elman_rows_parse(elman_context *context, const char *name, const char *text,
                                        elman_rows **rows, elman_error *error);
ELMAN_API void elman_rows_destroy(elman_rows *rows);

ELMAN_API size_t elman_rows_count(const elman_rows *rows);
ELMAN_API size_t elman_rows_width(const elman_rows *rows);

/* [count][width] */
ELMAN_API const float *elman_rows_values(const elman_rows *rows);

#ifdef __cplusplus
}
#endif

#endif
