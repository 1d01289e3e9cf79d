/* The optimisers: each kernel against its equations in double, the same bits on every instruction
 * set, and whole steps against PyTorch's. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test_optimizer_golden.h"

#include "core/random.h"
#include "train/optimizer.h"
#include "train/options.h"

static const char *const tiers[] = {"portable", "avx2", "avx512"};
enum { TIERS = 3, COUNT = 16 * 13, STEPS = 5 };
static const double unit = 0x1p-24; /* of a float's rounding error */

/* Weights, gradients and moments of one tensor; positive ones for squares. */
typedef struct Arrays {
    float w[COUNT], g[COUNT], m[COUNT], v[COUNT];
} Arrays;

static void fill(Arrays *arrays, uint64_t seed) {
    for (uint64_t i = 0; i < COUNT; i++) {
        arrays->w[i] = (float)random_normal(seed, RANDOM_INIT, 0, i);
        arrays->g[i] = (float)(random_normal(seed, RANDOM_INIT, 1, i) * exp(-(double)(i % 9)));
        arrays->m[i] = (float)random_normal(seed, RANDOM_INIT, 2, i);
        arrays->v[i] = (float)random_uniform(seed, RANDOM_INIT, 3, i);
    }
}

static void check(const char *what, size_t i, double got, double expected, double bound) {
    if (!(fabs(got - expected) <= bound))
        fail_msg("%s[%zu] = %.9g, expected %.9g +- %.2g", what, i, got, expected, bound);
}

/* The sums that a kernel returns against the weights it wrote, and the old weights, which it left
 * where the gradient was. Each change is one rounded subtraction; squares and sums are in double.
 */
static void check_sums(UpdateSums got, const Arrays *before, const Arrays *after) {
    double change = 0.0, weights = 0.0;
    for (size_t i = 0; i < COUNT; i++) {
        const double w = (double)after->w[i], moved = w - (double)before->w[i];
        change += moved * moved;
        weights += w * w;
    }
    check("change", 0, got.change, change, 3 * unit * change);
    check("weights", 0, got.weights, weights, COUNT * 0x1p-52 * weights);
    assert_memory_equal(after->g, before->w, sizeof before->w);
}

/* k roundings, of numbers that sum up to `magnitude` in absolute value: Higham, Accuracy and
 * Stability of Numerical Algorithms, chapter 3. */
static double gamma_bound(double k, double magnitude) {
    return k * unit / (1.0 - k * unit) * magnitude;
}

/* One step of Adam from `before`, whose numbers are taken as exact. */
static void check_adam(const Arrays *before, const Arrays *after, const AdamStep *s) {
    for (size_t i = 0; i < COUNT; i++) {
        const double w = before->w[i], scaled = (double)s->factor * before->g[i];
        const double g = scaled + (double)s->decay * w;
        const double g_size = fabs(scaled) + fabs((double)s->decay * w);
        const double m = (double)s->beta1 * before->m[i] + (double)s->rest1 * g;
        const double v = (double)s->beta2 * before->v[i] + (double)s->rest2 * g * g;
        const double m_error =
            gamma_bound(4, fabs((double)s->beta1 * before->m[i]) + (double)s->rest1 * g_size);
        const double v_error =
            gamma_bound(7, (double)s->beta2 * before->v[i] + (double)s->rest2 * g_size * g_size);
        check("m", i, after->m[i], m, m_error);
        check("v", i, after->v[i], v, v_error);
        const double bottom = (double)s->root * sqrt(v) + (double)s->epsilon;
        const double change = (double)s->rate * m / bottom;
        /* sqrt halves v's relative error; sqrt, the denominator, the quotient: three roundings. */
        const double change_error = (double)s->rate * m_error / bottom +
                                    fabs(change) * (0.5 * v_error / v + gamma_bound(3, 1.0));
        const double kept = (double)s->shrink * w;
        check("w", i, after->w[i], kept - change,
              1.01 * change_error + gamma_bound(2, fabs(kept) + fabs(change)));
    }
}

static void adam_follows_its_equations(void **state) {
    (void)state;
    static const AdamStep settings[] = {
        {.factor = 1.0f,
         .rate = 0.02f,
         .root = 1.25f,
         .beta1 = 0.9f,
         .rest1 = 0.1f,
         .beta2 = 0.999f,
         .rest2 = 0.001f,
         .epsilon = 1e-8f,
         .decay = 0.0f,
         .shrink = 1.0f},
        {.factor = 0.7f,
         .rate = 0.5f,
         .root = 3.0f,
         .beta1 = 0.5f,
         .rest1 = 0.5f,
         .beta2 = 0.75f,
         .rest2 = 0.25f,
         .epsilon = 0.125f,
         .decay = 0.3f,
         .shrink = 1.0f},
        {.factor = 0.3f,
         .rate = 0.1f,
         .root = 1.0f,
         .beta1 = 0.9f,
         .rest1 = 0.1f,
         .beta2 = 0.99f,
         .rest2 = 0.01f,
         .epsilon = 1e-8f,
         .decay = 0.0f,
         .shrink = 0.875f},
    };
    for (size_t tier = 0; tier < TIERS; tier++) {
        const Kernels *kernels = kernels_select(tiers[tier]);
        if (kernels == NULL) continue;
        for (size_t c = 0; c < sizeof(settings) / sizeof(settings[0]); c++) {
            Arrays arrays, before;
            fill(&arrays, c + 1);
            for (int step = 0; step < STEPS; step++) {
                before = arrays;
                const UpdateSums sums =
                    kernels->adam(COUNT, arrays.w, arrays.m, arrays.v, arrays.g, &settings[c]);
                check_adam(&before, &arrays, &settings[c]);
                check_sums(sums, &before, &arrays);
                memcpy(arrays.g, before.g, sizeof before.g);
            }
        }
    }
}

static void sgd_follows_its_equations(void **state) {
    (void)state;
    const SgdStep s = {.factor = 0.7f, .rate = 0.1f, .momentum = 0.9f, .decay = 0.01f};
    for (size_t tier = 0; tier < TIERS; tier++) {
        const Kernels *kernels = kernels_select(tiers[tier]);
        if (kernels == NULL) continue;
        for (int with_momentum = 0; with_momentum < 2; with_momentum++) {
            Arrays arrays, before;
            fill(&arrays, 4);
            for (int step = 0; step < STEPS; step++) {
                before = arrays;
                const UpdateSums sums =
                    kernels->sgd(COUNT, arrays.w, with_momentum ? arrays.m : NULL, arrays.g, &s);
                check_sums(sums, &before, &arrays);
                memcpy(arrays.g, before.g, sizeof before.g);
                for (size_t i = 0; i < COUNT; i++) {
                    const double w = before.w[i], decayed = (double)s.decay * w;
                    const double scaled = (double)s.factor * before.g[i];
                    const double old = with_momentum ? (double)s.momentum * before.m[i] : 0.0;
                    const double v = old + scaled + decayed;
                    const double size = fabs(old) + fabs(scaled) + fabs(decayed);
                    const double error = gamma_bound(3, size);
                    check("velocity", i, with_momentum ? arrays.m[i] : v, v, error);
                    check("w", i, arrays.w[i], w - (double)s.rate * v,
                          (double)s.rate * error + gamma_bound(1, fabs(w) + (double)s.rate * size));
                }
            }
        }
    }
}

static void rmsprop_follows_its_equations(void **state) {
    (void)state;
    const RmspropStep s = {.factor = 0.7f,
                           .rate = 0.01f,
                           .alpha = 0.99f,
                           .rest = 0.01f,
                           .epsilon = 1e-8f,
                           .momentum = 0.5f,
                           .decay = 0.1f};
    for (size_t tier = 0; tier < TIERS; tier++) {
        const Kernels *kernels = kernels_select(tiers[tier]);
        if (kernels == NULL) continue;
        for (int with_momentum = 0; with_momentum < 2; with_momentum++) {
            Arrays arrays, before;
            fill(&arrays, 5);
            for (int step = 0; step < STEPS; step++) {
                before = arrays;
                const UpdateSums sums = kernels->rmsprop(
                    COUNT, arrays.w, arrays.v, with_momentum ? arrays.m : NULL, arrays.g, &s);
                check_sums(sums, &before, &arrays);
                memcpy(arrays.g, before.g, sizeof before.g);
                for (size_t i = 0; i < COUNT; i++) {
                    const double w = before.w[i], scaled = (double)s.factor * before.g[i];
                    const double g = scaled + (double)s.decay * w;
                    const double g_size = fabs(scaled) + fabs((double)s.decay * w);
                    const double old = with_momentum ? (double)s.momentum * before.m[i] : 0.0;
                    const double v = (double)s.alpha * before.v[i] + (double)s.rest * g * g;
                    const double v_error = gamma_bound(7, (double)s.alpha * before.v[i] +
                                                              (double)s.rest * g_size * g_size);
                    const double bottom = sqrt(v) + (double)s.epsilon;
                    const double d = g / bottom;
                    const double d_error = gamma_bound(2, g_size) / bottom +
                                           fabs(d) * (0.5 * v_error / v + gamma_bound(3, 1.0));
                    const double error = 1.01 * d_error + gamma_bound(1, fabs(old) + fabs(d));
                    check("square", i, arrays.v[i], v, v_error);
                    check("velocity", i, with_momentum ? arrays.m[i] : old + d, old + d, error);
                    check("w", i, arrays.w[i], w - (double)s.rate * (old + d),
                          (double)s.rate * error +
                              gamma_bound(1, fabs(w) + (double)s.rate * (fabs(old) + fabs(d))));
                }
            }
        }
    }
}

/* Whole sums of integers are exact, in any order: bit for bit. */
static void sums_and_clipping(void **state) {
    (void)state;
    for (size_t tier = 0; tier < TIERS; tier++) {
        const Kernels *kernels = kernels_select(tiers[tier]);
        if (kernels == NULL) continue;
        float x[COUNT];
        double expected = 0.0;
        for (int i = 0; i < COUNT; i++) x[i] = (float)(i - 100);
        for (int i = 0; i < COUNT; i++) expected += (double)(i - 100) * (double)(i - 100);
        assert_true(kernels->sum_of_squares(COUNT, x) == expected);
        assert_true(kernels->sum_of_squares(0, x) == 0.0);
        x[17] = 3e38f; /* its square is no float */
        assert_true(isfinite(kernels->sum_of_squares(COUNT, x)));
        x[COUNT - 1] = NAN;
        assert_true(isnan(kernels->sum_of_squares(COUNT, x)));
        x[COUNT - 1] = -INFINITY;
        assert_true(isinf(kernels->sum_of_squares(COUNT, x)));
        x[5] = NAN;
        kernels->clip(COUNT, 2.5f, x);
        assert_true(isnan(x[5]) && x[COUNT - 1] == -2.5f && x[17] == 2.5f && x[0] == -2.5f);
        assert_true(x[99] == -1.0f && x[100] == 0.0f && x[102] == 2.0f && x[103] == 2.5f);
    }
}

static void every_instruction_set_gives_the_same_bits(void **state) {
    (void)state;
    const AdamStep adam = {.factor = 0.7f,
                           .rate = 0.02f,
                           .root = 1.1f,
                           .beta1 = 0.9f,
                           .rest1 = 0.1f,
                           .beta2 = 0.999f,
                           .rest2 = 0.001f,
                           .epsilon = 1e-8f,
                           .decay = 0.01f,
                           .shrink = 0.99f};
    const SgdStep sgd = {.factor = 0.7f, .rate = 0.1f, .momentum = 0.9f, .decay = 0.01f};
    const RmspropStep rmsprop = {.factor = 0.7f,
                                 .rate = 0.01f,
                                 .alpha = 0.99f,
                                 .rest = 0.01f,
                                 .epsilon = 1e-8f,
                                 .momentum = 0.5f,
                                 .decay = 0.1f};
    Arrays expected = {0};
    double sum = 0.0;
    UpdateSums sums[3] = {{0}};
    for (size_t tier = 0; tier < TIERS; tier++) {
        const Kernels *kernels = kernels_select(tiers[tier]);
        if (kernels == NULL) continue;
        Arrays arrays;
        fill(&arrays, 6);
        const double squares = kernels->sum_of_squares(COUNT, arrays.g);
        const UpdateSums got[3] = {
            kernels->adam(COUNT, arrays.w, arrays.m, arrays.v, arrays.g, &adam),
            kernels->sgd(COUNT, arrays.w, arrays.m, arrays.g, &sgd),
            kernels->rmsprop(COUNT, arrays.w, arrays.v, arrays.m, arrays.g, &rmsprop),
        };
        if (tier == 0) {
            expected = arrays;
            memcpy(sums, got, sizeof(sums));
            sum = squares;
        }
        assert_memory_equal(&arrays, &expected, sizeof(arrays));
        assert_memory_equal(got, sums, sizeof(sums));
        assert_true(squares == sum);
    }
}

/* A model with two tensors of GOLDEN_COUNT numbers and others that get no gradient. */
static elman_model *golden_model(elman_context *context) {
    elman_model *model = NULL;
    assert_int_equal(elman_model_create(context, GOLDEN_COUNT, &model, NULL), ELMAN_OK);
    elman_model_add_cell(model, ELMAN_CELL_RNN, 1);
    assert_int_equal(elman_model_build(model, NULL, NULL), ELMAN_OK);
    return model;
}

/* Takes the golden steps with the optimiser's own code for rates, corrections and clipping, and
 * compares the first tensor with PyTorch's. */
static void check_golden(size_t index, size_t threads) {
    const elman_context_options context_options = {.struct_size = sizeof(context_options),
                                                   .threads = threads};
    elman_context *context = NULL;
    assert_int_equal(elman_context_create(&context_options, &context, NULL), ELMAN_OK);
    elman_model *model = golden_model(context);
    elman_train_options given = golden_cases[index].options, options;
    given.struct_size = sizeof(given);
    given.learning_rate = golden_rate;
    assert_int_equal(train_options_read(&options, &given, NULL), ELMAN_OK);
    Optimizer optimizer;
    assert_int_equal(optimizer_init(&optimizer, model, &options, NULL), ELMAN_OK);
    static float gradients[8][COUNT];
    memset(gradients, 0, sizeof(gradients));
    assert_true(optimizer.tensor_count <= 8);
    for (size_t i = 0; i < optimizer.tensor_count; i++) {
        /* All zeros, so that weight decay moves the first tensor alone. */
        memset(optimizer.tensors[i].weight.data, 0, optimizer.tensors[i].padded * sizeof(float));
        optimizer.tensors[i].gradient = gradients[i];
    }
    float *weight = optimizer.tensors[0].weight.data;
    memcpy(weight, golden_start, sizeof(golden_start));
    double largest = 0.5, change = 0.0;
    for (uint64_t step = 1; step <= GOLDEN_STEPS; step++) {
        bool clipped;
        size_t tensor, element;
        memcpy(gradients[0], golden_gradients[step - 1], sizeof(golden_gradients[0]));
        optimizer_measure(&optimizer);
        const float factor = optimizer_clip(&optimizer, &clipped);
        assert_true(optimizer_update(&optimizer, step, golden_rate, factor, &tensor, &element));
        change += optimizer.ratio[0] * sqrt(optimizer.sums[0].weights);
    }
    for (size_t i = 0; i < GOLDEN_COUNT; i++)
        largest = fmax(largest, fabs(golden_cases[index].weight[i]));
    /* Each step rounds the weight once, and its change, at most the norm of all changes, comes
     * from fewer than 16 roundings; half as much again for what later steps make of it. */
    const double bound = 1.5 * gamma_bound(16, change) + gamma_bound(GOLDEN_STEPS, largest);
    for (size_t i = 0; i < GOLDEN_COUNT; i++)
        check("weight", i, weight[i], golden_cases[index].weight[i], bound);
    optimizer_release(&optimizer);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void whole_steps_agree_with_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(golden_cases) / sizeof(golden_cases[0]); i++)
        for (size_t threads = 1; threads <= 2; threads++) check_golden(i, threads);
}

/* The factor is PyTorch's, with its guard against a norm of 0; at and below the limit there is
 * none.
 */
static void the_factor_of_clipping(void **state) {
    (void)state;
    elman_context *context = NULL;
    assert_int_equal(elman_context_create(NULL, &context, NULL), ELMAN_OK);
    elman_model *model = golden_model(context);
    const elman_train_options options = {.learning_rate = 1.0, .clip_norm = 0x1p-14};
    Optimizer optimizer;
    assert_int_equal(optimizer_init(&optimizer, model, &options, NULL), ELMAN_OK);
    static float gradients[8][COUNT];
    for (size_t i = 0; i < optimizer.tensor_count; i++)
        optimizer.tensors[i].gradient = gradients[i];
    static const struct {
        float gradient;
        bool clipped;
        float factor;
    } cases[] = {{0.0f, false, 1.0f},
                 {0x1p-14f, false, 1.0f},
                 {0x1p-13f, true, (float)(0x1p-14 / (0x1p-13 + 1e-6))}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool clipped;
        gradients[1][0] = cases[i].gradient;
        optimizer_measure(&optimizer);
        assert_true(optimizer_clip(&optimizer, &clipped) == cases[i].factor);
        assert_int_equal(clipped, cases[i].clipped);
    }
    optimizer_release(&optimizer);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_follows_its_equations),
        cmocka_unit_test(sgd_follows_its_equations),
        cmocka_unit_test(rmsprop_follows_its_equations),
        cmocka_unit_test(sums_and_clipping),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(whole_steps_agree_with_pytorch),
        cmocka_unit_test(the_factor_of_clipping),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
