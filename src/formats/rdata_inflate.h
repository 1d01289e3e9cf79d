/* Compressed parts of R's data files. */
#ifndef FORMATS_RDATA_INFLATE_H
#define FORMATS_RDATA_INFLATE_H

#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

/* Where an object is looked for, for messages: the file, then "" or `: object "name"`. */
typedef struct RdataPlace {
    const char *file;
    char object[128];
} RdataPlace;

/* Inflates a whole gzip file or zlib stream of at most RDATA_BYTES_MAX bytes. `expected` is the
 * size that the file states for the result; it is only a hint for the first allocation, which grows
 * with what really comes out. *inflated is released with memory_release. Errors: FORMAT, DATA (more
 * than RDATA_BYTES_MAX), MEMORY. */
elman_status rdata_inflate(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                           size_t size, size_t expected, unsigned char **inflated,
                           size_t *inflated_size, elman_error *error);

/* The same for a raw LZMA2 stream, the form in which R's xz compression stores objects of a
 * database. A result that is longer than `expected` may be called damaged. Errors: also UNSUPPORTED
 * (built without liblzma). */
elman_status rdata_lzma2(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                         size_t size, size_t expected, unsigned char **inflated,
                         size_t *inflated_size, elman_error *error);

/* The same for a whole .xz file of one stream. Errors: DATA also when inflating it would take more
 * memory than any level of xz needs; UNSUPPORTED also for filters and checksums that liblzma does
 * not know. */
elman_status rdata_xz(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                      size_t size, unsigned char **inflated, size_t *inflated_size,
                      elman_error *error);

/* For the functions above: what comes out, in a block that grows to RDATA_BYTES_MAX at most. */
typedef struct RdataOutput {
    Memory *memory;
    const RdataPlace *place;
    unsigned char *block;
    size_t capacity, used;
    elman_error *error;
} RdataOutput;

/* Makes the first block, for `size` bytes of input; memory, place and error are set. Errors:
 * MEMORY.
 */
elman_status rdata_output_begin(RdataOutput *output, size_t size, size_t expected);

/* Makes a full block larger. Errors: DATA, MEMORY. */
elman_status rdata_output_grow(RdataOutput *output);

/* Gives the block away, or releases it when `status` is an error or, which is one, `left` bytes of
 * the input are not used. Errors: `status`, FORMAT. */
elman_status rdata_output_end(RdataOutput *output, elman_status status, size_t left,
                              unsigned char **inflated, size_t *inflated_size);

/* The sentence for the error MEMORY. */
elman_status rdata_output_no_memory(const RdataOutput *output);

#endif
