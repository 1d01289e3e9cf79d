/* Formats counts, sizes and durations. */
#include "format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *format_count(uint64_t count, char text[FORMAT_MAX]) {
    char digits[FORMAT_MAX];
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, count);
    const size_t length = strlen(digits);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *format_bytes(double bytes, char text[FORMAT_MAX]) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    while (bytes >= 1024.0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024.0;
        unit++;
    }
    (void)snprintf(text, FORMAT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

const char *format_duration(double seconds, char text[FORMAT_MAX]) {
    const double longest = 1e9; /* 30 years; also for what is not a number */
    const unsigned long whole = (unsigned long)(seconds < longest ? seconds + 0.5 : longest);
    if (seconds < 9.95) {
        (void)snprintf(text, FORMAT_MAX, "%.1f s", seconds);
    } else if (whole < 60) {
        (void)snprintf(text, FORMAT_MAX, "%lu s", whole);
    } else if (whole < 3600) {
        (void)snprintf(text, FORMAT_MAX, "%lu min %lu s", whole / 60, whole % 60);
    } else {
        (void)snprintf(text, FORMAT_MAX, "%lu h %lu min", whole / 3600, whole / 60 % 60);
    }
    return text;
}

/* `digits` significant digits, without an exponent from 1e-5 to below 1e15. */
static const char *format_digits(double number, int digits, char text[FORMAT_MAX]) {
    const double size = fabs(number);
    if (size != 0.0 && (size < 1e-5 || size >= 1e15)) {
        (void)snprintf(text, FORMAT_MAX, "%.*g", digits, number);
        return text;
    }
    int decimals = digits - 1;
    for (double power = 10.0; power <= size && decimals > 0; power *= 10.0) decimals--;
    for (double power = 1.0; power > size && size != 0.0; power /= 10.0) decimals++;
    (void)snprintf(text, FORMAT_MAX, "%.*f", size == 0.0 ? 0 : decimals, number);
    return text;
}

const char *format_short(double number, char text[FORMAT_MAX]) {
    return format_digits(number, 4, text);
}

const char *format_value(double number, char text[FORMAT_MAX]) {
    (void)format_digits(number, 8, text);
    char *end = text + strlen(text);
    if (!strchr(text, '.') || strchr(text, 'e')) return text;
    while (end[-1] == '0') *--end = '\0';
    if (end[-1] == '.') *--end = '\0';
    return text;
}

double bits_from_nats(double nats) {
    return nats / 0.693147180559945309417;
}
