/* The options of `elman train series` and `elman backtest`, and what they mean for the library. */
#include "series_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "names.h"
#include "train_option_groups.h"

#define OF(member) .offset = offsetof(SeriesOptions, member)

static const char *const missing[] = {"refuse", "interpolate", "mask", NULL};
static const char *const losses[] = {
    "auto", "mse", "mae", "huber", "quantile", "gaussian", "student-t", "negative-binomial", NULL};
static const char *const scalings[] = {"standard", "robust", "none", NULL};
static const char *const bases[] = {"auto", "smooth", "seasonal", "last", "none", NULL};

/* A line or two for each option. */
/* clang-format off */
#define SERIES_DATA                                                                               \
    {.name = "target", OF(target), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,    \
     .unset = "y, or the only column of numbers that is left over",                               \
     .help = "what is forecast; several, with commas between: each is a series; quotes stand "    \
             "around a name that has a comma itself"},                                            \
    {.name = "time", OF(time), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,        \
     .unset = "ds, date, time, or the first column of times",                                     \
     .help = "when: dates, times or whole numbers"},                                              \
    {.name = "id", OF(id), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,            \
     .unset = "unique_id where there is one",                                                     \
     .help = "which series a row belongs to"},                                                    \
    {.name = "known-future", OF(known), .type = OPTION_TEXT, .value = "COLUMNS",                  \
     .remembered = true,                                                                          \
     .help = "covariates that are known for the future too, with commas between"},                \
    {.name = "past", OF(past), .type = OPTION_TEXT, .value = "COLUMNS", .remembered = true,       \
     .help = "covariates that are known up to now only"},                                         \
    {.name = "static", OF(statics), .type = OPTION_TEXT, .value = "COLUMNS", .remembered = true,  \
     .help = "columns that are constant for each series: numbers or words"},                      \
    {.name = "object", OF(object), .type = OPTION_TEXT, .value = "NAME", .remembered = true,      \
     .help = "which of the data sets in an R file"},                                              \
    {.name = "missing", OF(missing), CHOICE(missing), .fallback = "refuse", .remembered = true,   \
     .help = "what to do where there is no number"}

#define SERIES_FORECASTER                                                                         \
    {.name = "horizon", OF(horizon), COUNT(1), .value = "N", .fallback = "1", .remembered = true, \
     .help = "steps to forecast"},                                                                \
    {.name = "context", OF(context), COUNT(0), .value = "N", .fallback = "0", .remembered = true, \
     .unset = "two cycles of the shortest season, at least 24",                                   \
     .help = "steps that the network reads before them"},                                         \
    {.name = "season", OF(seasons), .type = OPTION_TEXT, .value = "STEPS", .remembered = true,    \
     .unset = "from the times: hours have 24,168",                                                \
     .help = "steps of each cycle, with commas between; 1: there is none"},                       \
    {.name = "lags", OF(lags), .type = OPTION_TEXT, .value = "STEPS", .remembered = true,         \
     .unset = "the seasons",                                                                      \
     .help = "values so many steps back are read too"},                                           \
    {.name = "recursive", OF(recursive), .type = OPTION_FLAG, .remembered = true,                 \
     .help = "forecast step by step, on many random paths, instead of the whole horizon at once"},\
    {.name = "loss", OF(loss), CHOICE(losses), .fallback = "auto", .remembered = true,            \
     .help = "what training lowers; auto: quantile, with --recursive gaussian"},                  \
    {.name = "quantiles", OF(quantiles), .type = OPTION_TEXT, .value = "LEVELS",                  \
     .remembered = true, .unset = "0.025,0.1,0.25,0.5,0.75,0.9,0.975",                            \
     .help = "of the quantile loss"},                                                             \
    {.name = "huber-delta", OF(huber_delta), REAL(0.0), .real_above = true, .value = "D",         \
     .fallback = "1", .remembered = true,                                                         \
     .help = "where the huber loss turns from squares to lines, in standard deviations"},         \
    {.name = "scale", OF(scaling), CHOICE(scalings), .fallback = "standard", .remembered = true,  \
     .help = "by what the target is measured: mean and standard deviation, median and quartiles"},\
    {.name = "scale-together", OF(together), .type = OPTION_FLAG, .remembered = true,             \
     .help = "one scale for all series instead of one for each"},                                 \
    {.name = "logarithm", OF(logarithm), .type = OPTION_FLAG, .remembered = true,                 \
     .help = "work on the logarithm of the target, which must be above 0"},                       \
    {.name = "base", OF(base), CHOICE(bases), .fallback = "auto", .remembered = true,             \
     .help = "what the network predicts the difference to"},                                      \
    {.name = "no-calendar", OF(no_calendar), .type = OPTION_FLAG, .remembered = true,             \
     .help = "do not read hour, weekday and month"}

#define SERIES_TRAINING                                                                           \
    TRAIN_OPTIONS_LAYERS("gru", "32", "1"),                                                       \
    TRAIN_OPTIONS_CELL(                                                                           \
        "share of a layer's outputs dropped on their way to the next layer or the output"),       \
    {.name = "batch", AT(batch), COUNT(1), .value = "N", .fallback = "32", .remembered = true,    \
     .help = "windows in one step"},                                                              \
    {.name = "max-steps", AT(max_steps), COUNT(1), .value = "N", .fallback = "400",               \
     .remembered = true,                                                                          \
     .help = "steps to train for"},                                                               \
    TRAIN_OPTIONS_OPTIMIZER("1e-3", "1", "0.98"),                                                 \
    {.name = "valid", OF(valid), COUNT(0), .value = "N", .fallback = "0", .remembered = true,     \
     .unset = "a fifth of the series",                                                            \
     .help = "steps at the end of each series that validate and calibrate"},                      \
    {.name = "validate-every", AT(validate_every), COUNT(0), .value = "N", .fallback = "10",      \
     .remembered = true,                                                                          \
     .help = "validate every N steps; the weights that did best are kept"},                       \
    {.name = "refit", OF(refit), .type = OPTION_FLAG, .remembered = true,                         \
     .help = "in the end train anew on all data, for as many steps as did best"},                 \
    TRAIN_OPTIONS_START

#define SERIES_LEVELS                                                                             \
    {.name = "level", OF(levels), .type = OPTION_TEXT, .value = "PERCENT", .fallback = "80,95",   \
     .help = "of the intervals, with commas between"}

const Option train_series_options[] = {
    {.name = "output", .letter = 'o', AT(output), .type = OPTION_FILE, .value = "MODEL",
     .help = "where the model goes; it is replaced when training has ended"},
    SERIES_DATA,
    SERIES_FORECASTER,
    SERIES_TRAINING,
    {.name = "hold-out", OF(hold_out), COUNT(0), .value = "N", .fallback = "0", .remembered = true,
     .help = "steps at the end of each series that training does not look at"},
    SERIES_LEVELS,
    TRAIN_OPTIONS_RUN,
    TRAIN_OPTIONS_CHECKPOINT,
    TRAIN_OPTIONS_SHOW,
    {.name = NULL},
};

const Option backtest_options[] = {
    {.name = "output", .letter = 'o', OF(forecasts), .type = OPTION_FILE, .value = "CSV",
     .help = "write all forecasts beside what came"},
    SERIES_DATA,
    SERIES_FORECASTER,
    {.name = "folds", OF(folds), .type = OPTION_COUNT, .count_least = 1,
     .count_most = 100000, .value = "N", .fallback = "5",
     .help = "forecasts to make, one after the other, the last one to the end of the data"},
    {.name = "stride", OF(stride), COUNT(0), .value = "N", .fallback = "0",
     .unset = "the horizon",
     .help = "steps from one forecast to the next"},
    {.name = "hold-out", OF(hold_out), COUNT(0), .value = "N", .fallback = "0",
     .help = "steps at the end of each series that are not looked at: choose options on what lies "
             "before them"},
    {.name = "retrain", OF(retrain), .type = OPTION_FLAG,
     .help = "train anew before each forecast instead of once before the first"},
    {.name = "plot", OF(plot), .type = OPTION_FILE, .value = "SVG",
     .help = "draw the last forecast of each series"},
    {.name = "paths", OF(paths), .type = OPTION_COUNT, .count_least = 1,
     .count_most = 100000, .value = "N",
     .fallback = "200", .help = "of a recursive forecaster"},
    SERIES_TRAINING,
    SERIES_LEVELS,
    TRAIN_OPTIONS_RUN,
    TRAIN_OPTIONS_SHOW,
    {.name = NULL},
};
/* clang-format on */

/* Takes a list of names apart; their text goes to `text`. */
static bool read_names(const char *command, const char *option, const char *given, char *text,
                       const char **names, elman_columns *columns) {
    *columns = (elman_columns){names, 0};
    if (!given) return true;
    if (strlen(given) >= SERIES_TEXT_MAX) {
        message_for(command, "--%s is longer than %d characters", option, SERIES_TEXT_MAX - 1);
        return false;
    }
    (void)snprintf(text, SERIES_TEXT_MAX, "%s", given);
    columns->count = names_cut(text, names, SERIES_COLUMNS_MAX);
    if (columns->count > 0) return true;
    message_for(command,
                "--%s is \"%s\", expected 1 to %d names with commas between, and quotes around "
                "those that have a comma themselves",
                option, given, SERIES_COLUMNS_MAX);
    return false;
}

/* "1,24,168": numbers with commas between, ascending, `least` < each < `most`. */
static bool read_numbers(const char *command, const char *option, const char *given, double least,
                         double most, double *numbers, size_t room, size_t *count) {
    *count = 0;
    for (const char *at = given; at;) {
        char *end;
        const double number = strtod(at, &end);
        const bool ended = end > at && (*end == '\0' || *end == ',');
        if (!ended || !(number > least) || !(number < most) || *count == room ||
            (*count > 0 && !(number > numbers[*count - 1]))) {
            message_for(command,
                        "--%s is \"%s\", expected ascending numbers above %g and below %.0f, at "
                        "most %zu, with commas between",
                        option, given, least, most, room);
            return false;
        }
        numbers[(*count)++] = number;
        at = *end ? end + 1 : NULL;
    }
    return true;
}

static bool read_steps(const char *command, const char *option, const char *given, size_t *steps,
                       size_t room, size_t *count) {
    double numbers[ELMAN_LAGS_MAX];
    if (!read_numbers(command, option, given, 0.0, 1e7, numbers, room, count)) return false;
    for (size_t i = 0; i < *count; i++) {
        steps[i] = (size_t)numbers[i];
        if ((double)steps[i] != numbers[i]) {
            message_for(command, "--%s is \"%s\", expected whole numbers", option, given);
            return false;
        }
    }
    return true;
}

bool series_levels_read(const char *command, const char *text, double levels[SERIES_NUMBERS_MAX],
                        size_t *count) {
    if (!read_numbers(command, "level", text, 0.0, 100.0, levels, SERIES_NUMBERS_MAX, count)) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) levels[i] /= 100.0;
    return true;
}

static bool read_columns(const char *command, const SeriesOptions *options,
                         SeriesSettings *settings) {
    elman_series_options *series = &settings->series;
    *series = (elman_series_options){
        .struct_size = sizeof(*series),
        .time = options->time,
        .id = options->id,
        .missing = (elman_missing)options->missing,
        .object = options->object,
    };
    return read_names(command, "target", options->target, settings->text[0], settings->names[0],
                      &series->target) &&
           read_names(command, "known-future", options->known, settings->text[1],
                      settings->names[1], &series->known) &&
           read_names(command, "past", options->past, settings->text[2], settings->names[2],
                      &series->past) &&
           read_names(command, "static", options->statics, settings->text[3], settings->names[3],
                      &series->statics);
}

bool series_settings_read(const char *command, const SeriesOptions *options,
                          SeriesSettings *settings) {
    elman_forecaster_options *f = &settings->forecaster;
    *f = (elman_forecaster_options){
        .struct_size = sizeof(*f),
        .horizon = (size_t)options->horizon,
        .context = (size_t)options->context,
        .no_calendar = options->no_calendar,
        .recursive = options->recursive,
        .loss = (elman_loss_kind)options->loss,
        .huber_delta = options->huber_delta,
        .scaling = (elman_scaling)options->scaling,
        .scale_together = options->together,
        .logarithm = options->logarithm,
        .base = (elman_base)options->base,
        .hold_out = (size_t)options->hold_out,
        .valid = (size_t)options->valid,
    };
    if (!read_columns(command, options, settings) ||
        !read_steps(command, "season", options->seasons, f->seasons, ELMAN_SEASONS_MAX,
                    &f->season_count) ||
        !read_steps(command, "lags", options->lags, f->lags, ELMAN_LAGS_MAX, &f->lag_count) ||
        !read_numbers(command, "quantiles", options->quantiles, 0.0, 1.0, settings->quantiles,
                      SERIES_NUMBERS_MAX, &f->quantile_count) ||
        !series_levels_read(command, options->levels, settings->levels, &settings->level_count)) {
        return false;
    }
    f->quantiles = settings->quantiles;
    if (f->season_count == 1 && f->seasons[0] == 1) {
        f->season_count = 0;
        f->no_season = 1;
    }
    return true;
}
