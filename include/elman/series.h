/* Time series from files: numbers at regular times, one series or many, with covariates.
 *
 * A file is CSV or TSV (delimiter, quotes, byte order mark and line ends are found out; "-" is
 * standard input) or one of R's (.rda, .rds, .rdx with .rdb). The first line of a CSV names the
 * columns. Two forms are read:
 *
 *     long   unique_id,ds,y[,covariates]: a row for each series and time
 *     wide   ds,a,b,c: a row for each time, a column for each series
 *
 * Rows may stand in any order. The times of each series must be regular: seconds, minutes, hours,
 * days, weeks, business days, months, quarters, years, or whole numbers, in steps of any size. */
#ifndef ELMAN_SERIES_H
#define ELMAN_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_series elman_series;

typedef enum elman_time_unit {
    ELMAN_TIME_NUMBER, /* whole numbers: 1, 2, 3 or 2001, 2002; also where there is no time column
                        */
    ELMAN_TIME_SECOND,
    ELMAN_TIME_DAY,
    ELMAN_TIME_BUSINESS_DAY, /* Monday to Friday */
    ELMAN_TIME_MONTH         /* 3: quarters, 12: years */
} elman_time_unit;

/* The time from one value to the next. */
typedef struct elman_spacing {
    elman_time_unit unit;
    int64_t step;    /* of that unit, at least 1 */
    int32_t day;     /* MONTH: the day of the month, 31 for its last; 0 elsewhere */
    int32_t has_day; /* DAY, BUSINESS_DAY, MONTH: times are written as dates, not as "2024-01" */
} elman_spacing;

/* What to do where the target or a covariate has no number: refuse it, put a straight line between
 * its neighbours (the nearest value at the ends), or leave it out of the loss, the input saying
 * that it is unknown. A time that no row has counts as missing. */
typedef enum elman_missing {
    ELMAN_MISSING_REFUSE,
    ELMAN_MISSING_INTERPOLATE,
    ELMAN_MISSING_MASK
} elman_missing;

enum { ELMAN_TIME_TEXT_MAX = 40 };

/* Names of columns. */
typedef struct elman_columns {
    const char *const *names;
    size_t count;
} elman_columns;

typedef struct elman_series_options {
    size_t struct_size;    /* sizeof(elman_series_options) */
    elman_columns target;  /* several: the wide form. None: "y", or the only column of numbers left
                              over */
    const char *time;      /* NULL: "ds", "date", "datetime", "timestamp" or "time", else the first
                              column of times, else none: the rows are 1, 2, 3, ... */
    const char *id;        /* NULL: "unique_id" where there is one */
    elman_columns known;   /* covariates known for the future too: holidays, prices, plans */
    elman_columns past;    /* covariates known up to now only: another sensor */
    elman_columns statics; /* constant for each series; numbers or words */
    elman_missing missing;
    const char *object; /* of an R file that holds several: the one to read */
} elman_series_options;

/* Reads a file. `options` NULL: all found out. Trailing rows of a series whose target is missing,
 * but whose known covariates are there, are its future. Errors: IO, FORMAT, UNSUPPORTED (R data
 * that cannot be read), DATA (names file, line and column), MEMORY. */
ELMAN_API elman_status elman_series_load(elman_context *context, const char *path,
                                         const elman_series_options *options, elman_series **series,
                                         elman_error *error);

/* Reads the known covariates of the times that follow the end of `series`: columns as in its own
 * file, without target. They replace what `series` knows of its future. A series without rows stays
 * as it is. Errors: as elman_series_load; DATA also where times do not follow; then nothing has
 * changed. */
ELMAN_API elman_status elman_series_load_future(elman_series *series, const char *path,
                                                elman_error *error);

/* Makes one series of `count` numbers (NaN: missing, treated as `missing` says) at the times 1, 2,
 * 3, ... */
ELMAN_API elman_status elman_series_from_values(elman_context *context, const double *values,
                                                size_t count, elman_missing missing,
                                                elman_series **series, elman_error *error);
ELMAN_API void elman_series_destroy(elman_series *series);

ELMAN_API size_t elman_series_count(const elman_series *series);
ELMAN_API const char *elman_series_id(const elman_series *series, size_t index);
ELMAN_API size_t elman_series_length(const elman_series *series, size_t index);

/* Steps after the end for which the known covariates are there. */
ELMAN_API size_t elman_series_future(const elman_series *series, size_t index);

/* [length]; NaN where a value is missing, with ELMAN_MISSING_MASK. */
ELMAN_API const double *elman_series_values(const elman_series *series, size_t index);

ELMAN_API elman_spacing elman_series_spacing(const elman_series *series);

/* "hours", "30 minutes", "business days", "quarters", "months", "steps". */
ELMAN_API const char *elman_series_spacing_name(const elman_series *series);

/* The steps of the cycles that the spacing suggests, shortest first: half-hours 48 and 336, hours
 * 24 and 168, days 7, business days 5, weeks 52, months 12, quarters 4; for R's own series its
 * frequency. Returns how many, at most `most`. */
ELMAN_API size_t elman_series_seasons(const elman_series *series, size_t *seasons, size_t most);

/* The time of step `step`, which may lie beyond the end, as its file writes it. */
ELMAN_API const char *elman_series_time(const elman_series *series, size_t index, size_t step,
                                        char text[ELMAN_TIME_TEXT_MAX]);

/* SHA-256 of what was read (ids, times, values, covariates), in hex. */
ELMAN_API const char *elman_series_digest(const elman_series *series);

#ifdef __cplusplus
}
#endif

#endif
