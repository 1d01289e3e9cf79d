/* The header of a safetensors file: a tokenizer that goes through the text once and keeps offsets
 * into it instead of a tree. */
#ifndef FORMATS_SAFETENSORS_HEADER_H
#define FORMATS_SAFETENSORS_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "formats/safetensors.h"
#include <elman/status.h>

typedef struct HeaderTensor {
    uint32_t name;       /* where in the text, terminated by a zero */
    uint32_t shape;      /* where in the text its numbers start */
    uint64_t begin, end; /* of its bytes in the data */
    uint8_t type;        /* a SafetensorsType */
    uint8_t rank;
} HeaderTensor;

typedef struct HeaderPair {
    uint32_t key, value; /* where in the text, terminated by a zero */
} HeaderPair;

typedef struct SafetensorsHeader {
    char *text; /* the header; its strings are unescaped and terminated in place */
    size_t size;
    HeaderTensor *tensors;
    uint32_t *by_data; /* [count] indices of `tensors` in the order of the data */
    uint32_t *by_name;
    size_t count;
    HeaderPair *pairs;
    uint32_t *by_key; /* [pair_count] */
    size_t pair_count;
} SafetensorsHeader;

/* Parses and checks the `size` bytes of `text`, a block of `memory` with one byte more, which the
 * header takes over whatever the result; `data_size` bytes of data follow it in the file. `name` is
 * the file's, for messages. Errors: FORMAT, MEMORY. After an error nothing needs releasing. */
elman_status safetensors_header_parse(Memory *memory, const char *name, char *text, size_t size,
                                      uint64_t data_size, SafetensorsHeader *header,
                                      elman_error *error);

void safetensors_header_release(Memory *memory, SafetensorsHeader *header);

#endif
