/* A text evaluated in passes: the figure of one pass over all of it, and of the same steps as a
 * stream, on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/train.h>

enum { TOKENS = 600, KINDS = 11 };

static const NetworkSpec spec = {
    .input = ELMAN_INPUT_ONE_HOT,
    .inputs = KINDS,
    .cell = ELMAN_CELL_LSTM,
    .layers = 2,
    .hidden = 20,
    .learned_state = true,
    .outputs = KINDS,
};

static void make_tokens(int32_t *tokens) {
    uint32_t seed = 7;
    for (size_t i = 0; i < TOKENS; i++) {
        seed = seed * 1664525u + 1013904223u;
        tokens[i] = (int32_t)(seed >> 16) % KINDS;
    }
}

static double evaluate(elman_network *network, const int32_t *tokens, size_t count) {
    elman_loss loss = {0};
    assert_int_equal(elman_evaluate_tokens(network, tokens, count, &loss, NULL), ELMAN_OK);
    assert_int_equal(loss.count, count - 1);
    return loss.mean;
}

static double whole_pass(elman_network *network, const int32_t *tokens, size_t count) {
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = TOKENS, .batch = 1, .forward_only = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = count - 1, .batch = 1, .tokens = tokens};
    elman_tape *tape = NULL;
    elman_loss loss = {0};
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_cross_entropy(tape, tokens + 1, &loss, NULL), ELMAN_OK);
    elman_tape_destroy(tape);
    return loss.mean;
}

/* Two are the fewest; 257 fill one pass, 258 and 513 begin another. */
static const size_t counts[] = {2, 3, 257, 258, 513, TOKENS};

static void passes_are_one_sequence(void **state) {
    int32_t tokens[TOKENS];
    double first[sizeof counts / sizeof *counts];
    (void)state;
    make_tokens(tokens);
    for (size_t threads = 1; threads <= 3; threads++) {
        elman_context *const context = open_context(NULL, threads);
        elman_network *const network = random_network(context, &spec, 3);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            const double mean = evaluate(network, tokens, counts[i]);
            /* Both add some hundred logarithms of some 2.4 in another order. */
            assert_true(mean > 1.0 && mean < 10.0);
            assert_true(fabs(mean - whole_pass(network, tokens, counts[i])) < 1e-13);
            if (threads == 1) first[i] = mean;
            assert_memory_equal(&mean, &first[i], sizeof mean);
        }
        elman_network_destroy(network);
        elman_context_destroy(context);
    }
}

static double evaluate_dynamic(elman_model *model, const int32_t *tokens, size_t count, double rate,
                               size_t window) {
    const elman_dynamic_options options = {
        .struct_size = sizeof options, .learning_rate = rate, .window = window};
    elman_loss loss = {0};
    elman_error error = {0};
    if (elman_evaluate_tokens_dynamic(model, tokens, count, &options, &loss, &error))
        fail_msg("%s", error.message);
    assert_int_equal(loss.count, count - 1);
    return loss.mean;
}

static float *copy_weights(const elman_model *model, size_t *count) {
    elman_tensor tensor;
    float *copy = NULL;
    *count = 0;
    for (size_t i = 0; elman_model_tensor(model, i, &tensor) == ELMAN_OK; i++) {
        copy = realloc(copy, (*count + tensor.count) * sizeof *copy);
        assert_non_null(copy);
        memcpy(copy + *count, tensor.data, tensor.count * sizeof *copy);
        *count += tensor.count;
    }
    return copy;
}

/* A text that repeats itself is learnt while it is read. What was read before the first step is
 * scored as ever, dropout or not, the weights are there again afterwards, and threads change
 * nothing. */
static void dynamic_evaluation_learns(void **state) {
    int32_t tokens[TOKENS];
    double first = 0.0;
    (void)state;
    for (size_t i = 0; i < TOKENS; i++) tokens[i] = (int32_t)(i % 7);
    NetworkSpec dropping = spec;
    dropping.dropout = 0.5f;
    for (size_t threads = 1; threads <= 3; threads++) {
        elman_context *const context = open_context(NULL, threads);
        elman_model *const model = random_model(context, &dropping, 3);
        elman_network *network = NULL;
        assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
        size_t count, again;
        float *const before = copy_weights(model, &count);
        const double still = evaluate(network, tokens, TOKENS);
        const double slow = evaluate_dynamic(model, tokens, TOKENS, 1e-12, 0);
        assert_true(fabs(slow - still) < 1e-6);
        assert_true(fabs(evaluate_dynamic(model, tokens, 33, 0.05, 32) -
                         evaluate(network, tokens, 33)) < 1e-6);
        const double dynamic = evaluate_dynamic(model, tokens, TOKENS, 0.02, 8);
        assert_true(dynamic < 0.5 * still);
        if (threads == 1) first = dynamic;
        assert_memory_equal(&dynamic, &first, sizeof first);
        float *const after = copy_weights(model, &again);
        assert_int_equal(again, count);
        assert_memory_equal(after, before, count * sizeof *before);
        free(after);
        free(before);
        elman_network_destroy(network);
        elman_model_destroy(model);
        elman_context_destroy(context);
    }
}

static void wrong_dynamic_options(void **state) {
    static const double rates[] = {0.0, -1.0, NAN, INFINITY};
    const int32_t tokens[] = {1, 2, KINDS};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 3);
    elman_dynamic_options options = {.struct_size = sizeof options};
    elman_loss loss;
    elman_error error;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        options.learning_rate = rates[i];
        assert_int_equal(elman_evaluate_tokens_dynamic(model, tokens, 2, &options, &loss, &error),
                         ELMAN_ERR_ARGUMENT);
        assert_non_null(strstr(error.message, "expected a number above 0"));
    }
    options.learning_rate = 0.001;
    assert_int_equal(elman_evaluate_tokens_dynamic(model, tokens, 3, &options, &loss, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "token 2 is 11"));
    assert_int_equal(elman_evaluate_tokens_dynamic(model, tokens, 1, &options, &loss, &error),
                     ELMAN_ERR_DATA);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_are_one_sequence),
        cmocka_unit_test(dynamic_evaluation_learns),
        cmocka_unit_test(wrong_dynamic_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
