/* Where times stand in day, week, month and year, as numbers for a network. */
#include "data/calendar.h"

enum { DAY = 86400, CYCLES_MAX = 3 };

typedef enum Cycle { CYCLE_DAY, CYCLE_WEEK, CYCLE_MONTH, CYCLE_YEAR, CYCLE_MONTHS } Cycle;

/* A time in all the units that the cycles need. */
typedef struct Moment {
    int64_t days;
    int64_t second; /* of the day */
    Date date;
} Moment;

/* The cycles that a spacing sees; a week of weekly values, say, tells nothing. */
static size_t list_cycles(const elman_spacing *spacing, Cycle cycles[CYCLES_MAX]) {
    size_t count = 0;
    switch (spacing->unit) {
    case ELMAN_TIME_NUMBER:
        break;
    case ELMAN_TIME_SECOND:
        cycles[count++] = CYCLE_DAY;
        cycles[count++] = CYCLE_WEEK;
        cycles[count++] = CYCLE_YEAR;
        break;
    case ELMAN_TIME_DAY:
    case ELMAN_TIME_BUSINESS_DAY:
        if (spacing->unit == ELMAN_TIME_BUSINESS_DAY || spacing->step % 7 != 0) {
            cycles[count++] = CYCLE_WEEK;
            cycles[count++] = CYCLE_MONTH;
        }
        cycles[count++] = CYCLE_YEAR;
        break;
    case ELMAN_TIME_MONTH:
        if (spacing->step % 12 != 0) cycles[count++] = CYCLE_MONTHS;
        break;
    }
    return count;
}

/* 2 pi / 8, times part / whole. */
static double eighth_angle(int64_t part, int64_t whole) {
    return (double)part / (double)whole * 0x1.921fb54442d18p-1;
}

/* For 0 <= x <= pi/4, where the first term left out is below 2^-58.
 * Series: Abramowitz and Stegun 4.3.65. */
static double small_sine(double x) {
    const double z = x * x;
    double sum = 1.0;
    for (int n = 16; n >= 2; n -= 2) sum = 1.0 - z * (1.0 / (n * (n + 1))) * sum;
    return x * sum;
}

/* The same; 4.3.66. */
static double small_cosine(double x) {
    const double z = x * x;
    double sum = 1.0;
    for (int n = 17; n >= 1; n -= 2) sum = 1.0 - z * (1.0 / (n * (n + 1))) * sum;
    return sum;
}

void turn(int64_t part, int64_t whole, double *sine, double *cosine) {
    const int eighth = (int)(part * 8 / whole);
    int64_t rest = part * 8 % whole;
    if (eighth % 2 == 1) rest = whole - rest; /* back from the end of the quarter */
    const double x = eighth_angle(rest, whole);
    const double small = small_sine(x), large = small_cosine(x);
    const bool swap = (eighth + 1) / 2 % 2 == 1;
    const double s = swap ? large : small, c = swap ? small : large;
    *sine = eighth < 4 ? s : -s;
    *cosine = eighth < 2 || eighth > 5 ? c : -c;
}

/* Which part of which whole a cycle has run through. */
static void find_phase(Cycle cycle, const Moment *moment, int64_t *part, int64_t *whole) {
    const Date date = moment->date;
    int64_t days = 0;
    *whole = DAY;
    switch (cycle) {
    case CYCLE_DAY:
        break;
    case CYCLE_WEEK:
        days = weekday_of_days(moment->days);
        *whole *= 7;
        break;
    case CYCLE_MONTH:
        days = date.day - 1;
        *whole *= days_in_month(date.year, date.month);
        break;
    case CYCLE_YEAR:
        days = moment->days - days_of_date((Date){date.year, 1, 1});
        *whole *= days_in_month(date.year, 2) + 337;
        break;
    case CYCLE_MONTHS:
        *part = date.month - 1;
        *whole = 12;
        return;
    }
    *part = days * DAY + moment->second;
}

size_t calendar_width(const elman_spacing *spacing) {
    Cycle cycles[CYCLES_MAX];
    return 2 * list_cycles(spacing, cycles);
}

void calendar_features(const elman_spacing *spacing, int64_t time, float *features) {
    Cycle cycles[CYCLES_MAX];
    const size_t count = list_cycles(spacing, cycles);
    Moment moment;
    moment.days = divide_down(time, DAY, &moment.second);
    moment.date = date_of_days(moment.days);
    for (size_t i = 0; i < count; i++) {
        int64_t part, whole;
        double sine, cosine;
        find_phase(cycles[i], &moment, &part, &whole);
        turn(part, whole, &sine, &cosine);
        features[2 * i] = (float)sine;
        features[2 * i + 1] = (float)cosine;
    }
}
