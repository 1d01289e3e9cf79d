/* Pooled outputs, on numbers that can be checked by hand: the order of the sum, which of equal ones
 * is the greatest, rows without a step, dropout. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/tape.h"
#include "support/passes.h"

enum { STEPS = 4, ROWS = 3 };

/* h = max(0, x): one unit that forgets; the output is what is pooled. */
static elman_network *identity(elman_context *context, elman_output output, float dropout) {
    elman_cell_options options = {.struct_size = sizeof options,
                                  .cell = ELMAN_CELL_RNN_RELU,
                                  .hidden = 1,
                                  .no_bias = 1,
                                  .bidirectional = 1,
                                  .dropout = dropout};
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_error error = {0};
    assert_int_equal(elman_model_create(context, 1, &model, &error), ELMAN_OK);
    elman_model_add_cell_options(model, &options);
    assert_int_equal(elman_model_set_output(model, output), ELMAN_OK);
    assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_OK);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        elman_model_tensor(model, i, &tensor);
        tensor.data[0] = strstr(tensor.name, "_ih") ? 1.0f : 0.0f;
    }
    assert_int_equal(elman_network_compile(model, &network, &error), ELMAN_OK);
    elman_model_destroy(model);
    return network;
}

static elman_tape *run(const elman_network *network, const elman_sequence *sequence,
                       float output[ROWS * 2]) {
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = STEPS, .batch = ROWS, .input_gradient = 1};
    elman_tape *tape = NULL;
    elman_error error = {0};
    assert_int_equal(elman_tape_create(network, &options, &tape, &error), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, sequence, &error), ELMAN_OK);
    elman_tape_output(tape, output);
    return tape;
}

static const size_t lengths[ROWS] = {4, 0, 3};

/* [steps][rows]; the second row has no step, the third one three. */
static const float input[STEPS * ROWS] = {0x1p24f, NAN, 2, 1, NAN, 7, 1, NAN, 7, 0x1p24f, NAN, 9};

static const float gradient[ROWS * 2] = {1, 10, 2, 20, 3, 30};

static void check(elman_output kind, const float *want, const float *want_gradient) {
    elman_context *const context = open_context(NULL, 1);
    elman_network *const network = identity(context, kind, 0.0f);
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = STEPS,
                                     .batch = ROWS,
                                     .dense = input,
                                     .lengths = lengths};
    float output[ROWS * 2], back[STEPS * ROWS];
    elman_tape *const tape = run(network, &sequence, output);
    assert_memory_equal(output, want, sizeof output);
    assert_int_equal(elman_tape_backward(tape, gradient, NULL), ELMAN_OK);
    elman_tape_input_gradient(tape, back);
    for (size_t i = 0; i < STEPS * ROWS; i++)
        if (back[i] != want_gradient[i])
            fail_msg("gradient %zu is %g, expected %g", i, (double)back[i],
                     (double)want_gradient[i]);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void mean(void **state) {
    /* 2^24 + 1 + 1 is 2^24 in this order, and 2^25 with the last. */
    static const float want[ROWS * 2] = {0x1p25f / 4, 0x1p25f / 4, 0, 0, 16.0f / 3, 16.0f / 3};
    static const float back[STEPS * ROWS] = {2.75f, 0, 11, 2.75f, 0, 11, 2.75f, 0, 11, 2.75f, 0, 0};
    (void)state;
    check(ELMAN_OUTPUT_MEAN, want, back);
}

static void greatest(void **state) {
    static const float want[ROWS * 2] = {0x1p24f, 0x1p24f, 0, 0, 7, 7};
    /* The first of equal ones, in both directions. */
    static const float back[STEPS * ROWS] = {11, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0};
    (void)state;
    check(ELMAN_OUTPUT_MAX, want, back);
}

/* One mask for each row, of what was pooled. */
static void dropout(void **state) {
    static const elman_output kinds[] = {ELMAN_OUTPUT_MEAN, ELMAN_OUTPUT_MAX};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const float rate = 0.4f;
    for (size_t k = 0; k < 2; k++) {
        elman_network *const network = identity(context, kinds[k], rate);
        float plain[ROWS * 2], output[ROWS * 2], mask[2];
        elman_sequence sequence = {.struct_size = sizeof sequence,
                                   .steps = STEPS,
                                   .batch = ROWS,
                                   .dense = input,
                                   .lengths = lengths,
                                   .dropout_seed = 4};
        elman_tape_destroy(run(network, &sequence, plain));
        sequence.training = 1;
        size_t dropped = 0;
        for (uint64_t pass = 1; pass < 20; pass++) {
            sequence.dropout_pass = pass;
            elman_tape_destroy(run(network, &sequence, output));
            for (size_t b = 0; b < ROWS; b++) {
                dropout_mask(kernels_select(NULL), 4, pass, 0, b, rate, 2, mask);
                for (size_t i = 0; i < 2; i++) {
                    assert_true(output[2 * b + i] == plain[2 * b + i] * mask[i]);
                    dropped += mask[i] == 0.0f;
                }
            }
        }
        assert_true(dropped > 20 && dropped < 80);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean),
        cmocka_unit_test(greatest),
        cmocka_unit_test(dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
