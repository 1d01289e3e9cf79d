/* Reading files whole or in part, and the system calls that all file functions make. */
#include "core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/size.h"

enum { FIRST_CAPACITY = 65536 }; /* for a pipe, and for files whose size is not known before */

static int system_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

static int system_stat(const char *path, struct stat *status) {
    return stat(path, status);
}

static int system_fstat(int descriptor, struct stat *status) {
    return fstat(descriptor, status);
}

static const FileOperations system_operations = {
    .open = system_open,
    .stat = system_stat,
    .fstat = system_fstat,
    .fchmod = fchmod,
    .read = read,
    .write = write,
    .fsync = fsync,
    .close = close,
    .rename = rename,
    .unlink = unlink,
};

static const FileOperations *operations_in_use = &system_operations;

void file_operations_set(const FileOperations *operations) {
    operations_in_use = operations != NULL ? operations : &system_operations;
}

const FileOperations *file_operations(void) {
    return operations_in_use;
}

/* Opens for reading and asks what it is. On failure the descriptor is -1. */
static elman_status open_to_read(const char *path, int *descriptor, struct stat *status,
                                 elman_error *error) {
    const FileOperations *system = file_operations();
    do {
        *descriptor = system->open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    } while (*descriptor < 0 && errno == EINTR);
    if (*descriptor < 0) return fail_system(error, errno, "%s: cannot be opened", path);

    elman_status result = ELMAN_OK;
    if (system->fstat(*descriptor, status) != 0)
        result = fail_system(error, errno, "%s: cannot be examined", path);
    else if (S_ISDIR(status->st_mode))
        result = fail(error, ELMAN_ERR_IO, "%s: is a directory, expected a file", path);
    if (result != ELMAN_OK) {
        (void)system->close(*descriptor);
        *descriptor = -1;
    }
    return result;
}

/* One read, repeated when a signal interrupts it; -1 with errno set on failure. */
static ssize_t read_some(int descriptor, void *bytes, size_t size) {
    ssize_t count;
    do {
        count = file_operations()->read(descriptor, bytes, size < SSIZE_MAX ? size : SSIZE_MAX);
    } while (count < 0 && errno == EINTR);
    return count;
}

/* Moves the first `used` bytes into a block twice as large. */
static elman_status grow(Memory *memory, const char *path, unsigned char **bytes, size_t used,
                         size_t *capacity, elman_error *error) {
    size_t larger;
    unsigned char *block = NULL;
    if (size_mul(*capacity, 2, &larger)) block = memory_allocate(memory, larger);
    if (block == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for more than %zu bytes", path, used);
    memcpy(block, *bytes, used);
    memory_release(memory, *bytes);
    *bytes = block;
    *capacity = larger;
    return ELMAN_OK;
}

static elman_status too_long(const char *path, size_t limit, elman_error *error) {
    return fail(error, ELMAN_ERR_DATA, "%s: is longer than %zu bytes, the most that is read", path,
                limit);
}

/* Reads to the end; a block, even on failure, is the caller's. */
static elman_status read_all(Memory *memory, int descriptor, const char *path, size_t limit,
                             size_t expected, unsigned char **bytes, size_t *size,
                             elman_error *error) {
    /* One byte more than expected: it takes the final zero, or shows that the file has grown. */
    size_t capacity, used = 0;
    if (size_add(expected, 1, &capacity)) *bytes = memory_allocate(memory, capacity);
    if (*bytes == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its %zu bytes", path, expected);
    for (;;) {
        if (used == capacity) {
            const elman_status status = grow(memory, path, bytes, used, &capacity, error);
            if (status != ELMAN_OK) return status;
        }
        const ssize_t count = read_some(descriptor, *bytes + used, capacity - used);
        if (count < 0) return fail_system(error, errno, "%s: cannot be read", path);
        if (count == 0) break;
        used += (size_t)count;
        if (used > limit) return too_long(path, limit, error);
    }
    (*bytes)[used] = 0;
    *size = used;
    return ELMAN_OK;
}

elman_status file_read(Memory *memory, const char *path, size_t limit, unsigned char **bytes,
                       size_t *size, elman_error *error) {
    int descriptor;
    struct stat info;
    *bytes = NULL;
    *size = 0;
    elman_status status = open_to_read(path, &descriptor, &info, error);
    if (status != ELMAN_OK) return status;

    /* Files of the kernel (/proc) claim to be empty. */
    const bool known = S_ISREG(info.st_mode) && info.st_size > 0;
    if (known && (uintmax_t)info.st_size > limit)
        status = too_long(path, limit, error);
    else
        status = read_all(memory, descriptor, path, limit,
                          known ? (size_t)info.st_size : FIRST_CAPACITY, bytes, size, error);
    (void)file_operations()->close(descriptor);
    if (status != ELMAN_OK) {
        memory_release(memory, *bytes);
        *bytes = NULL;
    }
    return status;
}

elman_status file_reader_open(FileReader *reader, const char *path, elman_error *error) {
    struct stat info;
    *reader = (FileReader){.descriptor = -1, .path = path};
    const elman_status status = open_to_read(path, &reader->descriptor, &info, error);
    if (status != ELMAN_OK) return status;
    if (!S_ISREG(info.st_mode))
        return fail(error, ELMAN_ERR_IO, "%s: is a pipe or a device, expected a regular file",
                    path);
    reader->size = (uint64_t)info.st_size;
    return ELMAN_OK;
}

elman_status file_reader_open_stream(FileReader *reader, const char *path, elman_error *error) {
    struct stat info;
    *reader = (FileReader){.descriptor = -1, .path = path};
    if (strcmp(path, "-") != 0) return open_to_read(path, &reader->descriptor, &info, error);
    *reader = (FileReader){.descriptor = STDIN_FILENO, .is_lent = true, .path = "standard input"};
    return ELMAN_OK;
}

elman_status file_reader_read(FileReader *reader, void *bytes, size_t size, elman_error *error) {
    size_t done = 0;
    while (done < size) {
        const ssize_t count = read_some(reader->descriptor, (char *)bytes + done, size - done);
        if (count < 0) return fail_system(error, errno, "%s: cannot be read", reader->path);
        if (count == 0)
            return fail(error, ELMAN_ERR_IO, "%s: has become shorter than its %" PRIu64 " bytes",
                        reader->path, reader->size);
        done += (size_t)count;
    }
    return ELMAN_OK;
}

elman_status file_reader_read_some(FileReader *reader, void *bytes, size_t size, size_t *count,
                                   elman_error *error) {
    const ssize_t got = read_some(reader->descriptor, bytes, size);
    *count = got > 0 ? (size_t)got : 0;
    return got < 0 ? fail_system(error, errno, "%s: cannot be read", reader->path) : ELMAN_OK;
}

void file_reader_close(FileReader *reader) {
    if (reader->descriptor >= 0 && !reader->is_lent)
        (void)file_operations()->close(reader->descriptor);
    reader->descriptor = -1;
}

elman_status file_exists(const char *path, bool *exists, elman_error *error) {
    struct stat info;
    *exists = file_operations()->stat(path, &info) == 0;
    if (*exists || errno == ENOENT || errno == ENOTDIR) return ELMAN_OK;
    return fail_system(error, errno, "%s: cannot be examined", path);
}

bool file_is_link(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

elman_status file_remove(const char *path, elman_error *error) {
    if (file_operations()->unlink(path) == 0 || errno == ENOENT) return ELMAN_OK;
    return fail_system(error, errno, "%s: cannot be removed", path);
}
