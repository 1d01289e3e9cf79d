/* Characters through utf8proc, or bytes without it. */
#include "data/characters.h"

#include "data/text.h"

#ifdef ELMAN_HAVE_UTF8PROC
#include <utf8proc.h>

const int32_t characters_end = 0x110000;
const char vocabulary_characters_kind[] = "unicode";

bool character_is_valid(int32_t character) {
    return utf8proc_codepoint_valid(character);
}

size_t character_decode(const unsigned char *bytes, size_t size, int32_t *character) {
    /* One character never needs more, and utf8proc counts in a signed type. */
    const utf8proc_ssize_t within = size < 4 ? (utf8proc_ssize_t)size : 4;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes, within, character);
    return used > 0 ? (size_t)used : 0;
}

size_t character_encode(int32_t character, char bytes[5]) {
    utf8proc_uint8_t encoded[4];
    const size_t length = (size_t)utf8proc_encode_char(character, encoded);
    for (size_t i = 0; i < length; i++) bytes[i] = (char)encoded[i];
    bytes[length] = '\0';
    return length;
}

#else

const int32_t characters_end = 0x100;
const char vocabulary_characters_kind[] = "bytes";

bool character_is_valid(int32_t character) {
    return character >= 0 && character < characters_end;
}

size_t character_decode(const unsigned char *bytes, size_t size, int32_t *character) {
    (void)size;
    *character = bytes[0];
    return 1;
}

size_t character_encode(int32_t character, char bytes[5]) {
    bytes[0] = (char)(unsigned char)character;
    bytes[1] = '\0';
    return 1;
}

#endif
