/* Dates and times: counting days, reading and writing. */
#include "data/calendar.h"

#include <inttypes.h>
#include <stdio.h>

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097 /* of 400 years */ };

static const int month_starts[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t divide_down(int64_t number, int64_t by, int64_t *remainder) {
    int64_t quotient = number / by;
    *remainder = number % by;
    if (*remainder < 0) {
        *remainder += by;
        quotient--;
    }
    return quotient;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_of_year(int64_t year) {
    int64_t within;
    const int64_t eras = divide_down(year - 1, 400, &within); /* since the year 1 */
    return eras * ERA_DAYS + within * 365 + within / 4 - within / 100 - 719162;
}

int days_in_month(int64_t year, int month) {
    return month_starts[month] - month_starts[month - 1] + (month == 2 && is_leap(year));
}

int64_t days_of_date(Date date) {
    const int leap = date.month > 2 && is_leap(date.year);
    return days_of_year(date.year) + month_starts[date.month - 1] + leap + date.day - 1;
}

Date date_of_days(int64_t days) {
    int64_t within;
    const int64_t eras = divide_down(days + 719162, ERA_DAYS, &within);
    /* Never too late, and at most one too early: within 400 years the first day of a year is less
     * than 2 days off a multiple of 365.2425. */
    int64_t year = eras * 400 + within * 400 / ERA_DAYS + 1;
    if (days_of_year(year) > days) year--;
    if (days_of_year(year + 1) <= days) year++;
    const int rest = (int)(days - days_of_year(year));
    const int leap = is_leap(year);
    int month = rest / 32 + 1;
    if (rest >= month_starts[month] + (month >= 2 ? leap : 0)) month++;
    const int start = month_starts[month - 1] + (month > 2 ? leap : 0);
    return (Date){year, month, rest - start + 1};
}

int weekday_of_days(int64_t days) {
    int64_t weekday;
    (void)divide_down(days + 3, 7, &weekday); /* 1970-01-01 was a Thursday */
    return (int)weekday;
}

int64_t weekdays_before(int64_t days) {
    int64_t weekday;
    const int64_t weeks = divide_down(days + 3, 7, &weekday);
    return weeks * 5 + (weekday < 5 ? weekday : 5);
}

/* What is left to read. */
typedef struct Text {
    const char *at, *end;
} Text;

static bool take(Text *text, char c) {
    if (text->at == text->end || *text->at != c) return false;
    text->at++;
    return true;
}

/* Reads exactly `count` digits. */
static bool take_digits(Text *text, int count, int *value) {
    if (text->end - text->at < count) return false;
    int sum = 0;
    for (int i = 0; i < count; i++) {
        const char c = text->at[i];
        if (c < '0' || c > '9') return false;
        sum = sum * 10 + (c - '0');
    }
    text->at += count;
    *value = sum;
    return true;
}

static bool read_number(Text text, int64_t *time) {
    const bool negative = take(&text, '-');
    if (!negative) (void)take(&text, '+');
    if (text.end == text.at || text.end - text.at > 18) return false;
    int64_t sum = 0;
    for (; text.at < text.end; text.at++) {
        if (*text.at < '0' || *text.at > '9') return false;
        sum = sum * 10 + (*text.at - '0');
    }
    *time = negative ? -sum : sum;
    return true;
}

/* Reads Q1 with whatever may stand before it. */
static bool read_quarter(Text text, int year, int64_t *time) {
    int quarter;
    if (!take(&text, '-')) (void)take(&text, ' ');
    if (!take(&text, 'Q') && !take(&text, 'q')) return false;
    if (!take_digits(&text, 1, &quarter) || quarter < 1 || quarter > 4 || text.at < text.end)
        return false;
    *time = days_of_date((Date){year, quarter * 3 - 2, 1}) * DAY_SECONDS;
    return true;
}

/* Reads what may follow a time of day: nothing, Z, +05:30, +0530, +05. *offset is in seconds. */
static bool read_offset(Text text, TimeForm *form, int64_t *offset) {
    int hours, minutes = 0;
    *offset = 0;
    if (text.at == text.end) return true;
    *form = (TimeForm)(TIME_FORM_UTC | (*form & ~(unsigned)TIME_FORM_KINDS));
    if (take(&text, 'Z')) return text.at == text.end;
    const bool west = take(&text, '-');
    if (!west && !take(&text, '+')) return false;
    if (!take_digits(&text, 2, &hours)) return false;
    if (text.at < text.end) {
        (void)take(&text, ':');
        if (!take_digits(&text, 2, &minutes)) return false;
    }
    if (hours > 23 || minutes > 59 || text.at < text.end) return false;
    *offset = (west ? -60 : 60) * (hours * 60 + minutes);
    return true;
}

/* Reads the time of day behind a date. */
static bool read_clock(Text text, int64_t *seconds, TimeForm *form) {
    int hour, minute, second = 0;
    unsigned mark = 0;
    if (take(&text, ' '))
        mark = TIME_FORM_BLANK;
    else if (!take(&text, 'T'))
        return false;
    if (!take_digits(&text, 2, &hour) || !take(&text, ':') || !take_digits(&text, 2, &minute))
        return false;
    if (take(&text, ':')) {
        if (!take_digits(&text, 2, &second)) return false;
        if (take(&text, '.')) {
            if (!take(&text, '0')) return false;
            while (take(&text, '0')) continue;
        }
    } else {
        mark |= TIME_FORM_MINUTES;
    }
    if (hour > 23 || minute > 59 || second > 59) return false;
    *form = (TimeForm)(TIME_FORM_DATE_TIME | (*form & TIME_FORM_SLASHES) | mark);
    int64_t offset;
    if (!read_offset(text, form, &offset)) return false;
    *seconds = hour * 3600 + minute * 60 + second - offset;
    return true;
}

bool time_read(const char *text, size_t size, int64_t *time, TimeForm *form) {
    Text rest = {text, text + size};
    int year, month, day;
    int64_t seconds = 0;
    if (size < 6 || !take_digits(&rest, 4, &year) || (*rest.at >= '0' && *rest.at <= '9')) {
        *form = TIME_FORM_NUMBER;
        return read_number((Text){text, text + size}, time);
    }
    if (year == 0) return false;
    if (read_quarter(rest, year, time)) {
        *form = TIME_FORM_QUARTER;
        return true;
    }
    const char mark = *rest.at++;
    if ((mark != '-' && mark != '/') || !take_digits(&rest, 2, &month)) return false;
    if (month < 1 || month > 12) return false;
    if (rest.at == rest.end) {
        *form = (TimeForm)(TIME_FORM_MONTH | (mark == '/' ? TIME_FORM_SLASHES : 0));
        *time = days_of_date((Date){year, month, 1}) * DAY_SECONDS;
        return true;
    }
    if (!take(&rest, mark) || !take_digits(&rest, 2, &day)) return false;
    if (day < 1 || day > days_in_month(year, month)) return false;
    *form = (TimeForm)(TIME_FORM_DATE | (mark == '/' ? TIME_FORM_SLASHES : 0));
    if (rest.at < rest.end && !read_clock(rest, &seconds, form)) return false;
    *time = days_of_date((Date){year, month, day}) * DAY_SECONDS + seconds;
    return true;
}

bool time_of_compact(int64_t number, int64_t *time) {
    if (number < 16000101 || number > 23991231) return false;
    const int month = (int)(number / 100 % 100), day = (int)(number % 100);
    const int64_t year = number / 10000;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    *time = days_of_date((Date){year, month, day}) * DAY_SECONDS;
    return true;
}

bool time_form_join(TimeForm one, TimeForm other, TimeForm *both) {
    const int first = one & TIME_FORM_KINDS, second = other & TIME_FORM_KINDS;
    const bool clocks = first >= TIME_FORM_DATE_TIME && first <= TIME_FORM_UTC;
    *both = one;
    if (first == second) {
        /* Seconds that one of them has, all will have. */
        if (clocks && !(other & TIME_FORM_MINUTES))
            *both = (TimeForm)(one & ~(unsigned)TIME_FORM_MINUTES);
        return true;
    }
    if (first == TIME_FORM_DATE_TIME && second == TIME_FORM_DATE) return true;
    if (first != TIME_FORM_DATE || second != TIME_FORM_DATE_TIME) return false;
    *both = other;
    return true;
}

void time_write(int64_t time, TimeForm form, char text[ELMAN_TIME_TEXT_MAX]) {
    const int kind = form & TIME_FORM_KINDS;
    if (kind == TIME_FORM_NUMBER) {
        (void)snprintf(text, ELMAN_TIME_TEXT_MAX, "%" PRId64, time);
        return;
    }
    int64_t second;
    const Date date = date_of_days(divide_down(time, DAY_SECONDS, &second));
    const char *const mark = form & TIME_FORM_SLASHES ? "/" : (form & TIME_FORM_COMPACT ? "" : "-");
    size_t used;
    if (kind == TIME_FORM_QUARTER)
        used = (size_t)snprintf(text, ELMAN_TIME_TEXT_MAX, "%04" PRId64 "Q%d", date.year,
                                (date.month + 2) / 3);
    else
        used = (size_t)snprintf(text, ELMAN_TIME_TEXT_MAX, "%04" PRId64 "%s%02d", date.year, mark,
                                date.month);
    if (kind == TIME_FORM_MONTH || kind == TIME_FORM_QUARTER) return;
    used += (size_t)snprintf(text + used, ELMAN_TIME_TEXT_MAX - used, "%s%02d", mark, date.day);
    if (kind == TIME_FORM_DATE) return;
    used += (size_t)snprintf(text + used, ELMAN_TIME_TEXT_MAX - used, "%c%02d:%02d",
                             form & TIME_FORM_BLANK ? ' ' : 'T', (int)(second / 3600),
                             (int)(second / 60 % 60));
    if (!(form & TIME_FORM_MINUTES))
        used +=
            (size_t)snprintf(text + used, ELMAN_TIME_TEXT_MAX - used, ":%02d", (int)(second % 60));
    if (kind == TIME_FORM_UTC) (void)snprintf(text + used, ELMAN_TIME_TEXT_MAX - used, "Z");
}
