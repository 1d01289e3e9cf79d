/* Turns what R's data files hold into UTF-8. */
#include "formats/rdata_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

enum { DIGITS = 15 };

/* The characters 0x80 to 0x9F of Windows-1252; the five that it does not define are controls. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

static bool is_utf8(RdataCharacters characters) {
    for (size_t i = 0; i < characters.length;) {
        const size_t length = utf8_length(characters.bytes + i, characters.length - i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

size_t rdata_text_utf8(RdataCharacters characters, char *out) {
    size_t used = characters.length;
    if (!characters.latin1 && is_utf8(characters)) {
        if (out && used > 0) memcpy(out, characters.bytes, used);
    } else {
        used = 0;
        for (size_t i = 0; i < characters.length; i++) {
            char encoded[4];
            const unsigned char byte = (unsigned char)characters.bytes[i];
            const size_t length = utf8_encode(
                byte >= 0x80 && byte < 0xA0 ? windows_1252[byte - 0x80] : byte, encoded);
            if (out) memcpy(out + used, encoded, length);
            used += length;
        }
    }
    if (out) out[used] = '\0';
    return used + 1;
}

/* A number as digits[0].digits[1]... times 10^exponent, without zeros at the end. */
typedef struct Decimal {
    char digits[DIGITS];
    int count, exponent;
} Decimal;

static Decimal decimal_of(double magnitude) {
    Decimal decimal = {.count = 0};
    char text[RDATA_NUMBER_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%.*e", DIGITS - 1, magnitude);
    const char *at = text;
    for (; *at != 'e'; at++) /* whatever the locale has as its point is left out */
        if (*at >= '0' && *at <= '9' && decimal.count < DIGITS)
            decimal.digits[decimal.count++] = *at;
    const bool is_negative = at[1] == '-';
    for (at += 2; *at; at++) decimal.exponent = 10 * decimal.exponent + (*at - '0');
    if (is_negative) decimal.exponent = -decimal.exponent;
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0') decimal.count--;
    return decimal;
}

static char digit_at(const Decimal *decimal, int place) {
    return place >= 0 && place < decimal->count ? decimal->digits[place] : '0';
}

static size_t write_fixed(const Decimal *decimal, char *out) {
    size_t used = 0;
    const int whole = decimal->exponent < 0 ? 0 : decimal->exponent;
    for (int power = whole; power > decimal->exponent - decimal->count || power >= 0; power--) {
        if (power == -1) out[used++] = '.';
        out[used++] = digit_at(decimal, decimal->exponent - power);
    }
    return used;
}

static size_t write_scientific(const Decimal *decimal, char *out) {
    size_t used = 0;
    const int exponent = decimal->exponent < 0 ? -decimal->exponent : decimal->exponent;
    out[used++] = decimal->digits[0];
    if (decimal->count > 1) out[used++] = '.';
    for (int i = 1; i < decimal->count; i++) out[used++] = decimal->digits[i];
    out[used++] = 'e';
    out[used++] = decimal->exponent < 0 ? '-' : '+';
    if (exponent >= 100) out[used++] = (char)('0' + exponent / 100);
    out[used++] = (char)('0' + exponent / 10 % 10);
    out[used++] = (char)('0' + exponent % 10);
    return used;
}

size_t rdata_text_number(double number, char out[RDATA_NUMBER_TEXT_MAX]) {
    size_t used = 0;
    if (number < 0) out[used++] = '-';
    if (isinf(number)) {
        memcpy(out + used, "Inf", 3);
        used += 3;
    } else {
        const Decimal decimal = decimal_of(fabs(number));
        const int e = decimal.exponent, count = decimal.count;
        const int after = count - 1 - e > 0 ? count - 1 - e : 0; /* digits behind the point */
        const int fixed = (e < 0 ? 1 : e + 1) + (after > 0 ? after + 1 : 0);
        const int scientific = count + (count > 1) + (e <= -100 || e >= 100 ? 5 : 4);
        used += fixed <= scientific ? write_fixed(&decimal, out + used)
                                    : write_scientific(&decimal, out + used);
    }
    out[used] = '\0';
    return used + 1;
}
