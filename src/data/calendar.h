/* Times: reading and writing them, the spacing between them, and their place in day, week and year.
 *
 * A time is a whole number: seconds since 1970-01-01T00:00:00 without time zone or leap seconds
 * (proleptic Gregorian calendar), or, for ELMAN_TIME_NUMBER, the number itself. */
#ifndef DATA_CALENDAR_H
#define DATA_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/series.h>

/* How a column writes its times; so are those beyond its end. One of the first six, and to it any
 * of the marks below it may be added. */
typedef enum TimeForm {
    TIME_FORM_NUMBER,
    TIME_FORM_MONTH,     /* 2024-01 */
    TIME_FORM_DATE,      /* 2024-01-31 */
    TIME_FORM_DATE_TIME, /* 2024-01-31T09:30:00 */
    TIME_FORM_UTC,       /* the same with Z; other offsets are turned into UTC */
    TIME_FORM_QUARTER,   /* 2024Q1 */
    TIME_FORM_KINDS = 7, /* form & TIME_FORM_KINDS is one of those above */

    TIME_FORM_SLASHES = 8,  /* 2024/01/31 */
    TIME_FORM_BLANK = 16,   /* a blank for the T */
    TIME_FORM_MINUTES = 32, /* without seconds */
    TIME_FORM_COMPACT = 64  /* 20240131, of TIME_FORM_DATE */
} TimeForm;

/* A day of the calendar; month and day count from 1. */
typedef struct Date {
    int64_t year;
    int month, day;
} Date;

/* Days since 1970-01-01, and back. */
int64_t days_of_date(Date date);
Date date_of_days(int64_t days);

int days_in_month(int64_t year, int month);

/* 0: Monday, 6: Sunday. */
int weekday_of_days(int64_t days);

/* Weekdays (Monday to Friday) from 1969-12-29, a Monday, up to but without that day. */
int64_t weekdays_before(int64_t days);

/* Quotient rounded down and remainder of the sign of `by`, which is positive. */
int64_t divide_down(int64_t number, int64_t by, int64_t *remainder);

/* Reads one time: a whole number of at most 18 digits, 2024-01, 2024Q1 (also 2024-Q1, 2024 Q1), a
 * date or a date with a time of day (fractions of a second only when they are 0). False for
 * anything else. A column of numbers may hold dates: see time_of_compact. */
bool time_read(const char *text, size_t size, int64_t *time, TimeForm *form);

/* The time of a number such as 20240131, of the years 1600 to 2399; false when it is no date. */
bool time_of_compact(int64_t number, int64_t *time);

/* The form of a column that has times of both forms (`one` is that of the first ones); false when
 * they do not go together. */
bool time_form_join(TimeForm one, TimeForm other, TimeForm *both);

/* Writes it, at most ELMAN_TIME_TEXT_MAX - 1 characters. */
void time_write(int64_t time, TimeForm form, char text[ELMAN_TIME_TEXT_MAX]);

enum { DIFFERENCES_MAX = 16 };

/* The differences between neighbouring times in one unit. */
typedef struct Differences {
    int64_t divisor; /* the greatest common one; 0: there is no difference */
    int64_t least;
    size_t count;
    int64_t kind[DIFFERENCES_MAX]; /* those met first, and how often */
    size_t times[DIFFERENCES_MAX];
    size_t kinds;
} Differences;

/* What the times of one or several series say about their spacing. Starts as
 * {.form = that of the times}. */
typedef struct SpacingEvidence {
    TimeForm form;
    size_t count;       /* times */
    Differences plain;  /* seconds, or numbers */
    Differences months; /* while not_months is false */
    bool not_days;      /* times of day differ */
    bool not_months;    /* two times in a month, or days of the month that no grid has */
    bool not_weekdays;  /* a Saturday or a Sunday */
    bool weekend;       /* neighbours with a weekend between them */
    int last_day;       /* the greatest day of the month */
    int open_day;       /* the day of the month of times before its end; 0: there are none */
    int64_t second;     /* of the day */
} SpacingEvidence;

/* Adds the ascending times of one series. */
void spacing_gather(SpacingEvidence *evidence, const int64_t *times, size_t count);

/* The widest spacing that reaches each time from the first of its series; where nine of ten
 * differences are the same, that difference, which may leave times off its grid. Without `gaps` a
 * difference that occurs is preferred. Business days: no time on a weekend, some on both sides of
 * one, some on neighbouring days. One time alone: steps of 1 second, day, month or number. */
elman_spacing spacing_decide(const SpacingEvidence *evidence, bool gaps);

/* The spacing that all of `count` ascending times have, or one with gaps where `gaps` is allowed.
 * False: none; *first is the index of the first time that does not fit the spacing found. */
bool spacing_find(const int64_t *times, size_t count, TimeForm form, bool gaps,
                  elman_spacing *spacing, size_t *first);

/* The time `steps` (of either sign) after `time`, which lies on the spacing's grid; the nearest
 * time that an int64_t holds when it is too far. */
int64_t spacing_advance(const elman_spacing *spacing, int64_t time, int64_t steps);

/* The steps from one time to another; false when the second is not on the grid of the first. */
bool spacing_steps(const elman_spacing *spacing, int64_t from, int64_t to, int64_t *steps);

/* "hours", "30 minutes", "business days", "quarters", "steps of 10"; see
 * elman_series_spacing_name. */
void spacing_name(const elman_spacing *spacing, char text[ELMAN_TIME_TEXT_MAX]);

/* See elman_series_seasons; without a frequency of the file's own. */
size_t spacing_seasons(const elman_spacing *spacing, size_t *seasons, size_t most);

/* The numbers of calendar_features, which depends on the spacing alone: those of an hour for
 * spacings below a day and so on; 0 for ELMAN_TIME_NUMBER and years. */
size_t calendar_width(const elman_spacing *spacing);

/* Where a time stands in day, week, month and year, as sines and cosines of the phase in [-1, 1].
 */
void calendar_features(const elman_spacing *spacing, int64_t time, float *features);

/* Sine and cosine of part / whole of a full turn, 0 <= part < whole < 2^53, at most 2^-52 off; the
 * same bits on every machine. */
void turn(int64_t part, int64_t whole, double *sine, double *cosine);

#endif
