/* The safetensors format, version of the standard as of 0.4: named arrays and a map of strings.
 *
 *     8 bytes   length of the header, little-endian
 *     header    JSON: {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets"}}
 *     data      the arrays, one behind the other, little-endian
 *
 * The reader accepts what the standard allows and nothing else: no hole, no overlap, no duplicate
 * key, no unknown key, nothing behind the last array. It allocates at most twice the file's size
 * and one mebibyte. */
#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

enum {
    SAFETENSORS_HEADER_MAX = 16 * 1024 * 1024, /* bytes */
    SAFETENSORS_TENSORS_MAX = 65536,
    SAFETENSORS_METADATA_MAX = 65536, /* pairs */
    SAFETENSORS_RANK_MAX = 8,
    SAFETENSORS_NAME_MAX = 256 /* bytes */
};

typedef enum SafetensorsType {
    SAFETENSORS_BOOL,
    SAFETENSORS_U8,
    SAFETENSORS_I8,
    SAFETENSORS_F8_E5M2,
    SAFETENSORS_F8_E4M3,
    SAFETENSORS_I16,
    SAFETENSORS_U16,
    SAFETENSORS_F16,
    SAFETENSORS_BF16,
    SAFETENSORS_I32,
    SAFETENSORS_U32,
    SAFETENSORS_F32,
    SAFETENSORS_F64,
    SAFETENSORS_I64,
    SAFETENSORS_U64,
    SAFETENSORS_TYPES /* how many there are */
} SafetensorsType;

/* The type's name in the header, such as "F32". */
const char *safetensors_type_name(SafetensorsType type);

/* The bytes of one element: 1, 2, 4 or 8. */
size_t safetensors_type_size(SafetensorsType type);

typedef struct SafetensorsTensor {
    const char *name; /* UTF-8 */
    SafetensorsType type;
    size_t rank;                        /* 0: one element */
    size_t shape[SAFETENSORS_RANK_MAX]; /* the first `rank` count */
    const void *data; /* not necessarily aligned; NULL: only the header was read */
    size_t bytes;     /* product of the shape and the element's size */
} SafetensorsTensor;

/* One entry of __metadata__, both UTF-8. */
typedef struct SafetensorsPair {
    const char *key;
    const char *value;
} SafetensorsPair;

/* A file that has been read. Immutable: any number of threads may ask it. */
typedef struct SafetensorsFile SafetensorsFile;

/* Reads the regular file at `path`. `memory` must outlive the result. Errors: IO, FORMAT (a
 * sentence per reason), MEMORY. */
elman_status safetensors_open(Memory *memory, const char *path, SafetensorsFile **file,
                              elman_error *error);

/* The same, but checks and keeps the header alone: every tensor's data is NULL. */
elman_status safetensors_open_header(Memory *memory, const char *path, SafetensorsFile **file,
                                     elman_error *error);

/* Reads a file that is in memory. `bytes` must outlive the result, which points into it; `name`
 * stands for the path in messages. */
elman_status safetensors_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                               SafetensorsFile **file, elman_error *error);

/* NULL is legal. */
void safetensors_close(SafetensorsFile *file);

size_t safetensors_count(const SafetensorsFile *file);

/* Describes tensor `index`, below safetensors_count, in the order of the data. */
void safetensors_at(const SafetensorsFile *file, size_t index, SafetensorsTensor *tensor);

/* Describes the tensor called `name`; false when there is none. */
bool safetensors_find(const SafetensorsFile *file, const char *name, SafetensorsTensor *tensor);

/* The metadata's value for `key`, or NULL. */
const char *safetensors_metadata(const SafetensorsFile *file, const char *key);

/* The number of metadata pairs, and pair `index` in the order of the keys' bytes. */
size_t safetensors_metadata_count(const SafetensorsFile *file);
SafetensorsPair safetensors_metadata_at(const SafetensorsFile *file, size_t index);

/* Writes a file in one piece or not at all (core/files.h): metadata first, in the order given;
 * tensors by element size, the largest first, and in the order given among equals, so that each is
 * aligned in the file. `bytes` of a tensor must equal its shape's. The same arguments give the same
 * bytes. Errors: ARGUMENT for what the reader would refuse, IO, MEMORY. */
elman_status safetensors_write(Memory *memory, const char *path, const SafetensorsPair *metadata,
                               size_t metadata_count, const SafetensorsTensor *tensors,
                               size_t count, elman_error *error);

#endif
