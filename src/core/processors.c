/* How many processors this process may run on: its affinity mask and its control groups' quotas.
 * And the size of a core's own cache.
 *
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, "cpu.max". */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif

#include "core/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elman/context.h>

static const char CGROUP_ROOT[] = "/sys/fs/cgroup";
static const char CACHES[] = "/sys/devices/system/cpu/cpu0/cache";

size_t processors_from_quota(const char *text) {
    char *end;
    if (text[0] < '0' || text[0] > '9') return 0; /* "max" */
    const unsigned long long quota = strtoull(text, &end, 10);
    if (*end != ' ') return 0;
    const unsigned long long period = strtoull(end + 1, &end, 10);
    if (quota == 0 || period == 0 || quota > LONG_MAX) return 0;
    return (size_t)((quota - 1) / period + 1);
}

static size_t affinity(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return (size_t)CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
    return online > 0 ? (size_t)online : 1;
}

/* Reads the path of this process in the unified hierarchy, the line "0::/path". */
static bool own_group(char *path, size_t size) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) return false;
    bool found = false;
    while (!found && fgets(path, (int)size, file) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        found = strncmp(path, "0::/", 4) == 0;
    }
    (void)fclose(file);
    if (found) memmove(path, path + 3, strlen(path + 3) + 1);
    return found;
}

static bool read_line(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    const bool read = fgets(text, (int)size, file) != NULL;
    (void)fclose(file);
    return read;
}

static size_t group_limit(const char *group) {
    char path[PATH_MAX + sizeof(CGROUP_ROOT) + 16];
    char text[64];
    (void)snprintf(path, sizeof(path), "%s%s/cpu.max", CGROUP_ROOT, group);
    return read_line(path, text, sizeof(text)) ? processors_from_quota(text) : 0;
}

size_t elman_processor_count(void) {
    size_t count = affinity();
    char group[PATH_MAX];
    if (own_group(group, sizeof(group))) {
        /* A group is bound by its own quota and by those of all groups around it. */
        for (;;) {
            const size_t limit = group_limit(group);
            if (limit > 0 && limit < count) count = limit;
            char *slash = strrchr(group, '/');
            if (slash == NULL) break;
            *slash = '\0';
        }
    }
    return count > 0 ? count : 1;
}

size_t processor_bytes_from_size(const char *text) {
    char *end;
    if (text[0] < '0' || text[0] > '9') return 0;
    const unsigned long long number = strtoull(text, &end, 10);
    const int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
    if (shift > 0) end++;
    if (*end != '\n' && *end != '\0') return 0;
    return number > (SIZE_MAX >> shift) ? 0 : (size_t)number << shift;
}

/* From sysfs, whose indices do not tell the level: the first cache of level 2 of processor 0. */
static size_t cache_size_from_files(void) {
    char path[64], text[64];
    for (int index = 0; index < 8; index++) {
        (void)snprintf(path, sizeof(path), "%s/index%d/level", CACHES, index);
        if (!read_line(path, text, sizeof(text))) return 0;
        if (strcmp(text, "2\n") != 0) continue;
        (void)snprintf(path, sizeof(path), "%s/index%d/size", CACHES, index);
        return read_line(path, text, sizeof(text)) ? processor_bytes_from_size(text) : 0;
    }
    return 0;
}

size_t processor_cache_size(void) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long known = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (known > 0) return (size_t)known;
#endif
    const size_t size = cache_size_from_files();
    return size > 0 ? size : 1 << 20;
}
