/* exp, tanh and sigmoid of every instruction set against libm in double: within 4 units in the last
 * place, monotone, bounded, odd, NaN for NaN, the same bits on every set.
 *
 * Sweeps one float in STRIDE over all 2^32, and runs of neighbours; with ELMAN_FULL=1 in the
 * environment or --full as its argument, all of them (the portable set: one block of 4096 in 8). */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"
#include "kernels/kernels.h"
#include "support/passes.h"

enum { BLOCK = 4096, STRIDE = 4093 };
static bool full;

typedef enum Function { EXP, TANH, SIGMOID, FUNCTIONS } Function;
static const char *const names[] = {"exp", "tanh", "sigmoid"};

static void apply(const Kernels *kernels, Function function, const float *x, float *y) {
    if (function == EXP) kernels->exp(BLOCK, x, y);
    if (function == TANH) kernels->tanh(BLOCK, x, y);
    if (function == SIGMOID) kernels->sigmoid(BLOCK, x, y);
}

/* Where nearly all floats are, and no function of libm is needed. */
static double exact_far_away(Function function, double x) {
    if (function == EXP) return x > 0.0 ? 0x1p200 : 0.0;
    if (function == SIGMOID) return x > 0.0 ? 1.0 : 0.0;
    return copysign(1.0, x);
}

static double exact_near_zero(Function function, double x) {
    if (function == EXP) return 1.0 + x;
    if (function == SIGMOID) return 0.5 + 0.25 * x;
    return x;
}

/* In double, whose own error is below 2^-50. */
static double exact(Function function, double x) {
    if (fabs(x) > 200.0) return exact_far_away(function, x);
    if (fabs(x) < 0x1p-30) return exact_near_zero(function, x);
    if (function == EXP) return exp(x);
    if (function == SIGMOID) return 1.0 / (1.0 + exp(-x));
    const double m = expm1(-2.0 * fabs(x));
    return copysign(m / (m + 2.0), x);
}

/* The float whose place in the order of all floats from -infinity to infinity is `order`; NaNs lie
 * at both ends. */
static float at_order(uint32_t order) {
    const uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* One unit in the last place of a float near y. */
static double unit_of(double y) {
    int exponent;
    if (fabs(y) < (double)FLT_MIN) return 0x1p-149;
    frexp(y, &exponent);
    return ldexp(1.0, exponent - 24);
}

/* A problem with one value, or NULL. The infinity follows the largest float in the order, as far
 * away from it as the last one but one is. */
static const char *judge(Function function, float x, float y) {
    if (isnan(x)) return isnan(y) ? NULL : "is not NaN";
    if (isnan(y)) return "is NaN";
    const double want = exact(function, (double)x);
    const double got = isinf(y) && y > 0.0f ? 0x1p128 : (double)y;
    if (want > 0x1p128 ? y < FLT_MAX : fabs(got - want) > 4.0 * unit_of(want)) return "is far off";
    if (function == TANH && !(fabsf(y) <= 1.0f)) return "is beyond 1";
    if (function == TANH && signbit(x) != signbit(y)) return "has the wrong sign";
    if (function == SIGMOID && !(y >= 0.0f && y <= 1.0f)) return "is outside [0, 1]";
    if (function == EXP && signbit(y)) return "is negative";
    return NULL;
}

typedef struct Sweep {
    uint64_t first, count, stride; /* orders first, first + stride, ... */
    const Kernels *kernels[ISAS];
    char problem[64][160]; /* of each worker */
} Sweep;

/* One block of one function: accuracy of the first set, the same bits of the others. Returns the
 * last value. */
static float check_block(Sweep *sweep, Function function, const float *x, float last,
                         bool skip_portable, char *problem) {
    _Alignas(64) float y[BLOCK], other[BLOCK];
    apply(sweep->kernels[0], function, x, y);
    for (size_t i = 0; i < BLOCK; i++) {
        const char *wrong = judge(function, x[i], y[i]);
        if (!wrong && y[i] < last) wrong = "is below the one before";
        if (wrong)
            snprintf(problem, sizeof *sweep->problem, "%s(%a) = %a %s (last %a)", names[function],
                     (double)x[i], (double)y[i], wrong, (double)last);
        if (!isnan(y[i])) last = y[i];
    }
    for (size_t k = 1; k < ISAS && sweep->kernels[k]; k++) {
        if (skip_portable && strcmp(sweep->kernels[k]->name, "portable") == 0) continue;
        apply(sweep->kernels[k], function, x, other);
        for (size_t i = 0; i < BLOCK; i++)
            if (memcmp(&y[i], &other[i], sizeof(float)) != 0 && !(isnan(y[i]) && isnan(other[i])))
                snprintf(problem, sizeof *sweep->problem, "%s(%a) = %a on %s, %a on %s",
                         names[function], (double)x[i], (double)y[i], sweep->kernels[0]->name,
                         (double)other[i], sweep->kernels[k]->name);
    }
    return last;
}

static void sweep_part(void *argument, size_t worker, size_t workers) {
    Sweep *const sweep = argument;
    _Alignas(64) float x[BLOCK];
    float last[FUNCTIONS] = {-INFINITY, -INFINITY, -INFINITY};
    size_t begin, end;
    pool_split(sweep->count, BLOCK, worker, workers, &begin, &end);
    for (size_t first = begin; first < end; first += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            const uint64_t order = sweep->first + (first + i) * sweep->stride;
            x[i] = at_order(order <= UINT32_MAX ? (uint32_t)order : UINT32_MAX);
        }
        /* Its fused multiply-add is a call here: minutes, for all of them. */
        const bool skip_portable = full && first / BLOCK % 8 != 0;
        for (int f = 0; f < FUNCTIONS; f++)
            last[f] =
                check_block(sweep, (Function)f, x, last[f], skip_portable, sweep->problem[worker]);
    }
}

static void run_sweep(uint64_t first, uint64_t count, uint64_t stride) {
    Sweep *const sweep = zeroed(1, sizeof *sweep);
    Memory memory;
    Pool *pool = NULL;
    size_t tiers = 0, workers = full ? elman_processor_count() : 1;
    if (workers > 64) workers = 64;
    sweep->first = first;
    sweep->count = count;
    sweep->stride = stride;
    for (size_t i = ISAS; i-- > 0;)
        if ((sweep->kernels[tiers] = kernels_select(all_isas[i]))) tiers++;
    memory_init(&memory, NULL);
    assert_int_equal(pool_create(&memory, workers, &pool, NULL), ELMAN_OK);
    pool_run(pool, sweep_part, sweep);
    pool_destroy(pool);
    for (size_t i = 0; i < workers; i++)
        if (sweep->problem[i][0]) fail_msg("%s", sweep->problem[i]);
    free(sweep);
}

static void all_over(void **state) {
    (void)state;
    run_sweep(0, ((uint64_t)1 << 32) / (full ? 1 : STRIDE), full ? 1 : STRIDE);
}

static uint32_t order_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* Neighbours around the places where the functions change their way of computing. */
static void neighbours(void **state) {
    static const float centres[] = {
        -INFINITY, -104.0f, -103.97f, -88.0f,  -87.34f,  -20.0f,  -17.33f, -10.0f, -9.01f,
        -1.0f,     -0.35f,  -0.17f,   -1e-4f,  -1e-8f,   0.0f,    1e-8f,   1e-4f,  0.17f,
        0.35f,     0.52f,   1.0f,     1.04f,   9.01f,    10.0f,   17.33f,  20.0f,  88.0f,
        88.72f,    89.0f,   104.0f,   FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof centres / sizeof *centres; i++) {
        const uint32_t order = order_of(centres[i]);
        run_sweep(order - 2 * BLOCK, 4 * BLOCK, 1);
    }
}

static void special_values(void **state) {
    static const float x[] = {0.0f,    -0.0f,    INFINITY, -INFINITY, NAN,
                              FLT_MAX, -FLT_MAX, 1e-45f,   -1e-45f,   -NAN};
    static const float want[FUNCTIONS][10] = {
        {1.0f, 1.0f, INFINITY, 0.0f, NAN, INFINITY, 0.0f, 1.0f, 1.0f, NAN},
        {0.0f, -0.0f, 1.0f, -1.0f, NAN, 1.0f, -1.0f, 1e-45f, -1e-45f, NAN},
        {0.5f, 0.5f, 1.0f, 0.0f, NAN, 1.0f, 0.0f, 0.5f, 0.5f, NAN},
    };
    _Alignas(64) float in[BLOCK] = {0}, out[BLOCK];
    (void)state;
    memcpy(in, x, sizeof x);
    for (size_t k = 0; k < ISAS; k++) {
        const Kernels *const kernels = kernels_select(all_isas[k]);
        for (int f = 0; kernels && f < FUNCTIONS; f++) {
            apply(kernels, (Function)f, in, out);
            for (size_t i = 0; i < 10; i++)
                if (isnan(want[f][i]) ? !isnan(out[i])
                                      : memcmp(&out[i], &want[f][i], sizeof(float)) != 0)
                    fail_msg("%s/%s(%a) = %a", names[f], kernels->name, (double)x[i],
                             (double)out[i]);
        }
    }
}

/* tanh(-x) = -tanh(x), bit for bit. */
static void tanh_is_odd(void **state) {
    _Alignas(64) float x[BLOCK], minus[BLOCK], y[BLOCK], z[BLOCK];
    const Kernels *const kernels = kernels_select(NULL);
    (void)state;
    for (uint64_t first = 0; first < 0x7f800000u; first += (uint64_t)BLOCK * 1021) {
        for (size_t i = 0; i < BLOCK; i++) {
            const uint64_t order = first + i * 1021;
            x[i] = at_order((uint32_t)(0x80000000u + (order < 0x7f800000u ? order : 0)));
            minus[i] = -x[i];
        }
        kernels->tanh(BLOCK, x, y);
        kernels->tanh(BLOCK, minus, z);
        for (size_t i = 0; i < BLOCK; i++) {
            z[i] = -z[i];
            assert_memory_equal(&y[i], &z[i], sizeof(float));
        }
    }
}

int main(int argc, char **argv) {
    const char *const environment = getenv("ELMAN_FULL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_over),
        cmocka_unit_test(neighbours),
        cmocka_unit_test(special_values),
        cmocka_unit_test(tanh_is_odd),
    };
    full = (environment && strcmp(environment, "1") == 0) ||
           (argc == 2 && strcmp(argv[1], "--full") == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
