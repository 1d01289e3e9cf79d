/* What the errors owe to inputs before: of networks that know nothing, on data whose answer lies so
 * many steps back; the baselines; what follows from them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"
#include <elman/diagnose.h>

enum { KINDS = 5, TOKENS = 20000, BACK = 7, ROWS = 20, STEPS = 60, MANY = 200 };

/* Every output is 0 whatever is read. */
static elman_model *silent_model(elman_context *context, bool tokens) {
    const NetworkSpec spec = {
        .input = tokens ? ELMAN_INPUT_ONE_HOT : ELMAN_INPUT_DENSE,
        .inputs = tokens ? KINDS : 2,
        .cell = ELMAN_CELL_GRU,
        .layers = 1,
        .hidden = 6,
        .outputs = tokens ? KINDS : 1,
    };
    elman_model *const model = random_model(context, &spec, 1);
    static const char *const silenced[] = {"head.weight", "head.bias"};
    for (size_t i = 0; i < 2; i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_find_tensor(model, silenced[i], &tensor, NULL), ELMAN_OK);
        memset(tensor.data, 0, tensor.count * sizeof *tensor.data);
    }
    return model;
}

/* 24 random bits: splitmix64 (Steele, Lea and Flood, 2014). */
static uint32_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 40);
}

/* Symbols at random, most of which are those of BACK steps before. */
static void make_tokens(int32_t *tokens, uint64_t seed) {
    for (size_t i = 0; i < TOKENS; i++) {
        const int32_t fresh = (int32_t)(next(&seed) % KINDS);
        tokens[i] = i >= BACK && next(&seed) % 10 < 9 ? tokens[i - BACK] : fresh;
    }
}

static elman_diagnosis_summary diagnose_tokens(const elman_model *model, const int32_t *tokens,
                                               size_t count, size_t window,
                                               elman_diagnosis **diagnosis) {
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = window, .lags = 20, .rows = MANY};
    elman_diagnosis_summary summary;
    elman_error error = {0};
    if (elman_diagnose_tokens(model, tokens, count, &options, diagnosis, &error))
        fail_msg("%s", error.message);
    elman_diagnosis_summarize(*diagnosis, &summary);
    return summary;
}

/* The next token is that of BACK - 1 steps before the last one read, in nine cases of ten and by
 * chance else: the share that a regression explains is the square of how much likelier it is, in
 * units of what is left. */
static void tokens_owe_to_the_one_that_comes_again(void **state) {
    static int32_t tokens[TOKENS];
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = silent_model(context, true);
    elman_diagnosis *diagnosis = NULL;
    make_tokens(tokens, 3);
    const elman_diagnosis_summary summary = diagnose_tokens(model, tokens, TOKENS, 4, &diagnosis);
    assert_true(summary.error_count > 20);
    for (size_t lag = 0; lag < 21; lag++) {
        const double share = summary.error_by_lag[lag];
        /* 0.9 of the outcomes are certain: r = 0.9 of the residual, its square of the variance. A
         * period of BACK makes those of 13 steps before share 0.9^4. */
        const double want = lag == BACK - 1       ? 0.81
                            : lag == 2 * BACK - 1 ? 0.6561
                            : lag == 3 * BACK - 1 ? 0.5314
                                                  : 0.0;
        if (fabs(share - want) > 0.05) fail_msg("lag %zu: %g, expected %g", lag, share, want);
    }
    assert_true(summary.error_horizon == 3 * BACK - 1);
    /* All symbols are as frequent as each other, up to some per cent. */
    assert_true(fabs(summary.baseline - log((double)KINDS)) < 0.01);
    assert_true(fabs(summary.loss - log((double)KINDS)) < 1e-6);
    const elman_finding *const first = elman_diagnosis_finding(diagnosis, 0);
    assert_non_null(first);
    assert_int_equal(first->trouble, ELMAN_TROUBLE_SHORT_WINDOW);
    elman_diagnosis_destroy(diagnosis);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Of symbols without any order nothing is owed, however often the few of them are read. */
static void chance_owes_nothing(void **state) {
    static const size_t counts[] = {120, 300, 1000, TOKENS};
    static int32_t tokens[TOKENS];
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = silent_model(context, true);
    for (uint32_t seed = 1; seed <= 8; seed++) {
        uint64_t random = seed;
        for (size_t i = 0; i < TOKENS; i++) tokens[i] = (int32_t)(next(&random) % KINDS);
        for (size_t i = 0; i < 4; i++) {
            elman_diagnosis *diagnosis = NULL;
            const elman_diagnosis_summary summary =
                diagnose_tokens(model, tokens, counts[i], 10, &diagnosis);
            assert_true(summary.error_horizon == 0.0);
            elman_diagnosis_destroy(diagnosis);
        }
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

typedef struct Numbers {
    float x[STEPS * ROWS * 2], y[STEPS * ROWS];
    size_t lengths[ROWS];
} Numbers;

static elman_status numbers_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                                  elman_error *error) {
    Numbers *const numbers = user;
    (void)epoch, (void)position, (void)error;
    batch->sequence = (elman_sequence){.struct_size = sizeof batch->sequence,
                                       .steps = STEPS,
                                       .batch = ROWS,
                                       .dense = numbers->x,
                                       .lengths = numbers->lengths};
    batch->targets = (elman_targets){
        .struct_size = sizeof batch->targets, .loss = ELMAN_LOSS_MSE, .numbers = numbers->y};
    return ELMAN_OK;
}

/* The second input, five steps before, with as much noise: half of the variance. The first one
 * hardly changes from step to step, and says nothing. */
static void fill_numbers(Numbers *numbers, bool answer) {
    uint64_t seed = 11;
    double slow[ROWS] = {0.0};
    for (size_t b = 0; b < ROWS; b++) numbers->lengths[b] = b % 3 ? STEPS : STEPS - 8;
    for (size_t t = 0; t < STEPS; t++)
        for (size_t b = 0; b < ROWS; b++) {
            const size_t at = t * ROWS + b;
            const double noise = (double)next(&seed) / 0x1p23 - 1.0;
            slow[b] = 0.97 * slow[b] + noise;
            numbers->x[2 * at] = (float)slow[b];
            numbers->x[2 * at + 1] = (float)((double)next(&seed) / 0x1p23 - 1.0);
            numbers->y[at] = (float)((double)next(&seed) / 0x1p23 - 1.0);
            if (answer && t >= 5) numbers->y[at] += numbers->x[2 * (at - (size_t)5 * ROWS) + 1];
            if (t % 9 == 4) numbers->y[at] = NAN;
        }
}

static void numbers_owe_to_the_one_that_is_added(void **state) {
    static Numbers numbers;
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = silent_model(context, false);
    for (int answer = 0; answer < 2; answer++) {
        const elman_source source = {
            .struct_size = sizeof source, .user = &numbers, .batches = 1, .batch = numbers_batch};
        const elman_diagnose_options options = {
            .struct_size = sizeof options, .lags = 12, .rows = ROWS};
        elman_diagnosis *diagnosis = NULL;
        elman_diagnosis_summary summary;
        elman_error error = {0};
        fill_numbers(&numbers, answer);
        if (elman_diagnose_source(model, &source, &options, &diagnosis, &error))
            fail_msg("%s", error.message);
        elman_diagnosis_summarize(diagnosis, &summary);
        assert_true(summary.error_horizon == (answer ? 5.0 : 0.0));
        if (answer) assert_true(fabs(summary.error_by_lag[5] - 0.5) < 0.08);
        /* U(-1, 1) has the variance 1/3; nearly all y are the sum of two. */
        assert_true(fabs(summary.baseline - (answer ? 0.64 : 1.0 / 3.0)) < 0.04);
        elman_diagnosis_destroy(diagnosis);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_owe_to_the_one_that_comes_again),
        cmocka_unit_test(chance_owes_nothing),
        cmocka_unit_test(numbers_owe_to_the_one_that_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
