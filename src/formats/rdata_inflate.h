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
 * database. *taken: the bytes of the stream, of which there may be less than `size`. */
elman_status rdata_lzma2(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                         size_t size, size_t expected, size_t *taken, unsigned char **inflated,
                         size_t *inflated_size, elman_error *error);

/* The same for a whole .xz file of one block, as R writes them. Errors: also UNSUPPORTED (several
 * blocks, other filters or checksums). */
elman_status rdata_xz(Memory *memory, const RdataPlace *place, const unsigned char *bytes,
                      size_t size, unsigned char **inflated, size_t *inflated_size,
                      elman_error *error);

#endif
