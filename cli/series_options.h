/* The options of `elman train series` and `elman backtest`. */
#ifndef CLI_SERIES_OPTIONS_H
#define CLI_SERIES_OPTIONS_H

#include "train_options.h"
#include <elman/forecast.h>

enum { SERIES_COLUMNS_MAX = 64, SERIES_NUMBERS_MAX = 99, SERIES_TEXT_MAX = 4096 };

typedef struct SeriesOptions {
    TrainOptions train; /* first, for the groups of options */
    const char *target, *time, *id, *known, *past, *statics, *object;
    int missing;
    uint64_t horizon, context, valid, hold_out;
    const char *seasons, *lags, *quantiles;
    bool recursive, no_calendar, logarithm, together, refit;
    int loss, scaling, base;
    double huber_delta;
    const char *levels;
    uint64_t paths;

    /* Of backtest alone. */
    uint64_t folds, stride;
    bool retrain;
    const char *plot, *forecasts;
} SeriesOptions;

extern const Option train_series_options[], backtest_options[];

/* What the options say, for the library: lists taken apart. */
typedef struct SeriesSettings {
    char text[7][SERIES_TEXT_MAX]; /* the lists of names, with zero bytes for the commas */
    const char *names[4][SERIES_COLUMNS_MAX];
    elman_series_options series;
    double quantiles[SERIES_NUMBERS_MAX];
    elman_forecaster_options forecaster;
    double levels[SERIES_NUMBERS_MAX]; /* shares: 0.8 */
    size_t level_count;
} SeriesSettings;

/* Takes the options apart; false after a sentence. `command` stands before it. */
bool series_settings_read(const char *command, const SeriesOptions *options,
                          SeriesSettings *settings);

/* "80,95" as shares, ascending; false after a sentence. */
bool series_levels_read(const char *command, const char *text, double levels[SERIES_NUMBERS_MAX],
                        size_t *count);

#endif
