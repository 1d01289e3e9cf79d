/* Messages, without what could steer a terminal. */
#include "message.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum { SENTENCE_MAX = 1024 };

void clean(char *text) {
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7F) *c = '?';
        /* U+0080 to U+009F are control characters too. */
        if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) c[0] = c[1] = '?';
    }
}

bool shows_itself(int32_t character) {
    static const int32_t hidden[][2] = {
        {0x00, 0x1F},     {0x7F, 0xA0},       {0xAD, 0xAD},        {0x061C, 0x061C},
        {0x180B, 0x180F}, {0x200B, 0x200F},   {0x2028, 0x202F},    {0x2060, 0x206F},
        {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},    {0xFFFE, 0xFFFF},
        {0xE000, 0xF8FF}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF},
    };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (character >= hidden[i][0] && character <= hidden[i][1]) return false;
    }
    return true;
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
