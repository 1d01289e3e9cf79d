/* Exponential smoothing against a reference with one array for each season, and its fit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/smooth_fit.h"
#include "support/forecasting.h"
#include "support/passes.h"

enum { LENGTH = 240, LONGEST = 60 };

/* The same, in another form: the season's value at each step's residue. */
typedef struct Reference {
    double level, rest, seen;
    double season[ELMAN_SEASONS_MAX][LONGEST];
} Reference;

static size_t residue(int64_t phase, size_t step, size_t season) {
    const int64_t at = (phase + (int64_t)step) % (int64_t)season;
    return (size_t)(at < 0 ? at + (int64_t)season : at);
}

static double reference_forecast(const Smooth *smooth, const Reference *at, int64_t phase,
                                 size_t origin, size_t step) {
    double sum = at->level + at->rest * pow(smooth->rest, (double)(step - origin + 1));
    for (size_t k = 0; k < smooth->count; k++)
        sum += at->season[k][residue(phase, step, smooth->steps[k])];
    return sum;
}

static void reference_begin(const Smooth *smooth, const float *x, size_t known, int64_t phase,
                            Reference *at) {
    const size_t longest = smooth->count > 0 ? smooth->steps[smooth->count - 1] : 10;
    size_t used = known < longest ? known : known < 2 * longest ? longest : 2 * longest;
    double left[LENGTH], sum = 0.0, count = 0.0;
    memset(at, 0, sizeof *at);
    for (size_t t = 0; t < used; t++)
        if (!isnan(x[t])) {
            sum += (double)x[t];
            count += 1.0;
        }
    if (count > 0.0) at->level = sum / count;
    for (size_t t = 0; t < used; t++) left[t] = (double)x[t] - at->level;
    for (size_t k = 0; k < smooth->count; k++)
        for (size_t r = 0; r < smooth->steps[k]; r++) {
            sum = count = 0.0;
            for (size_t t = 0; t < used; t++)
                if (residue(phase, t, smooth->steps[k]) == r && !isnan(left[t])) {
                    sum += left[t];
                    count += 1.0;
                }
            if (count > 0.0) at->season[k][r] = sum / count;
            for (size_t t = 0; t < used && count > 0.0; t++)
                if (residue(phase, t, smooth->steps[k]) == r) left[t] -= sum / count;
        }
}

static double above(double one, double other) {
    return one > other ? one : other;
}

static void reference_step(const Smooth *smooth, float x, int64_t phase, size_t t, Reference *at) {
    const double missed = (double)x - reference_forecast(smooth, at, phase, t, t);
    const double longest = smooth->count > 0 ? (double)smooth->steps[smooth->count - 1] : 5.0;
    at->rest *= smooth->rest;
    if (!isnan(missed)) {
        at->rest += missed;
        at->level +=
            missed * above(smooth->level, at->seen >= 2.0 * longest ? 1.0 / (at->seen + 1.0) : 0.0);
        for (size_t k = 0; k < smooth->count; k++) {
            const double cycles = floor(at->seen / (double)smooth->steps[k]);
            at->season[k][residue(phase, t, smooth->steps[k])] +=
                missed * above(smooth->season[k], cycles >= 2.0 ? 1.0 / (cycles + 1.0) : 0.0);
        }
    }
    at->seen += 1.0;
}

static const Smooth smooths[] = {
    {.level = 0.2, .rest = 0.6},
    {.level = 0.1, .rest = 0.0, .season = {0.3}, .steps = {7}, .count = 1},
    {.level = 0.03, .rest = 0.9, .season = {0.2, 0.02}, .steps = {6, 25}, .count = 2},
    {.level = 0.0,
     .rest = 0.4,
     .season = {0.0, 0.1, 0.6, 0.2},
     .steps = {2, 5, 12, 60},
     .count = 4},
};
static const int64_t phases[] = {0, 1, 11, 1000003, -1, -4000001};
enum { SMOOTHS = sizeof smooths / sizeof *smooths, PHASES = sizeof phases / sizeof *phases };

/* Missing at the start, alone, and for longer than a season. */
static void make_values(float x[LENGTH], bool missing) {
    for (size_t t = 0; t < LENGTH; t++) {
        x[t] = (float)(sin((double)t) + 3.0 * made_up(1, t) + 0.02 * (double)t);
        if (missing && (t < 2 || t % 17 == 5 || (t > 100 && t < 110))) x[t] = NAN;
    }
}

static void check_track(const Smooth *smooth, int64_t phase, const float *x, size_t known) {
    Memory memory;
    SmoothTrack track;
    Reference at;
    memory_init(&memory, NULL);
    assert_true(smooth_track_create(&memory, smooth, phase, LENGTH, &track));
    smooth_begin(smooth, x, known, &track);
    smooth_run(smooth, x, &track, 0, NULL);
    reference_begin(smooth, x, known, phase, &at);
    for (size_t origin = 0; origin <= LENGTH; origin++) {
        for (size_t step = origin; step < origin + 70; step++) {
            const double want = reference_forecast(smooth, &at, phase, origin, step);
            const double got = smooth_forecast(smooth, &track, origin, step);
            if (!(fabs(got - want) <= 3e-6 * (1.0 + fabs(want))))
                fail_msg("%zu seasons, phase %lld, step %zu from %zu: %.9g instead of %.9g",
                         smooth->count, (long long)phase, step, origin, got, want);
        }
        if (origin < LENGTH) reference_step(smooth, x[origin], phase, origin, &at);
    }
    smooth_track_release(&memory, smooth, &track);
}

static void smoothing_is_the_reference(void **state) {
    (void)state;
    const size_t known[] = {0, 1, 3, 60, 119, LENGTH};
    for (size_t s = 0; s < SMOOTHS; s++)
        for (size_t p = 0; p < PHASES; p++)
            for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
                float x[LENGTH];
                make_values(x, (s + p) % 2 == 0);
                check_track(&smooths[s], phases[p], x, known[k]);
            }
}

/* From the state before a step everything after it has the same bits. */
static void a_saved_state_goes_on_with_the_same_bits(void **state) {
    (void)state;
    Memory memory;
    memory_init(&memory, NULL);
    const size_t starts[] = {0, 1, 59, 60, 200, LENGTH - 1, LENGTH};
    for (size_t s = 0; s < SMOOTHS; s++)
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
            const Smooth *const smooth = &smooths[s];
            const size_t from = starts[i], size = smooth_state_size(smooth);
            float x[LENGTH];
            SmoothTrack whole, tail;
            double *const kept = zeroed(size, sizeof *kept);
            make_values(x, true);
            assert_true(smooth_track_create(&memory, smooth, -3, LENGTH, &whole));
            smooth_begin(smooth, x, LENGTH, &whole);
            smooth_run(smooth, x, &whole, from, kept);
            assert_true(
                smooth_track_create(&memory, smooth, (int64_t)from - 3, LENGTH - from, &tail));
            memcpy(tail.start, kept, size * sizeof *kept);
            smooth_run(smooth, x + from, &tail, 0, NULL);
            for (size_t origin = from; origin <= LENGTH; origin++) {
                /* The values of a track are floats, those of a state doubles. */
                if (origin < from + LONGEST && origin < LENGTH) continue;
                for (size_t step = origin; step < origin + 70; step++) {
                    const double one = smooth_forecast(smooth, &whole, origin, step);
                    const double other = smooth_forecast(smooth, &tail, origin - from, step - from);
                    if (LENGTH - from < LONGEST ? fabs(one - other) > 1e-6
                                                : memcmp(&one, &other, sizeof one) != 0)
                        fail_msg("%zu seasons from %zu, step %zu from %zu: %.17g and %.17g",
                                 smooth->count, from, step, origin, one, other);
                }
            }
            smooth_track_release(&memory, smooth, &tail);
            smooth_track_release(&memory, smooth, &whole);
            free(kept);
        }
}

/* The mean square error over the horizon that the fit makes least, from every origin of the second
 * part of the training part. */
static double squares(const elman_forecaster *forecaster, const View *view, const Smooth *smooth,
                      size_t train) {
    Memory *const memory = &forecaster->context->memory;
    const size_t longest = smooth->count > 0 ? smooth->steps[smooth->count - 1] : 5;
    const size_t first = 2 * longest < train / 2 ? 2 * longest : train / 2;
    double sum = 0.0, count = 0.0;
    SmoothTrack track;
    assert_true(smooth_track_create(memory, smooth, view->phase, train, &track));
    smooth_begin(smooth, view->x, train, &track);
    smooth_run(smooth, view->x, &track, 0, NULL);
    for (size_t origin = first; origin < train; origin++)
        for (size_t step = origin; step < origin + forecaster->horizon && step < train; step++) {
            const double missed =
                (double)view->x[step] - smooth_forecast(smooth, &track, origin, step);
            if (isnan(missed)) continue;
            sum += missed * missed;
            count += 1.0;
        }
    smooth_track_release(memory, smooth, &track);
    return sum / count;
}

static void the_fit_is_better_than_its_start(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t gaps = 0; gaps < 10; gaps += 9)
        for (uint64_t seed = 0; seed < 3; seed++) {
            const SheetSpec sheet = {
                .series = 1, .steps = 260, .unit = 'd', .gaps = gaps, .seed = seed};
            const elman_forecaster_options options = {
                .struct_size = sizeof options, .horizon = 4, .base = ELMAN_BASE_SMOOTH};
            elman_series *const series = make_series(context, &sheet);
            elman_forecaster *forecaster = NULL;
            Views views;
            size_t train, valid;
            assert_false(elman_forecaster_create(context, series, &options, &forecaster, NULL));
            assert_false(views_create(forecaster, series, 0, VIEWS_LEARN, &views, NULL));
            const Smooth found = forecaster->smooth;
            Smooth start = found;
            assert_int_equal(found.count, 1);
            assert_int_equal(found.steps[0], 7);
            assert_true(found.level >= 0.0 && found.level < 1.0);
            assert_true(found.rest >= 0.0 && found.rest < 1.0);
            assert_true(found.season[0] >= 0.0 && found.season[0] < 1.0);
            start.level = 0.1;
            start.rest = 0.5;
            start.season[0] = 0.1;
            forecaster_parts(forecaster, 260, &train, &valid);
            const double least = squares(forecaster, &views.view[0], &found, train);
            assert_true(least < squares(forecaster, &views.view[0], &start, train));
            /* Nor does another of a few make it less. */
            for (size_t g = 0; g < 4; g++) {
                static const double others[] = {0.0, 0.1, 0.4, 0.9};
                Smooth other = found;
                other.level = others[g];
                assert_true(least <= squares(forecaster, &views.view[0], &other, train));
                other = found;
                other.season[0] = others[g];
                assert_true(least <= squares(forecaster, &views.view[0], &other, train));
            }
            views_release(&views);
            elman_forecaster_destroy(forecaster);
            elman_series_destroy(series);
        }
    elman_context_destroy(context);
}

/* A series that is its season and nothing else is forecast exactly. */
static void a_season_alone_is_found(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    double y[120];
    for (size_t t = 0; t < 120; t++) y[t] = (double)(t * t % 12);
    elman_series *const series = series_of(context, y, 120);
    Learner learner = make_learner(
        context, series,
        (elman_forecaster_options){
            .horizon = 20, .seasons = {12}, .season_count = 1, .base = ELMAN_BASE_AUTO},
        2, 1);
    elman_forecast *const forecast = forecast_of(&learner, series, (elman_predict_options){0});
    for (size_t h = 0; h < 20; h++) {
        const double want = (double)((120 + h) * (120 + h) % 12);
        assert_true(fabs(elman_forecast_values(forecast, 0, ELMAN_LINE_BASE)[h] - want) < 1e-4);
        assert_true(elman_forecast_values(forecast, 0, ELMAN_LINE_SEASONAL_NAIVE)[h] == want);
    }
    elman_forecast_destroy(forecast);
    learner_free(&learner);
    elman_series_destroy(series);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoothing_is_the_reference),
        cmocka_unit_test(a_saved_state_goes_on_with_the_same_bits),
        cmocka_unit_test(the_fit_is_better_than_its_start),
        cmocka_unit_test(a_season_alone_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
