/* elman forecast: what a model of series expects to come. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "forecast_model.h"
#include "forecast_view.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "score_view.h"
#include "series_options.h"

typedef struct ForecastOptions {
    const char *output, *plot, *future, *object, *levels;
    uint64_t horizon, hold_out, paths, seed, threads;
    bool uncalibrated, json;
} ForecastOptions;

#define AT(member) .offset = offsetof(ForecastOptions, member)

static const Option options[] = {
    {.name = "output",
     .letter = 'o',
     AT(output),
     .type = OPTION_FILE,
     .value = "CSV",
     .unset = "standard output",
     .help = "where the forecast goes"},
    {.name = "plot",
     AT(plot),
     .type = OPTION_FILE,
     .value = "SVG",
     .help = "draw the forecast behind the last part of what is known"},
    {.name = "future",
     AT(future),
     .type = OPTION_FILE,
     .value = "CSV",
     .help = "what is known of the times to forecast: the columns of --known-future"},
    {.name = "horizon",
     AT(horizon),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .unset = "as the model was trained",
     .help = "steps to forecast; more than it was trained for only with --recursive ones"},
    {.name = "level",
     AT(levels),
     .type = OPTION_TEXT,
     .value = "PERCENT",
     .fallback = "80,95",
     .help = "of the intervals, with commas between"},
    {.name = "uncalibrated",
     AT(uncalibrated),
     .type = OPTION_FLAG,
     .help = "intervals as the network says them, not as the validation part corrects them"},
    {.name = "hold-out",
     AT(hold_out),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "0",
     .help = "leave out the last N steps of DATA, forecast from there, and tell the errors"},
    {.name = "paths",
     AT(paths),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = 100000,
     .value = "N",
     .fallback = "200",
     .help = "random paths that a recursive forecaster follows"},
    {.name = "seed",
     AT(seed),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "1",
     .help = "the same seed gives the same paths"},
    {.name = "object",
     AT(object),
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "which of the data sets in an R file"},
    {.name = "threads",
     AT(threads),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = 1024,
     .value = "N",
     .unset = "the CPUs available",
     .help = "the most threads to use; they change no digit"},
    {.name = "json",
     AT(json),
     .type = OPTION_FLAG,
     .help = "print JSON instead, or beside the CSV of --output"},
    {.name = NULL},
};

/* A forecast and what it is made from. */
typedef struct Work {
    const ForecastOptions *chosen;
    ForecastModel model;
    const char *data; /* NULL: the model's own history */
    double levels[SERIES_NUMBERS_MAX];
    size_t level_count;
    elman_series *series;
    elman_forecast *forecast;
    elman_scorer *scorer; /* NULL: nothing is held out */
    elman_error error;
} Work;

static bool check_files(const Work *work, const char *model) {
    const char *const written[] = {work->chosen->output, work->chosen->plot};
    const char *const read[] = {model, work->data, work->chosen->future};
    const char *rows = written[0] ? written[0] : "-";
    if (written[1] && strcmp(rows, written[1]) == 0) {
        message("%s: is to be both the forecast and its picture",
                strcmp(rows, "-") == 0 ? "standard output" : rows);
        return false;
    }
    for (size_t w = 0; w < 2; w++) {
        for (size_t r = 0; r < 3; r++) {
            if (!machine_spares(written[w], read[r])) return false;
        }
    }
    return true;
}

static bool load(Work *work) {
    const elman_forecaster *forecaster = work->model.forecaster;
    const char *future = work->chosen->future;
    const elman_status status =
        work->data ? elman_forecaster_load(forecaster, work->data, work->chosen->object,
                                           &work->series, &work->error)
                   : elman_forecaster_history(forecaster, &work->series, &work->error);
    return !status && (!future || !elman_series_load_future(work->series, future, &work->error));
}

static bool predict(Work *work) {
    const ForecastOptions *chosen = work->chosen;
    const elman_predict_options given = {
        .struct_size = sizeof(given),
        .horizon = (size_t)chosen->horizon,
        .hold_out = (size_t)chosen->hold_out,
        .levels = work->levels,
        .level_count = work->level_count,
        .uncalibrated = chosen->uncalibrated,
        .paths = (size_t)chosen->paths,
        .seed = chosen->seed,
    };
    if (elman_forecaster_predict(work->model.forecaster, work->model.network, work->series, &given,
                                 &work->forecast, &work->error)) {
        return false;
    }
    return chosen->hold_out == 0 ||
           (!elman_scorer_create(work->model.forecaster, work->levels, work->level_count,
                                 &work->scorer, &work->error) &&
            !elman_scorer_add(work->scorer, work->series, work->forecast, (size_t)chosen->hold_out,
                              &work->error));
}

/* A forecast from less than the model reads is made all the same, and is worth less. */
static void warn_of_little(const Work *work) {
    const size_t count = elman_series_count(work->series), context = work->model.info.context;
    const size_t left_out = (size_t)work->chosen->hold_out;
    size_t few = 0;
    for (size_t i = 0; i < count; i++) {
        few += elman_series_length(work->series, i) < context + left_out;
    }
    if (few == 0 || !work->data) return;
    message(
        "%s: %zu of %zu series ha%s fewer values than the %zu that the model reads: do not rely on "
        "the intervals",
        strcmp(work->data, "-") == 0 ? "standard input" : work->data, few, count,
        few == 1 ? "s" : "ve", context);
}

static ForecastView view_of(const Work *work) {
    return (ForecastView){.series = work->series,
                          .forecast = work->forecast,
                          .hold_out = (size_t)work->chosen->hold_out,
                          .season = work->model.info.season,
                          .levels = work->levels,
                          .level_count = work->level_count};
}

static ScoreView scores_of(const Work *work) {
    return (ScoreView){.scorer = work->scorer,
                       .season = work->model.info.season,
                       .base = work->model.info.base,
                       .levels = work->levels,
                       .level_count = work->level_count};
}

static bool write_rows(const Work *work, const ForecastView *view) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        message("no memory left");
        return false;
    }
    forecast_print_head(work->levels, work->level_count, false, stream);
    forecast_print_rows(view, false, stream);
    return forecast_deliver(stream, &text, &size, work->chosen->output);
}

static void print_json(const Work *work, const ForecastView *view) {
    json_t *object = json_object(), *levels = json_array();
    for (size_t k = 0; k < work->level_count; k++) {
        json_append(levels, json_real(100.0 * work->levels[k]));
    }
    json_put(object, "model", json_text(work->model.path));
    json_put(object, "horizon", json_count(elman_forecast_horizon(work->forecast)));
    json_put(object, "season", json_count(work->model.info.season));
    json_put(object, "levels", levels);
    json_put(object, "calibrated",
             json_boolean(!work->chosen->uncalibrated && work->model.info.calibration_windows > 0));
    json_put(object, "forecasts", forecast_json(view));
    if (work->scorer) {
        const ScoreView scores = scores_of(work);
        json_put(object, "scores", score_json(&scores));
    }
    json_output(object);
    json_decref(object);
}

static bool draw(Work *work, const ForecastView *view) {
    json_t *encoder = json_loads(elman_model_encoder(work->model.model), 0, NULL);
    const char *name = json_look_text(encoder, "data", "target");
    const bool ok = forecast_draw(work->model.context, view, *name ? name : NULL,
                                  work->chosen->plot, &work->error);
    json_decref(encoder);
    return ok;
}

static bool deliver(Work *work) {
    const ForecastOptions *chosen = work->chosen;
    const ForecastView view = view_of(work);
    warn_of_little(work);
    if (chosen->plot && !draw(work, &view)) return false;
    if ((chosen->output || !chosen->json) && !write_rows(work, &view)) return false;
    if (chosen->json) print_json(work, &view);
    if (!chosen->output && !chosen->json && isatty(STDERR_FILENO)) {
        output_flush();
        if (!forecast_show(work->model.context, &view, &work->error)) return false;
    }
    if (work->scorer && !chosen->json) {
        const ScoreView scores = scores_of(work);
        (void)fprintf(stderr, "forecast without the last %" PRIu64 " step%s, and what came:\n",
                      chosen->hold_out, chosen->hold_out == 1 ? "" : "s");
        score_print(&scores, stderr);
    }
    return true;
}

/* Whether the model reads what is known of the future and nothing has told it so far. */
static bool lacks_future(const Work *work) {
    if (!work->series || work->forecast || work->chosen->future || work->chosen->hold_out) {
        return false;
    }
    json_t *encoder = json_loads(elman_model_encoder(work->model.model), 0, NULL);
    const bool reads = json_array_size(json_look(encoder, "data", "known")) > 0;
    json_decref(encoder);
    return reads && elman_series_future(work->series, 0) == 0;
}

static bool forecast(Work *work, const char *path) {
    const uint64_t threads = work->chosen->threads;
    const bool ok = check_files(work, path) &&
                    forecast_model_open(&work->model, path,
                                        threads ? (size_t)threads : elman_processor_count()) &&
                    load(work) && predict(work) && deliver(work);
    if (!ok && work->error.message[0]) {
        message("%s%s", work->error.message,
                lacks_future(work) ? "; --future names a file that has it" : "");
    }
    elman_scorer_destroy(work->scorer);
    elman_forecast_destroy(work->forecast);
    elman_series_destroy(work->series);
    forecast_model_close(&work->model);
    return ok;
}

/* Whether the options go together; false after a sentence. */
static bool check_options(const char *command, const ForecastOptions *chosen, Work *work) {
    const char *needs = chosen->hold_out ? "hold-out" : chosen->object ? "object" : NULL;
    if (!work->data && needs) {
        message_for(command, "--%s is for DATA, and none was named", needs);
        return false;
    }
    return series_levels_read(command, chosen->levels, work->levels, &work->level_count) &&
           (!chosen->plot || forecast_can_draw(command, work->level_count));
}

static int run(const Command *command, int count, char **arguments) {
    ForecastOptions chosen;
    Operands operands;
    Work work = {.chosen = &chosen};
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    if (operands.count < 1 || operands.count > 2) {
        message_for(command->full_name,
                    "%zu files were named, expected a model, or a model and its data",
                    operands.count);
        return EXIT_USAGE;
    }
    work.data = operands.count == 2 ? operands.names[1] : NULL;
    if (!check_options(command->full_name, &chosen, &work)) return EXIT_USAGE;
    return forecast(&work, operands.names[0]) ? EXIT_DONE : EXIT_FAILED;
}

const Command command_forecast = {
    .name = "forecast",
    .run = run,
    .summary = "forecast what follows a series",
    .full_name = "elman forecast",
    .operands = "MODEL [DATA]",
    .description =
        "Prints what a model of `elman train series` expects to follow DATA (a file with the "
        "columns that it was trained on, or - for standard input), or without DATA to follow what "
        "it was trained on: a row of CSV for each series and step, with the bounds of the "
        "intervals and the seasonal naive forecast. On a terminal a small chart of the first "
        "series stands beside it. MODEL may be a checkpoint.",
    .options = options,
};
