/* Forecasts as rows, as JSON and as pictures. */
#ifndef CLI_FORECAST_VIEW_H
#define CLI_FORECAST_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <elman/chart.h>
#include <elman/forecast.h>

/* A forecast of what follows the series without their last `hold_out` steps. */
typedef struct ForecastView {
    const elman_series *series;
    const elman_forecast *forecast;
    size_t hold_out;
    size_t season;        /* of the seasonal naive forecast; 1: it is the last value */
    const double *levels; /* shares: 0.8 */
    size_t level_count;
} ForecastView;

/* The first line of a CSV file: unique_id,ds,Elman,Elman-lo-80,Elman-hi-80,...,SeasonalNaive; with
 * `compare` the columns cutoff (the last time that was known) and y (what came) after ds. */
void forecast_print_head(const double *levels, size_t level_count, bool compare, FILE *stream);

/* A line for each step of each series. */
void forecast_print_rows(const ForecastView *view, bool compare, FILE *stream);

/* [{"unique_id", "ds": [...], "Elman": [...], ...}], with "y" where something is held out. */
json_t *forecast_json(const ForecastView *view);

/* Draws the first series, at most ELMAN_CHART_PANELS_MAX, with history, intervals, the seasonal
 * naive forecast and what came. `value_name` (or NULL) is what the values are. */
bool forecast_draw(elman_context *context, const ForecastView *view, const char *value_name,
                   const char *path, elman_error *error);

/* The first series as characters on stderr, which is a terminal. */
bool forecast_show(elman_context *context, const ForecastView *view, elman_error *error);

/* Whether a picture has room for that many intervals; false after a sentence, with `command` before
 * it. */
bool forecast_can_draw(const char *command, size_t level_count);

/* Delivers what was written to an open_memstream: to `path`, or to stdout where it is NULL. Closes
 * the stream and releases the text; false after a sentence. */
bool forecast_deliver(FILE *stream, char **text, const size_t *size, const char *path);

#endif
