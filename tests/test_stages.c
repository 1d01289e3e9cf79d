/* Stages behind the head: their values against double arithmetic written from the definitions, what
 * is refused, and what a model with such stages cannot do.
 *
 * How far a value may be off: with each number goes a bound of its error, which follows the number
 * through the stages. A linear one adds that of its chain, gamma_n * sum |w x|, gamma_n = n u /
 * (1 - n u), u = 2^-24 (Higham, Accuracy and Stability, chapter 3). The slopes of the others: ReLU
 * and tanh 1, sigmoid 1/4; of the softmax 2 y, of its logarithm 2, each times the largest error of
 * the row; of a normalisation |gain| / deviation times 2 + |normalised| * largest |normalised|, to
 * first order, for which the bound is doubled. tanh, sigmoid and exp are right to 8u, all round. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"
#include <elman/elman.h>

enum { WIDTH_MAX = 256 };

static const double unit = 0x1p-24;

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

/* ---- values ---- */

/* A row of numbers, and how far each may be off. */
typedef struct Row {
    size_t count;
    double x[WIDTH_MAX], error[WIDTH_MAX];
} Row;

/* The data of a stage's tensor, NULL when it has none. */
static const float *stage_tensor(const elman_model *model, size_t stage, const char *part) {
    char name[64];
    elman_model_info info;
    elman_tensor tensor;
    elman_model_describe(model, &info);
    if (stage == 0 && info.has_head)
        (void)snprintf(name, sizeof name, "head.%s", part);
    else
        (void)snprintf(name, sizeof name, "stage%zu.%s", stage, part);
    return elman_model_find_tensor(model, name, &tensor, NULL) ? NULL : tensor.data;
}

static double largest(const double *numbers, size_t count) {
    double most = 0.0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(numbers[i]));
    return most;
}

static void linear(Row *row, size_t outputs, const float *weight, const float *bias) {
    Row next = {.count = outputs};
    const double n = (double)row->count + 1.0, gamma = n * unit / (1.0 - n * unit);
    for (size_t o = 0; o < outputs; o++) {
        double sum = bias ? (double)bias[o] : 0.0, sizes = fabs(sum);
        for (size_t k = 0; k < row->count; k++) {
            const double w = (double)weight[o * row->count + k];
            sum += w * row->x[k];
            sizes += fabs(w) * (fabs(row->x[k]) + row->error[k]);
            next.error[o] += fabs(w) * row->error[k];
        }
        next.x[o] = sum;
        next.error[o] += gamma * sizes;
    }
    *row = next;
}

static void softmax(Row *row, bool logarithm) {
    const double most = 2.0 * largest(row->error, row->count);
    double sum = 0.0;
    for (size_t k = 0; k < row->count; k++) sum += exp(row->x[k]);
    for (size_t k = 0; k < row->count; k++) {
        const double y = exp(row->x[k]) / sum;
        row->x[k] = logarithm ? row->x[k] - log(sum) : y;
        row->error[k] = logarithm ? 2.0 * most + unit * (16.0 + fabs(row->x[k]))
                                  : y * (2.0 * most + 20.0 * unit);
    }
}

static void layer_norm(Row *row, double epsilon, const float *gain, const float *bias) {
    const double count = (double)row->count, most = largest(row->error, row->count);
    double mean = 0.0, variance = 0.0, normalised = 0.0;
    for (size_t k = 0; k < row->count; k++) mean += row->x[k] / count;
    for (size_t k = 0; k < row->count; k++) variance += pow(row->x[k] - mean, 2.0) / count;
    const double deviation = sqrt(variance + epsilon);
    for (size_t k = 0; k < row->count; k++)
        normalised = fmax(normalised, fabs(row->x[k] - mean) / deviation);
    for (size_t k = 0; k < row->count; k++) {
        const double y = (row->x[k] - mean) / deviation, g = (double)gain[k];
        const double slope = fabs(g) / deviation * (2.0 + fabs(y) * normalised);
        row->x[k] = g * y + (bias ? (double)bias[k] : 0.0);
        row->error[k] = 2.0 * slope * most + unit * fabs(row->x[k]) + 0x1p-40 * (1.0 + fabs(g));
    }
}

/* One of the stages without numbers of their own. */
static void activate(Row *row, elman_stage_kind kind) {
    if (kind == ELMAN_STAGE_SOFTMAX || kind == ELMAN_STAGE_LOG_SOFTMAX) {
        softmax(row, kind == ELMAN_STAGE_LOG_SOFTMAX);
        return;
    }
    for (size_t k = 0; k < row->count; k++) {
        double *const x = &row->x[k];
        if (kind == ELMAN_STAGE_RELU) {
            *x = *x > 0.0 ? *x : 0.0;
            continue;
        }
        *x = kind == ELMAN_STAGE_TANH ? tanh(*x) : 1.0 / (1.0 + exp(-*x));
        row->error[k] *= kind == ELMAN_STAGE_TANH ? 1.0 : 0.25;
        row->error[k] += 8.0 * unit * fabs(*x);
    }
}

/* What the stages should make of a row of features. */
static void expect(const elman_model *model, Row *row) {
    elman_model_info info;
    elman_model_describe(model, &info);
    for (size_t i = 0; i < info.stages; i++) {
        elman_stage stage;
        elman_model_stage(model, i, &stage);
        const float *const weight = stage_tensor(model, i, "weight");
        const float *const bias = stage_tensor(model, i, "bias");
        assert_true((bias == NULL) == (weight == NULL || stage.no_bias));
        if (stage.kind == ELMAN_STAGE_LINEAR)
            linear(row, stage.outputs, weight, bias);
        else if (stage.kind == ELMAN_STAGE_LAYER_NORM)
            layer_norm(row, (double)stage.epsilon, weight, bias);
        else
            activate(row, stage.kind);
        assert_int_equal(row->count, stage.outputs);
    }
    assert_int_equal(row->count, info.outputs);
}

/* Compares the outputs of a pass with what its features give; returns the worst share of what is
 * allowed. */
static double check_pass(const elman_model *model, const elman_tape *tape, const NetworkSpec *spec,
                         const Sample *sample) {
    const size_t positions = sample_positions(spec, sample), outputs = spec_outputs(spec);
    const size_t width = spec->hidden * spec_directions(spec);
    float *const features = zeroed(positions * width, sizeof *features);
    float *const output = zeroed(positions * outputs, sizeof *output);
    double worst = 0.0;
    elman_error error = {0};
    must(elman_tape_layer_input(tape, spec->layers, features, &error), &error);
    elman_tape_output(tape, output);
    for (size_t p = 0; p < positions; p++) {
        const size_t t = spec_one_output(spec) ? 0 : p / sample->rows;
        Row row = {.count = width};
        for (size_t k = 0; k < width; k++) row.x[k] = (double)features[p * width + k];
        expect(model, &row);
        for (size_t k = 0; k < outputs; k++) {
            const double got = (double)output[p * outputs + k];
            if (sample->lengths && t >= sample->lengths[p % sample->rows]) {
                assert_true(got == 0.0);
                continue;
            }
            if (!(fabs(got - row.x[k]) <= row.error[k] + 0x1p-140))
                fail_msg("position %zu, output %zu is %.9g, expected %.9g within %.2g", p, k, got,
                         row.x[k], row.error[k]);
            if (row.error[k] > 0.0) worst = fmax(worst, fabs(got - row.x[k]) / row.error[k]);
        }
    }
    free(features);
    free(output);
    return worst;
}

static void values(void **state) {
    enum { CASES = 500, STEPS = 4, ROWS = 5 };
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    double worst = 0.0;
    for (size_t i = 0; i < CASES; i++) {
        NetworkSpec spec = {.inputs = 3,
                            .cell = all_cells[i % CELLS],
                            .layers = 1 + i / 2 % 2,
                            .hidden = 1 + i * 7 % 40,
                            .bidirectional = i / 5 % 2,
                            .outputs = i / 3 % 3 ? 1 + i * 11 % 50 : 0,
                            .head_no_bias = i % 7 == 0,
                            .output = (elman_output)(i / 10 % 4)};
        elman_network *network = NULL;
        elman_error error = {0};
        spec_make_staged(&spec, i);
        elman_model *const model = random_model(context, &spec, i);
        Sample sample = random_sample(&spec, STEPS, ROWS, i % 2, false, i);
        const elman_sequence sequence = sample_sequence(&sample, false);
        must(elman_network_compile(model, &network, &error), &error);
        elman_tape *const tape = open_tape(network, &spec, STEPS, ROWS);
        must(elman_tape_forward(tape, &sequence, &error), &error);
        worst = fmax(worst, check_pass(model, tape, &spec, &sample));
        elman_tape_destroy(tape);
        elman_network_destroy(network);
        elman_model_destroy(model);
        sample_free(&sample);
    }
    print_message("%d models, at worst %.2f of what is allowed\n", CASES, worst);
    elman_context_destroy(context);
}

/* Logits beyond the range of e^x. */
static void large_logits(void **state) {
    static const float weights[] = {1000.0f, 999.0f, -1000.0f};
    static const elman_stage_kind kinds[] = {ELMAN_STAGE_SOFTMAX, ELMAN_STAGE_LOG_SOFTMAX};
    const float one = 1.0f;
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 2; i++) {
        elman_model *model = NULL;
        elman_network *network = NULL;
        elman_stream *stream = NULL;
        elman_tensor tensor;
        elman_error error = {0};
        float y[3];
        must(elman_model_create(context, 1, &model, &error), &error);
        elman_model_add_cell(model, ELMAN_CELL_RNN_RELU, 1);
        elman_model_add_linear(model, 3, 1);
        elman_model_add_activation(model, kinds[i]);
        must(elman_model_build(model, NULL, &error), &error);
        for (size_t t = 0; elman_model_tensor(model, t, &tensor) == ELMAN_OK; t++)
            memset(tensor.data, 0, tensor.count * sizeof(float));
        must(elman_model_find_tensor(model, "rnn.weight_ih_l0", &tensor, &error), &error);
        tensor.data[0] = 1.0f;
        must(elman_model_find_tensor(model, "head.weight", &tensor, &error), &error);
        memcpy(tensor.data, weights, sizeof weights);
        must(elman_network_compile(model, &network, &error), &error);
        must(elman_stream_create(network, &stream, &error), &error);
        assert_int_equal(elman_stream_step(stream, &one, y), ELMAN_OK);
        const double p = 1.0 / (1.0 + exp(-1.0));
        const double want[2][3] = {{p, 1.0 - p, 0.0}, {log(p), log(p) - 1.0, log(p) - 2000.0}};
        for (size_t k = 0; k < 3; k++)
            assert_true(fabs((double)y[k] - want[i][k]) <= 8.0 * unit * (1.0 + fabs(want[i][k])));
        elman_stream_destroy(stream);
        elman_network_destroy(network);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* ---- building ---- */

static void names_and_shapes(void **state) {
    static const struct {
        const char *name;
        size_t rank, rows, columns;
    } want[] = {{"head.weight", 2, 6, 4},   {"head.bias", 1, 6, 1},   {"stage2.weight", 2, 5, 6},
                {"stage3.weight", 1, 5, 1}, {"stage3.bias", 1, 5, 1}, {"stage4.weight", 1, 5, 1}};
    static const elman_stage stages[] = {{ELMAN_STAGE_LINEAR, 6, 0, 0.0f},
                                         {ELMAN_STAGE_RELU, 6, 0, 0.0f},
                                         {ELMAN_STAGE_LINEAR, 5, 1, 0.0f},
                                         {ELMAN_STAGE_LAYER_NORM, 5, 0, 0.5f},
                                         {ELMAN_STAGE_LAYER_NORM, 5, 1, 0.0f}};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = NULL;
    elman_model_info info;
    elman_tensor tensor;
    elman_error error = {0};
    must(elman_model_create(context, 3, &model, &error), &error);
    elman_model_add_cell(model, ELMAN_CELL_RNN, 4);
    elman_model_add_linear(model, 6, 0);
    elman_model_add_activation(model, ELMAN_STAGE_RELU);
    elman_model_add_linear(model, 5, 1);
    elman_model_add_layer_norm(model, 0.5f, 0);
    elman_model_add_layer_norm(model, 0.0f, 1);
    must(elman_model_build(model, NULL, &error), &error);
    elman_model_describe(model, &info);
    assert_true(info.has_head && info.stages == 5 && info.outputs == 5);
    assert_int_equal(info.parameters, 4 * 3 + 4 * 4 + 8 + 6 * 4 + 6 + 5 * 6 + 3 * 5);
    for (size_t i = 0; i < 5; i++) {
        elman_stage stage;
        elman_model_stage(model, i, &stage);
        assert_true(stage.kind == stages[i].kind && stage.outputs == stages[i].outputs);
        assert_true(stage.no_bias == stages[i].no_bias && stage.epsilon == stages[i].epsilon);
    }
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(elman_model_tensor(model, 4 + i, &tensor), ELMAN_OK);
        assert_string_equal(tensor.name, want[i].name);
        assert_true(tensor.rank == want[i].rank && tensor.shape[0] == want[i].rows &&
                    tensor.shape[1] == want[i].columns);
    }
    assert_true(tensor.data[0] == 1.0f && tensor.data[4] == 1.0f);
    assert_int_equal(elman_model_tensor_count(model), 10);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void refused(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 9; i++) {
        static const char *const sentences[] = {
            "a stage stands behind a recurrent layer",
            "is relu, tanh",
            "is relu, tanh",
            "is relu, tanh",
            "the epsilon of a layer normalisation",
            "the epsilon of a layer normalisation",
            "cannot follow the head",
            "at least 1 output",
            "does not fit",
        };
        elman_model *model = NULL;
        elman_error error = {0};
        must(elman_model_create(context, 3, &model, &error), &error);
        if (i > 0) elman_model_add_cell(model, ELMAN_CELL_RNN, 4);
        elman_status status = elman_model_add_activation(model, ELMAN_STAGE_TANH);
        if (i == 1) status = elman_model_add_activation(model, ELMAN_STAGE_LINEAR);
        if (i == 2) status = elman_model_add_activation(model, ELMAN_STAGE_LAYER_NORM);
        if (i == 3) status = elman_model_add_activation(model, (elman_stage_kind)8);
        if (i == 4) status = elman_model_add_layer_norm(model, NAN, 0);
        if (i == 5) status = elman_model_add_layer_norm(model, -1.0f, 0);
        if (i == 6) status = elman_model_add_cell(model, ELMAN_CELL_RNN, 4);
        if (i == 7) status = elman_model_add_linear(model, 0, 0);
        if (i == 8) status = elman_model_add_linear(model, SIZE_MAX / 8, 0);
        assert_int_equal(status, ELMAN_ERR_ARGUMENT);
        assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_ERR_ARGUMENT);
        if (!strstr(error.message, sentences[i])) fail_msg("%zu: %s", i, error.message);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* ---- what such a model cannot do ---- */

static void not_trained(void **state) {
    static const int32_t tokens[32] = {0, 1, 2};
    static const char sentence[] =
        "more than a linear head (stage 1 is softmax): it can be run, not trained";
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_trainer *trainer = NULL;
    elman_network *network = NULL;
    elman_loss loss;
    elman_error error = {0};
    const elman_train_options train = {.struct_size = sizeof train, .learning_rate = 0.1};
    NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                        .inputs = 4,
                        .cell = ELMAN_CELL_LSTM,
                        .layers = 1,
                        .hidden = 3,
                        .outputs = 4,
                        .stages = {{.kind = ELMAN_STAGE_SOFTMAX}},
                        .stage_count = 1};
    elman_model *const model = random_model(context, &spec, 1);
    assert_int_equal(elman_trainer_create(model, &train, &trainer, &error), ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, sentence));
    must(elman_network_compile(model, &network, &error), &error);
    assert_int_equal(elman_evaluate_tokens(network, tokens, 32, &loss, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "expected logits"));
    elman_network_destroy(network);
    /* Its logarithm has the same softmax as the logits. */
    spec.stages[0].kind = ELMAN_STAGE_LOG_SOFTMAX;
    elman_model *const logarithm = random_model(context, &spec, 1);
    must(elman_network_compile(logarithm, &network, &error), &error);
    must(elman_evaluate_tokens(network, tokens, 32, &loss, &error), &error);
    elman_network_destroy(network);
    spec.stage_count = 0;
    elman_loss without;
    elman_model *const head = random_model(context, &spec, 1);
    must(elman_network_compile(head, &network, &error), &error);
    must(elman_evaluate_tokens(network, tokens, 32, &without, &error), &error);
    assert_true(fabs(loss.mean - without.mean) < 1e-6);
    elman_network_destroy(network);
    assert_int_equal(elman_model_copy_weights(logarithm, model, &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "other stages"));
    assert_int_equal(elman_model_copy_weights(logarithm, head, &error), ELMAN_ERR_MISMATCH);
    must(elman_model_copy_weights(logarithm, logarithm, &error), &error);
    elman_model_destroy(model);
    elman_model_destroy(logarithm);
    elman_model_destroy(head);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),      cmocka_unit_test(large_logits),
        cmocka_unit_test(refused),     cmocka_unit_test(names_and_shapes),
        cmocka_unit_test(not_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
