/* Which byte sequences are UTF-8. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the character that starts at bytes[0], or 0 when there is none: an empty
 * range, a stray continuation, an overlong form, a surrogate, a value above U+10FFFF, a character
 * that the range cuts off. */
size_t utf8_length(const char *bytes, size_t size);

/* Writes the character `scalar` (a Unicode scalar value) and returns its length, 1 to 4. */
size_t utf8_encode(uint32_t scalar, char out[4]);

#endif
