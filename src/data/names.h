/* Distinct texts, numbered in the order in which they came. */
#ifndef DATA_NAMES_H
#define DATA_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

enum { NAMES_MAX = INT32_MAX }; /* so that an int32_t can number them */

typedef struct Name {
    size_t offset, size; /* in `bytes`, where a zero byte follows each */
    uint64_t hash;
    uint64_t added; /* how often */
} Name;

/* Zero is an empty one, but for `memory`. */
typedef struct Names {
    Memory *memory;
    Name *entries;
    size_t count, capacity;
    char *bytes;
    size_t used, room;
    uint32_t *slots; /* [slot_count], a power of two: 1 + the index of an entry, 0: free */
    size_t slot_count;
} Names;

/* Numbers a text, or finds its number. False: no memory, or NAMES_MAX texts. */
bool names_add(Names *names, const char *bytes, size_t size, size_t *index);

/* False: it was never added. */
bool names_find(const Names *names, const char *bytes, size_t size, size_t *index);

/* The text, with a zero byte behind it; valid until the next names_add. */
const char *names_text(const Names *names, size_t index);

/* Below, at or above 0 as one text stands before, beside or behind the other, by their bytes. */
int names_compare(const Names *names, size_t a, size_t b);

void names_release(Names *names);

#endif
