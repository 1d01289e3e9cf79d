/* Which byte sequences are UTF-8 (The Unicode Standard, table 3-7). */
#include "core/utf8.h"

#include <stdbool.h>

static bool is_continuation(unsigned char byte, unsigned char low, unsigned char high) {
    return byte >= low && byte <= high;
}

size_t utf8_length(const char *bytes, size_t size) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (size == 0) return 0;
    if (b[0] < 0x80) return 1;
    if (b[0] < 0xc2 || b[0] > 0xf4) return 0;
    const size_t length = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (size < length) return 0;

    /* The second byte excludes overlong forms, surrogates and what lies above U+10FFFF. */
    const unsigned char low = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
    if (!is_continuation(b[1], low, high)) return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(b[i], 0x80, 0xbf)) return 0;
    return length;
}

size_t utf8_encode(uint32_t scalar, char out[4]) {
    if (scalar < 0x80) {
        out[0] = (char)scalar;
        return 1;
    }
    const size_t length = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (scalar & 0x3f));
        scalar >>= 6;
    }
    const uint32_t mark = length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0;
    out[0] = (char)(mark | scalar);
    return length;
}
