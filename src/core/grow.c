/* Arrays that grow as they are filled: each time to twice their size at least. */
#include "core/grow.h"

#include <string.h>

#include "core/size.h"

enum { FIRST_BYTES = 256 };

void *memory_grow(Memory *memory, void *block, size_t count, size_t more, size_t *capacity,
                  size_t size) {
    size_t needed, room = block ? *capacity : 0;
    if (!size_add(count, more, &needed)) return NULL;
    if (block && needed <= room) return block;
    if (room < FIRST_BYTES / size + 1) room = FIRST_BYTES / size + 1;
    if (!size_mul(room, 2, &room) || room < needed) room = needed;
    unsigned char *const larger = memory_allocate_array(memory, room, size);
    if (!larger) return NULL;
    if (count > 0) memcpy(larger, block, count * size);
    memory_release(memory, block);
    *capacity = room;
    return larger;
}
