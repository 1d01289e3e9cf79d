/* Arrays that grow as they are filled. */
#ifndef CORE_GROW_H
#define CORE_GROW_H

#include <stddef.h>

#include "core/memory.h"

/* Makes room for `more` elements of `size` bytes behind the first `count` of `block`, which has
 * room for *capacity (NULL: for none). Returns the array, moved where it had to grow, *capacity
 * being what it has room for; what is new is zero. NULL when there is no memory: `block` stays as
 * it is. */
void *memory_grow(Memory *memory, void *block, size_t count, size_t more, size_t *capacity,
                  size_t size);

#endif
