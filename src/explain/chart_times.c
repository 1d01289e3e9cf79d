/* Chooses the times that are written under a panel. */
#include <string.h>

#include "explain/chart_layout.h"

enum { GAP = 14, BELOW = 20, SEARCH_MAX = 1 << 17 };

typedef struct TimeLabel {
    char text[ELMAN_CHART_TIME_MAX];
    int x, width; /* its middle */
} TimeLabel;

typedef struct Choice {
    size_t first, distance; /* steps; distance 0: none */
    size_t quality;
} Choice;

/* A label under its step, moved inwards where it would leave the picture. */
static TimeLabel label_of(const ChartPanel *panel, size_t step, int right) {
    TimeLabel label;
    (void)chart_time(panel->chart, step, false, label.text);
    label.width = chart_label_width(label.text, TEXT_SMALL);
    label.x = chart_panel_x(panel, step) / 10;
    const int half = label.width / 2 + 1;
    if (label.x + half > right) label.x = right - half;
    if (label.x < half) label.x = half;
    return label;
}

/* Whether labels at equal distances stand side by side, and how many there are. */
static bool fits(const ChartPanel *panel, size_t first, size_t distance, int right, size_t *count) {
    int end = -GAP;
    *count = 0;
    for (size_t step = first; step < panel->chart->steps; step += distance) {
        const TimeLabel label = label_of(panel, step, right);
        if (*count == CHART_TIMES_MAX || label.x - label.width / 2 < end + GAP) return false;
        end = label.x + label.width / 2 + 1;
        (*count)++;
        if (panel->chart->steps - step <= distance) break;
    }
    return true;
}

/* The first step from which times at this distance are roundest together. */
static size_t best_phase(const unsigned char *roundness, size_t steps, size_t distance,
                         size_t *sum) {
    size_t best = 0;
    *sum = 0;
    for (size_t phase = 0; phase < distance && phase < steps; phase++) {
        size_t own = 0;
        for (size_t step = phase; step < steps; step += distance) own += roundness[step];
        if (phase > 0 && own <= *sum) continue;
        *sum = own;
        best = phase;
    }
    return best;
}

static void consider(Choice *choice, const ChartPanel *panel, const unsigned char *roundness,
                     size_t distance, int right) {
    const size_t steps = panel->chart->steps;
    size_t sum, count;
    if (distance < steps / CHART_TIMES_MAX || distance > steps) return;
    const size_t first = best_phase(roundness, steps, distance, &sum);
    if (!fits(panel, first, distance, right, &count) || count < 2) return;
    const size_t quality = 30 * sum / count + 10 * (count < 6 ? count : 6);
    if (choice->distance == 0 || quality > choice->quality ||
        (quality == choice->quality && distance < choice->distance)) {
        *choice = (Choice){first, distance, quality};
    }
}

/* Distances that calendars and counts suggest: so many times a year's quarters, a week, a year's
 * months, a day's hours, half-hours, quarters of hours, minutes. */
static Choice search(const ChartPanel *panel, const unsigned char *roundness, int right) {
    static const size_t units[] = {1, 4, 7, 12, 24, 48, 52, 60, 96, 288, 1440};
    static const size_t factors[] = {1, 2, 3, 4, 5, 6, 7, 8, 14, 28, 30, 91};
    Choice choice = {0};
    for (size_t unit = 0; unit < sizeof(units) / sizeof(*units); unit++) {
        for (size_t factor = 0; factor < sizeof(factors) / sizeof(*factors); factor++) {
            consider(&choice, panel, roundness, units[unit] * factors[factor], right);
        }
    }
    for (size_t power = 10; power <= panel->chart->steps; power *= 10) {
        consider(&choice, panel, roundness, power, right);
        consider(&choice, panel, roundness, 2 * power, right);
        consider(&choice, panel, roundness, 5 * power, right);
    }
    return choice;
}

/* Where no distance is better: as many as fit, at most five. */
static Choice spread(const ChartPanel *panel, int right) {
    const size_t steps = panel->chart->steps;
    for (size_t count = steps < 5 ? steps : 5; count > 1; count--) {
        size_t fitting;
        const size_t distance = (steps - 1) / (count - 1);
        if (distance > 0 && fits(panel, 0, distance, right, &fitting)) {
            return (Choice){.distance = distance};
        }
    }
    return (Choice){.distance = steps};
}

static Choice choose(const ChartPanel *panel, Picture *words, int right) {
    const size_t steps = panel->chart->steps;
    Choice choice = {0};
    if (steps <= SEARCH_MAX) {
        unsigned char *const roundness = memory_allocate(words->memory, steps);
        if (!roundness) {
            words->failed = true;
            return choice;
        }
        for (size_t step = 0; step < steps; step++) {
            char text[ELMAN_CHART_TIME_MAX];
            roundness[step] = (unsigned char)chart_time(panel->chart, step, false, text);
        }
        choice = search(panel, roundness, right);
        memory_release(words->memory, roundness);
    }
    return choice.distance > 0 ? choice : spread(panel, right);
}

void chart_times_place(ChartPanel *panel, Picture *words) {
    const int right = words->width - 4;
    const Choice choice = choose(panel, words, right);
    if (choice.distance == 0) return;
    for (size_t step = choice.first; step < panel->chart->steps; step += choice.distance) {
        TimeLabel label = label_of(panel, step, right);
        while (label.width > right) {
            chart_text_shorten(label.text);
            label.width = chart_label_width(label.text, TEXT_SMALL);
            label.x = right / 2;
        }
        panel->time_x[panel->time_count++] = chart_panel_x(panel, step) / 10;
        picture_label(words, TEXT_SMALL, ANCHOR_MIDDLE, label.x, panel->top + panel->height + BELOW,
                      "%s", label.text);
        if (panel->chart->steps - step <= choice.distance) break;
    }
}
