/* Messages, without what could steer a terminal. */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_MAX = 1024 };

void clean(char *text) {
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7F) *c = '?';
        /* U+0080 to U+009F are control characters too. */
        if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) c[0] = c[1] = '?';
    }
}

static void ELMAN_PRINTF(2, 0) print(const char *command, const char *format, va_list arguments) {
    char sentence[SENTENCE_MAX];
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    clean(sentence);
    (void)fprintf(stderr, "%s: %s\n", command, sentence);
}

void message(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print("elman", format, arguments);
    va_end(arguments);
}

void message_for(const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print(command, format, arguments);
    va_end(arguments);
}
