/* elman train series: from time series to a model that forecasts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "remember.h"
#include "series_run.h"

enum { FOLDS_MAX = 20 };

/* How well the model does on the validation part. */
typedef struct Validation {
    size_t folds;
    char *table; /* NULL: nothing was forecast */
    json_t *scores;
} Validation;

/* Forecasts the validation part, a horizon at a time, from its end backwards. */
static bool score_folds(SeriesRun *run, elman_scorer *scorer, size_t folds) {
    bool ok = true;
    for (size_t k = 1; k <= folds && ok; k++) {
        elman_forecast *forecast = NULL;
        const size_t hold_out = (size_t)run->options.hold_out + k * run->info.horizon;
        ok = series_run_score(run, scorer, hold_out, &forecast);
        elman_forecast_destroy(forecast);
    }
    return ok;
}

static bool print_table(const SeriesRun *run, const ScoreView *view, Validation *validation) {
    size_t size;
    const size_t count = elman_series_count(run->series);
    FILE *stream = open_memstream(&validation->table, &size);
    if (!stream) {
        message("no memory left");
        return false;
    }
    (void)fprintf(stream, "on the validation part%s, %zu forecast%s of %zu step%s",
                  run->options.refit ? ", before training anew" : "", validation->folds,
                  validation->folds == 1 ? "" : "s", run->info.horizon,
                  run->info.horizon == 1 ? "" : "s");
    if (count > 1) (void)fprintf(stream, " of each of %zu series", count);
    (void)fprintf(stream, ":\n");
    score_print(view, stream);
    return fclose(stream) == 0;
}

static bool validate(SeriesRun *run, Validation *validation) {
    elman_scorer *scorer = NULL;
    const size_t folds = run->info.valid_steps / run->info.horizon;
    validation->folds = folds < FOLDS_MAX ? folds : FOLDS_MAX;
    if (validation->folds == 0) {
        if (!run->options.train.quiet) {
            message("the validation part of the shortest series has %zu steps, less than the "
                    "horizon: no forecast of it is scored",
                    run->info.valid_steps);
        }
        return true;
    }
    bool ok = series_run_scorer(run, &scorer) && score_folds(run, scorer, validation->folds);
    if (ok) {
        const ScoreView view = series_run_scores(run, scorer);
        validation->scores = json_object();
        json_put(validation->scores, "forecasts", json_count(validation->folds));
        json_put(validation->scores, "horizon", json_count(run->info.horizon));
        json_put(validation->scores, "before_refit", json_boolean(run->options.refit));
        json_t *scores = score_json(&view);
        if (json_object_update(validation->scores, scores) != 0) ok = false;
        json_decref(scores);
        ok = ok && print_table(run, &view, validation);
    }
    elman_scorer_destroy(scorer);
    return ok;
}

static void say_result(const SeriesRun *run, double seconds) {
    const json_t *all = run->session.description;
    char time[FORMAT_MAX], valid[FORMAT_MAX * 2] = "";
    const double loss = json_look_number(all, "result", "validation_loss");
    if (run->options.train.quiet) return;
    if (isfinite(loss)) (void)snprintf(valid, sizeof(valid), ", validation %.4f", loss);
    message("%s is ready after %.0f steps and %s: loss %.4f%s, weights of step %.0f",
            run->options.train.output, json_look_number(all, "result", "steps"),
            format_duration(seconds, time), json_look_number(all, "result", "train_loss"), valid,
            json_look_number(all, "result", "best_step"));
}

/* Saves the model and shows what has come out. */
static int deliver(SeriesRun *run, const elman_train_result *result, Validation *validation,
                   double start) {
    Session *session = &run->session;
    json_t *object = remember_result(session->description, result);
    json_put(object, "scores", validation->scores ? json_incref(validation->scores) : json_null());
    const int status = session_save(session, result->steps);
    if (status != EXIT_DONE) return status;
    const double seconds = machine_seconds() - start;
    if (run->options.train.json) {
        json_put(session->description, "model", json_text(run->options.train.output));
        json_put(session->description, "seconds", json_finite(seconds));
        json_output(session->description);
    } else if (validation->table) {
        output_print("%s", validation->table);
    }
    say_result(run, seconds);
    return session->unwatched ? EXIT_FAILED : EXIT_DONE;
}

static int train(SeriesRun *run) {
    const double start = machine_seconds();
    elman_train_result result = {0};
    Validation validation = {0};
    int status;
    if (!session_open(&run->session, &status)) return status;
    if (!series_run_load(run)) return EXIT_FAILED;
    status = series_run_train(run, (size_t)run->options.hold_out, &result);
    if (status == EXIT_DONE && !validate(run, &validation)) status = EXIT_FAILED;
    if (status == EXIT_DONE) status = series_run_finish(run, &result);
    if (status == EXIT_DONE) status = deliver(run, &result, &validation, start);
    json_decref(validation.scores);
    free(validation.table);
    return status;
}

static int run_train_series(const Command *command, int count, char **arguments) {
    SeriesRun run = {0};
    int status;
    if (!series_run_begin(&run, command, count, arguments, &status)) return status;
    if (!run.options.train.output) {
        message_for(command->full_name, "no model file was named: expected -o MODEL");
        return EXIT_USAGE;
    }
    status = train(&run);
    if (status == EXIT_FAILED && run.session.error.message[0]) {
        message("%s", run.session.error.message);
    }
    series_run_end(&run);
    return status;
}

const Command command_train_series = {
    .name = "series",
    .run = run_train_series,
    .summary = "time series, to forecast them",
    .full_name = "elman train series",
    .operands = "DATA -o MODEL",
    .description =
        "Learns to forecast time series: a CSV or TSV file (or - for standard input), or one of "
        "R's, in the long form unique_id,ds,y with a row for each series and time, or in the wide "
        "form with a column for each series (name them with --target). One model learns all "
        "series. The last fifth of each is kept apart: it validates, so that the weights that did "
        "best are kept, and calibrates the intervals, so that they hold as often as they say. In "
        "the end the model's errors there are printed beside those of naive forecasts.\n\n"
        "MODEL.checkpoint holds the unfinished run; it is written after each epoch, every minute, "
        "and when SIGINT or SIGTERM stops the run, and is removed at the end. --resume goes on "
        "with it and gives the same model, bit for bit, as a run without a break.",
    .options = train_series_options,
};
