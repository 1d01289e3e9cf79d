/* Fuzzes the reading of text: what is accepted is UTF-8 and comes back unchanged. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include <elman/text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Tells what is wrong and stops. */
static void require(int condition, const char *what) {
    if (condition) return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

/* Whether the bytes are text by the other check of UTF-8 that the library has. */
static int is_text(const char *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        const size_t length = utf8_length(bytes + at, size - at);
        if (length == 0 || bytes[at] == '\0') return 0;
        at += length;
    }
    return size > 0;
}

/* Every character of an accepted text has a token, and the tokens spell the text. */
static void check_round_trip(elman_context *context, const elman_text *text, const char *bytes,
                             size_t size) {
    const int32_t *characters = elman_text_characters(text);
    const size_t length = elman_text_length(text);
    elman_vocabulary *vocabulary;
    size_t at = 0;
    require(!elman_vocabulary_create(context, characters, length, &vocabulary, NULL),
            "a text without a vocabulary");
    for (size_t i = 0; i < length; i++) {
        char utf8[5];
        int32_t token;
        require(elman_vocabulary_encode(vocabulary, &characters[i], 1, &token) == 0,
                "a character of the text is unknown");
        const size_t used = elman_vocabulary_decode(vocabulary, token, utf8);
        require(at + used <= size && memcmp(bytes + at, utf8, used) == 0,
                "the tokens spell another text");
        at += used;
    }
    require(at == size, "the tokens spell a shorter text");
    elman_vocabulary_destroy(vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static elman_context *context; /* one for all inputs */
    elman_text *text = NULL;
    elman_error error = {ELMAN_OK, ""};
    const char *bytes = (const char *)data;
    require(context || !elman_context_create(NULL, &context, NULL), "no context");
    const elman_status status =
        elman_text_from_memory(context, "input", bytes, size, &text, &error);
    const size_t mark = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    require((status == ELMAN_OK) == (text != NULL), "status and text disagree");
#ifdef ELMAN_HAVE_UTF8PROC
    require((status == ELMAN_OK) == is_text(bytes + mark, size - mark), "the two checks disagree");
#else
    require(status != ELMAN_OK || !memchr(bytes, 0, size), "a binary file is text");
    (void)is_text;
#endif
    if (text) {
        check_round_trip(context, text, bytes + mark, size - mark);
    } else {
        require(status == ELMAN_ERR_DATA && error.message[0], "refused without a reason");
    }
    elman_text_destroy(text);
    return 0;
}
