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

elman_status rdata_output_no_memory(const RdataOutput *output) {
    return fail(output->error, ELMAN_ERR_MEMORY, "%s%s: no memory for its inflated bytes",
                output->place->file, output->place->object);
}

elman_status rdata_output_begin(RdataOutput *output, size_t size, size_t expected) {
    /* One byte more than expected: with room left over, the stream's end is come to at once. */
    output->capacity = (expected < size * FIRST_RATIO ? expected : size * FIRST_RATIO) + 1;
    if (output->capacity > RDATA_BYTES_MAX) output->capacity = RDATA_BYTES_MAX;
    output->used = 0;
    output->block = memory_allocate(output->memory, output->capacity);
    return output->block ? ELMAN_OK : rdata_output_no_memory(output);
}

elman_status rdata_output_grow(RdataOutput *output) {
    if (output->used == RDATA_BYTES_MAX)
        return fail(output->error, ELMAN_ERR_DATA,
                    "%s%s: inflates to more than %zu bytes, the most that is read",
                    output->place->file, output->place->object, RDATA_BYTES_MAX);
    const size_t larger =
        output->capacity < RDATA_BYTES_MAX / 2 ? output->capacity * 2 : RDATA_BYTES_MAX;
    unsigned char *const block = memory_allocate(output->memory, larger);
    if (!block) return rdata_output_no_memory(output);
    memcpy(block, output->block, output->used);
    memory_release(output->memory, output->block);
    output->block = block;
    output->capacity = larger;
    return ELMAN_OK;
}

elman_status rdata_output_end(RdataOutput *output, elman_status status, size_t left,
                              unsigned char **inflated, size_t *inflated_size) {
    if (!status && left > 0)
        status = fail(output->error, ELMAN_ERR_FORMAT,
                      "%s%s: %zu bytes follow its compressed data, expected none",
                      output->place->file, output->place->object, left);
    if (status) {
        memory_release(output->memory, output->block);
        return status;
    }
    *inflated = output->block;
    *inflated_size = output->used;
    return ELMAN_OK;
}

static void *stream_allocate(void *memory, uInt count, uInt size) {
    return memory_allocate_array(memory, count, size);
}

static void stream_release(void *memory, void *block) {
    memory_release(memory, block);
}

static elman_status run(z_stream *stream, RdataOutput *output) {
    const RdataPlace *const place = output->place;
    for (;;) {
        const size_t room = output->capacity - output->used;
        const uInt most = room < UINT_MAX ? (uInt)room : UINT_MAX;
        stream->next_out = output->block + output->used;
        stream->avail_out = most;
        const int result = inflate(stream, Z_NO_FLUSH);
        output->used += most - stream->avail_out;
        if (result == Z_STREAM_END) return ELMAN_OK;
        if (result == Z_MEM_ERROR) return rdata_output_no_memory(output);
        if (result == Z_NEED_DICT || (result != Z_OK && result != Z_BUF_ERROR))
            return fail(output->error, ELMAN_ERR_FORMAT,
                        "%s%s: its compressed data is damaged (zlib: %s)", place->file,
                        place->object, stream->msg ? stream->msg : "needs a dictionary");
        if (stream->avail_out == 0) {
            const elman_status status = rdata_output_grow(output);
            if (status) return status;
        } else if (stream->avail_in == 0) {
            return fail(output->error, ELMAN_ERR_FORMAT, "%s%s: its compressed data ends too early",
                        place->file, place->object);
        }
    }
}

elman_status rdata_inflate(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                           size_t size, size_t expected, unsigned char **inflated,
                           size_t *inflated_size, elman_error *error) {
    RdataOutput output = {.memory = memory, .place = place, .error = error};
    *inflated = NULL;
    *inflated_size = 0;
    elman_status status = rdata_output_begin(&output, size, expected);
    if (status) return status;
    z_stream stream = {.zalloc = stream_allocate,
                       .zfree = stream_release,
                       .opaque = memory,
                       .next_in = bytes,
                       .avail_in = (uInt)size};
    if (inflateInit2(&stream, EITHER_WRAPPER) == Z_OK) {
        status = run(&stream, &output);
        (void)inflateEnd(&stream);
    } else {
        status = rdata_output_no_memory(&output);
    }
    return rdata_output_end(&output, status, stream.avail_in, inflated, inflated_size);
}
