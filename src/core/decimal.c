/* Reads decimal numbers. */
#include "core/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t skip_digits(const char *text, size_t length, size_t at) {
    while (at < length && text[at] >= '0' && text[at] <= '9') at++;
    return at;
}

/* Whether the text is a number; *point is the place of its point, `length` without one. */
static bool check(const char *text, size_t length, size_t *point) {
    size_t at = 0;
    if (at < length && (text[at] == '+' || text[at] == '-')) at++;
    const size_t first = at;
    *point = length;
    at = skip_digits(text, length, at);
    size_t digits = at - first;
    if (at < length && text[at] == '.') {
        *point = at;
        const size_t fraction = at + 1;
        at = skip_digits(text, length, fraction);
        digits += at - fraction;
    }
    if (digits == 0) return false;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '+' || text[at] == '-')) at++;
        const size_t exponent = at;
        at = skip_digits(text, length, at);
        if (at == exponent) return false;
    }
    return at == length;
}

enum { MARK_MAX = 16 }; /* bytes of a locale's point, with the zero behind it */

/* Copies a number with its point as strtof expects it, the locale's, which may be several bytes.
 * `copy` has room for most + MARK_MAX characters. False when it is no number or longer than `most`.
 */
static bool localise(const char *text, size_t length, size_t most, char *copy) {
    const char *const mark = localeconv()->decimal_point;
    const size_t mark_length = strlen(mark);
    size_t point;
    if (length > most || mark_length >= MARK_MAX || !check(text, length, &point)) return false;
    memcpy(copy, text, point);
    size_t used = point;
    if (point < length) {
        memcpy(copy + used, mark, mark_length);
        used += mark_length;
        memcpy(copy + used, text + point + 1, length - point - 1);
        used += length - point - 1;
    }
    copy[used] = '\0';
    return true;
}

bool decimal_read(const char *text, size_t length, float *value) {
    char copy[DECIMAL_MAX + MARK_MAX];
    if (!localise(text, length, DECIMAL_MAX, copy)) return false;
    *value = strtof(copy, NULL);
    return isfinite(*value);
}

bool decimal_read_double(const char *text, size_t length, double *value) {
    char copy[DECIMAL_DOUBLE_MAX + MARK_MAX];
    if (!localise(text, length, DECIMAL_DOUBLE_MAX, copy)) return false;
    *value = strtod(copy, NULL);
    return isfinite(*value);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void decimal_use_point(char *text) {
    const char *const mark = localeconv()->decimal_point;
    const size_t length = strlen(mark);
    char *to = text;
    for (const char *from = text; *from;) {
        const bool is_mark = length > 0 && strncmp(from, mark, length) == 0;
        if (is_mark && to > text && is_digit(to[-1]) && is_digit(from[length])) {
            *to++ = '.';
            from += length;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}
