/* The ids of a file: each text that stands in its column of ids, once. */
#ifndef DATA_SERIES_IDS_H
#define DATA_SERIES_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

typedef struct SeriesId {
    char *text; /* ends with a zero */
    size_t size;
    size_t rows;      /* that have it */
    char **constants; /* [constants]: texts of the static columns; NULL until the first row */
} SeriesId;

typedef struct IdTable {
    Memory *memory;
    size_t constants; /* of each id */
    SeriesId *ids;    /* [count], in the order in which they were added */
    size_t count, capacity;
    uint32_t *slots; /* [slot_count], a power of two: index + 1, or 0 for a free one */
    size_t slot_count;
    size_t last; /* the one that was found before */
} IdTable;

/* Finds a text, or adds it; false when there is no memory. */
bool ids_find(IdTable *table, const char *text, size_t size, size_t *index);

/* Starts and ends a table; a zeroed one may be ended too. */
void ids_init(IdTable *table, Memory *memory, size_t constants);
void ids_release(IdTable *table);

/* Below, at or above 0 as id `a` belongs before, at or behind `b`: whole numbers by their size,
 * before all others, which stand by their bytes. */
int ids_compare(const SeriesId *a, const SeriesId *b);

#endif
