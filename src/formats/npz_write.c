/* Writes .npz files: a zip archive of .npy files, stored.
 *
 * Format: APPNOTE.TXT of PKWARE, version 6.3.10, without the parts for 64-bit sizes. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"
#include "formats/npy.h"

enum { CHUNK = 8192, LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22 };

/* Where one member stands. */
typedef struct Member {
    uint32_t crc, size, offset;
} Member;

typedef struct Zip {
    FileWriter *writer;
    const char *path;
    uint64_t written;
    elman_error *error;
} Zip;

static elman_status too_large(const Zip *zip) {
    return fail(zip->error, ELMAN_ERR_UNSUPPORTED,
                "%s: the arrays need 4 GiB or more, expected less", zip->path);
}

static elman_status put(Zip *zip, const void *bytes, size_t size) {
    zip->written += size;
    if (zip->written > UINT32_MAX) return too_large(zip);
    return file_writer_write(zip->writer, bytes, size, zip->error);
}

static unsigned char *put16(unsigned char *at, uint32_t number) {
    at[0] = (unsigned char)(number & 0xFF);
    at[1] = (unsigned char)(number >> 8 & 0xFF);
    return at + 2;
}

static unsigned char *put32(unsigned char *at, uint32_t number) {
    return put16(put16(at, number & 0xFFFF), number >> 16);
}

/* The fields that the local and the central header share. */
static unsigned char *put_common(unsigned char *at, const char *name, const Member *member) {
    at = put16(at, 20);     /* version that is needed */
    at = put16(at, 0);      /* flags */
    at = put16(at, 0);      /* stored */
    at = put16(at, 0);      /* midnight */
    at = put16(at, 0x0021); /* of 1 January 1980 */
    at = put32(at, member->crc);
    at = put32(at, member->size);
    at = put32(at, member->size);
    at = put16(at, (uint32_t)strlen(name) + 4);
    return put16(at, 0); /* no extra field */
}

static elman_status put_name(Zip *zip, const char *name) {
    const elman_status status = put(zip, name, strlen(name));
    return status ? status : put(zip, ".npy", 4);
}

static elman_status put_member(Zip *zip, const NpzEntry *entry, Member *member) {
    const NpyArray *const array = &entry->array;
    unsigned char header[NPY_HEADER_MAX], local[LOCAL_SIZE], chunk[CHUNK];
    const size_t header_size = npy_header(array, header), element = npy_type_size(array->type);
    const size_t size = array->count * element + header_size; /* npz_write has seen that it fits */
    elman_status status;
    uLong crc = crc32(crc32(0, Z_NULL, 0), header, (uInt)header_size);
    for (size_t i = 0; i < array->count; i += CHUNK / element)
        crc = crc32(crc, chunk, (uInt)npy_encode(array, i, chunk, CHUNK));
    *member = (Member){(uint32_t)crc, (uint32_t)size, (uint32_t)zip->written};
    put_common(put32(local, 0x04034b50), entry->name, member);
    if ((status = put(zip, local, sizeof local)) || (status = put_name(zip, entry->name)) ||
        (status = put(zip, header, header_size)))
        return status;
    for (size_t i = 0; i < array->count; i += CHUNK / element)
        if ((status = put(zip, chunk, npy_encode(array, i, chunk, CHUNK)))) return status;
    return ELMAN_OK;
}

/* The list of members at the end. */
static elman_status put_directory(Zip *zip, const NpzEntry *entries, const Member *members,
                                  size_t count) {
    const uint32_t start = (uint32_t)zip->written;
    unsigned char central[CENTRAL_SIZE], end[END_SIZE], *at;
    elman_status status;
    for (size_t i = 0; i < count; i++) {
        memset(central, 0, sizeof central);
        at = put_common(put16(put32(central, 0x02014b50), 20), entries[i].name, &members[i]);
        put32(at + 10, members[i].offset); /* no comment, first disk, no attributes */
        if ((status = put(zip, central, sizeof central)) ||
            (status = put_name(zip, entries[i].name)))
            return status;
    }
    at = put32(end, 0x06054b50);
    at = put32(at, 0); /* one disk */
    at = put16(put16(at, (uint32_t)count), (uint32_t)count);
    at = put32(put32(at, (uint32_t)zip->written - start), start);
    put16(at, 0);
    return put(zip, end, sizeof end);
}

elman_status npz_write(Memory *memory, const char *path, const NpzEntry *entries, size_t count,
                       elman_error *error) {
    Zip zip = {.path = path, .error = error};
    elman_status status = ELMAN_OK;
    size_t sum = 0;
    if (count > NPZ_ENTRIES_MAX)
        return fail(error, ELMAN_ERR_UNSUPPORTED, "%s: %zu arrays, expected at most %d", path,
                    count, NPZ_ENTRIES_MAX);
    /* Before minutes are spent on writing. */
    for (size_t i = 0; i < count; i++) {
        const NpyArray *const array = &entries[i].array;
        size_t size;
        if (!size_mul(array->count, npy_type_size(array->type), &size) ||
            !size_add(size, sum, &sum) || sum > UINT32_MAX - NPY_HEADER_MAX)
            return too_large(&zip);
    }
    Member *const members = memory_allocate_array(memory, count, sizeof *members);
    if (!members)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its list of arrays", path);
    if ((status = file_writer_open(memory, path, &zip.writer, error))) goto done;
    for (size_t i = 0; i < count && !status; i++)
        status = put_member(&zip, &entries[i], &members[i]);
    if (!status) status = put_directory(&zip, entries, members, count);
    if (status)
        file_writer_abort(zip.writer);
    else
        status = file_writer_commit(zip.writer, error);
done:
    memory_release(memory, members);
    return status;
}
