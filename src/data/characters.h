/* Characters and their bytes: Unicode scalar values in UTF-8, or, in a library built without
 * utf8proc, bytes as they are. */
#ifndef DATA_CHARACTERS_H
#define DATA_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One more than the greatest character. */
extern const int32_t characters_end;

/* Whether `character` is one: not a surrogate, not out of range. */
bool character_is_valid(int32_t character);

/* Reads the character at bytes[0]; size is at least 1. Returns how many bytes it takes, 0 when no
 * valid character starts there. */
size_t character_decode(const unsigned char *bytes, size_t size, int32_t *character);

/* Writes a valid character and a NUL; returns the bytes without the NUL. */
size_t character_encode(int32_t character, char bytes[5]);

#endif
