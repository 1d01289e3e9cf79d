/* Charts whose pictures are kept in tests/charts. Numbers are made without libm, so that they are
 * the same everywhere. */
#ifndef CHART_PICTURES_H
#define CHART_PICTURES_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <elman/chart.h>

enum { MADE_HISTORY_MAX = 1000, MADE_HORIZON_MAX = 48, MADE_MAX = 15 };

/* A chart with the arrays that it points to. */
typedef struct Made {
    elman_chart chart;
    double history[MADE_HISTORY_MAX], forecast[MADE_HORIZON_MAX], actual[MADE_HORIZON_MAX];
    double naive[MADE_HORIZON_MAX], low[3][MADE_HORIZON_MAX], high[3][MADE_HORIZON_MAX];
    elman_chart_band bands[3];
    elman_chart_line lines[1];
} Made;

typedef struct MadeSet {
    Made made[MADE_MAX];
    elman_chart charts[MADE_MAX];
    size_t count;
    elman_chart_options options;
} MadeSet;

static inline double made_noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / (double)(1U << 24) - 0.5;
}

/* Goes round like a sine of period 1, in parabolas: -1 to 1. */
static inline double made_wave(double at) {
    const double phase = at - floor(at);
    return phase < 0.5 ? 16.0 * phase * (0.5 - phase) : -16.0 * (phase - 0.5) * (1.0 - phase);
}

static inline const char *made_hours(void *user, size_t step, char text[ELMAN_CHART_TIME_MAX]) {
    (void)user;
    (void)snprintf(text, ELMAN_CHART_TIME_MAX, "2024-06-%02zuT%02zu:00:00", 1 + step / 24 % 30,
                   step % 24);
    return text;
}

static inline const char *made_months(void *user, size_t step, char text[ELMAN_CHART_TIME_MAX]) {
    (void)user;
    (void)snprintf(text, ELMAN_CHART_TIME_MAX, "%zu-%02zu", 1949 + step / 12, 1 + step % 12);
    return text;
}

/* Joins arrays and chart; a level of 0: no such band. */
static inline Made *made_chart(MadeSet *set, const char *title, size_t history, size_t horizon,
                               const double levels[3]) {
    Made *const made = &set->made[set->count++];
    size_t bands = 0;
    made->chart = (elman_chart){.struct_size = sizeof(made->chart),
                                .title = title,
                                .history = made->history,
                                .history_count = history,
                                .forecast = made->forecast,
                                .horizon = horizon,
                                .bands = made->bands,
                                .lines = made->lines};
    for (; levels && bands < 3 && levels[bands] > 0.0; bands++) {
        made->bands[bands] = (elman_chart_band){levels[bands], made->low[bands], made->high[bands]};
    }
    made->chart.band_count = bands;
    made->lines[0] = (elman_chart_line){"seasonal naive", made->naive};
    return made;
}

static inline void made_spread(Made *made, double narrow, double wide) {
    for (size_t i = 0; i < made->chart.horizon; i++) {
        const double growth = 1.0 + (double)i / 12.0;
        for (size_t k = 0; k < made->chart.band_count; k++) {
            const double half = (k == 0 ? narrow : wide) * growth;
            made->low[k][i] = made->forecast[i] - half;
            made->high[k][i] = made->forecast[i] + half;
        }
    }
}

static const double made_levels[3] = {80.0, 95.0, 0.0};

/* A day's round and a week's, with noise. */
static inline void make_hourly(MadeSet *set) {
    Made *const made = made_chart(set, "Electricity load, next day", 24 * 14, 24, made_levels);
    uint32_t noise = 7;
    for (size_t i = 0; i < 24 * 15; i++) {
        const double day = (double)i / 24.0 - 0.3;
        const double load = 28500.0 + 6200.0 * made_wave(day) + 1500.0 * made_wave(2.0 * day) -
                            (i / 24 % 7 > 4 ? 3800.0 : 0.0);
        if (i < 24 * 14) {
            made->history[i] = load + 900.0 * made_noise(&noise);
        } else {
            made->forecast[i - 24 * 14] = load + 150.0;
            made->naive[i - 24 * 14] = made->history[i - 24 * 7] + 600.0 * made_noise(&noise);
        }
    }
    made_spread(made, 450.0, 800.0);
    made->chart.value_name = "MW";
    made->chart.time = made_hours;
    made->chart.line_count = 1;
}

/* Monthly totals of international airline passengers, 1949 to 1960, in thousands (Box, Jenkins and
 * Reinsel, "Time Series Analysis", series G). */
static inline void make_monthly(MadeSet *set) {
    static const int passengers[144] = {
        112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149,
        170, 170, 158, 133, 114, 140, 145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166,
        171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194, 196, 196, 236, 235, 229, 243,
        264, 272, 237, 211, 180, 201, 204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229,
        242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278, 284, 277, 317, 313, 318, 374,
        413, 405, 355, 306, 271, 306, 315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336,
        340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337, 360, 342, 406, 396, 420, 472,
        548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432};
    Made *const made = made_chart(set, "Airline passengers, 24 months ahead", 120, 24, made_levels);
    for (size_t i = 0; i < 144; i++) {
        if (i < 120) {
            made->history[i] = passengers[i];
        } else {
            const double before = passengers[108 + i % 12];
            made->actual[i - 120] = passengers[i];
            made->naive[i - 120] = before;
            made->forecast[i - 120] = before * (i < 132 ? 1.09 : 1.18);
        }
    }
    made_spread(made, 17.0, 27.0);
    made->chart.value_name = "thousands a month";
    made->chart.time = made_months;
    made->chart.actual = made->actual;
    made->chart.line_count = 1;
    set->options.last = 1000;
}

/* Fifteen series, each with a round and a size of its own. */
static inline void make_many(MadeSet *set) {
    static char titles[MADE_MAX][32];
    uint32_t noise = 3;
    for (size_t s = 0; s < MADE_MAX; s++) {
        (void)snprintf(titles[s], sizeof(titles[s]), "Station %zu", s + 1);
        Made *const made = made_chart(set, titles[s], 60, 14, made_levels);
        const double size = (double)(s + 1) * (double)(s + 1) * 40.0;
        for (size_t i = 0; i < 74; i++) {
            const double value = size * (5.0 + made_wave((double)i / 7.0) + 0.1 * (double)(i % 7));
            if (i < 60) {
                made->history[i] = value + size * made_noise(&noise);
            } else {
                made->forecast[i - 60] = value;
                made->naive[i - 60] = made->history[i - 14];
            }
        }
        made_spread(made, size * 0.4, size * 0.7);
        made->chart.value_name = "riders a day";
        made->chart.line_count = 1;
    }
    set->options.total = 370;
}

static inline void make_constant(MadeSet *set) {
    Made *const made = made_chart(set, "A constant & nothing <else>", 40, 8, made_levels);
    for (size_t i = 0; i < 40; i++) made->history[i] = 42.0;
    for (size_t i = 0; i < 8; i++) made->forecast[i] = 42.0;
    made_spread(made, 0.0, 0.0);
}

static inline void make_short(MadeSet *set) {
    Made *const made = made_chart(set, "One value", 1, 1, made_levels);
    made->history[0] = -0.25;
    made->forecast[0] = 0.5;
    made->low[0][0] = 0.1;
    made->high[0][0] = 0.8;
    made->low[1][0] = -0.2;
    made->high[1][0] = 1.1;
    made->chart.time = made_months;
}

/* Huge, with gaps and changes of sign, three levels. */
static inline void make_huge(MadeSet *set) {
    static const double levels[3] = {99.0, 50.0, 97.5};
    Made *const made = made_chart(set, "Huge numbers with gaps", 100, 20, levels);
    uint32_t noise = 9;
    for (size_t i = 0; i < 120; i++) {
        const double value = 4e30 * made_wave((double)i / 30.0);
        if (i >= 100) {
            made->forecast[i - 100] = value;
            made->naive[i - 100] = -value;
        } else {
            made->history[i] =
                i % 23 > 18 || i % 23 == 17 ? (double)NAN : value + 1e30 * made_noise(&noise);
        }
    }
    for (size_t i = 0; i < 20; i++) {
        static const double halves[3] = {3e30, 0.7e30, 2e30};
        for (size_t k = 0; k < 3; k++) {
            made->low[k][i] = i == 9 || i == 11 ? (double)NAN : made->forecast[i] - halves[k];
            made->high[k][i] = made->forecast[i] + halves[k];
        }
    }
    made->forecast[10] = (double)NAN;
    made->chart.line_count = 1;
    made->chart.value_name = "an unknown unit";
}

typedef struct Kept {
    const char *name;
    void (*make)(MadeSet *set);
    elman_chart_format format;
    bool ascii;
} Kept;

static const Kept kept[] = {
    {"01-hourly.svg", make_hourly, ELMAN_CHART_SVG, false},
    {"02-monthly-actual.svg", make_monthly, ELMAN_CHART_SVG, false},
    {"03-many.svg", make_many, ELMAN_CHART_SVG, false},
    {"04-constant.svg", make_constant, ELMAN_CHART_SVG, false},
    {"05-short.svg", make_short, ELMAN_CHART_SVG, false},
    {"06-huge.svg", make_huge, ELMAN_CHART_SVG, false},
    {"07-hourly.txt", make_hourly, ELMAN_CHART_TEXT, false},
    {"08-monthly-actual.txt", make_monthly, ELMAN_CHART_TEXT, false},
    {"09-monthly-ascii.txt", make_monthly, ELMAN_CHART_TEXT, true},
};
enum { KEPT = sizeof(kept) / sizeof(*kept) };

/* Makes a set afresh; to be freed. */
static inline MadeSet *made_set(const Kept *wanted) {
    MadeSet *const set = calloc(1, sizeof(*set));
    if (!set) abort();
    set->options = (elman_chart_options){
        .struct_size = sizeof(set->options), .format = wanted->format, .ascii = wanted->ascii};
    wanted->make(set);
    for (size_t i = 0; i < set->count; i++) set->charts[i] = set->made[i].chart;
    return set;
}

#endif
