/* Files to characters: reads, checks and joins UTF-8 texts. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "context/context.h"
#include "core/digest.h"
#include "core/fail.h"
#include "core/files.h"
#include "core/memory.h"
#include "core/size.h"
#include "data/characters.h"
#include <elman/text.h>

struct elman_text {
    Memory *memory;
    int32_t *characters;
    size_t length;
    uint64_t bytes;
    char digest[ELMAN_DIGEST_MAX];
};

_Static_assert((int)ELMAN_DIGEST_MAX == (int)DIGEST_TEXT_SIZE, "a digest fits its place");

/* One file's bytes, and its name for messages. */
typedef struct Source {
    const char *name;
    const unsigned char *bytes;
    size_t size;
    unsigned char *owned; /* NULL: the bytes are the caller's */
} Source;

enum { STDIN_FIRST = 1 << 16 };
static const size_t file_limit = SIZE_MAX / 8; /* four bytes a character must fit beside the file */

static elman_status read_stdin(Memory *memory, Source *source, elman_error *error) {
    size_t capacity = STDIN_FIRST, size = 0;
    unsigned char *buffer = memory_allocate(memory, capacity);
    elman_status status = ELMAN_OK;
    source->name = "standard input";
    while (buffer) {
        errno = 0;
        size += fread(buffer + size, 1, capacity - size, stdin);
        if (size < capacity) break;
        unsigned char *larger = NULL;
        if (size_mul(capacity, 2, &capacity)) larger = memory_allocate(memory, capacity);
        if (larger) memcpy(larger, buffer, size);
        memory_release(memory, buffer);
        buffer = larger;
    }
    if (!buffer) {
        status = fail(error, ELMAN_ERR_MEMORY, "standard input: no memory to read it");
    } else if (ferror(stdin)) {
        status = fail(error, ELMAN_ERR_IO, "standard input: %s", strerror(errno));
    }
    source->owned = buffer;
    source->bytes = buffer;
    source->size = size;
    return status;
}

static elman_status read_source(Memory *memory, const char *path, Source *source,
                                elman_error *error) {
    if (strcmp(path, "-") == 0) return read_stdin(memory, source, error);
    source->name = path;
    const elman_status status =
        file_read(memory, path, file_limit, &source->owned, &source->size, error);
    source->bytes = source->owned;
    return status;
}

/* How many characters the bytes can hold at most: exact for ASCII and for UTF-8. */
static size_t count_starts(const Source *source) {
    if (characters_end == 0x100) return source->size;
    size_t count = 0;
    for (size_t i = 0; i < source->size; i++) count += (source->bytes[i] & 0xC0) != 0x80;
    return count;
}

/* Appends the characters of one source to `characters`, which has room for them. */
static elman_status decode(const Source *source, int32_t *characters, size_t *length,
                           elman_error *error) {
    const unsigned char *bytes = source->bytes;
    const size_t size = source->size;
    const bool marked = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
    size_t at = marked ? 3 : 0, count = *length;
    if (at == size) return fail(error, ELMAN_ERR_DATA, "%s: is empty, expected text", source->name);
    while (at < size) {
        int32_t character = bytes[at];
        size_t used = 1;
        if (character >= 0x80) used = character_decode(bytes + at, size - at, &character);
        if (used == 0) {
            return fail(error, ELMAN_ERR_DATA,
                        "%s: byte 0x%02X at byte offset %zu is not valid UTF-8", source->name,
                        (unsigned)bytes[at], at);
        }
        if (character == 0) {
            return fail(error, ELMAN_ERR_DATA,
                        "%s: NUL character at byte offset %zu: a binary file, not text",
                        source->name, at);
        }
        characters[count++] = character;
        at += used;
    }
    *length = count;
    return ELMAN_OK;
}

static elman_status text_from_sources(elman_context *context, const Source *sources, size_t count,
                                      elman_text **result, elman_error *error) {
    Memory *memory = &context->memory;
    elman_status status = ELMAN_OK;
    Digest digest;
    size_t most = 0;
    elman_text *text = memory_allocate(memory, sizeof(*text));
    if (!text) return fail(error, ELMAN_ERR_MEMORY, "no memory for a text");

    text->memory = memory;
    digest_begin(&digest);
    for (size_t i = 0; i < count; i++) {
        digest_update(&digest, sources[i].bytes, sources[i].size);
        text->bytes += sources[i].size;
        if (!size_add(most, count_starts(&sources[i]), &most)) most = SIZE_MAX;
    }
    digest_end(&digest, text->digest);

    text->characters = memory_allocate_array(memory, most, sizeof(int32_t));
    if (!text->characters) {
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for a text of %zu characters", most);
    }
    for (size_t i = 0; i < count && !status; i++) {
        status = decode(&sources[i], text->characters, &text->length, error);
    }
    if (status) {
        elman_text_destroy(text);
    } else {
        *result = text;
    }
    return status;
}

elman_status elman_text_load(elman_context *context, const char *const *paths, size_t count,
                             elman_text **text, elman_error *error) {
    *text = NULL;
    if (count == 0) return fail(error, ELMAN_ERR_ARGUMENT, "no text files were named");
    Source *sources = memory_allocate_array(&context->memory, count, sizeof(*sources));
    if (!sources) return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu file names", count);

    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < count && !status; i++) {
        status = read_source(&context->memory, paths[i], &sources[i], error);
    }
    if (!status) status = text_from_sources(context, sources, count, text, error);
    for (size_t i = 0; i < count; i++) memory_release(&context->memory, sources[i].owned);
    memory_release(&context->memory, sources);
    return status;
}

elman_status elman_text_from_memory(elman_context *context, const char *name, const char *bytes,
                                    size_t size, elman_text **text, elman_error *error) {
    const Source source = {
        .name = name, .bytes = (const unsigned char *)bytes, .size = size, .owned = NULL};
    *text = NULL;
    return text_from_sources(context, &source, 1, text, error);
}

void elman_text_destroy(elman_text *text) {
    if (!text) return;
    Memory *memory = text->memory;
    memory_release(memory, text->characters);
    memory_release(memory, text);
}

size_t elman_text_length(const elman_text *text) {
    return text->length;
}

const int32_t *elman_text_characters(const elman_text *text) {
    return text->characters;
}

const char *elman_text_digest(const elman_text *text) {
    return text->digest;
}

uint64_t elman_text_bytes(const elman_text *text) {
    return text->bytes;
}

size_t elman_text_split(const elman_text *text, double valid) {
    if (!(valid > 0.0 && valid < 1.0)) return text->length;
    return text->length - (size_t)((double)text->length * valid);
}
