/* Texts of a chart: cleaned, cut, and sentences for those who do not see the picture. */
#include "explain/chart_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

void chart_text_copy(char *to, size_t room, const char *from, bool ascii) {
    const size_t size = strlen(from);
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        const size_t length = utf8_length(from + at, size - at);
        const unsigned char first = (unsigned char)from[at];
        const bool kept = length > 0 && first >= 0x20 && first != 0x7f && !(ascii && length > 1);
        const size_t copied = kept ? length : 1;
        if (used + copied >= room) break;
        if (kept) {
            memcpy(to + used, from + at, length);
        } else {
            to[used] = length > 0 && first < 0x20 ? ' ' : '?';
        }
        used += copied;
        at += length > 0 ? length : 1;
    }
    to[used] = '\0';
}

void chart_text_shorten(char *text) {
    size_t size = strlen(text);
    while (size > 0 && ((unsigned char)text[--size] & 0xC0) == 0x80) {
    }
    text[size] = '\0';
}

/* The zeros, and the "-01" of first days and months, at the end of a time. */
static size_t roundness(const char *text) {
    size_t at = strlen(text);
    const size_t size = at;
    while (at > 0) {
        if (strchr("0:T Z", text[at - 1])) {
            at--;
        } else if (at >= 3 && memcmp(text + at - 3, "-01", 3) == 0) {
            at -= 3;
        } else {
            break;
        }
    }
    return size - at;
}

size_t chart_time(const Chart *chart, size_t step, bool ascii, char text[ELMAN_CHART_TIME_MAX]) {
    enum { DATE = 10 };
    char own[ELMAN_CHART_TIME_MAX];
    const size_t absolute = chart->first + step;
    if (!chart->given.time) {
        (void)snprintf(text, ELMAN_CHART_TIME_MAX, "%zu", absolute + 1);
        return roundness(text);
    }
    chart_text_copy(text, ELMAN_CHART_TIME_MAX,
                    chart->given.time(chart->given.time_user, absolute, own), ascii);
    const size_t round = roundness(text);
    const size_t size = strlen(text);
    if (size > DATE && strchr("T ", text[DATE]) && text[4] == '-' && text[7] == '-') {
        text[DATE] = ' ';
        if (strspn(text + DATE, " 0:Z") == size - DATE) {
            text[DATE] = '\0';
        } else if (size >= DATE + 9 && memcmp(text + DATE + 6, ":00", 3) == 0) {
            memmove(text + DATE + 6, text + DATE + 9, size - DATE - 9 + 1);
        }
    }
    return round;
}

const char *chart_set_note(const ChartSet *set, char text[CHART_TEXT_MAX]) {
    text[0] = '\0';
    if (set->total > set->count) {
        (void)snprintf(text, CHART_TEXT_MAX, "the first %zu of %zu series", set->count, set->total);
    }
    return text;
}

/* ", from A to B" of the first and the last number of an array. */
static void describe_ends(DiagramOut *out, const double *values, size_t count) {
    char text[CHART_NUMBER_MAX];
    size_t first = 0, last = count;
    while (first < count && isnan(chart_value(values[first]))) first++;
    if (first == count) {
        diagram_out_print(out, ", without a number");
        return;
    }
    while (isnan(chart_value(values[last - 1]))) last--;
    diagram_out_print(out, ", from %s", chart_number(chart_value(values[first]), false, text));
    diagram_out_print(out, " to %s", chart_number(chart_value(values[last - 1]), false, text));
}

/* "A to B" in time, of `count` > 0 steps. */
static void describe_times(DiagramOut *out, const Chart *chart, size_t first, size_t count) {
    char text[ELMAN_CHART_TIME_MAX];
    (void)chart_time(chart, first, false, text);
    diagram_out_xml(out, text);
    if (count == 1) return;
    (void)chart_time(chart, first + count - 1, false, text);
    diagram_out_print(out, " to ");
    diagram_out_xml(out, text);
}

static void describe_bands(DiagramOut *out, const elman_chart *given) {
    char text[CHART_NUMBER_MAX];
    for (size_t i = 0; i < given->band_count; i++) {
        const elman_chart_band *const band = &given->bands[i];
        const double low = chart_value(band->low[given->horizon - 1]);
        const double high = chart_value(band->high[given->horizon - 1]);
        if (isnan(low) || isnan(high)) continue;
        diagram_out_print(out, " The %s %% interval", chart_number(band->level, false, text));
        diagram_out_print(out, " ends at %s", chart_number(low, false, text));
        diagram_out_print(out, " to %s.", chart_number(high, false, text));
    }
}

void chart_describe(DiagramOut *out, const Chart *chart) {
    const elman_chart *const given = &chart->given;
    diagram_out_xml(out, chart->title);
    if (chart->shown > 0) {
        diagram_out_print(out, ": history ");
        describe_times(out, chart, 0, chart->shown);
        describe_ends(out, given->history + chart->first, chart->shown);
        if (chart->first > 0) {
            diagram_out_print(out, " (the last %zu of %zu values)", chart->shown,
                              given->history_count);
        }
    }
    if (given->horizon > 0) {
        diagram_out_print(out, chart->shown > 0 ? "; forecast " : ": forecast ");
        describe_times(out, chart, chart->shown, given->horizon);
        describe_ends(out, given->forecast, given->horizon);
    }
    diagram_out_print(out, ".");
    if (given->horizon == 0) return;
    describe_bands(out, given);
    if (!given->actual) return;
    diagram_out_print(out, " What came true is drawn too");
    describe_ends(out, given->actual, given->horizon);
    diagram_out_print(out, ".");
}
