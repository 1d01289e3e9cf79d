/* Reading and replacing files: what they hold afterwards, and what is left when any one system call
 * fails, is interrupted or does half of its work. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/files.h"
#include "support/allocator.h"

#define FOLDER "files-test"
#define TARGET FOLDER "/model"
static const char OLD[] = "the old model";

enum { NEW_SIZE = 200001 };
static unsigned char new_bytes[NEW_SIZE];

/* Passes calls on to the system, except where the test wants otherwise. */
static struct {
    long calls;
    long fail_at;    /* the number of the call that fails; -1: none */
    bool ever_after; /* and every later one */
    int code;        /* its errno */
    bool unlink_failed;
    long open_files;
    bool interrupt; /* each call that may be interrupted is, once */
    bool was_interrupted;
    size_t most_bytes;  /* of one read or write; 0: any number */
    bool refuse_write;  /* write returns 0 */
    int directory_code; /* errno of fsync on a directory; 0: it works */
} fault;

static bool fails(void) {
    const long call = fault.calls++;
    if (fault.fail_at < 0 || call < fault.fail_at || (call > fault.fail_at && !fault.ever_after))
        return false;
    errno = fault.code;
    return true;
}

static bool interrupted(void) {
    fault.was_interrupted = fault.interrupt && !fault.was_interrupted;
    if (fault.was_interrupted) errno = EINTR;
    return fault.was_interrupted;
}

static int fault_open(const char *path, int flags, mode_t mode) {
    if (interrupted() || fails()) return -1;
    const int descriptor = open(path, flags, mode);
    if (descriptor >= 0) fault.open_files++;
    return descriptor;
}

static int fault_stat(const char *path, struct stat *status) {
    return fails() ? -1 : stat(path, status);
}

static int fault_fstat(int descriptor, struct stat *status) {
    return fails() ? -1 : fstat(descriptor, status);
}

static int fault_fchmod(int descriptor, mode_t mode) {
    return fails() ? -1 : fchmod(descriptor, mode);
}

static size_t bounded(size_t size) {
    return fault.most_bytes > 0 && size > fault.most_bytes ? fault.most_bytes : size;
}

static ssize_t fault_read(int descriptor, void *bytes, size_t size) {
    return interrupted() || fails() ? -1 : read(descriptor, bytes, bounded(size));
}

static ssize_t fault_write(int descriptor, const void *bytes, size_t size) {
    if (fault.refuse_write) return 0;
    return interrupted() || fails() ? -1 : write(descriptor, bytes, bounded(size));
}

static int fault_fsync(int descriptor) {
    struct stat status;
    if (interrupted() || fails()) return -1;
    if (fault.directory_code != 0 && fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = fault.directory_code;
        return -1;
    }
    return fsync(descriptor);
}

/* Closes in any case, as Linux does. */
static int fault_close(int descriptor) {
    fault.open_files--;
    const int result = close(descriptor);
    return fails() ? -1 : result;
}

static int fault_rename(const char *from, const char *to) {
    return fails() ? -1 : rename(from, to);
}

static int fault_unlink(const char *path) {
    if (fails()) {
        fault.unlink_failed = true;
        return -1;
    }
    return unlink(path);
}

static const FileOperations faulty = {
    .open = fault_open,
    .stat = fault_stat,
    .fstat = fault_fstat,
    .fchmod = fault_fchmod,
    .read = fault_read,
    .write = fault_write,
    .fsync = fault_fsync,
    .close = fault_close,
    .rename = fault_rename,
    .unlink = fault_unlink,
};

static void write_plain(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Whether the file at `path` holds exactly these bytes. */
static bool holds(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    char *found = malloc(size + 1);
    const size_t count = fread(found, 1, size + 1, file);
    const bool same = count == size && memcmp(found, bytes, size) == 0;
    free(found);
    (void)fclose(file);
    return same;
}

/* Counts what is in the folder, and removes it on request. */
static size_t list_folder(bool empty_it) {
    size_t count = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        if (entry->d_name[0] == '.') continue;
        count++;
        (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, entry->d_name);
        if (empty_it) assert_int_equal(remove(path), 0);
    }
    (void)closedir(folder);
    return count;
}

static int fresh_folder(void **state) {
    (void)state;
    file_operations_set(NULL);
    memset(&fault, 0, sizeof(fault));
    fault.fail_at = -1;
    for (size_t i = 0; i < NEW_SIZE; i++) new_bytes[i] = (unsigned char)(i * 37 + i / 256);
    if (mkdir(FOLDER, 0777) != 0 && errno != EEXIST) return -1;
    (void)list_folder(true);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    file_operations_set(NULL);
    (void)list_folder(true);
    return rmdir(FOLDER);
}

static elman_status save(Memory *memory, const char *path, elman_error *error) {
    FileWriter *writer = NULL;
    elman_status status = file_writer_open(memory, path, &writer, error);
    if (status != ELMAN_OK) {
        assert_null(writer);
        return status;
    }
    /* Pieces that are buffered, that fill the buffer, and that go past it. */
    static const size_t cuts[] = {0, 0, 1, 30000, 65536, 65600, 199000, NEW_SIZE};
    for (size_t i = 0; i + 1 < sizeof(cuts) / sizeof(cuts[0]) && status == ELMAN_OK; i++)
        status = file_writer_write(writer, new_bytes + cuts[i], cuts[i + 1] - cuts[i], error);
    if (status == ELMAN_OK) return file_writer_commit(writer, error);
    file_writer_abort(writer);
    return status;
}

static mode_t mode_of(const char *path) {
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void a_file_is_created_and_replaced(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    memory_init(&memory, NULL);
    const mode_t before = umask(026);
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    assert_int_equal(mode_of(TARGET), 0640);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));

    write_plain(TARGET, OLD, sizeof(OLD));
    assert_int_equal(chmod(TARGET, 0604), 0);
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    (void)umask(before);
    assert_int_equal(mode_of(TARGET), 0604);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));
    assert_int_equal(list_folder(false), 1);
}

static void a_name_without_folder_works(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    memory_init(&memory, NULL);
    char *start = getcwd(NULL, 0);
    assert_int_equal(chdir(FOLDER), 0);
    const elman_status status = save(&memory, "model", &error);
    assert_int_equal(chdir(start), 0);
    free(start);
    assert_int_equal(status, ELMAN_OK);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));
}

static void abort_leaves_the_old_file(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    FileWriter *writer;
    memory_init(&memory, NULL);
    write_plain(TARGET, OLD, sizeof(OLD));
    assert_int_equal(file_writer_open(&memory, TARGET, &writer, &error), ELMAN_OK);
    assert_int_equal(file_writer_write(writer, new_bytes, NEW_SIZE, &error), ELMAN_OK);
    assert_int_equal(list_folder(false), 2);
    file_writer_abort(writer);
    assert_true(holds(TARGET, OLD, sizeof(OLD)));
    assert_int_equal(list_folder(false), 1);
    file_writer_abort(NULL);
}

/* A process that was killed left a file, or someone planted a link, where ours shall be. */
static void the_temporary_name_is_taken(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    char temporary[256];
    memory_init(&memory, NULL);
    (void)snprintf(temporary, sizeof(temporary), "%s.elman-tmp%ld", TARGET, (long)getpid());
    write_plain(temporary, OLD, sizeof(OLD));
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));

    write_plain(FOLDER "/victim", OLD, sizeof(OLD));
    assert_int_equal(symlink("victim", temporary), 0);
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));
    assert_true(holds(FOLDER "/victim", OLD, sizeof(OLD)));
    assert_int_equal(list_folder(false), 2);

    assert_int_equal(mkdir(temporary, 0777), 0); /* cannot be unlinked */
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, TARGET ": cannot be created: File exists");
}

static void a_link_is_replaced(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    struct stat status;
    memory_init(&memory, NULL);
    write_plain(FOLDER "/other", OLD, sizeof(OLD));
    assert_int_equal(symlink("other", TARGET), 0);
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    assert_int_equal(lstat(TARGET, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_true(holds(FOLDER "/other", OLD, sizeof(OLD)));
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));
}

static void targets_that_are_refused(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    memory_init(&memory, NULL);
    assert_int_equal(save(&memory, FOLDER, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, FOLDER ": is a directory, expected the name of a file");
    assert_int_equal(save(&memory, "/dev/null", &error), ELMAN_ERR_IO);
    assert_string_equal(error.message,
                        "/dev/null: is a pipe or a device, expected the name of a regular file");
    assert_int_equal(save(&memory, FOLDER "/none/model", &error), ELMAN_ERR_IO);
    assert_string_equal(error.message,
                        FOLDER "/none/model: cannot be created: No such file or directory");
    write_plain(TARGET, OLD, sizeof(OLD));
    assert_int_equal(save(&memory, TARGET "/model", &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, TARGET "/model: cannot be examined: Not a directory");
    assert_int_equal(list_folder(false), 1);
}

static void check_after_fault(elman_status status, const elman_error *error) {
    const bool is_old = holds(TARGET, OLD, sizeof(OLD));
    const bool is_new = holds(TARGET, new_bytes, NEW_SIZE);
    if (status == ELMAN_OK) {
        assert_true(is_new);
    } else {
        assert_int_equal(status, ELMAN_ERR_IO);
        assert_int_equal(error->status, ELMAN_ERR_IO);
        assert_int_equal(strncmp(error->message, TARGET ": ", strlen(TARGET ": ")), 0);
        assert_non_null(strstr(error->message, strerror(fault.code)));
        assert_true(strstr(error->message, "was replaced") != NULL ? is_new : is_old);
    }
    assert_int_equal(fault.open_files, 0);
    if (!fault.unlink_failed) assert_int_equal(list_folder(false), 1);
}

static void every_call_fails_while_writing(void **state) {
    (void)state;
    static const int codes[] = {EIO, ENOSPC};
    size_t failed = 0;
    for (int variant = 0; variant < 4; variant++) {
        bool reached = true;
        for (long k = 0; reached; k++) {
            (void)fresh_folder(NULL);
            write_plain(TARGET, OLD, sizeof(OLD));
            CountingAllocator counting = {.allow = ALLOW_ALL};
            const elman_allocator allocator = counting_allocator(&counting);
            Memory memory;
            elman_error error = {0};
            memory_init(&memory, &allocator);
            fault.fail_at = k;
            fault.code = codes[variant % 2];
            fault.ever_after = variant / 2 == 1;
            file_operations_set(&faulty);
            const elman_status status = save(&memory, TARGET, &error);
            file_operations_set(NULL);
            check_after_fault(status, &error);
            assert_int_equal(counting.live, 0);
            failed += status != ELMAN_OK;
            reached = fault.calls > k;
        }
    }
    /* stat, open, fchmod, 4 writes, fsync, close, rename; open and fsync of the directory. */
    assert_int_equal(failed, 4 * 12);
}

static void interruptions_and_short_writes_do_no_harm(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    unsigned char *bytes;
    size_t size;
    memory_init(&memory, NULL);
    fault.interrupt = true;
    fault.most_bytes = 777;
    file_operations_set(&faulty);
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    assert_int_equal(file_read(&memory, TARGET, SIZE_MAX, &bytes, &size, &error), ELMAN_OK);
    assert_int_equal(size, NEW_SIZE);
    assert_memory_equal(bytes, new_bytes, NEW_SIZE);
    memory_release(&memory, bytes);
    assert_int_equal(fault.open_files, 0);
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));

    fault.interrupt = false;
    fault.refuse_write = true;
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, TARGET ": cannot be written: No space left on device");
    assert_true(holds(TARGET, new_bytes, NEW_SIZE));
}

static void directories_that_cannot_be_synchronised(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    memory_init(&memory, NULL);
    file_operations_set(&faulty);
    fault.directory_code = EINVAL; /* the file system has no such notion */
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_OK);
    fault.directory_code = EIO;
    assert_int_equal(save(&memory, TARGET, &error), ELMAN_ERR_IO);
    assert_string_equal(
        error.message,
        TARGET ": was replaced, but its directory cannot be made durable: Input/output error");
}

static void writing_without_memory(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long k = 0;
    write_plain(TARGET, OLD, sizeof(OLD));
    for (; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = k};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        elman_error error;
        memory_init(&memory, &allocator);
        status = save(&memory, TARGET, &error);
        if (status != ELMAN_OK) {
            assert_int_equal(status, ELMAN_ERR_MEMORY);
            assert_string_equal(error.message, TARGET ": no memory for writing it");
            assert_true(holds(TARGET, OLD, sizeof(OLD)));
        }
        assert_int_equal(counting.live, 0);
        assert_int_equal(list_folder(false), 1);
    }
    assert_int_equal(k, 4);
}

static void files_are_read_whole(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, 65535, 65536, 65537, NEW_SIZE};
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    elman_error error;
    memory_init(&memory, &allocator);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *bytes;
        size_t size;
        write_plain(TARGET, new_bytes, sizes[i]);
        assert_int_equal(file_read(&memory, TARGET, sizes[i], &bytes, &size, &error), ELMAN_OK);
        assert_int_equal(size, sizes[i]);
        if (size > 0) assert_memory_equal(bytes, new_bytes, size);
        assert_int_equal(bytes[size], 0);
        memory_release(&memory, bytes);
        if (sizes[i] > 0) {
            char expected[128];
            assert_int_equal(file_read(&memory, TARGET, sizes[i] - 1, &bytes, &size, &error),
                             ELMAN_ERR_DATA);
            (void)snprintf(expected, sizeof(expected),
                           TARGET ": is longer than %zu bytes, the most that is read",
                           sizes[i] - 1);
            assert_string_equal(error.message, expected);
            assert_null(bytes);
        }
    }
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting.peak, NEW_SIZE + 1); /* a regular file costs its size and one byte */
}

static void *feed(void *argument) {
    FILE *pipe = fopen(argument, "wb");
    if (pipe == NULL) return NULL;
    const size_t written = fwrite(new_bytes, 1, NEW_SIZE, pipe);
    return fclose(pipe) == 0 && written == NEW_SIZE ? argument : NULL;
}

static void pipes_are_read_whole(void **state) {
    (void)state;
    char path[] = FOLDER "/pipe";
    Memory memory;
    elman_error error;
    pthread_t feeder;
    void *fed = NULL;
    unsigned char *bytes;
    size_t size;
    memory_init(&memory, NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&feeder, NULL, feed, path), 0);
    const elman_status status = file_read(&memory, path, SIZE_MAX, &bytes, &size, &error);
    assert_int_equal(pthread_join(feeder, &fed), 0);
    assert_int_equal(status, ELMAN_OK);
    assert_non_null(fed);
    assert_int_equal(size, NEW_SIZE);
    assert_memory_equal(bytes, new_bytes, NEW_SIZE);
    assert_int_equal(bytes[size], 0);
    memory_release(&memory, bytes);

    /* Files of the kernel have no size either. */
    assert_int_equal(file_read(&memory, "/proc/self/status", 1 << 20, &bytes, &size, &error),
                     ELMAN_OK);
    assert_int_equal(strncmp((char *)bytes, "Name:", 5), 0);
    memory_release(&memory, bytes);
    assert_int_equal(file_read(&memory, "/proc/self/status", 10, &bytes, &size, &error),
                     ELMAN_ERR_DATA);
    assert_null(bytes);
}

static void what_cannot_be_read(void **state) {
    (void)state;
    Memory memory;
    elman_error error;
    unsigned char *bytes;
    size_t size;
    memory_init(&memory, NULL);
    assert_int_equal(file_read(&memory, TARGET, SIZE_MAX, &bytes, &size, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, TARGET ": cannot be opened: No such file or directory");
    assert_int_equal(file_read(&memory, FOLDER, SIZE_MAX, &bytes, &size, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, FOLDER ": is a directory, expected a file");
    assert_null(bytes);

    FileReader reader;
    assert_int_equal(file_reader_open(&reader, "/dev/null", &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, "/dev/null: is a pipe or a device, expected a regular file");
    file_reader_close(&reader);
}

static void every_call_fails_while_reading(void **state) {
    (void)state;
    size_t failed = 0;
    write_plain(TARGET, new_bytes, NEW_SIZE);
    file_operations_set(&faulty);
    fault.most_bytes = 100000;
    fault.code = EIO;
    bool reached = true;
    for (long k = 0; reached; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        elman_error error;
        unsigned char *bytes;
        size_t size;
        memory_init(&memory, &allocator);
        fault.calls = 0;
        fault.fail_at = k;
        if (file_read(&memory, TARGET, SIZE_MAX, &bytes, &size, &error) == ELMAN_OK) {
            assert_memory_equal(bytes, new_bytes, NEW_SIZE);
        } else {
            assert_int_equal(error.status, ELMAN_ERR_IO);
            assert_non_null(strstr(error.message, "Input/output error"));
            assert_null(bytes);
            failed++;
        }
        memory_release(&memory, bytes);
        assert_int_equal(counting.live, 0);
        assert_int_equal(fault.open_files, 0);
        reached = fault.calls > k;
    }
    assert_int_equal(failed, 6); /* open, fstat, three reads and the one that finds the end */
}

static void files_are_read_in_pieces(void **state) {
    (void)state;
    FileReader reader;
    elman_error error;
    unsigned char bytes[1000];
    write_plain(TARGET, new_bytes, 1500);
    assert_int_equal(file_reader_open(&reader, TARGET, &error), ELMAN_OK);
    assert_int_equal(reader.size, 1500);
    assert_int_equal(file_reader_read(&reader, bytes, 1000, &error), ELMAN_OK);
    assert_memory_equal(bytes, new_bytes, 1000);
    assert_int_equal(truncate(TARGET, 1200), 0);
    assert_int_equal(file_reader_read(&reader, bytes, 500, &error), ELMAN_ERR_IO);
    assert_string_equal(error.message, TARGET ": has become shorter than its 1500 bytes");
    file_reader_close(&reader);
    file_reader_close(&reader);
}

static void existence_and_removal(void **state) {
    (void)state;
    elman_error error;
    bool exists = true;
    assert_int_equal(file_exists(TARGET, &exists, &error), ELMAN_OK);
    assert_false(exists);
    assert_int_equal(file_remove(TARGET, &error), ELMAN_OK);
    write_plain(TARGET, OLD, sizeof(OLD));
    assert_int_equal(file_exists(TARGET, &exists, &error), ELMAN_OK);
    assert_true(exists);
    assert_int_equal(file_exists(TARGET "/below", &exists, &error), ELMAN_OK);
    assert_false(exists);
    assert_int_equal(file_remove(TARGET, &error), ELMAN_OK);
    assert_int_equal(list_folder(false), 0);
    assert_int_equal(file_remove(FOLDER, &error), ELMAN_ERR_IO);
    assert_ptr_equal(strstr(error.message, FOLDER ": cannot be removed: "), error.message);

    fault.fail_at = 0;
    fault.code = EACCES;
    file_operations_set(&faulty);
    assert_int_equal(file_exists(TARGET, &exists, &error), ELMAN_ERR_IO);
    assert_false(exists);
    assert_string_equal(error.message, TARGET ": cannot be examined: Permission denied");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_created_and_replaced),
        TEST(a_name_without_folder_works),
        TEST(abort_leaves_the_old_file),
        TEST(the_temporary_name_is_taken),
        TEST(a_link_is_replaced),
        TEST(targets_that_are_refused),
        TEST(every_call_fails_while_writing),
        TEST(interruptions_and_short_writes_do_no_harm),
        TEST(directories_that_cannot_be_synchronised),
        TEST(writing_without_memory),
        TEST(files_are_read_whole),
        TEST(pipes_are_read_whole),
        TEST(what_cannot_be_read),
        TEST(every_call_fails_while_reading),
        TEST(files_are_read_in_pieces),
        TEST(existence_and_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
