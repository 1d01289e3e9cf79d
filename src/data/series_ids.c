/* The ids of a file, in a hash table with open addressing. */
#include "data/series_ids.h"

#include <string.h>

enum { FIRST_IDS = 16 };

/* FNV-1a over eight bytes at a time, mixed at the end so that its low bits depend on all. */
static uint64_t hash_text(const char *text, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size;
    while (size > 0) {
        uint64_t word = 0;
        const size_t part = size < sizeof(word) ? size : sizeof(word);
        memcpy(&word, text, part);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
        text += part;
        size -= part;
    }
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static bool is_text(const SeriesId *id, const char *text, size_t size) {
    return id->size == size && memcmp(id->text, text, size) == 0;
}

/* The slot of the text, or the free one where it belongs. */
static size_t find_slot(const IdTable *table, const char *text, size_t size) {
    const size_t mask = table->slot_count - 1;
    size_t slot = (size_t)hash_text(text, size) & mask;
    while (table->slots[slot] != 0 && !is_text(&table->ids[table->slots[slot] - 1], text, size))
        slot = (slot + 1) & mask;
    return slot;
}

/* Doubles the table; the slots are never more than half full. */
static bool grow(IdTable *table) {
    const size_t capacity = table->capacity ? 2 * table->capacity : FIRST_IDS;
    if (capacity > UINT32_MAX / 2) return false;
    SeriesId *const ids = memory_allocate_array(table->memory, capacity, sizeof *ids);
    uint32_t *const slots = memory_allocate_array(table->memory, 2 * capacity, sizeof *slots);
    if (!ids || !slots) {
        memory_release(table->memory, ids);
        memory_release(table->memory, slots);
        return false;
    }
    if (table->count > 0) memcpy(ids, table->ids, table->count * sizeof *ids);
    memory_release(table->memory, table->ids);
    memory_release(table->memory, table->slots);
    table->ids = ids;
    table->slots = slots;
    table->capacity = capacity;
    table->slot_count = 2 * capacity;
    for (size_t i = 0; i < table->count; i++)
        slots[find_slot(table, ids[i].text, ids[i].size)] = (uint32_t)(i + 1);
    return true;
}

bool ids_find(IdTable *table, const char *text, size_t size, size_t *index) {
    *index = table->last;
    if (table->last < table->count && is_text(&table->ids[table->last], text, size)) return true;
    if (table->count == table->capacity && !grow(table)) return false;
    const size_t slot = find_slot(table, text, size);
    if (table->slots[slot] == 0) {
        SeriesId *const id = &table->ids[table->count];
        *id = (SeriesId){.text = memory_allocate(table->memory, size + 1), .size = size};
        if (!id->text) return false;
        memcpy(id->text, text, size);
        table->count++; /* from here on ids_release knows it */
        table->slots[slot] = (uint32_t)table->count;
    }
    *index = table->slots[slot] - 1;
    table->last = *index;
    return true;
}

void ids_init(IdTable *table, Memory *memory, size_t constants) {
    *table = (IdTable){.memory = memory, .constants = constants};
}

void ids_release(IdTable *table) {
    if (!table->memory) return;
    for (size_t i = 0; i < table->count; i++) {
        SeriesId *const id = &table->ids[i];
        for (size_t k = 0; id->constants && k < table->constants; k++)
            memory_release(table->memory, id->constants[k]);
        memory_release(table->memory, id->constants);
        memory_release(table->memory, id->text);
    }
    memory_release(table->memory, table->ids);
    memory_release(table->memory, table->slots);
    *table = (IdTable){0};
}

/* 1 to 9 and digits behind it, or 0. */
static bool is_number(const SeriesId *id) {
    if (id->size == 0 || (id->text[0] == '0' && id->size > 1)) return false;
    for (size_t i = 0; i < id->size; i++)
        if (id->text[i] < '0' || id->text[i] > '9') return false;
    return true;
}

int ids_compare(const SeriesId *a, const SeriesId *b) {
    const bool first = is_number(a), second = is_number(b);
    if (first != second) return first ? -1 : 1;
    if (first && a->size != b->size) return a->size < b->size ? -1 : 1;
    const int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    if (order != 0 || a->size == b->size) return order;
    return a->size < b->size ? -1 : 1;
}
