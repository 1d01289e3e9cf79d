/* Prints errors of forecasts, and who made the smallest. */
#include "score_view.h"

#include <math.h>
#include <stdbool.h>

#include "format.h"
#include "json.h"

/* The lines in the order of the table. */
static const struct {
    elman_forecast_line line;
    const char *name, *key, *subject;
} lines[] = {
    {ELMAN_LINE_MODEL, "Elman", "Elman", "The model"},
    {ELMAN_LINE_BASE, "smoothing alone", "Smoothing", "Smoothing alone"},
    {ELMAN_LINE_SEASONAL_NAIVE, "seasonal naive", "SeasonalNaive", "The seasonal naive forecast"},
    {ELMAN_LINE_NAIVE, "naive", "Naive", "The naive forecast"},
    {ELMAN_LINE_DRIFT, "drift", "Drift", "The drift forecast"},
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

/* Without a season the seasonal naive forecast is the naive one; a base other than smoothing is one
 * of the two. */
static bool is_shown(const ScoreView *view, size_t index) {
    if (lines[index].line == ELMAN_LINE_BASE) return view->base == ELMAN_BASE_SMOOTH;
    return lines[index].line != ELMAN_LINE_SEASONAL_NAIVE || view->season > 1;
}

/* The index of the line with the least mean absolute error. */
static size_t best_line(const ScoreView *view) {
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < LINES; i++) {
        elman_forecast_score score;
        elman_scorer_result(view->scorer, lines[i].line, &score);
        if (is_shown(view, i) && score.mae < least) {
            least = score.mae;
            best = i;
        }
    }
    return best;
}

/* A number of a table, "-" where there is none. */
static void print_number(FILE *stream, double number) {
    char text[FORMAT_MAX];
    (void)fprintf(stream, " %10s", isfinite(number) ? format_short(number, text) : "-");
}

void score_print(const ScoreView *view, FILE *stream) {
    elman_forecast_score own, score;
    (void)fprintf(stream, "%-16s %10s %10s %10s %10s %10s %10s\n", "", "MAE", "RMSE", "MAPE %",
                  "sMAPE %", "MASE", "pinball");
    for (size_t i = 0; i < LINES; i++) {
        if (!is_shown(view, i)) continue;
        elman_scorer_result(view->scorer, lines[i].line, &score);
        (void)fprintf(stream, "%-16s", lines[i].name);
        const double numbers[] = {score.mae,   score.rmse, score.mape,
                                  score.smape, score.mase, score.pinball};
        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
            print_number(stream, numbers[k]);
        (void)fprintf(stream, "\n");
    }
    for (size_t k = 0; k < view->level_count; k++) {
        const double inside = elman_scorer_coverage(view->scorer, k);
        if (isnan(inside)) continue;
        (void)fprintf(stream, "inside the %g %% interval: %.1f %%\n", 100.0 * view->levels[k],
                      100.0 * inside);
    }
    const size_t best = best_line(view);
    if (best == 0) return;
    elman_scorer_result(view->scorer, ELMAN_LINE_MODEL, &own);
    elman_scorer_result(view->scorer, lines[best].line, &score);
    char less[FORMAT_MAX], more[FORMAT_MAX];
    (void)fprintf(stream, "%s is better than the model here: its MAE is %s, the model's %s.\n",
                  lines[best].subject, format_short(score.mae, less), format_short(own.mae, more));
}

const char *score_best(const ScoreView *view) {
    return lines[best_line(view)].key;
}

json_t *score_json(const ScoreView *view) {
    json_t *all = json_object();
    for (size_t i = 0; i < LINES; i++) {
        elman_forecast_score score;
        if (!is_shown(view, i)) continue;
        elman_scorer_result(view->scorer, lines[i].line, &score);
        json_t *line = json_object();
        json_put(line, "mae", json_finite(score.mae));
        json_put(line, "rmse", json_finite(score.rmse));
        json_put(line, "mape", json_finite(score.mape));
        json_put(line, "smape", json_finite(score.smape));
        json_put(line, "mase", json_finite(score.mase));
        if (i == 0) json_put(line, "pinball", json_finite(score.pinball));
        if (i == 0) json_put(line, "count", json_count(score.count));
        json_put(all, lines[i].key, line);
    }
    json_t *coverage = json_object();
    for (size_t k = 0; k < view->level_count; k++) {
        char level[FORMAT_MAX];
        (void)snprintf(level, sizeof(level), "%g", 100.0 * view->levels[k]);
        json_put(coverage, level, json_finite(elman_scorer_coverage(view->scorer, k)));
    }
    json_put(all, "coverage", coverage);
    json_put(all, "best", json_text(score_best(view)));
    return all;
}
