/* Writes results and remembers the first failure. */
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "message.h"

static int failure; /* errno of the first write that failed */

static void note(bool ok) {
    if (!ok && failure == 0) failure = errno ? errno : EIO;
}

void output_print(const char *format, ...) {
    va_list arguments;
    if (failure) return;
    va_start(arguments, format);
    note(vprintf(format, arguments) >= 0);
    va_end(arguments);
}

void output_write(const char *bytes, size_t size) {
    if (!failure) note(fwrite(bytes, 1, size, stdout) == size);
}

void output_flush(void) {
    if (!failure) note(fflush(stdout) == 0 && !ferror(stdout));
}

bool output_failed(void) {
    return failure != 0;
}

int output_to_stream(void *user, const char *bytes, size_t size) {
    return fwrite(bytes, 1, size, user) != size;
}

int output_finish(int status) {
    output_flush();
    if (failure == 0) return status;
    if (failure == EPIPE) return EXIT_SIGNAL + SIGPIPE;
    message("standard output: %s", strerror(failure));
    return EXIT_FAILED;
}
