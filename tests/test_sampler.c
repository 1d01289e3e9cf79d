/* Drawing tokens: the likeliest, each filter, the distribution, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include <elman/sampler.h>

static int create_context(void **state) {
    elman_context *context = NULL;
    if (elman_context_create(NULL, &context, NULL)) return -1;
    *state = context;
    return 0;
}

static int destroy_context(void **state) {
    elman_context_destroy(*state);
    return 0;
}

static elman_sampler *create(void **state, size_t count, elman_sampler_options options) {
    elman_sampler *sampler;
    elman_error error = {ELMAN_OK, ""};
    options.struct_size = sizeof(options);
    if (elman_sampler_create(*state, count, &options, &sampler, &error))
        fail_msg("%s", error.message);
    return sampler;
}

static int32_t draw(elman_sampler *sampler, const float *logits, uint64_t position) {
    int32_t token = -1;
    elman_error error = {ELMAN_OK, ""};
    if (elman_sampler_draw(sampler, logits, position, &token, &error))
        fail_msg("%s", error.message);
    return token;
}

/* Which tokens come up in many draws, as a mask. */
static unsigned drawn(elman_sampler *sampler, const float *logits) {
    unsigned mask = 0;
    for (uint64_t position = 0; position < 4000; position++) {
        mask |= 1U << draw(sampler, logits, position);
    }
    elman_sampler_destroy(sampler);
    return mask;
}

static void temperature_zero_takes_the_likeliest(void **state) {
    static const float logits[] = {9.0F, 1.0F, 3.0F, 3.0F, -INFINITY};
    elman_sampler *sampler = create(state, 5, (elman_sampler_options){.temperature = 0.0});
    assert_int_equal(draw(sampler, logits, 0), 2); /* 0 is the unknown token; 2 and 3 are equal */
    elman_sampler_destroy(sampler);
    sampler = create(state, 5, (elman_sampler_options){.allow_unknown = 1});
    assert_int_equal(draw(sampler, logits, 0), 0);
    elman_sampler_destroy(sampler);
}

/* Probabilities 0.4 0.3 0.2 0.1 for tokens 1 to 4; the unknown one would be likelier than all. */
static const float shares[] = {2.0F, -0.916290732F, -1.20397280F, -1.60943791F, -2.30258509F};

static void filters_keep_the_right_tokens(void **state) {
    const struct {
        elman_sampler_options options;
        unsigned mask;
    } cases[] = {
        {{.temperature = 1.0}, 0x1E},
        {{.temperature = 1.0, .allow_unknown = 1}, 0x1F},
        {{.temperature = 1.0, .top_k = 1}, 0x02},
        {{.temperature = 1.0, .top_k = 3}, 0x0E},
        {{.temperature = 1.0, .top_k = 4}, 0x1E},
        {{.temperature = 1.0, .top_k = 99}, 0x1E},
        {{.temperature = 1.0, .top_p = 1e-9}, 0x02},
        {{.temperature = 1.0, .top_p = 0.39}, 0x02},
        {{.temperature = 1.0, .top_p = 0.41}, 0x06},
        {{.temperature = 1.0, .top_p = 0.69}, 0x06},
        {{.temperature = 1.0, .top_p = 0.71}, 0x0E},
        {{.temperature = 1.0, .top_p = 1.0}, 0x1E},
        {{.temperature = 1.0, .min_p = 0.49}, 0x0E},
        {{.temperature = 1.0, .min_p = 0.51}, 0x06},
        {{.temperature = 1.0, .min_p = 1.0}, 0x02},
        /* Of the three likeliest, the first two hold 7/9 = 0.78. */
        {{.temperature = 1.0, .top_k = 3, .top_p = 0.75}, 0x06},
        {{.temperature = 1.0, .top_k = 3, .top_p = 0.79}, 0x0E},
        {{.temperature = 1.0, .top_p = 0.71, .min_p = 0.6}, 0x06},
        /* Half the temperature squares the probabilities: 16 9 4 1 of 30. */
        {{.temperature = 0.5, .top_p = 0.52}, 0x02},
        {{.temperature = 0.5, .top_p = 0.55}, 0x06},
        {{.temperature = 1e-300}, 0x02},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned mask = drawn(create(state, 5, cases[i].options), shares);
        if (mask != cases[i].mask)
            fail_msg("case %zu: tokens %#x, not %#x", i, mask, cases[i].mask);
    }
}

static void equal_tokens_rank_by_index(void **state) {
    float logits[40];
    for (size_t i = 0; i < 40; i++) logits[i] = 1.0F;
    const elman_sampler_options options = {.temperature = 1.0, .top_k = 3};
    assert_int_equal(drawn(create(state, 40, options), logits), 0x0E);
    logits[31] = 2.0F;
    assert_int_equal(drawn(create(state, 40, options), logits), 0x80000006);
}

/* Pearson's statistic over 3 degrees of freedom; 21.1 is exceeded with probability 1e-4. */
static void draws_follow_the_probabilities(void **state) {
    static const double expected[] = {0.4, 0.3, 0.2, 0.1};
    enum { DRAWS = 20000 };
    for (int filtered = 0; filtered < 2; filtered++) {
        double counts[5] = {0}, statistic = 0.0;
        elman_sampler_options options = {.temperature = 1.0, .seed = 7};
        if (filtered) options.top_p = 0.9999; /* the sorted order, but nothing is dropped */
        elman_sampler *sampler = create(state, 5, options);
        for (uint64_t i = 0; i < DRAWS; i++) counts[draw(sampler, shares, i)]++;
        for (size_t i = 0; i < 4; i++) {
            const double mean = DRAWS * expected[i], distance = counts[i + 1] - mean;
            statistic += distance * distance / mean;
        }
        if (statistic > 21.1) fail_msg("filtered %d: chi-square %.1f", filtered, statistic);
        elman_sampler_destroy(sampler);
    }
}

static void draws_depend_on_seed_and_position_alone(void **state) {
    elman_sampler *one = create(state, 5, (elman_sampler_options){.temperature = 1.0, .seed = 5});
    elman_sampler *two = create(state, 5, (elman_sampler_options){.temperature = 1.0, .seed = 5});
    elman_sampler *other = create(state, 5, (elman_sampler_options){.temperature = 1.0, .seed = 6});
    int differ = 0;
    for (uint64_t i = 0; i < 100; i++) (void)draw(one, shares, i);
    for (uint64_t i = 0; i < 100; i++) {
        const int32_t token = draw(one, shares, i);
        assert_int_equal(token, draw(two, shares, i));
        differ += token != draw(other, shares, i);
    }
    assert_true(differ > 10);
    elman_sampler_destroy(one);
    elman_sampler_destroy(two);
    elman_sampler_destroy(other);
}

static int by_rank(const void *left, const void *right) {
    const float a = *(const float *)left, b = *(const float *)right;
    return (a < b) - (a > b);
}

/* The k likeliest of many, against qsort. */
static void large_vocabulary(void **state) {
    enum { COUNT = 5000, KEEP = 37 };
    static float logits[COUNT], sorted[COUNT];
    uint32_t random = 1;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * 1664525U + 1013904223U;
        sorted[i] = logits[i] = (float)(random >> 8) / (float)(1 << 24) * 4.0F;
    }
    qsort(sorted + 1, COUNT - 1, sizeof(float), by_rank);
    elman_sampler *sampler =
        create(state, COUNT, (elman_sampler_options){.temperature = 100.0, .top_k = KEEP});
    int seen[COUNT] = {0}, different = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        const int32_t token = draw(sampler, logits, i);
        assert_true(token > 0 && logits[token] >= sorted[KEEP]);
        different += !seen[token];
        seen[token] = 1;
    }
    assert_int_equal(different, KEEP);
    elman_sampler_destroy(sampler);
}

static void logits_without_a_token(void **state) {
    const struct {
        float logits[3];
        const char *sentence;
    } cases[] = {
        {{0.0F, NAN, 1.0F}, "the logit of token 1 is nan"},
        {{NAN, 0.0F, 1.0F}, "the logit of token 0 is nan"},
        {{0.0F, 1.0F, INFINITY}, "the logit of token 2 is inf"},
        {{0.0F, -INFINITY, -INFINITY}, "the logits of all tokens are -infinity"},
    };
    elman_sampler *sampler = create(state, 3, (elman_sampler_options){.temperature = 1.0});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t token;
        elman_error error = {ELMAN_OK, ""};
        assert_int_equal(elman_sampler_draw(sampler, cases[i].logits, 0, &token, &error),
                         ELMAN_ERR_NOT_FINITE);
        if (!strstr(error.message, cases[i].sentence)) fail_msg("case %zu: %s", i, error.message);
    }
    elman_sampler_destroy(sampler);
}

static void options_out_of_range(void **state) {
    static const elman_sampler_options bad[] = {
        {.temperature = -0.1}, {.temperature = NAN}, {.temperature = INFINITY},
        {.top_p = -0.1},       {.top_p = 1.1},       {.top_p = NAN},
        {.min_p = -0.1},       {.min_p = 1.1},       {.min_p = NAN},
    };
    elman_sampler *sampler;
    elman_error error;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        elman_sampler_options options = bad[i];
        options.struct_size = sizeof(options);
        const elman_status status = elman_sampler_create(*state, 5, &options, &sampler, &error);
        if (status != ELMAN_ERR_ARGUMENT || sampler) fail_msg("case %zu: status %d", i, status);
    }
    assert_int_equal(elman_sampler_create(*state, 0, NULL, &sampler, &error), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_sampler_create(*state, 1, NULL, &sampler, &error), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_sampler_create(*state, SIZE_MAX, NULL, &sampler, &error),
                     ELMAN_ERR_ARGUMENT);
}

static void allocations_fail(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long tries = 0;
    for (; status != ELMAN_OK; tries++) {
        CountingAllocator allocator = {.allow = ALLOW_ALL};
        const elman_context_options options = {
            .struct_size = sizeof(options),
            .allocator = counting_allocator(&allocator),
        };
        elman_context *context;
        elman_sampler *sampler;
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        allocator.allow = tries;
        status = elman_sampler_create(context, 5, NULL, &sampler, NULL);
        assert_int_equal(status == ELMAN_OK, sampler != NULL);
        elman_sampler_destroy(sampler);
        elman_context_destroy(context);
        assert_int_equal(allocator.live, 0);
    }
    assert_int_equal(tries, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_zero_takes_the_likeliest),
        cmocka_unit_test(filters_keep_the_right_tokens),
        cmocka_unit_test(equal_tokens_rank_by_index),
        cmocka_unit_test(draws_follow_the_probabilities),
        cmocka_unit_test(draws_depend_on_seed_and_position_alone),
        cmocka_unit_test(large_vocabulary),
        cmocka_unit_test(logits_without_a_token),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, create_context, destroy_context);
}
