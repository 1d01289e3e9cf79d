/* Characters to tokens and back: a two-level table of the characters that occur. */
#include <stdbool.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/memory.h"
#include "data/characters.h"
#include "data/text.h"

enum {
    PAGE_SIZE = 256,              /* characters that share one page of tokens */
    PAGES = 0x110000 / PAGE_SIZE, /* pages of all Unicode */
    WORD_BITS = 64,               /* of the set of characters seen */
    SET_WORDS = 0x110000 / WORD_BITS,
    UNKNOWN_CHARACTER = -1
};

struct elman_vocabulary {
    Memory *memory;
    size_t size;
    int32_t *characters;         /* [size]; characters[0] is UNKNOWN_CHARACTER */
    int32_t (*pages)[PAGE_SIZE]; /* tokens; page 0 has no character and is all zeros */
    uint16_t page_of[PAGES];
};

/* Fills `pages` from `characters`; false when there is no memory. */
static bool build_pages(elman_vocabulary *vocabulary) {
    size_t pages = 1;
    for (size_t token = 1; token < vocabulary->size; token++) {
        uint16_t *page = &vocabulary->page_of[vocabulary->characters[token] / PAGE_SIZE];
        if (*page == 0) *page = (uint16_t)pages++;
    }
    vocabulary->pages =
        memory_allocate_array(vocabulary->memory, pages, sizeof(*vocabulary->pages));
    if (!vocabulary->pages) return false;
    for (size_t token = 1; token < vocabulary->size; token++) {
        const int32_t character = vocabulary->characters[token];
        const uint16_t page = vocabulary->page_of[character / PAGE_SIZE];
        vocabulary->pages[page][character % PAGE_SIZE] = (int32_t)token;
    }
    return true;
}

/* A vocabulary of characters that have been checked. */
static elman_status create(elman_context *context, const int32_t *characters, size_t count,
                           elman_vocabulary **result, elman_error *error) {
    Memory *memory = &context->memory;
    elman_vocabulary *vocabulary = memory_allocate(memory, sizeof(*vocabulary));
    *result = NULL;
    if (vocabulary) {
        vocabulary->memory = memory;
        vocabulary->size = count;
        vocabulary->characters = memory_allocate_array(memory, count, sizeof(int32_t));
        if (vocabulary->characters) {
            memcpy(vocabulary->characters, characters, count * sizeof(int32_t));
            if (build_pages(vocabulary)) {
                *result = vocabulary;
                return ELMAN_OK;
            }
        }
    }
    elman_vocabulary_destroy(vocabulary);
    return fail(error, ELMAN_ERR_MEMORY, "no memory for a vocabulary of %zu tokens", count);
}

/* Marks the characters that occur; returns how many differ, 0 after an error. */
static size_t mark(const int32_t *characters, size_t count, uint64_t *set, elman_error *error) {
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t character = characters[i];
        if (!character_is_valid(character)) {
            (void)fail(error, ELMAN_ERR_DATA, "character %zu is %ld, which no text can hold", i,
                       (long)character);
            return 0;
        }
        uint64_t *word = &set[character / WORD_BITS];
        const uint64_t bit = UINT64_C(1) << (character % WORD_BITS);
        distinct += (*word & bit) == 0;
        *word |= bit;
    }
    if (distinct == 0) (void)fail(error, ELMAN_ERR_DATA, "no characters to make a vocabulary of");
    return distinct;
}

elman_status elman_vocabulary_create(elman_context *context, const int32_t *characters,
                                     size_t count, elman_vocabulary **vocabulary,
                                     elman_error *error) {
    Memory *memory = &context->memory;
    elman_status status = ELMAN_ERR_DATA;
    int32_t *members = NULL;
    size_t size = 1;
    *vocabulary = NULL;
    uint64_t *set = memory_allocate_array(memory, SET_WORDS, sizeof(*set));
    if (!set) return fail(error, ELMAN_ERR_MEMORY, "no memory for a vocabulary");
    const size_t distinct = mark(characters, count, set, error);
    if (distinct == 0) goto done;

    members = memory_allocate_array(memory, distinct + 1, sizeof(*members));
    if (!members) {
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for a vocabulary");
        goto done;
    }
    members[0] = UNKNOWN_CHARACTER;
    for (int32_t word = 0; word < SET_WORDS; word++) {
        for (uint64_t rest = set[word], bit = 0; rest != 0; rest >>= 1, bit++) {
            if (rest & 1) members[size++] = word * WORD_BITS + (int32_t)bit;
        }
    }
    status = create(context, members, size, vocabulary, error);

done:
    memory_release(memory, members);
    memory_release(memory, set);
    return status;
}

elman_status vocabulary_from_characters(elman_context *context, const int32_t *characters,
                                        size_t count, elman_vocabulary **vocabulary,
                                        elman_error *error) {
    *vocabulary = NULL;
    if (count == 0 || characters[0] != UNKNOWN_CHARACTER) {
        return fail(error, ELMAN_ERR_FORMAT,
                    "vocabulary: the first entry is no -1, the unknown character");
    }
    for (size_t token = 1; token < count; token++) {
        const int32_t character = characters[token];
        if (character <= characters[token - 1]) {
            return fail(error, ELMAN_ERR_FORMAT,
                        "vocabulary: entry %zu (%ld) is not above the one before it (%ld)", token,
                        (long)character, (long)characters[token - 1]);
        }
        if (character >= 0x110000 || (character >= 0xD800 && character < 0xE000)) {
            return fail(error, ELMAN_ERR_FORMAT,
                        "vocabulary: entry %zu (%ld) is no Unicode scalar value", token,
                        (long)character);
        }
        if (!character_is_valid(character)) {
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "vocabulary: entry %zu (%ld) needs a library built with utf8proc", token,
                        (long)character);
        }
    }
    return create(context, characters, count, vocabulary, error);
}

const int32_t *vocabulary_characters(const elman_vocabulary *vocabulary) {
    return vocabulary->characters;
}

void elman_vocabulary_destroy(elman_vocabulary *vocabulary) {
    if (!vocabulary) return;
    Memory *memory = vocabulary->memory;
    memory_release(memory, vocabulary->pages);
    memory_release(memory, vocabulary->characters);
    memory_release(memory, vocabulary);
}

size_t elman_vocabulary_size(const elman_vocabulary *vocabulary) {
    return vocabulary->size;
}

int32_t elman_vocabulary_character(const elman_vocabulary *vocabulary, int32_t token) {
    if (token < 0 || (size_t)token >= vocabulary->size) return UNKNOWN_CHARACTER;
    return vocabulary->characters[token];
}

size_t elman_vocabulary_encode(const elman_vocabulary *vocabulary, const int32_t *characters,
                               size_t count, int32_t *tokens) {
    size_t unknown = 0;
    for (size_t i = 0; i < count; i++) {
        /* As an unsigned number a negative character is out of range too. */
        const uint32_t character = (uint32_t)characters[i];
        int32_t token = ELMAN_TOKEN_UNKNOWN;
        if (character < (uint32_t)characters_end) {
            const uint16_t page = vocabulary->page_of[character / PAGE_SIZE];
            token = vocabulary->pages[page][character % PAGE_SIZE];
        }
        unknown += token == ELMAN_TOKEN_UNKNOWN;
        tokens[i] = token;
    }
    return unknown;
}

size_t elman_vocabulary_decode(const elman_vocabulary *vocabulary, int32_t token, char utf8[5]) {
    const int32_t character = elman_vocabulary_character(vocabulary, token);
    if (character != UNKNOWN_CHARACTER) return character_encode(character, utf8);
    memcpy(utf8, "\xEF\xBF\xBD", 4);
    return 3;
}
