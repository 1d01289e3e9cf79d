/* Mutations of files with a header behind its length, as safetensors have it. */
#ifndef FUZZ_HEADER_MUTATOR_H
#define FUZZ_HEADER_MUTATOR_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's own; missing when a corpus is replayed. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);

/* What libFuzzer calls; the target defines it. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);

/* The length of the header; SIZE_MAX where the bytes cannot hold it. */
static inline size_t header_size(const uint8_t *bytes, size_t size) {
    uint64_t header = 0;
    for (size_t i = 8; i-- > 0 && size >= 8;) header = header << 8 | bytes[i];
    return size < 8 || header > size - 8 ? SIZE_MAX : (size_t)header;
}

/* Changes the header alone and corrects its length, so that more than the length is tried. */
static inline size_t mutate_header(uint8_t *bytes, size_t size, size_t most) {
    const size_t header = header_size(bytes, size);
    if (header == SIZE_MAX) return LLVMFuzzerMutate(bytes, size, most);
    const size_t data = size - 8 - header;
    uint8_t *const copy = (uint8_t *)malloc(most);
    if (!copy) return size;
    memcpy(copy, bytes + 8, header);
    const size_t changed = LLVMFuzzerMutate(copy, header, most - 8 - data);
    memmove(bytes + 8 + changed, bytes + 8 + header, data);
    memcpy(bytes + 8, copy, changed);
    free(copy);
    for (size_t i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)changed >> (8 * i));
    return 8 + changed + data;
}

#endif
