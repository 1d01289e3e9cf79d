/* Sets whose series begin at different times, and what is masked behind the training part. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/forecaster.h"
#include "support/forecasting.h"
#include "support/passes.h"

static const char path[] = "uneven.csv";

/* Rows of an hourly series at steps [first, end) of a common time. */
static void write_rows(FILE *file, const char *id, size_t first, size_t end) {
    for (size_t t = first; t < end; t++)
        fprintf(file, "%s,2024-%02zu-%02zu %02zu:00:00,%.3f\n", id, 1 + t / (28 * 24),
                1 + t / 24 % 28, t % 24,
                5.0 + sin((double)(t % 24) * 0.26) + 0.3 * made_up(end, t));
}

static elman_series *load(elman_context *context, const elman_columns *known) {
    elman_series *series = NULL;
    elman_error error = {0};
    elman_series_options options = {.struct_size = sizeof options, .missing = ELMAN_MISSING_MASK};
    if (known) options.known = *known;
    if (elman_series_load(context, path, &options, &series, &error)) fail_msg("%s", error.message);
    return series;
}

/* One series is long enough for weeks, nine are not: then the season is a day, and all are learnt.
 */
static void season_is_one_that_half_of_the_series_have(void **state) {
    (void)state;
    enum { SERIES = 10, HORIZON = 12 };
    elman_context *const context = open_context(NULL, 1);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "unique_id,ds,y\n");
    for (size_t i = 0; i < SERIES; i++) {
        char id[8];
        snprintf(id, sizeof id, "s%zu", i);
        write_rows(file, id, 0, i == 0 ? 600 : 150);
    }
    assert_int_equal(fclose(file), 0);
    elman_series *const series = load(context, NULL);
    Learner learner = make_learner(
        context, series,
        (elman_forecaster_options){.horizon = HORIZON, .base = ELMAN_BASE_SEASONAL}, 2, 1);
    size_t train, valid;
    forecaster_parts(learner.forecaster, series->one[0].length, &train, &valid);
    assert_int_equal(learner.info.season_count, 2);
    assert_int_equal(learner.info.season, 24);
    assert_true(learner.info.train_windows > train + 9);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

static void check_nothing(const elman_forecast *forecast, size_t series, size_t horizon) {
    for (int line = 0; line <= ELMAN_LINE_BASE; line++)
        for (size_t h = 0; h < horizon; h++)
            assert_true(
                isnan(elman_forecast_values(forecast, series, (elman_forecast_line)line)[h]));
    for (size_t h = 0; h < horizon; h++)
        assert_true(isnan(elman_forecast_low(forecast, series, 0)[h]) &&
                    isnan(elman_forecast_high(forecast, series, 0)[h]));
}

/* Series "late" has nothing before the steps that are held out: it is neither forecast nor scored,
 * and the other is forecast as without it. */
static void series_without_a_past_are_not_scored(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const double levels[] = {0.8};
    enum { HORIZON = 6 };
    elman_error error = {0};
    for (int recursive = 0; recursive < 2; recursive++) {
        FILE *const file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "unique_id,ds,y\n");
        write_rows(file, "early", 0, 200);
        write_rows(file, "late", 200 - HORIZON, 200);
        assert_int_equal(fclose(file), 0);
        elman_series *const series = load(context, NULL);
        Learner learner = make_learner(
            context, series, (elman_forecaster_options){.horizon = HORIZON, .recursive = recursive},
            2, 1);
        elman_forecast *const forecast =
            forecast_of(&learner, series,
                        (elman_predict_options){
                            .hold_out = HORIZON, .levels = levels, .level_count = 1, .paths = 10});
        check_nothing(forecast, 1, HORIZON);
        elman_scorer *scorer = NULL;
        elman_forecast_score score;
        assert_false(elman_scorer_create(learner.forecaster, levels, 1, &scorer, &error));
        assert_false(elman_scorer_add(scorer, series, forecast, HORIZON, &error));
        elman_scorer_result(scorer, ELMAN_LINE_MODEL, &score);
        assert_int_equal(score.count, HORIZON);
        assert_true(isfinite(score.mae) && isfinite(score.pinball) && isfinite(score.mase));
        assert_true(isfinite(elman_scorer_coverage(scorer, 0)));
        /* Of what lies behind the end, all is said. */
        elman_forecast *const next = forecast_of(&learner, series, (elman_predict_options){0});
        for (size_t h = 0; h < HORIZON; h++)
            assert_true(isfinite(elman_forecast_values(next, 1, ELMAN_LINE_MODEL)[h]));
        elman_forecast *none = NULL;
        check_refusal(elman_forecaster_predict(
                          learner.forecaster, learner.network, series,
                          &(elman_predict_options){.struct_size = sizeof(elman_predict_options),
                                                   .hold_out = 200},
                          &none, &error),
                      &error, ELMAN_ERR_DATA, "has no value to go on from");
        elman_forecast_destroy(next);
        elman_forecast_destroy(forecast);
        elman_scorer_destroy(scorer);
        learner_free(&learner);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

/* A masked covariate of the past is as in training; one of the future must be there. */
static void masked_covariates_are_for_the_past(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const char *const names[] = {"price"};
    const elman_columns known = {names, 1};
    elman_error error = {0};
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "ds,y,price\n");
    for (size_t t = 0; t < 110; t++) {
        fprintf(file, "%zu,", t);
        if (t < 100) fprintf(file, "%.3f", made_up(1, t));
        if (t == 95)
            fprintf(file, ",\n");
        else
            fprintf(file, ",%zu\n", t % 3);
    }
    assert_int_equal(fclose(file), 0);
    elman_series *const series = load(context, &known);
    assert_int_equal(elman_series_future(series, 0), 10);
    Learner learner = make_learner(context, series, (elman_forecaster_options){.horizon = 8}, 2, 1);
    elman_forecast *const forecast =
        forecast_of(&learner, series, (elman_predict_options){.hold_out = 8});
    for (size_t h = 0; h < 8; h++)
        assert_true(isfinite(elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL)[h]));
    series->one[0].known[103] = NAN;
    elman_forecast *none = NULL;
    check_refusal(
        elman_forecaster_predict(learner.forecaster, learner.network, series, NULL, &none, &error),
        &error, ELMAN_ERR_DATA, "\"price\" is missing for 103");
    elman_forecast_destroy(forecast);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* Without a value in it a validation part validates and calibrates nothing, rather than being met
 * perfectly. */
static void a_masked_validation_part_validates_nothing(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    enum { LENGTH = 100, HORIZON = 4 };
    double y[LENGTH];
    elman_error error = {0};
    for (int there = 0; there < 2; there++) {
        for (size_t t = 0; t < LENGTH; t++) y[t] = t < 80 ? made_up(7, t) : (double)NAN;
        if (there) y[90] = 0.5;
        elman_series *const series = series_of(context, y, LENGTH);
        elman_forecaster_source *source = NULL;
        Learner learner =
            make_learner(context, series, (elman_forecaster_options){.horizon = HORIZON}, 2, 1);
        assert_true(learner.info.valid_windows > 0);
        assert_false(
            elman_forecaster_source_create(learner.forecaster, series, 4, 1, &source, &error));
        const elman_source view = elman_forecaster_source_view(source);
        assert_int_equal(view.validate != NULL, there);
        elman_loss loss = {0};
        if (there) assert_false(view.validate(view.user, learner.network, &loss, &error));
        assert_int_equal(loss.count, there ? HORIZON : 0);
        assert_false(
            elman_forecaster_calibrate(learner.forecaster, learner.network, series, &error));
        elman_forecaster_describe(learner.forecaster, &learner.info);
        assert_int_equal(learner.info.calibration_windows > 0, there);
        elman_forecaster_source_destroy(source);
        learner_free(&learner);
        elman_series_destroy(series);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(season_is_one_that_half_of_the_series_have),
        cmocka_unit_test(series_without_a_past_are_not_scored),
        cmocka_unit_test(masked_covariates_are_for_the_past),
        cmocka_unit_test(a_masked_validation_part_validates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
