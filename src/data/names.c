/* Distinct texts in a hash table with open addressing. */
#include "data/names.h"

#include <string.h>

#include "core/grow.h"

enum { FIRST_SLOTS = 64 };

/* FNV-1a of 64 bits (Fowler, Noll and Vo), its high half folded in. */
static uint64_t hash_of(const char *bytes, size_t size) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++) {
        hash ^= (unsigned char)bytes[i];
        hash *= UINT64_C(0x100000001B3);
    }
    return hash ^ hash >> 32;
}

/* The slot of the text, or the free one where it belongs. There is a free one. */
static size_t find_slot(const Names *names, const char *bytes, size_t size, uint64_t hash) {
    const size_t mask = names->slot_count - 1;
    size_t slot = (size_t)hash & mask;
    for (; names->slots[slot] != 0; slot = (slot + 1) & mask) {
        const Name *const name = &names->entries[names->slots[slot] - 1];
        if (name->hash == hash && name->size == size &&
            memcmp(names->bytes + name->offset, bytes, size) == 0)
            break;
    }
    return slot;
}

/* Twice the slots, once three quarters are taken. */
static bool make_slots(Names *names) {
    if (names->slots && names->count < names->slot_count / 4 * 3) return true;
    const size_t slot_count = names->slots ? names->slot_count * 2 : FIRST_SLOTS;
    uint32_t *const slots = memory_allocate_array(names->memory, slot_count, sizeof *slots);
    if (!slots) return false;
    memory_release(names->memory, names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    for (size_t i = 0; i < names->count; i++) {
        size_t slot = (size_t)names->entries[i].hash & (slot_count - 1);
        while (slots[slot] != 0) slot = (slot + 1) & (slot_count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    return true;
}

bool names_add(Names *names, const char *bytes, size_t size, size_t *index) {
    const uint64_t hash = hash_of(bytes, size);
    if (!make_slots(names)) return false;
    const size_t slot = find_slot(names, bytes, size, hash);
    if (names->slots[slot] == 0) {
        if (names->count == NAMES_MAX || size == SIZE_MAX) return false;
        Name *const entries = memory_grow(names->memory, names->entries, names->count, 1,
                                          &names->capacity, sizeof *entries);
        if (!entries) return false;
        names->entries = entries;
        char *const text =
            memory_grow(names->memory, names->bytes, names->used, size + 1, &names->room, 1);
        if (!text) return false;
        names->bytes = text;
        if (size > 0) memcpy(text + names->used, bytes, size);
        text[names->used + size] = '\0';
        entries[names->count] = (Name){.offset = names->used, .size = size, .hash = hash};
        names->used += size + 1;
        names->slots[slot] = (uint32_t)++names->count;
    }
    *index = names->slots[slot] - 1;
    names->entries[*index].added++;
    return true;
}

bool names_find(const Names *names, const char *bytes, size_t size, size_t *index) {
    if (names->count == 0) return false;
    const size_t slot = find_slot(names, bytes, size, hash_of(bytes, size));
    if (names->slots[slot] == 0) return false;
    *index = names->slots[slot] - 1;
    return true;
}

const char *names_text(const Names *names, size_t index) {
    return names->bytes + names->entries[index].offset;
}

int names_compare(const Names *names, size_t a, size_t b) {
    const Name *const one = &names->entries[a], *const other = &names->entries[b];
    const size_t least = one->size < other->size ? one->size : other->size;
    const int order = memcmp(names->bytes + one->offset, names->bytes + other->offset, least);
    if (order != 0) return order;
    return (one->size > other->size) - (one->size < other->size);
}

void names_release(Names *names) {
    memory_release(names->memory, names->entries);
    memory_release(names->memory, names->bytes);
    memory_release(names->memory, names->slots);
    *names = (Names){.memory = names->memory};
}
