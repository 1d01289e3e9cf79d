/* An allocator that counts, and that fails when it is told to. */
#include "support/allocator.h"

#include <stdint.h>
#include <stdlib.h>

/* Stands before each block, in a piece as long as the block's alignment. */
typedef struct Stamp {
    size_t size, alignment;
} Stamp;

static void *allocate(void *user, size_t alignment, size_t size) {
    CountingAllocator *counting = user;
    counting->count++;
    if (counting->allow == 0 || size == 0 || alignment < sizeof(Stamp)) return NULL;
    if (size > SIZE_MAX - 2 * alignment) return NULL;
    const size_t rounded = (size + alignment - 1) & ~(alignment - 1);
    unsigned char *whole = aligned_alloc(alignment, alignment + rounded);
    if (whole == NULL) return NULL;
    if (counting->allow > 0) counting->allow--;
    *(Stamp *)(void *)whole = (Stamp){size, alignment};
    counting->live++;
    counting->bytes += size;
    if (counting->bytes > counting->peak) counting->peak = counting->bytes;
    return whole + alignment;
}

static void release(void *user, void *pointer) {
    CountingAllocator *counting = user;
    /* libelman asks for one alignment alone: a cache line. */
    unsigned char *whole = (unsigned char *)pointer - 64;
    const Stamp *stamp = (const Stamp *)(const void *)whole;
    if (stamp->alignment != 64) abort();
    counting->live--;
    counting->bytes -= stamp->size;
    free(whole);
}

elman_allocator counting_allocator(CountingAllocator *counting) {
    return (elman_allocator){allocate, release, counting};
}
