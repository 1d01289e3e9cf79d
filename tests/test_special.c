/* Special functions and quantiles: against values of many digits, their edges, and each other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/distribution.h"
#include "core/special.h"
#include "test_special_golden.h"

#define U 0x1p-53

typedef double (*Value)(const double *given);

static double value_exponential(const double *x) {
    return exponential(x[0]);
}
static double value_logarithm_1p(const double *x) {
    return logarithm_1p(x[0]);
}
static double value_softplus(const double *x) {
    return softplus(x[0]);
}
static double value_sigmoid(const double *x) {
    return sigmoid(x[0]);
}
static double value_log_gamma(const double *x) {
    return log_gamma(x[0]);
}
static double value_log_gamma_difference(const double *x) {
    return log_gamma_difference(x[0], x[1]);
}
static double value_digamma_difference(const double *x) {
    return digamma_difference(x[0], x[1]);
}
static double value_digamma_difference_large(const double *x) {
    return digamma_difference(x[0], x[1]);
}
static double value_normal_quantile(const double *x) {
    return normal_quantile(x[0]);
}
static double value_student_t_upper(const double *x) {
    return student_t_tails(x[0], x[1]).upper;
}
static double value_student_t_quantile(const double *x) {
    return student_t_quantile(x[0], x[1]);
}
static double value_negative_binomial_lower(const double *x) {
    return negative_binomial_tails(x[0], x[1], x[2]).lower;
}

#define TABLE(name, relative, absolute)                                                            \
    {                                                                                              \
#name, value_##name, golden_##name, sizeof(golden_##name) / sizeof(Golden), relative,      \
            absolute                                                                               \
    }

/* The bounds are those that the headers state. */
static const struct {
    const char *name;
    Value value;
    const Golden *golden;
    size_t count;
    double relative, absolute;
} tables[] = {TABLE(exponential, 4 * U, 0x1p-1074),
              TABLE(logarithm_1p, 8 * U, 0.0),
              TABLE(softplus, 8 * U, 0x1p-1074),
              TABLE(sigmoid, 8 * U, 0x1p-1074),
              TABLE(log_gamma, 64 * U, 64 * U),
              TABLE(log_gamma_difference, 32 * U, 32 * U),
              TABLE(digamma_difference, 32 * U, U * 1e-2),
              TABLE(digamma_difference_large, 32 * U, U * 1e-8),
              TABLE(normal_quantile, 3e-15, 0.0),
              TABLE(student_t_upper, 2e-13, 0.0),
              TABLE(student_t_quantile, 1e-12, 0.0),
              TABLE(negative_binomial_lower, 1e-11, 0.0)};

static void golden_values(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
        double worst = 0.0;
        for (size_t i = 0; i < tables[t].count; i++) {
            const Golden *const golden = &tables[t].golden[i];
            const double got = tables[t].value(golden->given);
            const double bound = tables[t].relative * fabs(golden->value) + tables[t].absolute;
            const double off = fabs(got - golden->value);
            if (!(off <= bound))
                fail_msg("%s(%.17g, %.17g, %.17g): got %.17g, want %.17g, off %.3g of %.3g",
                         tables[t].name, golden->given[0], golden->given[1], golden->given[2], got,
                         golden->value, off, bound);
            if (bound > 0.0 && off / bound > worst) worst = off / bound;
        }
        print_message("%s: at most %.2f of the bound\n", tables[t].name, worst);
    }
}

static void edges(void **state) {
    (void)state;
    assert_true(exponential(1e300) == INFINITY && exponential(INFINITY) == INFINITY);
    assert_true(exponential(-1e300) == 0.0 && exponential(-INFINITY) == 0.0);
    assert_true(exponential(0.0) == 1.0 && isnan(exponential(NAN)));
    assert_true(logarithm_1p(INFINITY) == INFINITY && isnan(logarithm_1p(NAN)));
    assert_true(logarithm_1p(0.0) == 0.0);
    assert_true(softplus(INFINITY) == INFINITY && softplus(-INFINITY) == 0.0);
    assert_true(isnan(softplus(NAN)) && isnan(sigmoid(NAN)));
    assert_true(sigmoid(INFINITY) == 1.0 && sigmoid(-INFINITY) == 0.0 && sigmoid(0.0) == 0.5);
    assert_true(normal_quantile(0.5) == 0.0 && student_t_quantile(0.5, 3.5) == 0.0);
    assert_true(isfinite(normal_quantile(0x1p-1074)));
    for (double nu = 2.0; nu < 1e40; nu *= 1.25) {
        const double t = student_t_quantile(1e-300, nu);
        assert_true(fabs(log(student_t_tails(t, nu).lower) - log(1e-300)) < 1e-9);
    }
}

/* A sweep: e^x e^-x = 1, softplus(x) - softplus(-x) = x, and nothing falls that should rise. */
static void identities(void **state) {
    (void)state;
    double before = 0.0, soft = 0.0, squash = 0.0, quantile = -INFINITY;
    for (int i = -70000; i <= 70000; i++) {
        const double x = i * 0.01;
        const double power = exponential(x);
        assert_true(fabs(power * exponential(-x) - 1.0) <= 10 * U);
        assert_true(fabs(softplus(x) - softplus(-x) - x) <= 8 * U * (1.0 + fabs(x)));
        assert_true(fabs(sigmoid(x) + sigmoid(-x) - 1.0) <= 8 * U);
        assert_true(power >= before && softplus(x) >= soft && sigmoid(x) >= squash);
        assert_true(fabs(power - exp(x)) <= 6 * U * exp(x));
        before = power;
        soft = softplus(x);
        squash = sigmoid(x);
    }
    for (int i = 1; i < 100000; i++) {
        const double p = i * 1e-5, x = normal_quantile(p);
        assert_true(x > quantile);
        quantile = x;
        /* Rounding x by 3e-15 of itself moves P by the density times that, P itself by a few u. */
        assert_true(fabs(0.5 * erfc(-x / sqrt(2.0)) - p) <= 4e-15 * fabs(x) * 0.4 + 4 * U);
    }
}

/* The recurrences Gamma(x + 1) = x Gamma(x) and psi(x + 1) = psi(x) + 1 / x across the place where
 * the series takes over. */
static void gamma_recurrences(void **state) {
    (void)state;
    for (int i = 1; i < 3000; i++) {
        const double x = i * 0.01;
        const double step = log_gamma(x + 1.0) - log_gamma(x);
        assert_true(fabs(step - log(x)) <= 128 * U * (1.0 + fabs(log_gamma(x + 1.0))));
        if (x >= 1.0)
            assert_true(fabs(log_gamma_difference(x, 1.0) - log(x)) <= 32 * U * (1.0 + log(x)));
        assert_true(fabs(digamma_difference(x, 1.0) - 1.0 / x) <= 33 * U / x);
    }
}

/* Quantile and distribution function undo each other. The bound: dP = density dt, and t times the
 * density is below nu P for either tail, 1 for the centre. */
static void student_t_round_trips(void **state) {
    static const double degrees[] = {1.0,  2.0,   2.0001, 2.7, 4.0,  9.5,
                                     40.0, 333.3, 1e4,    1e7, 1e15, 1e40};
    (void)state;
    for (size_t d = 0; d < sizeof(degrees) / sizeof(*degrees); d++) {
        double last = -INFINITY;
        for (int i = 0; i < 400; i++) {
            const double z = i * 0.05 - 10.0;
            const double p = 0.5 * erfc(-z / sqrt(2.0));
            if (p >= 1.0 - 1e-13) break;
            const double t = student_t_quantile(p, degrees[d]);
            const Tails tails = student_t_tails(t, degrees[d]);
            const double slope = degrees[d] < z * z + 1.0 ? degrees[d] : z * z + 1.0;
            assert_true(t > last);
            if (!(fabs(tails.lower - p) <= (2e-13 + 1e-12 * slope) * p))
                fail_msg("nu %g, p %.17g: t = %.17g, P = %.17g", degrees[d], p, t, tails.lower);
            last = t;
        }
    }
}

/* Quantiles against sums made one term after the other, and the least count whatever the size. */
static void negative_binomial_quantiles(void **state) {
    static const double levels[] = {1e-9, 0.01, 0.1, 0.3, 0.5, 0.77, 0.9, 0.99, 0.9999, 1 - 1e-9};
    static const double means[] = {1e-6, 0.3, 4.0, 60.0, 700.0, 5000.0, 3e4};
    static const double sizes[] = {1e-3, 0.2, 1.0, 5.5, 300.0, 1e4};
    (void)state;
    for (size_t m = 0; m < 7; m++)
        for (size_t s = 0; s < 6; s++) {
            const double mean = means[m], r = sizes[s];
            const double log_factor = -log1p(r / mean);
            double sum = 0.0, k = 0.0;
            for (size_t l = 0; l < 10 && k < 2e6; l++) {
                for (; sum < levels[l] && k < 2e6; k += 1.0)
                    sum += exp(lgamma(k + r) - lgamma(r) - lgamma(k + 1.0) - r * log1p(mean / r) +
                               k * log_factor);
                if (k >= 2e6) break;
                const double want = k > 0.0 ? k - 1.0 : 0.0;
                const double got = negative_binomial_quantile(levels[l], mean, r);
                /* The terms are within some 1e-10 of themselves: levels as near to a sum as
                 * that may fall either way. */
                if (got == want) continue;
                const double at = negative_binomial_tails(got < want ? got : want, mean, r).lower;
                if (!(fabs(at - levels[l]) <= 1e-10 * levels[l]))
                    fail_msg("mean %g, r %g, level %g: got %g, want %g", mean, r, levels[l], got,
                             want);
            }
        }
}

static void negative_binomial_extremes(void **state) {
    static const double means[] = {1e-55, 1e-6, 1.0, 1e9, 1e17, 1e38, 1e76};
    static const double sizes[] = {3e-39, 1e-9, 0.7, 1e4};
    static const double levels[] = {1e-300, 1e-17, 0.4, 0.9, 1.0 - 0x1p-53};
    (void)state;
    for (size_t m = 0; m < 7; m++)
        for (size_t s = 0; s < 4; s++) {
            double last = 0.0;
            for (size_t l = 0; l < 5; l++) {
                const double k = negative_binomial_quantile(levels[l], means[m], sizes[s]);
                const Tails tails = negative_binomial_tails(k, means[m], sizes[s]);
                assert_true(isfinite(k) && k >= last && k == floor(k));
                assert_true(tails.lower >= levels[l] * (1.0 - 1e-9));
                last = k;
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values),
        cmocka_unit_test(edges),
        cmocka_unit_test(identities),
        cmocka_unit_test(gamma_recurrences),
        cmocka_unit_test(student_t_round_trips),
        cmocka_unit_test(negative_binomial_quantiles),
        cmocka_unit_test(negative_binomial_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
