/* How far forecasts are from what came. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "forecast/forecast.h"
#include "forecast/forecaster.h"

enum { SCORE_LEVELS_MAX = 99 };

/* Sums over the steps that have an actual value. */
typedef struct Sums {
    size_t count;
    double absolute, squares;
    double relative, symmetric; /* of MAPE and sMAPE; NaN once one has no value */
    double pinball;
} Sums;

/* The same for MASE, which is a mean over series. */
typedef struct SeriesSums {
    double absolute, scale; /* scale: NaN or 0 where there is none */
    size_t count;
} SeriesSums;

struct elman_scorer {
    const elman_forecaster *forecaster;
    double levels[SCORE_LEVELS_MAX];
    size_t level_count;
    size_t inside[SCORE_LEVELS_MAX];
    Sums sums[FORECAST_LINES];
    size_t series; /* of the first forecast; 0 before */
    SeriesSums *of_series[FORECAST_LINES];
};

elman_status elman_scorer_create(const elman_forecaster *forecaster, const double *levels,
                                 size_t level_count, elman_scorer **result, elman_error *error) {
    *result = NULL;
    if (level_count > SCORE_LEVELS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "%zu levels of intervals, expected at most %d",
                    level_count, SCORE_LEVELS_MAX);
    elman_scorer *scorer = memory_allocate(&forecaster->context->memory, sizeof(*scorer));
    if (scorer == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a scorer");
    scorer->forecaster = forecaster;
    scorer->level_count = level_count;
    if (level_count > 0) memcpy(scorer->levels, levels, level_count * sizeof(*levels));
    *result = scorer;
    return ELMAN_OK;
}

void elman_scorer_destroy(elman_scorer *scorer) {
    if (scorer == NULL) return;
    Memory *memory = &scorer->forecaster->context->memory;
    for (size_t line = 0; line < FORECAST_LINES; line++)
        memory_release(memory, scorer->of_series[line]);
    memory_release(memory, scorer);
}

static elman_status begin(elman_scorer *scorer, const elman_series *series,
                          const elman_forecast *forecast, elman_error *error) {
    if (forecast->series != series->count || forecast->levels != scorer->level_count ||
        (scorer->series > 0 && scorer->series != series->count))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "a forecast of %zu series with %zu intervals is scored on %zu series with %zu",
                    forecast->series, forecast->levels, series->count, scorer->level_count);
    if (scorer->series > 0) return ELMAN_OK;
    for (size_t line = 0; line < FORECAST_LINES; line++) {
        Memory *memory = &scorer->forecaster->context->memory;
        if (scorer->of_series[line] == NULL)
            scorer->of_series[line] =
                memory_allocate_array(memory, series->count, sizeof(SeriesSums));
        if (scorer->of_series[line] == NULL)
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the errors of %zu series",
                        series->count);
        for (size_t i = 0; i < series->count; i++) {
            const Member *member = forecaster_find(scorer->forecaster, series->one[i].id);
            scorer->of_series[line][i].scale = member != NULL ? member->naive_error : NAN;
        }
    }
    scorer->series = series->count;
    return ELMAN_OK;
}

static double pinball(double level, double actual, double quantile) {
    const double difference = actual - quantile;
    return difference >= 0.0 ? level * difference : (level - 1.0) * difference;
}

static void add_error(Sums *sums, SeriesSums *of_series, double actual, double value) {
    const double difference = actual - value, absolute = fabs(difference);
    const double size = (fabs(actual) + fabs(value)) / 2.0;
    sums->count++;
    sums->absolute += absolute;
    sums->squares += difference * difference;
    sums->relative += actual != 0.0 ? absolute / fabs(actual) : NAN;
    sums->symmetric += size > 0.0 ? absolute / size : NAN;
    of_series->absolute += absolute;
    of_series->count++;
}

static void add_intervals(elman_scorer *scorer, const elman_forecast *forecast, size_t series,
                          size_t step, double actual) {
    const double middle = elman_forecast_values(forecast, series, ELMAN_LINE_MODEL)[step];
    if (isnan(middle)) return;
    double sum = pinball(0.5, actual, middle);
    for (size_t level = 0; level < scorer->level_count; level++) {
        const double low = elman_forecast_low(forecast, series, level)[step];
        const double high = elman_forecast_high(forecast, series, level)[step];
        const double half = scorer->levels[level] / 2.0;
        scorer->inside[level] += low <= actual && actual <= high;
        sum += pinball(0.5 - half, actual, low) + pinball(0.5 + half, actual, high);
    }
    scorer->sums[ELMAN_LINE_MODEL].pinball += sum / (double)(2 * scorer->level_count + 1);
}

elman_status elman_scorer_add(elman_scorer *scorer, const elman_series *series,
                              const elman_forecast *forecast, size_t hold_out, elman_error *error) {
    const elman_status status = begin(scorer, series, forecast, error);
    if (status != ELMAN_OK) return status;
    for (size_t i = 0; i < series->count; i++) {
        const OneSeries *one = &series->one[i];
        const size_t known = one->length > hold_out ? one->length - hold_out : 0;
        for (size_t step = 0; step < forecast->horizon && known + step < one->length; step++) {
            const double actual = one->y[known + step];
            if (isnan(actual)) continue;
            for (size_t line = 0; line < FORECAST_LINES; line++) {
                const double value =
                    elman_forecast_values(forecast, i, (elman_forecast_line)line)[step];
                if (isnan(value)) continue;
                add_error(&scorer->sums[line], &scorer->of_series[line][i], actual, value);
            }
            add_intervals(scorer, forecast, i, step, actual);
        }
    }
    return ELMAN_OK;
}

/* The mean over the series that have a scale. */
static double scaled_error(const elman_scorer *scorer, elman_forecast_line line) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < scorer->series; i++) {
        const SeriesSums *sums = &scorer->of_series[line][i];
        if (sums->count == 0 || !(sums->scale > 0.0)) continue;
        sum += sums->absolute / (double)sums->count / sums->scale;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

void elman_scorer_result(const elman_scorer *scorer, elman_forecast_line line,
                         elman_forecast_score *score) {
    const Sums *sums = &scorer->sums[line];
    const double count = (double)sums->count; /* 0 makes the means NaN */
    *score = (elman_forecast_score){
        .count = sums->count,
        .mae = sums->absolute / count,
        .rmse = sqrt(sums->squares / count),
        .mape = 100.0 * sums->relative / count,
        .smape = 100.0 * sums->symmetric / count,
        .mase = scaled_error(scorer, line),
        .pinball = line == ELMAN_LINE_MODEL ? sums->pinball / count : NAN,
    };
}

double elman_scorer_coverage(const elman_scorer *scorer, size_t level) {
    const double count = (double)scorer->sums[ELMAN_LINE_MODEL].count;
    return level < scorer->level_count ? (double)scorer->inside[level] / count : NAN;
}
