/* Prints and draws forecasts. */
#include "forecast_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"

enum { NAME_MAX_LENGTH = 48, SHOWN_WIDTH_MAX = 100, SHOWN_WIDTH_LEAST = 30 };

/* Values of a series that the forecast knows. */
static size_t known(const ForecastView *view, size_t series) {
    const size_t length = elman_series_length(view->series, series);
    return length > view->hold_out ? length - view->hold_out : 0;
}

/* What came at step `step` of the forecast; NaN where it is not known. */
static double actual(const ForecastView *view, size_t series, size_t step) {
    const size_t at = known(view, series) + step;
    if (at >= elman_series_length(view->series, series)) return NAN;
    return elman_series_values(view->series, series)[at];
}

/* "Elman-lo-80" */
static const char *level_name(const char *side, double level, char text[NAME_MAX_LENGTH]) {
    (void)snprintf(text, NAME_MAX_LENGTH, "Elman-%s-%g", side, 100.0 * level);
    return text;
}

void forecast_print_head(const double *levels, size_t level_count, bool compare, FILE *stream) {
    char low[NAME_MAX_LENGTH], high[NAME_MAX_LENGTH];
    (void)fprintf(stream, "unique_id,ds%s,Elman", compare ? ",cutoff,y" : "");
    for (size_t k = 0; k < level_count; k++) {
        (void)fprintf(stream, ",%s,%s", level_name("lo", levels[k], low),
                      level_name("hi", levels[k], high));
    }
    (void)fprintf(stream, ",SeasonalNaive\n");
}

static void print_text(const char *text, FILE *stream) {
    const size_t length = strlen(text);
    const bool plain = length > 0 && text[0] != ' ' && text[length - 1] != ' ' &&
                       strcspn(text, ",;\t\"\r\n") == length;
    if (plain) {
        (void)fputs(text, stream);
        return;
    }
    (void)fputc('"', stream);
    for (; *text; text++) (void)fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, stream);
    (void)fputc('"', stream);
}

static void print_number(double number, FILE *stream) {
    char text[FORMAT_MAX];
    (void)fprintf(stream, ",%s", isfinite(number) ? format_value(number, text) : "");
}

static void print_row(const ForecastView *view, size_t series, size_t step, bool compare,
                      FILE *stream) {
    const elman_forecast *forecast = view->forecast;
    const size_t origin = known(view, series);
    char time[ELMAN_TIME_TEXT_MAX];
    print_text(elman_series_id(view->series, series), stream);
    (void)fprintf(stream, ",%s", elman_series_time(view->series, series, origin + step, time));
    if (compare) {
        (void)fprintf(stream, ",%s", elman_series_time(view->series, series, origin - 1, time));
        print_number(actual(view, series, step), stream);
    }
    print_number(elman_forecast_values(forecast, series, ELMAN_LINE_MODEL)[step], stream);
    for (size_t k = 0; k < view->level_count; k++) {
        print_number(elman_forecast_low(forecast, series, k)[step], stream);
        print_number(elman_forecast_high(forecast, series, k)[step], stream);
    }
    print_number(elman_forecast_values(forecast, series, ELMAN_LINE_SEASONAL_NAIVE)[step], stream);
    (void)fputc('\n', stream);
}

void forecast_print_rows(const ForecastView *view, bool compare, FILE *stream) {
    const size_t horizon = elman_forecast_horizon(view->forecast);
    for (size_t i = 0; i < elman_series_count(view->series); i++) {
        for (size_t step = 0; step < horizon; step++) print_row(view, i, step, compare, stream);
    }
}

static json_t *list(const double *numbers, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_append(array, json_finite(numbers[i]));
    return array;
}

static json_t *describe_series(const ForecastView *view, size_t series) {
    const elman_forecast *forecast = view->forecast;
    const size_t horizon = elman_forecast_horizon(forecast), origin = known(view, series);
    json_t *object = json_object(), *times = json_array(), *came = json_array();
    char time[ELMAN_TIME_TEXT_MAX], name[NAME_MAX_LENGTH];
    json_put(object, "unique_id", json_text(elman_series_id(view->series, series)));
    for (size_t i = 0; i < horizon; i++) {
        json_append(times, json_text(elman_series_time(view->series, series, origin + i, time)));
        json_append(came, json_finite(actual(view, series, i)));
    }
    json_put(object, "ds", times);
    if (view->hold_out > 0) {
        json_put(object, "y", came);
    } else {
        json_decref(came);
    }
    json_put(object, "Elman",
             list(elman_forecast_values(forecast, series, ELMAN_LINE_MODEL), horizon));
    for (size_t k = 0; k < view->level_count; k++) {
        json_put(object, level_name("lo", view->levels[k], name),
                 list(elman_forecast_low(forecast, series, k), horizon));
        json_put(object, level_name("hi", view->levels[k], name),
                 list(elman_forecast_high(forecast, series, k), horizon));
    }
    json_put(object, "SeasonalNaive",
             list(elman_forecast_values(forecast, series, ELMAN_LINE_SEASONAL_NAIVE), horizon));
    return object;
}

json_t *forecast_json(const ForecastView *view) {
    json_t *all = json_array();
    for (size_t i = 0; i < elman_series_count(view->series); i++) {
        json_append(all, describe_series(view, i));
    }
    return all;
}

/* One series of a picture, and what its chart points to. */
typedef struct Panel {
    const elman_series *series;
    size_t index;
    elman_chart_band bands[ELMAN_CHART_BANDS_MAX];
    elman_chart_line naive;
    double *actual; /* [horizon], NULL: nothing is held out */
} Panel;

static const char *time_of(void *user, size_t step, char text[ELMAN_CHART_TIME_MAX]) {
    const Panel *panel = user;
    return elman_series_time(panel->series, panel->index, step, text);
}

static elman_chart chart_of(const ForecastView *view, Panel *panel, const char *value_name) {
    const elman_forecast *forecast = view->forecast;
    const size_t i = panel->index, horizon = elman_forecast_horizon(forecast);
    const char *id = elman_series_id(view->series, i);
    for (size_t k = 0; k < view->level_count; k++) {
        panel->bands[k] =
            (elman_chart_band){100.0 * view->levels[k], elman_forecast_low(forecast, i, k),
                               elman_forecast_high(forecast, i, k)};
    }
    panel->naive =
        (elman_chart_line){view->season > 1 ? "seasonal naive" : "naive",
                           elman_forecast_values(forecast, i, ELMAN_LINE_SEASONAL_NAIVE)};
    for (size_t step = 0; panel->actual && step < horizon; step++) {
        panel->actual[step] = actual(view, i, step);
    }
    return (elman_chart){
        .struct_size = sizeof(elman_chart),
        .title = id,
        .value_name = value_name && strcmp(value_name, id) != 0 ? value_name : NULL,
        .history = elman_series_values(view->series, i),
        .history_count = known(view, i),
        .forecast = elman_forecast_values(forecast, i, ELMAN_LINE_MODEL),
        .actual = panel->actual,
        .horizon = horizon,
        .bands = panel->bands,
        .band_count = view->level_count,
        .lines = &panel->naive,
        .line_count = 1,
        .time = time_of,
        .time_user = panel,
    };
}

/* Draws the first `count` series. */
static bool draw(elman_context *context, const ForecastView *view, const char *value_name,
                 size_t count, const elman_chart_options *options,
                 elman_diagram_write_function write, FILE *stream, elman_error *error) {
    elman_chart charts[ELMAN_CHART_PANELS_MAX];
    Panel panels[ELMAN_CHART_PANELS_MAX];
    const size_t horizon = elman_forecast_horizon(view->forecast);
    double *came = view->hold_out > 0 ? calloc(count * horizon, sizeof(*came)) : NULL;
    if (view->hold_out > 0 && !came) {
        message("no memory for a picture");
        error->message[0] = '\0';
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        panels[i] =
            (Panel){.series = view->series, .index = i, .actual = came ? came + i * horizon : NULL};
        charts[i] = chart_of(view, &panels[i], value_name);
    }
    const bool ok = !elman_chart_draw(context, charts, count, options, write, stream, error);
    free(came);
    return ok;
}

bool forecast_draw(elman_context *context, const ForecastView *view, const char *value_name,
                   const char *path, elman_error *error) {
    const size_t all = elman_series_count(view->series);
    const elman_chart_options options = {
        .struct_size = sizeof(options), .format = ELMAN_CHART_SVG, .total = all};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        message("no memory left");
        return false;
    }
    const bool drawn =
        draw(context, view, value_name, all < ELMAN_CHART_PANELS_MAX ? all : ELMAN_CHART_PANELS_MAX,
             &options, output_to_stream, stream, error);
    if (!drawn) (void)fclose(stream);
    if (!drawn) free(text);
    return drawn && forecast_deliver(stream, &text, &size, path);
}

bool forecast_show(elman_context *context, const ForecastView *view, elman_error *error) {
    size_t width = machine_terminal_width(STDERR_FILENO);
    if (width > SHOWN_WIDTH_MAX) width = SHOWN_WIDTH_MAX;
    const elman_chart_options options = {
        .struct_size = sizeof(options),
        .format = ELMAN_CHART_TEXT,
        .width = width < SHOWN_WIDTH_LEAST ? 0 : width,
        .total = elman_series_count(view->series),
        .ascii = !machine_writes_utf8(),
    };
    return draw(context, view, NULL, 1, &options, output_to_stream, stderr, error);
}

bool forecast_can_draw(const char *command, size_t level_count) {
    if (level_count <= ELMAN_CHART_BANDS_MAX) return true;
    message_for(command, "--level names %zu intervals, a picture has room for %d", level_count,
                ELMAN_CHART_BANDS_MAX);
    return false;
}

bool forecast_deliver(FILE *stream, char **text, const size_t *size, const char *path) {
    bool ok = !ferror(stream);
    ok = fclose(stream) == 0 && ok;
    if (!ok) {
        message("no memory for the output");
    } else if (path && strcmp(path, "-") != 0) {
        ok = machine_replace(path, *text, *size);
    } else {
        output_write(*text, *size);
    }
    free(*text);
    return ok;
}
