/* Python's pickles (protocol 2 to 5) as far as torch.save writes them for tensors: what they say is
 * read as values; nothing is called. Opcodes and names beyond that are refused.
 *
 * Format: Lib/pickletools.py of CPython. */
#ifndef FORMATS_PICKLE_H
#define FORMATS_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/status.h>

typedef enum PickleKind {
    PICKLE_NONE,
    PICKLE_NUMBER,     /* `number`: a whole number, a bool */
    PICKLE_REAL,       /* its value is not kept */
    PICKLE_TEXT,       /* `text`, `length` */
    PICKLE_TUPLE,      /* items, as of a list */
    PICKLE_DICT,       /* keys and values, one after the other */
    PICKLE_GLOBAL,     /* `text`: "module name" */
    PICKLE_PERSISTENT, /* one item: what the file's own store knows it by */
    PICKLE_CALL        /* two items: a global, a tuple of arguments */
} PickleKind;

typedef struct PickleValue {
    PickleKind kind;
    int64_t number;
    const char *text; /* UTF-8 as it came, not terminated; of a global terminated */
    size_t length;
    uint32_t first, last; /* items; 0: none */
    uint32_t count;
} PickleValue;

/* One item of a value: which value it is, and the item behind it, 0: none. */
typedef struct PickleItem {
    uint32_t value, next;
} PickleItem;

typedef struct Pickle {
    Memory *memory;
    PickleValue *values;
    PickleItem *items; /* item 0 is none */
    size_t value_count, value_capacity, item_count, item_capacity;
    uint32_t result; /* the value that it describes */
} Pickle;

/* Reads a pickle; its texts point into `bytes`. `globals`, which ends with NULL, are the names that
 * may occur. It allocates at most 256 times the pickle's size and a mebibyte. pickle_release may
 * follow in any case. Errors: FORMAT, UNSUPPORTED (an opcode or a name), MEMORY. */
elman_status pickle_read(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                         const char *const *globals, Pickle *pickle, elman_error *error);

void pickle_release(Pickle *pickle);

/* Item `index` of a value, or NULL when it has fewer. */
const PickleValue *pickle_item(const Pickle *pickle, const PickleValue *value, size_t index);

#endif
