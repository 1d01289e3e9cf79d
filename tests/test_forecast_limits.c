/* Series that are hardly any: constant, nearly empty, wild, too short; and every refusal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/forecaster.h"
#include "support/forecasting.h"
#include "support/passes.h"

static const double levels[] = {0.5, 0.8, 0.95};
enum { LEVELS = 3, LENGTH = 90, HORIZON = 6 };

/* ---- Series that are hardly any ---- */

static double constant(size_t t) {
    (void)t;
    return 1234.5;
}

static double zero(size_t t) {
    (void)t;
    return 0.0;
}

static double outlier(size_t t) {
    return t == 40 ? 1e12 : 10.0 + made_up(1, t);
}

static double mostly_missing(size_t t) {
    return t == 3 || t == 50 || t == 71 ? (double)t : (double)NAN;
}

static double one_value(size_t t) {
    return t == 20 ? 7.0 : (double)NAN;
}

static double two_values(size_t t) {
    return t % 5 == 0 ? 1e-9 : 2e-9;
}

static double intermittent(size_t t) {
    return t % 11 == 4 ? 3.0 : 0.0;
}

static double huge(size_t t) {
    return 1e30 * (1.0 + made_up(2, t));
}

static double far_from_zero(size_t t) {
    return 1e15 + (double)(t % 3);
}

static double (*const makers[])(size_t) = {constant,       zero,      outlier,
                                           mostly_missing, one_value, two_values,
                                           intermittent,   huge,      far_from_zero};
enum { MAKERS = sizeof makers / sizeof *makers };

static void check_finite(const double *values, const char *what) {
    for (size_t h = 0; h < HORIZON; h++)
        if (!isfinite(values[h])) fail_msg("%s: %g at step %zu", what, values[h], h);
}

/* A round of all that is done with a forecaster; every number is finite. */
static void live(elman_context *context, const elman_series *series,
                 elman_forecaster_options options, const char *what) {
    elman_forecaster_source *source = NULL;
    elman_error error = {0};
    Learner learner = make_learner(context, series, options, 3, 1);
    elman_loss loss = {0};
    if (elman_forecaster_start(learner.forecaster, learner.model, &error))
        fail_msg("%s: %s", what, error.message);
    elman_network_destroy(learner.network);
    learner.network = NULL;
    if (elman_network_compile(learner.model, &learner.network, &error) ||
        elman_forecaster_source_create(learner.forecaster, series, 3, 1, &source, &error))
        fail_msg("%s: %s", what, error.message);
    const elman_source view = elman_forecaster_source_view(source);
    elman_batch batch = {.struct_size = sizeof batch};
    /* Some have no value to validate on. */
    if (view.batch(view.user, 1, 0, &batch, &error) ||
        (view.validate != NULL && view.validate(view.user, learner.network, &loss, &error)))
        fail_msg("%s: %s", what, error.message);
    for (size_t i = 0; i < batch.sequence.steps * 3 * learner.info.inputs; i++)
        if (!isfinite(batch.sequence.dense[i])) fail_msg("%s: an input is not finite", what);
    if (!isfinite(loss.mean)) fail_msg("%s: a loss of %g", what, loss.mean);
    if (elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error))
        fail_msg("%s: %s", what, error.message);
    elman_forecast *const forecast =
        forecast_of(&learner, series,
                    (elman_predict_options){.levels = levels, .level_count = LEVELS, .paths = 30});
    check_finite(elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL), what);
    check_finite(elman_forecast_values(forecast, 0, ELMAN_LINE_NAIVE), what);
    check_finite(elman_forecast_values(forecast, 0, ELMAN_LINE_DRIFT), what);
    for (size_t k = 0; k < LEVELS; k++) {
        check_finite(elman_forecast_low(forecast, 0, k), what);
        check_finite(elman_forecast_high(forecast, 0, k), what);
    }
    if (elman_forecaster_store(learner.forecaster, learner.model, &error))
        fail_msg("%s: %s", what, error.message);
    elman_forecaster *again = NULL;
    if (elman_forecaster_open(context, learner.model, &again, &error))
        fail_msg("%s: %s", what, error.message);
    elman_forecaster_destroy(again);
    elman_forecast_destroy(forecast);
    elman_forecaster_source_destroy(source);
    learner_free(&learner);
}

static void numbers_stay_finite(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t m = 0; m < MAKERS; m++) {
        double y[LENGTH];
        for (size_t t = 0; t < LENGTH; t++) y[t] = makers[m](t);
        elman_series *const series = series_of(context, y, LENGTH);
        for (int loss = ELMAN_LOSS_MSE; loss <= ELMAN_LOSS_NEGATIVE_BINOMIAL; loss++)
            for (int kind = 0; kind < 6; kind++) {
                const bool counts = loss == ELMAN_LOSS_NEGATIVE_BINOMIAL;
                elman_forecaster_options options = {.horizon = HORIZON,
                                                    .loss = (elman_loss_kind)loss,
                                                    .recursive = kind == 1,
                                                    .scaling = (elman_scaling)(kind % 3),
                                                    .logarithm = kind == 5 && !counts && y[0] > 0};
                char what[60];
                if (kind == 1 && loss == ELMAN_LOSS_QUANTILE) continue;
                /* Unscaled, 1e30 is beyond what floats and their squares hold; its logarithm is
                 * not. */
                if (options.scaling == ELMAN_SCALING_NONE && !options.logarithm && m >= 7) continue;
                if (options.scaling == ELMAN_SCALING_NONE && !options.logarithm && m == 2) continue;
                if (kind == 3) options.base = counts ? ELMAN_BASE_NONE : ELMAN_BASE_SMOOTH;
                if (kind == 4) {
                    options.seasons[0] = 7;
                    options.seasons[1] = 30;
                    options.season_count = 2;
                }
                snprintf(what, sizeof what, "series %zu, %s, way %d", m,
                         elman_loss_name(options.loss), kind);
                live(context, series, options, what);
            }
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* One that was not made for is scaled by its own values: ten times as large, ten times the
 * forecast; a count of 0 stays 0 at the least. */
static void an_unknown_series_has_its_own_scale(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (int counts = 0; counts < 2; counts++) {
        const SheetSpec sheet = {.series = 2, .steps = 80, .unit = 'd', .counts = counts != 0};
        elman_series *const series = make_series(context, &sheet);
        OneSeries *const one = series->one;
        Learner learner =
            make_learner(context, series,
                         (elman_forecaster_options){
                             .horizon = HORIZON,
                             .base = counts ? ELMAN_BASE_NONE : ELMAN_BASE_SEASONAL,
                             .loss = counts ? ELMAN_LOSS_NEGATIVE_BINOMIAL : ELMAN_LOSS_GAUSSIAN},
                         3, 1);
        for (size_t t = 0; t < 80; t++) one[1].y[t] = 10.0 * one[0].y[t];
        strcpy(one[0].id, "n0");
        strcpy(one[1].id, "n1");
        elman_forecast *const forecast = forecast_of(
            &learner, series, (elman_predict_options){.levels = levels, .level_count = LEVELS});
        const double *const small = elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL);
        const double *const large = elman_forecast_values(forecast, 1, ELMAN_LINE_MODEL);
        double mean = 0.0;
        for (size_t t = 0; t < 80; t++) mean += one[0].y[t] / 80.0;
        for (size_t h = 0; h < HORIZON; h++) {
            assert_true(fabs(large[h] - 10.0 * small[h]) <= (counts ? 12.0 : 1e-2));
            /* Not the mean more: with counts it is not taken away. */
            assert_true(!counts || small[h] < 2.0 * mean);
        }
        if (counts) assert_true(elman_forecast_low(forecast, 0, 2)[0] < mean);
        elman_forecast_destroy(forecast);
        learner_free(&learner);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* A panel with a series that is shorter than a horizon, and one without a value to learn from. */
static void short_series_of_a_panel_are_scaled_too(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_error error = {0};
    char text[4000];
    size_t at = (size_t)snprintf(text, sizeof text, "unique_id,ds,y\n");
    for (size_t t = 1; t <= 90; t++)
        at += (size_t)snprintf(text + at, sizeof text - at, "long,%zu,%zu\n", t, 10 + t % 4);
    for (size_t t = 86; t <= 90; t++)
        at += (size_t)snprintf(text + at, sizeof text - at, "short,%zu,%zu\n", t, 5000000 + t % 2);
    elman_series *series = NULL;
    write_file("panel.csv", text);
    if (elman_series_load(context, "panel.csv", NULL, &series, &error))
        fail_msg("%s", error.message);
    Learner learner = make_learner(
        context, series,
        (elman_forecaster_options){.horizon = 8, .base = ELMAN_BASE_SMOOTH, .no_season = 1}, 2, 1);
    elman_forecast *const forecast = forecast_of(&learner, series, (elman_predict_options){0});
    for (size_t h = 0; h < 8; h++)
        assert_true(fabs(elman_forecast_values(forecast, 1, ELMAN_LINE_MODEL)[h] - 5e6) < 10.0);
    elman_forecast_destroy(forecast);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* ---- Refusals ---- */

static void options_are_refused(void **state) {
    (void)state;
    static const double crossed[] = {0.5, 0.5}, outside[] = {0.5, 1.0};
    static const struct {
        elman_forecaster_options options;
        elman_status status;
        const char *part;
    } cases[] = {
        {{0}, ELMAN_ERR_ARGUMENT, "a horizon of 1 step at least"},
        {{.horizon = SIZE_MAX}, ELMAN_ERR_ARGUMENT, "expected at most 16777216"},
        {{.horizon = 1, .context = SIZE_MAX}, ELMAN_ERR_ARGUMENT, "expected at most 16777216"},
        {{.horizon = 1, .season_count = 5}, ELMAN_ERR_ARGUMENT, "at most 4 seasons and 32 lags"},
        {{.horizon = 1, .lag_count = 33}, ELMAN_ERR_ARGUMENT, "at most 4 seasons and 32 lags"},
        {{.horizon = 1, .season_count = 1, .seasons = {1}}, ELMAN_ERR_ARGUMENT, "seasons are"},
        {{.horizon = 1, .season_count = 2, .seasons = {7, 7}}, ELMAN_ERR_ARGUMENT, "seasons are"},
        {{.horizon = 1, .season_count = 1, .seasons = {SIZE_MAX}},
         ELMAN_ERR_ARGUMENT,
         "seasons are"},
        {{.horizon = 1, .lag_count = 1}, ELMAN_ERR_ARGUMENT, "lags are"},
        {{.horizon = 1, .lag_count = 2, .lags = {3, 2}}, ELMAN_ERR_ARGUMENT, "lags are"},
        {{.horizon = 1, .lag_count = 1, .lags = {SIZE_MAX}}, ELMAN_ERR_ARGUMENT, "lags are"},
        {{.horizon = 1, .quantiles = crossed, .quantile_count = 2},
         ELMAN_ERR_ARGUMENT,
         "quantiles are numbers between 0 and 1"},
        {{.horizon = 1, .quantiles = outside, .quantile_count = 2},
         ELMAN_ERR_ARGUMENT,
         "quantiles are numbers between 0 and 1"},
        {{.horizon = 1, .quantiles = crossed, .quantile_count = 100},
         ELMAN_ERR_ARGUMENT,
         "100 quantiles, expected at most 99"},
        {{.horizon = 1, .loss = (elman_loss_kind)8}, ELMAN_ERR_ARGUMENT, "the loss 8"},
        {{.horizon = 1, .scaling = (elman_scaling)3}, ELMAN_ERR_ARGUMENT, "the scaling 3"},
        {{.horizon = 1, .base = (elman_base)5}, ELMAN_ERR_ARGUMENT, "the base 5"},
        {{.horizon = 1, .huber_delta = -1.0}, ELMAN_ERR_ARGUMENT, "a Huber delta of -1"},
        {{.horizon = 1, .huber_delta = (double)NAN}, ELMAN_ERR_ARGUMENT, "a Huber delta of"},
        {{.horizon = 1, .recursive = 1, .loss = ELMAN_LOSS_QUANTILE},
         ELMAN_ERR_ARGUMENT,
         "a recursive forecaster draws from a distribution"},
        {{.horizon = 1, .recursive = 1, .base = ELMAN_BASE_SMOOTH},
         ELMAN_ERR_ARGUMENT,
         "a recursive forecaster has the base"},
        {{.horizon = 1, .no_validation = 1}, ELMAN_ERR_ARGUMENT, "the base must be named"},
        {{.horizon = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL, .logarithm = 1},
         ELMAN_ERR_ARGUMENT,
         "takes counts as they are"},
        {{.horizon = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL, .base = ELMAN_BASE_LAST},
         ELMAN_ERR_ARGUMENT,
         "takes counts as they are"},
        {{.horizon = 1, .logarithm = 1}, ELMAN_ERR_DATA, "is -2 at 13: the logarithm takes"},
        {{.horizon = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL},
         ELMAN_ERR_DATA,
         "is -2 at 13: the negative binomial loss takes"},
        {{.horizon = 1, .logarithm = 1, .valid = 28}, ELMAN_ERR_DATA, "is -2 at 13"},
        {{.horizon = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL, .valid = 28},
         ELMAN_ERR_DATA,
         "is -2 at 13"},
        {{.horizon = 40}, ELMAN_ERR_DATA, "too few values to learn to forecast 40 steps"},
        {{.horizon = 1000000, .no_validation = 1, .base = ELMAN_BASE_LAST},
         ELMAN_ERR_DATA,
         "too few values to learn to forecast 1000000 steps"},
        {{.horizon = 2, .hold_out = 39}, ELMAN_ERR_DATA, "too few values to learn"},
        {{.horizon = 2, .hold_out = SIZE_MAX}, ELMAN_ERR_DATA, "too few values to learn"},
        {{.horizon = 2, .valid = SIZE_MAX}, ELMAN_ERR_DATA, "too few values to learn"},
        {{.horizon = 2, .season_count = 1, .seasons = {39}},
         ELMAN_ERR_DATA,
         "a season of 39 steps and a horizon of 2 need more than the"},
        {{.horizon = 5, .valid = 35}, ELMAN_ERR_DATA, "too few for one forecast of 5 steps"},
    };
    elman_context *const context = open_context(NULL, 1);
    double y[40];
    for (size_t t = 0; t < 40; t++) y[t] = t == 12 ? -2.0 : 1.0 + (double)(t % 3);
    elman_series *const series = series_of(context, y, 40);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elman_forecaster_options options = cases[i].options;
        elman_forecaster *forecaster = NULL;
        elman_error error = {0};
        options.struct_size = sizeof options;
        const elman_status status =
            elman_forecaster_create(context, series, &options, &forecaster, &error);
        if (status == ELMAN_OK) {
            elman_forecaster_destroy(forecaster);
            fail_msg("case %zu, %s, is not refused", i, cases[i].part);
        }
        check_refusal(status, &error, cases[i].status, cases[i].part);
        assert_null(forecaster);
    }
    elman_series_destroy(series);

    const SheetSpec sheet = {.series = 1, .steps = 60, .unit = 'd', .past = true};
    const elman_forecaster_options recursive = {
        .struct_size = sizeof recursive, .horizon = 2, .recursive = 1};
    elman_series *const with_past = make_series(context, &sheet);
    elman_forecaster *forecaster = NULL;
    elman_error error = {0};
    check_refusal(elman_forecaster_create(context, with_past, &recursive, &forecaster, &error),
                  &error, ELMAN_ERR_ARGUMENT, "\"sensor\" is known for the past only");
    elman_series_destroy(with_past);
    elman_context_destroy(context);
}

static void refuse(const Learner *learner, const elman_series *series,
                   elman_predict_options options, elman_status want, const char *part) {
    elman_forecast *forecast = NULL;
    elman_error error = {0};
    options.struct_size = sizeof options;
    check_refusal(elman_forecaster_predict(learner->forecaster, learner->network, series, &options,
                                           &forecast, &error),
                  &error, want, part);
    assert_null(forecast);
}

static void predictions_are_refused(void **state) {
    (void)state;
    static const double twice[] = {0.8, 0.8}, whole[] = {1.0};
    elman_context *const context = open_context(NULL, 1);
    SheetSpec sheet = {.series = 1,
                       .steps = 60,
                       .unit = 'd',
                       .known = true,
                       .past = true,
                       .statics = true,
                       .future = 4};
    elman_series *series = make_series(context, &sheet);
    const elman_forecaster_options direct = {.horizon = 5, .logarithm = 1};
    Learner learner = make_learner(context, series, direct, 2, 1);
    const elman_predict_options none = {0};
    refuse(&learner, series, (elman_predict_options){.horizon = 6}, ELMAN_ERR_ARGUMENT,
           "the model forecasts 5 steps at once, not 6");
    refuse(&learner, series, (elman_predict_options){.levels = twice, .level_count = 2},
           ELMAN_ERR_ARGUMENT, "levels are numbers between 0 and 1");
    refuse(&learner, series, (elman_predict_options){.levels = whole, .level_count = 1},
           ELMAN_ERR_ARGUMENT, "levels are numbers between 0 and 1");
    refuse(&learner, series, (elman_predict_options){.paths = 100001}, ELMAN_ERR_ARGUMENT,
           "100001 paths, expected at most 100000");
    refuse(&learner, series, none, ELMAN_ERR_DATA,
           "the known covariate \"price\" is missing for 2023-03-07");
    elman_forecast_destroy(forecast_of(&learner, series, (elman_predict_options){.horizon = 4}));
    refuse(&learner, series, (elman_predict_options){.hold_out = 60}, ELMAN_ERR_DATA,
           "series \"s0\" has no value to go on from");
    series->one[0].y[59] = -1.0;
    refuse(&learner, series, (elman_predict_options){.horizon = 4}, ELMAN_ERR_DATA,
           "the logarithm takes numbers above 0 only");
    elman_series_destroy(series);
    sheet.unit = 'h';
    series = make_series(context, &sheet);
    refuse(&learner, series, none, ELMAN_ERR_MISMATCH, "the data are hours apart");
    elman_series_destroy(series);
    sheet.unit = 'd';
    sheet.past = false;
    series = make_series(context, &sheet);
    refuse(&learner, series, none, ELMAN_ERR_MISMATCH, "the past covariate \"sensor\"");
    elman_series_destroy(series);
    sheet.past = true;
    sheet.known = false;
    sheet.future = 0;
    series = make_series(context, &sheet);
    refuse(&learner, series, none, ELMAN_ERR_MISMATCH, "the known covariate \"price\"");
    elman_series_destroy(series);
    sheet.known = true;
    sheet.statics = false;
    series = make_series(context, &sheet);
    refuse(&learner, series, none, ELMAN_ERR_MISMATCH, "the static column \"size\" of numbers");
    elman_series_destroy(series);
    learner_free(&learner);
    elman_context_destroy(context);
}

/* A bidirectional network would read the very values that it is to predict. */
static void a_recursive_forecaster_reads_forwards(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const SheetSpec sheet = {.series = 1, .steps = 60, .unit = 'd'};
    const elman_cell_options cell = {
        .struct_size = sizeof cell, .cell = ELMAN_CELL_GRU, .hidden = 2, .bidirectional = 1};
    elman_series *const series = make_series(context, &sheet);
    for (int recursive = 0; recursive < 2; recursive++) {
        Learner learner =
            make_learner(context, series,
                         (elman_forecaster_options){.horizon = 3, .recursive = recursive}, 2, 1);
        elman_error error = {0};
        elman_model_destroy(learner.model);
        elman_network_destroy(learner.network);
        assert_false(elman_model_create(context, learner.info.inputs, &learner.model, &error));
        elman_model_add_cell_options(learner.model, &cell);
        elman_model_add_linear(learner.model, learner.info.outputs, 0);
        assert_false(elman_model_build(learner.model, NULL, &error));
        assert_false(elman_network_compile(learner.model, &learner.network, &error));
        if (recursive) {
            refuse(&learner, series, (elman_predict_options){0}, ELMAN_ERR_MISMATCH,
                   "a recursive forecaster goes from step to step");
            check_refusal(elman_forecaster_store(learner.forecaster, learner.model, &error), &error,
                          ELMAN_ERR_MISMATCH, "a recursive forecaster goes from step to step");
        } else {
            elman_forecast_destroy(forecast_of(&learner, series, (elman_predict_options){0}));
        }
        learner_free(&learner);
    }
    elman_series_destroy(series);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stay_finite),
        cmocka_unit_test(an_unknown_series_has_its_own_scale),
        cmocka_unit_test(short_series_of_a_panel_are_scaled_too),
        cmocka_unit_test(options_are_refused),
        cmocka_unit_test(predictions_are_refused),
        cmocka_unit_test(a_recursive_forecaster_reads_forwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
