/* Inflates LZMA2, the compression of xz.
 *
 * Format: the LZMA specification of the LZMA SDK (2015), and for the chunks of LZMA2 the
 * description of the .xz file format. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/fail.h"
#include "formats/rdata.h"
#include "formats/rdata_inflate.h"

enum {
    STATES = 12,
    FIRST_MATCH_STATE = 7, /* states below follow a literal */
    POSITION_STATES = 16,
    LENGTH_STATES = 4, /* of a match of 2, 3, 4, 5 or more bytes */
    SLOTS = 64,
    FIRST_ALIGNED_SLOT = 14,
    SPECIAL = 115, /* low bits of distances in the slots 4 to 13 */
    ALIGN_BITS = 4,
    LITERAL_SIZE = 0x300,
    LITERAL_CODERS = 16, /* 2^(lc + lp), which LZMA2 limits */
    SHORTEST_MATCH = 2,
    FIRST_RATIO = 16
};

#define EVEN_CHANCE 1024
#define RANGE_MIN   ((uint32_t)1 << 24)

typedef uint16_t Chance; /* of a 0, in 1/2048 */

typedef struct LengthCoder {
    Chance above_low, above_middle;
    Chance low[POSITION_STATES][8], middle[POSITION_STATES][8], high[256];
} LengthCoder;

typedef struct Chances {
    Chance is_match[STATES][POSITION_STATES], is_repeat[STATES];
    Chance is_older[STATES], is_older2[STATES], is_older3[STATES];
    Chance is_long[STATES][POSITION_STATES];
    Chance slot[LENGTH_STATES][SLOTS], special[SPECIAL], align[1 << ALIGN_BITS];
    LengthCoder match, repeat;
    Chance literal[LITERAL_CODERS][LITERAL_SIZE];
} Chances;

typedef struct Decoder {
    Memory *memory;
    const RdataPlace *place;
    const unsigned char *at, *end; /* of all input, then of one chunk */
    uint32_t range, code;
    bool is_cut; /* more input was asked for than a chunk has */
    unsigned context_bits, position_bits_literal, position_bits; /* lc, lp, pb */
    unsigned state;
    size_t distance[4]; /* of the last matches, newest first, less 1 */
    unsigned char *block;
    size_t capacity, used;
    size_t start; /* of the dictionary: nothing before it may be copied */
    Chances *chances;
    elman_error *error;
} Decoder;

static elman_status damaged(const Decoder *d, const char *found) {
    return fail(d->error, ELMAN_ERR_FORMAT, "%s%s: its compressed data is damaged (LZMA2: %s)",
                d->place->file, d->place->object, found);
}

static elman_status no_memory(const Decoder *d) {
    return fail(d->error, ELMAN_ERR_MEMORY, "%s%s: no memory for its inflated bytes",
                d->place->file, d->place->object);
}

/* Makes room for `more` bytes of output. */
static elman_status make_room(Decoder *d, size_t more) {
    if (more > RDATA_BYTES_MAX - d->used)
        return fail(d->error, ELMAN_ERR_DATA,
                    "%s%s: inflates to more than %zu bytes, the most that is read", d->place->file,
                    d->place->object, RDATA_BYTES_MAX);
    if (more <= d->capacity - d->used) return ELMAN_OK;
    const size_t needed = d->used + more;
    const size_t larger = needed < RDATA_BYTES_MAX / 2 ? needed * 2 : RDATA_BYTES_MAX;
    unsigned char *const block = memory_allocate(d->memory, larger);
    if (!block) return no_memory(d);
    memcpy(block, d->block, d->used);
    memory_release(d->memory, d->block);
    d->block = block;
    d->capacity = larger;
    return ELMAN_OK;
}

static void normalise(Decoder *d) {
    if (d->range >= RANGE_MIN) return;
    d->range <<= 8;
    d->code <<= 8;
    if (d->at < d->end)
        d->code |= *d->at++;
    else
        d->is_cut = true;
}

static unsigned decode_bit(Decoder *d, Chance *chance) {
    const uint32_t bound = (d->range >> 11) * *chance;
    unsigned bit = 0;
    if (d->code < bound) {
        d->range = bound;
        *chance = (Chance)(*chance + ((2048 - *chance) >> 5));
    } else {
        d->range -= bound;
        d->code -= bound;
        *chance = (Chance)(*chance - (*chance >> 5));
        bit = 1;
    }
    normalise(d);
    return bit;
}

/* `count` bits, the highest first, each with a chance that depends on those before it. */
static unsigned decode_tree(Decoder *d, Chance *chances, unsigned count) {
    unsigned symbol = 1;
    for (unsigned i = 0; i < count; i++) symbol = symbol << 1 | decode_bit(d, chances + symbol);
    return symbol - (1u << count);
}

/* The same with the lowest bit first. */
static unsigned decode_reverse(Decoder *d, Chance *chances, unsigned count) {
    unsigned symbol = 1, value = 0;
    for (unsigned i = 0; i < count; i++) {
        const unsigned bit = decode_bit(d, chances + symbol);
        symbol = symbol << 1 | bit;
        value |= bit << i;
    }
    return value;
}

/* `count` bits whose chances are even. */
static uint32_t decode_direct(Decoder *d, unsigned count) {
    uint32_t value = 0;
    while (count-- > 0) {
        d->range >>= 1;
        const uint32_t bit = d->code >= d->range;
        if (bit) d->code -= d->range;
        value = value << 1 | bit;
        normalise(d);
    }
    return value;
}

static void decode_literal(Decoder *d) {
    const size_t position = d->used - d->start;
    const unsigned before = position > 0 ? d->block[d->used - 1] : 0;
    const size_t low = position & ((1u << d->position_bits_literal) - 1);
    Chance *const chances =
        d->chances->literal[(low << d->context_bits) + (before >> (8 - d->context_bits))];
    unsigned symbol = 1;
    if (d->state >= FIRST_MATCH_STATE) {
        /* The byte that the last match would have gone on with is a guess, until it is wrong. */
        unsigned guess = d->block[d->used - d->distance[0] - 1];
        while (symbol < 0x100) {
            const unsigned expected = guess >> 7 & 1;
            guess <<= 1;
            const unsigned bit = decode_bit(d, chances + ((1 + expected) << 8) + symbol);
            symbol = symbol << 1 | bit;
            if (bit != expected) break;
        }
    }
    while (symbol < 0x100) symbol = symbol << 1 | decode_bit(d, chances + symbol);
    d->block[d->used++] = (unsigned char)symbol;
    d->state = d->state < 4 ? 0 : d->state < 10 ? d->state - 3 : d->state - 6;
}

static size_t decode_length(Decoder *d, LengthCoder *coder, size_t position_state) {
    if (!decode_bit(d, &coder->above_low))
        return SHORTEST_MATCH + decode_tree(d, coder->low[position_state], 3);
    if (!decode_bit(d, &coder->above_middle))
        return SHORTEST_MATCH + 8 + decode_tree(d, coder->middle[position_state], 3);
    return SHORTEST_MATCH + 16 + decode_tree(d, coder->high, 8);
}

static size_t decode_distance(Decoder *d, size_t length) {
    const size_t which = length - SHORTEST_MATCH;
    const unsigned slot =
        decode_tree(d, d->chances->slot[which < LENGTH_STATES ? which : LENGTH_STATES - 1], 6);
    if (slot < 4) return slot;
    const unsigned bits = (slot >> 1) - 1;
    const uint32_t base = (2u | (slot & 1)) << bits;
    if (slot < FIRST_ALIGNED_SLOT)
        return base + decode_reverse(d, d->chances->special + base - slot, bits);
    const uint32_t middle = decode_direct(d, bits - ALIGN_BITS) << ALIGN_BITS;
    return (size_t)base + middle + decode_reverse(d, d->chances->align, ALIGN_BITS);
}

/* Moves one of the last distances to the front. */
static void take_distance(Decoder *d, size_t which) {
    const size_t taken = d->distance[which];
    for (; which > 0; which--) d->distance[which] = d->distance[which - 1];
    d->distance[0] = taken;
}

/* A match: finds its distance and returns its length. */
static size_t decode_match(Decoder *d, size_t position_state) {
    Chances *const c = d->chances;
    const unsigned state = d->state;
    const bool after_literal = state < FIRST_MATCH_STATE;
    if (!decode_bit(d, &c->is_repeat[state])) {
        const size_t length = decode_length(d, &c->match, position_state);
        take_distance(d, 3);
        d->distance[0] = decode_distance(d, length);
        d->state = after_literal ? 7 : 10;
        return length;
    }
    if (!decode_bit(d, &c->is_older[state])) {
        if (!decode_bit(d, &c->is_long[state][position_state])) {
            d->state = after_literal ? 9 : 11;
            return 1;
        }
    } else if (!decode_bit(d, &c->is_older2[state])) {
        take_distance(d, 1);
    } else {
        take_distance(d, decode_bit(d, &c->is_older3[state]) ? 3 : 2);
    }
    d->state = after_literal ? 8 : 11;
    return decode_length(d, &c->repeat, position_state);
}

/* The LZMA data of one chunk, which gives `size` bytes. */
static elman_status decode_chunk(Decoder *d, size_t size) {
    const size_t end = d->used + size;
    while (d->used < end) {
        const size_t position_state = (d->used - d->start) & ((1u << d->position_bits) - 1);
        if (!decode_bit(d, &d->chances->is_match[d->state][position_state])) {
            decode_literal(d);
        } else {
            const size_t length = decode_match(d, position_state);
            if (d->distance[0] >= d->used - d->start)
                return damaged(d, "a distance to before its start");
            if (length > end - d->used) return damaged(d, "a match beyond its chunk");
            for (size_t i = 0; i < length; i++, d->used++)
                d->block[d->used] = d->block[d->used - d->distance[0] - 1];
        }
        if (d->is_cut) return damaged(d, "a chunk ends too early");
    }
    if (d->at != d->end || d->code != 0) return damaged(d, "a chunk ends too late");
    return ELMAN_OK;
}

static void reset_state(Decoder *d) {
    Chance *const chances = (Chance *)(void *)d->chances;
    for (size_t i = 0; i < sizeof *d->chances / sizeof *chances; i++) chances[i] = EVEN_CHANCE;
    memset(d->distance, 0, sizeof d->distance);
    d->state = 0;
}

static elman_status set_properties(Decoder *d, unsigned byte) {
    if (byte >= 9 * 5 * 5) return damaged(d, "unknown properties");
    d->context_bits = byte % 9;
    d->position_bits_literal = byte / 9 % 5;
    d->position_bits = byte / 45;
    return d->context_bits + d->position_bits_literal <= 4 ? ELMAN_OK
                                                           : damaged(d, "unknown properties");
}

/* A chunk of LZMA data: control with five bits of its size, sizes less 1, perhaps properties. */
static elman_status read_compressed(Decoder *d, unsigned control) {
    const unsigned resets = control >> 5 & 3; /* 1: state, 2: properties too, 3: all */
    const unsigned char *const all_end = d->end;
    const size_t header = resets >= 2 ? 5 : 4;
    elman_status status;
    if ((size_t)(all_end - d->at) < header) return damaged(d, "it ends too early");
    const size_t size = ((size_t)(control & 0x1F) << 16 | (size_t)d->at[0] << 8 | d->at[1]) + 1;
    const size_t packed = ((size_t)d->at[2] << 8 | d->at[3]) + 1;
    if (resets >= 2 && (status = set_properties(d, d->at[4]))) return status;
    d->at += header;
    if ((size_t)(all_end - d->at) < packed) return damaged(d, "it ends too early");
    if (packed < 5 || d->at[0] != 0) return damaged(d, "a chunk without its start");
    if (resets >= 1) reset_state(d);
    if ((status = make_room(d, size))) return status;
    d->end = d->at + packed;
    d->range = UINT32_MAX;
    d->code =
        (uint32_t)d->at[1] << 24 | (uint32_t)d->at[2] << 16 | (uint32_t)d->at[3] << 8 | d->at[4];
    d->at += 5;
    status = decode_chunk(d, size);
    d->end = all_end;
    return status;
}

static elman_status read_stored(Decoder *d) {
    if (d->end - d->at < 2) return damaged(d, "it ends too early");
    const size_t size = ((size_t)d->at[0] << 8 | d->at[1]) + 1;
    d->at += 2;
    if ((size_t)(d->end - d->at) < size) return damaged(d, "it ends too early");
    const elman_status status = make_room(d, size);
    if (status) return status;
    memcpy(d->block + d->used, d->at, size);
    d->used += size;
    d->at += size;
    return ELMAN_OK;
}

static elman_status read_chunks(Decoder *d) {
    bool has_start = false, has_properties = false;
    while (d->at < d->end) {
        const unsigned control = *d->at++;
        if (control == 0) return ELMAN_OK;
        if (control > 2 && control < 0x80) return damaged(d, "an unknown kind of chunk");
        if (control == 1 || control >= 0xE0) { /* nothing before this may be copied */
            d->start = d->used;
            has_start = true;
            has_properties = false;
        }
        if (control >= 0xC0) has_properties = true;
        if (!has_start || (control >= 0x80 && !has_properties))
            return damaged(d, "a chunk that needs one before it");
        const elman_status status = control < 0x80 ? read_stored(d) : read_compressed(d, control);
        if (status) return status;
    }
    return damaged(d, "it ends too early");
}

elman_status rdata_lzma2(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                         size_t size, size_t expected, size_t *taken, unsigned char **inflated,
                         size_t *inflated_size, elman_error *error) {
    Decoder d = {
        .memory = memory, .place = place, .at = bytes, .end = bytes + size, .error = error};
    *inflated = NULL;
    *inflated_size = 0;
    d.capacity = expected / FIRST_RATIO < size ? expected : size * FIRST_RATIO;
    d.chances = memory_allocate(memory, sizeof *d.chances);
    d.block = memory_allocate(memory, d.capacity);
    const elman_status status = d.chances && d.block ? read_chunks(&d) : no_memory(&d);
    memory_release(memory, d.chances);
    if (status) {
        memory_release(memory, d.block);
        return status;
    }
    *taken = (size_t)(d.at - bytes);
    *inflated = d.block;
    *inflated_size = d.used;
    return ELMAN_OK;
}
