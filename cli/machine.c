/* Asks the operating system. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

size_t machine_terminal_width(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool machine_writes_utf8(void) {
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale) return false;
    const bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

double machine_seconds(void) {
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double machine_busy_seconds(void) {
    FILE *file = fopen("/proc/stat", "r");
    uint64_t user, nice, system, idle, wait, hard, soft, stolen;
    if (!file) return 0.0;
    const int read = fscanf(file,
                            "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                            " %" SCNu64 " %" SCNu64 " %" SCNu64,
                            &user, &nice, &system, &idle, &wait, &hard, &soft, &stolen);
    (void)fclose(file);
    const uint64_t ticks = user + nice + system + hard + soft + stolen;
    return read == 8 ? (double)ticks / (double)sysconf(_SC_CLK_TCK) : 0.0;
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

bool machine_spares(const char *written, const char *read) {
    if (!written || !read || !machine_same_file(written, read)) return true;
    message("%s: is to be read, it would be overwritten", written);
    return false;
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

/* All of the bytes, in a file that is closed behind them; else errno says why. */
static bool write_and_close(int descriptor, const char *bytes, size_t size) {
    FILE *const file = fdopen(descriptor, "wb");
    if (!file) {
        const int reason = errno;
        (void)close(descriptor);
        errno = reason;
        return false;
    }
    const bool written = fwrite(bytes, 1, size, file) == size && fflush(file) == 0;
    const int reason = errno;
    const bool closed = fclose(file) == 0;
    if (!written) errno = reason;
    return written && closed;
}

bool machine_replace(const char *path, const char *bytes, size_t size) {
    struct stat status;
    const bool exists = stat(path, &status) == 0, direct = exists && !S_ISREG(status.st_mode);
    const size_t length = strlen(path) + sizeof(".18446744073709551615");
    char *beside = malloc(length);
    if (!beside) {
        message("no memory left");
        return false;
    }
    (void)snprintf(beside, length, "%s.%ld", path, (long)getpid());
    const int flags = direct ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL;
    const int descriptor = open(direct ? path : beside, flags, 0666);
    bool ok = descriptor >= 0;
    if (ok && exists && !direct) (void)fchmod(descriptor, status.st_mode & 0777);
    ok = ok && write_and_close(descriptor, bytes, size) && (direct || rename(beside, path) == 0);
    if (!ok) message("%s: cannot be written: %s", path, strerror(errno));
    if (!ok && !direct && descriptor >= 0) (void)unlink(beside);
    free(beside);
    return ok;
}

bool machine_make_folder(const char *path) {
    struct stat status;
    if (mkdir(path, 0777) == 0) return true;
    if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return true;
    message("%s: no folder can be made: %s", path, strerror(errno));
    return false;
}
