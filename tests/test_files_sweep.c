/* What a killed process has left beside a file is removed when the file is written again. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/files.h"

#define FOLDER "sweep-test"
#define TARGET FOLDER "/model"

static const char TEXT[] = "what was written";

static int make_folder(void **state) {
    (void)state;
    return mkdir(FOLDER, 0777) != 0 && errno != EEXIST ? -1 : 0;
}

/* Counts the files in the folder. */
static size_t count_files(void) {
    size_t count = 0;
    DIR *const folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') count++;
    }
    (void)closedir(folder);
    return count;
}

static void leave(const char *path, const char *behind) {
    char name[256];
    (void)snprintf(name, sizeof(name), "%s.elman-tmp%s", path, behind);
    FILE *const file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void leave_of(const char *path, pid_t process) {
    char number[32];
    (void)snprintf(number, sizeof(number), "%ld", (long)process);
    leave(path, number);
}

static void save(const char *path) {
    Memory memory;
    FileWriter *writer;
    memory_init(&memory, NULL);
    assert_int_equal(file_writer_open(&memory, path, &writer, NULL), ELMAN_OK);
    assert_int_equal(file_writer_write(writer, TEXT, sizeof(TEXT), NULL), ELMAN_OK);
    assert_int_equal(file_writer_commit(writer, NULL), ELMAN_OK);
}

/* The number of a process that is no more. */
static pid_t gone(void) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

static void files_of_dead_processes_are_removed(void **state) {
    (void)state;
    leave_of(TARGET, gone());
    leave_of(TARGET, gone());
    save(TARGET);
    assert_int_equal(count_files(), 1);

    leave_of(TARGET, gone());
    assert_int_equal(chdir(FOLDER), 0);
    save("model"); /* a name without a folder */
    assert_int_equal(chdir(".."), 0);
    assert_int_equal(count_files(), 1);
}

/* A file that is being written, one of another target, and names that only look alike. */
static void others_stay(void **state) {
    (void)state;
    char padded[32];
    (void)snprintf(padded, sizeof(padded), "0%ld", (long)gone());
    leave_of(TARGET, getppid());
    leave_of(TARGET ".checkpoint", gone());
    leave_of(FOLDER "/mode", gone());
    leave(TARGET, "");
    leave(TARGET, "0");
    leave(TARGET, padded);
    leave(TARGET, "9999999999999999999999");
    leave(TARGET, "12x");
    save(TARGET);
    assert_int_equal(count_files(), 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_dead_processes_are_removed),
        cmocka_unit_test(others_stay),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
