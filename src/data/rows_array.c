/* NumPy arrays of any shape, from .npy files and to them. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"
#include "formats/npy.h"
#include <elman/rows.h>

#define ARRAY_FILE_MAX ((size_t)1 << 32) /* bytes */

enum { CHUNK = 8192 };

_Static_assert((int)ELMAN_ARRAY_RANK_MAX == (int)NPY_RANK_MAX,
               "every rank that is read is written");

struct elman_array {
    Memory memory;
    unsigned char *bytes; /* the file */
    NpyArray contents;
};

struct elman_array_writer {
    Memory memory;
    char *name;
    FileWriter *file;           /* NULL: there is a function */
    elman_write_function write; /* NULL: there is a file */
    void *user;
    size_t left; /* numbers */
};

elman_status elman_array_load(elman_context *context, const char *path, elman_array **out,
                              elman_error *error) {
    Memory *const memory = &context->memory;
    const bool standard = strcmp(path, "-") == 0;
    const char *const file = standard ? "/dev/stdin" : path;
    const char *const name = standard ? "standard input" : path;
    size_t size;
    *out = NULL;
    elman_array *const array = memory_allocate(memory, sizeof *array);
    if (!array) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its array", name);
    array->memory = *memory;
    elman_status status = file_read(memory, file, ARRAY_FILE_MAX, &array->bytes, &size, error);
    if (!status) status = npy_parse(name, array->bytes, size, &array->contents, error);
    if (status)
        elman_array_destroy(array);
    else
        *out = array;
    return status;
}

void elman_array_destroy(elman_array *array) {
    if (!array) return;
    Memory memory = array->memory;
    memory_release(&memory, array->bytes);
    memory_release(&memory, array);
}

size_t elman_array_rank(const elman_array *array) {
    return array->contents.rank;
}

const size_t *elman_array_shape(const elman_array *array) {
    return array->contents.shape;
}

size_t elman_array_count(const elman_array *array) {
    return array->contents.count;
}

int elman_array_is_whole(const elman_array *array) {
    return array->contents.type == NPY_INT32 || array->contents.type == NPY_INT64;
}

static bool within(const elman_array *array, size_t first, size_t count) {
    return first <= array->contents.count && count <= array->contents.count - first;
}

elman_status elman_array_floats(const elman_array *array, size_t first, size_t count,
                                float *values) {
    if (!within(array, first, count)) return ELMAN_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++) values[i] = (float)npy_number(&array->contents, first + i);
    return ELMAN_OK;
}

elman_status elman_array_integers(const elman_array *array, size_t first, size_t count,
                                  int64_t *values) {
    if (!within(array, first, count) || !elman_array_is_whole(array)) return ELMAN_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++) values[i] = npy_integer(&array->contents, first + i);
    return ELMAN_OK;
}

static elman_status put(elman_array_writer *writer, const void *bytes, size_t size,
                        elman_error *error) {
    if (writer->file) return file_writer_write(writer->file, bytes, size, error);
    return writer->write(writer->user, bytes, size)
               ? fail(error, ELMAN_ERR_IO, "%s: could not be written", writer->name)
               : ELMAN_OK;
}

/* A writer without its target. */
static elman_status create(elman_context *context, const char *name, elman_array_writer **out,
                           elman_error *error) {
    elman_array_writer *const writer = memory_allocate(&context->memory, sizeof *writer);
    *out = NULL;
    if (writer) {
        writer->memory = context->memory;
        writer->name = memory_copy_string(&writer->memory, name);
        if (writer->name) {
            *out = writer;
            return ELMAN_OK;
        }
    }
    elman_array_writer_abort(writer);
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write it", name);
}

/* The writer's array, without numbers. */
static elman_status describe(const char *name, const size_t *shape, size_t rank, NpyArray *array,
                             elman_error *error) {
    size_t bytes;
    *array = (NpyArray){.type = NPY_FLOAT32, .rank = rank, .count = 1};
    if (rank > NPY_RANK_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: %zu dimensions, expected at most %d", name,
                    rank, NPY_RANK_MAX);
    for (size_t i = 0; i < rank; i++) {
        array->shape[i] = shape[i];
        if (!size_mul(array->count, shape[i], &array->count))
            return fail(error, ELMAN_ERR_ARGUMENT, "%s: the product of its shape does not fit",
                        name);
    }
    return size_mul(array->count, sizeof(float), &bytes)
               ? ELMAN_OK
               : fail(error, ELMAN_ERR_ARGUMENT, "%s: the product of its shape does not fit", name);
}

/* Either `write` is there, or `name` is a path. */
static elman_status open_writer(elman_context *context, const char *name,
                                elman_write_function write, void *user, const size_t *shape,
                                size_t rank, elman_array_writer **out, elman_error *error) {
    NpyArray array;
    unsigned char header[NPY_HEADER_MAX];
    elman_array_writer *writer;
    *out = NULL;
    elman_status status = describe(name, shape, rank, &array, error);
    if (status || (status = create(context, name, &writer, error))) return status;
    writer->write = write;
    writer->user = user;
    writer->left = array.count;
    if (!write) status = file_writer_open(&writer->memory, writer->name, &writer->file, error);
    if (!status) status = put(writer, header, npy_header(&array, header), error);
    if (status)
        elman_array_writer_abort(writer);
    else
        *out = writer;
    return status;
}

elman_status elman_array_writer_open(elman_context *context, const char *path, const size_t *shape,
                                     size_t rank, elman_array_writer **writer, elman_error *error) {
    return open_writer(context, path, NULL, NULL, shape, rank, writer, error);
}

elman_status elman_array_writer_open_function(elman_context *context, const char *name,
                                              elman_write_function write, void *user,
                                              const size_t *shape, size_t rank,
                                              elman_array_writer **writer, elman_error *error) {
    return open_writer(context, name, write, user, shape, rank, writer, error);
}

elman_status elman_array_writer_append(elman_array_writer *writer, const float *values,
                                       size_t count, elman_error *error) {
    const NpyArray piece = {.type = NPY_FLOAT32, .count = count, .data = values};
    unsigned char chunk[CHUNK];
    elman_status status = ELMAN_OK;
    if (count > writer->left)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: %zu numbers where its shape has room for %zu",
                    writer->name, count, writer->left);
    for (size_t i = 0; i < count && !status; i += CHUNK / sizeof(float))
        status = put(writer, chunk, npy_encode(&piece, i, chunk, CHUNK), error);
    writer->left -= count;
    return status;
}

elman_status elman_array_writer_commit(elman_array_writer *writer, elman_error *error) {
    elman_status status = ELMAN_OK;
    if (writer->left > 0) {
        status = fail(error, ELMAN_ERR_ARGUMENT, "%s: lacks %zu numbers of its shape", writer->name,
                      writer->left);
    } else if (writer->file) {
        status = file_writer_commit(writer->file, error);
        writer->file = NULL;
    }
    elman_array_writer_abort(writer);
    return status;
}

void elman_array_writer_abort(elman_array_writer *writer) {
    if (!writer) return;
    Memory memory = writer->memory;
    file_writer_abort(writer->file);
    memory_release(&memory, writer->name);
    memory_release(&memory, writer);
}
