/* Reads the directory at an archive's end, and finds each member's data. */
#include "formats/zip_read.h"

#include <string.h>
#include <zlib.h>

#include "core/fail.h"

enum { LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22, COMMENT_MAX = 65535, FLAG_ENCRYPTED = 1 };

static uint32_t read16(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t read32(const unsigned char *at) {
    return read16(at) | read16(at + 2) << 16;
}

bool zip_recognise(const void *bytes, size_t size) {
    return size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

static elman_status broken(const char *name, const char *what, elman_error *error) {
    return fail(error, ELMAN_ERR_FORMAT, "%s: is no whole zip archive: %s", name, what);
}

/* The record at the end, or NULL. */
static const unsigned char *find_end(const unsigned char *bytes, size_t size) {
    for (size_t back = END_SIZE; back <= size && back <= END_SIZE + COMMENT_MAX; back++) {
        const unsigned char *const at = bytes + size - back;
        if (read32(at) == 0x06054b50 && read16(at + 20) == back - END_SIZE) return at;
    }
    return NULL;
}

/* The data of a member, whose entry in the directory is `central`. */
static elman_status read_member(const char *name, const unsigned char *bytes, size_t size,
                                const unsigned char *central, ZipMember *member,
                                elman_error *error) {
    const size_t offset = read32(central + 42);
    const int shown = (int)(member->name_length < 200 ? member->name_length : 200);
    member->size = read32(central + 24);
    if (read16(central + 10) != 0 || (read16(central + 8) & FLAG_ENCRYPTED) ||
        read32(central + 20) != member->size)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: its member %.*s is compressed or encrypted, expected it stored", name,
                    shown, member->name);
    if (member->size == UINT32_MAX || offset == UINT32_MAX)
        return fail(error, ELMAN_ERR_UNSUPPORTED, "%s: its member %.*s needs 64-bit sizes", name,
                    shown, member->name);
    if (offset > size || size - offset < LOCAL_SIZE || read32(bytes + offset) != 0x04034b50)
        return broken(name, "a member is not where the directory says", error);
    const size_t behind = LOCAL_SIZE + read16(bytes + offset + 26) + read16(bytes + offset + 28);
    if (size - offset < behind || size - offset - behind < member->size)
        return broken(name, "a member goes beyond the end", error);
    member->data = bytes + offset + behind;
    if (crc32_z(crc32(0, Z_NULL, 0), member->data, member->size) != read32(central + 16))
        return fail(error, ELMAN_ERR_FORMAT, "%s: its member %.*s has another checksum", name,
                    shown, member->name);
    return ELMAN_OK;
}

elman_status zip_open(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                      ZipArchive *archive, elman_error *error) {
    const unsigned char *const end = size >= END_SIZE ? find_end(bytes, size) : NULL;
    *archive = (ZipArchive){.memory = memory};
    if (!end) return broken(name, "it has no directory at its end", error);
    const size_t count = read16(end + 10), limit = (size_t)(end - bytes);
    size_t at = read32(end + 16), data = 0;
    if (count == UINT16_MAX || at > limit)
        return fail(error, ELMAN_ERR_UNSUPPORTED, "%s: the archive needs 64-bit sizes", name);
    if (count > (limit - at) / CENTRAL_SIZE)
        return broken(name, "its directory ends too early", error);
    archive->members = memory_allocate_array(memory, count, sizeof *archive->members);
    if (!archive->members) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", name);
    for (size_t i = 0; i < count; i++) {
        ZipMember *const member = &archive->members[i];
        if (limit - at < CENTRAL_SIZE || read32(bytes + at) != 0x02014b50)
            return broken(name, "its directory ends too early", error);
        const unsigned char *const central = bytes + at;
        const size_t length = read16(central + 28);
        const size_t whole = CENTRAL_SIZE + length + read16(central + 30) + read16(central + 32);
        if (limit - at < whole) return broken(name, "its directory ends too early", error);
        *member = (ZipMember){.name = (const char *)central + CENTRAL_SIZE, .name_length = length};
        const elman_status status = read_member(name, bytes, size, central, member, error);
        if (status) return status;
        /* Members that share bytes would make reading them quadratic. */
        data += member->size;
        if (data > size) return broken(name, "its members overlap", error);
        at += whole;
        archive->count++;
    }
    return ELMAN_OK;
}

void zip_close(ZipArchive *archive) {
    if (!archive->memory) return;
    memory_release(archive->memory, archive->members);
    *archive = (ZipArchive){0};
}
