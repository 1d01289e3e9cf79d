/* Where every allocation of libelman goes through. */
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/size.h"

static void *system_allocate(void *user, size_t alignment, size_t size) {
    (void)user;
    size_t rounded;
    if (!size_align(size, alignment, &rounded)) return NULL;
    return aligned_alloc(alignment, rounded);
}

static void system_release(void *user, void *pointer) {
    (void)user;
    free(pointer);
}

void memory_init(Memory *memory, const elman_allocator *allocator) {
    if (allocator != NULL && allocator->allocate != NULL)
        memory->allocator = *allocator;
    else
        memory->allocator = (elman_allocator){system_allocate, system_release, NULL};
}

void *memory_allocate(Memory *memory, size_t bytes) {
    if (bytes == 0) bytes = 1;
    void *block = memory->allocator.allocate(memory->allocator.user, MEMORY_ALIGNMENT, bytes);
    if (block != NULL) memset(block, 0, bytes);
    return block;
}

void *memory_allocate_array(Memory *memory, size_t count, size_t size) {
    size_t bytes;
    return size_mul(count, size, &bytes) ? memory_allocate(memory, bytes) : NULL;
}

void memory_release(Memory *memory, void *block) {
    if (block != NULL) memory->allocator.release(memory->allocator.user, block);
}

char *memory_copy_string(Memory *memory, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = memory_allocate(memory, size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}
