/* Makes columns of numbers and texts from nodes of R's data. */
#include "formats/rdata_column.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/rdata_text.h"

void *rdata_maker_allocate(RdataMaker *maker, size_t count, size_t size) {
    size_t bytes;
    RdataBlock *block = NULL;
    if (size_mul(count, size, &bytes) && size_add(bytes, MEMORY_ALIGNMENT, &bytes))
        block = memory_allocate(maker->memory, bytes);
    if (!block) {
        (void)fail(maker->error, ELMAN_ERR_MEMORY, "%s%s: no memory for its table",
                   maker->place->file, maker->place->object);
        return NULL;
    }
    block->next = maker->blocks;
    maker->blocks = block;
    return (unsigned char *)block + MEMORY_ALIGNMENT;
}

elman_status rdata_maker_text(RdataMaker *maker, RdataCharacters characters, const char **text) {
    char *const copy = rdata_maker_allocate(maker, rdata_text_utf8(characters, NULL), 1);
    if (!copy) return ELMAN_ERR_MEMORY;
    (void)rdata_text_utf8(characters, copy);
    *text = copy;
    return ELMAN_OK;
}

/* Writes one text with a final zero and returns how many bytes that are; out NULL: only counts;
 * 0: it is missing. */
static size_t write_text(const RdataTree *tree, uint32_t id, size_t index, char *out) {
    const RdataNode *const node = rdata_node(tree, id);
    if (node->type == NODE_TEXT) {
        const RdataCharacters characters = rdata_characters(tree, id, index);
        return characters.bytes ? rdata_text_utf8(characters, out) : 0;
    }
    char text[RDATA_NUMBER_TEXT_MAX];
    const double number = rdata_number(tree, node->first, index);
    if (isnan(number)) return 0;
    const size_t length = rdata_text_number(number, text);
    if (out) memcpy(out, text, length);
    return length;
}

elman_status rdata_maker_texts(RdataMaker *maker, uint32_t node, size_t first, size_t count,
                               const char *const **texts) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += write_text(maker->tree, node, first + i, NULL);
    const char **const pointers = rdata_maker_allocate(maker, count, sizeof *pointers);
    char *at = pointers ? rdata_maker_allocate(maker, total, 1) : NULL;
    if (!at) return ELMAN_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const size_t length = write_text(maker->tree, node, first + i, at);
        pointers[i] = length > 0 ? at : NULL;
        at += length;
    }
    *texts = pointers;
    return ELMAN_OK;
}

bool rdata_is_vector(const RdataTree *tree, uint32_t node) {
    return rdata_is_numeric(tree, node) || rdata_is_text(tree, node);
}

static RdataType type_of(const RdataTree *tree, uint32_t node) {
    const uint32_t classes = rdata_attribute(tree, node, "class");
    if (rdata_is_text(tree, node)) return RDATA_TEXT;
    if (!rdata_is_numeric(tree, node)) return RDATA_OTHER;
    const RdataNodeType type = rdata_node(tree, node)->type;
    if (rdata_has_text(tree, classes, "Date")) return RDATA_DATE;
    if (rdata_has_text(tree, classes, "POSIXct")) return RDATA_TIME;
    if (rdata_has_text(tree, classes, "factor") && type != NODE_REAL) return RDATA_FACTOR;
    if (type == NODE_LOGICAL) return RDATA_LOGICAL;
    if (type == NODE_REAL && rdata_has_text(tree, classes, "integer64")) return RDATA_INTEGER;
    return type == NODE_INTEGER || type == NODE_INTEGER_SEQUENCE ? RDATA_INTEGER : RDATA_REAL;
}

static elman_status add_levels(RdataMaker *maker, uint32_t node, RdataColumn *column) {
    const uint32_t levels = rdata_attribute(maker->tree, node, "levels");
    if (!rdata_is_text(maker->tree, levels))
        return fail(maker->error, ELMAN_ERR_DATA,
                    "%s%s: column \"%.80s\" is a factor without levels, expected some",
                    maker->place->file, maker->place->object, column->name);
    column->level_count = rdata_node(maker->tree, levels)->count;
    const elman_status status =
        rdata_maker_texts(maker, levels, 0, column->level_count, &column->levels);
    for (size_t i = 0; !status && i < column->level_count; i++)
        if (!column->levels[i])
            return fail(maker->error, ELMAN_ERR_DATA,
                        "%s%s: column \"%.80s\": level %zu is missing, expected a text",
                        maker->place->file, maker->place->object, column->name, i + 1);
    return status;
}

static elman_status add_zone(RdataMaker *maker, uint32_t node, RdataColumn *column) {
    const uint32_t zone = rdata_attribute(maker->tree, node, "tzone");
    const RdataNode *const z = rdata_node(maker->tree, zone);
    if (z->type != NODE_TEXT || z->count == 0) return ELMAN_OK;
    return rdata_maker_text(maker, rdata_characters(maker->tree, zone, 0), &column->zone);
}

elman_status rdata_maker_kind(RdataMaker *maker, uint32_t node, RdataColumn *column) {
    column->type = type_of(maker->tree, node);
    column->zone = "";
    if (column->type == RDATA_FACTOR) return add_levels(maker, node, column);
    return column->type == RDATA_TIME ? add_zone(maker, node, column) : ELMAN_OK;
}

/* An integer64 of the package bit64: 64 bits in the place of a real. */
static double long_number(uint64_t bits) {
    if (bits == (uint64_t)1 << 63) return NAN;
    return bits >> 63 ? -(double)(~bits + 1) : (double)bits;
}

static elman_status add_numbers(RdataMaker *maker, uint32_t node, size_t first, size_t rows,
                                RdataColumn *column) {
    const RdataTree *const tree = maker->tree;
    const bool is_long = column->type == RDATA_INTEGER && rdata_node(tree, node)->type == NODE_REAL;
    double *const numbers = rdata_maker_allocate(maker, rows, sizeof *numbers);
    if (!numbers) return ELMAN_ERR_MEMORY;
    for (size_t i = 0; i < rows; i++)
        numbers[i] = is_long ? long_number(rdata_bits(tree, node, first + i))
                             : rdata_number(tree, node, first + i);
    column->numbers = numbers;
    return ELMAN_OK;
}

static elman_status check_levels(const RdataMaker *maker, size_t rows, const RdataColumn *column) {
    for (size_t i = 0; i < rows; i++) {
        const double number = column->numbers[i];
        if (number < 1 || number > (double)column->level_count)
            return fail(maker->error, ELMAN_ERR_DATA,
                        "%s%s: column \"%.80s\", row %zu: found level %.0f, expected 1 to %zu",
                        maker->place->file, maker->place->object, column->name, i + 1, number,
                        column->level_count);
    }
    return ELMAN_OK;
}

elman_status rdata_maker_values(RdataMaker *maker, uint32_t node, size_t first, size_t rows,
                                RdataColumn *column) {
    if (column->type == RDATA_OTHER) return ELMAN_OK;
    if (column->type == RDATA_TEXT)
        return rdata_maker_texts(maker, node, first, rows, &column->texts);
    const elman_status status = add_numbers(maker, node, first, rows, column);
    if (status || column->type != RDATA_FACTOR) return status;
    return check_levels(maker, rows, column);
}
