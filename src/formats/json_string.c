/* JSON strings (RFC 8259, section 7): unescaping in place, and the shortest escaped form. */
#include "formats/json_string.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

/* The letters of two-character escapes, and what they stand for. */
static const char letters[] = "\"\\/bfnrt";
static const char meanings[] = "\"\\/\b\f\n\r\t";

static bool read_hex4(const char *text, size_t size, size_t at, uint32_t *value) {
    if (size - at < 4) return false;
    *value = 0;
    for (size_t i = at; i < at + 4; i++) {
        const char c = text[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A' + 10);
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

/* Reads the digits behind \u, and the second half of a surrogate pair. */
static const char *decode_unicode(const char *text, size_t size, size_t *at, uint32_t *scalar) {
    uint32_t low;
    if (!read_hex4(text, size, *at, scalar)) return "\\u without four hexadecimal digits";
    *at += 4;
    if (*scalar == 0) return "the character U+0000";
    if (*scalar < 0xd800 || *scalar > 0xdfff) return NULL;
    if (*scalar > 0xdbff || size - *at < 2 || text[*at] != '\\' || text[*at + 1] != 'u' ||
        !read_hex4(text, size, *at + 2, &low) || low < 0xdc00 || low > 0xdfff)
        return "half a surrogate pair";
    *at += 6;
    *scalar = 0x10000 + ((*scalar - 0xd800) << 10) + (low - 0xdc00);
    return NULL;
}

/* Decodes the escape whose backslash is text[*at] to `out`, which may be the same place. */
static const char *decode_escape(const char *text, size_t size, size_t *at, char *out,
                                 size_t *length) {
    if (size - *at < 2) return "a string without its closing quote";
    const char letter = text[*at + 1];
    *at += 2;
    if (letter == 'u') {
        uint32_t scalar = 0;
        const char *wrong = decode_unicode(text, size, at, &scalar);
        if (wrong == NULL) *length = utf8_encode(scalar, out);
        return wrong;
    }
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found == NULL) return "an unknown escape";
    *out = meanings[found - letters];
    *length = 1;
    return NULL;
}

const char *json_string_decode(char *text, size_t size, size_t at, size_t *next) {
    assert(at < size && text[at] == '"');
    char *out = text + at + 1;
    for (*next = at + 1; *next < size;) {
        const unsigned char byte = (unsigned char)text[*next];
        if (byte == '"') {
            *out = '\0';
            ++*next;
            return NULL;
        }
        size_t length = 0;
        if (byte == '\\') {
            size_t behind = *next;
            const char *wrong = decode_escape(text, size, &behind, out, &length);
            if (wrong != NULL) return wrong;
            *next = behind;
        } else {
            if (byte < 0x20) return "a control character in a string";
            length = utf8_length(text + *next, size - *next);
            if (length == 0) return "bytes that are not UTF-8";
            memmove(out, text + *next, length);
            *next += length;
        }
        out += length;
    }
    return "a string without its closing quote";
}

static size_t put(char *out, size_t at, const char *bytes, size_t count) {
    if (out != NULL) memcpy(out + at, bytes, count);
    return at + count;
}

size_t json_string_encode(const char *value, char *out) {
    static const char digits[] = "0123456789abcdef";
    size_t size = put(out, 0, "\"", 1);
    for (const char *c = value; *c != '\0'; c++) {
        const unsigned char byte = (unsigned char)*c;
        const char *found = *c != '/' ? strchr(meanings, *c) : NULL;
        if (found != NULL) {
            const char escape[2] = {'\\', letters[found - meanings]};
            size = put(out, size, escape, sizeof(escape));
        } else if (byte < 0x20) {
            const char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
            size = put(out, size, escape, sizeof(escape));
        } else {
            size = put(out, size, c, 1);
        }
    }
    return put(out, size, "\"", 1);
}
