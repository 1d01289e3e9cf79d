/* The generator against its published answers, the distributions over it, the logarithm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/logarithm.h"
#include "core/random.h"

static void philox_known_answers(void **state) {
    (void)state;
    /* Random123, tests/kat_vectors, "philox4x32 10". */
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t out[4];
        random_philox(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].expected, sizeof(out));
    }
}

static void block_is_a_function_of_its_arguments(void **state) {
    (void)state;
    const uint32_t counter[4] = {0x89abcdef, 0x01234567, 77, RANDOM_SHUFFLE};
    const uint32_t key[2] = {0x55667788, 0x11223344};
    uint32_t expected[4], out[4];
    random_philox(counter, key, expected);
    random_block(UINT64_C(0x1122334455667788), RANDOM_SHUFFLE, 77, UINT64_C(0x0123456789abcdef),
                 out);
    assert_memory_equal(out, expected, sizeof(out));
}

static void uniform_fills_its_range(void **state) {
    (void)state;
    enum { COUNT = 1 << 16, BINS = 64 };
    size_t bins[BINS] = {0};
    double sum = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        const double x = random_uniform(1, RANDOM_INIT, 0, i);
        assert_true(x >= 0 && x < 1);
        bins[(size_t)(x * BINS)]++;
        sum += x;
    }
    /* 63 degrees of freedom: above 130 once in a million. The seed is fixed, so it never
     * fluctuates. */
    double chi2 = 0;
    for (size_t b = 0; b < BINS; b++) {
        const double off = (double)bins[b] - (double)COUNT / BINS;
        chi2 += off * off / ((double)COUNT / BINS);
    }
    assert_true(chi2 < 130);
    assert_true(fabs(sum / COUNT - 0.5) < 5 * sqrt(1.0 / 12 / COUNT));
}

static void normal_has_the_right_moments(void **state) {
    (void)state;
    enum { COUNT = 1 << 17 };
    double sum[5] = {0};
    size_t within = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        const double x = random_normal(2, RANDOM_INIT, 3, i);
        assert_true(isfinite(x));
        double power = 1;
        for (int k = 1; k <= 4; k++) sum[k] += power *= x;
        within += fabs(x) < 1;
    }
    const double n = COUNT;
    /* Five standard errors of each moment of a normal variable. */
    assert_true(fabs(sum[1] / n) < 5 * sqrt(1 / n));
    assert_true(fabs(sum[2] / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(sum[3] / n) < 5 * sqrt(15 / n));
    assert_true(fabs(sum[4] / n - 3) < 5 * sqrt(96 / n));
    assert_true(fabs((double)within / n - 0.682689492137) < 5 * sqrt(0.2167 / n));
}

/* Positions are independent of each other, also where the polar method rejects a pair. */
static void normal_draws_from_its_own_blocks(void **state) {
    (void)state;
    const double x = random_normal(7, RANDOM_INIT, 0, 5);
    for (uint64_t i = 0; i < 100; i++) (void)random_normal(7, RANDOM_INIT, 0, i);
    assert_true(x == random_normal(7, RANDOM_INIT, 0, 5));
    assert_true(x != random_normal(8, RANDOM_INIT, 0, 5));
    assert_true(x != random_normal(7, RANDOM_DROPOUT, 0, 5));
    assert_true(x != random_normal(7, RANDOM_INIT, 1, 5));
    assert_true(x != random_normal(7, RANDOM_INIT, 0, 6));
    double product = 0;
    for (uint64_t i = 0; i < 65536; i++)
        product += random_normal(7, RANDOM_INIT, 0, i) * random_normal(7, RANDOM_INIT, 0, i + 1);
    assert_true(fabs(product / 65536) < 5.0 / 256);
}

static void below_is_uniform_and_bounded(void **state) {
    (void)state;
    enum { COUNT = 60000 };
    size_t counts[6] = {0};
    for (uint64_t i = 0; i < COUNT; i++) counts[random_below(3, RANDOM_SHUFFLE, 0, i, 6)]++;
    double chi2 = 0;
    for (size_t k = 0; k < 6; k++) {
        const double off = (double)counts[k] - COUNT / 6.0;
        chi2 += off * off / (COUNT / 6.0);
    }
    assert_true(chi2 < 35); /* 5 degrees of freedom: once in a million */
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(random_below(3, RANDOM_SHUFFLE, 0, i, 1) == 0);
        assert_true(random_below(3, RANDOM_SHUFFLE, 0, i, UINT64_MAX) < UINT64_MAX);
    }
    /* With a bound of 3/4 of 2^64 a biased remainder favours the lower third 2 : 1 : 1. */
    const uint64_t bound = UINT64_C(3) << 62;
    size_t low = 0;
    for (uint64_t i = 0; i < COUNT; i++)
        low += random_below(4, RANDOM_SHUFFLE, 0, i, bound) < bound / 3;
    assert_true(fabs((double)low / COUNT - 1.0 / 3) < 5 * sqrt(2.0 / 9 / COUNT));
}

/* The bits are a promise: the same run gives the same numbers on every machine. The hash comes from
 * an implementation in another language. */
static void bits_stay(void **state) {
    (void)state;
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a over 64-bit words */
    for (uint64_t i = 0; i < 4096; i++) {
        const double values[3] = {random_normal(1, RANDOM_INIT, 2, i),
                                  random_uniform(1, RANDOM_SAMPLE, 0, i),
                                  natural_logarithm((double)(i + 1) / 64)};
        uint64_t words[4];
        memcpy(words, values, sizeof(values));
        words[3] = random_below(1, RANDOM_SHUFFLE, 0, i, 1000003);
        for (size_t k = 0; k < 4; k++) hash = (hash ^ words[k]) * UINT64_C(1099511628211);
    }
    assert_true(hash == UINT64_C(0x52ecdb7c66608c8));
}

static void logarithm_is_within_two_ulp(void **state) {
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < 300000; i++) {
        const double u = random_uniform(9, RANDOM_SAMPLE, 0, i);
        /* Thirds: near 1, everywhere, and subnormal. */
        double x = 0.5 + 1.5 * u;
        if (i % 3 == 1) x = ldexp(1 + u, (int)(i % 2000) - 1000);
        if (i % 3 == 2) x = ldexp(1 + u, -1060);
        const long double exact = logl((long double)x);
        const double got = natural_logarithm(x);
        const double ulp = nextafter(fabs((double)exact), INFINITY) - fabs((double)exact);
        const double off = fabs((double)((long double)got - exact)) / ulp;
        if (off > worst) worst = off;
    }
    assert_true(worst <= 2.0);
    assert_true(worst > 0.4); /* the yardstick measures something */
    assert_true(natural_logarithm(1.0) == 0.0);
    assert_true(isinf(natural_logarithm(0.0)) && natural_logarithm(0.0) < 0);
    assert_true(isinf(natural_logarithm(-0.0)) && natural_logarithm(-0.0) < 0);
    assert_true(natural_logarithm(INFINITY) == INFINITY);
    assert_true(isnan(natural_logarithm(-1.0)));
    assert_true(isnan(natural_logarithm(-INFINITY)));
    assert_true(isnan(natural_logarithm(NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(block_is_a_function_of_its_arguments),
        cmocka_unit_test(uniform_fills_its_range),
        cmocka_unit_test(normal_has_the_right_moments),
        cmocka_unit_test(normal_draws_from_its_own_blocks),
        cmocka_unit_test(below_is_uniform_and_bounded),
        cmocka_unit_test(bits_stay),
        cmocka_unit_test(logarithm_is_within_two_ulp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
