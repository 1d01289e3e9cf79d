/* Dates, times, the spacing between them, and their place in day, week and year. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/calendar.h"

enum { DAY = 86400, HOUR = 3600 };

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

static int64_t at(const char *text) {
    int64_t time = -1;
    TimeForm form;
    if (!time_read(text, strlen(text), &time, &form)) fail_msg("%s is no time", text);
    return time;
}

/* Lengths of months by the rule as it is told, not as the library computes them. */
static int told_length(int64_t year, int month) {
    if (month == 4 || month == 6 || month == 9 || month == 11) return 30;
    if (month != 2) return 31;
    if (year % 400 == 0) return 29;
    if (year % 100 == 0) return 28;
    return year % 4 == 0 ? 29 : 28;
}

/* Every day of 3,300 years, one after the other. */
static void each_day(void **state) {
    (void)state;
    Date date = {-801, 1, 1};
    int64_t days = days_of_date(date), business = weekdays_before(days);
    int weekday = weekday_of_days(days);
    bool epoch = false;
    for (; date.year < 2500; days++) {
        const Date got = date_of_days(days);
        if (got.year != date.year || got.month != date.month || got.day != date.day ||
            days_of_date(date) != days || weekday_of_days(days) != weekday ||
            weekdays_before(days) != business)
            fail_msg("day %lld is not %lld-%d-%d", (long long)days, (long long)date.year,
                     date.month, date.day);
        epoch = epoch || (days == 0 && date.year == 1970 && date.month == 1 && date.day == 1);
        business += weekday < 5;
        weekday = (weekday + 1) % 7;
        assert_int_equal(days_in_month(date.year, date.month), told_length(date.year, date.month));
        if (date.day++ < told_length(date.year, date.month)) continue;
        date.day = 1;
        if (date.month++ < 12) continue;
        date.month = 1;
        date.year++;
    }
    assert_true(epoch);
    assert_int_equal(weekdays_before(-3), 0); /* 1969-12-29 */
}

/* From printed calendars. */
static void known_weekdays(void **state) {
    (void)state;
    static const struct {
        Date date;
        const char *name;
    } known[] = {
        {{1970, 1, 1}, "Thursday"}, {{1969, 7, 20}, "Sunday"},  {{2000, 2, 29}, "Tuesday"},
        {{1900, 1, 1}, "Monday"},   {{1912, 4, 15}, "Monday"},  {{1582, 10, 15}, "Friday"},
        {{2024, 11, 24}, "Sunday"}, {{2038, 1, 19}, "Tuesday"}, {{1789, 7, 14}, "Tuesday"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(weekdays[weekday_of_days(days_of_date(known[i].date))], known[i].name);
}

/* Seconds as `date -u +%s -d` tells them; the form shows in what is written back. */
static void read_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
        const char *written; /* NULL: the same */
    } known[] = {
        {"0", 0, NULL},
        {"-17", -17, NULL},
        {"+5", 5, "5"},
        {"2024", 2024, NULL},
        {"20240131", 20240131, NULL},
        {"999999999999999999", INT64_C(999999999999999999), NULL},
        {"2024-01", 1704067200, NULL},
        {"2024/01", 1704067200, NULL},
        {"2024Q3", 1719792000, NULL},
        {"2024-Q3", 1719792000, "2024Q3"},
        {"2024 q3", 1719792000, "2024Q3"},
        {"2024-01-31", 1706659200, NULL},
        {"2024/02/29", 1709164800, NULL},
        {"1900-02-28", -2203977600, NULL},
        {"0001-01-01", -62135596800, NULL},
        {"2024-01-31T09:30:15", 1706693415, NULL},
        {"2024-01-31 09:30:15", 1706693415, NULL},
        {"2024-01-31 09:30", 1706693400, NULL},
        {"2024-01-31T09:30", 1706693400, NULL},
        {"2024/01/31 00:00", 1706659200, NULL},
        {"1969-12-31T23:59:59", -1, NULL},
        {"2024-01-31 09:30:15.000", 1706693415, "2024-01-31 09:30:15"},
        {"2024-01-31T09:30:15Z", 1706693415, NULL},
        {"2024-01-31T09:30:15+00:00", 1706693415, "2024-01-31T09:30:15Z"},
        {"2024-01-31T09:30:15+05:30", 1706673615, "2024-01-31T04:00:15Z"},
        {"2024-01-31T20:30-0800", 1706761800, "2024-02-01T04:30Z"},
        {"2024-01-31 09:30:15+01", 1706689815, "2024-01-31 08:30:15Z"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char text[ELMAN_TIME_TEXT_MAX];
        int64_t time = 0;
        TimeForm form;
        assert_true(time_read(known[i].text, strlen(known[i].text), &time, &form));
        if (time != known[i].time) fail_msg("%s: got %lld", known[i].text, (long long)time);
        time_write(time, form, text);
        assert_string_equal(text, known[i].written ? known[i].written : known[i].text);
    }
}

static void refused_times(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "abc",
                                        "1.5",
                                        "1e3",
                                        " 1",
                                        "2024-",
                                        "2024-1",
                                        "2024-13",
                                        "2024-00",
                                        "2024-1-1",
                                        "2024-01-00",
                                        "2024-01-32",
                                        "2024-04-31",
                                        "2023-02-29",
                                        "1900-02-29",
                                        "2024-01/31",
                                        "2024-01-31x",
                                        "0000-01-01",
                                        "2024Q0",
                                        "2024Q5",
                                        "2024Q",
                                        "2024Q12",
                                        "2024-01-31T",
                                        "2024-01-31 09",
                                        "2024-01-31 24:00",
                                        "2024-01-31 09:60",
                                        "2024-01-31 09:30:60",
                                        "2024-01-31 09:30:15.5",
                                        "2024-01-31 09:30:15.",
                                        "2024-01-31 09:30:15X",
                                        "2024-01-31 09:30+24:00",
                                        "2024-01-31 09:30+1",
                                        "2024-01-31 09:30+01:60",
                                        "2024-01-31 09:30Zulu",
                                        "2024-01-31  09:30",
                                        "31.01.2024",
                                        "01/31/2024",
                                        "1234567890123456789",
                                        "2024-01-31 09:30+0100x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t time;
        TimeForm form;
        if (time_read(wrong[i], strlen(wrong[i]), &time, &form)) fail_msg("%s", wrong[i]);
    }
    /* The text need not end with a zero byte. */
    int64_t time;
    TimeForm form;
    assert_true(time_read("2024-01-31", 7, &time, &form));
    assert_int_equal(form, TIME_FORM_MONTH);
}

static void far_times(void **state) {
    (void)state;
    char text[ELMAN_TIME_TEXT_MAX];
    time_write(INT64_MAX, TIME_FORM_UTC, text);
    assert_string_equal(text, "292277026596-12-04T15:30:07Z");
    time_write(INT64_MIN, TIME_FORM_DATE_TIME, text);
    assert_string_equal(text, "-292277022657-01-27T08:29:52");
    time_write(INT64_MIN, TIME_FORM_NUMBER, text);
    assert_string_equal(text, "-9223372036854775808");
}

static void compact_dates(void **state) {
    (void)state;
    char text[ELMAN_TIME_TEXT_MAX];
    int64_t time;
    assert_true(time_of_compact(19580329, &time));
    assert_true(time == at("1958-03-29"));
    time_write(time, (TimeForm)(TIME_FORM_DATE | (unsigned)TIME_FORM_COMPACT), text);
    assert_string_equal(text, "19580329");
    static const int64_t wrong[] = {19580229, 19581301, 19580100, 15991231, 24000101, 0, -19580329};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(time_of_compact(wrong[i], &time));
}

static void joined_forms(void **state) {
    (void)state;
    static const struct {
        const char *one, *other, *written; /* the first in the joined form; NULL: refused */
    } known[] = {{"1", "2", "1"},
                 {"2024-01-31", "2024-01-31 09:30", "2024-01-31 00:00"},
                 {"2024-01-31T09:30", "2024-02-01", "2024-01-31T09:30"},
                 {"2024-01-31T09:30", "2024-01-31T09:30:10", "2024-01-31T09:30:00"},
                 {"2024-01-31T09:30:10", "2024-01-31T09:30", "2024-01-31T09:30:10"},
                 {"2024-01-31T09:30Z", "2024-01-31T09:30+01:00", "2024-01-31T09:30Z"},
                 {"2024-01-31T09:30Z", "2024-01-31T09:30", NULL},
                 {"2024-01-31T09:30Z", "2024-01-31", NULL},
                 {"2024-01", "2024-01-31", NULL},
                 {"2024-01", "2024Q1", NULL},
                 {"2024", "2024-01", NULL},
                 {"2024-01-31", "5", NULL}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char text[ELMAN_TIME_TEXT_MAX];
        int64_t time, later;
        TimeForm one, other;
        assert_true(time_read(known[i].one, strlen(known[i].one), &time, &one));
        assert_true(time_read(known[i].other, strlen(known[i].other), &later, &other));
        assert_int_equal(time_form_join(one, other, &one), known[i].written != NULL);
        if (!known[i].written) continue;
        time_write(time, one, text);
        assert_string_equal(text, known[i].written);
    }
}

/* Reads times with blanks between them (T stands in date-times). */
static size_t read_list(const char *list, int64_t *times, TimeForm *form) {
    size_t count = 0;
    while (*list) {
        const size_t size = strcspn(list, " ");
        assert_true(time_read(list, size, &times[count++], form));
        list += size + (list[size] == ' ');
    }
    return count;
}

/* What is found, and where the first time stands that does not fit; -1: all fit. */
static void found_spacing(void **state) {
    (void)state;
    static const struct {
        const char *times, *name;
        int gaps, first;
    } known[] = {
        {"7", "steps", 0, -1},
        {"1 2 3", "steps", 0, -1},
        {"10 20 30", "steps of 10", 0, -1},
        {"1 2 4", "steps", 0, 2},
        {"1 2 4", "steps", 1, -1},
        {"1 3 6", "steps", 1, -1},
        {"1 3 6", "steps of 2", 0, 2},
        {"2024-01-31", "days", 0, -1},
        {"2024-01", "months", 0, -1},
        {"2024Q1", "quarters", 0, -1},
        {"2024-01-31T00:00", "seconds", 0, -1},
        {"2024-01 2024-02 2024-03", "months", 0, -1},
        {"2024-01 2024-07 2025-01", "6 months", 0, -1},
        {"2024Q3 2024Q4 2025Q1", "quarters", 0, -1},
        {"2024Q3 2025Q3", "years", 0, -1},
        {"2024-01-01 2024-02-01", "months", 0, -1},
        {"2024-01-31 2024-02-29 2024-03-31", "months", 0, -1},
        {"2023-01-30 2023-02-28 2023-03-30", "months", 0, -1},
        {"2023-02-28 2023-03-31 2023-04-30", "months", 0, -1},
        {"2023-01-31 2023-03-31 2023-06-30", "months", 1, -1},
        {"2023-03-31 2023-06-30 2023-09-30 2023-12-31", "quarters", 0, -1},
        {"2020-12-31 2021-12-31 2022-12-31", "years", 0, -1},
        {"2020-02-29 2021-02-28 2022-02-28", "years", 0, -1},
        {"2020-07-04 2022-07-04 2024-07-04", "2 years", 0, -1},
        {"2024-01-15T12:00 2024-02-15T12:00", "months", 0, -1},
        {"2024-01-01 2024-01-02 2024-01-03", "days", 0, -1},
        {"2024-01-01 2024-01-08 2024-01-15", "weeks", 0, -1},
        {"2024-01-01 2024-01-15 2024-01-29", "2 weeks", 0, -1},
        {"2024-01-01 2024-01-29 2024-02-26", "4 weeks", 0, -1},
        {"2024-01-01 2024-01-04 2024-01-07", "3 days", 0, -1},
        {"2024-01-15 2024-03-20", "65 days", 0, -1},
        {"2024-01-15 2024-02-29", "45 days", 0, -1},
        {"2024-01-04 2024-01-05 2024-01-08 2024-01-09", "business days", 0, -1},
        {"2024-01-04 2024-01-05 2024-01-08 2024-01-10", "business days", 0, 3},
        {"2024-01-04 2024-01-05 2024-01-08 2024-01-10", "business days", 1, -1},
        {"2024-01-04 2024-01-05 2024-01-06 2024-01-08", "days", 0, 3},
        {"2024-01-08 2024-01-09 2024-01-10", "days", 0, -1},
        {"2024-01-05 2024-01-08", "3 days", 0, -1},
        {"2024-01-05 2024-01-12 2024-01-26", "weeks", 1, -1},
        {"2024-01-01T00:00 2024-01-02T00:00", "days", 0, -1},
        {"2024-01-01T06:00 2024-01-08T06:00", "weeks", 0, -1},
        {"2024-01-01T00:00 2024-01-01T01:00", "hours", 0, -1},
        {"2024-01-01T00:00 2024-01-01T00:30 2024-01-01T01:00", "30 minutes", 0, -1},
        {"2024-01-01T00:00 2024-01-01T12:00 2024-01-02T00:00", "12 hours", 0, -1},
        {"2024-01-01T00:00:00 2024-01-01T00:00:01", "seconds", 0, -1},
        {"2024-01-01T00:00 2024-01-01T00:01", "minutes", 0, -1},
        {"2024-01-01T00:00:00 2024-01-01T00:01:30", "90 seconds", 0, -1},
        /* Nine of ten differences outvote one time that strayed. */
        {"0 60 120 180 240 300 360 420 480 540 600 660 720 780 840 900 960 1020 1080 1140 1200 "
         "1230",
         "steps of 60", 1, 21},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t times[32];
        TimeForm form;
        elman_spacing spacing;
        size_t first = 0;
        char name[ELMAN_TIME_TEXT_MAX];
        const size_t count = read_list(known[i].times, times, &form);
        const bool found = spacing_find(times, count, form, known[i].gaps != 0, &spacing, &first);
        spacing_name(&spacing, name);
        if (strcmp(name, known[i].name) != 0 || found != (known[i].first < 0) ||
            (!found && first != (size_t)known[i].first))
            fail_msg("%s: found %s, %d at %zu", known[i].times, name, found, first);
    }
}

/* Series of their own phases share one spacing. */
static void several_series(void **state) {
    (void)state;
    const int64_t mondays[] = {at("2024-01-01"), at("2024-01-08"), at("2024-01-15")};
    const int64_t tuesdays[] = {at("2024-01-02"), at("2024-01-09")};
    const int64_t every[] = {at("2024-01-06"), at("2024-01-07")};
    SpacingEvidence evidence = {.form = TIME_FORM_DATE};
    spacing_gather(&evidence, mondays, 3);
    spacing_gather(&evidence, tuesdays, 2);
    elman_spacing spacing = spacing_decide(&evidence, false);
    assert_int_equal(spacing.unit, ELMAN_TIME_DAY);
    assert_int_equal(spacing.step, 7);
    spacing_gather(&evidence, every, 2);
    spacing = spacing_decide(&evidence, true);
    assert_int_equal(spacing.unit, ELMAN_TIME_DAY);
    assert_int_equal(spacing.step, 1);
}

static void has_days(void **state) {
    (void)state;
    static const struct {
        const char *times;
        int day, has_day;
    } known[] = {{"2024-01 2024-02", 1, 0},        {"2024-01-31 2024-02-29", 31, 1},
                 {"2024-01-30 2024-02-29", 30, 1}, {"2024-01-05 2024-02-05", 5, 1},
                 {"2024-01-05 2024-01-06", 0, 1},  {"2024-01-05T01:00 2024-01-05T02:00", 0, 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t times[4];
        TimeForm form;
        elman_spacing spacing;
        size_t first;
        const size_t count = read_list(known[i].times, times, &form);
        assert_true(spacing_find(times, count, form, false, &spacing, &first));
        assert_int_equal(spacing.day, known[i].day);
        assert_int_equal(spacing.has_day, known[i].has_day);
    }
}

static void advanced(void **state) {
    (void)state;
    static const struct {
        elman_spacing spacing;
        const char *from;
        int64_t steps;
        const char *to;
    } known[] = {
        {{ELMAN_TIME_NUMBER, 10, 0, 0}, "5", -2, "-15"},
        {{ELMAN_TIME_SECOND, 1800, 0, 0}, "2023-12-31T23:30", 2, "2024-01-01T00:30"},
        {{ELMAN_TIME_DAY, 1, 0, 1}, "2024-02-28", 2, "2024-03-01"},
        {{ELMAN_TIME_DAY, 7, 0, 1}, "2024-01-01T06:00", -1, "2023-12-25T06:00"},
        {{ELMAN_TIME_MONTH, 1, 31, 1}, "2024-01-31", 1, "2024-02-29"},
        {{ELMAN_TIME_MONTH, 1, 31, 1}, "2024-02-29", 1, "2024-03-31"},
        {{ELMAN_TIME_MONTH, 1, 31, 1}, "2024-02-29", 12, "2025-02-28"},
        {{ELMAN_TIME_MONTH, 1, 30, 1}, "2023-02-28", 1, "2023-03-30"},
        {{ELMAN_TIME_MONTH, 3, 31, 1}, "2023-12-31", -1, "2023-09-30"},
        {{ELMAN_TIME_MONTH, 12, 29, 1}, "2020-02-29", 1, "2021-02-28"},
        {{ELMAN_TIME_MONTH, 12, 29, 1}, "2021-02-28", 3, "2024-02-29"},
        {{ELMAN_TIME_MONTH, 1, 1, 0}, "1970-01", -1, "1969-12"},
        {{ELMAN_TIME_BUSINESS_DAY, 1, 0, 1}, "2024-01-05", 1, "2024-01-08"},
        {{ELMAN_TIME_BUSINESS_DAY, 1, 0, 1}, "2024-01-08", -1, "2024-01-05"},
        {{ELMAN_TIME_BUSINESS_DAY, 1, 0, 1}, "1970-01-01", 261, "1971-01-01"},
        {{ELMAN_TIME_BUSINESS_DAY, 2, 0, 1}, "2024-01-04", 2, "2024-01-10"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const elman_spacing *const spacing = &known[i].spacing;
        const int64_t from = at(known[i].from), to = at(known[i].to);
        int64_t steps = 0;
        const int64_t got = spacing_advance(spacing, from, known[i].steps);
        if (got != to) fail_msg("%s by %lld", known[i].from, (long long)known[i].steps);
        assert_true(spacing_steps(spacing, from, to, &steps));
        assert_true(steps == known[i].steps);
        assert_true(spacing_advance(spacing, from, 0) == from);
    }
}

static void off_the_grid(void **state) {
    (void)state;
    static const struct {
        elman_spacing spacing;
        const char *from, *to;
    } known[] = {{{ELMAN_TIME_NUMBER, 10, 0, 0}, "5", "14"},
                 {{ELMAN_TIME_NUMBER, 10, 0, 0}, "-5", "6"},
                 {{ELMAN_TIME_SECOND, 3600, 0, 0}, "2024-01-01T00:00", "2024-01-01T00:30"},
                 {{ELMAN_TIME_DAY, 1, 0, 1}, "2024-01-01T00:00", "2024-01-02T01:00"},
                 {{ELMAN_TIME_DAY, 7, 0, 1}, "2024-01-01", "2024-01-09"},
                 {{ELMAN_TIME_BUSINESS_DAY, 1, 0, 1}, "2024-01-05", "2024-01-06"},
                 {{ELMAN_TIME_MONTH, 1, 31, 1}, "2024-01-31", "2024-02-28"},
                 {{ELMAN_TIME_MONTH, 1, 30, 1}, "2024-01-30", "2024-03-31"},
                 {{ELMAN_TIME_MONTH, 3, 1, 0}, "2024-01", "2024-03"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t steps;
        assert_false(spacing_steps(&known[i].spacing, at(known[i].from), at(known[i].to), &steps));
    }
}

/* Beyond what an int64_t holds there is no undefined behaviour, only the end. */
static void advanced_too_far(void **state) {
    (void)state;
    static const elman_spacing spacings[] = {{ELMAN_TIME_NUMBER, INT64_MAX, 0, 0},
                                             {ELMAN_TIME_SECOND, 1800, 0, 0},
                                             {ELMAN_TIME_DAY, 7, 0, 1},
                                             {ELMAN_TIME_BUSINESS_DAY, 1, 0, 1},
                                             {ELMAN_TIME_MONTH, 12, 31, 1}};
    for (size_t i = 0; i < sizeof spacings / sizeof *spacings; i++) {
        char text[ELMAN_TIME_TEXT_MAX];
        const int64_t late = spacing_advance(&spacings[i], at("2024-01-31"), INT64_MAX);
        const int64_t early = spacing_advance(&spacings[i], at("2024-01-31"), INT64_MIN);
        assert_true(late > INT64_C(1) << 60 && early < -(INT64_C(1) << 60));
        time_write(late, TIME_FORM_UTC, text);
        time_write(early, TIME_FORM_UTC, text);
        assert_true(strlen(text) < ELMAN_TIME_TEXT_MAX);
    }
    const elman_spacing ones = {ELMAN_TIME_NUMBER, 1, 0, 0};
    assert_true(spacing_advance(&ones, -1, INT64_MIN) == INT64_MIN);
    assert_true(spacing_advance(&ones, 5, INT64_MIN) == INT64_MIN + 5);
    assert_true(spacing_advance(&ones, INT64_MIN, INT64_MAX) == -1);
}

static void seasons(void **state) {
    (void)state;
    static const struct {
        elman_spacing spacing;
        size_t count, seasons[2];
    } known[] = {{{ELMAN_TIME_NUMBER, 1, 0, 0}, 0, {0, 0}},
                 {{ELMAN_TIME_SECOND, 1, 0, 0}, 2, {86400, 604800}},
                 {{ELMAN_TIME_SECOND, 60, 0, 0}, 2, {1440, 10080}},
                 {{ELMAN_TIME_SECOND, 1800, 0, 0}, 2, {48, 336}},
                 {{ELMAN_TIME_SECOND, HOUR, 0, 0}, 2, {24, 168}},
                 {{ELMAN_TIME_SECOND, 12 * HOUR, 0, 0}, 2, {2, 14}},
                 {{ELMAN_TIME_SECOND, 5 * HOUR, 0, 0}, 0, {0, 0}},
                 {{ELMAN_TIME_SECOND, 7 * 60, 0, 0}, 1, {1440, 0}},
                 {{ELMAN_TIME_DAY, 1, 0, 1}, 1, {7, 0}},
                 {{ELMAN_TIME_DAY, 2, 0, 1}, 0, {0, 0}},
                 {{ELMAN_TIME_DAY, 7, 0, 1}, 1, {52, 0}},
                 {{ELMAN_TIME_DAY, 14, 0, 1}, 1, {26, 0}},
                 {{ELMAN_TIME_BUSINESS_DAY, 1, 0, 1}, 1, {5, 0}},
                 {{ELMAN_TIME_MONTH, 1, 1, 0}, 1, {12, 0}},
                 {{ELMAN_TIME_MONTH, 3, 1, 0}, 1, {4, 0}},
                 {{ELMAN_TIME_MONTH, 5, 1, 0}, 0, {0, 0}},
                 {{ELMAN_TIME_MONTH, 12, 1, 0}, 0, {0, 0}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t got[4] = {0};
        assert_int_equal(spacing_seasons(&known[i].spacing, got, 4), known[i].count);
        assert_memory_equal(got, known[i].seasons, sizeof known[i].seasons);
        assert_int_equal(spacing_seasons(&known[i].spacing, got, 0), 0);
    }
}

/* The bound that the header promises, against the machine's long double. */
static void turns(void **state) {
    (void)state;
    const long double whole_turn = 2.0L * 3.14159265358979323846264338327950288L;
    long double worst = 0.0L;
    for (int64_t whole = 1; whole < 1500; whole++) {
        for (int64_t part = 0; part < whole; part++) {
            double sine, cosine;
            turn(part, whole, &sine, &cosine);
            const long double angle = whole_turn * (long double)part / (long double)whole;
            worst = fmaxl(worst, fabsl((long double)sine - sinl(angle)));
            worst = fmaxl(worst, fabsl((long double)cosine - cosl(angle)));
        }
    }
    assert_true(worst <= 0x1p-52L);
    double sine, cosine;
    turn(((int64_t)1 << 53) - 2, ((int64_t)1 << 53) - 1, &sine, &cosine);
    assert_true(fabs(sine + 6.9757369960172635e-16) < 1e-30 && cosine == 1.0);
    static const double quarters[5] = {0.0, 1.0, 0.0, -1.0, 0.0};
    for (int64_t i = 0; i < 4; i++) {
        turn(i, 4, &sine, &cosine);
        assert_true(sine == quarters[i] && cosine == quarters[i + 1]);
    }
}

static void check_features(const elman_spacing *spacing, const char *time, size_t width,
                           const double *phases) {
    const double whole_turn = 6.283185307179586;
    float features[8];
    assert_int_equal(calendar_width(spacing), width);
    calendar_features(spacing, at(time), features);
    for (size_t i = 0; i < width; i++) {
        const double angle = whole_turn * phases[i / 2];
        const double want = i % 2 == 0 ? sin(angle) : cos(angle);
        /* A float's rounding, and the double's of this test. */
        if (fabs((double)features[i] - want) > 0x1p-25 + 1e-14)
            fail_msg("%s: feature %zu is %g, want %g", time, i, (double)features[i], want);
    }
}

static void features(void **state) {
    (void)state;
    static const elman_spacing hours = {ELMAN_TIME_SECOND, HOUR, 0, 0};
    static const elman_spacing days = {ELMAN_TIME_DAY, 1, 0, 1}, weeks = {ELMAN_TIME_DAY, 7, 0, 1};
    static const elman_spacing business = {ELMAN_TIME_BUSINESS_DAY, 1, 0, 1};
    static const elman_spacing months = {ELMAN_TIME_MONTH, 1, 1, 0};
    static const elman_spacing years = {ELMAN_TIME_MONTH, 12, 1, 0};
    static const elman_spacing numbers = {ELMAN_TIME_NUMBER, 1, 0, 0};
    /* 2024-02-29, a Thursday, is day 60 of 366. */
    check_features(&hours, "2024-02-29T06:00", 6,
                   (double[]){0.25, (3 + 0.25) / 7, (59 + 0.25) / 366});
    check_features(&days, "2024-02-29", 6, (double[]){3.0 / 7, 28.0 / 29, 59.0 / 366});
    check_features(&business, "2023-12-29", 6, (double[]){4.0 / 7, 28.0 / 31, 362.0 / 365});
    check_features(&weeks, "1969-12-31", 2, (double[]){364.0 / 365});
    check_features(&months, "2024-10", 2, (double[]){9.0 / 12});
    check_features(&years, "2024-10", 0, NULL);
    check_features(&numbers, "10", 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day),
        cmocka_unit_test(known_weekdays),
        cmocka_unit_test(read_times),
        cmocka_unit_test(refused_times),
        cmocka_unit_test(far_times),
        cmocka_unit_test(compact_dates),
        cmocka_unit_test(joined_forms),
        cmocka_unit_test(found_spacing),
        cmocka_unit_test(several_series),
        cmocka_unit_test(has_days),
        cmocka_unit_test(advanced),
        cmocka_unit_test(off_the_grid),
        cmocka_unit_test(advanced_too_far),
        cmocka_unit_test(seasons),
        cmocka_unit_test(turns),
        cmocka_unit_test(features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
