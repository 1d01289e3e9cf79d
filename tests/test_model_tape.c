/* Tapes and losses: what is refused, and that a refusal leaves the tape usable. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"

enum { STEPS = 4, ROWS = 3 };

static const NetworkSpec token_spec = {.input = ELMAN_INPUT_ONE_HOT,
                                       .inputs = 5,
                                       .cell = ELMAN_CELL_LSTM,
                                       .layers = 2,
                                       .hidden = 6,
                                       .outputs = 5};
static const NetworkSpec dense_spec = {.input = ELMAN_INPUT_DENSE,
                                       .inputs = 5,
                                       .cell = ELMAN_CELL_GRU,
                                       .layers = 1,
                                       .hidden = 6,
                                       .outputs = 5,
                                       .output = ELMAN_OUTPUT_LAST_STEP};

static void refuse(elman_status status, const elman_error *error, const char *fragment) {
    if (status != ELMAN_ERR_ARGUMENT || !strstr(error->message, fragment))
        fail_msg("%s: \"%s\", expected \"%s\"", elman_status_name(status), error->message,
                 fragment);
}

static void options(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_network *const tokens = random_network(context, &token_spec, 1);
    elman_error error = {0};
    elman_tape *tape = (elman_tape *)&error; /* must be set to NULL */
    elman_tape_options o = {.struct_size = sizeof o, .steps = 0, .batch = 1};
    refuse(elman_tape_create(tokens, &o, &tape, &error), &error, "at least 1 step");
    assert_null(tape);
    o = (elman_tape_options){.struct_size = sizeof o, .steps = 1, .batch = 0};
    refuse(elman_tape_create(tokens, &o, &tape, &error), &error, "at least 1 step");
    refuse(elman_tape_create(tokens, NULL, &tape, &error), &error, "at least 1 step");
    o = (elman_tape_options){.struct_size = sizeof o, .steps = 1, .batch = 1, .input_gradient = 1};
    refuse(elman_tape_create(tokens, &o, &tape, &error), &error, "dense input");
    o = (elman_tape_options){.struct_size = 3, .steps = 1, .batch = 1};
    refuse(elman_tape_create(tokens, &o, &tape, &error), &error, "struct_size");
    o = (elman_tape_options){.struct_size = sizeof o, .steps = SIZE_MAX, .batch = 2};
    assert_int_equal(elman_tape_create(tokens, &o, &tape, &error), ELMAN_ERR_MEMORY);
    o = (elman_tape_options){.struct_size = sizeof o, .steps = SIZE_MAX / 8, .batch = 1};
    assert_int_equal(elman_tape_create(tokens, &o, &tape, &error), ELMAN_ERR_MEMORY);
    assert_null(tape);
    elman_tape_destroy(NULL);
    elman_network_destroy(tokens);
    elman_context_destroy(context);
}

/* Runs one pass with a change made to a good sequence. */
static void sequences(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_network *const network = random_network(context, &token_spec, 1);
    elman_tape *const tape = open_tape(network, &token_spec, STEPS, ROWS);
    Sample sample = random_sample(&token_spec, STEPS, ROWS, true, false, 1);
    Pass *const want = run_pass(network, &token_spec, &sample, CROSS_ENTROPY);
    const elman_sequence good = sample_sequence(&sample, false);
    elman_sequence s = good;
    elman_error error = {0};
    s.steps = STEPS + 1;
    refuse(elman_tape_forward(tape, &s, &error), &error, "5 steps and 3 rows");
    s = good;
    s.steps = 0;
    refuse(elman_tape_forward(tape, &s, &error), &error, "0 steps");
    s = good;
    s.batch = ROWS + 1;
    refuse(elman_tape_forward(tape, &s, &error), &error, "4 rows");
    s = good;
    s.tokens = NULL;
    refuse(elman_tape_forward(tape, &s, &error), &error, "tokens");
    s = good;
    s.dense = sample.values;
    refuse(elman_tape_forward(tape, &s, &error), &error, "tokens");
    s = good;
    s.struct_size = 1;
    refuse(elman_tape_forward(tape, &s, &error), &error, "struct_size");
    refuse(elman_tape_forward(tape, NULL, &error), &error, "0 steps");
    sample.lengths[0] = STEPS + 1;
    refuse(elman_tape_forward(tape, &good, &error), &error, "row 0 has length 5 of 4");
    sample.lengths[0] = SIZE_MAX;
    refuse(elman_tape_forward(tape, &good, &error), &error, "row 0 has length");
    sample.lengths[0] = STEPS;
    sample.tokens[0] = 5;
    refuse(elman_tape_forward(tape, &good, &error), &error, "token 5 at step 0, row 0");
    sample.tokens[0] = -1;
    refuse(elman_tape_forward(tape, &good, &error), &error, "token -1 at step 0, row 0");
    sample_free(&sample);
    sample = random_sample(&token_spec, STEPS, ROWS, true, false, 1);
    Pass *const got = run_tape(tape, &token_spec, &sample, CROSS_ENTROPY);
    check_same_bits(got, want, "after refusals");
    pass_free(got);
    pass_free(want);
    sample_free(&sample);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

/* The calls out of order, and targets out of range. */
static void order_and_targets(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const NetworkSpec *const specs[] = {&token_spec, &dense_spec};
    for (size_t i = 0; i < 2; i++) {
        const NetworkSpec *const spec = specs[i];
        elman_network *const network = random_network(context, spec, 1);
        elman_tape *const tape = open_tape(network, spec, STEPS, ROWS);
        Sample sample = random_sample(spec, STEPS, ROWS, false, false, 1);
        const elman_sequence good = sample_sequence(&sample, false);
        elman_loss loss;
        elman_error error = {0};
        refuse(elman_tape_backward(tape, NULL, &error), &error, "forward pass");
        refuse(elman_tape_backward(tape, sample.values, &error), &error, "forward pass");
        refuse(elman_tape_cross_entropy(tape, sample.classes, &loss, &error), &error,
               "forward pass");
        refuse(elman_tape_mean_squared_error(tape, sample.values, &loss, &error), &error,
               "forward pass");
        assert_int_equal(elman_tape_forward(tape, &good, &error), ELMAN_OK);
        refuse(elman_tape_backward(tape, NULL, &error), &error, "loss");
        const size_t last = sample_positions(spec, &sample) - 1;
        sample.classes[last] = 5;
        refuse(elman_tape_cross_entropy(tape, sample.classes, &loss, &error), &error,
               "target 5 at position");
        sample.classes[last] = INT32_MIN;
        assert_int_equal(elman_tape_cross_entropy(tape, sample.classes, &loss, &error), ELMAN_OK);
        assert_int_equal(elman_tape_backward(tape, NULL, &error), ELMAN_OK);
        refuse(elman_tape_backward(tape, NULL, &error), &error, "once for each");
        elman_tensor tensor;
        assert_int_equal(elman_tape_gradient(tape, 1000, &tensor), ELMAN_ERR_ARGUMENT);
        refuse(elman_tape_find_gradient(tape, "nothing", &tensor, &error), &error, "nothing");
        sample_free(&sample);
        elman_tape_destroy(tape);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* A tape for forward passes alone gives the same outputs and losses and refuses backward. */
/* The state that a tape ends in, beside that of one which keeps every step's; of c it has no more.
 */
static void check_states(const elman_network *network, const NetworkSpec *spec,
                         const elman_tape *tape, const elman_sequence *sequence) {
    const elman_tape_options o = {.struct_size = sizeof o, .steps = STEPS, .batch = ROWS};
    const size_t count = elman_network_state_size(network, sequence->batch);
    float *const got = zeroed(count, sizeof *got), *const want = zeroed(count, sizeof *want);
    elman_tape *whole = NULL;
    assert_int_equal(elman_tape_create(network, &o, &whole, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(whole, sequence, NULL), ELMAN_OK);
    elman_tape_state(whole, want);
    elman_tape_state(tape, got);
    assert_memory_equal(got, want, count * sizeof *got);
    elman_tape_destroy(whole);
    free(want);
    free(got);
    if (spec->cell != ELMAN_CELL_LSTM) return;
    elman_error error = {0};
    const size_t states = sequence->steps * sequence->batch * spec->hidden;
    float *const cell = zeroed(states, sizeof *cell);
    elman_tape_cell(tape, 0, 0, cell);
    for (size_t i = 0; i < states; i++) assert_true(isnan(cell[i]));
    refuse(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_C, cell, &error), &error, "keeps no array");
    refuse(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_C_BEFORE, cell, &error), &error,
           "keeps no array");
    free(cell);
}

static void forward_only(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELLS * 2; i++) {
        NetworkSpec spec = token_spec;
        spec.cell = all_cells[i / 2];
        spec.bidirectional = i % 2;
        spec.output = i % 2 ? (elman_output)(1 + i % 3) : ELMAN_OUTPUT_EVERY_STEP;
        elman_network *const network = random_network(context, &spec, 1);
        Sample sample = random_sample(&spec, STEPS, ROWS, true, false, 1);
        Pass *const want = run_pass(network, &spec, &sample, CROSS_ENTROPY);
        const Array *const output = pass_array(want, "output");
        const size_t count = output->outer * output->rows * output->inner;
        const elman_tape_options o = {
            .struct_size = sizeof o, .steps = STEPS, .batch = ROWS, .forward_only = 1};
        const elman_sequence sequence = sample_sequence(&sample, false);
        float *const got = zeroed(count, sizeof *got);
        elman_tape *tape = NULL;
        elman_error error = {0};
        elman_loss loss;
        elman_tensor tensor;
        assert_int_equal(elman_tape_create(network, &o, &tape, &error), ELMAN_OK);
        assert_int_equal(elman_tape_forward(tape, &sequence, &error), ELMAN_OK);
        elman_tape_output(tape, got);
        assert_memory_equal(got, output->data, count * sizeof *got);
        check_states(network, &spec, tape, &sequence);
        assert_int_equal(elman_tape_cross_entropy(tape, sample.classes, &loss, &error), ELMAN_OK);
        assert_true(loss.mean == want->loss.mean && loss.count == want->loss.count);
        refuse(elman_tape_backward(tape, NULL, &error), &error, "forward passes only");
        refuse(elman_tape_backward(tape, sample.values, &error), &error, "forward passes only");
        assert_int_equal(elman_tape_gradient(tape, 0, &tensor), ELMAN_ERR_ARGUMENT);
        assert_int_equal(elman_tape_mean_squared_error(tape, sample.values, &loss, &error),
                         ELMAN_OK);
        free(got);
        elman_tape_destroy(tape);
        pass_free(want);
        sample_free(&sample);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* Logits of NaN or infinity give a loss that is not finite, for the trainer to stop at. */
static void losses_that_are_not_finite(void **state) {
    static const float odd[] = {NAN, INFINITY};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 8; i++) {
        NetworkSpec spec = dense_spec;
        spec.cell = ELMAN_CELL_RNN_RELU;
        spec.output = (elman_output)(i / 2);
        elman_network *const network = random_network(context, &spec, 1);
        elman_tape *const tape = open_tape(network, &spec, STEPS, ROWS);
        Sample sample = random_sample(&spec, STEPS, ROWS, false, false, 1);
        for (size_t k = 0; k < STEPS * ROWS * spec.inputs; k++) sample.dense[k] = odd[i % 2];
        for (size_t k = 0; k < ROWS; k++) sample.classes[k] = 0;
        for (size_t kind = CROSS_ENTROPY; kind <= SQUARED_ERROR; kind++) {
            Pass *const pass = run_tape(tape, &spec, &sample, (LossKind)kind);
            assert_true(!isfinite(pass->loss.mean));
            pass_free(pass);
        }
        sample_free(&sample);
        elman_tape_destroy(tape);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(sequences),
        cmocka_unit_test(order_and_targets),
        cmocka_unit_test(forward_only),
        cmocka_unit_test(losses_that_are_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
