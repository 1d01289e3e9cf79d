/* Reads R's serialization, versions 2 and 3, into a tree. An explicit stack takes the place of
 * recursion; code is followed only to find where it ends. */
#include "formats/rdata_read.h"

#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/rdata_bytes.h"

enum { REFERENCES_MIN = 64, CHARACTERS_ITEM_MIN = 8 };

/* Types of items that are no SEXPTYPE. */
enum {
    ITEM_ALTREP = 238,
    ITEM_CALL_WITH_ATTRIBUTES = 240, /* in byte code alone, as are the next three */
    ITEM_PAIRS_WITH_ATTRIBUTES = 239,
    ITEM_CODE_DEFINITION = 244,
    ITEM_CODE_REFERENCE = 243,
    ITEM_BASE_ENVIRONMENT = 241,
    ITEM_EMPTY_ENVIRONMENT = 242,
    ITEM_PERSISTENT = 247,
    ITEM_PACKAGE = 248,
    ITEM_NAMESPACE = 249,
    ITEM_BASE_NAMESPACE = 250,
    ITEM_MISSING_ARGUMENT = 251,
    ITEM_UNBOUND_VALUE = 252,
    ITEM_GLOBAL_ENVIRONMENT = 253,
    ITEM_NULL = 254,
    ITEM_REFERENCE = 255
};

static elman_status no_memory(const RdataReader *reader) {
    return fail(reader->error, ELMAN_ERR_MEMORY, "%s%s: no memory for its structure",
                reader->place->file, reader->place->object);
}

/* Makes room for `more` elements behind the first `used` of *block. */
static elman_status reserve(const RdataReader *reader, void **block, size_t *capacity, size_t used,
                            size_t more, size_t size) {
    size_t needed, larger;
    if (!size_add(used, more, &needed) || !size_mul(needed, 2, &larger)) return no_memory(reader);
    if (needed <= *capacity) return ELMAN_OK;
    void *const copy = memory_allocate_array(reader->tree->memory, larger, size);
    if (!copy) return no_memory(reader);
    if (used > 0) memcpy(copy, *block, used * size);
    memory_release(reader->tree->memory, *block);
    *block = copy;
    *capacity = larger;
    return ELMAN_OK;
}

elman_status rdata_reader_add(RdataReader *reader, RdataNode node, uint32_t *id) {
    RdataTree *const tree = reader->tree;
    void *block = tree->nodes;
    const elman_status status =
        reserve(reader, &block, &reader->node_capacity, tree->node_count, 1, sizeof(RdataNode));
    tree->nodes = block;
    if (status) return status;
    *id = (uint32_t)tree->node_count++;
    tree->nodes[*id] = node;
    return ELMAN_OK;
}

/* Room for `count` links; *first is the first of them. */
static elman_status add_links(RdataReader *reader, size_t count, uint32_t *first) {
    RdataTree *const tree = reader->tree;
    void *block = tree->links;
    const elman_status status =
        reserve(reader, &block, &reader->link_capacity, tree->link_count, count, sizeof(uint32_t));
    tree->links = block;
    if (status) return status;
    *first = (uint32_t)tree->link_count;
    tree->link_count += count;
    return ELMAN_OK;
}

static elman_status add_reference(RdataReader *reader, uint32_t node) {
    void *block = reader->references;
    const elman_status status = reserve(reader, &block, &reader->reference_capacity,
                                        reader->reference_count, REFERENCES_MIN, sizeof(uint32_t));
    reader->references = block;
    if (status) return status;
    reader->references[reader->reference_count++] = node;
    return ELMAN_OK;
}

/* Whether `count` elements of `size` bytes are left. */
static elman_status need(const RdataReader *reader, size_t count, size_t size) {
    if (count <= (reader->tree->size - reader->at) / size) return ELMAN_OK;
    return fail(reader->error, ELMAN_ERR_FORMAT,
                "%s%s: byte %zu: found %zu bytes, expected %zu elements of %zu bytes",
                reader->place->file, reader->place->object, reader->at,
                reader->tree->size - reader->at, count, size);
}

static elman_status read_word(RdataReader *reader, uint32_t *word) {
    const elman_status status = need(reader, 1, 4);
    if (status) return status;
    *word = bytes_word(reader->tree->bytes + reader->at);
    reader->at += 4;
    return ELMAN_OK;
}

static elman_status refuse_word(const RdataReader *reader, uint32_t word, const char *expected) {
    return fail(reader->error, ELMAN_ERR_FORMAT, "%s%s: byte %zu: found 0x%08x, expected %s",
                reader->place->file, reader->place->object, reader->at - 4, (unsigned)word,
                expected);
}

/* How many elements of at least `size` bytes follow. */
static elman_status read_count(RdataReader *reader, size_t size, uint32_t *count) {
    elman_status status = read_word(reader, count);
    if (status) return status;
    if (*count == MISSING_LENGTH) { /* two words follow; the first one tells multiples of 2^32 */
        uint32_t high;
        if ((status = read_word(reader, &high))) return status;
        if (high != 0) return refuse_word(reader, high, "a length below 2^32");
        if ((status = read_word(reader, count))) return status;
    }
    return need(reader, *count, size);
}

/* The item of one string; *first is where it starts. */
static elman_status read_characters(RdataReader *reader, uint32_t *first) {
    uint32_t flags, length;
    elman_status status;
    *first = (uint32_t)reader->at;
    if ((status = read_word(reader, &flags))) return status;
    if ((flags & ITEM_TYPE) != NODE_CHARACTERS || flags & ITEM_ATTRIBUTES)
        return refuse_word(reader, flags, "a string");
    if ((status = read_word(reader, &length))) return status;
    if (length == MISSING_LENGTH) return ELMAN_OK;
    if ((status = need(reader, length, 1))) return status;
    const void *const zero = memchr(reader->tree->bytes + reader->at, 0, length);
    if (zero)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s%s: byte %zu: found a zero byte, expected none in a string",
                    reader->place->file, reader->place->object,
                    (size_t)((const unsigned char *)zero - reader->tree->bytes));
    reader->at += length;
    return ELMAN_OK;
}

/* Starts something whose parts are items that follow; its node is `node` in the end. */
static elman_status push(RdataReader *reader, RdataFrameKind kind, uint32_t node, uint32_t flags,
                         uint32_t left) {
    if (reader->depth == RDATA_DEPTH_MAX)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: byte %zu: is nested more than %d deep, expected less",
                    reader->place->file, reader->place->object, reader->at, RDATA_DEPTH_MAX);
    reader->stack[reader->depth++] =
        (RdataFrame){.kind = kind, .head = node, .node = node, .flags = flags, .left = left};
    return ELMAN_OK;
}

static elman_status finish(RdataReader *reader, uint32_t node) {
    reader->depth--;
    reader->value = node;
    return ELMAN_OK;
}

static elman_status read_reference(RdataReader *reader, uint32_t flags) {
    uint32_t index = flags >> 8;
    if (index == 0) {
        const elman_status status = read_word(reader, &index);
        if (status) return status;
    }
    if (index == 0 || index > reader->reference_count)
        return refuse_word(reader, index, "a reference to something before it");
    reader->value = reader->references[index - 1];
    return ELMAN_OK;
}

/* A symbol, or the name of an environment that the file does not hold. */
static elman_status read_name(RdataReader *reader, uint32_t type) {
    RdataNode node = {.type = type == NODE_SYMBOL ? NODE_SYMBOL : NODE_ENVIRONMENT};
    uint32_t zero, count = 1;
    elman_status status;
    if (type != NODE_SYMBOL) {
        if ((status = read_word(reader, &zero))) return status;
        if (zero != 0) return refuse_word(reader, zero, "names of an environment");
        if ((status = read_count(reader, CHARACTERS_ITEM_MIN, &count))) return status;
    }
    while (count-- > 0)
        if ((status = read_characters(reader, &node.first))) return status;
    if ((status = rdata_reader_add(reader, node, &reader->value))) return status;
    return add_reference(reader, reader->value);
}

static elman_status read_environment(RdataReader *reader) {
    uint32_t locked, node;
    elman_status status;
    if ((status = read_word(reader, &locked)) ||
        (status = rdata_reader_add(reader, (RdataNode){.type = NODE_ENVIRONMENT}, &node)) ||
        (status = add_reference(reader, node)))
        return status;
    return push(reader, FRAME_SKIP, node, 0, 4); /* parent, frame, hash table, attributes */
}

static elman_status read_text(RdataReader *reader, RdataNode *node) {
    elman_status status;
    if ((status = read_count(reader, CHARACTERS_ITEM_MIN, &node->count)) ||
        (status = add_links(reader, node->count, &node->first)))
        return status;
    for (uint32_t i = 0; i < node->count && !status; i++)
        status = read_characters(reader, &reader->tree->links[node->first + i]);
    return status;
}

/* `count` elements of `size` bytes that stay where they are. */
static elman_status read_values(RdataReader *reader, size_t size, RdataNode *node) {
    const elman_status status = read_count(reader, size, &node->count);
    node->first = (uint32_t)reader->at;
    if (!status) reader->at += size * node->count;
    return status;
}

/* What stands between the flags and the attributes of one node, up to items in it. */
static elman_status read_content(RdataReader *reader, uint32_t flags, RdataNode *node) {
    elman_status status;
    uint32_t ignored;
    switch (flags & ITEM_TYPE) {
    case NODE_LOGICAL:
    case NODE_INTEGER:
        return read_values(reader, 4, node);
    case NODE_REAL:
        return read_values(reader, 8, node);
    case NODE_COMPLEX:
        return read_values(reader, 16, node);
    case NODE_RAW:
    case NODE_SPECIAL: /* the name of the function */
    case NODE_BUILTIN:
        return read_values(reader, 1, node);
    case NODE_TEXT:
        return read_text(reader, node);
    case NODE_LIST:
    case NODE_EXPRESSION:
        status = read_count(reader, 4, &node->count);
        return status ? status : add_links(reader, node->count, &node->first);
    case NODE_BYTECODE:
        return read_word(reader, &ignored); /* how many shared parts its constants have */
    case NODE_POINTER:
    case NODE_WEAK_REFERENCE:
    case NODE_S4:
        return ELMAN_OK;
    default:
        return refuse_word(reader, flags, "the flags of an item");
    }
}

static elman_status read_object(RdataReader *reader, uint32_t flags) {
    RdataNode node = {.type = (RdataNodeType)(flags & ITEM_TYPE)};
    uint32_t id;
    elman_status status;
    if ((status = read_content(reader, flags, &node)) ||
        (status = rdata_reader_add(reader, node, &id)))
        return status;
    if ((node.type == NODE_POINTER || node.type == NODE_WEAK_REFERENCE) &&
        (status = add_reference(reader, id)))
        return status;
    /* The attributes come last, so their frame lies below that of the parts. */
    if (flags & ITEM_ATTRIBUTES && (status = push(reader, FRAME_ATTRIBUTES, id, 0, 0)))
        return status;
    reader->value = id;
    switch (node.type) {
    case NODE_LIST:
    case NODE_EXPRESSION:
        return push(reader, FRAME_LIST, id, 0, node.count);
    case NODE_BYTECODE:
        return push(reader, FRAME_CODE, id, 0, 0);
    case NODE_POINTER:
        return push(reader, FRAME_SKIP, id, 0, 2);
    default:
        return ELMAN_OK;
    }
}

static bool is_pairs(uint32_t flags) {
    const uint32_t type = flags & ITEM_TYPE;
    return type == NODE_PAIRS || type == NODE_CALL || type == NODE_CLOSURE ||
           type == NODE_PROMISE || type == NODE_DOTS;
}

static elman_status read_item(RdataReader *reader) {
    uint32_t flags, id;
    elman_status status = read_word(reader, &flags);
    if (status) return status;
    if (is_pairs(flags)) {
        const RdataNode node = {.type = (RdataNodeType)(flags & ITEM_TYPE)};
        status = rdata_reader_add(reader, node, &id);
        return status ? status : push(reader, FRAME_PAIRS, id, flags, 0);
    }
    switch (flags & ITEM_TYPE) {
    case ITEM_NULL:
    case ITEM_GLOBAL_ENVIRONMENT:
    case ITEM_BASE_ENVIRONMENT:
    case ITEM_EMPTY_ENVIRONMENT:
    case ITEM_BASE_NAMESPACE:
    case ITEM_MISSING_ARGUMENT:
    case ITEM_UNBOUND_VALUE:
        reader->value = 0;
        return ELMAN_OK;
    case ITEM_REFERENCE:
        return read_reference(reader, flags);
    case NODE_SYMBOL:
    case ITEM_PERSISTENT:
    case ITEM_PACKAGE:
    case ITEM_NAMESPACE:
        return read_name(reader, flags & ITEM_TYPE);
    case NODE_ENVIRONMENT:
        return read_environment(reader);
    case NODE_CHARACTERS: /* outside a vector: within code and environments alone */
        reader->at -= 4;
        reader->value = 0;
        return read_characters(reader, &id);
    case ITEM_ALTREP:
        status = rdata_reader_add(reader, (RdataNode){.type = NODE_FOREIGN}, &id);
        return status ? status : push(reader, FRAME_ALTREP, id, 0, 0);
    default:
        return read_object(reader, flags);
    }
}

/* A part of byte code whose type stands before it. */
static elman_status read_code_part(RdataReader *reader, uint32_t type) {
    uint32_t position;
    elman_status status;
    if (type == ITEM_CODE_REFERENCE) {
        reader->value = 0;
        return read_word(reader, &position);
    }
    if (type == ITEM_CODE_DEFINITION) {
        if ((status = read_word(reader, &position)) || (status = read_word(reader, &type)))
            return status;
    }
    if (type == NODE_CALL || type == NODE_PAIRS || type == ITEM_CALL_WITH_ATTRIBUTES ||
        type == ITEM_PAIRS_WITH_ATTRIBUTES)
        return push(reader, FRAME_CODE_PAIRS, 0, type, 0);
    return read_item(reader);
}

/* One pair of code: attributes, name, value, then the next pair, all but the name and the
 * attributes with their type before them. A chain of pairs stays in one frame. */
static elman_status step_code_pairs(RdataReader *reader, RdataFrame *frame) {
    uint32_t type;
    elman_status status;
    switch (frame->waiting) {
    case WAITING_NOTHING:
        frame->waiting = WAITING_ATTRIBUTES;
        if (frame->flags == ITEM_CALL_WITH_ATTRIBUTES || frame->flags == ITEM_PAIRS_WITH_ATTRIBUTES)
            return read_item(reader);
        return ELMAN_OK;
    case WAITING_ATTRIBUTES:
        frame->waiting = WAITING_NAME;
        return read_item(reader);
    case WAITING_NAME:
        frame->waiting = WAITING_VALUE;
        status = read_word(reader, &type);
        return status ? status : read_code_part(reader, type);
    case WAITING_VALUE:
        if ((status = read_word(reader, &type))) return status;
        if (type == NODE_CALL || type == NODE_PAIRS || type == ITEM_CALL_WITH_ATTRIBUTES ||
            type == ITEM_PAIRS_WITH_ATTRIBUTES) {
            frame->flags = type;
            frame->waiting = WAITING_NOTHING;
            return ELMAN_OK;
        }
        frame->waiting = WAITING_NEXT;
        return read_code_part(reader, type);
    case WAITING_NEXT:
        break;
    }
    return finish(reader, 0);
}

/* Byte code: its instructions as an item, then its constants with their types. */
static elman_status step_code(RdataReader *reader, RdataFrame *frame) {
    uint32_t type;
    elman_status status;
    if (frame->waiting == WAITING_NOTHING) {
        frame->waiting = WAITING_VALUE;
        return read_item(reader);
    }
    if (frame->waiting == WAITING_VALUE) {
        if ((status = read_count(reader, 4, &frame->left))) return status;
        frame->waiting = WAITING_NEXT;
    }
    if (frame->left == 0) return finish(reader, frame->head);
    frame->left--;
    if ((status = read_word(reader, &type))) return status;
    if (type == NODE_BYTECODE) return push(reader, FRAME_CODE, frame->head, 0, 0);
    return read_code_part(reader, type);
}

/* Pairs: attributes and name where the flags say so, value, the next pair. A chain of pairs stays
 * in one frame. */
static elman_status step_pairs(RdataReader *reader, RdataFrame *frame) {
    RdataNode *const node = &reader->tree->nodes[frame->node];
    if (frame->waiting == WAITING_ATTRIBUTES) node->attributes = reader->value;
    if (frame->waiting == WAITING_NAME) node->name = reader->value;
    if (frame->waiting == WAITING_VALUE) node->first = reader->value;
    if (frame->waiting == WAITING_NEXT) {
        node->next = reader->value;
        return finish(reader, frame->head);
    }
    if (frame->flags & ITEM_ATTRIBUTES) {
        frame->flags &= ~ITEM_ATTRIBUTES;
        frame->waiting = WAITING_ATTRIBUTES;
        return read_item(reader);
    }
    if (frame->flags & ITEM_NAME) {
        frame->flags &= ~ITEM_NAME;
        frame->waiting = WAITING_NAME;
        return read_item(reader);
    }
    if (frame->waiting != WAITING_VALUE) {
        frame->waiting = WAITING_VALUE;
        return read_item(reader);
    }
    elman_status status = need(reader, 1, 4);
    if (status) return status;
    const uint32_t flags = bytes_word(reader->tree->bytes + reader->at);
    frame->waiting = WAITING_NEXT;
    if (!is_pairs(flags)) return read_item(reader);
    const RdataNode next = {.type = (RdataNodeType)(flags & ITEM_TYPE)};
    uint32_t id;
    if ((status = rdata_reader_add(reader, next, &id))) return status;
    reader->at += 4;
    reader->tree->nodes[frame->node].next = id;
    *frame = (RdataFrame){FRAME_PAIRS, WAITING_NOTHING, frame->head, id, flags, 0};
    return ELMAN_OK;
}

static elman_status step_list(RdataReader *reader, RdataFrame *frame) {
    const RdataNode *const node = &reader->tree->nodes[frame->node];
    if (frame->waiting == WAITING_VALUE)
        reader->tree->links[node->first + (node->count - frame->left - 1)] = reader->value;
    if (frame->left == 0) return finish(reader, frame->head);
    frame->left--;
    frame->waiting = WAITING_VALUE;
    return read_item(reader);
}

static elman_status step_attributes(RdataReader *reader, RdataFrame *frame) {
    if (frame->waiting == WAITING_NOTHING) {
        frame->waiting = WAITING_ATTRIBUTES;
        return read_item(reader);
    }
    reader->tree->nodes[frame->node].attributes = reader->value;
    return finish(reader, frame->node);
}

/* A vector in another form: which one, its state, its attributes. */
static elman_status step_altrep(RdataReader *reader, RdataFrame *frame) {
    RdataNode *const node = &reader->tree->nodes[frame->node];
    switch (frame->waiting) {
    case WAITING_NOTHING:
        frame->waiting = WAITING_NAME;
        return read_item(reader);
    case WAITING_NAME:
        node->name = reader->value;
        frame->waiting = WAITING_VALUE;
        return read_item(reader);
    case WAITING_VALUE:
        node->first = reader->value;
        frame->waiting = WAITING_ATTRIBUTES;
        return read_item(reader);
    case WAITING_ATTRIBUTES:
    case WAITING_NEXT:
        break;
    }
    node->attributes = reader->value;
    const elman_status status = rdata_altrep_resolve(reader, frame->node);
    return status ? status : finish(reader, frame->node);
}

static elman_status step(RdataReader *reader) {
    RdataFrame *const frame = &reader->stack[reader->depth - 1];
    switch (frame->kind) {
    case FRAME_PAIRS:
        return step_pairs(reader, frame);
    case FRAME_LIST:
        return step_list(reader, frame);
    case FRAME_ATTRIBUTES:
        return step_attributes(reader, frame);
    case FRAME_ALTREP:
        return step_altrep(reader, frame);
    case FRAME_CODE:
        return step_code(reader, frame);
    case FRAME_CODE_PAIRS:
        return step_code_pairs(reader, frame);
    case FRAME_SKIP:
        break;
    }
    if (frame->left == 0) return finish(reader, frame->head);
    frame->left--;
    return read_item(reader);
}

/* "X\n", the version of the form, two versions of R; from version 3 on, R's native encoding. */
static elman_status read_header(RdataReader *reader) {
    const RdataPlace *const place = reader->place;
    const unsigned char *const bytes = reader->tree->bytes;
    uint32_t version, ignored, length;
    elman_status status;
    if (reader->tree->size >= 2 && (bytes[0] == 'A' || bytes[0] == 'B') && bytes[1] == '\n')
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: is R data in the form '%c' (%s), expected 'X', which R saves by default",
                    place->file, place->object, bytes[0],
                    bytes[0] == 'A' ? "text" : "binary of one machine");
    if (reader->tree->size < 2 || bytes[0] != 'X' || bytes[1] != '\n')
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s%s: is not R data, expected it to begin "
                    "with 'X' and a newline",
                    place->file, place->object);
    reader->at = 2;
    if ((status = read_word(reader, &version))) return status;
    if (version != 2 && version != 3)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: has R's serialization version %u, expected 2 or 3", place->file,
                    place->object, (unsigned)version);
    if ((status = read_word(reader, &ignored)) || (status = read_word(reader, &ignored)))
        return status;
    if (version == 2) return ELMAN_OK;
    status = read_count(reader, 1, &length);
    if (!status) reader->at += length;
    return status;
}

static elman_status read_all(RdataReader *reader) {
    uint32_t null_node;
    elman_status status;
    if ((status = rdata_reader_add(reader, (RdataNode){.type = NODE_NULL}, &null_node)) ||
        (status = read_header(reader)) || (status = read_item(reader)))
        return status;
    while (reader->depth > 0)
        if ((status = step(reader))) return status;
    reader->tree->root = reader->value;
    if (reader->at == reader->tree->size) return ELMAN_OK;
    return fail(reader->error, ELMAN_ERR_FORMAT,
                "%s%s: byte %zu: found %zu bytes behind the object, expected none",
                reader->place->file, reader->place->object, reader->at,
                reader->tree->size - reader->at);
}

elman_status rdata_tree_read(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                             size_t size, RdataTree *tree, elman_error *error) {
    *tree = (RdataTree){.memory = memory, .bytes = bytes, .size = size};
    RdataReader reader = {
        .tree = tree,
        .place = place,
        .sequence_left = size > RDATA_SEQUENCE_MIN ? size : RDATA_SEQUENCE_MIN,
        .error = error,
    };
    const elman_status status = read_all(&reader);
    memory_release(memory, reader.references);
    return status;
}
