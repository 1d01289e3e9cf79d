/* JSON strings (RFC 8259, section 7): unescaping in place, and the shortest escaped form. */
#ifndef FORMATS_JSON_STRING_H
#define FORMATS_JSON_STRING_H

#include <stddef.h>

/* Unescapes the string whose opening quote is text[at] into the bytes behind that quote and
 * terminates it with a zero. *next is set behind the closing quote. Returns NULL, or what is wrong,
 * with *next at the place: no closing quote before text[size], a control character, an unknown
 * escape, half a surrogate pair, U+0000, bytes that are not UTF-8. */
const char *json_string_decode(char *text, size_t size, size_t at, size_t *next);

/* Writes `value` (UTF-8) with its quotes to `out` and returns the number of bytes; `out` NULL: only
 * counts them. */
size_t json_string_encode(const char *value, char *out);

#endif
