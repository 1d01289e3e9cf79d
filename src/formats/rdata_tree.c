/* What a tree of R's data is asked for. */
#include "formats/rdata_tree.h"

#include <math.h>
#include <string.h>

#include "formats/rdata_bytes.h"

void rdata_tree_release(RdataTree *tree) {
    memory_release(tree->memory, tree->links);
    memory_release(tree->memory, tree->nodes);
    tree->links = NULL;
    tree->nodes = NULL;
}

const RdataNode *rdata_node(const RdataTree *tree, uint32_t node) {
    return &tree->nodes[node];
}

const char *rdata_type_words(RdataNodeType type) {
    switch (type) {
    case NODE_NULL:
        return "NULL";
    case NODE_SYMBOL:
        return "a symbol";
    case NODE_PAIRS:
        return "a pairlist";
    case NODE_CLOSURE:
    case NODE_SPECIAL:
    case NODE_BUILTIN:
        return "a function";
    case NODE_ENVIRONMENT:
        return "an environment";
    case NODE_PROMISE:
        return "a promise";
    case NODE_CALL:
        return "a call or a formula";
    case NODE_COMPLEX:
        return "complex numbers";
    case NODE_LIST:
        return "a list";
    case NODE_EXPRESSION:
        return "an expression";
    case NODE_BYTECODE:
        return "byte code";
    case NODE_RAW:
        return "raw bytes";
    case NODE_S4:
        return "an S4 object";
    case NODE_FOREIGN:
        return "a vector in a package's own form (ALTREP)";
    case NODE_LOGICAL:
    case NODE_INTEGER:
    case NODE_REAL:
    case NODE_INTEGER_SEQUENCE:
    case NODE_REAL_SEQUENCE:
        return "numbers";
    case NODE_TEXT:
    case NODE_NUMBER_TEXT:
        return "texts";
    case NODE_CHARACTERS:
    case NODE_DOTS:
    case NODE_POINTER:
    case NODE_WEAK_REFERENCE:
        break;
    }
    return "something internal to R";
}

/* The characters whose item starts at `at`: flags, length, bytes. The reader has seen them. */
static RdataCharacters characters_at(const RdataTree *tree, size_t at) {
    const uint32_t flags = bytes_word(tree->bytes + at);
    const uint32_t length = bytes_word(tree->bytes + at + 4);
    if (length == MISSING_LENGTH) return (RdataCharacters){0};
    return (RdataCharacters){(const char *)tree->bytes + at + 8, length,
                             (flags & CHARACTERS_LATIN1) != 0};
}

RdataCharacters rdata_symbol(const RdataTree *tree, uint32_t node) {
    const RdataNode *const n = &tree->nodes[node];
    if (n->type != NODE_SYMBOL) return (RdataCharacters){0};
    return characters_at(tree, n->first);
}

static bool equals(RdataCharacters characters, const char *text) {
    return characters.bytes && characters.length == strlen(text) &&
           memcmp(characters.bytes, text, characters.length) == 0;
}

uint32_t rdata_attribute(const RdataTree *tree, uint32_t node, const char *name) {
    uint32_t at = tree->nodes[node].attributes;
    for (; tree->nodes[at].type == NODE_PAIRS; at = tree->nodes[at].next)
        if (equals(rdata_symbol(tree, tree->nodes[at].name), name)) return tree->nodes[at].first;
    return 0;
}

bool rdata_is_numeric(const RdataTree *tree, uint32_t node) {
    const RdataNodeType type = tree->nodes[node].type;
    return type == NODE_LOGICAL || type == NODE_INTEGER || type == NODE_REAL ||
           type == NODE_INTEGER_SEQUENCE || type == NODE_REAL_SEQUENCE;
}

bool rdata_is_text(const RdataTree *tree, uint32_t node) {
    const RdataNodeType type = tree->nodes[node].type;
    return type == NODE_TEXT || type == NODE_NUMBER_TEXT;
}

double rdata_number(const RdataTree *tree, uint32_t node, size_t index) {
    const RdataNode *const n = &tree->nodes[node];
    const unsigned char *const first = tree->bytes + n->first;
    if (n->type == NODE_REAL) return bytes_real(first + 8 * index);
    if (n->type == NODE_LOGICAL || n->type == NODE_INTEGER) {
        const uint32_t word = bytes_word(first + 4 * index);
        if (word == MISSING_INTEGER) return NAN;
        if (n->type == NODE_LOGICAL) return word != 0;
        return word < MISSING_INTEGER ? (double)word : (double)word - 0x1p32;
    }
    return bytes_real(first) + bytes_real(first + 8) * (double)index;
}

uint64_t rdata_bits(const RdataTree *tree, uint32_t node, size_t index) {
    return bytes_long(tree->bytes + tree->nodes[node].first + 8 * index);
}

RdataCharacters rdata_characters(const RdataTree *tree, uint32_t node, size_t index) {
    return characters_at(tree, tree->links[tree->nodes[node].first + index]);
}

bool rdata_has_text(const RdataTree *tree, uint32_t node, const char *text) {
    const RdataNode *const n = &tree->nodes[node];
    if (n->type != NODE_TEXT) return false;
    for (size_t i = 0; i < n->count; i++)
        if (equals(rdata_characters(tree, node, i), text)) return true;
    return false;
}

uint32_t rdata_element(const RdataTree *tree, uint32_t node, size_t index) {
    return tree->links[tree->nodes[node].first + index];
}
