/* A text evaluated in passes: the figure of one pass over all of it, and of the same steps as a
 * stream, on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_are_one_sequence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
