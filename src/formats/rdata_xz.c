/* Inflates .xz files of one block.
 *
 * Format: "The .xz File Format", version 1.2.1. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "core/fail.h"
#include "formats/rdata_inflate.h"

enum {
    HEADER_SIZE = 12,
    FOOTER_SIZE = 12,
    BLOCK_HEADER_MIN = 8,
    FILTER_LZMA2 = 0x21,
    CHECK_NONE = 0,
    CHECK_CRC32 = 1,
    CHECK_CRC64 = 4
};

typedef struct XzReader {
    Memory *memory;
    const RdataPlace *place;
    const unsigned char *bytes;
    size_t size;
    size_t at;
    unsigned check;
    elman_error *error;
} XzReader;

static elman_status damaged(const XzReader *xz, const char *found) {
    return fail(xz->error, ELMAN_ERR_FORMAT, "%s%s: its compressed data is damaged (xz: %s)",
                xz->place->file, xz->place->object, found);
}

static elman_status unsupported(const XzReader *xz, const char *found, const char *expected) {
    return fail(xz->error, ELMAN_ERR_UNSUPPORTED, "%s%s: its compressed data has %s, expected %s",
                xz->place->file, xz->place->object, found, expected);
}

static uint32_t word_at(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t checksum(const unsigned char *bytes, size_t size) {
    return (uint32_t)crc32_z(0, bytes, size);
}

/* The CRC-64 of ECMA-182, as .xz uses it. */
static uint64_t checksum64(const unsigned char *bytes, size_t size) {
    const uint64_t polynomial = UINT64_C(0xC96C5795D7870F42);
    uint64_t table[256], sum = UINT64_MAX;
    for (size_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? polynomial : 0);
    }
    for (size_t i = 0; i < size; i++) sum = table[(sum ^ bytes[i]) & 0xFF] ^ sum >> 8;
    return ~sum;
}

static elman_status read_header(XzReader *xz) {
    const unsigned char *const b = xz->bytes;
    if (xz->size < HEADER_SIZE + BLOCK_HEADER_MIN + FOOTER_SIZE)
        return damaged(xz, "it ends too early");
    if (word_at(b + 8) != checksum(b + 6, 2) || b[6] != 0) return damaged(xz, "its header");
    xz->check = b[7];
    if (xz->check != CHECK_NONE && xz->check != CHECK_CRC32 && xz->check != CHECK_CRC64)
        return unsupported(xz, "a rare kind of checksum", "CRC32 or CRC64");
    xz->at = HEADER_SIZE;
    return ELMAN_OK;
}

/* A number in groups of seven bits, the lowest first; false when it does not end before `end`. */
static bool read_number(XzReader *xz, size_t end, uint64_t *number) {
    *number = 0;
    for (unsigned shift = 0; shift < 63 && xz->at < end; shift += 7) {
        const unsigned char byte = xz->bytes[xz->at++];
        *number |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* The header of the block: its size, flags, two sizes that may be there, one filter. */
static elman_status read_block_header(XzReader *xz) {
    const unsigned char *const b = xz->bytes + xz->at;
    const size_t size = ((size_t)b[0] + 1) * 4;
    if (b[0] == 0) return damaged(xz, "no block");
    if (size > xz->size - xz->at) return damaged(xz, "it ends too early");
    if (word_at(b + size - 4) != checksum(b, size - 4)) return damaged(xz, "its block's header");
    const size_t end = xz->at + size - 4;
    uint64_t number;
    xz->at += 2;
    if ((b[1] & 0x40 && !read_number(xz, end, &number)) ||
        (b[1] & 0x80 && !read_number(xz, end, &number)) || !read_number(xz, end, &number))
        return damaged(xz, "its block's header");
    if (b[1] & 0x3F || number != FILTER_LZMA2)
        return unsupported(xz, "another filter than LZMA2", "this alone");
    xz->at = end + 4;
    return ELMAN_OK;
}

/* What follows the block: padding, the checksum, the index with its one record, the footer. */
static elman_status read_end(XzReader *xz, size_t block_start, const unsigned char *inflated,
                             size_t inflated_size) {
    const size_t check_size = xz->check == CHECK_NONE ? 0 : xz->check == CHECK_CRC32 ? 4 : 8;
    const size_t block_size = xz->at - block_start + check_size;
    uint64_t count, packed, size;
    xz->at += (4 - xz->at % 4) % 4;
    if (xz->size < xz->at + check_size + FOOTER_SIZE) return damaged(xz, "it ends too early");
    const unsigned char *const check = xz->bytes + xz->at;
    const uint64_t sum64 = xz->check == CHECK_CRC64 ? checksum64(inflated, inflated_size) : 0;
    if ((xz->check == CHECK_CRC32 && word_at(check) != checksum(inflated, inflated_size)) ||
        (xz->check == CHECK_CRC64 &&
         (word_at(check) != (uint32_t)sum64 || word_at(check + 4) != (uint32_t)(sum64 >> 32))))
        return damaged(xz, "its checksum");
    xz->at += check_size;
    if (xz->bytes[xz->at] != 0) return unsupported(xz, "several blocks", "one");
    const size_t index = xz->at++;
    if (!read_number(xz, xz->size, &count) || count != 1 || !read_number(xz, xz->size, &packed) ||
        packed != block_size || !read_number(xz, xz->size, &size) || size != inflated_size)
        return damaged(xz, "its index");
    xz->at += (4 - xz->at % 4) % 4;
    if (xz->size != xz->at + 4 + FOOTER_SIZE || memcmp(xz->bytes + xz->size - 2, "YZ", 2) != 0 ||
        word_at(xz->bytes + xz->at) != checksum(xz->bytes + index, xz->at - index))
        return damaged(xz, "its end");
    return ELMAN_OK;
}

elman_status rdata_xz(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                      size_t size, unsigned char **inflated, size_t *inflated_size,
                      elman_error *error) {
    XzReader xz = {.memory = memory, .place = place, .bytes = bytes, .size = size, .error = error};
    size_t taken;
    elman_status status;
    *inflated = NULL;
    if ((status = read_header(&xz))) return status;
    const size_t block_start = xz.at;
    if ((status = read_block_header(&xz)) ||
        (status = rdata_lzma2(memory, place, bytes + xz.at, size - xz.at, 0, &taken, inflated,
                              inflated_size, error)))
        return status;
    xz.at += taken;
    status = read_end(&xz, block_start, *inflated, *inflated_size);
    if (!status) return ELMAN_OK;
    memory_release(memory, *inflated);
    *inflated = NULL;
    return status;
}
