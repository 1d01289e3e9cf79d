/* Power cuts: the file operations of several saves are recorded and then replayed up to every
 * point, with what was not synchronised lost, halved or zeroed, and with the directory as it was
 * after any of its pending changes. An acknowledged version must never be gone, and no version may
 * be partial. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/files.h"

#define FOLDER "power-cut-test"
#define TARGET FOLDER "/model"

enum { VERSIONS = 4, EVENTS_MAX = 200, NODES_MAX = 16, DESCRIPTORS_MAX = 64, PENDING_MAX = 8 };

typedef enum EventKind {
    EVENT_CREATE, /* a temporary file, node `node` */
    EVENT_WRITE,  /* `size` bytes behind those that the node has */
    EVENT_FSYNC,
    EVENT_RENAME, /* the temporary file of `node` to the target */
    EVENT_UNLINK, /* the temporary file */
    EVENT_FSYNC_FOLDER,
    EVENT_ACKNOWLEDGE /* version `size` */
} EventKind;

typedef struct Event {
    EventKind kind;
    size_t node;
    size_t size;
} Event;

/* What was recorded. Node n holds version n: each save creates one file. */
static Event events[EVENTS_MAX];
static size_t event_count, node_count;
static size_t node_of[DESCRIPTORS_MAX]; /* node + 1; 0: the folder or nothing of ours */
static unsigned char contents[NODES_MAX][300000];
static size_t sizes[NODES_MAX];

static void record(EventKind kind, size_t node, size_t size) {
    assert_true(event_count < EVENTS_MAX && node < NODES_MAX);
    events[event_count++] = (Event){kind, node, size};
}

static int log_open(const char *path, int flags, mode_t mode) {
    const int descriptor = open(path, flags, mode);
    assert_true(descriptor >= 0 && descriptor < DESCRIPTORS_MAX);
    node_of[descriptor] = 0;
    if ((flags & O_CREAT) != 0) {
        assert_ptr_equal(strstr(path, TARGET ".elman-tmp"), path);
        node_of[descriptor] = ++node_count;
        record(EVENT_CREATE, node_count - 1, 0);
    } else {
        assert_string_equal(path, FOLDER);
    }
    return descriptor;
}

static int log_stat(const char *path, struct stat *status) {
    return stat(path, status);
}

static int log_fstat(int descriptor, struct stat *status) {
    return fstat(descriptor, status);
}

static ssize_t log_write(int descriptor, const void *bytes, size_t size) {
    const size_t node = node_of[descriptor] - 1;
    if (size > 50000) size = 50000; /* more points at which the power can go */
    assert_true(node < NODES_MAX && size <= sizeof(contents[0]) - sizes[node]);
    memcpy(contents[node] + sizes[node], bytes, size);
    sizes[node] += size;
    record(EVENT_WRITE, node, size);
    return write(descriptor, bytes, size);
}

static int log_fsync(int descriptor) {
    if (node_of[descriptor] == 0)
        record(EVENT_FSYNC_FOLDER, 0, 0);
    else
        record(EVENT_FSYNC, node_of[descriptor] - 1, 0);
    return fsync(descriptor);
}

static int log_rename(const char *from, const char *to) {
    assert_string_equal(to, TARGET);
    record(EVENT_RENAME, node_count - 1, 0);
    return rename(from, to);
}

static int log_unlink(const char *path) {
    record(EVENT_UNLINK, node_count - 1, 0);
    return unlink(path);
}

static const FileOperations logged = {
    .open = log_open,
    .stat = log_stat,
    .fstat = log_fstat,
    .fchmod = fchmod,
    .read = read,
    .write = log_write,
    .fsync = log_fsync,
    .close = close,
    .rename = log_rename,
    .unlink = log_unlink,
};

/* The size of version v: within one write, within the buffer, past both. */
static const size_t version_sizes[VERSIONS] = {10, 40000, 170000, 99999};

static unsigned char version_byte(size_t version, size_t at) {
    return (unsigned char)(1 + (version * 89 + at * 31 + at / 255) % 255); /* never 0 */
}

static void save_versions(void) {
    Memory memory;
    elman_error error;
    static unsigned char bytes[170000];
    memory_init(&memory, NULL);
    for (size_t v = 0; v < VERSIONS; v++) {
        FileWriter *writer;
        for (size_t i = 0; i < version_sizes[v]; i++) bytes[i] = version_byte(v, i);
        assert_int_equal(file_writer_open(&memory, TARGET, &writer, &error), ELMAN_OK);
        assert_int_equal(file_writer_write(writer, bytes, version_sizes[v] / 3, &error), ELMAN_OK);
        assert_int_equal(file_writer_write(writer, bytes + version_sizes[v] / 3,
                                           version_sizes[v] - version_sizes[v] / 3, &error),
                         ELMAN_OK);
        assert_int_equal(file_writer_commit(writer, &error), ELMAN_OK);
        record(EVENT_ACKNOWLEDGE, 0, v);
    }
    assert_int_equal(node_count, VERSIONS);
}

/* The disk after the first events. */
typedef struct Disk {
    size_t written[NODES_MAX], synced[NODES_MAX]; /* bytes of each node */
    size_t target;                                /* node + 1 that the durable name has; 0: none */
    size_t pending[PENDING_MAX]; /* what it becomes when a change reaches the disk */
    size_t pending_count;
    size_t acknowledged; /* version + 1; 0: none */
} Disk;

static Disk replay(size_t count) {
    Disk disk = {0};
    for (size_t i = 0; i < count; i++) {
        const Event *event = &events[i];
        switch (event->kind) {
        case EVENT_WRITE:
            disk.written[event->node] += event->size;
            break;
        case EVENT_FSYNC:
            disk.synced[event->node] = disk.written[event->node];
            break;
        case EVENT_RENAME:
            assert_true(disk.pending_count < PENDING_MAX);
            disk.pending[disk.pending_count++] = event->node + 1;
            break;
        case EVENT_FSYNC_FOLDER:
            if (disk.pending_count > 0) disk.target = disk.pending[disk.pending_count - 1];
            disk.pending_count = 0;
            break;
        case EVENT_ACKNOWLEDGE:
            disk.acknowledged = event->size + 1;
            break;
        case EVENT_CREATE:
        case EVENT_UNLINK:
            break; /* the target's name is not concerned */
        }
    }
    return disk;
}

typedef enum Damage { DAMAGE_NONE, DAMAGE_LOST, DAMAGE_HALVED, DAMAGE_ZEROED, DAMAGES } Damage;

/* Whether the node is, after the damage, the complete version of its number. */
static bool is_complete(const Disk *disk, size_t node, Damage damage) {
    const size_t synced = disk->synced[node], written = disk->written[node];
    size_t size = written;
    if (damage == DAMAGE_LOST) size = synced;
    if (damage == DAMAGE_HALVED) size = synced + (written - synced) / 2;
    if (size != version_sizes[node]) return false;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = damage == DAMAGE_ZEROED && i >= synced ? 0 : contents[node][i];
        if (byte != version_byte(node, i)) return false;
    }
    return true;
}

static void no_power_cut_loses_or_breaks_a_file(void **state) {
    (void)state;
    size_t states = 0;
    file_operations_set(&logged);
    save_versions();
    file_operations_set(NULL);
    for (size_t count = 0; count <= event_count; count++) {
        const Disk disk = replay(count);
        for (size_t reached = 0; reached <= disk.pending_count; reached++) {
            const size_t target = reached == 0 ? disk.target : disk.pending[reached - 1];
            for (Damage damage = DAMAGE_NONE; damage < DAMAGES; damage++, states++) {
                assert_true(target >= disk.acknowledged);
                if (target > 0) assert_true(is_complete(&disk, target - 1, damage));
            }
        }
    }
    print_message("%zu states of the disk after %zu events\n", states, event_count);
    assert_true(states > 100);
}

static int make_folder(void **state) {
    (void)state;
    (void)unlink(TARGET);
    return mkdir(FOLDER, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    file_operations_set(NULL);
    (void)unlink(TARGET);
    return rmdir(FOLDER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_power_cut_loses_or_breaks_a_file, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
