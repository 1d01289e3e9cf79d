/* R's serialization as a tree of nodes; the values stay where they are, in the bytes. */
#ifndef FORMATS_RDATA_TREE_H
#define FORMATS_RDATA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "formats/rdata_inflate.h"
#include <elman/status.h>

/* The numbers are those of R's SEXPTYPE, as files have them; the last four are ours. */
typedef enum RdataNodeType {
    NODE_NULL = 0,
    NODE_SYMBOL = 1,
    NODE_PAIRS = 2,
    NODE_CLOSURE = 3,
    NODE_ENVIRONMENT = 4,
    NODE_PROMISE = 5,
    NODE_CALL = 6,
    NODE_SPECIAL = 7,
    NODE_BUILTIN = 8,
    NODE_CHARACTERS = 9,
    NODE_LOGICAL = 10,
    NODE_INTEGER = 13,
    NODE_REAL = 14,
    NODE_COMPLEX = 15,
    NODE_TEXT = 16,
    NODE_DOTS = 17,
    NODE_LIST = 19,
    NODE_EXPRESSION = 20,
    NODE_BYTECODE = 21,
    NODE_POINTER = 22,
    NODE_WEAK_REFERENCE = 23,
    NODE_RAW = 24,
    NODE_S4 = 25,
    NODE_INTEGER_SEQUENCE = 256, /* `first`: its first number and its step, as two reals */
    NODE_REAL_SEQUENCE,
    NODE_NUMBER_TEXT, /* `first`: the node of numbers, whose texts these are */
    NODE_FOREIGN      /* an ALTREP class of some package; `first`: the class' symbol */
} RdataNodeType;

/* Node 0 is NULL, and stands wherever there is none. */
typedef struct RdataNode {
    RdataNodeType type;
    uint32_t attributes; /* a node of pairs */
    uint32_t count;      /* elements */
    uint32_t first;      /* where the elements (or the characters) start in the bytes; of a
                            text or a list, its first link; of pairs, their value's node */
    uint32_t name, next; /* of pairs: the symbol's node; the node of the next pair */
} RdataNode;

typedef struct RdataTree {
    Memory *memory;
    const unsigned char *bytes;
    size_t size;
    RdataNode *nodes;
    uint32_t *links; /* of a list: the elements' nodes; of a text: where its characters start */
    size_t node_count, link_count;
    uint32_t root;
} RdataTree;

/* Characters in a file, without a zero byte among them. */
typedef struct RdataCharacters {
    const char *bytes; /* NULL: missing */
    size_t length;
    bool latin1; /* marked as Latin-1 */
} RdataCharacters;

/* Builds the tree of one serialized object, which begins with "X\n". `bytes`, at most
 * RDATA_BYTES_MAX, must outlive it. Whatever the result, rdata_tree_release may follow. Errors:
 * FORMAT, UNSUPPORTED, MEMORY. */
elman_status rdata_tree_read(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                             size_t size, RdataTree *tree, elman_error *error);

void rdata_tree_release(RdataTree *tree);

const RdataNode *rdata_node(const RdataTree *tree, uint32_t node);

/* What R calls things of this type, with its article: "a list". */
const char *rdata_type_words(RdataNodeType type);

/* The node of the attribute, or 0. */
uint32_t rdata_attribute(const RdataTree *tree, uint32_t node, const char *name);

/* The characters that a symbol consists of; of any other node: missing. */
RdataCharacters rdata_symbol(const RdataTree *tree, uint32_t node);

/* Whether the node holds numbers: logical, integer, real or a sequence. */
bool rdata_is_numeric(const RdataTree *tree, uint32_t node);

/* Whether the node holds texts: a NODE_TEXT or a NODE_NUMBER_TEXT. */
bool rdata_is_text(const RdataTree *tree, uint32_t node);

/* One number of a numeric node; NaN where it is missing. */
double rdata_number(const RdataTree *tree, uint32_t node, size_t index);

/* The 64 bits of one element of a NODE_REAL. */
uint64_t rdata_bits(const RdataTree *tree, uint32_t node, size_t index);

/* One element of a NODE_TEXT. */
RdataCharacters rdata_characters(const RdataTree *tree, uint32_t node, size_t index);

/* Whether the node is a NODE_TEXT that has `text` among its elements. */
bool rdata_has_text(const RdataTree *tree, uint32_t node, const char *text);

/* The node of one element of a NODE_LIST. */
uint32_t rdata_element(const RdataTree *tree, uint32_t node, size_t index);

#endif
