/* The losses of one position and what outputs predict: against definitions and golden values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/distribution.h"
#include "core/random.h"
#include "core/special.h"
#include "model/loss.h"
#include "reference/losses.h"
#include "test_loss_golden.h"

#define U 0x1p-53

enum { WIDE = 9 };
static const double levels[WIDE] = {0.005, 0.05, 0.1, 0.25, 0.5, 0.6, 0.9, 0.975, 0.999};

static const elman_loss_kind kinds[] = {ELMAN_LOSS_QUANTILE, ELMAN_LOSS_GAUSSIAN,
                                        ELMAN_LOSS_STUDENT_T, ELMAN_LOSS_NEGATIVE_BINOMIAL};
enum { KINDS = 4 };

static elman_targets targets_of(elman_loss_kind kind, size_t quantiles) {
    return (elman_targets){.struct_size = sizeof(elman_targets),
                           .loss = kind,
                           .quantiles = levels,
                           .quantile_count = quantiles};
}

static double uniform(uint64_t draw, double low, double high) {
    return low + (high - low) * random_uniform(11, RANDOM_TASK, 0, draw);
}

static long double reference(const elman_targets *targets, const long double *a, double y,
                             double scale) {
    switch (targets->loss) {
    case ELMAN_LOSS_QUANTILE:
        return reference_quantile(targets->quantile_count, targets->quantiles, a, y);
    case ELMAN_LOSS_GAUSSIAN:
        return reference_gaussian(a, y);
    case ELMAN_LOSS_STUDENT_T:
        return reference_student_t(a, y);
    default:
        return reference_negative_binomial(a, y, scale);
    }
}

/* Outputs in [-4, 4] and a target to go with them; draw number `draw` of a kind. */
static double sample(const elman_targets *targets, uint64_t draw, double *a, double *scale) {
    const uint64_t first = draw * 128;
    for (uint64_t i = 0; i < elman_loss_outputs(targets->loss, targets->quantile_count); i++)
        a[i] = uniform(first + i, -4.0, 4.0);
    *scale = exp(uniform(first + 100, -3.0, 6.0));
    if (targets->loss != ELMAN_LOSS_NEGATIVE_BINOMIAL) return uniform(first + 101, -6.0, 6.0);
    const double y = *scale * uniform(first + 101, 0.0, 8.0);
    return draw % 3 == 0 ? y : floor(y);
}

/* Central differences of the reference by output `at`, for h and h / 2. */
static long double slope(const elman_targets *targets, const double *a, double y, double scale,
                         size_t at, long double h) {
    long double up[ELMAN_LOSS_QUANTILES_MAX], down[ELMAN_LOSS_QUANTILES_MAX];
    for (size_t i = 0; i < elman_loss_outputs(targets->loss, targets->quantile_count); i++)
        up[i] = down[i] = (long double)a[i];
    up[at] += h;
    down[at] -= h;
    return (reference(targets, up, y, scale) - reference(targets, down, y, scale)) / (2.0L * h);
}

/* Whether a quantile is so near the target that a difference would reach across. */
static bool near_kink(const elman_targets *targets, const double *a, double y) {
    double q[ELMAN_LOSS_QUANTILES_MAX];
    if (targets->loss != ELMAN_LOSS_QUANTILE) return false;
    loss_quantiles(targets, a, q);
    for (size_t i = 0; i < targets->quantile_count; i++)
        if (fabs(q[i] - y) < 1e-3) return true;
    return false;
}

/* Values: some units of the terms, which are below 1 + |the loss| + 10 |y| (the logarithm of r /
 * mean is below 10). Gradients: D(h) = f' + c h^2 + ..., so that D(h / 2) is off by about a third
 * of what D(h) differs from it; and the rounding of the reference's terms, below 10^5, over h. */
static void values_and_gradients(void **state) {
    (void)state;
    const long double h = 1e-4L;
    for (size_t k = 0; k < KINDS; k++)
        for (uint64_t draw = 0; draw < 3000; draw++) {
            const elman_targets targets = targets_of(kinds[k], 1 + draw % WIDE);
            const size_t count = elman_loss_outputs(kinds[k], targets.quantile_count);
            double a[WIDE], gradient[WIDE], scale;
            long double wide[WIDE];
            const double y = sample(&targets, draw, a, &scale);
            for (size_t i = 0; i < count; i++) wide[i] = (long double)a[i];
            const double got = loss_of_position(&targets, a, y, scale, gradient);
            const double want = (double)reference(&targets, wide, y, scale);
            const double terms = 1.0 + fabs(want) + 10.0 * fabs(y);
            if (!(fabs(got - want) <= 64 * U * terms))
                fail_msg("%s, draw %d: %.17g, want %.17g", elman_loss_name(kinds[k]), (int)draw,
                         got, want);
            if (near_kink(&targets, a, y)) continue;
            for (size_t i = 0; i < count; i++) {
                const long double rough = slope(&targets, a, y, scale, i, h);
                const long double fine = slope(&targets, a, y, scale, i, h / 2.0L);
                const long double bound = fabsl(rough - fine) + 1e5L * 0x1p-60L / h;
                if (!(fabsl((long double)gradient[i] - fine) <= bound))
                    fail_msg("%s, draw %d: derivative %zu is %.12g, want %.12g +- %.3g",
                             elman_loss_name(kinds[k]), (int)draw, i, gradient[i], (double)fine,
                             (double)bound);
            }
        }
}

/* MSE, MAE and Huber, on both sides of the bends and on them. */
static void differences(void **state) {
    (void)state;
    static const double values[] = {-1e30, -7.0, -1.5, -1.0, -0.3, 0.0, 1e-9, 0.5, 1.0, 2.0, 1e30};
    static const double deltas[] = {0.0, 0.25, 1.5, 1e3};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        const double d = values[i];
        double gradient;
        elman_targets targets = targets_of(ELMAN_LOSS_MSE, 0);
        assert_true(loss_of_difference(&targets, d, &gradient) == d * d && gradient == 2.0 * d);
        targets.loss = ELMAN_LOSS_MAE;
        assert_true(loss_of_difference(&targets, d, &gradient) == fabs(d));
        assert_true(gradient == (double)(d > 0.0) - (double)(d < 0.0));
        targets.loss = ELMAN_LOSS_HUBER;
        for (size_t k = 0; k < 4; k++) {
            const double delta = deltas[k] > 0.0 ? deltas[k] : 1.0;
            targets.huber_delta = deltas[k];
            const double got = loss_of_difference(&targets, d, &gradient);
            const double want = (double)reference_huber(d, 0.0L, delta);
            assert_true(fabs(got - want) <= 4 * U * want);
            assert_true(gradient == (d > delta ? delta : d < -delta ? -delta : d));
        }
    }
}

/* What rounding may do to derivative i: some units of the terms that it is a sum of. */
static double rounding(const Golden *row, size_t i) {
    const double *const a = row->output;
    if (row->kind == ELMAN_LOSS_STUDENT_T && i == 2) {
        const double nu = loss_degrees(a[2]), z = (row->y - a[0]) / loss_spread(a[1]);
        return sigmoid(a[2]) * (2.0 / nu + logarithm_1p(z * z / nu));
    }
    if (row->kind == ELMAN_LOSS_NEGATIVE_BINOMIAL) {
        const double r = 1.0 / loss_spread(a[1]), mean = loss_count_mean(a[0], row->scale);
        if (i == 0) return sigmoid(a[0]) * row->scale * (1.0 + row->y / mean) / (1.0 + mean / r);
        return sigmoid(a[1]) * r * r *
               (logarithm_1p(mean / r) + logarithm_1p(row->y / r) +
                fabs(row->y - mean) / (r + mean));
    }
    return 0.0;
}

static void golden_values(void **state) {
    (void)state;
    for (size_t g = 0; g < sizeof(golden) / sizeof(*golden); g++) {
        const Golden *const row = &golden[g];
        const elman_targets targets = targets_of(row->kind, 0);
        double gradient[3];
        const double got = loss_of_position(&targets, row->output, row->y, row->scale, gradient);
        double terms = 1.0 + fabs(row->value);
        if (row->kind == ELMAN_LOSS_NEGATIVE_BINOMIAL) {
            const double mean = loss_count_mean(row->output[0], row->scale);
            const double r = 1.0 / loss_spread(row->output[1]);
            terms += r * logarithm_1p(mean / r) + row->y * logarithm_1p(r / mean);
        }
        if (!(fabs(got - row->value) <= 64 * U * terms))
            fail_msg("row %zu: %.17g, want %.17g", g, got, row->value);
        for (size_t i = 0; i < elman_loss_outputs(row->kind, 0); i++) {
            const double bound =
                1e-14 * fabs(row->gradient[i]) + 64 * U * rounding(row, i) + 1e-300;
            if (!(fabs(gradient[i] - row->gradient[i]) <= bound))
                fail_msg("row %zu: derivative %zu is %.17g, want %.17g +- %.3g", g, i, gradient[i],
                         row->gradient[i], bound);
        }
    }
}

static const double extremes[] = {0.0,   -0.0, 1e-45, 0.5,  1.0,  -1.0,  3.0,    50.0,   -50.0,
                                  745.0, -800, 1e7,   -1e7, 1e30, -1e30, 3.4e38, -3.4e38};
enum { EXTREMES = sizeof(extremes) / sizeof(*extremes) };

/* Finite for every combination of extremes, and predictions neither cross nor lose their way. */
static void extremes_stay_finite(void **state) {
    static const double scales[] = {1e-45, 1.0, 3.4e38};
    static const double asked[] = {0.0, 1e-300, 1e-9, 0.01, 0.3, 0.5, 0.8, 0.99, 1.0 - U};
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        const elman_targets targets = targets_of(kinds[k], 3);
        const size_t count = elman_loss_outputs(kinds[k], 3);
        const bool counts = kinds[k] == ELMAN_LOSS_NEGATIVE_BINOMIAL;
        for (size_t code = 0; code < (count == 2 ? 1 : EXTREMES) * EXTREMES * EXTREMES; code++) {
            const double a[3] = {extremes[code % EXTREMES], extremes[code / EXTREMES % EXTREMES],
                                 extremes[code / EXTREMES / EXTREMES]};
            const float output[3] = {(float)a[0], (float)a[1], (float)a[2]};
            for (size_t s = counts ? 0 : 1; s < (counts ? 3 : 2); s++) {
                for (size_t i = 0; i < EXTREMES; i++) {
                    double gradient[3] = {0};
                    if (counts && extremes[i] < 0.0) continue;
                    const double loss =
                        loss_of_position(&targets, a, extremes[i], scales[s], gradient);
                    if (!isfinite(loss) || !isfinite(gradient[0]) || !isfinite(gradient[1]) ||
                        !isfinite(gradient[2]))
                        fail_msg("%s(%g, %g, %g) of %g with scale %g: %g, %g %g %g",
                                 elman_loss_name(kinds[k]), a[0], a[1], a[2], extremes[i],
                                 scales[s], loss, gradient[0], gradient[1], gradient[2]);
                }
                if (code % 7 != 0) continue;
                assert_true(isfinite(elman_loss_predict_mean(&targets, output, scales[s])));
                double before = -INFINITY;
                for (size_t i = 1; i < 9; i++) {
                    const double q =
                        elman_loss_predict_quantile(&targets, output, scales[s], asked[i]);
                    if (!(isfinite(q) && q >= before))
                        fail_msg("%s(%g, %g, %g), level %g: %g after %g", elman_loss_name(kinds[k]),
                                 a[0], a[1], a[2], asked[i], q, before);
                    before = q;
                }
            }
        }
    }
}

/* Quantiles of random outputs never cross; at its own levels the quantile loss predicts its own
 * quantiles, between and beyond them on straight lines. */
static void quantiles_rise(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        for (uint64_t draw = 0; draw < 500; draw++) {
            const size_t wide = 1 + draw % WIDE;
            const elman_targets targets = targets_of(kinds[k], wide);
            double a[WIDE], q[WIDE], scale, before = -INFINITY;
            float output[WIDE];
            (void)sample(&targets, draw, a, &scale);
            for (size_t i = 0; i < elman_loss_outputs(kinds[k], wide); i++) {
                output[i] = (float)(10.0 * a[i]);
                a[i] = (double)output[i];
            }
            for (int i = 1; i < 200; i++) {
                const double at = elman_loss_predict_quantile(&targets, output, scale, i / 200.0);
                if (!(at >= before))
                    fail_msg("%s, level %g: %.17g after %.17g", elman_loss_name(kinds[k]),
                             i / 200.0, at, before);
                before = at;
            }
            if (kinds[k] != ELMAN_LOSS_QUANTILE) continue;
            loss_quantiles(&targets, a, q);
            assert_true(q[wide / 2] == elman_loss_predict_mean(&targets, output, scale));
            for (size_t i = 0; i < wide; i++) {
                const double at = elman_loss_predict_quantile(&targets, output, 1.0, levels[i]);
                assert_true(i == 0 || q[i] >= q[i - 1]);
                assert_true(fabs(at - q[i]) <=
                            8 * U * (fabs(q[i]) + fabs(q[0]) + fabs(q[wide - 1])));
            }
            if (wide < 2) continue;
            const double middle = elman_loss_predict_quantile(&targets, output, 1.0, 0.0275);
            assert_true(fabs(middle - 0.5 * (q[0] + q[1])) <= 1e-13 * (fabs(q[0]) + fabs(q[1])));
            const double below = elman_loss_predict_quantile(&targets, output, 1.0, 0.0025);
            const double line = q[0] - (q[1] - q[0]) * 0.0025 / 0.045;
            assert_true(fabs(below - line) <= 1e-13 * (fabs(q[0]) + fabs(q[1])));
        }
}

/* P(y <= quantile) is the level, by the C library's functions or by summing up. */
static void quantiles_hold_their_level(void **state) {
    (void)state;
    for (int i = 1; i < 100; i++) {
        const double level = i / 100.0;
        elman_targets targets = targets_of(ELMAN_LOSS_GAUSSIAN, 0);
        const float output[3] = {1.5f, -0.5f, 1.0f};
        const double sigma = log1p(exp(-0.5)) + 1e-4, nu = 2.0 + log1p(exp(1.0));
        double q = elman_loss_predict_quantile(&targets, output, 1.0, level);
        assert_true(fabs(0.5 * erfc((1.5 - q) / sigma / sqrt(2.0)) - level) <= 1e-14);
        targets.loss = ELMAN_LOSS_STUDENT_T;
        q = elman_loss_predict_quantile(&targets, output, 1.0, level);
        assert_true(fabs(student_t_tails((q - 1.5) / sigma, nu).lower - level) <= 1e-12);
        targets.loss = ELMAN_LOSS_NEGATIVE_BINOMIAL;
        q = elman_loss_predict_quantile(&targets, output, 20.0, level);
        const double mean = 20.0 * (log1p(exp(1.5)) + 1e-6), r = 1.0 / sigma;
        double sum = 0.0, k = 0.0;
        for (;; k += 1.0) {
            sum += exp(lgamma(k + r) - lgamma(r) - lgamma(k + 1.0) + r * log(r / (r + mean)) +
                       k * log(mean / (r + mean)));
            if (sum >= level) break;
        }
        assert_true(q == k);
    }
}

/* The mean of 40000 draws is within five of its standard errors of the mean predicted, and their
 * variance what it should be, to some percent. */
static void draws(void **state) {
    enum { DRAWS = 40000 };
    (void)state;
    for (size_t k = 1; k < KINDS; k++) {
        const elman_targets targets = targets_of(kinds[k], 0);
        const float output[3] = {2.0f, 0.7f, 8.0f};
        const double scale = 5.0, spread = loss_spread((double)output[1]);
        double sum = 0.0, squares = 0.0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            const double level = random_uniform(3, RANDOM_SAMPLE, (uint32_t)k, i);
            const double y = elman_loss_predict_quantile(&targets, output, scale, level);
            sum += y;
            squares += y * y;
        }
        const double mean = elman_loss_predict_mean(&targets, output, scale);
        const double nu = loss_degrees((double)output[2]);
        const double variance = kinds[k] == ELMAN_LOSS_GAUSSIAN    ? spread * spread
                                : kinds[k] == ELMAN_LOSS_STUDENT_T ? spread * spread * nu / (nu - 2)
                                                                   : mean + spread * mean * mean;
        const double found = squares / DRAWS - sum / DRAWS * sum / DRAWS;
        assert_true(fabs(sum / DRAWS - mean) <= 5.0 * sqrt(variance / DRAWS));
        assert_true(fabs(found / variance - 1.0) <= 0.06);
    }
}

static void names_and_widths(void **state) {
    static const char *const names[] = {
        "cross-entropy", "mse",      "mae",       "huber",
        "quantile",      "gaussian", "student-t", "negative-binomial"};
    static const size_t widths[] = {0, 1, 1, 1, 7, 2, 3, 2};
    (void)state;
    for (int i = 0; i < 8; i++) {
        assert_string_equal(elman_loss_name((elman_loss_kind)i), names[i]);
        assert_int_equal(elman_loss_outputs((elman_loss_kind)i, 7), widths[i]);
    }
    assert_null(elman_loss_name((elman_loss_kind)8));
    assert_null(elman_loss_name((elman_loss_kind)99));
    assert_int_equal(elman_loss_outputs((elman_loss_kind)99, 7), 0);
}

/* What cannot be predicted from is NaN: classes, outputs that are not finite, no level. */
static void nothing_to_predict(void **state) {
    (void)state;
    const float output[3] = {1.0f, 2.0f, 3.0f}, broken[3] = {1.0f, NAN, INFINITY};
    for (size_t k = 0; k < KINDS; k++) {
        const elman_targets targets = targets_of(kinds[k], 3);
        assert_true(isnan(elman_loss_predict_mean(&targets, broken, 1.0)));
        assert_true(isnan(elman_loss_predict_quantile(&targets, broken, 1.0, 0.5)));
        assert_true(isnan(elman_loss_predict_quantile(&targets, output, 1.0, 0.0)));
        assert_true(isnan(elman_loss_predict_quantile(&targets, output, 1.0, 1.0)));
        assert_true(isnan(elman_loss_predict_quantile(&targets, output, 1.0, NAN)));
    }
    const elman_targets classes = targets_of(ELMAN_LOSS_CROSS_ENTROPY, 0);
    const elman_targets huber = targets_of(ELMAN_LOSS_HUBER, 0);
    assert_true(isnan(elman_loss_predict_mean(&classes, output, 1.0)));
    assert_true(isnan(elman_loss_predict_quantile(&classes, output, 1.0, 0.5)));
    assert_true(elman_loss_predict_mean(&huber, output, 1.0) == 1.0);
    assert_true(elman_loss_predict_quantile(&huber, output, 1.0, 0.9) == 1.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_gradients),
        cmocka_unit_test(differences),
        cmocka_unit_test(golden_values),
        cmocka_unit_test(extremes_stay_finite),
        cmocka_unit_test(quantiles_rise),
        cmocka_unit_test(quantiles_hold_their_level),
        cmocka_unit_test(draws),
        cmocka_unit_test(names_and_widths),
        cmocka_unit_test(nothing_to_predict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
