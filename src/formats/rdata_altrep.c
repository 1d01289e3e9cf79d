/* Vectors that R stores in another form (ALTREP): sequences, numbers as texts, wrapped vectors.
 *
 * Their states are those of R's altclasses.c. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "formats/rdata_read.h"

enum { SEQUENCE_STATE = 3 }; /* count, first number, step */

static elman_status refuse(const RdataReader *reader, const char *found) {
    return fail(reader->error, ELMAN_ERR_FORMAT, "%s%s: byte %zu: found %s, expected what R writes",
                reader->place->file, reader->place->object, reader->at, found);
}

static elman_status resolve_sequence(RdataReader *reader, uint32_t id, bool integer) {
    RdataNode *const node = &reader->tree->nodes[id];
    const RdataNode state = reader->tree->nodes[node->first];
    if (state.type != NODE_REAL || state.count != SEQUENCE_STATE)
        return refuse(reader, "a sequence without count, start and step");
    const double count = rdata_number(reader->tree, node->first, 0);
    const double first = rdata_number(reader->tree, node->first, 1);
    const double step = rdata_number(reader->tree, node->first, 2);
    const double last = first + step * (count - 1);
    if (!(count >= 0) || count != floor(count) || !isfinite(last))
        return refuse(reader, "a sequence whose numbers are not finite");
    if (integer && (first != floor(first) || step != floor(step) || fabs(first) > INT32_MAX ||
                    fabs(last) > INT32_MAX))
        return refuse(reader, "a sequence of integers beyond R's");
    if (count > (double)reader->sequence_left)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: byte %zu: found a sequence of %.0f numbers, expected at most %zu in so "
                    "small a file",
                    reader->place->file, reader->place->object, reader->at, count,
                    reader->sequence_left);
    reader->sequence_left -= (size_t)count;
    *node = (RdataNode){.type = integer ? NODE_INTEGER_SEQUENCE : NODE_REAL_SEQUENCE,
                        .attributes = node->attributes,
                        .count = (uint32_t)count,
                        .first = state.first + 8};
    return ELMAN_OK;
}

/* Numbers that were to become texts when somebody asks for them. */
static elman_status resolve_texts(RdataReader *reader, uint32_t id) {
    RdataNode *const node = &reader->tree->nodes[id];
    const RdataNode *const state = &reader->tree->nodes[node->first];
    if (state->type != NODE_PAIRS || !rdata_is_numeric(reader->tree, state->first))
        return refuse(reader, "texts of something other than numbers");
    *node = (RdataNode){.type = NODE_NUMBER_TEXT,
                        .attributes = node->attributes,
                        .count = reader->tree->nodes[state->first].count,
                        .first = state->first};
    return ELMAN_OK;
}

/* A vector of which R knows more, such as that it is sorted. */
static elman_status resolve_wrapped(RdataReader *reader, uint32_t id) {
    RdataTree *const tree = reader->tree;
    RdataNode *const node = &tree->nodes[id];
    const RdataNode *const state = &tree->nodes[node->first];
    uint32_t inner = 0;
    if (state->type == NODE_PAIRS) inner = state->first;
    if (state->type == NODE_LIST && state->count > 0) inner = rdata_element(tree, node->first, 0);
    if (inner == 0) return refuse(reader, "a wrapper without its vector");
    const uint32_t attributes = node->attributes;
    *node = tree->nodes[inner];
    node->attributes = attributes;
    return ELMAN_OK;
}

elman_status rdata_altrep_resolve(RdataReader *reader, uint32_t id) {
    RdataTree *const tree = reader->tree;
    const RdataNode *const information = &tree->nodes[tree->nodes[id].name];
    if (information->type != NODE_PAIRS || tree->nodes[information->first].type != NODE_SYMBOL)
        return refuse(reader, "a vector's form without its name");
    const RdataCharacters name = rdata_symbol(tree, information->first);
    static const char *const names[] = {"compact_intseq", "compact_realseq", "deferred_string",
                                        "wrap_"};
    enum { INTEGERS, REALS, TEXTS, WRAPPED, NAMES };
    size_t which = 0;
    for (; which < NAMES; which++) {
        const size_t length = strlen(names[which]);
        if (name.length < length || memcmp(name.bytes, names[which], length) != 0) continue;
        if (name.length == length || which == WRAPPED) break;
    }
    switch (which) {
    case INTEGERS:
    case REALS:
        return resolve_sequence(reader, id, which == INTEGERS);
    case TEXTS:
        return resolve_texts(reader, id);
    case WRAPPED:
        return resolve_wrapped(reader, id);
    default:
        tree->nodes[id].first = information->first;
        return ELMAN_OK;
    }
}
