/* The double-precision reference against PyTorch, the guide's worked example, and what lengths,
 * directions, masks and losses mean. Its gradients have a test of their own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "reference/reference.h"

#include "reference/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5, ROWS = 3, INPUTS = 3, HIDDEN = 2 };

/* NaN differs from everything. */
static void check_values(const char *what, const double *got, const double *want, size_t count,
                         double tolerance) {
    for (size_t k = 0; k < count; k++)
        if (!(fabs(got[k] - want[k]) <= tolerance))
            fail_msg("%s[%zu]: got %.12g, want %.12g", what, k, got[k], want[k]);
}

/* A headless network of equal layers over dense input. */
static RefNetwork plain_network(RefCell cell, size_t layers, bool bidirectional) {
    RefNetwork network = {.input = REF_DENSE, .inputs = INPUTS, .layer_count = layers};
    for (size_t l = 0; l < layers; l++)
        network.layers[l] = (RefLayer){
            .cell = cell, .hidden = HIDDEN, .bidirectional = bidirectional, .bias = true};
    ref_network_layout(&network);
    return network;
}

static double *random_values(size_t count, double bound, uint64_t seed) {
    double *values = ref_allocate(count, sizeof(double));
    ref_fill(values, count, -bound, bound, seed);
    return values;
}

static void names_and_shapes(void **state) {
    (void)state;
    RefNetwork network = {
        .input = REF_EMBEDDING,
        .inputs = 7,
        .embedding = 3,
        .layer_count = 2,
        .layers = {{REF_LSTM, 5, true, true, true}, {REF_RNN_TANH, 4, false, false, false}},
        .outputs = 6,
        .head_bias = true};
    static const struct {
        const char *name;
        size_t rows, columns;
    } expected[] = {
        {"embedding.weight", 7, 3},
        {"rnn.weight_ih_l0", 20, 3},
        {"rnn.weight_hh_l0", 20, 5},
        {"rnn.bias_ih_l0", 20, 0},
        {"rnn.bias_hh_l0", 20, 0},
        {"rnn.h0_l0", 5, 0},
        {"rnn.c0_l0", 5, 0},
        {"rnn.weight_ih_l0_reverse", 20, 3},
        {"rnn.weight_hh_l0_reverse", 20, 5},
        {"rnn.bias_ih_l0_reverse", 20, 0},
        {"rnn.bias_hh_l0_reverse", 20, 0},
        {"rnn.h0_l0_reverse", 5, 0},
        {"rnn.c0_l0_reverse", 5, 0},
        {"rnn.weight_ih_l1", 4, 10},
        {"rnn.weight_hh_l1", 4, 4},
        {"head.weight", 6, 4},
        {"head.bias", 6, 0},
    };
    ref_network_layout(&network);
    assert_int_equal(network.tensor_count, sizeof expected / sizeof *expected);
    size_t offset = 0;
    for (size_t i = 0; i < network.tensor_count; i++) {
        const RefTensor *tensor = &network.tensors[i];
        assert_string_equal(tensor->name, expected[i].name);
        assert_int_equal(tensor->shape[0], expected[i].rows);
        assert_int_equal(tensor->shape[1], expected[i].columns);
        assert_int_equal(tensor->offset, offset);
        offset += tensor->count;
    }
    assert_int_equal(network.parameter_count, offset);
}

static double moment(const double *values, size_t count) {
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) sum += (double)(k + 1) * values[k];
    return sum;
}

static void check_golden(const GoldenCase *golden) {
    enum { GOLDEN_STEPS = 4 };
    static const size_t lengths[ROWS] = {4, 1, 2};
    const RefNetwork network = plain_network(golden->cell, 2, true);
    const RefBatch batch = {.steps = GOLDEN_STEPS, .rows = ROWS, .lengths = lengths};
    const size_t states = ref_state_count(&network, ROWS), dense = GOLDEN_STEPS * ROWS * INPUTS;
    const size_t outputs = GOLDEN_STEPS * ROWS * 2 * HIDDEN;
    double *parameters = random_values(network.parameter_count, 0.9, 1);
    double *x = random_values(dense, 1.0, 2), *initial = random_values(states, 0.8, 3);
    double *weights = random_values(outputs, 1.0, 4);
    double *d_parameters = random_values(network.parameter_count, 1.0, 5);
    double *d_x = random_values(dense, 1.0, 6), *d_initial = random_values(states, 1.0, 7);
    const RefValues values = {parameters, x, initial};
    const RefTarget target = {REF_WEIGHTED_SUM, weights, NULL};
    const RefGradients gradients = {d_parameters, d_x, d_initial};
    RefPass *pass = ref_forward(&network, &batch, &values);
    check_values("output", pass->output, golden->output, outputs, 1e-14);
    check_values("final state", pass->final_state, golden->final_state, states, 1e-14);
    ref_backward(&network, &batch, &values, pass, &target, &gradients);
    double moments[REF_TENSORS_MAX];
    for (size_t i = 0; i < network.tensor_count; i++)
        moments[i] = moment(d_parameters + network.tensors[i].offset, network.tensors[i].count);
    moments[network.tensor_count] = moment(d_x, dense);
    moments[network.tensor_count + 1] = moment(d_initial, states);
    check_values("moment", moments, golden->moments, network.tensor_count + 2, 1e-12);
    ref_pass_free(pass);
    free(parameters);
    free(x);
    free(initial);
    free(weights);
    free(d_parameters);
    free(d_x);
    free(d_initial);
}

static void agrees_with_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++)
        check_golden(&golden_cases[i]);
}

/* One unit whose six products are told apart by their sizes; PyTorch has no such cell. */
static void gru_reset_before_by_hand(void **state) {
    (void)state;
    RefNetwork network = {
        .inputs = 1, .layer_count = 1, .layers = {{REF_GRU_RESET_BEFORE, 1, false, true, false}}};
    ref_network_layout(&network);
    const RefBatch batch = {.steps = 1, .rows = 1};
    const double parameters[] = {0.5, -0.3, 0.8, 0.9, 0.2, -0.7, 0.1, -0.2, 0.3, 0.4, 0.05, -0.6};
    const double x = 1.5, h = -0.4;
    const RefValues values = {parameters, &x, &h};
    const double r = 1.0 / (1.0 + exp(-(0.5 * x + 0.1 + 0.9 * h + 0.4)));
    const double z = 1.0 / (1.0 + exp(-(-0.3 * x - 0.2 + 0.2 * h + 0.05)));
    const double n = tanh(0.8 * x + 0.3 - 0.7 * (r * h) - 0.6);
    const double expected = (1.0 - z) * n + z * h;
    RefPass *pass = ref_forward(&network, &batch, &values);
    check_values("h", pass->output, &expected, 1, 1e-15);
    ref_pass_free(pass);
}

/* Section 6 of the guide: row vectors times W_xh and W_hh, so both are transposed here; the loss
 * is the sum over steps of (y - 1)^2 / 2, whose output gradient y - 1 is given. */
static void worked_example(void **state) {
    (void)state;
    RefNetwork network = {.inputs = 2,
                          .layer_count = 1,
                          .layers = {{REF_RNN_TANH, 3, false, true, false}},
                          .outputs = 1,
                          .head_bias = true};
    const RefBatch batch = {.steps = 2, .rows = 1};
    const double parameters[] = {
        0.1, 0.4, 0.2, 0.5, 0.3, 0.6,                /* W_xh transposed */
        0.7, 0.1, 0.4, 0.8, 0.2, 0.5, 0.9, 0.3, 0.6, /* W_hh transposed */
        0.1, 0.1, 0.1, 0.0, 0.0, 0.0,                /* b_h, in one of the two biases */
        0.1, 0.2, 0.3, 0.1,                          /* W_hy, b_y */
    };
    const double x[] = {1.0, 2.0, 3.0, 4.0};
    const double h[] = {0.761594155956, 0.861723159313, 0.921668554406,
                        0.994934488109, 0.999247521097, 0.999888425078};
    const double y[] = {0.625004613780, 0.699309480554}, loss = 0.115518164086;
    const double d_xh[] = {-0.016787754, -0.032967790, -0.019592701,
                           -0.039004459, -0.017021396, -0.034002535};
    const double d_hh_row[] = {-2.314170e-4, -6.890238e-5, -1.532982e-5};
    const double d_h[] = {-0.016180036, -0.019411758, -0.016981139};
    const double d_hy[] = {-0.584761663, -0.623606465, -0.646278425}, d_y = -0.675685906;
    const RefValues values = {parameters, x, NULL};
    double d_output[2], d_parameters[25], d_hh[9];
    const RefTarget target = {REF_WEIGHTED_SUM, d_output, NULL};
    const RefGradients gradients = {d_parameters, NULL, NULL};
    ref_network_layout(&network);
    assert_int_equal(network.parameter_count, 25);
    RefPass *pass = ref_forward(&network, &batch, &values);
    double sum = 0.0;
    for (size_t t = 0; t < 2; t++) {
        d_output[t] = pass->output[t] - 1.0;
        sum += 0.5 * d_output[t] * d_output[t];
    }
    ref_backward(&network, &batch, &values, pass, &target, &gradients);
    /* h_0 is zero, so that row i of dW_hh is h_1[i] times one vector. */
    for (size_t k = 0; k < 9; k++) d_hh[k] = d_hh_row[k / 3] * h[k % 3] / h[0];
    check_values("h", pass->features, h, 6, 1e-12);
    check_values("y", pass->output, y, 2, 1e-12);
    check_values("loss", &sum, &loss, 1, 1e-12);
    check_values("dW_xh", d_parameters, d_xh, 6, 1e-9);
    check_values("dW_hh", d_parameters + 6, d_hh, 9, 1e-10);
    check_values("db_h (input)", d_parameters + 15, d_h, 3, 1e-9);
    check_values("db_h (hidden)", d_parameters + 18, d_h, 3, 1e-9);
    check_values("dW_hy", d_parameters + 21, d_hy, 3, 1e-9);
    check_values("db_y", d_parameters + 24, &d_y, 1, 1e-9);
    ref_pass_free(pass);
}

/* Copies row `row` of [T][rows][width] into [steps][1][width]. */
static double *take_row(const double *from, size_t steps, size_t rows, size_t width, size_t row) {
    double *taken = ref_allocate(steps * width, sizeof(double));
    for (size_t t = 0; t < steps; t++)
        memcpy(taken + t * width, from + (t * rows + row) * width, width * sizeof(double));
    return taken;
}

/* The row of a batch with lengths is what it is alone, as long as its length. */
static void check_row_alone(const RefNetwork *network, const RefBatch *batch,
                            const RefValues *values, const RefPass *pass, size_t row) {
    const size_t steps = batch->lengths[row], width = ref_output_width(network);
    const size_t positions = network->output != REF_EVERY_STEP ? 1 : STEPS;
    const double zeros[2 * HIDDEN] = {0};
    const RefBatch alone = {.steps = steps, .rows = 1};
    double *x = take_row(values->dense, steps, ROWS, INPUTS, row);
    const size_t states = ref_state_count(network, 1) / HIDDEN;
    double *initial = take_row(values->initial, states, ROWS, HIDDEN, row);
    double *final_state = take_row(pass->final_state, states, ROWS, HIDDEN, row);
    double *output = take_row(pass->output, positions, ROWS, width, row);
    const RefValues row_values = {values->parameters, x, initial};
    RefPass *row_pass = ref_forward(network, &alone, &row_values);
    check_values("final state", final_state, row_pass->final_state, states * HIDDEN, 0.0);
    for (size_t p = 0; p < positions; p++) {
        const bool counts = network->output != REF_EVERY_STEP ? steps > 0 : p < steps;
        check_values("output", output + p * width, counts ? row_pass->output + p * width : zeros,
                     width, 0.0);
    }
    if (steps == 0) check_values("carried", final_state, initial, states * HIDDEN, 0.0);
    ref_pass_free(row_pass);
    free(x);
    free(initial);
    free(final_state);
    free(output);
}

/* Nothing is read past a row's length: there the input is NaN. */
static void row_of_a_length_is_the_row_alone(void **state) {
    (void)state;
    static const size_t lengths[ROWS] = {2, 0, 5};
    const RefBatch batch = {.steps = STEPS, .rows = ROWS, .lengths = lengths};
    for (int cell = REF_RNN_TANH; cell <= REF_GRU_RESET_BEFORE; cell++)
        for (int output = REF_EVERY_STEP; output <= REF_MAX; output++) {
            RefNetwork network = plain_network((RefCell)cell, 2, true);
            network.output = (RefOutput)output;
            const size_t states = ref_state_count(&network, ROWS);
            double *parameters = random_values(network.parameter_count, 0.9, 1);
            double *x = random_values(STEPS * ROWS * INPUTS, 1.0, 2);
            double *initial = random_values(states, 0.8, 3);
            double *d_x = random_values(STEPS * ROWS * INPUTS, 1.0, 4);
            double *weights = random_values(STEPS * ROWS * 2 * HIDDEN, 1.0, 5);
            for (size_t k = 0; k < STEPS * ROWS * INPUTS; k++)
                if (k / INPUTS / ROWS >= lengths[k / INPUTS % ROWS]) x[k] = NAN;
            const RefValues values = {parameters, x, initial};
            const RefTarget target = {REF_WEIGHTED_SUM, weights, NULL};
            const RefGradients gradients = {NULL, d_x, NULL};
            RefPass *pass = ref_forward(&network, &batch, &values);
            for (size_t row = 0; row < ROWS; row++)
                check_row_alone(&network, &batch, &values, pass, row);
            ref_backward(&network, &batch, &values, pass, &target, &gradients);
            for (size_t k = 0; k < STEPS * ROWS * INPUTS; k++)
                assert_true(isnan(x[k]) ? d_x[k] == 0.0 : isfinite(d_x[k]) && d_x[k] != 0.0);
            ref_pass_free(pass);
            free(parameters);
            free(x);
            free(initial);
            free(d_x);
            free(weights);
        }
}

/* The last output is each direction's own last state, and the reverse direction is the forward one
 * on the sequence turned round. */
static void last_and_reverse(void **state) {
    (void)state;
    const RefBatch batch = {.steps = STEPS, .rows = 1};
    const RefNetwork both = plain_network(REF_LSTM, 1, true),
                     one = plain_network(REF_LSTM, 1, false);
    RefNetwork last = both;
    last.output = REF_LAST_STEP;
    double *parameters = random_values(both.parameter_count, 0.9, 1);
    double *x = random_values(STEPS * INPUTS, 1.0, 2), turned[STEPS * INPUTS];
    for (size_t t = 0; t < STEPS; t++)
        memcpy(turned + t * INPUTS, x + (STEPS - 1 - t) * INPUTS, INPUTS * sizeof(double));
    RefPass *every_pass = ref_forward(&both, &batch, &(RefValues){parameters, x, NULL});
    RefPass *last_pass = ref_forward(&last, &batch, &(RefValues){parameters, x, NULL});
    RefPass *turned_pass =
        ref_forward(&one, &batch, &(RefValues){parameters + one.parameter_count, turned, NULL});
    for (size_t t = 0; t < STEPS; t++)
        check_values("reverse", every_pass->output + t * 2 * HIDDEN + HIDDEN,
                     turned_pass->output + (STEPS - 1 - t) * HIDDEN, HIDDEN, 0.0);
    check_values("last, forward", last_pass->output, every_pass->output + (STEPS - 1) * 2 * HIDDEN,
                 HIDDEN, 0.0);
    check_values("last, reverse", last_pass->output + HIDDEN, every_pass->output + HIDDEN, HIDDEN,
                 0.0);
    ref_pass_free(every_pass);
    ref_pass_free(last_pass);
    ref_pass_free(turned_pass);
    free(parameters);
    free(x);
}

/* Two layers with a mask are two networks with the mask between them. */
static void layers_and_mask(void **state) {
    (void)state;
    enum { CELLS = STEPS * ROWS };
    const RefNetwork stack = {
        .inputs = INPUTS,
        .layer_count = 2,
        .layers = {{REF_LSTM, 4, true, true, false}, {REF_GRU_RESET_AFTER, 2, false, false, false}},
        .outputs = 3};
    RefNetwork whole = stack, below = stack, above = stack;
    below.layer_count = above.layer_count = 1;
    below.outputs = 0;
    above.layers[0] = stack.layers[1];
    above.inputs = 8;
    ref_network_layout(&whole);
    ref_network_layout(&below);
    ref_network_layout(&above);
    assert_int_equal(whole.parameter_count, below.parameter_count + above.parameter_count);
    double *parameters = random_values(whole.parameter_count, 0.9, 1);
    double *x = random_values(CELLS * INPUTS, 1.0, 2), *mask = random_values(CELLS * 8, 2.0, 3);
    const RefBatch plain = {.steps = STEPS, .rows = ROWS};
    const RefBatch masked = {.steps = STEPS, .rows = ROWS, .masks = {mask}};
    RefPass *whole_pass = ref_forward(&whole, &masked, &(RefValues){parameters, x, NULL});
    RefPass *below_pass = ref_forward(&below, &plain, &(RefValues){parameters, x, NULL});
    for (size_t k = 0; k < CELLS * 8; k++) mask[k] *= below_pass->output[k];
    RefPass *above_pass =
        ref_forward(&above, &plain, &(RefValues){parameters + below.parameter_count, mask, NULL});
    check_values("output", whole_pass->output, above_pass->output, CELLS * 3, 0.0);
    ref_pass_free(whole_pass);
    ref_pass_free(below_pass);
    ref_pass_free(above_pass);
    free(parameters);
    free(x);
    free(mask);
}

/* Tokens as ones, tokens through an embedding and the same numbers as dense input; a learned
 * initial state and the same one given to every row. */
static void inputs_and_initial_states_agree(void **state) {
    (void)state;
    static const int32_t tokens[STEPS * ROWS] = {0, 3, 1, 2, 2, 0, 1, 3, 3, 0, 1, 2, 3, 0, 2};
    enum { TOKENS = 4 };
    RefNetwork dense = {.input = REF_DENSE,
                        .inputs = TOKENS,
                        .layer_count = 1,
                        .layers = {{REF_LSTM, HIDDEN, false, true, true}}};
    RefNetwork one_hot = dense, embedding = dense;
    one_hot.input = REF_ONE_HOT;
    embedding.input = REF_EMBEDDING;
    embedding.embedding = TOKENS;
    ref_network_layout(&dense);
    ref_network_layout(&one_hot);
    ref_network_layout(&embedding);
    double *parameters = random_values(embedding.parameter_count, 0.9, 1);
    double *own = parameters + TOKENS * TOKENS, x[STEPS * ROWS * TOKENS] = {0};
    double given[2 * ROWS * HIDDEN];
    const double *learned = own + dense.offsets[0][0][REF_H0];
    for (size_t k = 0; k < TOKENS * TOKENS; k++) parameters[k] = k % (TOKENS + 1) == 0 ? 1.0 : 0.0;
    for (size_t k = 0; k < STEPS * ROWS; k++) x[k * TOKENS + (size_t)tokens[k]] = 1.0;
    for (size_t k = 0; k < 2 * ROWS * HIDDEN; k++)
        given[k] = learned[k / (ROWS * HIDDEN) * HIDDEN + k % HIDDEN];
    const RefBatch batch = {.steps = STEPS, .rows = ROWS, .tokens = tokens};
    RefPass *passes[] = {
        ref_forward(&dense, &batch, &(RefValues){own, x, NULL}),
        ref_forward(&one_hot, &batch, &(RefValues){own, NULL, NULL}),
        ref_forward(&embedding, &batch, &(RefValues){parameters, NULL, NULL}),
        ref_forward(&dense, &batch, &(RefValues){own, x, given}),
    };
    for (size_t i = 1; i < 4; i++)
        check_values("output", passes[i]->output, passes[0]->output, STEPS * ROWS * HIDDEN, 0.0);
    for (size_t i = 0; i < 4; i++) ref_pass_free(passes[i]);
    free(parameters);
}

static void losses_by_hand(void **state) {
    (void)state;
    static const size_t lengths[2] = {2, 1};
    const RefNetwork network = {
        .inputs = 1, .layer_count = 1, .layers = {{REF_RNN_TANH, 2, false, false, false}}};
    const RefBatch batch = {.steps = 2, .rows = 2, .lengths = lengths};
    const double output[] = {0.5, 0.5, 1000.0, 1000.0 + log(3.0), -1.0, 2.0, NAN, NAN};
    const double values[] = {0.0, 1.5, 1000.0, 1000.0, 1.0, 1.0, 7.0, 7.0};
    const int32_t classes[] = {1, 0, -1, 1};
    const RefTarget squared = {REF_MEAN_SQUARED_ERROR, values, NULL};
    const RefTarget entropy = {REF_CROSS_ENTROPY, NULL, classes};
    const double expected[] = {(0.25 + 1.0 + log(3.0) * log(3.0) + 4.0 + 1.0) / 6.0,
                               (log(2.0) + log(4.0)) / 2.0};
    const double got[] = {ref_loss(&network, &batch, &squared, output),
                          ref_loss(&network, &batch, &entropy, output)};
    check_values("loss", got, expected, 2, 1e-12);
    double gradient[8];
    const double entropy_gradient[8] = {0.25, -0.25, -0.375, 0.375};
    ref_loss_gradient(&network, &batch, &entropy, output, gradient);
    check_values("gradient", gradient, entropy_gradient, 8, 1e-12);
    static const size_t none[2] = {0, 0};
    const RefBatch empty = {.steps = 2, .rows = 2, .lengths = none};
    assert_true(ref_loss(&network, &empty, &squared, output) == 0.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_shapes),
        cmocka_unit_test(agrees_with_pytorch),
        cmocka_unit_test(gru_reset_before_by_hand),
        cmocka_unit_test(worked_example),
        cmocka_unit_test(row_of_a_length_is_the_row_alone),
        cmocka_unit_test(last_and_reverse),
        cmocka_unit_test(layers_and_mask),
        cmocka_unit_test(inputs_and_initial_states_agree),
        cmocka_unit_test(losses_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
