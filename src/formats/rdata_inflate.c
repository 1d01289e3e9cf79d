/* Inflates gzip files and zlib streams into memory that grows with what comes out. */
#include "formats/rdata_inflate.h"

#include <limits.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "core/fail.h"
#include "formats/rdata.h"

enum {
    EITHER_WRAPPER = 32 + 15, /* zlib finds out whether it is gzip's or its own; 32 KiB window */
    FIRST_RATIO = 16          /* the first block is at most so many times the input */
};

typedef struct Inflater {
    Memory *memory;
    const RdataPlace *place;
    z_stream stream;
    unsigned char *block;
    size_t capacity, used;
    elman_error *error;
} Inflater;

static elman_status no_memory(const Inflater *inflater) {
    return fail(inflater->error, ELMAN_ERR_MEMORY, "%s%s: no memory for its inflated bytes",
                inflater->place->file, inflater->place->object);
}

static void *inflater_allocate(void *memory, uInt count, uInt size) {
    return memory_allocate_array(memory, count, size);
}

static void inflater_release(void *memory, void *block) {
    memory_release(memory, block);
}

static elman_status grow(Inflater *inflater) {
    if (inflater->used == RDATA_BYTES_MAX)
        return fail(inflater->error, ELMAN_ERR_DATA,
                    "%s%s: inflates to more than %zu bytes, the most that is read",
                    inflater->place->file, inflater->place->object, RDATA_BYTES_MAX);
    const size_t larger =
        inflater->capacity < RDATA_BYTES_MAX / 2 ? inflater->capacity * 2 : RDATA_BYTES_MAX;
    unsigned char *const block = memory_allocate(inflater->memory, larger);
    if (!block) return no_memory(inflater);
    memcpy(block, inflater->block, inflater->used);
    memory_release(inflater->memory, inflater->block);
    inflater->block = block;
    inflater->capacity = larger;
    return ELMAN_OK;
}

static elman_status run(Inflater *inflater) {
    z_stream *const stream = &inflater->stream;
    for (;;) {
        const size_t room = inflater->capacity - inflater->used;
        const uInt most = room < UINT_MAX ? (uInt)room : UINT_MAX;
        stream->next_out = inflater->block + inflater->used;
        stream->avail_out = most;
        const int result = inflate(stream, Z_NO_FLUSH);
        inflater->used += most - stream->avail_out;
        if (result == Z_STREAM_END) break;
        if (result == Z_MEM_ERROR) return no_memory(inflater);
        if (result == Z_NEED_DICT || (result != Z_OK && result != Z_BUF_ERROR))
            return fail(inflater->error, ELMAN_ERR_FORMAT,
                        "%s%s: its compressed data is damaged (zlib: %s)", inflater->place->file,
                        inflater->place->object, stream->msg ? stream->msg : "needs a dictionary");
        if (stream->avail_out == 0) {
            const elman_status status = grow(inflater);
            if (status) return status;
        } else if (stream->avail_in == 0) {
            return fail(inflater->error, ELMAN_ERR_FORMAT,
                        "%s%s: its compressed data ends too early", inflater->place->file,
                        inflater->place->object);
        }
    }
    if (stream->avail_in == 0) return ELMAN_OK;
    return fail(inflater->error, ELMAN_ERR_FORMAT,
                "%s%s: %u bytes follow its compressed data, expected none", inflater->place->file,
                inflater->place->object, stream->avail_in);
}

elman_status rdata_inflate(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                           size_t size, size_t expected, unsigned char **inflated,
                           size_t *inflated_size, elman_error *error) {
    Inflater inflater = {.memory = memory, .place = place, .error = error};
    *inflated = NULL;
    *inflated_size = 0;
    /* One byte more than expected: with room left over, zlib comes to the stream's end at once. */
    inflater.capacity = (expected < size * FIRST_RATIO ? expected : size * FIRST_RATIO) + 1;
    if (inflater.capacity > RDATA_BYTES_MAX) inflater.capacity = RDATA_BYTES_MAX;
    inflater.block = memory_allocate(memory, inflater.capacity);
    if (!inflater.block) return no_memory(&inflater);
    inflater.stream = (z_stream){.zalloc = inflater_allocate,
                                 .zfree = inflater_release,
                                 .opaque = memory,
                                 .next_in = bytes,
                                 .avail_in = (uInt)size};
    elman_status status;
    if (inflateInit2(&inflater.stream, EITHER_WRAPPER) == Z_OK) {
        status = run(&inflater);
        (void)inflateEnd(&inflater.stream);
    } else {
        status = no_memory(&inflater);
    }
    if (status) {
        memory_release(memory, inflater.block);
        return status;
    }
    *inflated = inflater.block;
    *inflated_size = inflater.used;
    return ELMAN_OK;
}
