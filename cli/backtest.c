/* elman backtest: how good forecasts of a series would have been. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast_view.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "series_run.h"
#include "signals.h"

enum { ID_SHOWN = 80 };

/* Everything that one backtest holds. */
typedef struct Backtest {
    SeriesRun run;
    size_t stride;
    elman_forecaster *first; /* the scorer's, where each fold has its own */
    elman_scorer *scorer;
    elman_forecast *forecast; /* of the last fold that was made */
    FILE *rows;               /* NULL: nobody asked for them */
    char *text;
    size_t size;
} Backtest;

static size_t hold_out(const Backtest *test, uint64_t fold) {
    const SeriesOptions *options = &test->run.options;
    return (size_t)options->hold_out + (size_t)(options->folds - 1 - fold) * test->stride +
           (size_t)options->horizon;
}

static bool check_file(const char *path, const char *data) {
    return !path || (machine_spares(path, data) && machine_can_replace(path));
}

/* What is written must be neither read nor written twice. */
static bool check_files(const Backtest *test) {
    const SeriesOptions *options = &test->run.options;
    const char *const written[] = {options->forecasts, options->plot, options->train.log};
    const char *data = test->run.session.files.names[0];
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; written[i] && k < i; k++) {
            if (!written[k] || strcmp(written[i], written[k]) != 0) continue;
            message("%s: is to be written twice, with different things in it", written[i]);
            return false;
        }
    }
    return check_file(options->forecasts, data) && check_file(options->plot, data);
}

static ForecastView view_of(const Backtest *test, size_t left_out) {
    return (ForecastView){.series = test->run.series,
                          .forecast = test->forecast,
                          .hold_out = left_out,
                          .season = test->run.info.season,
                          .levels = test->run.settings.levels,
                          .level_count = test->run.settings.level_count};
}

/* Trains for the fold that leaves out so much. Returns EXIT_DONE, or the exit status. */
static int train_fold(Backtest *test, size_t left_out) {
    elman_train_result result = {0};
    if (test->scorer && !test->first) {
        test->first = test->run.forecaster;
        test->run.forecaster = NULL;
    }
    const int status = series_run_train(&test->run, left_out, &result);
    return status == EXIT_DONE ? series_run_finish(&test->run, &result) : status;
}

static int run_fold(Backtest *test, uint64_t fold) {
    const SeriesOptions *options = &test->run.options;
    const size_t left_out = hold_out(test, fold);
    if (fold == 0 || options->retrain) {
        if (options->retrain && !options->train.quiet) {
            message("forecast %" PRIu64 " of %" PRIu64, fold + 1, options->folds);
        }
        const int status = train_fold(test, left_out);
        if (status != EXIT_DONE) return status;
    }
    elman_forecast_destroy(test->forecast);
    test->forecast = NULL;
    if ((!test->scorer && !series_run_scorer(&test->run, &test->scorer)) ||
        !series_run_score(&test->run, test->scorer, left_out, &test->forecast)) {
        return EXIT_FAILED;
    }
    const ForecastView view = view_of(test, left_out);
    if (test->rows) forecast_print_rows(&view, true, test->rows);
    const int signal = signals_received();
    if (!signal) return EXIT_DONE;
    message("stopped after forecast %" PRIu64 " of %" PRIu64, fold + 1, options->folds);
    return EXIT_SIGNAL + signal;
}

/* Every series must have a value before the first forecast. */
static bool check_lengths(const Backtest *test) {
    const elman_series *series = test->run.series;
    const size_t needed = hold_out(test, 0);
    for (size_t i = 0; i < elman_series_count(series); i++) {
        if (elman_series_length(series, i) > needed) continue;
        char id[ID_SHOWN];
        (void)snprintf(id, sizeof(id), "%s", elman_series_id(series, i));
        clean(id);
        message("%s: series \"%s\" has %zu values, too few to learn from and for %" PRIu64
                " forecasts, which take the last %zu",
                test->run.session.files.names[0], id, elman_series_length(series, i),
                test->run.options.folds, needed);
        return false;
    }
    return true;
}

static bool open_rows(Backtest *test) {
    const SeriesRun *run = &test->run;
    if (!run->options.forecasts) return true;
    test->rows = open_memstream(&test->text, &test->size);
    if (!test->rows) {
        message("no memory left");
        return false;
    }
    forecast_print_head(run->settings.levels, run->settings.level_count, true, test->rows);
    return true;
}

static void print_heading(const Backtest *test) {
    const SeriesOptions *options = &test->run.options;
    const size_t count = elman_series_count(test->run.series);
    output_print("%" PRIu64 " forecast%s of %" PRIu64 " step%s", options->folds,
                 options->folds == 1 ? "" : "s", options->horizon,
                 options->horizon == 1 ? "" : "s");
    if (count > 1) output_print(" of each of %zu series", count);
    if (options->folds > 1) {
        output_print(", each %zu step%s after the one before", test->stride,
                     test->stride == 1 ? "" : "s");
    }
    output_print("; trained %s:\n", options->retrain ? "anew on what lies before each of them"
                                                     : "once on what lies before them");
}

static void print_json(Backtest *test, const ScoreView *view) {
    const SeriesOptions *options = &test->run.options;
    json_t *object = json_object(), *description = test->run.session.description;
    json_put(object, "folds", json_count(options->folds));
    json_put(object, "horizon", json_count(options->horizon));
    json_put(object, "stride", json_count(test->stride));
    json_put(object, "retrain", json_boolean(options->retrain));
    json_put(object, "scores", score_json(view));
    json_put(description, "backtest", object);
    json_output(description);
}

static bool deliver(Backtest *test) {
    SeriesRun *run = &test->run;
    const SeriesOptions *options = &run->options;
    const ForecastView view = view_of(test, hold_out(test, options->folds - 1));
    const ScoreView scores = series_run_scores(run, test->scorer);
    const elman_columns *target = &run->settings.series.target;
    if (options->plot &&
        !forecast_draw(run->session.context, &view, target->count == 1 ? target->names[0] : NULL,
                       options->plot, &run->session.error)) {
        return false;
    }
    FILE *rows = test->rows;
    test->rows = NULL;
    if (rows) {
        const bool written = forecast_deliver(rows, &test->text, &test->size, options->forecasts);
        test->text = NULL;
        if (!written) return false;
    }
    if (options->train.json) {
        print_json(test, &scores);
    } else {
        print_heading(test);
        score_print(&scores, stdout);
    }
    return true;
}

static int backtest(Backtest *test) {
    SeriesRun *run = &test->run;
    int status;
    if (!check_files(test) || !session_open(&run->session, &status) || !series_run_load(run) ||
        !check_lengths(test) || !open_rows(test)) {
        return EXIT_FAILED;
    }
    status = EXIT_DONE;
    for (uint64_t fold = 0; fold < run->options.folds && status == EXIT_DONE; fold++) {
        status = run_fold(test, fold);
    }
    if (status != EXIT_DONE) return status;
    if (!deliver(test)) return EXIT_FAILED;
    return run->session.unwatched ? EXIT_FAILED : EXIT_DONE;
}

static void backtest_end(Backtest *test) {
    if (test->rows) (void)fclose(test->rows);
    free(test->text);
    elman_forecast_destroy(test->forecast);
    elman_scorer_destroy(test->scorer);
    elman_forecaster_destroy(test->first);
    series_run_end(&test->run);
}

static bool is_stdout(const char *path) {
    return path && strcmp(path, "-") == 0;
}

/* Whether the options go together; false after a sentence. */
static bool check_options(const Command *command, const Backtest *test) {
    const SeriesOptions *options = &test->run.options;
    const uint64_t stride = options->stride ? options->stride : options->horizon;
    if (options->retrain && (options->train.log || options->train.tensorboard)) {
        message_for(command->full_name,
                    "--%s is of one training, with --retrain there are %" PRIu64,
                    options->train.log ? "log" : "tensorboard", options->folds);
        return false;
    }
    if (stride >= SIZE_MAX / (4 * options->folds) || options->horizon >= SIZE_MAX / 4 ||
        options->hold_out >= SIZE_MAX / 4) {
        message_for(command->full_name,
                    "%" PRIu64 " forecasts, each %" PRIu64 " steps after the one before, are more "
                    "than any file has",
                    options->folds, stride);
        return false;
    }
    if (is_stdout(options->forecasts) || is_stdout(options->plot)) {
        message_for(command->full_name, "standard output is for the errors, expected the name of a "
                                        "file for --output and --plot");
        return false;
    }
    return !options->plot || forecast_can_draw(command->full_name, test->run.settings.level_count);
}

static int run_backtest(const Command *command, int count, char **arguments) {
    Backtest test = {0};
    SeriesRun *run = &test.run;
    int status;
    if (!series_run_begin(run, command, count, arguments, &status)) return status;
    if (!check_options(command, &test)) return EXIT_USAGE;
    test.stride = (size_t)(run->options.stride ? run->options.stride : run->options.horizon);
    status = backtest(&test);
    if (status == EXIT_FAILED && run->session.error.message[0]) {
        message("%s", run->session.error.message);
    }
    backtest_end(&test);
    return status;
}

const Command command_backtest = {
    .name = "backtest",
    .run = run_backtest,
    .summary = "measure how good forecasts of a series would have been",
    .full_name = "elman backtest",
    .operands = "DATA",
    .description =
        "Forecasts the last part of time series again and again, each time from what was known "
        "before, and measures the errors beside those of naive forecasts. The model is trained on "
        "what lies before the first of these forecasts, or with --retrain anew before each. It is "
        "not kept: when the errors are good, train one with the same options.\n\n"
        "DATA and the options of the data, the forecaster and the training are those of elman "
        "train series. MASE is the mean absolute error over that of the seasonal naive forecast "
        "on the training part; pinball is the mean loss of the interval's bounds and the middle.",
    .options = backtest_options,
};
