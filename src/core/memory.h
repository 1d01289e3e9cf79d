/* Where every allocation of libelman goes through, so that a program can lend its own allocator and
 * a test can fail each one. */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stddef.h>

#include <elman/context.h>

enum { MEMORY_ALIGNMENT = 64 }; /* a cache line, and the widest vector register */

typedef struct Memory {
    elman_allocator allocator;
} Memory;

/* Prepares `memory` to use a copy of `allocator`; NULL, or one whose functions are both NULL:
 * aligned_alloc and free. */
void memory_init(Memory *memory, const elman_allocator *allocator);

/* `bytes` zeroed bytes at a multiple of MEMORY_ALIGNMENT, or NULL. 0 bytes give a valid block. */
void *memory_allocate(Memory *memory, size_t bytes);

/* The same for `count` elements of `size` bytes; NULL also when the product does not fit. */
void *memory_allocate_array(Memory *memory, size_t count, size_t size);

/* Takes back a block; NULL is legal. */
void memory_release(Memory *memory, void *block);

/* A copy of `text` with its terminating zero, or NULL. */
char *memory_copy_string(Memory *memory, const char *text);

#endif
