/* Replacing a file so that a crash or a power cut leaves either the old one or the new one. */
#include "core/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/size.h"

#define TEMPORARY ".elman-tmp" /* behind the target's name, before the number of the process */

enum { BUFFER_SIZE = 65536 };

struct FileWriter {
    Memory *memory;
    char *path;
    char *temporary; /* path + TEMPORARY + process number */
    size_t room;     /* bytes for it */
    int descriptor;  /* of the temporary file; -1: closed */
    bool created;    /* the temporary file exists */
    size_t used;     /* bytes in `buffer` */
    unsigned char buffer[BUFFER_SIZE];
};

static int open_retrying(const char *path, int flags, mode_t mode) {
    int descriptor;
    do {
        descriptor = file_operations()->open(path, flags, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static int fsync_retrying(int descriptor) {
    int result;
    do {
        result = file_operations()->fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* Closes once: Linux has released the descriptor also when close was interrupted. */
static int close_once(int *descriptor) {
    const int result = file_operations()->close(*descriptor);
    *descriptor = -1;
    return result != 0 && errno != EINTR ? -1 : 0;
}

static void release(FileWriter *writer) {
    if (writer->descriptor >= 0) (void)close_once(&writer->descriptor);
    if (writer->created) (void)file_operations()->unlink(writer->temporary);
    memory_release(writer->memory, writer->temporary);
    memory_release(writer->memory, writer->path);
    memory_release(writer->memory, writer);
}

/* Refuses a target that must not be replaced, and learns the permissions of one that is. */
static elman_status examine_target(const char *path, bool *exists, mode_t *mode,
                                   elman_error *error) {
    struct stat info;
    *exists = file_operations()->stat(path, &info) == 0;
    if (!*exists && errno == ENOENT) return ELMAN_OK;
    if (!*exists) return fail_system(error, errno, "%s: cannot be examined", path);
    if (S_ISDIR(info.st_mode))
        return fail(error, ELMAN_ERR_IO, "%s: is a directory, expected the name of a file", path);
    if (!S_ISREG(info.st_mode))
        return fail(error, ELMAN_ERR_IO,
                    "%s: is a pipe or a device, expected the name of a regular file", path);
    *mode = info.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    return ELMAN_OK;
}

/* Shortens a path to that of its folder. */
static void keep_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(path, ".", sizeof("."));
    else if (slash == path)
        slash[1] = '\0';
    else
        *slash = '\0';
}

/* Whether `name` is the temporary file of target `base`, and its process is no more. */
static bool is_left_behind(const char *name, const char *base) {
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0) return false;
    name += length;
    if (strncmp(name, TEMPORARY, sizeof(TEMPORARY) - 1) != 0) return false;
    name += sizeof(TEMPORARY) - 1;
    const size_t digits = strspn(name, "0123456789");
    if (digits == 0 || digits > 9 || name[digits] != '\0' || *name == '0') return false;
    return kill((pid_t)strtol(name, NULL, 10), 0) != 0 && errno == ESRCH;
}

/* Removes what killed processes have left of the same target. What cannot be removed stays. */
static void sweep(FileWriter *writer) {
    const char *slash = strrchr(writer->path, '/');
    const char *base = slash != NULL ? slash + 1 : writer->path;
    (void)snprintf(writer->temporary, writer->room, "%s", writer->path);
    keep_folder(writer->temporary);
    DIR *folder = opendir(writer->temporary);
    if (folder == NULL) return;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (is_left_behind(entry->d_name, base)) (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
}

static elman_status create_temporary(FileWriter *writer, elman_error *error) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    sweep(writer);
    (void)snprintf(writer->temporary, writer->room, "%s" TEMPORARY "%ld", writer->path,
                   (long)getpid());
    writer->descriptor = open_retrying(writer->temporary, flags, 0666);
    if (writer->descriptor < 0 && errno == EEXIST) {
        /* Left behind by a process that was killed and whose number is ours now. */
        (void)file_operations()->unlink(writer->temporary);
        writer->descriptor = open_retrying(writer->temporary, flags, 0666);
    }
    if (writer->descriptor < 0)
        return fail_system(error, errno, "%s: cannot be created", writer->path);
    writer->created = true;
    return ELMAN_OK;
}

static FileWriter *allocate(Memory *memory, const char *path) {
    const size_t room = strlen(path) + sizeof(TEMPORARY) + 20;
    FileWriter *writer = memory_allocate(memory, sizeof(*writer));
    if (writer == NULL) return NULL;
    writer->memory = memory;
    writer->descriptor = -1;
    writer->path = memory_copy_string(memory, path);
    writer->temporary = memory_allocate(memory, room);
    writer->room = room;
    if (writer->path == NULL || writer->temporary == NULL) {
        release(writer);
        return NULL;
    }
    return writer;
}

elman_status file_writer_open(Memory *memory, const char *path, FileWriter **result,
                              elman_error *error) {
    bool exists;
    mode_t mode = 0;
    *result = NULL;
    elman_status status = examine_target(path, &exists, &mode, error);
    if (status != ELMAN_OK) return status;
    FileWriter *writer = allocate(memory, path);
    if (writer == NULL) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for writing it", path);

    status = create_temporary(writer, error);
    if (status == ELMAN_OK && exists && file_operations()->fchmod(writer->descriptor, mode) != 0)
        status = fail_system(error, errno, "%s: its permissions cannot be kept", path);
    if (status != ELMAN_OK) {
        release(writer);
        return status;
    }
    *result = writer;
    return ELMAN_OK;
}

static elman_status write_through(FileWriter *writer, const unsigned char *bytes, size_t size,
                                  elman_error *error) {
    size_t done = 0;
    while (done < size) {
        const ssize_t count =
            file_operations()->write(writer->descriptor, bytes + done, size - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            return fail_system(error, count == 0 ? ENOSPC : errno, "%s: cannot be written",
                               writer->path);
    }
    return ELMAN_OK;
}

static elman_status flush(FileWriter *writer, elman_error *error) {
    const elman_status status = write_through(writer, writer->buffer, writer->used, error);
    writer->used = 0;
    return status;
}

elman_status file_writer_write(FileWriter *writer, const void *bytes, size_t size,
                               elman_error *error) {
    if (size > BUFFER_SIZE - writer->used) {
        const elman_status status = flush(writer, error);
        if (status != ELMAN_OK) return status;
    }
    if (size >= BUFFER_SIZE) return write_through(writer, bytes, size, error);
    if (size > 0) memcpy(writer->buffer + writer->used, bytes, size);
    writer->used += size;
    return ELMAN_OK;
}

/* Makes the rename durable. A file system without synchronous directories says EINVAL. */
static elman_status sync_directory(FileWriter *writer, elman_error *error) {
    char *directory = writer->temporary; /* its own name is no longer needed */
    keep_folder(directory);
    int descriptor = open_retrying(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int code = errno;
    if (descriptor >= 0) {
        code = fsync_retrying(descriptor) == 0 || errno == EINVAL ? 0 : errno;
        (void)close_once(&descriptor);
        if (code == 0) return ELMAN_OK;
    }
    return fail_system(error, code, "%s: was replaced, but its directory cannot be made durable",
                       writer->path);
}

elman_status file_writer_commit(FileWriter *writer, elman_error *error) {
    elman_status status = flush(writer, error);
    if (status != ELMAN_OK) goto done;
    if (fsync_retrying(writer->descriptor) != 0 || close_once(&writer->descriptor) != 0) {
        status = fail_system(error, errno, "%s: cannot be written", writer->path);
        goto done;
    }
    if (file_operations()->rename(writer->temporary, writer->path) != 0) {
        status = fail_system(error, errno, "%s: cannot be replaced", writer->path);
        goto done;
    }
    writer->created = false;
    status = sync_directory(writer, error);
done:
    release(writer);
    return status;
}

void file_writer_abort(FileWriter *writer) {
    if (writer != NULL) release(writer);
}
