/* Rows of numbers: the steps of a sequence, from text, a CSV file or a NumPy array; and NumPy
 * arrays of any shape, from .npy files and to them. */
#ifndef ELMAN_ROWS_H
#define ELMAN_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_rows elman_rows;

/* Reads a file ("-": standard input). One that begins as .npy files do is one: float32, float64,
 * int32 or int64, little-endian, row-major, [rows][columns] or [rows]. Any other is CSV: numbers
 * with commas between, one row a line, without headings or quotes. Errors: IO, FORMAT, UNSUPPORTED
 * (another type of array), DATA (what is no finite number of float's range, with its place; rows of
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

/* ---- NumPy arrays ---- */

/* An array as a .npy file has it, in memory. */
typedef struct elman_array elman_array;

enum { ELMAN_ARRAY_RANK_MAX = 8 };

/* Reads a .npy file ("-": standard input) of float32, float64, int32 or int64, little-endian,
 * row-major, of at most 4 GiB. Errors: IO, FORMAT, UNSUPPORTED (another type of array), DATA (too
 * large), MEMORY. */
ELMAN_API elman_status elman_array_load(elman_context *context, const char *path,
                                        elman_array **array, elman_error *error);
ELMAN_API void elman_array_destroy(elman_array *array);

ELMAN_API size_t elman_array_rank(const elman_array *array);
ELMAN_API const size_t *elman_array_shape(const elman_array *array); /* [rank] */
ELMAN_API size_t elman_array_count(const elman_array *array);        /* the shape's product */

/* Whether its numbers are int32 or int64. */
ELMAN_API int elman_array_is_whole(const elman_array *array);

/* `count` numbers from `first` on, rounded to float: beyond its range they become infinite. Errors:
 * ARGUMENT (past the end). */
ELMAN_API elman_status elman_array_floats(const elman_array *array, size_t first, size_t count,
                                          float *values);

/* The same of an array of whole numbers. Errors: ARGUMENT (past the end, other numbers). */
ELMAN_API elman_status elman_array_integers(const elman_array *array, size_t first, size_t count,
                                            int64_t *values);

/* Writes a float32 array piece by piece. */
typedef struct elman_array_writer elman_array_writer;

/* Takes the next bytes of a file; returns 0, or not 0 when they could not be written. */
typedef int (*elman_write_function)(void *user, const void *bytes, size_t size);

/* Begins a .npy file of that shape, [rank]. The file at `path` is as it was until
 * elman_array_writer_commit. Errors: IO, ARGUMENT (a rank above ELMAN_ARRAY_RANK_MAX, a shape whose
 * product does not fit), MEMORY. */
ELMAN_API elman_status elman_array_writer_open(elman_context *context, const char *path,
                                               const size_t *shape, size_t rank,
                                               elman_array_writer **writer, elman_error *error);

/* The same, handing the bytes to `write` as they come; `name` stands in messages. */
ELMAN_API elman_status elman_array_writer_open_function(elman_context *context, const char *name,
                                                        elman_write_function write, void *user,
                                                        const size_t *shape, size_t rank,
                                                        elman_array_writer **writer,
                                                        elman_error *error);

/* Appends `count` numbers. After an error only elman_array_writer_abort may follow. Errors: IO,
 * ARGUMENT (more numbers than the shape has). */
ELMAN_API elman_status elman_array_writer_append(elman_array_writer *writer, const float *values,
                                                 size_t count, elman_error *error);

/* Puts the file in its place, atomically; `writer` is gone whatever the result. Errors: IO,
 * ARGUMENT (fewer numbers than the shape has). */
ELMAN_API elman_status elman_array_writer_commit(elman_array_writer *writer, elman_error *error);

/* Gives up; the file at `path` is as it was. NULL is legal. */
ELMAN_API void elman_array_writer_abort(elman_array_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
