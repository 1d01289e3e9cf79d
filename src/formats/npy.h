/* NumPy's array files: .npy, one array, and .npz, several in a zip archive.
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/status.h>

enum { NPY_RANK_MAX = 8, NPY_HEADER_MAX = 448 };

/* Little-endian numbers. */
typedef enum NpyType { NPY_FLOAT32, NPY_FLOAT64, NPY_INT32, NPY_INT64 } NpyType;

typedef struct NpyArray {
    NpyType type;
    size_t rank;
    size_t shape[NPY_RANK_MAX];
    size_t count;     /* the product of the shape */
    const void *data; /* row-major */
} NpyArray;

size_t npy_type_size(NpyType type);

/* Whether the bytes begin as an .npy file does. */
bool npy_recognise(const void *bytes, size_t size);

/* Reads the bytes of an .npy file of version 1.0, 2.0 or 3.0. array->data points into them, at any
 * alignment. Errors: FORMAT, UNSUPPORTED (another type of number, column-major order, an object).
 */
elman_status npy_parse(const char *name, const void *bytes, size_t size, NpyArray *array,
                       elman_error *error);

/* One number of a parsed array. */
double npy_number(const NpyArray *array, size_t index);

/* One number of a parsed array of whole numbers. */
int64_t npy_integer(const NpyArray *array, size_t index);

/* What an .npy file of this array begins with, padded so that the numbers start at a multiple of
 * 64; returns its size. The array's data is not looked at. */
size_t npy_header(const NpyArray *array, unsigned char header[NPY_HEADER_MAX]);

/* Numbers from `first` on as a file has them, as many as fit into `most` bytes; returns the bytes.
 * The array's data is in the machine's own byte order. */
size_t npy_encode(const NpyArray *array, size_t first, unsigned char *bytes, size_t most);

typedef struct NpzEntry {
    const char *name; /* without ".npy", at most NPZ_NAME_MAX bytes of ASCII */
    NpyArray array;   /* data in the machine's own byte order */
} NpzEntry;

enum { NPZ_NAME_MAX = 200, NPZ_ENTRIES_MAX = 65534 };

/* Writes an .npz file, atomically. The arrays are stored, not compressed; the same arrays give the
 * same bytes. Errors: IO, UNSUPPORTED (4 GiB or more), MEMORY. */
elman_status npz_write(Memory *memory, const char *path, const NpzEntry *entries, size_t count,
                       elman_error *error);

#endif
