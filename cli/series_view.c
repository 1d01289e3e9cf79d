/* Prints what the encoder of a model of series says. */
#include "series_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "message.h"
#include "output.h"
#include <elman/forecast.h>

enum { WIDTH = 80, INDENT = 12 };

bool series_view_is(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    return strcmp(view_encoder(view, text), "series") == 0;
}

/* A list that is broken into lines. */
typedef struct Line {
    size_t column;
    bool begun; /* a word stands in it */
} Line;

static void print_word(Line *line, const char *word) {
    char text[VIEW_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "%s", word);
    clean(text);
    const size_t length = strlen(text);
    if (line->begun && line->column + 2 + length + 1 > WIDTH) {
        output_print(",\n%*s", INDENT, "");
        line->column = INDENT;
    } else if (line->begun) {
        output_print(", ");
        line->column += 2;
    }
    output_print("%s", text);
    line->column += length;
    line->begun = true;
}

static void print_inputs(const elman_forecaster *forecaster, size_t count) {
    Line line = {.column = INDENT};
    output_print("%-*s", INDENT, "inputs");
    for (size_t i = 0; i < count; i++) {
        char name[ELMAN_INPUT_NAME_MAX];
        elman_forecaster_input_name(forecaster, i, name);
        print_word(&line, name);
    }
    output_print("\n");
}

/* "known       promo, holiday"; nothing where there is none. */
static void print_columns(const char *label, const json_t *names) {
    Line line = {.column = INDENT};
    if (json_array_size(names) == 0) return;
    output_print("%-*s", INDENT, label);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *entry = json_array_get(names, i);
        const char *name = json_string_value(entry);
        print_word(&line, name ? name : json_look_text(entry, "name", NULL));
    }
    output_print("\n");
}

static void print_horizon(const elman_forecaster_info *info, const char *spacing) {
    output_print("forecasts   %zu step%s %s, from %zu before; spacing: %s\n", info->horizon,
                 info->horizon == 1 ? "" : "s", info->recursive ? "one by one" : "at once",
                 info->context, spacing);
    output_print("series      %zu, season ", info->series);
    if (info->season_count == 0) output_print("none");
    for (size_t i = 0; i < info->season_count; i++) {
        output_print("%s%zu", i > 0 ? ", " : "", info->seasons[i]);
    }
    output_print("\n");
}

static void print_loss(const elman_forecaster_info *info, const json_t *encoder) {
    static const char *const bases[] = {"", "exponential smoothing", "the season before",
                                        "the last value", ""};
    const json_t *levels = json_look(encoder, "quantiles", NULL);
    output_print("loss        %s", elman_loss_name(info->loss));
    for (size_t i = 0; info->loss == ELMAN_LOSS_QUANTILE && i < json_array_size(levels); i++) {
        output_print("%s%g", i > 0 ? ", " : " ", json_number_value(json_array_get(levels, i)));
    }
    output_print("\n");
    if (*bases[info->base]) output_print("base        %s\n", bases[info->base]);
    output_print("scale       %s%s%s\n", json_look_text(encoder, "scaling", NULL),
                 json_is_true(json_look(encoder, "scale_together", NULL)) ? ", one for all series"
                                                                          : "",
                 info->logarithm ? ", of the logarithm" : "");
    if (info->calibration_windows > 0) {
        output_print("calibrated  on %zu forecasts of the validation part\n",
                     info->calibration_windows);
    } else {
        output_print("calibrated  no\n");
    }
}

void series_view_print(const ModelView *view) {
    elman_forecaster *forecaster = NULL;
    elman_series *history = NULL;
    elman_forecaster_info info;
    json_t *encoder = json_loads(elman_model_encoder(view->model), 0, NULL);
    char target[VIEW_TEXT_MAX];
    if (elman_forecaster_open(view->context, view->model, &forecaster, NULL) ||
        elman_forecaster_history(forecaster, &history, NULL)) {
        output_print("forecasts   its description of series is not readable\n");
        goto done;
    }
    elman_forecaster_describe(forecaster, &info);
    print_horizon(&info, elman_series_spacing_name(history));
    (void)snprintf(target, sizeof(target), "%s", json_look_text(encoder, "data", "target"));
    clean(target);
    if (*target) output_print("target      %s\n", target);
    print_columns("known", json_look(encoder, "data", "known"));
    print_columns("past", json_look(encoder, "data", "past"));
    print_columns("static", json_look(encoder, "data", "statics"));
    print_inputs(forecaster, info.inputs);
    print_loss(&info, encoder);

done:
    elman_series_destroy(history);
    elman_forecaster_destroy(forecaster);
    json_decref(encoder);
}

static void print_score(const json_t *line, const char *name, const char *remark) {
    const double mase = json_look_number(line, "mase", NULL);
    char text[FORMAT_MAX];
    output_print("%-*sMAE %s", INDENT, name,
                 format_short(json_look_number(line, "mae", NULL), text));
    if (isfinite(mase)) output_print(", MASE %s", format_short(mase, text));
    output_print("%s\n", remark);
}

void series_view_print_training(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    const json_t *scores = json_look(json_look(view->training, "result", NULL), "scores", NULL);
    output_print("data        %s\n", view_told(view, "data", "name", text));
    output_print("SHA-256     %s\n", view_told(view, "data", "sha256", text));
    if (!json_look(view->training, "result", NULL)) return;
    output_print("steps       %s, ", view_count(view, "result", "steps", text));
    output_print("ended: %s, ", view_told(view, "result", "stop", text));
    output_print("weights of step %s\n", view_count(view, "result", "best_step", text));
    if (!json_is_object(scores)) return;
    output_print("validation  %.0f forecasts%s\n", json_look_number(scores, "forecasts", NULL),
                 json_is_true(json_look(scores, "before_refit", NULL))
                     ? ", before training anew on everything"
                     : "");
    const json_t *seasonal = json_look(scores, "SeasonalNaive", NULL);
    print_score(json_look(scores, "Elman", NULL), "Elman", "");
    print_score(seasonal ? seasonal : json_look(scores, "Naive", NULL), "naive",
                seasonal ? ", the last value of the same phase of the season" : "");
    const char *level;
    json_t *share;
    json_object_foreach((json_t *)json_look(scores, "coverage", NULL), level, share) {
        output_print("%5s %%     holds %.1f %%\n", level, 100.0 * json_number_value(share));
    }
}
