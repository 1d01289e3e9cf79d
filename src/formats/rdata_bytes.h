/* Numbers as R's serialization has them: big-endian, at any alignment. */
#ifndef FORMATS_RDATA_BYTES_H
#define FORMATS_RDATA_BYTES_H

#include <stdint.h>
#include <string.h>

#define MISSING_INTEGER 0x80000000u /* NA, of integers and logicals */
#define MISSING_LENGTH  0xFFFFFFFFu /* of characters: NA */

/* Bits of an item's flags. Those of characters say how they are encoded. */
#define ITEM_TYPE         0xFFu
#define ITEM_ATTRIBUTES   0x200u
#define ITEM_NAME         0x400u
#define CHARACTERS_LATIN1 0x4000u

static inline uint32_t bytes_word(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint64_t bytes_long(const unsigned char *bytes) {
    return (uint64_t)bytes_word(bytes) << 32 | bytes_word(bytes + 4);
}

static inline double bytes_real(const unsigned char *bytes) {
    const uint64_t bits = bytes_long(bytes);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
