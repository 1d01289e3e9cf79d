/* Reads zip archives whose members are stored, not compressed.
 *
 * Format: APPNOTE.TXT of PKWARE, version 6.3.10, without the parts for 64-bit sizes. */
#ifndef FORMATS_ZIP_READ_H
#define FORMATS_ZIP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/status.h>

typedef struct ZipMember {
    const char *name; /* not terminated */
    size_t name_length;
    const unsigned char *data;
    size_t size;
} ZipMember;

typedef struct ZipArchive {
    Memory *memory;
    ZipMember *members;
    size_t count;
} ZipArchive;

/* Whether the bytes begin as an archive does. */
bool zip_recognise(const void *bytes, size_t size);

/* Lists the members of an archive in memory, each with the right checksum; they point into `bytes`.
 * zip_close may follow in any case. Errors: FORMAT, UNSUPPORTED (compressed or encrypted members, 4
 * GiB or more), MEMORY. */
elman_status zip_open(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                      ZipArchive *archive, elman_error *error);

void zip_close(ZipArchive *archive);

#endif
