/* Files: reading them whole or in part, and replacing them so that a crash or a power cut leaves
 * either the old file or the new one. */
#ifndef CORE_FILES_H
#define CORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/memory.h"
#include <elman/status.h>

/* Reads the file or pipe at `path` to its end. *bytes holds *size bytes and one zero byte behind
 * them; release it with memory_release. Errors: IO (missing, a directory, unreadable), DATA (more
 * than `limit` bytes), MEMORY. */
elman_status file_read(Memory *memory, const char *path, size_t limit, unsigned char **bytes,
                       size_t *size, elman_error *error);

/* A file that is read from its start in pieces. */
typedef struct FileReader {
    int descriptor;   /* -1: none */
    bool is_lent;     /* the descriptor is the process's own; it stays open */
    const char *path; /* the caller's; must outlive the reader */
    uint64_t size;    /* of a regular file, when it was opened */
} FileReader;

/* Opens a regular file; whatever the result, file_reader_close may follow. Errors: IO. */
elman_status file_reader_open(FileReader *reader, const char *path, elman_error *error);

/* Opens whatever can be read to its end: a file, a pipe, a device; "-": the standard input of the
 * process. Whatever the result, file_reader_close may follow. Errors: IO (missing, a directory). */
elman_status file_reader_open_stream(FileReader *reader, const char *path, elman_error *error);

/* Reads exactly the next `size` bytes. Errors: IO, also when the file has become shorter. */
elman_status file_reader_read(FileReader *reader, void *bytes, size_t size, elman_error *error);

/* Reads as many of the next `size` bytes as there are by now, at least one; *count is 0 at the end
 * only. Errors: IO. */
elman_status file_reader_read_some(FileReader *reader, void *bytes, size_t size, size_t *count,
                                   elman_error *error);

void file_reader_close(FileReader *reader);

/* Replaces a file as a whole. What is written goes to a temporary file beside the target; until
 * file_writer_commit has renamed it, the target is as it was. The temporary file of a process that
 * was killed is removed when the same target is written again. */
typedef struct FileWriter FileWriter;

/* Creates the temporary file. The target may exist: its permissions are kept, and a symbolic link
 * is replaced, not followed. Errors: IO (also a target that is a directory or a device), MEMORY. */
elman_status file_writer_open(Memory *memory, const char *path, FileWriter **writer,
                              elman_error *error);

/* Appends. After an error only file_writer_abort may follow. Errors: IO. */
elman_status file_writer_write(FileWriter *writer, const void *bytes, size_t size,
                               elman_error *error);

/* Makes the file durable under its name: fsync, rename, fsync of the directory. Whatever the
 * result, `writer` is gone and no temporary file is left; after an error the target is as it was,
 * unless the sentence says that it was replaced. Errors: IO. */
elman_status file_writer_commit(FileWriter *writer, elman_error *error);

/* Removes the temporary file; the target is as it was. NULL is legal. */
void file_writer_abort(FileWriter *writer);

/* Whether something is at `path`. Errors: IO when that cannot be found out. */
elman_status file_exists(const char *path, bool *exists, elman_error *error);

/* Whether a symbolic link is at `path`. */
bool file_is_link(const char *path);

/* Removes the file at `path`; a missing one is no error. Errors: IO. */
elman_status file_remove(const char *path, elman_error *error);

/* The system calls that this file makes, each with the meaning POSIX gives it. */
typedef struct FileOperations {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*stat)(const char *path, struct stat *status);
    int (*fstat)(int descriptor, struct stat *status);
    int (*fchmod)(int descriptor, mode_t mode);
    ssize_t (*read)(int descriptor, void *bytes, size_t size);
    ssize_t (*write)(int descriptor, const void *bytes, size_t size);
    int (*fsync)(int descriptor);
    int (*close)(int descriptor);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
} FileOperations;

/* For tests: from now on the whole process makes its file system calls through `operations`, which
 * must stay valid; NULL: the operating system's own. */
void file_operations_set(const FileOperations *operations);

/* What is in use. */
const FileOperations *file_operations(void);

#endif
