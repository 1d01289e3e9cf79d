/* Reports one failure: a status for the program, a sentence for people. */
#include "core/fail.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* Cuts a character that the end of the buffer has split; replaces what a terminal should not see.
 */
static void clean(char *message, bool was_cut) {
    const size_t size = strlen(message);
    size_t at = 0;
    while (at < size) {
        const unsigned char byte = (unsigned char)message[at];
        const size_t length = utf8_length(message + at, size - at);
        if (length == 0 && was_cut && byte >= 0xc2 && size - at < 4) break;
        if (length == 0 || byte < 0x20 || byte == 0x7f) message[at] = '?';
        at += length == 0 ? 1 : length;
    }
    message[at] = '\0';
}

elman_status fail(elman_error *error, elman_status status, const char *format, ...) {
    if (error == NULL) return status;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    if (length < 0) error->message[0] = '\0';
    clean(error->message, length >= (int)sizeof(error->message));
    return status;
}

elman_status fail_system(elman_error *error, int code, const char *format, ...) {
    if (error == NULL) return ELMAN_ERR_IO;
    char sentence[ELMAN_MESSAGE_MAX];
    char reason[128];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(sentence, sizeof(sentence), format, arguments) < 0) sentence[0] = '\0';
    va_end(arguments);
    if (strerror_r(code, reason, sizeof(reason)) != 0)
        (void)snprintf(reason, sizeof(reason), "system error %d", code);
    return fail(error, ELMAN_ERR_IO, "%s: %s", sentence, reason);
}
