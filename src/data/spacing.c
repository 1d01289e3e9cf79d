/* The spacing of regular times: finding it, walking along it, its name and its cycles. */
#include "data/calendar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 604800 };

/* No time that an int64_t holds lies further from 1970 than these. */
#define DAYS_MOST   INT64_C(106000000000000)
#define MONTHS_MOST INT64_C(3400000000000)

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void count_difference(Differences *all, int64_t difference) {
    if (all->divisor == 0 || difference % all->divisor != 0)
        all->divisor = greatest_divisor(difference, all->divisor);
    if (all->count == 0 || difference < all->least) all->least = difference;
    all->count++;
    for (size_t i = 0; i < all->kinds; i++) {
        if (all->kind[i] != difference) continue;
        all->times[i]++;
        return;
    }
    if (all->kinds == DIFFERENCES_MAX) return;
    all->kind[all->kinds] = difference;
    all->times[all->kinds++] = 1;
}

/* The most frequent one, the smaller of two; 1 when there is none. */
static int64_t most_frequent(const Differences *all, size_t *times) {
    int64_t best = 1;
    *times = 0;
    for (size_t i = 0; i < all->kinds; i++) {
        const bool tie = all->times[i] == *times && all->kind[i] < best;
        if (all->times[i] < *times || (all->times[i] == *times && !tie)) continue;
        best = all->kind[i];
        *times = all->times[i];
    }
    return best;
}

static int64_t choose_step(const Differences *all, bool gaps) {
    size_t times;
    const int64_t frequent = most_frequent(all, &times);
    if (all->count == 0) return 1;
    if (all->count >= 10 && times >= all->count - all->count / 10) return frequent;
    if (all->divisor == all->least || gaps) return all->divisor;
    return frequent;
}

static int64_t month_number(Date date) {
    return date.year * 12 + date.month - 1;
}

/* Whether the day of the month still fits a grid of months. */
static bool fits_months(SpacingEvidence *evidence, Date date) {
    if (date.day > evidence->last_day) evidence->last_day = date.day;
    if (date.day < days_in_month(date.year, date.month)) {
        if (evidence->open_day != 0 && evidence->open_day != date.day) return false;
        evidence->open_day = date.day;
    }
    return evidence->open_day == 0 || evidence->last_day <= evidence->open_day;
}

/* Looks at a day, and at the one before it in the same series where there is one. */
static void gather_day(SpacingEvidence *evidence, int64_t day, const int64_t *before) {
    if (!evidence->not_months) {
        const Date date = date_of_days(day);
        int64_t months = 1;
        if (before) months = month_number(date) - month_number(date_of_days(*before));
        if (!fits_months(evidence, date) || months < 1)
            evidence->not_months = true;
        else if (before)
            count_difference(&evidence->months, months);
    }
    if (!evidence->not_weekdays) {
        const int weekday = weekday_of_days(day);
        evidence->not_weekdays = weekday > 4;
        if (weekday > 4 || !before) return;
        const int64_t weekdays = weekdays_before(day) - weekdays_before(*before);
        evidence->weekend = evidence->weekend || weekdays != day - *before;
    }
}

void spacing_gather(SpacingEvidence *evidence, const int64_t *times, size_t count) {
    const bool number = (evidence->form & TIME_FORM_KINDS) == TIME_FORM_NUMBER;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) count_difference(&evidence->plain, times[i] - times[i - 1]);
        evidence->count++;
        if (number || evidence->not_days) continue;
        int64_t second, before = 0;
        const int64_t day = divide_down(times[i], DAY, &second);
        if (evidence->count == 1) evidence->second = second;
        evidence->not_days = second != evidence->second;
        if (evidence->not_days || (evidence->not_months && evidence->not_weekdays)) continue;
        if (i > 0) before = divide_down(times[i - 1], DAY, &second);
        gather_day(evidence, day, i > 0 ? &before : NULL);
    }
}

elman_spacing spacing_decide(const SpacingEvidence *evidence, bool gaps) {
    const int kind = evidence->form & TIME_FORM_KINDS;
    elman_spacing spacing = {ELMAN_TIME_NUMBER, choose_step(&evidence->plain, gaps), 0, 0};
    if (kind == TIME_FORM_NUMBER) return spacing;
    const bool alone = evidence->plain.count == 0;
    if (kind == TIME_FORM_MONTH || kind == TIME_FORM_QUARTER) {
        spacing.unit = ELMAN_TIME_MONTH;
        spacing.step = choose_step(&evidence->months, gaps);
        if (alone && kind == TIME_FORM_QUARTER) spacing.step = 3;
        spacing.day = 1;
        return spacing;
    }
    spacing.unit = ELMAN_TIME_SECOND;
    if (evidence->not_days || (alone && kind != TIME_FORM_DATE)) return spacing;
    spacing.has_day = 1;
    if (!alone && !evidence->not_months) {
        spacing.unit = ELMAN_TIME_MONTH;
        spacing.step = choose_step(&evidence->months, gaps);
        spacing.day = evidence->open_day == 0 ? 31 : evidence->open_day;
    } else if (!evidence->not_weekdays && evidence->weekend && evidence->plain.least == DAY) {
        spacing.unit = ELMAN_TIME_BUSINESS_DAY;
        spacing.step = 1;
    } else {
        spacing.unit = ELMAN_TIME_DAY;
        spacing.step = alone ? 1 : spacing.step / DAY;
    }
    return spacing;
}

bool spacing_find(const int64_t *times, size_t count, TimeForm form, bool gaps,
                  elman_spacing *spacing, size_t *first) {
    SpacingEvidence evidence = {.form = form};
    spacing_gather(&evidence, times, count);
    *spacing = spacing_decide(&evidence, gaps);
    for (*first = 1; *first < count; ++*first) {
        int64_t steps;
        if (!spacing_steps(spacing, times[*first - 1], times[*first], &steps)) return false;
        if (steps != 1 && !gaps) return false;
    }
    return true;
}

/* from + steps * size, or the end of the range that it passes; `size` is positive. */
static int64_t reach(int64_t from, int64_t steps, int64_t size) {
    if (steps >= 0) {
        const uint64_t room = (uint64_t)INT64_MAX - (uint64_t)from;
        return (uint64_t)steps > room / (uint64_t)size ? INT64_MAX : from + steps * size;
    }
    const uint64_t room = (uint64_t)from - (uint64_t)INT64_MIN;
    const uint64_t back = 0 - (uint64_t)steps;
    if (back > room / (uint64_t)size) return INT64_MIN;
    /* steps * size alone may pass the range where the sum does not. */
    return from >= 0 ? (int64_t)((uint64_t)from - back * (uint64_t)size) : from + steps * size;
}

static int64_t limit(int64_t value, int64_t most) {
    if (value > most) return most;
    return value < -most ? -most : value;
}

static int64_t advance_months(const elman_spacing *spacing, int64_t days, int64_t steps) {
    int64_t month;
    const int64_t number =
        limit(reach(month_number(date_of_days(days)), steps, spacing->step), MONTHS_MOST);
    Date date = {divide_down(number, 12, &month), 0, spacing->day};
    date.month = (int)month + 1;
    const int last = days_in_month(date.year, date.month);
    if (date.day > last) date.day = last;
    return days_of_date(date);
}

static int64_t advance_weekdays(const elman_spacing *spacing, int64_t days, int64_t steps) {
    int64_t weekday;
    const int64_t number =
        limit(reach(weekdays_before(days), steps, spacing->step), DAYS_MOST / 7 * 5);
    const int64_t weeks = divide_down(number, 5, &weekday);
    return weeks * 7 + weekday - 3;
}

int64_t spacing_advance(const elman_spacing *spacing, int64_t time, int64_t steps) {
    if (spacing->unit == ELMAN_TIME_NUMBER || spacing->unit == ELMAN_TIME_SECOND)
        return reach(time, steps, spacing->step);
    int64_t second;
    int64_t days = divide_down(time, DAY, &second);
    if (spacing->unit == ELMAN_TIME_MONTH)
        days = advance_months(spacing, days, steps);
    else if (spacing->unit == ELMAN_TIME_BUSINESS_DAY)
        days = advance_weekdays(spacing, days, steps);
    else
        days = limit(reach(days, steps, spacing->step), DAYS_MOST);
    return days * DAY + second;
}

/* to - from in whole steps. */
static bool divide_span(int64_t from, int64_t to, int64_t step, int64_t *steps) {
    /* Numbers and seconds may lie further apart than an int64_t tells. */
    if ((to >= 0) != (from >= 0)) {
        int64_t rest_from, rest_to;
        const int64_t first = divide_down(from, step, &rest_from);
        *steps = divide_down(to, step, &rest_to) - first;
        return rest_from == rest_to;
    }
    *steps = (to - from) / step;
    return (to - from) % step == 0;
}

bool spacing_steps(const elman_spacing *spacing, int64_t from, int64_t to, int64_t *steps) {
    if (spacing->unit == ELMAN_TIME_NUMBER || spacing->unit == ELMAN_TIME_SECOND)
        return divide_span(from, to, spacing->step, steps);
    int64_t from_second, to_second;
    const int64_t first = divide_down(from, DAY, &from_second);
    const int64_t last = divide_down(to, DAY, &to_second);
    if (from_second != to_second) return false;
    if (spacing->unit == ELMAN_TIME_DAY) return divide_span(first, last, spacing->step, steps);
    if (spacing->unit == ELMAN_TIME_BUSINESS_DAY)
        return weekday_of_days(first) < 5 && weekday_of_days(last) < 5 &&
               divide_span(weekdays_before(first), weekdays_before(last), spacing->step, steps);
    const Date date = date_of_days(last);
    const int end = days_in_month(date.year, date.month);
    return date.day == (spacing->day < end ? spacing->day : end) &&
           divide_span(month_number(date_of_days(first)), month_number(date), spacing->step, steps);
}

/* The unit for people, and how many of it a step has. */
static int64_t find_unit(const elman_spacing *spacing, const char **unit) {
    static const struct {
        elman_time_unit unit;
        int64_t size;
        const char *name;
    } units[] = {
        {ELMAN_TIME_SECOND, HOUR, "hours"},
        {ELMAN_TIME_SECOND, MINUTE, "minutes"},
        {ELMAN_TIME_SECOND, 1, "seconds"},
        {ELMAN_TIME_DAY, 7, "weeks"},
        {ELMAN_TIME_DAY, 1, "days"},
        {ELMAN_TIME_MONTH, 12, "years"},
        {ELMAN_TIME_BUSINESS_DAY, 1, "business days"},
        {ELMAN_TIME_MONTH, 1, "months"},
    };
    *unit = "steps";
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != spacing->unit || spacing->step % units[i].size != 0) continue;
        *unit = units[i].name;
        return spacing->step / units[i].size;
    }
    return spacing->step;
}

void spacing_name(const elman_spacing *spacing, char text[ELMAN_TIME_TEXT_MAX]) {
    const char *unit;
    int64_t count = find_unit(spacing, &unit);
    if (spacing->unit == ELMAN_TIME_MONTH && spacing->step == 3) {
        unit = "quarters";
        count = 1;
    }
    if (count == 1)
        (void)snprintf(text, ELMAN_TIME_TEXT_MAX, "%s", unit);
    else if (spacing->unit == ELMAN_TIME_NUMBER)
        (void)snprintf(text, ELMAN_TIME_TEXT_MAX, "%s of %" PRId64, unit, count);
    else
        (void)snprintf(text, ELMAN_TIME_TEXT_MAX, "%" PRId64 " %s", count, unit);
}

size_t spacing_seasons(const elman_spacing *spacing, size_t *seasons, size_t most) {
    static const struct {
        elman_time_unit unit;
        int64_t step, cycle; /* of steps that are multiples of the first */
    } cycles[] = {
        {ELMAN_TIME_SECOND, 1, DAY}, {ELMAN_TIME_SECOND, 1, WEEK},    {ELMAN_TIME_DAY, 7, 364},
        {ELMAN_TIME_DAY, 1, 7},      {ELMAN_TIME_BUSINESS_DAY, 1, 5}, {ELMAN_TIME_MONTH, 1, 12},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(cycles) / sizeof(cycles[0]); i++) {
        if (cycles[i].unit != spacing->unit || spacing->step % cycles[i].step != 0) continue;
        if (cycles[i].cycle % spacing->step != 0 || cycles[i].cycle == spacing->step) continue;
        if (count < most) seasons[count++] = (size_t)(cycles[i].cycle / spacing->step);
    }
    return count;
}
