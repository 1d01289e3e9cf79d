/* Intervals: calibrated ones hold as often as they say, all are nested around the middle. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/quantile.h"
#include "forecast/calibrate.h"
#include "forecast/view.h"
#include "support/forecasting.h"
#include "support/passes.h"

static const double levels[] = {0.2, 0.5, 0.8, 0.9, 0.95, 0.985, 0.999};
enum { LEVELS = 7, LEVEL_80 = 2, LEVEL_95 = 4 };

/* ---- Coverage ---- */

enum { CALIBRATED = 400, FRESH = 4000, HORIZON = 3 };

/* Normal noise (Box and Muller, 1958) around 50. */
static void make_noise(double *y, size_t count, uint64_t seed) {
    for (size_t t = 0; t < count; t++)
        y[t] = 50.0 + 4.0 * sqrt(-2.0 * log(1.0 - made_up(seed, 2 * t))) *
                          cos(6.283185307179586 * made_up(seed, 2 * t + 1));
}

/* The share of fresh values within each interval of a forecaster that was calibrated on others; the
 * network says the same whatever it reads. */
static void measure(elman_loss_kind loss, const float *outputs, int uncalibrated, uint64_t seed,
                    double share[LEVELS]) {
    elman_context *const context = open_context(NULL, 1);
    double *const y = zeroed(CALIBRATED + FRESH, sizeof *y);
    size_t inside[LEVELS] = {0}, count = 0;
    elman_error error = {0};
    make_noise(y, CALIBRATED + FRESH, seed);
    elman_series *const series = series_of(context, y, CALIBRATED);
    const elman_forecaster_options options = {
        .horizon = HORIZON, .valid = 250, .loss = loss, .base = ELMAN_BASE_NONE, .no_season = 1};
    Learner learner = make_learner(context, series, options, 2, 1);
    set_outputs(&learner, outputs);
    if (elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error))
        fail_msg("%s", error.message);
    elman_forecast *const forecast =
        forecast_of(&learner, series,
                    (elman_predict_options){
                        .levels = levels, .level_count = LEVELS, .uncalibrated = uncalibrated});
    for (size_t t = CALIBRATED; t < CALIBRATED + FRESH; t++, count++)
        for (size_t k = 0; k < LEVELS; k++)
            inside[k] += elman_forecast_low(forecast, 0, k)[t % HORIZON] <= y[t] &&
                                 y[t] <= elman_forecast_high(forecast, 0, k)[t % HORIZON]
                             ? 1
                             : 0;
    for (size_t k = 0; k < LEVELS; k++) share[k] = (double)inside[k] / (double)count;
    elman_forecast_destroy(forecast);
    learner_free(&learner);
    elman_series_destroy(series);
    free(y);
    elman_context_destroy(context);
}

/* Calibrating on n values gives a coverage that is spread as Beta((n + 1) level, (n + 1) (1 -
 * level)): four times its standard deviation, and that of counting. */
static double bound_of(double level) {
    const double variance = level * (1.0 - level);
    return 4.0 * sqrt(variance / 250.0 + variance / FRESH);
}

static void calibrated_intervals_hold(void **state) {
    (void)state;
    /* Right: softplus(0.54) is 1. Too narrow by far, much too wide, beside the mean. */
    static const float gaussians[][2] = {
        {0.0f, 0.541f}, {0.0f, -4.0f}, {0.0f, 5.0f}, {0.8f, -1.0f}};
    static const float point[1] = {0.1f};
    double share[LEVELS];
    for (size_t i = 0; i < 5; i++) {
        for (uint64_t seed = 1; seed < 3; seed++) {
            if (i < 4)
                measure(ELMAN_LOSS_GAUSSIAN, gaussians[i], 0, seed, share);
            else
                measure(ELMAN_LOSS_MAE, point, 0, seed, share);
            const size_t looked_at[] = {LEVEL_80, LEVEL_95};
            for (size_t k = 0; k < 2; k++) {
                const double level = levels[looked_at[k]];
                if (fabs(share[looked_at[k]] - level) > bound_of(level))
                    fail_msg("network %zu, %g: %g", i, level, share[looked_at[k]]);
            }
        }
    }
    measure(ELMAN_LOSS_GAUSSIAN, gaussians[1], 1, 1, share);
    assert_true(share[LEVEL_95] < 0.1);
    measure(ELMAN_LOSS_GAUSSIAN, gaussians[0], 1, 1, share);
    assert_true(fabs(share[LEVEL_80] - 0.8) < bound_of(0.8));
    measure(ELMAN_LOSS_MAE, point, 1, 1, share);
    assert_true(share[LEVEL_95] == 0.0);
}

/* The rank that the offset has among the scores, and what lies between the calibrated levels. */
static void offsets_are_of_the_right_rank(void **state) {
    (void)state;
    enum { LENGTH = 260, VALID = 199 };
    elman_context *const context = open_context(NULL, 1);
    double y[LENGTH], scores[VALID];
    elman_error error = {0};
    const float output[] = {0.0f};
    make_noise(y, LENGTH, 5);
    elman_series *const series = series_of(context, y, LENGTH);
    Learner learner = make_learner(context, series,
                                   (elman_forecaster_options){.horizon = 1,
                                                              .valid = VALID,
                                                              .loss = ELMAN_LOSS_MSE,
                                                              .base = ELMAN_BASE_NONE,
                                                              .scaling = ELMAN_SCALING_NONE},
                                   2, 1);
    set_outputs(&learner, output);
    assert_int_equal(learner.info.valid_windows, VALID);
    assert_true(calibration_offset(learner.forecaster, 0.8, 0) == 0.0);
    if (elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error))
        fail_msg("%s", error.message);
    elman_forecaster_describe(learner.forecaster, &learner.info);
    assert_int_equal(learner.info.calibration_windows, VALID);
    for (size_t i = 0; i < VALID; i++) scores[i] = (double)(float)y[LENGTH - VALID + i];
    qsort(scores, VALID, sizeof *scores, compare_doubles);
    const double ranks[][2] = {{0.05, 10.0}, {0.8, 160.0}, {0.95, 190.0}, {0.99, 198.0}};
    for (size_t i = 0; i < 4; i++)
        assert_true(calibration_offset(learner.forecaster, ranks[i][0], 0) ==
                    scores[(size_t)ranks[i][1] - 1]);
    const double low = calibration_offset(learner.forecaster, 0.8, 0);
    const double high = calibration_offset(learner.forecaster, 0.85, 0);
    assert_true(fabs(calibration_offset(learner.forecaster, 0.81, 0) - (0.8 * low + 0.2 * high)) <
                1e-9);
    assert_true(calibration_offset(learner.forecaster, 0.01, 0) == scores[9]);
    assert_true(calibration_offset(learner.forecaster, 0.999, 0) == scores[197]);
    assert_true(calibration_offset(learner.forecaster, 0.8, 70) == low);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* ---- Nested, around the middle ---- */

static void check_nested(const elman_forecast *forecast, size_t series, bool counts,
                         const char *what) {
    for (size_t i = 0; i < series; i++)
        for (size_t h = 0; h < elman_forecast_horizon(forecast); h++) {
            const double middle = elman_forecast_values(forecast, i, ELMAN_LINE_MODEL)[h];
            double low = middle, high = middle;
            if (!isfinite(middle) || (counts && middle < 0.0))
                fail_msg("%s: step %zu is %g", what, h, middle);
            for (size_t k = 0; k < LEVELS; k++) {
                const double lower = elman_forecast_low(forecast, i, k)[h];
                const double higher = elman_forecast_high(forecast, i, k)[h];
                if (!(lower <= low) || !(higher >= high) || !isfinite(lower) || !isfinite(higher) ||
                    (counts && lower < 0.0))
                    fail_msg("%s: step %zu, level %g: %g to %g outside %g to %g", what, h,
                             levels[k], lower, higher, low, high);
                low = lower;
                high = higher;
            }
        }
}

static void intervals_are_nested_around_the_middle(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (elman_loss_kind loss = ELMAN_LOSS_MSE; loss <= ELMAN_LOSS_NEGATIVE_BINOMIAL; loss++)
        for (int recursive = 0; recursive < 2; recursive++)
            for (int calibrated = 0; calibrated < 2; calibrated++) {
                if (recursive && loss == ELMAN_LOSS_QUANTILE) continue;
                const bool counts = loss == ELMAN_LOSS_NEGATIVE_BINOMIAL;
                const SheetSpec sheet = {
                    .series = 2, .steps = 80, .unit = 'd', .counts = counts, .gaps = 9};
                const elman_forecaster_options options = {
                    .horizon = 6, .recursive = recursive, .loss = loss, .logarithm = !counts};
                elman_series *const series = make_series(context, &sheet);
                Learner learner = make_learner(context, series, options, 5, (uint64_t)loss);
                elman_tensor weight;
                elman_error error = {0};
                char what[60];
                assert_false(
                    elman_model_find_tensor(learner.model, "head.weight", &weight, &error));
                for (size_t i = 0; i < weight.count; i++) weight.data[i] *= 6.0f;
                elman_network_destroy(learner.network);
                assert_false(elman_network_compile(learner.model, &learner.network, &error));
                if (calibrated &&
                    elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error))
                    fail_msg("%s", error.message);
                elman_forecast *const forecast = forecast_of(
                    &learner, series,
                    (elman_predict_options){.levels = levels, .level_count = LEVELS, .paths = 60});
                snprintf(what, sizeof what, "%s%s%s", elman_loss_name(loss),
                         recursive ? ", recursive" : "", calibrated ? ", calibrated" : "");
                check_nested(forecast, 2, counts, what);
                elman_forecast_destroy(forecast);
                learner_free(&learner);
                elman_series_destroy(series);
            }
    elman_context_destroy(context);
}

/* Intervals are calibrated in scaled units: a forecaster that measures in halves has offsets twice
 * as large. */
static void a_calibration_is_taken_over(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    double y[160];
    elman_error error = {0};
    make_noise(y, 160, 3);
    elman_series *const series = series_of(context, y, 160);
    const elman_forecaster_options options = {
        .horizon = 2, .loss = ELMAN_LOSS_MSE, .base = ELMAN_BASE_LAST};
    elman_forecaster_options unscaled = options, longer = options;
    unscaled.scaling = ELMAN_SCALING_NONE;
    unscaled.no_validation = 1;
    longer.horizon = 3;
    Learner one = make_learner(context, series, options, 2, 1);
    Learner two = make_learner(context, series, unscaled, 2, 1);
    Learner three = make_learner(context, series, longer, 2, 1);
    assert_false(elman_forecaster_calibrate(two.forecaster, two.network, series, &error));
    assert_null(two.forecaster->calibration); /* nothing to calibrate on */
    assert_false(elman_forecaster_calibrate(one.forecaster, one.network, series, &error));
    assert_false(elman_forecaster_calibrate_as(two.forecaster, one.forecaster, &error));
    const double scale = one.forecaster->members[0].standard.scale;
    for (size_t h = 0; h < 2; h++) {
        const double want = scale * calibration_offset(one.forecaster, 0.9, h);
        assert_true(fabs(calibration_offset(two.forecaster, 0.9, h) - want) < 1e-5 * want);
    }
    check_refusal(elman_forecaster_calibrate_as(three.forecaster, one.forecaster, &error), &error,
                  ELMAN_ERR_MISMATCH, "not of the same kind");
    learner_free(&three);
    learner_free(&two);
    learner_free(&one);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibrated_intervals_hold),
        cmocka_unit_test(offsets_are_of_the_right_rank),
        cmocka_unit_test(intervals_are_nested_around_the_middle),
        cmocka_unit_test(a_calibration_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
