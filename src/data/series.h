/* What a set of series holds; see elman/series.h. */
#ifndef DATA_SERIES_H
#define DATA_SERIES_H

#include <stdbool.h>

#include "context/context.h"
#include "data/calendar.h"

typedef struct OneSeries {
    char *id;
    int64_t start; /* the time of step 0 */
    size_t length; /* steps with a target */
    size_t future; /* steps after them with known covariates */
    double *y;     /* [length], NaN: missing */
    float *known;  /* [length + future][known count], NaN: missing */
    float *past;   /* [length][past count], NaN: missing */
} OneSeries;

/* A constant of each series: a number, or one of some words. */
typedef struct StaticColumn {
    char *name;
    char **levels; /* sorted, NULL for a column of numbers */
    size_t level_count;
    double *values; /* [series]: the number, or the index of the word */
} StaticColumn;

/* The series of a file with ids stand in their order, see series_compare_ids, so that neither the
 * digest nor what is learned depends on the order of the rows. */
struct elman_series {
    elman_context *context;
    OneSeries *one;
    size_t count;
    elman_spacing spacing;
    char spacing_name[ELMAN_TIME_TEXT_MAX];
    TimeForm form;
    size_t frequency; /* steps of a cycle that the file itself names (R's ts); 0: it does not */
    char *time_name, *id_name, *target_name; /* of the columns; NULL: there is none */
    bool wide;
    char **known_names, **past_names;
    size_t known_count, past_count;
    StaticColumn *statics;
    size_t static_count;
    elman_missing missing;
    char digest[65];
};

/* Below, at or above 0 as id `a` belongs before, at or behind `b`: whole numbers by their size,
 * before all others, which stand by their bytes. */
int series_compare_ids(const char *a, const char *b);

/* Computes `digest` of what the set holds now. */
void series_digest(elman_series *series);

#endif
