/* The header of a safetensors file: one pass over its text, then one look at all tensors together.
 *
 * Source: the format's description and its reference reader, github.com/huggingface/safetensors. */
#include "formats/safetensors_header.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/json_string.h"
#include "formats/order.h"

static const char METADATA_KEY[] = "__metadata__";

/* The shortest texts of a tensor and of a metadata pair, with the comma behind them: a header of n
 * bytes holds at most n divided by these. */
enum {
    TENSOR_TEXT_MIN = sizeof("\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,0]},") - 1,
    PAIR_TEXT_MIN = sizeof("\"\":\"\",") - 1,
    HEADER_START = 8 /* where the header starts in the file: offsets in messages count from there */
};

typedef struct Parser {
    const char *name; /* of the file */
    SafetensorsHeader *header;
    char *text; /* the header's */
    size_t size, at;
    uint64_t data_size;
    size_t tensors_max, pairs_max;
    bool has_metadata;
    elman_error *error;
} Parser;

/* The keys of a tensor's description, as bits. */
enum { KEY_TYPE = 1, KEY_SHAPE = 2, KEY_OFFSETS = 4, KEYS_ALL = 7 };

/* One tensor while it is read. */
typedef struct Entry {
    HeaderTensor tensor;
    size_t elements; /* the product of the shape */
    unsigned keys;   /* those seen so far */
} Entry;

/* Refuses what stands at the current place. */
static elman_status unexpected(const Parser *parser, const char *expected) {
    char found[32] = "the header's end";
    if (parser->at < parser->size) {
        const unsigned char byte = (unsigned char)parser->text[parser->at];
        const bool printable = byte > 0x20 && byte < 0x7f;
        (void)snprintf(found, sizeof(found), printable ? "'%c'" : "the byte 0x%02x", byte);
    }
    return fail(parser->error, ELMAN_ERR_FORMAT, "%s: byte %zu: found %s, expected %s",
                parser->name, HEADER_START + parser->at, found, expected);
}

static void skip_space(Parser *parser) {
    while (parser->at < parser->size && parser->text[parser->at] != '\0' &&
           strchr(" \t\n\r", parser->text[parser->at]) != NULL)
        parser->at++;
}

/* Steps over `wanted`, if it is next. */
static bool take(Parser *parser, char wanted) {
    skip_space(parser);
    if (parser->at == parser->size || parser->text[parser->at] != wanted) return false;
    parser->at++;
    return true;
}

static elman_status expect(Parser *parser, char wanted, const char *expected) {
    return take(parser, wanted) ? ELMAN_OK : unexpected(parser, expected);
}

/* Reads a string; `*start` is where its unescaped, terminated form stands. */
static elman_status read_string(Parser *parser, uint32_t *start, const char *expected) {
    skip_space(parser);
    if (parser->at == parser->size || parser->text[parser->at] != '"')
        return unexpected(parser, expected);
    *start = (uint32_t)(parser->at + 1);
    const char *wrong = json_string_decode(parser->text, parser->size, parser->at, &parser->at);
    if (wrong == NULL) return ELMAN_OK;
    return fail(parser->error, ELMAN_ERR_FORMAT, "%s: byte %zu: found %s, expected %s",
                parser->name, HEADER_START + parser->at, wrong, expected);
}

/* Reads a number without sign, fraction, exponent or leading zeros. */
static elman_status read_number(Parser *parser, size_t *number) {
    skip_space(parser);
    const size_t first = parser->at;
    *number = 0;
    for (; parser->at < parser->size; parser->at++) {
        const char c = parser->text[parser->at];
        if (c < '0' || c > '9') break;
        if (!size_mul(*number, 10, number) || !size_add(*number, (size_t)(c - '0'), number))
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: byte %zu: found a number above %zu, expected a smaller one",
                        parser->name, HEADER_START + first, SIZE_MAX);
    }
    if (parser->at == first) return unexpected(parser, "a whole number");
    if (parser->text[first] == '0' && parser->at > first + 1) {
        parser->at = first + 1;
        return unexpected(parser, "no digit behind a leading zero");
    }
    return ELMAN_OK;
}

static elman_status read_type(Parser *parser, Entry *entry) {
    uint32_t start;
    const elman_status status = read_string(parser, &start, "the name of a type as a string");
    if (status != ELMAN_OK) return status;
    for (uint8_t type = 0; type < SAFETENSORS_TYPES; type++) {
        if (strcmp(parser->text + start, safetensors_type_name(type)) != 0) continue;
        entry->tensor.type = type;
        return ELMAN_OK;
    }
    return fail(parser->error, ELMAN_ERR_FORMAT,
                "%s: tensor \"%s\": unknown type \"%.32s\", expected one such as F32", parser->name,
                parser->text + entry->tensor.name, parser->text + start);
}

static elman_status read_shape(Parser *parser, Entry *entry) {
    elman_status status = expect(parser, '[', "'[' before a shape");
    entry->tensor.shape = (uint32_t)parser->at;
    entry->elements = 1;
    if (status != ELMAN_OK || take(parser, ']')) return status;
    do {
        size_t extent;
        status = read_number(parser, &extent);
        if (status != ELMAN_OK) return status;
        if (entry->tensor.rank == SAFETENSORS_RANK_MAX)
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: tensor \"%s\": more than %d dimensions, expected at most that many",
                        parser->name, parser->text + entry->tensor.name, SAFETENSORS_RANK_MAX);
        entry->tensor.rank++;
        if (!size_mul(entry->elements, extent, &entry->elements))
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: tensor \"%s\": the product of its shape does not fit into 64 bits",
                        parser->name, parser->text + entry->tensor.name);
    } while (take(parser, ','));
    return expect(parser, ']', "',' or ']' in a shape");
}

static elman_status read_offsets(Parser *parser, Entry *entry) {
    size_t begin = 0, end = 0;
    elman_status status = expect(parser, '[', "'[' before data_offsets");
    if (status == ELMAN_OK) status = read_number(parser, &begin);
    if (status == ELMAN_OK) status = expect(parser, ',', "',' between two data_offsets");
    if (status == ELMAN_OK) status = read_number(parser, &end);
    if (status == ELMAN_OK) status = expect(parser, ']', "']' behind two data_offsets");
    entry->tensor.begin = begin;
    entry->tensor.end = end;
    return status;
}

static const char *key_name(unsigned key) {
    return key == KEY_TYPE ? "dtype" : key == KEY_SHAPE ? "shape" : "data_offsets";
}

static elman_status read_member(Parser *parser, Entry *entry) {
    uint32_t start;
    elman_status status = read_string(parser, &start, "a key as a string");
    if (status == ELMAN_OK) status = expect(parser, ':', "':' behind a key");
    if (status != ELMAN_OK) return status;

    const char *key = parser->text + start;
    unsigned bit = KEY_TYPE;
    while (bit < KEYS_ALL && strcmp(key, key_name(bit)) != 0) bit <<= 1;
    if (bit > KEYS_ALL)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": unknown key \"%.32s\", expected dtype, shape or "
                    "data_offsets",
                    parser->name, parser->text + entry->tensor.name, key);
    if ((entry->keys & bit) != 0)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": the key %s appears twice, expected it once", parser->name,
                    parser->text + entry->tensor.name, key_name(bit));
    entry->keys |= bit;
    if (bit == KEY_TYPE) return read_type(parser, entry);
    if (bit == KEY_SHAPE) return read_shape(parser, entry);
    return read_offsets(parser, entry);
}

/* Checks what one tensor's description can tell alone. */
static elman_status check_entry(const Parser *parser, const Entry *entry) {
    const HeaderTensor *tensor = &entry->tensor;
    const char *name = parser->text + tensor->name;
    for (unsigned bit = KEY_TYPE; bit < KEYS_ALL; bit <<= 1)
        if ((entry->keys & bit) == 0)
            return fail(parser->error, ELMAN_ERR_FORMAT, "%s: tensor \"%s\": expected a key %s",
                        parser->name, name, key_name(bit));
    size_t bytes;
    if (!size_mul(entry->elements, safetensors_type_size((SafetensorsType)tensor->type), &bytes))
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": its size does not fit into 64 bits", parser->name, name);
    if (tensor->begin > tensor->end)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": ends at byte %" PRIu64 " of the data, before its start at "
                    "%" PRIu64,
                    parser->name, name, tensor->end, tensor->begin);
    if (tensor->end - tensor->begin != bytes)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": has %" PRIu64 " bytes, its shape and type need %zu",
                    parser->name, name, tensor->end - tensor->begin, bytes);
    if (tensor->end > parser->data_size)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: tensor \"%s\": ends at byte %" PRIu64
                    " of the data, the file has %" PRIu64,
                    parser->name, name, tensor->end, parser->data_size);
    return ELMAN_OK;
}

static elman_status read_tensor(Parser *parser, uint32_t name) {
    SafetensorsHeader *header = parser->header;
    Entry entry = {.tensor = {.name = name}};
    if (strlen(parser->text + name) > SAFETENSORS_NAME_MAX)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: byte %zu: a name of %zu bytes, expected at most %d", parser->name,
                    HEADER_START + (size_t)name, strlen(parser->text + name), SAFETENSORS_NAME_MAX);
    if (header->count == parser->tensors_max)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: more than %zu tensors, the most that are read", parser->name,
                    parser->tensors_max);
    elman_status status = expect(parser, '{', "'{' before a tensor");
    if (status == ELMAN_OK && !take(parser, '}')) {
        do {
            status = read_member(parser, &entry);
        } while (status == ELMAN_OK && take(parser, ','));
        if (status == ELMAN_OK) status = expect(parser, '}', "',' or '}' in a tensor");
    }
    if (status == ELMAN_OK) status = check_entry(parser, &entry);
    if (status == ELMAN_OK) header->tensors[header->count++] = entry.tensor;
    return status;
}

static elman_status read_metadata(Parser *parser) {
    SafetensorsHeader *header = parser->header;
    if (parser->has_metadata)
        return fail(parser->error, ELMAN_ERR_FORMAT, "%s: %s appears twice, expected it once",
                    parser->name, METADATA_KEY);
    parser->has_metadata = true;
    elman_status status = expect(parser, '{', "'{' before the metadata");
    if (status != ELMAN_OK || take(parser, '}')) return status;
    do {
        HeaderPair pair = {0, 0};
        if (header->pair_count == parser->pairs_max)
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: more than %zu pairs of metadata, the most that are read", parser->name,
                        parser->pairs_max);
        status = read_string(parser, &pair.key, "a metadata key as a string");
        if (status == ELMAN_OK) status = expect(parser, ':', "':' behind a metadata key");
        if (status == ELMAN_OK)
            status = read_string(parser, &pair.value, "a metadata value as a string");
        if (status != ELMAN_OK) return status;
        header->pairs[header->pair_count++] = pair;
    } while (take(parser, ','));
    return expect(parser, '}', "',' or '}' in the metadata");
}

static elman_status read_text(Parser *parser) {
    if (parser->size == 0 || parser->text[0] != '{')
        return unexpected(parser, "'{' at the header's start");
    parser->at = 1;
    if (!take(parser, '}')) {
        do {
            uint32_t name;
            elman_status status = read_string(parser, &name, "a tensor's name as a string");
            if (status == ELMAN_OK) status = expect(parser, ':', "':' behind a tensor's name");
            if (status != ELMAN_OK) return status;
            if (strcmp(parser->text + name, METADATA_KEY) == 0)
                status = read_metadata(parser);
            else
                status = read_tensor(parser, name);
            if (status != ELMAN_OK) return status;
        } while (take(parser, ','));
        const elman_status status = expect(parser, '}', "',' or '}' behind a tensor");
        if (status != ELMAN_OK) return status;
    }
    while (parser->at < parser->size && parser->text[parser->at] == ' ') parser->at++;
    if (parser->at < parser->size) return unexpected(parser, "only spaces behind the header");
    return ELMAN_OK;
}

static int compare_data(const void *elements, uint32_t a, uint32_t b) {
    const HeaderTensor *x = (const HeaderTensor *)elements + a;
    const HeaderTensor *y = (const HeaderTensor *)elements + b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_names(const void *elements, uint32_t a, uint32_t b) {
    const SafetensorsHeader *header = elements;
    return strcmp(header->text + header->tensors[a].name, header->text + header->tensors[b].name);
}

static int compare_keys(const void *elements, uint32_t a, uint32_t b) {
    const SafetensorsHeader *header = elements;
    return strcmp(header->text + header->pairs[a].key, header->text + header->pairs[b].key);
}

/* Refuses holes, overlaps, and data behind the last tensor. */
static elman_status check_data(const Parser *parser) {
    const SafetensorsHeader *header = parser->header;
    uint64_t expected = 0;
    order_sort(header->by_data, header->count, compare_data, header->tensors);
    for (size_t i = 0; i < header->count; i++) {
        const HeaderTensor *tensor = &header->tensors[header->by_data[i]];
        if (tensor->begin != expected)
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: tensor \"%s\": starts at byte %" PRIu64
                        " of the data, expected %" PRIu64 ", so that there is %s",
                        parser->name, header->text + tensor->name, tensor->begin, expected,
                        tensor->begin > expected ? "no hole" : "no overlap");
        expected = tensor->end;
    }
    if (expected != parser->data_size)
        return fail(parser->error, ELMAN_ERR_FORMAT,
                    "%s: %" PRIu64 " bytes of data, expected %" PRIu64
                    ", the end of the last tensor",
                    parser->name, parser->data_size, expected);
    return ELMAN_OK;
}

static elman_status check_duplicates(const Parser *parser) {
    const SafetensorsHeader *header = parser->header;
    order_sort(header->by_name, header->count, compare_names, header);
    for (size_t i = 1; i < header->count; i++)
        if (compare_names(header, header->by_name[i - 1], header->by_name[i]) == 0)
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: tensor \"%s\": appears twice, expected it once", parser->name,
                        header->text + header->tensors[header->by_name[i]].name);
    order_sort(header->by_key, header->pair_count, compare_keys, header);
    for (size_t i = 1; i < header->pair_count; i++)
        if (compare_keys(header, header->by_key[i - 1], header->by_key[i]) == 0)
            return fail(parser->error, ELMAN_ERR_FORMAT,
                        "%s: metadata \"%.64s\": appears twice, expected it once", parser->name,
                        header->text + header->pairs[header->by_key[i]].key);
    return ELMAN_OK;
}

static bool allocate(Memory *memory, SafetensorsHeader *header, size_t tensors, size_t pairs) {
    header->tensors = memory_allocate_array(memory, tensors, sizeof(*header->tensors));
    header->by_data = memory_allocate_array(memory, tensors, sizeof(*header->by_data));
    header->by_name = memory_allocate_array(memory, tensors, sizeof(*header->by_name));
    header->pairs = memory_allocate_array(memory, pairs, sizeof(*header->pairs));
    header->by_key = memory_allocate_array(memory, pairs, sizeof(*header->by_key));
    return header->tensors != NULL && header->by_data != NULL && header->by_name != NULL &&
           header->pairs != NULL && header->by_key != NULL;
}

static size_t at_most(size_t count, size_t limit) {
    return count < limit ? count : limit;
}

elman_status safetensors_header_parse(Memory *memory, const char *name, char *text, size_t size,
                                      uint64_t data_size, SafetensorsHeader *header,
                                      elman_error *error) {
    assert(size <= SAFETENSORS_HEADER_MAX);
    *header = (SafetensorsHeader){.text = text, .size = size};
    Parser parser = {
        .name = name,
        .header = header,
        .text = text,
        .size = size,
        .data_size = data_size,
        .tensors_max = at_most(size / TENSOR_TEXT_MIN + 1, SAFETENSORS_TENSORS_MAX),
        .pairs_max = at_most(size / PAIR_TEXT_MIN + 1, SAFETENSORS_METADATA_MAX),
        .error = error,
    };
    elman_status status = ELMAN_OK;
    if (!allocate(memory, header, parser.tensors_max, parser.pairs_max))
        status =
            fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its header of %zu bytes", name, size);
    if (status == ELMAN_OK) status = read_text(&parser);
    if (status == ELMAN_OK) status = check_duplicates(&parser);
    if (status == ELMAN_OK) status = check_data(&parser);
    if (status != ELMAN_OK) safetensors_header_release(memory, header);
    return status;
}

void safetensors_header_release(Memory *memory, SafetensorsHeader *header) {
    memory_release(memory, header->by_key);
    memory_release(memory, header->pairs);
    memory_release(memory, header->by_name);
    memory_release(memory, header->by_data);
    memory_release(memory, header->tensors);
    memory_release(memory, header->text);
    *header = (SafetensorsHeader){0};
}
