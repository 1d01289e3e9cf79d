/* Inflates .xz files and raw LZMA2 through liblzma, where the library was built with it. */
#include "core/fail.h"
#include "formats/rdata.h"
#include "formats/rdata_inflate.h"

#ifdef ELMAN_HAVE_LZMA

#include <lzma.h>

enum {
    R_DICTIONARY = 8 << 20, /* of R's objects in databases: level 6 */
    /* R saves files by level 9, which needs 65 MiB; no level of xz needs more. */
    FILE_MEMORY_MAX = 80 << 20
};

static void *stream_allocate(void *memory, size_t count, size_t size) {
    return memory_allocate_array(memory, count, size);
}

static void stream_release(void *memory, void *block) {
    memory_release(memory, block);
}

/* The error for what liblzma returned. */
static elman_status refuse(const lzma_stream *stream, lzma_ret result, const RdataOutput *output) {
    const RdataPlace *const place = output->place;
    switch (result) {
    case LZMA_MEM_ERROR:
        return rdata_output_no_memory(output);
    case LZMA_MEMLIMIT_ERROR:
        return fail(output->error, ELMAN_ERR_DATA,
                    "%s%s: inflating it needs %llu MiB of memory, expected at most %d", place->file,
                    place->object, (unsigned long long)lzma_memusage(stream) >> 20,
                    FILE_MEMORY_MAX >> 20);
    case LZMA_OPTIONS_ERROR:
    case LZMA_UNSUPPORTED_CHECK:
        return fail(output->error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: its compressed data has a filter or checksum that liblzma %s does not "
                    "know",
                    place->file, place->object, lzma_version_string());
    case LZMA_BUF_ERROR:
        return fail(output->error, ELMAN_ERR_FORMAT, "%s%s: its compressed data ends too early",
                    place->file, place->object);
    default:
        return fail(output->error, ELMAN_ERR_FORMAT, "%s%s: its compressed data is damaged (xz)",
                    place->file, place->object);
    }
}

static elman_status run(lzma_stream *stream, RdataOutput *output) {
    for (;;) {
        const size_t room = output->capacity - output->used;
        stream->next_out = output->block + output->used;
        stream->avail_out = room;
        const lzma_ret result = lzma_code(stream, LZMA_FINISH);
        output->used += room - stream->avail_out;
        if (result == LZMA_STREAM_END) return ELMAN_OK;
        if (stream->avail_out == 0 && (result == LZMA_OK || result == LZMA_BUF_ERROR)) {
            const elman_status status = rdata_output_grow(output);
            if (status) return status;
        } else if (result != LZMA_OK) {
            return refuse(stream, result, output);
        }
    }
}

/* Inflates with the decoder that `filters` name, or, when they are NULL, that of .xz files. */
static elman_status inflate_into(RdataOutput *output, const lzma_filter *filters,
                                 const unsigned char *bytes, size_t size, size_t expected,
                                 unsigned char **inflated, size_t *inflated_size) {
    const lzma_allocator allocator = {stream_allocate, stream_release, output->memory};
    lzma_stream stream = LZMA_STREAM_INIT;
    *inflated = NULL;
    *inflated_size = 0;
    elman_status status = rdata_output_begin(output, size, expected);
    if (status) return status;
    stream.allocator = &allocator;
    stream.next_in = bytes;
    stream.avail_in = size;
    const lzma_ret result =
        filters ? lzma_raw_decoder(&stream, filters)
                : lzma_stream_decoder(&stream, FILE_MEMORY_MAX, LZMA_TELL_UNSUPPORTED_CHECK);
    status = result == LZMA_OK ? run(&stream, output) : refuse(&stream, result, output);
    lzma_end(&stream);
    return rdata_output_end(output, status, stream.avail_in, inflated, inflated_size);
}

elman_status rdata_lzma2(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                         size_t size, size_t expected, unsigned char **inflated,
                         size_t *inflated_size, elman_error *error) {
    RdataOutput output = {.memory = memory, .place = place, .error = error};
    /* No match reaches back beyond the first byte. */
    const uint32_t reach = expected < R_DICTIONARY ? (uint32_t)expected : R_DICTIONARY;
    lzma_options_lzma options = {.dict_size = reach};
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    return inflate_into(&output, filters, bytes, size, expected, inflated, inflated_size);
}

elman_status rdata_xz(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                      size_t size, unsigned char **inflated, size_t *inflated_size,
                      elman_error *error) {
    RdataOutput output = {.memory = memory, .place = place, .error = error};
    return inflate_into(&output, NULL, bytes, size, RDATA_BYTES_MAX, inflated, inflated_size);
}

#else

static elman_status refuse(const RdataPlace *place, unsigned char **inflated, size_t *inflated_size,
                           elman_error *error) {
    *inflated = NULL;
    *inflated_size = 0;
    return fail(error, ELMAN_ERR_UNSUPPORTED,
                "%s%s: is compressed by xz, which this build cannot read", place->file,
                place->object);
}

elman_status rdata_lzma2(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                         size_t size, size_t expected, unsigned char **inflated,
                         size_t *inflated_size, elman_error *error) {
    (void)memory;
    (void)bytes;
    (void)size;
    (void)expected;
    return refuse(place, inflated, inflated_size, error);
}

elman_status rdata_xz(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                      size_t size, unsigned char **inflated, size_t *inflated_size,
                      elman_error *error) {
    (void)memory;
    (void)bytes;
    (void)size;
    return refuse(place, inflated, inflated_size, error);
}

#endif
