/* How well forecasts did, beside those that need no model. */
#ifndef CLI_SCORE_VIEW_H
#define CLI_SCORE_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include <elman/forecast.h>

/* What was scored. */
typedef struct ScoreView {
    const elman_scorer *scorer;
    size_t season;
    elman_base base;
    const double *levels;
    size_t level_count;
} ScoreView;

/* A table, the coverage of the intervals, and a sentence where a naive forecast wins. */
void score_print(const ScoreView *view, FILE *stream);

/* The same as an object: "Elman", "Smoothing", "SeasonalNaive", "Naive", "Drift", "coverage",
 * "best". */
json_t *score_json(const ScoreView *view);

/* The key in that object of the forecast whose mean absolute error is least. */
const char *score_best(const ScoreView *view);

#endif
