/* Asks the operating system. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

uint64_t machine_memory_available(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    uint64_t kibibytes = 0, value;
    if (!file) return 0;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &value) == 1) kibibytes += value;
        if (sscanf(line, "SwapFree: %" SCNu64, &value) == 1) kibibytes += value;
    }
    (void)fclose(file);
    return kibibytes * 1024;
}

double machine_seconds(void) {
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool machine_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

bool machine_same_file(const char *a, const char *b) {
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Tries with a file of another name beside it, which is removed at once. */
static bool can_create_beside(const char *path) {
    const size_t size = strlen(path) + sizeof(".XXXXXX");
    char *probe = malloc(size);
    if (!probe) {
        message("no memory left");
        return false;
    }
    (void)snprintf(probe, size, "%s.XXXXXX", path);
    const int descriptor = mkstemp(probe);
    const int reason = errno;
    if (descriptor >= 0) {
        (void)close(descriptor);
        (void)unlink(probe);
    } else {
        message("%s: cannot be written: %s", path, strerror(reason));
    }
    free(probe);
    return descriptor >= 0;
}

bool machine_can_replace(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        message("%s: is %s, expected a file", path,
                S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe");
        return false;
    }
    return can_create_beside(path);
}

bool machine_can_append(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) return can_create_beside(path);
    if (S_ISDIR(status.st_mode)) {
        message("%s: is a directory, expected a file", path);
        return false;
    }
    if (access(path, W_OK) == 0) return true;
    message("%s: cannot be written: %s", path, strerror(errno));
    return false;
}
