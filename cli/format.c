/* Formats counts, sizes and durations. */
#include "format.h"

#include <inttypes.h>
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

double bits_from_nats(double nats) {
    return nats / 0.693147180559945309417;
}
