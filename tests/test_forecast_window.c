/* What forecasters read of a window: nothing from its origin on, and what each input says it is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast/source.h"
#include "support/forecasting.h"
#include "support/passes.h"

/* One way to make a forecaster. */
typedef struct Way {
    SheetSpec sheet;
    elman_forecaster_options options;
} Way;

/* 40 steps are short, 700 long enough to read changes from season to season. */
static const Way ways[] = {
    {{.series = 1, .steps = 60, .unit = 'n'}, {.horizon = 4, .no_season = 1}},
    {{.series = 2, .steps = 80, .unit = 'd', .known = true, .past = true, .statics = true},
     {.horizon = 5, .logarithm = 1, .base = ELMAN_BASE_SEASONAL}},
    {{.series = 2, .steps = 90, .unit = 'd', .gaps = 6, .known = true, .past = true},
     {.horizon = 5, .base = ELMAN_BASE_LAST, .lags = {1, 3, 8}, .lag_count = 3}},
    {{.series = 2, .steps = 700, .unit = 'h', .gaps = 9, .past = true, .statics = true},
     {.horizon = 30, .base = ELMAN_BASE_SMOOTH}},
    {{.series = 1, .steps = 700, .unit = 'b', .known = true},
     {.horizon = 7, .base = ELMAN_BASE_SEASONAL, .seasons = {5, 20}, .season_count = 2}},
    {{.series = 1, .steps = 120, .unit = 'm', .gaps = 11},
     {.horizon = 12, .base = ELMAN_BASE_NONE, .lags = {2, 12}, .lag_count = 2}},
    {{.series = 2, .steps = 120, .unit = 'm', .counts = true},
     {.horizon = 6, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL}},
    {{.series = 2, .steps = 90, .unit = 'd', .gaps = 5, .known = true, .statics = true},
     {.horizon = 6, .recursive = 1, .logarithm = 1}},
    {{.series = 1, .steps = 90, .unit = 'n', .gaps = 4},
     {.horizon = 6, .recursive = 1, .base = ELMAN_BASE_LAST, .lags = {1, 2, 9}, .lag_count = 3}},
    {{.series = 1, .steps = 200, .unit = 'h', .counts = true},
     {.horizon = 6, .recursive = 1, .loss = ELMAN_LOSS_NEGATIVE_BINOMIAL}},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* A series, a forecaster of it, and its views. */
typedef struct Bench {
    elman_context *context;
    elman_series *series;
    elman_forecaster *forecaster;
    Views views;
    bool has_views;
} Bench;

static void look(Bench *bench) {
    elman_error error = {0};
    if (bench->has_views) views_release(&bench->views);
    bench->has_views = true;
    if (views_create(bench->forecaster, bench->series, 0, VIEWS_LEARN, &bench->views, &error))
        fail_msg("%s", error.message);
}

static Bench begin(const Way *way) {
    Bench bench = {.context = open_context(NULL, 1)};
    elman_forecaster_options options = way->options;
    elman_error error = {0};
    options.struct_size = sizeof options;
    bench.series = make_series(bench.context, &way->sheet);
    if (elman_forecaster_create(bench.context, bench.series, &options, &bench.forecaster, &error))
        fail_msg("%s", error.message);
    look(&bench);
    return bench;
}

static void end(Bench *bench) {
    views_release(&bench->views);
    elman_forecaster_destroy(bench->forecaster);
    elman_series_destroy(bench->series);
    elman_context_destroy(bench->context);
}

/* Everything that must not know what comes: inputs of the window (of a recursive forecaster those
 * up to the origin) and the bases of the horizon (of the origin). */
typedef struct Read {
    float *inputs;
    double *bases;
    size_t input_count, base_count;
} Read;

static Read read_window(const Bench *bench, size_t series, size_t origin) {
    const elman_forecaster *const f = bench->forecaster;
    const View *const view = &bench->views.view[series];
    const size_t ahead = f->recursive ? 1 : f->horizon;
    Read read = {.base_count = ahead, .input_count = (f->steps_before + ahead) * f->feature_count};
    read.inputs = zeroed(read.input_count, sizeof(float));
    read.bases = zeroed(ahead, sizeof(double));
    for (size_t i = 0; i < read.input_count; i++) read.inputs[i] = 77.0f;
    window_inputs(&bench->views, view, origin, ahead, read.inputs, f->feature_count);
    for (size_t h = 0; h < ahead; h++) read.bases[h] = window_base(view, f, origin, origin + h);
    return read;
}

static void read_free(Read *read) {
    free(read->inputs);
    free(read->bases);
}

/* Other values, some of them missing, and other past covariates, from step `origin` on. */
static void change_from(const Bench *bench, size_t origin, uint64_t seed) {
    const size_t past = bench->series->past_count;
    for (size_t i = 0; i < bench->series->count; i++) {
        const OneSeries *const one = &bench->series->one[i];
        for (size_t t = origin; t < one->length; t++) {
            const double draw = made_up(seed, t);
            one->y[t] = draw < 0.2 ? (double)NAN : 1.0 + floor(900.0 * draw);
            for (size_t c = 0; c < past; c++) one->past[t * past + c] = (float)(50.0 * draw);
        }
    }
}

static void no_window_looks_ahead(void **state) {
    (void)state;
    for (size_t w = 0; w < WAYS; w++) {
        const size_t steps = ways[w].sheet.steps;
        /* Later ones first: what is behind an origin may have been changed before. The start of
         * smoothing is guessed from two cycles, of 168 hours. */
        const size_t origins[] = {steps, steps - 1, steps - 9, steps * 3 / 4, 50, 23, 8, 1, 0};
        Bench bench = begin(&ways[w]);
        for (size_t o = 0; o < sizeof origins / sizeof *origins; o++) {
            const size_t origin = origins[o];
            if (bench.forecaster->base == ELMAN_BASE_SMOOTH && origin < 2 * 168) continue;
            for (size_t i = 0; i < bench.series->count; i++) {
                Read before = read_window(&bench, i, origin);
                change_from(&bench, origin, 5 + o);
                look(&bench);
                Read after = read_window(&bench, i, origin);
                if (memcmp(before.inputs, after.inputs, before.input_count * sizeof(float)) != 0)
                    fail_msg("way %zu, origin %zu: an input knows what comes", w, origin);
                if (memcmp(before.bases, after.bases, before.base_count * sizeof(double)) != 0)
                    fail_msg("way %zu, origin %zu: the base knows what comes", w, origin);
                for (size_t k = 0; k < before.input_count; k++)
                    assert_true(isfinite(before.inputs[k]));
                read_free(&before);
                read_free(&after);
            }
        }
        end(&bench);
    }
}

/* ---- What the inputs say, computed in another way ---- */

/* The value of step `at` as it is read: scaled by hand; NaN: missing. */
static double scaled(const Bench *bench, size_t series, size_t at) {
    const elman_forecaster *const f = bench->forecaster;
    const Standard *const standard = &f->members[series].standard;
    const double y = bench->series->one[series].y[at];
    return ((f->logarithm ? log(y) : y) - standard->location) / standard->scale;
}

/* The last value below `origin` of the phase of `at`; NaN: there is none. */
static double last_of_phase(const Bench *bench, size_t series, size_t origin, size_t at) {
    const size_t season = bench->forecaster->base_season;
    for (size_t t = origin; t-- > 0;)
        if ((at - t) % season == 0 && !isnan(bench->series->one[series].y[t]))
            return scaled(bench, series, t);
    return NAN;
}

static double want_base(const Bench *bench, size_t series, size_t origin, size_t step) {
    if (bench->forecaster->base == ELMAN_BASE_NONE) return 0.0;
    const double last = last_of_phase(bench, series, origin, step);
    return isnan(last) ? 0.0 : last;
}

static double want_lag(const Bench *bench, size_t series, size_t origin, size_t step, size_t lag) {
    if (lag > step) return 0.0;
    const size_t at = step - lag;
    const double value =
        at < origin ? scaled(bench, series, at) : last_of_phase(bench, series, origin, at);
    return isnan(value) ? 0.0 : value;
}

/* The mean of the last season's values that are read less than it. */
static double want_mean(const Bench *bench, size_t series, size_t origin) {
    const elman_forecaster *const f = bench->forecaster;
    const size_t season = f->season_count > 0 ? f->seasons[f->season_count - 1] : 1;
    double sum = 0.0, count = 0.0;
    if (!f->changes) return 0.0;
    for (size_t t = 0; t < origin; t++) {
        const double value = scaled(bench, series, t);
        if (t + season < origin || isnan(value)) continue;
        sum += value;
        count += 1.0;
    }
    return count > 0.0 ? sum / count : 0.0;
}

static bool is_close(double got, double want) {
    return fabs(got - want) <= 2e-5 * (1.0 + fabs(want));
}

/* A covariate's column in its training part has mean 0 and spread 1. */
static double want_covariate(const Bench *bench, size_t series, bool known, size_t step) {
    const elman_series *const all = bench->series;
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (size_t i = 0; i < all->count; i++) {
        size_t train, valid;
        forecaster_parts(bench->forecaster, all->one[i].length, &train, &valid);
        for (size_t t = 0; t < train; t++) {
            const double x = (double)(known ? all->one[i].known : all->one[i].past)[t];
            sum += x;
            squares += x * x;
            count += 1.0;
        }
    }
    const double mean = sum / count, spread = sqrt(squares / count - mean * mean);
    const OneSeries *const one = &all->one[series];
    return ((double)(known ? one->known : one->past)[step] - mean) / spread;
}

/* Checks input `name` of step `step`; false: not one that is computed here. */
static bool check_input(const Bench *bench, size_t series, size_t origin, size_t step,
                        const char *name, double got) {
    const elman_forecaster *const f = bench->forecaster;
    static const char *const words[] = {"corner", "mall", "street"};
    const OneSeries *const one = &bench->series->one[series];
    size_t lag = 0;
    int read = 0;
    double want;
    if (sscanf(name, "lag %zu%n", &lag, &read) == 1 && name[read] == '\0') {
        want = want_lag(bench, series, origin, step, lag) - want_mean(bench, series, origin);
    } else if (strcmp(name, "lag 1 is known") == 0) {
        want = step > 0 && step - 1 < origin && !isnan(one->y[step - 1]) ? 1.0 : 0.0;
    } else if (strcmp(name, "place in the horizon") == 0) {
        want = step < origin ? 0.0 : (double)(step - origin + 1) / (double)f->horizon;
    } else if (strcmp(name, "price") == 0) {
        want = want_covariate(bench, series, true, step);
    } else if (strcmp(name, "sensor, lag 1") == 0) {
        want = step > 0 && step <= origin ? want_covariate(bench, series, false, step - 1) : 0.0;
    } else if (strcmp(name, "size") == 0) {
        want = series == 0 ? -1.0 : 1.0;
    } else if (strncmp(name, "shop is ", 8) == 0) {
        want = strcmp(name + 8, words[series]) == 0 ? 1.0 : 0.0;
    } else if (strncmp(name, "season ", 7) == 0 && strstr(name, "(sine 1)") != NULL &&
               f->spacing.unit == ELMAN_TIME_NUMBER) {
        want = sin(2.0 * 3.14159265358979323846 * (double)(step + 1) / atof(name + 7));
    } else {
        return false;
    }
    if (!is_close(got, want))
        fail_msg("\"%s\" of step %zu from origin %zu: %g instead of %g", name, step, origin, got,
                 want);
    return true;
}

static void check_window(const Bench *bench, size_t series, size_t origin) {
    const elman_forecaster *const f = bench->forecaster;
    Read read = read_window(bench, series, origin);
    const size_t ahead = f->recursive ? 1 : f->horizon;
    size_t checked = 0;
    for (size_t k = 0; k < f->steps_before + ahead; k++)
        for (size_t i = 0; i < f->feature_count; i++) {
            const double got = (double)read.inputs[k * f->feature_count + i];
            char name[ELMAN_INPUT_NAME_MAX];
            if (origin + k < f->steps_before) {
                if (got != 0.0) fail_msg("a step before the first reads %g", got);
                continue;
            }
            const size_t step = origin + k - f->steps_before;
            elman_forecaster_input_name(f, i, name);
            assert_true(name[0] != '\0');
            checked += check_input(bench, series, f->recursive ? step : origin, step, name, got);
        }
    assert_true(checked > 0 || origin == 0);
    for (size_t h = 0; h < ahead && f->base != ELMAN_BASE_SMOOTH; h++)
        if (!is_close(read.bases[h], want_base(bench, series, origin, origin + h)))
            fail_msg("the base %zu steps from %zu is %g", h, origin, read.bases[h]);
    read_free(&read);
}

static void inputs_are_what_their_names_say(void **state) {
    (void)state;
    for (size_t w = 0; w < WAYS; w++) {
        Bench bench = begin(&ways[w]);
        const size_t steps = ways[w].sheet.steps - ways[w].options.horizon;
        const size_t origins[] = {0, 1, 2, 8, 30, steps - 1, steps};
        for (size_t i = 0; i < bench.series->count; i++)
            for (size_t o = 0; o < sizeof origins / sizeof *origins; o++)
                check_window(&bench, i, origins[o]);
        end(&bench);
    }
}

/* Targets of a batch, and the network's predictions undone: base + residual * target = x. */
static void targets_are_what_comes(void **state) {
    (void)state;
    for (size_t w = 0; w < WAYS; w++) {
        Bench bench = begin(&ways[w]);
        const elman_forecaster *const f = bench.forecaster;
        const size_t origins[] = {0, 3, 40, ways[w].sheet.steps - 2};
        WindowBatch batch;
        assert_false(window_batch_create(&bench.views, 3, &batch, NULL));
        for (size_t o = 0; o < sizeof origins / sizeof *origins; o++) {
            const size_t origin = origins[o];
            window_batch_put(&batch, 1, 3, &bench.views.view[0], origin);
            for (size_t k = 0; k < batch.steps; k++) {
                const double got = (double)batch.targets[k * 3 + 1];
                const size_t step = origin + k - f->steps_before;
                const bool is_told = origin + k >= f->steps_before && step < ways[w].sheet.steps &&
                                     (k >= f->steps_before || (f->recursive && step > 0)) &&
                                     !isnan(bench.series->one[0].y[step]);
                if (!is_told) {
                    assert_true(isnan(got));
                    continue;
                }
                const size_t from = f->recursive ? step : origin;
                double want = bench.series->one[0].y[step];
                if (f->loss != ELMAN_LOSS_NEGATIVE_BINOMIAL)
                    want = (scaled(&bench, 0, step) -
                            (f->base == ELMAN_BASE_SMOOTH
                                 ? window_base(&bench.views.view[0], f, from, step)
                                 : want_base(&bench, 0, from, step))) /
                           f->residual;
                if (!is_close(got, want))
                    fail_msg("way %zu: the target of step %zu from %zu is %g, not %g", w, step,
                             from, got, want);
            }
        }
        window_batch_release(&batch);
        end(&bench);
    }
}

/* Known covariates of the horizon are read. */
static void the_known_future_matters(void **state) {
    (void)state;
    Bench bench = begin(&ways[1]);
    Read before = read_window(&bench, 0, 60);
    bench.series->one[0].known[62] += 1.0f;
    look(&bench);
    Read after = read_window(&bench, 0, 60);
    assert_true(memcmp(before.inputs, after.inputs, before.input_count * sizeof(float)) != 0);
    read_free(&before);
    read_free(&after);
    end(&bench);
}

/* The start of smoothing is guessed from the first values, but not from those that windows of the
 * validation part or a held-out part are to predict. */
static void smoothing_begins_with_what_may_be_known(void **state) {
    (void)state;
    const Way way = {{.series = 1, .steps = 110, .unit = 'n'},
                     {.horizon = 5,
                      .base = ELMAN_BASE_SMOOTH,
                      .seasons = {50},
                      .season_count = 1,
                      .valid = 20,
                      .hold_out = 20}};
    Bench bench = begin(&way);
    const Smooth smooth = bench.forecaster->smooth;
    elman_forecaster_options options = way.options;
    options.struct_size = sizeof options;
    change_from(&bench, 70, 3);
    elman_forecaster *again = NULL;
    assert_false(elman_forecaster_create(bench.context, bench.series, &options, &again, NULL));
    assert_memory_equal(&smooth, &again->smooth, sizeof smooth);
    assert_memory_equal(bench.forecaster->members[0].state, again->members[0].state,
                        smooth_state_size(&smooth) * sizeof(double));
    elman_forecaster_destroy(again);
    end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_looks_ahead),
        cmocka_unit_test(inputs_are_what_their_names_say),
        cmocka_unit_test(targets_are_what_comes),
        cmocka_unit_test(the_known_future_matters),
        cmocka_unit_test(smoothing_begins_with_what_may_be_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
