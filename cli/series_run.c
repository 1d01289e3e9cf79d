/* A run over time series. */
#include "series_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "message.h"
#include "remember.h"
#include "train_model.h"

bool series_run_begin(SeriesRun *run, const Command *command, int count, char **arguments,
                      int *status) {
    Session *session = &run->session;
    session->command = command;
    session->unit = "values";
    if (!command_parse(command, count, arguments, &run->options, run->given, &session->files,
                       status)) {
        return false;
    }
    run->options.train.dropout_at_end = true;
    session->values = &run->options;
    session->options = &run->options.train;
    session->given = run->given;
    *status = EXIT_USAGE;
    if (session->files.count != 1) {
        message_for(command->full_name, "%zu files were named, expected one file of series, or -",
                    session->files.count);
        return false;
    }
    return train_options_check(command->full_name, &run->options.train) &&
           series_settings_read(command->full_name, &run->options, &run->settings);
}

void series_run_end(SeriesRun *run) {
    elman_network_destroy(run->network);
    elman_forecaster_destroy(run->forecaster);
    elman_series_destroy(run->series);
    session_close(&run->session);
}

bool series_run_load(SeriesRun *run) {
    Session *session = &run->session;
    return series_settings_read(session->command->full_name, &run->options, &run->settings) &&
           !elman_series_load(session->context, session->files.names[0], &run->settings.series,
                              &run->series, &session->error) &&
           session_check_digest(session, session->files.names[0], elman_series_digest(run->series));
}

/* "taylor.csv: 4,032 values of 30 minutes each ..." and what is made of them. */
static void say_data(SeriesRun *run) {
    char values[FORMAT_MAX], many[FORMAT_MAX + 16] = "", season[FORMAT_MAX] = "no season";
    char first[ELMAN_TIME_TEXT_MAX], last[ELMAN_TIME_TEXT_MAX];
    char windows[FORMAT_MAX], valid[FORMAT_MAX];
    const elman_series *series = run->series;
    const size_t count = elman_series_count(series);
    size_t longest = 0, all = 0;
    if (run->options.train.quiet || run->said) return;
    run->said = true;
    for (size_t i = 0; i < count; i++) {
        const size_t length = elman_series_length(series, i);
        if (length > elman_series_length(series, longest)) longest = i;
        all += length;
    }
    const size_t end = elman_series_length(series, longest);
    if (count > 1) (void)snprintf(many, sizeof(many), "%s series, ", format_count(count, values));
    message("%s: %s%s values, spacing: %s, %sfrom %s to %s", run->session.files.names[0], many,
            format_count(all, values), elman_series_spacing_name(series),
            count > 1 ? "the longest " : "", elman_series_time(series, longest, 0, first),
            elman_series_time(series, longest, end > 0 ? end - 1 : 0, last));
    if (run->info.season > 1) {
        (void)snprintf(season, sizeof(season), "season %zu", run->info.season);
    }
    message("%s, context %zu, horizon %zu, %zu inputs; %s windows to learn from, %s to validate",
            season, run->info.context, run->info.horizon, run->info.inputs,
            format_count(run->info.train_windows, windows),
            format_count(run->info.valid_windows, valid));
}

/* The model of a forecaster's inputs and outputs, with its layers. */
static bool begin_model(SeriesRun *run, const elman_forecaster *forecaster, elman_model **model) {
    Session *session = &run->session;
    elman_forecaster_info info;
    elman_forecaster_describe(forecaster, &info);
    if (elman_model_create(session->context, info.inputs, model, &session->error)) return false;
    train_model_add_layers(*model, &run->options.train, info.outputs);
    return true;
}

static void describe(SeriesRun *run) {
    Session *session = &run->session;
    SeriesOptions defaults;
    if (session->description) return;
    options_set_defaults(session->command->options, &defaults);
    session->description = remember_options(session->command->full_name, session->command->options,
                                            &run->options, &defaults, &session->files);
    json_t *data = json_object();
    json_put(data, "name", json_text(base_name(session->files.names[0])));
    json_put(data, "series", json_count(elman_series_count(run->series)));
    json_put(data, "sha256", json_text(elman_series_digest(run->series)));
    json_put(session->description, "data", data);
}

/* Builds the model, whose output starts at the base unless --init names other weights. */
static bool start_model(SeriesRun *run) {
    Session *session = &run->session;
    return session_build_model(session) &&
           (run->options.train.init ||
            !elman_forecaster_start(run->forecaster, session->model, &session->error));
}

static bool prepare(SeriesRun *run, size_t hold_out) {
    Session *session = &run->session;
    elman_forecaster_options *options = &run->settings.forecaster;
    options->hold_out = hold_out;
    if (elman_forecaster_create(session->context, run->series, options, &run->forecaster,
                                &session->error)) {
        session_name_file(session);
        return false;
    }
    elman_forecaster_describe(run->forecaster, &run->info);
    return begin_model(run, run->forecaster, &session->model) &&
           session_check_memory(session, (size_t)run->options.train.batch,
                                run->info.context + run->info.horizon) &&
           start_model(run) &&
           !elman_forecaster_store(run->forecaster, session->model, &session->error);
}

/* A second model, that learns from everything. */
typedef struct Again {
    elman_forecaster *forecaster;
    elman_forecaster_source *source;
    elman_model *model;
    elman_trainer *trainer;
} Again;

static bool begin_model_again(SeriesRun *run, Again *again) {
    Session *session = &run->session;
    const char *path = run->options.train.init;
    elman_init_options init;
    train_options_init(&run->options.train, &init);
    return begin_model(run, again->forecaster, &again->model) &&
           !elman_model_build(again->model, &init, &session->error) &&
           (path ? train_model_start_from(session->context, again->model, path, &session->error)
                 : !elman_forecaster_start(again->forecaster, again->model, &session->error));
}

static bool begin_again(SeriesRun *run, uint64_t steps, Again *again) {
    Session *session = &run->session;
    elman_forecaster_options forecaster = run->settings.forecaster;
    elman_train_options options;
    forecaster.no_validation = 1;
    forecaster.base = run->info.base;
    train_options_run(&run->options.train, &options);
    if (options.schedule == ELMAN_SCHEDULE_COSINE && options.schedule_steps == 0) {
        options.schedule_steps =
            options.max_steps > options.warmup_steps ? options.max_steps - options.warmup_steps : 1;
    }
    options.max_steps = steps;
    options.validate_steps = 0;
    return !elman_forecaster_create(session->context, run->series, &forecaster, &again->forecaster,
                                    &session->error) &&
           !elman_forecaster_calibrate_as(again->forecaster, run->forecaster, &session->error) &&
           begin_model_again(run, again) &&
           !elman_forecaster_source_create(
               again->forecaster, run->series, (size_t)run->options.train.batch,
               run->options.train.seed, &again->source, &session->error) &&
           !elman_trainer_create(again->model, &options, &again->trainer, &session->error);
}

/* Puts forecaster and model in the place of the first ones. They may have more inputs and another
 * season: longer series allow more. */
static void take_over(SeriesRun *run, Again *again) {
    Session *session = &run->session;
    elman_trainer_destroy(session->trainer);
    elman_model_destroy(session->model);
    elman_forecaster_destroy(run->forecaster);
    elman_trainer_destroy(again->trainer);
    session->trainer = NULL;
    again->trainer = NULL;
    session->model = again->model;
    again->model = NULL;
    run->forecaster = again->forecaster;
    again->forecaster = NULL;
    elman_forecaster_describe(run->forecaster, &run->info);
}

/* Trains a second model on everything, for `steps` steps, which takes the place of the first. */
static int refit(SeriesRun *run, uint64_t steps) {
    Session *session = &run->session;
    elman_train_result result = {0};
    Again again = {0};
    int status = EXIT_FAILED;
    if (!begin_again(run, steps, &again)) goto done;
    const elman_source view = elman_forecaster_source_view(again.source);
    if (!run->options.train.quiet) {
        message("training anew on everything, %" PRIu64 " steps", steps);
    }
    session_show_progress(session);
    const elman_status trained =
        elman_trainer_run(again.trainer, &view, session_stops, session, &result, &session->error);
    progress_clear(&session->progress);
    if (trained == ELMAN_ERR_CANCELLED) {
        session->error.message[0] = '\0';
        status = session_say_stopped(session, result.steps);
    } else if (!trained) {
        status = EXIT_DONE;
    }

done:
    elman_forecaster_source_destroy(again.source);
    if (status == EXIT_DONE) take_over(run, &again);
    elman_trainer_destroy(again.trainer);
    elman_model_destroy(again.model);
    elman_forecaster_destroy(again.forecaster);
    return status;
}

static bool compile(SeriesRun *run) {
    elman_network_destroy(run->network);
    run->network = NULL;
    return !elman_network_compile(run->session.model, &run->network, &run->session.error);
}

int series_run_train(SeriesRun *run, size_t hold_out, elman_train_result *result) {
    Session *session = &run->session;
    elman_forecaster_source *source = NULL;
    int status = EXIT_FAILED;
    elman_trainer_destroy(session->trainer);
    elman_model_destroy(session->model);
    elman_forecaster_destroy(run->forecaster);
    session->trainer = NULL;
    session->model = NULL;
    run->forecaster = NULL;
    if (!prepare(run, hold_out)) return EXIT_FAILED;
    describe(run);
    if (!session_make_trainer(session) ||
        elman_forecaster_source_create(run->forecaster, run->series,
                                       (size_t)run->options.train.batch, run->options.train.seed,
                                       &source, &session->error)) {
        goto done;
    }
    const bool first = !run->said;
    say_data(run);
    if (first) session_say_model(session);
    const elman_source view = elman_forecaster_source_view(source);
    const elman_source valid = elman_forecaster_source_valid(source);
    status = session_train(session, &view, &valid, NULL, result);
    if (status == EXIT_DONE &&
        (!compile(run) ||
         elman_forecaster_calibrate(run->forecaster, run->network, run->series, &session->error))) {
        status = EXIT_FAILED;
    }

done:
    elman_forecaster_source_destroy(source);
    return status;
}

int series_run_finish(SeriesRun *run, const elman_train_result *result) {
    Session *session = &run->session;
    const int status = run->options.refit ? refit(run, result->best_step) : EXIT_DONE;
    if (status != EXIT_DONE) return status;
    const bool ok = (!run->options.refit || compile(run)) &&
                    !elman_forecaster_store(run->forecaster, session->model, &session->error);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

bool series_run_scorer(SeriesRun *run, elman_scorer **scorer) {
    return !elman_scorer_create(run->forecaster, run->settings.levels, run->settings.level_count,
                                scorer, &run->session.error);
}

bool series_run_score(SeriesRun *run, elman_scorer *scorer, size_t hold_out,
                      elman_forecast **forecast) {
    const elman_predict_options options = {
        .struct_size = sizeof(options),
        .hold_out = hold_out,
        .levels = run->settings.levels,
        .level_count = run->settings.level_count,
        .paths = (size_t)run->options.paths,
        .seed = run->options.train.seed,
    };
    return !elman_forecaster_predict(run->forecaster, run->network, run->series, &options, forecast,
                                     &run->session.error) &&
           !elman_scorer_add(scorer, run->series, *forecast, hold_out, &run->session.error);
}

ScoreView series_run_scores(const SeriesRun *run, const elman_scorer *scorer) {
    return (ScoreView){.scorer = scorer,
                       .season = run->info.season,
                       .base = run->info.base,
                       .levels = run->settings.levels,
                       .level_count = run->settings.level_count};
}
