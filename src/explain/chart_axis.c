/* Places round ticks and writes numbers. */
#include "explain/chart_axis.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/logarithm.h"

/* From 10^LARGE on, and below 10^SMALL, numbers are written with an exponent. */
enum { LARGE = 9, SMALL = -4, SENTENCE_DIGITS = 6 };

/* On a logarithmic axis, whose numbers are powers of ten, from here on. */
enum { LONG = 5 };

double chart_value(double value) {
    if (!isfinite(value)) return (double)NAN;
    if (fabs(value) < 1e-290) return 0.0;
    return value > 1e300 ? 1e300 : value < -1e300 ? -1e300 : value;
}

/* IEEE products alone: the same bits everywhere, exact up to 10^22. */
static double power_of_ten(int exponent) {
    double power = 1.0;
    for (int i = 0; i < exponent; i++) power *= 10.0;
    return power;
}

/* value 10^exponent */
static double scaled(double value, int exponent) {
    return exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
}

/* The largest e with 10^e <= value, for a positive value. */
static int leading_exponent(double value) {
    int exponent = 0;
    while (value >= scaled(1.0, exponent + 1)) exponent++;
    while (value < scaled(1.0, exponent)) exponent--;
    return exponent;
}

/* `digits` in decimal, a point before the last `decimals` of them, commas between thousands. */
static void write_plain(char *text, uint64_t digits, size_t decimals) {
    char reversed[CHART_NUMBER_MAX];
    size_t length = 0, whole = 0;
    for (size_t i = 0; i < decimals; i++, digits /= 10)
        reversed[length++] = (char)('0' + digits % 10);
    if (decimals > 0) reversed[length++] = '.';
    do {
        if (whole > 0 && whole % 3 == 0) reversed[length++] = ',';
        reversed[length++] = (char)('0' + digits % 10);
        digits /= 10;
        whole++;
    } while (digits > 0);
    while (length > 0) *text++ = reversed[--length];
    *text = '\0';
}

static size_t digit_count(uint64_t digits) {
    size_t count = 1;
    while (digits /= 10) count++;
    return count;
}

/* digits 10^exponent as text. */
static const char *write_number(int64_t digits, int exponent, bool scientific, bool ascii,
                                char text[CHART_NUMBER_MAX]) {
    uint64_t rest = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits;
    const char *const sign = digits >= 0 ? "" : ascii ? "-" : "−";
    const size_t start = strlen(sign);
    memcpy(text, sign, start);
    if (digits == 0) {
        write_plain(text, 0, 0);
    } else if (scientific) {
        for (; rest % 10 == 0; rest /= 10) exponent++;
        const size_t decimals = digit_count(rest) - 1;
        write_plain(text + start, rest, decimals);
        const size_t end = strlen(text);
        (void)snprintf(text + end, CHART_NUMBER_MAX - end, "e%d", exponent + (int)decimals);
    } else {
        for (; exponent > 0; exponent--) rest *= 10;
        write_plain(text + start, rest, (size_t)-exponent);
    }
    return text;
}

const char *chart_number(double value, bool ascii, char text[CHART_NUMBER_MAX]) {
    return chart_number_short(value, SENTENCE_DIGITS, ascii, text);
}

const char *chart_number_short(double value, int most, bool ascii, char text[CHART_NUMBER_MAX]) {
    if (value == 0.0) return write_number(0, 0, false, ascii, text);
    const int leading = leading_exponent(fabs(value));
    int exponent = leading - most + 1;
    int64_t digits = (int64_t)floor(scaled(fabs(value), -exponent) + 0.5);
    for (; digits % 10 == 0; digits /= 10) exponent++;
    return write_number(value < 0 ? -digits : digits, exponent, leading >= LARGE || leading < SMALL,
                        ascii, text);
}

/* Room beyond the values, and what a constant needs to be a line in the middle. */
static void widen(double *low, double *high) {
    const double magnitude = fmax(fabs(*low), fabs(*high));
    if (*high - *low <= magnitude * 1e-9) {
        const double room = magnitude > 0.0 ? magnitude / 10 : 1.0;
        *low -= room;
        *high += room;
        return;
    }
    const bool above = *low >= 0.0, below = *high <= 0.0;
    if (above && *low < 0.3 * *high) *low = 0.0;
    if (below && *high > 0.3 * *low) *high = 0.0;
    const double room = (*high - *low) / 20;
    if (!above || *low > 0.0) *low = above ? fmax(*low - room, 0.0) : *low - room;
    if (!below || *high < 0.0) *high = below ? fmin(*high + room, 0.0) : *high + room;
}

ChartAxis chart_axis(double low, double high, size_t most, bool ascii) {
    static const int64_t steps[] = {1, 2, 5, 10};
    ChartAxis axis = {.ascii = ascii};
    axis.empty = isnan(low) || isnan(high);
    if (axis.empty) return axis;
    widen(&low, &high);
    axis.low = low;
    axis.high = high;
    const double rough = (high - low) / (double)most;
    axis.exponent = leading_exponent(rough);
    size_t i = 0;
    while (i < 3 && scaled((double)steps[i], axis.exponent) < rough) i++;
    axis.step = steps[i];
    if (axis.step == 10) {
        axis.step = 1;
        axis.exponent++;
    }
    /* A tick that rounding puts just outside is still inside. */
    const double unit = scaled((double)axis.step, axis.exponent);
    const int64_t from = (int64_t)ceil(low / unit - 1e-6);
    const int64_t to = (int64_t)floor(high / unit + 1e-6);
    axis.first = from * axis.step;
    axis.ticks = to < from ? 0 : (size_t)(to - from) + 1;
    const double largest = fmax(fabs(low), fabs(high));
    axis.scientific = leading_exponent(largest) >= LARGE || leading_exponent(largest) < SMALL + 1;
    return axis;
}

/* Number n of ..., 0.5, 1, 2, 5, 10, ... is digits 10^exponent. */
static int64_t round_digits(int64_t n, int *exponent) {
    static const int64_t digits[] = {1, 2, 5};
    const int64_t decade = n >= 0 ? n / 3 : -((2 - n) / 3);
    *exponent = (int)decade;
    return digits[n - 3 * decade];
}

static double round_number(int64_t n) {
    int exponent;
    const double digits = (double)round_digits(n, &exponent);
    return scaled(digits, exponent);
}

ChartAxis chart_axis_logarithmic(double low, double high, size_t most, bool ascii) {
    ChartAxis axis = {.ascii = ascii, .logarithmic = true, .step = 1};
    axis.empty = isnan(low) || isnan(high);
    if (axis.empty) return axis;
    int64_t from = 3 * (int64_t)leading_exponent(low), to = from;
    while (round_number(from + 1) <= low) from++;
    while (round_number(to) < high) to++;
    if (to == from) to++;
    for (; (to - from) / axis.step >= (int64_t)most; axis.step += axis.step == 1 ? 2 : 3) {
        while (from % 3 != 0) from--;
        while (to % 3 != 0) to++;
    }
    axis.first = from;
    axis.ticks = (size_t)((to - from) / axis.step) + 1;
    axis.low = natural_logarithm(round_number(from));
    axis.high = natural_logarithm(round_number(to));
    return axis;
}

static int64_t tick_digits(const ChartAxis *axis, size_t tick) {
    return axis->first + (int64_t)tick * axis->step;
}

double chart_axis_tick(const ChartAxis *axis, size_t tick) {
    if (axis->logarithmic) return round_number(tick_digits(axis, tick));
    return scaled((double)tick_digits(axis, tick), axis->exponent);
}

const char *chart_axis_text(const ChartAxis *axis, size_t tick, char text[CHART_NUMBER_MAX]) {
    if (axis->logarithmic) {
        int exponent;
        const int64_t digits = round_digits(tick_digits(axis, tick), &exponent);
        return write_number(digits, exponent, exponent >= LONG || exponent < SMALL + 1, axis->ascii,
                            text);
    }
    return write_number(tick_digits(axis, tick), axis->exponent, axis->scientific, axis->ascii,
                        text);
}

/* A value in the units of `low` and `high`. */
static double on_axis(const ChartAxis *axis, double value) {
    return axis->logarithmic ? natural_logarithm(value > 0.0 ? value : 0.0) : value;
}

double chart_axis_place(const ChartAxis *axis, double value) {
    const double place = (on_axis(axis, value) - axis->low) / (axis->high - axis->low);
    return place < 0.0 ? 0.0 : place > 1.0 ? 1.0 : place;
}

bool chart_axis_holds(const ChartAxis *axis, double value) {
    const double at = on_axis(axis, value);
    return at >= axis->low && at <= axis->high;
}
