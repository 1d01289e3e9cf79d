/* The guide's worked example through the public interface: every number of its forward and backward
 * pass to 1e-6, by a tape and by a stream, on every instruction set.
 *
 * The guide multiplies row vectors by W_xh and W_hh, Elman matrices by column vectors: these two
 * are transposed, W_hy is not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elman/elman.h>

enum { STEPS = 2, INPUTS = 2, HIDDEN = 3 };

static const float x[STEPS * INPUTS] = {1.0f, 2.0f, 3.0f, 4.0f};
static const double h[STEPS * HIDDEN] = {0.761594155956, 0.861723159313, 0.921668554406,
                                         0.994934488109, 0.999247521097, 0.999888425078};
static const double y[STEPS] = {0.625004613780, 0.699309480554};
static const double loss = 0.115518164086;
static const double d_why[HIDDEN] = {-0.584761663, -0.623606465, -0.646278425};
static const double d_bh[HIDDEN] = {-0.016180036, -0.019411758, -0.016981139};
static const double d_by[1] = {-0.675685906};
static const double d_wxh[INPUTS][HIDDEN] = {{-0.016787754, -0.019592701, -0.017021396},
                                             {-0.032967790, -0.039004459, -0.034002535}};
static const double d_whh_row1[HIDDEN] = {-2.314170e-4, -6.890238e-5, -1.532982e-5};

static void set(elman_model *model, const char *name, const float *values) {
    elman_tensor tensor;
    assert_int_equal(elman_model_find_tensor(model, name, &tensor, NULL), ELMAN_OK);
    memcpy(tensor.data, values, tensor.count * sizeof *values);
}

static elman_network *guide_network(elman_context *context) {
    static const float w_xh[] = {0.1f, 0.4f, 0.2f, 0.5f, 0.3f, 0.6f};
    static const float w_hh[] = {0.7f, 0.1f, 0.4f, 0.8f, 0.2f, 0.5f, 0.9f, 0.3f, 0.6f};
    static const float w_hy[] = {0.1f, 0.2f, 0.3f}, b_h[] = {0.1f, 0.1f, 0.1f}, b_y[] = {0.1f};
    static const float zero[HIDDEN] = {0.0f};
    elman_model *model = NULL;
    elman_network *network = NULL;
    assert_int_equal(elman_model_create(context, INPUTS, &model, NULL), ELMAN_OK);
    elman_model_add_cell(model, ELMAN_CELL_RNN, HIDDEN);
    elman_model_add_linear(model, 1, 0);
    assert_int_equal(elman_model_build(model, NULL, NULL), ELMAN_OK);
    set(model, "rnn.weight_ih_l0", w_xh);
    set(model, "rnn.weight_hh_l0", w_hh);
    set(model, "rnn.bias_ih_l0", b_h);
    set(model, "rnn.bias_hh_l0", zero);
    set(model, "head.weight", w_hy);
    set(model, "head.bias", b_y);
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    elman_model_destroy(model);
    return network;
}

static void check(const char *name, const float *got, const double *want, size_t count,
                  size_t stride) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i * stride] - want[i]) <= 1e-6))
            fail_msg("%s[%zu] is %.9f, expected %.9f", name, i, (double)got[i * stride], want[i]);
}

static void check_gradients(const elman_tape *tape) {
    elman_tensor d;
    assert_int_equal(elman_tape_find_gradient(tape, "head.weight", &d, NULL), ELMAN_OK);
    check("dW_hy", d.data, d_why, HIDDEN, 1);
    assert_int_equal(elman_tape_find_gradient(tape, "head.bias", &d, NULL), ELMAN_OK);
    check("db_y", d.data, d_by, 1, 1);
    assert_int_equal(elman_tape_find_gradient(tape, "rnn.bias_ih_l0", &d, NULL), ELMAN_OK);
    check("db_h", d.data, d_bh, HIDDEN, 1);
    assert_int_equal(elman_tape_find_gradient(tape, "rnn.bias_hh_l0", &d, NULL), ELMAN_OK);
    check("db_h", d.data, d_bh, HIDDEN, 1);
    assert_int_equal(elman_tape_find_gradient(tape, "rnn.weight_ih_l0", &d, NULL), ELMAN_OK);
    for (size_t i = 0; i < INPUTS; i++) check("dW_xh", d.data + i, d_wxh[i], HIDDEN, INPUTS);
    assert_int_equal(elman_tape_find_gradient(tape, "rnn.weight_hh_l0", &d, NULL), ELMAN_OK);
    check("dW_hh", d.data, d_whh_row1, HIDDEN, HIDDEN);
}

/* The guide's loss, 1/2 (y - 1)^2 over both steps, has the gradient of the mean over two numbers.
 */
static void check_tape(const elman_network *network) {
    const elman_tape_options options = {.struct_size = sizeof options, .steps = STEPS, .batch = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 1, .dense = x};
    static const float ones[STEPS] = {1.0f, 1.0f};
    float hidden[STEPS * HIDDEN], output[STEPS], d_output[STEPS];
    elman_tape *tape = NULL;
    elman_loss mean;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    elman_tape_hidden(tape, 0, 0, hidden);
    elman_tape_output(tape, output);
    check("h", hidden, h, STEPS * HIDDEN, 1);
    check("y", output, y, STEPS, 1);
    assert_int_equal(elman_tape_mean_squared_error(tape, ones, &mean, NULL), ELMAN_OK);
    assert_true(mean.count == STEPS && fabs(mean.mean - loss) <= 1e-6);
    assert_int_equal(elman_tape_backward(tape, NULL, NULL), ELMAN_OK);
    check_gradients(tape);
    for (size_t t = 0; t < STEPS; t++) d_output[t] = output[t] - 1.0f;
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_backward(tape, d_output, NULL), ELMAN_OK);
    check_gradients(tape);
    elman_tape_destroy(tape);
}

static void check_stream(const elman_network *network) {
    elman_stream *stream = NULL;
    assert_int_equal(elman_stream_create(network, &stream, NULL), ELMAN_OK);
    for (size_t t = 0; t < STEPS; t++) {
        float output, state[HIDDEN];
        assert_int_equal(elman_stream_step(stream, x + t * INPUTS, &output), ELMAN_OK);
        elman_stream_save(stream, state);
        check("y of a stream", &output, y + t, 1, 1);
        check("h of a stream", state, h + t * HIDDEN, HIDDEN, 1);
    }
    elman_stream_destroy(stream);
}

static void worked_example(void **state) {
    static const char *const isas[] = {"portable", "avx2", "avx512"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const elman_context_options options = {.struct_size = sizeof options, .isa = isas[i]};
        elman_context *context = NULL;
        if (elman_context_create(&options, &context, NULL) == ELMAN_ERR_UNSUPPORTED) continue;
        elman_network *const network = guide_network(context);
        assert_string_equal(elman_network_isa(network), isas[i]);
        check_tape(network);
        check_stream(network);
        elman_network_destroy(network);
        elman_context_destroy(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(worked_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
