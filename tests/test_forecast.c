/* Forecasts beside the naive ones, their scores, recursive paths, the source, every refusal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/naive.h"
#include "forecast/source.h"
#include "support/forecasting.h"
#include "support/passes.h"

static bool is_near(double got, double want, double bound) {
    return fabs(got - want) <= bound * (1.0 + fabs(want));
}

/* ---- Forecasts that need no model ---- */

static double slow_seasonal(const double *y, size_t origin, size_t step, size_t season) {
    for (size_t t = origin; t-- > 0;)
        if ((step - t) % season == 0 && !isnan(y[t])) return y[t];
    return NAN;
}

static double slow_drift(const double *y, size_t origin, size_t step) {
    size_t first = origin, last = origin;
    for (size_t t = 0; t < origin; t++) {
        if (isnan(y[t])) continue;
        if (first == origin) first = t;
        last = t;
    }
    if (first == origin) return NAN;
    if (first == last) return y[first];
    return y[last] + (double)(step - last) * ((y[last] - y[first]) / (double)(last - first));
}

static void check_double(double got, double want, const char *what) {
    if (isnan(got) && isnan(want)) return;
    if (!is_near(got, want, 1e-14)) fail_msg("%s: %.17g instead of %.17g", what, got, want);
}

static void naive_forecasts_are_those_of_slow_loops(void **state) {
    (void)state;
    enum { LENGTH = 40 };
    const size_t seasons[] = {1, 2, 7, 39, 40, 41, 100};
    for (uint64_t kind = 0; kind < 5; kind++) {
        double y[LENGTH];
        for (size_t t = 0; t < LENGTH; t++) {
            const double draw = made_up(kind, t);
            const bool missing = kind == 4 || (kind > 0 && draw < 0.25 * (double)kind);
            y[t] = missing ? (double)NAN : draw;
        }
        for (size_t origin = 0; origin <= LENGTH; origin++)
            for (size_t step = origin; step < origin + 90; step++) {
                check_double(naive_drift(y, origin, step), slow_drift(y, origin, step), "drift");
                for (size_t s = 0; s < sizeof seasons / sizeof *seasons; s++)
                    check_double(naive_seasonal(y, origin, step, seasons[s]),
                                 slow_seasonal(y, origin, step, seasons[s]), "seasonal");
            }
        for (size_t s = 0; s < sizeof seasons / sizeof *seasons; s++) {
            double sum = 0.0, count = 0.0;
            for (size_t t = 0; t + seasons[s] < LENGTH; t++) {
                if (isnan(y[t]) || isnan(y[t + seasons[s]])) continue;
                sum += fabs(y[t] - y[t + seasons[s]]);
                count += 1.0;
            }
            check_double(naive_error(y, LENGTH, seasons[s]),
                         count > 0.0 ? sum / count : (double)NAN, "error");
        }
    }
}

/* ---- Scores ---- */

/* 1, 2, ..., 30 and then 40, 0, missing, 20: four steps that are held out. The naive forecast is
 * 30, its error on 1, 2, ... is 1. */
static void scores_are_those_computed_by_hand(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const double levels[] = {0.8};
    double y[34];
    elman_scorer *scorer = NULL;
    elman_forecast_score score;
    elman_error error = {0};
    for (size_t t = 0; t < 30; t++) y[t] = (double)(t + 1);
    y[30] = 40.0;
    y[31] = 0.0;
    y[32] = NAN;
    y[33] = 20.0;
    elman_series *const series = series_of(context, y, 34);
    Learner learner = make_learner(context, series,
                                   (elman_forecaster_options){.horizon = 4,
                                                              .hold_out = 4,
                                                              .loss = ELMAN_LOSS_GAUSSIAN,
                                                              .base = ELMAN_BASE_LAST,
                                                              .scaling = ELMAN_SCALING_NONE},
                                   2, 1);
    assert_int_equal(learner.info.season, 1);
    /* mean 30, and so wide an interval that 0 is in it, one so narrow that 20 is not */
    const float wide[] = {0.0f, 100.0f}, narrow[] = {0.0f, 0.0f};
    assert_false(elman_scorer_create(learner.forecaster, levels, 1, &scorer, &error));
    assert_true(isnan(elman_scorer_coverage(scorer, 0)));
    for (size_t fold = 0; fold < 2; fold++) {
        set_outputs(&learner, fold == 0 ? wide : narrow);
        elman_forecast *const forecast =
            forecast_of(&learner, series,
                        (elman_predict_options){.hold_out = 4, .levels = levels, .level_count = 1});
        for (size_t h = 0; h < 4; h++)
            assert_true(
                is_near(elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL)[h], 30.0, 1e-6));
        if (elman_scorer_add(scorer, series, forecast, 4, &error)) fail_msg("%s", error.message);
        elman_scorer_result(scorer, ELMAN_LINE_MODEL, &score);
        assert_int_equal(score.count, 3 * (fold + 1));
        assert_true(is_near(score.mae, 50.0 / 3.0, 1e-6)); /* 10, 30, 10 */
        assert_true(is_near(score.rmse, sqrt(1100.0 / 3.0), 1e-6));
        assert_true(isnan(score.mape)); /* of 0 */
        /* 10 / 35, 30 / 15, 10 / 25 */
        assert_true(is_near(score.smape, 100.0 * (2.0 / 7.0 + 2.0 + 0.4) / 3.0, 1e-6));
        assert_true(is_near(score.mase, 50.0 / 3.0, 1e-6));
        if (fold == 0) {
            const double low = elman_forecast_low(forecast, 0, 0)[0];
            const double high = elman_forecast_high(forecast, 0, 0)[0];
            assert_true(low < 0.0 && high > 40.0);
            assert_true(is_near(low + high, 60.0, 1e-5)); /* around the mean */
            /* The median's, and those of 0.1 and 0.9: the actual values are between the two. */
            const double sum = 25.0 + 0.1 * (60.0 - 3.0 * low) + 0.1 * (3.0 * high - 60.0);
            assert_true(is_near(score.pinball, sum / 9.0, 1e-5));
            assert_true(elman_scorer_coverage(scorer, 0) == 1.0);
        } else {
            assert_true(elman_scorer_coverage(scorer, 0) == 0.5);
        }
        elman_scorer_result(scorer, ELMAN_LINE_NAIVE, &score);
        assert_true(is_near(score.mae, 50.0 / 3.0, 1e-12) && isnan(score.pinball));
        /* 31, 32, 34 */
        elman_scorer_result(scorer, ELMAN_LINE_DRIFT, &score);
        assert_true(is_near(score.mae, (9.0 + 32.0 + 14.0) / 3.0, 1e-12));
        elman_scorer_result(scorer, ELMAN_LINE_SEASONAL_NAIVE, &score);
        assert_true(is_near(score.mae, 50.0 / 3.0, 1e-12));
        elman_forecast_destroy(forecast);
    }
    assert_true(isnan(elman_scorer_coverage(scorer, 1)));
    elman_scorer_destroy(scorer);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* ---- Recursive forecasters ---- */

static const SheetSpec recursive_sheet = {
    .series = 3, .steps = 90, .unit = 'd', .known = true, .statics = true, .future = 20};

/* Without a spread every path is the one that single forecasts make, each fed with those before. */
static void a_path_without_spread_is_repeated_forecasts(void **state) {
    (void)state;
    enum { LENGTH = 80, HORIZON = 9, TRAINED = 4 };
    elman_context *const context = open_context(NULL, 1);
    double y[LENGTH + HORIZON];
    for (size_t t = 0; t < LENGTH; t++) y[t] = 5.0 + sin((double)t) + made_up(4, t);
    elman_series *series = series_of(context, y, LENGTH);
    Learner learner = make_learner(context, series,
                                   (elman_forecaster_options){.horizon = TRAINED,
                                                              .recursive = 1,
                                                              .loss = ELMAN_LOSS_MSE,
                                                              .base = ELMAN_BASE_LAST,
                                                              .lags = {1, 3},
                                                              .lag_count = 2,
                                                              .context = LENGTH / 2},
                                   4, 7);
    const double levels[] = {0.9};
    elman_forecast *const whole =
        forecast_of(&learner, series,
                    (elman_predict_options){
                        .horizon = HORIZON, .paths = 5, .levels = levels, .level_count = 1});
    const double *const path = elman_forecast_values(whole, 0, ELMAN_LINE_MODEL);
    const elman_forecaster *const f = learner.forecaster;
    const size_t before = f->steps_before, width = f->feature_count;
    const Standard standard = f->members[0].standard;
    float *const inputs = zeroed((before + HORIZON) * width, sizeof(float));
    float output[LENGTH + HORIZON];
    for (size_t h = 0; h < HORIZON; h++) {
        /* A pass over the context and all steps so far, with what was forecast in their place. */
        elman_series *const grown = series_of(context, y, LENGTH + h);
        elman_tape_options options = {
            .struct_size = sizeof options, .steps = before + h + 1, .batch = 1, .forward_only = 1};
        elman_sequence sequence = {
            .struct_size = sizeof sequence, .steps = before + h + 1, .batch = 1, .dense = inputs};
        elman_tape *tape = NULL;
        Views views;
        assert_false(views_create(f, grown, 0, VIEWS_PREDICT, &views, NULL));
        window_inputs(&views, &views.view[0], LENGTH, h + 1, inputs, width);
        assert_false(elman_tape_create(learner.network, &options, &tape, NULL));
        assert_false(elman_tape_forward(tape, &sequence, NULL));
        elman_tape_output(tape, output);
        const double last = (y[LENGTH + h - 1] - standard.location) / standard.scale;
        y[LENGTH + h] =
            standard.location + standard.scale * (last + f->residual * (double)output[before + h]);
        if (!is_near(path[h], y[LENGTH + h], 1e-5))
            fail_msg("step %zu: %.9g instead of %.9g", h, path[h], y[LENGTH + h]);
        assert_true(elman_forecast_low(whole, 0, 0)[h] == path[h]);
        assert_true(elman_forecast_high(whole, 0, 0)[h] == path[h]);
        elman_tape_destroy(tape);
        views_release(&views);
        elman_series_destroy(grown);
    }
    free(inputs);
    elman_forecast_destroy(whole);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* A random walk: the interval of step h is h steps wide, in the square. */
static void paths_spread_as_a_random_walk(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    double y[60];
    for (size_t t = 0; t < 60; t++) y[t] = (double)(t % 2);
    elman_series *const series = series_of(context, y, 60);
    Learner learner = make_learner(
        context, series,
        (elman_forecaster_options){
            .horizon = 2, .recursive = 1, .base = ELMAN_BASE_LAST, .scaling = ELMAN_SCALING_NONE},
        2, 1);
    const double levels[] = {0.6826895};
    const float outputs[] = {0.0f, 0.0f}; /* sigma ln 2 */
    set_outputs(&learner, outputs);
    elman_forecast *const forecast = forecast_of(
        &learner, series,
        (elman_predict_options){.horizon = 16, .paths = 4000, .levels = levels, .level_count = 1});
    for (size_t h = 0; h < 16; h++) {
        const double sigma = sqrt((double)(h + 1)) * log(2.0) * learner.forecaster->residual;
        const double half =
            (elman_forecast_high(forecast, 0, 0)[h] - elman_forecast_low(forecast, 0, 0)[h]) / 2.0;
        const double middle = elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL)[h];
        assert_true(fabs(half / sigma - 1.0) < 0.08);
        assert_true(fabs(middle - y[59]) < 0.1 * sigma);
    }
    elman_forecast_destroy(forecast);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

static void forecasts_are_the_same_at_any_thread_count(void **state) {
    (void)state;
    const double levels[] = {0.8};
    for (int recursive = 0; recursive < 2; recursive++) {
        elman_context *contexts[2] = {open_context(NULL, 1), open_context(NULL, 3)};
        elman_forecast *forecasts[3];
        elman_series *series[2];
        Learner learners[2];
        const elman_predict_options options = {.levels = levels,
                                               .level_count = 1,
                                               .horizon = recursive ? 12 : 0,
                                               .paths = 70,
                                               .seed = 9};
        elman_predict_options other = options;
        other.seed = 10;
        for (size_t i = 0; i < 2; i++) {
            series[i] = make_series(contexts[i], &recursive_sheet);
            learners[i] = make_learner(
                contexts[i], series[i],
                (elman_forecaster_options){.horizon = 5, .recursive = recursive}, 20, 3);
            forecasts[i] = forecast_of(&learners[i], series[i], options);
        }
        check_same_forecast(forecasts[0], forecasts[1], 3, 1, true, "threads");
        forecasts[2] = forecast_of(&learners[0], series[0], other);
        const bool same = memcmp(elman_forecast_values(forecasts[0], 0, ELMAN_LINE_MODEL),
                                 elman_forecast_values(forecasts[2], 0, ELMAN_LINE_MODEL),
                                 5 * sizeof(double)) == 0;
        assert_true(same == !recursive);
        /* The first series alone. */
        series[0]->count = 1;
        elman_forecast_destroy(forecasts[2]);
        forecasts[2] = forecast_of(&learners[0], series[0], options);
        check_same_forecast(forecasts[0], forecasts[2], 1, 1, true, "alone");
        series[0]->count = 3;
        for (size_t i = 0; i < 3; i++) elman_forecast_destroy(forecasts[i]);
        for (size_t i = 0; i < 2; i++) {
            learner_free(&learners[i]);
            elman_series_destroy(series[i]);
            elman_context_destroy(contexts[i]);
        }
    }
}

/* ---- The source ---- */

typedef struct Batch {
    float *inputs, *targets;
    size_t input_count, target_count;
} Batch;

static Batch take(elman_source *source, uint64_t epoch, uint64_t position, size_t width) {
    elman_batch batch = {.struct_size = sizeof batch};
    Batch copy;
    assert_false(source->batch(source->user, epoch, position, &batch, NULL));
    copy.target_count = batch.sequence.steps * batch.sequence.batch;
    copy.input_count = copy.target_count * width;
    copy.inputs = zeroed(copy.input_count, sizeof(float));
    copy.targets = zeroed(copy.target_count, sizeof(float));
    memcpy(copy.inputs, batch.sequence.dense, copy.input_count * sizeof(float));
    memcpy(copy.targets, batch.targets.numbers, copy.target_count * sizeof(float));
    return copy;
}

static bool same_batch(const Batch *one, const Batch *other) {
    return memcmp(one->inputs, other->inputs, one->input_count * sizeof(float)) == 0 &&
           memcmp(one->targets, other->targets, one->target_count * sizeof(float)) == 0;
}

static void batch_free(Batch *batch) {
    free(batch->inputs);
    free(batch->targets);
}

static void a_batch_depends_on_its_place_alone(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_series *const series = make_series(context, &recursive_sheet);
    Learner learner = make_learner(context, series, (elman_forecaster_options){.horizon = 5}, 2, 1);
    elman_forecaster_source *sources[3] = {NULL};
    elman_source views[3];
    elman_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_false(elman_forecaster_source_create(learner.forecaster, series, 4, i == 2 ? 2 : 1,
                                                    &sources[i], &error));
        views[i] = elman_forecaster_source_view(sources[i]);
    }
    const uint64_t batches = (learner.info.train_windows + 3) / 4;
    assert_int_equal(views[0].batches, batches < 100 ? batches : 100);
    assert_string_equal(views[0].digest, elman_series_digest(series));
    Batch first = take(&views[0], 2, 3, learner.info.inputs);
    Batch other = take(&views[0], 2, 4, learner.info.inputs);
    Batch epoch = take(&views[0], 3, 3, learner.info.inputs);
    Batch again = take(&views[1], 2, 3, learner.info.inputs);
    Batch seed = take(&views[2], 2, 3, learner.info.inputs);
    assert_true(same_batch(&first, &again));
    assert_false(same_batch(&first, &other));
    assert_false(same_batch(&first, &epoch));
    assert_false(same_batch(&first, &seed));
    batch_free(&first);
    batch_free(&other);
    batch_free(&epoch);
    batch_free(&again);
    batch_free(&seed);
    for (size_t i = 0; i < 3; i++) elman_forecaster_source_destroy(sources[i]);
    elman_forecaster_source *none = NULL;
    check_refusal(elman_forecaster_source_create(learner.forecaster, series, 0, 1, &none, &error),
                  &error, ELMAN_ERR_ARGUMENT, "a batch has one window at least");
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

/* The mean square error of direct forecasts of every window of the validation part, from public
 * calls alone: predictions with as many steps held out. */
static void the_validation_loss_is_that_of_forecasts(void **state) {
    (void)state;
    enum { LENGTH = 100, HORIZON = 4, HELD = 10, VALID = 25 };
    double losses[2];
    for (size_t threads = 1; threads < 3; threads++) {
        elman_context *const context = open_context(NULL, threads);
        double y[LENGTH], squares = 0.0, count = 0.0;
        for (size_t t = 0; t < LENGTH; t++)
            y[t] = t % 13 == 4 ? (double)NAN : 20.0 + cos((double)t) + made_up(8, t);
        elman_series *const series = series_of(context, y, LENGTH);
        const elman_forecaster_options options = {.horizon = HORIZON,
                                                  .loss = ELMAN_LOSS_MSE,
                                                  .base = ELMAN_BASE_LAST,
                                                  .hold_out = HELD,
                                                  .valid = VALID};
        Learner learner = make_learner(context, series, options, 3, 2);
        elman_forecaster_source *source = NULL;
        elman_loss loss;
        assert_false(
            elman_forecaster_source_create(learner.forecaster, series, 4, 1, &source, NULL));
        const elman_source view = elman_forecaster_source_view(source);
        assert_false(view.validate(view.user, learner.network, &loss, NULL));
        const double size =
            learner.forecaster->members[0].standard.scale * learner.forecaster->residual;
        assert_int_equal(learner.info.valid_windows, VALID - HORIZON + 1);
        for (size_t origin = LENGTH - HELD - VALID; origin + HORIZON <= LENGTH - HELD; origin++) {
            elman_forecast *const forecast =
                forecast_of(&learner, series, (elman_predict_options){.hold_out = LENGTH - origin});
            for (size_t h = 0; h < HORIZON; h++) {
                const double missed =
                    (elman_forecast_values(forecast, 0, ELMAN_LINE_MODEL)[h] - y[origin + h]) /
                    size;
                if (isnan(missed)) continue;
                squares += missed * missed;
                count += 1.0;
            }
            elman_forecast_destroy(forecast);
        }
        assert_true((double)loss.count == count);
        if (!is_near(loss.mean, squares / count, 1e-5))
            fail_msg("%.9g instead of %.9g", loss.mean, squares / count);
        losses[threads - 1] = loss.mean;
        elman_forecaster_source_destroy(source);
        learner_free(&learner);
        elman_series_destroy(series);
        elman_context_destroy(context);
    }
    assert_memory_equal(&losses[0], &losses[1], sizeof losses[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naive_forecasts_are_those_of_slow_loops),
        cmocka_unit_test(scores_are_those_computed_by_hand),
        cmocka_unit_test(a_path_without_spread_is_repeated_forecasts),
        cmocka_unit_test(paths_spread_as_a_random_walk),
        cmocka_unit_test(forecasts_are_the_same_at_any_thread_count),
        cmocka_unit_test(a_batch_depends_on_its_place_alone),
        cmocka_unit_test(the_validation_loss_is_that_of_forecasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
