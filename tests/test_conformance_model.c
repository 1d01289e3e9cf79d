/* The library against the conformance vectors: each case as a model of one recurrent layer, its
 * states at every step and at the end; and the gradients, where the layer has a way back.
 *
 * How far a result may be off. A pre-activation is rounded as if each of its few products (5 and
 * the biases) were off by at most 8u, u = 2^-24, an activation is right to 8u, a state is rounded
 * by u: so the fast cells give the result of data that were moved by about that. Plain cells round
 * the sum of the biases and the states alone. Hence the float64 evaluator of ONNX graphs runs again
 * with all data moved up or down, MOVES times: by 8u or, for a plain cell, by 2u; allowed is four
 * times the largest effect on any number of an output, and as much as the move on the number
 * itself.
 *
 * A gradient is a sum of so many products that each rounds once: over steps and rows for a weight,
 * and for each step back over the gates of all units. It may be off by that many u of the largest
 * number of its array, or of 1. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cells/plain.h"
#include "convert/oracle_onnx.h"
#include "model/layer_plain.h"
#include "support/allocator.h"
#include "support/conformance.h"
#include "support/passes.h"
#include <elman/stream.h>

enum { ELEMENTS_MAX = 1 << 16, NUMBERS_MAX = 1024, MOVES = 4 };

static const double unit = 0x1p-24;

/* A case as the library sees it. */
typedef struct Layer {
    Case *made;
    elman_cell cell;
    size_t steps, rows, inputs, hidden, gates;
    size_t directions; /* of the operator */
    bool reverse;      /* it has one, which is the model's second */
    bool rows_first;   /* layout 1 */
    elman_model *model;
    bool plain;
} Layer;

typedef struct Counts {
    size_t cases, plain, gradients;
    double worst, worst_gradient; /* shares of what is allowed */
} Counts;

/* ---- The model ---- */

static const json_t *attribute(const Layer *layer, const char *name) {
    return json_object_get(json_object_get(layer->made->entry, "attributes"), name);
}

/* ONNX's names in the order of elman_activation_kind, with its default alphas and betas. */
static const struct {
    const char *name;
    float alpha, beta;
} activations[] = {{"", 0, 0},
                   {"Relu", 0, 0},
                   {"Tanh", 0, 0},
                   {"Sigmoid", 0, 0},
                   {"Affine", 1, 0},
                   {"LeakyRelu", 0.01f, 0},
                   {"ThresholdedRelu", 1, 0},
                   {"ScaledTanh", 1, 1},
                   {"HardSigmoid", 0.2f, 0.5f},
                   {"Elu", 1, 0},
                   {"Softsign", 0, 0},
                   {"Softplus", 0, 0}};

static elman_activation_kind kind_of(const char *name) {
    for (size_t i = 1; i < sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].name, name) == 0) return (elman_activation_kind)i;
    fail_msg("no activation %s", name);
    return ELMAN_ACTIVATION_USUAL;
}

/* The next number of a list for an activation that takes one, or its default. */
static float next_number(const json_t *list, size_t *used, bool taken, float otherwise) {
    if (!taken) return 0.0f;
    if (*used >= json_array_size(list)) return otherwise;
    return (float)json_real_value(json_array_get(list, (*used)++));
}

static void read_activations(const Layer *layer, elman_cell_options *options) {
    const json_t *const names = attribute(layer, "activations");
    const json_t *const alphas = attribute(layer, "activation_alpha");
    const json_t *const betas = attribute(layer, "activation_beta");
    const size_t roles = cell_activations(layer->cell);
    size_t alphas_used = 0, betas_used = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const elman_activation_kind kind = kind_of(json_string_value(json_array_get(names, i)));
        const size_t direction = layer->reverse ? 1 : i / roles;
        options->activations[direction][i % roles] = (elman_activation){
            .kind = kind,
            .alpha = next_number(alphas, &alphas_used, activation_has_alpha(kind),
                                 activations[kind].alpha),
            .beta =
                next_number(betas, &betas_used, activation_has_beta(kind), activations[kind].beta),
        };
    }
    assert_int_equal(alphas_used, json_array_size(alphas));
    assert_int_equal(betas_used, json_array_size(betas));
}

static elman_cell cell_of(const Layer *layer, const char *operator) {
    if (strcmp(operator, "RNN") == 0) return ELMAN_CELL_RNN;
    if (strcmp(operator, "LSTM") == 0) return ELMAN_CELL_LSTM;
    return json_integer_value(attribute(layer, "linear_before_reset"))
               ? ELMAN_CELL_GRU
               : ELMAN_CELL_GRU_RESET_BEFORE;
}

/* ONNX's block of rows that becomes the model's block `gate`: i o f c to i f g o, z r h to r z n.
 */
static size_t block_of(const Layer *layer, size_t gate) {
    static const size_t lstm[] = {0, 2, 3, 1}, gru[] = {1, 0, 2};
    return layer->gates == 4 ? lstm[gate] : layer->gates == 3 ? gru[gate] : 0;
}

/* Copies a matrix or vector of gates, `columns` wide, in one direction: between the model's order
 * and ONNX's, whose direction has `stride` numbers and begins at `offset`. */
static void copy_gates(const Layer *layer, const SafetensorsTensor *from, size_t direction,
                       size_t stride, size_t offset, size_t columns, float *to) {
    const size_t block = layer->hidden * columns;
    for (size_t gate = 0; gate < layer->gates; gate++)
        for (size_t i = 0; i < block; i++)
            to[gate * block + i] = (float)tensor_number(
                from, direction * stride + offset + block_of(layer, gate) * block + i);
}

static float *tensor_of(const Layer *layer, const char *name, size_t direction) {
    char full[64];
    elman_tensor tensor;
    elman_error error;
    const bool second = layer->reverse || direction == 1;
    (void)snprintf(full, sizeof full, "rnn.%s_l0%s", name, second ? "_reverse" : "");
    if (elman_model_find_tensor(layer->model, full, &tensor, &error)) fail_msg("%s", error.message);
    return tensor.data;
}

static bool has_input(const Layer *layer, size_t index) {
    return layer->made->node_inputs[index] != ONNX_NONE;
}

static void set_weights(const Layer *layer) {
    const size_t g = layer->gates * layer->hidden;
    const SafetensorsTensor w = case_tensor(layer->made, "W"), r = case_tensor(layer->made, "R");
    for (size_t d = 0; d < layer->directions; d++) {
        copy_gates(layer, &w, d, g * layer->inputs, 0, layer->inputs,
                   tensor_of(layer, "weight_ih", d));
        copy_gates(layer, &r, d, g * layer->hidden, 0, layer->hidden,
                   tensor_of(layer, "weight_hh", d));
        if (has_input(layer, CASE_B)) {
            const SafetensorsTensor b = case_tensor(layer->made, "B");
            copy_gates(layer, &b, d, 2 * g, 0, 1, tensor_of(layer, "bias_ih", d));
            copy_gates(layer, &b, d, 2 * g, g, 1, tensor_of(layer, "bias_hh", d));
        }
        if (has_input(layer, CASE_P)) {
            const SafetensorsTensor p = case_tensor(layer->made, "P");
            float *const to = tensor_of(layer, "weight_peephole", d);
            for (size_t i = 0; i < 3 * layer->hidden; i++)
                to[i] = (float)tensor_number(&p, d * 3 * layer->hidden + i);
        }
    }
}

static void open_layer(Layer *layer, elman_context *context, Case *made) {
    elman_error error;
    *layer = (Layer){.made = made};
    const char *const direction = json_string_value(attribute(layer, "direction"));
    const OnnxTensor *const x = made->values[CASE_X].initialiser;
    layer->cell = cell_of(layer, made->node.op_type);
    layer->rows_first = json_integer_value(attribute(layer, "layout")) == 1;
    layer->reverse = strcmp(direction, "reverse") == 0;
    layer->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    layer->steps = x->shape[layer->rows_first ? 1 : 0];
    layer->rows = x->shape[layer->rows_first ? 0 : 1];
    layer->inputs = x->shape[2];
    layer->hidden = (size_t)json_integer_value(attribute(layer, "hidden_size"));
    layer->gates = made->values[CASE_W].initialiser->shape[1] / layer->hidden;
    elman_cell_options options = {
        .struct_size = sizeof options,
        .cell = layer->cell,
        .hidden = layer->hidden,
        .bidirectional = layer->reverse || layer->directions == 2,
        .no_bias = !has_input(layer, CASE_B),
        .clip = (float)json_real_value(attribute(layer, "clip")),
        .input_forget = (int)json_integer_value(attribute(layer, "input_forget")),
        .peepholes = made->node.input_count > CASE_P && has_input(layer, CASE_P),
    };
    read_activations(layer, &options);
    assert_int_equal(elman_model_create(context, layer->inputs, &layer->model, &error), ELMAN_OK);
    elman_model_add_cell_options(layer->model, &options);
    if (elman_model_build(layer->model, NULL, &error)) fail_msg("%s", error.message);
    elman_model_layer(layer->model, 0, &options);
    layer->plain = layer_plain(&options);
    set_weights(layer);
}

/* ---- What is compared ---- */

/* Where ONNX has (t, direction, row, unit) of Y, and (direction, row, unit) of Y_h. */
static size_t at_step(const Layer *layer, size_t t, size_t d, size_t b, size_t u) {
    const size_t place = layer->rows_first ? (b * layer->steps + t) * layer->directions + d
                                           : (t * layer->directions + d) * layer->rows + b;
    return place * layer->hidden + u;
}

static size_t at_end(const Layer *layer, size_t d, size_t b, size_t u) {
    const size_t place = layer->rows_first ? b * layer->directions + d : d * layer->rows + b;
    return place * layer->hidden + u;
}

/* The number of the model's state that is h, or c, of an operator's direction. */
static size_t state_at(const Layer *layer, bool c, size_t d, size_t b, size_t u) {
    const size_t arrays = layer->cell == ELMAN_CELL_LSTM ? 2 : 1;
    const size_t direction = layer->reverse ? 1 : d;
    return ((direction * arrays + c) * layer->rows + b) * layer->hidden + u;
}

static double largest_number(const double *numbers, size_t count) {
    double largest = 1.0;
    for (size_t i = 0; i < count; i++)
        if (fabs(numbers[i]) > largest) largest = fabs(numbers[i]);
    return largest;
}

/* Runs the evaluator; numbers of an output are appended to out[output]. */
static void evaluate(Memory *memory, const Case *made, double out[OUTPUTS_MAX][NUMBERS_MAX]) {
    OracleOnnx *oracle;
    elman_error error;
    if (oracle_onnx_create(memory, &made->model, ELEMENTS_MAX, &oracle, &error) ||
        oracle_onnx_run(oracle, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < made->node.output_count; i++) {
        const OracleArray *const got = oracle_onnx_value(oracle, made->node_outputs[i]);
        assert_true(got->count <= NUMBERS_MAX);
        memcpy(out[i], got->numbers, got->count * sizeof **out);
    }
    oracle_onnx_destroy(oracle);
}

/* Floats of an input that may be changed, in place of the file's. */
typedef struct Moved {
    const void *bytes;
    float numbers[NUMBERS_MAX];
} Moved;

static void open_moved(Case *made, size_t input, Moved *moved) {
    OnnxTensor *const tensor = &made->tensors[input];
    assert_true(tensor->count <= NUMBERS_MAX);
    moved->bytes = tensor->bytes;
    memcpy(moved->numbers, tensor->bytes, tensor->count * sizeof(float));
    tensor->bytes = (const void *)moved->numbers;
}

static bool moves(const Case *made, size_t input) {
    return made->node_inputs[input] != ONNX_NONE && input != CASE_LENGTHS;
}

/* How far each output may be off. */
static void allow(Memory *memory, const Layer *layer, double allowed[OUTPUTS_MAX]) {
    static double base[OUTPUTS_MAX][NUMBERS_MAX], other[OUTPUTS_MAX][NUMBERS_MAX];
    static Moved moved[INPUTS_MAX];
    Case *const made = layer->made;
    const double by = (layer->plain ? 2.0 : 8.0) * unit;
    evaluate(memory, made, base);
    for (size_t i = 0; i < OUTPUTS_MAX; i++) allowed[i] = 0.0;
    for (uint64_t move = 0; move < MOVES; move++) {
        for (size_t input = 0; input < INPUTS_MAX; input++) {
            float signs[NUMBERS_MAX];
            if (!moves(made, input)) continue;
            open_moved(made, input, &moved[input]);
            random_floats(signs, NUMBERS_MAX, 1.0f, 10 * move + input);
            for (size_t i = 0; i < made->tensors[input].count; i++)
                moved[input].numbers[i] *= (float)(1.0 + (signs[i] < 0.0f ? -by : by));
        }
        evaluate(memory, made, other);
        for (size_t i = 0; i < made->node.output_count; i++)
            for (size_t k = 0; k < NUMBERS_MAX; k++)
                allowed[i] = fmax(allowed[i], 4.0 * fabs(other[i][k] - base[i][k]));
        for (size_t input = 0; input < INPUTS_MAX; input++)
            if (moves(made, input)) made->tensors[input].bytes = moved[input].bytes;
    }
    for (size_t i = 0; i < made->node.output_count; i++)
        allowed[i] += by * largest_number(base[i], NUMBERS_MAX);
}

static void compare(const Layer *layer, const char *what, double got, double want, double allowed,
                    double *worst) {
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s, %s: %s is %.9g, expected %.9g within %.2g", layer->made->model.path,
                 layer->made->node.name, what, got, want, allowed);
    *worst = fmax(*worst, fabs(got - want) / allowed);
}

/* ---- The passes ---- */

typedef struct Data {
    float x[NUMBERS_MAX], state[NUMBERS_MAX], final_state[NUMBERS_MAX], hidden[NUMBERS_MAX];
    size_t lengths[NUMBERS_MAX];
    elman_sequence sequence;
} Data;

static void read_data(const Layer *layer, Data *data) {
    const SafetensorsTensor x = case_tensor(layer->made, "X");
    *data = (Data){.sequence = {.struct_size = sizeof data->sequence,
                                .steps = layer->steps,
                                .batch = layer->rows,
                                .dense = data->x}};
    for (size_t t = 0; t < layer->steps; t++)
        for (size_t b = 0; b < layer->rows; b++)
            for (size_t i = 0; i < layer->inputs; i++) {
                const size_t from = layer->rows_first ? b * layer->steps + t : t * layer->rows + b;
                data->x[(t * layer->rows + b) * layer->inputs + i] =
                    (float)tensor_number(&x, from * layer->inputs + i);
            }
    if (has_input(layer, CASE_LENGTHS)) {
        const SafetensorsTensor lengths = case_tensor(layer->made, "sequence_lens");
        for (size_t b = 0; b < layer->rows; b++) {
            int32_t length;
            memcpy(&length, (const char *)lengths.data + b * sizeof length, sizeof length);
            data->lengths[b] = (size_t)length;
        }
        data->sequence.lengths = data->lengths;
    }
    const bool lstm = layer->cell == ELMAN_CELL_LSTM;
    for (size_t c = 0; c < (lstm ? 2 : 1); c++) {
        if (!has_input(layer, c ? CASE_C : CASE_H)) continue;
        const SafetensorsTensor from = case_tensor(layer->made, c ? "initial_c" : "initial_h");
        for (size_t d = 0; d < layer->directions; d++)
            for (size_t b = 0; b < layer->rows; b++)
                for (size_t u = 0; u < layer->hidden; u++)
                    data->state[state_at(layer, c == 1, d, b, u)] =
                        (float)tensor_number(&from, at_end(layer, d, b, u));
        data->sequence.state = data->state;
    }
}

static void check_outputs(const Layer *layer, const elman_tape *tape, Data *data,
                          const double allowed[OUTPUTS_MAX], Counts *counts) {
    const SafetensorsTensor y = case_tensor(layer->made, "Y");
    elman_tape_state(tape, data->final_state);
    for (size_t d = 0; d < layer->directions; d++) {
        elman_tape_hidden(tape, 0, layer->reverse || d == 1, data->hidden);
        for (size_t t = 0; t < layer->steps; t++)
            for (size_t b = 0; b < layer->rows; b++)
                for (size_t u = 0; u < layer->hidden; u++)
                    compare(
                        layer, "Y", (double)data->hidden[(t * layer->rows + b) * layer->hidden + u],
                        tensor_number(&y, at_step(layer, t, d, b, u)), allowed[0], &counts->worst);
        for (size_t c = 0; c + 1 < layer->made->node.output_count; c++) {
            const SafetensorsTensor want = case_tensor(layer->made, c ? "Y_c" : "Y_h");
            for (size_t b = 0; b < layer->rows; b++)
                for (size_t u = 0; u < layer->hidden; u++)
                    compare(layer, c ? "Y_c" : "Y_h",
                            (double)data->final_state[state_at(layer, c == 1, d, b, u)],
                            tensor_number(&want, at_end(layer, d, b, u)), allowed[c + 1],
                            &counts->worst);
        }
    }
}

/* A stream gives the same bits as the tape, row by row. */
static void check_stream(const Layer *layer, const elman_network *network, const Data *data) {
    elman_stream *stream;
    elman_error error;
    if (layer->reverse || layer->directions == 2) return;
    assert_int_equal(elman_stream_create(network, &stream, &error), ELMAN_OK);
    for (size_t b = 0; b < layer->rows; b++) {
        float y[NUMBERS_MAX], state[NUMBERS_MAX] = {0};
        const size_t length = data->sequence.lengths ? data->lengths[b] : layer->steps;
        for (size_t u = 0; u < 2 * layer->hidden; u++) {
            const bool c = u >= layer->hidden;
            if (!c || layer->cell == ELMAN_CELL_LSTM)
                state[u] = data->state[state_at(layer, c, 0, b, u % layer->hidden)];
        }
        elman_stream_load(stream, state);
        for (size_t t = 0; t < length; t++) {
            const size_t at = t * layer->rows + b;
            elman_stream_step(stream, data->x + at * layer->inputs, y);
            assert_memory_equal(y, data->hidden + at * layer->hidden, layer->hidden * sizeof *y);
        }
    }
    elman_stream_destroy(stream);
}

/* ---- Gradients ---- */

/* The gradient of the outputs Y and Y_h, as a tape takes it. */
static void output_gradient(const Layer *layer, const Data *data, float *dy) {
    const SafetensorsTensor y = case_tensor(layer->made, "cotangent.Y");
    const SafetensorsTensor y_h = case_tensor(layer->made, "cotangent.Y_h");
    const size_t width = layer->hidden * (layer->reverse ? 2 : layer->directions);
    memset(dy, 0, NUMBERS_MAX * sizeof *dy);
    for (size_t d = 0; d < layer->directions; d++)
        for (size_t t = 0; t < layer->steps; t++)
            for (size_t b = 0; b < layer->rows; b++) {
                const size_t length = data->sequence.lengths ? data->lengths[b] : layer->steps;
                const bool second = layer->reverse || d == 1;
                const bool last = t == (second ? 0 : length - 1);
                if (t >= length) continue;
                for (size_t u = 0; u < layer->hidden; u++)
                    dy[(t * layer->rows + b) * width + (second ? layer->hidden : 0) + u] =
                        (float)(tensor_number(&y, at_step(layer, t, d, b, u)) +
                                (last ? tensor_number(&y_h, at_end(layer, d, b, u)) : 0.0));
            }
}

/* The part of sum(Y_c * cotangent) of an evaluation. */
static double cell_sum(Memory *memory, const Layer *layer, const SafetensorsTensor *cotangent) {
    static double out[OUTPUTS_MAX][NUMBERS_MAX];
    double sum = 0.0;
    evaluate(memory, layer->made, out);
    for (size_t i = 0; i < cotangent->bytes / sizeof(float); i++)
        sum += out[2][i] * tensor_number(cotangent, i);
    return sum;
}

/* What Y_c, which a tape takes no gradient of, adds to the gradient of number `index` of an input:
 * central differences in float64 of two widths, which together err by the fourth power. */
static double through_cell(Memory *memory, const Layer *layer, size_t input, size_t index) {
    static Moved moved;
    if (layer->cell != ELMAN_CELL_LSTM) return 0.0;
    const SafetensorsTensor cotangent = case_tensor(layer->made, "cotangent.Y_c");
    double slopes[2];
    open_moved(layer->made, input, &moved);
    const float number = moved.numbers[index];
    for (size_t i = 0; i < 2; i++) {
        const float up = number + (i ? 0x1p-9f : 0x1p-8f), down = number - (i ? 0x1p-9f : 0x1p-8f);
        moved.numbers[index] = up;
        const double above = cell_sum(memory, layer, &cotangent);
        moved.numbers[index] = down;
        slopes[i] = (above - cell_sum(memory, layer, &cotangent)) / ((double)up - (double)down);
    }
    layer->made->tensors[input].bytes = moved.bytes;
    return (4.0 * slopes[1] - slopes[0]) / 3.0;
}

/* Compares the numbers of an input's gradient, which `of` finds among those of the tape. */
typedef double (*GradientNumber)(const Layer *layer, const elman_tape *tape, size_t input,
                                 size_t index);

static void check_gradient(Memory *memory, const Layer *layer, const elman_tape *tape, size_t input,
                           GradientNumber of, Counts *counts) {
    static const char *const names[] = {"X", "W", "R", "B", "", "initial_h", "initial_c"};
    const OnnxTensor *const tensor = &layer->made->tensors[input];
    char part[64];
    double largest = 1.0;
    (void)snprintf(part, sizeof part, "gradient.%s", names[input]);
    const SafetensorsTensor want = case_tensor(layer->made, part);
    for (size_t i = 0; i < tensor->count; i++)
        largest = fmax(largest, fabs(tensor_number(&want, i)));
    const size_t a_step = layer->inputs + layer->hidden + layer->gates * layer->hidden + 8;
    const double allowed =
        (double)(layer->steps * layer->rows + layer->steps * a_step) * unit * largest;
    for (size_t i = 0; i < tensor->count; i++)
        compare(layer, part, of(layer, tape, input, i) + through_cell(memory, layer, input, i),
                tensor_number(&want, i), allowed, &counts->worst_gradient);
}

static double of_input(const Layer *layer, const elman_tape *tape, size_t input, size_t index) {
    float dx[NUMBERS_MAX];
    const size_t i = index % layer->inputs, place = index / layer->inputs;
    const size_t t = layer->rows_first ? place % layer->steps : place / layer->rows;
    const size_t b = layer->rows_first ? place / layer->steps : place % layer->rows;
    (void)input;
    elman_tape_input_gradient(tape, dx);
    return (double)dx[(t * layer->rows + b) * layer->inputs + i];
}

static double of_weight(const Layer *layer, const elman_tape *tape, size_t input, size_t index) {
    static const char *const names[] = {"", "weight_ih", "weight_hh"};
    const size_t columns = input == CASE_W ? layer->inputs : input == CASE_R ? layer->hidden : 1;
    const size_t block = layer->hidden * columns, all = layer->gates * block;
    const size_t parts = input == CASE_B ? 2 : 1, d = index / (parts * all);
    const char *name = input == CASE_B ? (index / all % 2 ? "bias_hh" : "bias_ih") : names[input];
    char full[64];
    elman_tensor gradient;
    elman_error error;
    (void)snprintf(full, sizeof full, "rnn.%s_l0%s", name,
                   layer->reverse || d == 1 ? "_reverse" : "");
    if (elman_tape_find_gradient(tape, full, &gradient, &error)) fail_msg("%s", error.message);
    for (size_t gate = 0; gate < layer->gates; gate++)
        if (block_of(layer, gate) == index % all / block)
            return (double)gradient.data[gate * block + index % block];
    return NAN;
}

static double of_state(const Layer *layer, const elman_tape *tape, size_t input, size_t index) {
    float gradient[NUMBERS_MAX];
    const size_t u = index % layer->hidden, place = index / layer->hidden;
    const size_t d = layer->rows_first ? place % layer->directions : place / layer->rows;
    const size_t b = layer->rows_first ? place / layer->directions : place % layer->rows;
    elman_tape_state_gradient(tape, gradient);
    return (double)gradient[state_at(layer, input == CASE_C, d, b, u)];
}

static void check_gradients(Memory *memory, const Layer *layer, elman_tape *tape, const Data *data,
                            Counts *counts) {
    static const GradientNumber numbers[] = {of_input, of_weight, of_weight, of_weight,
                                             NULL,     of_state,  of_state};
    float dy[NUMBERS_MAX];
    elman_error error = {0};
    output_gradient(layer, data, dy);
    const elman_status status = elman_tape_backward(tape, dy, &error);
    if (layer->plain) {
        assert_int_equal(status, ELMAN_ERR_UNSUPPORTED);
        assert_non_null(strstr(error.message, "it can be run, not trained"));
        return;
    }
    assert_int_equal(status, ELMAN_OK);
    for (size_t input = CASE_X; input <= CASE_C; input++)
        if (numbers[input] && has_input(layer, input))
            check_gradient(memory, layer, tape, input, numbers[input], counts);
    counts->gradients++;
}

/* ---- A case ---- */

typedef struct Test {
    elman_context *context;
    Counts counts;
} Test;

static void check_case(Memory *memory, Case *made, void *user) {
    static Data data;
    Test *const test = user;
    Layer layer;
    double allowed[OUTPUTS_MAX];
    elman_network *network;
    elman_tape *tape;
    elman_error error;
    open_layer(&layer, test->context, made);
    allow(memory, &layer, allowed);
    read_data(&layer, &data);
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = layer.steps,
                                        .batch = layer.rows,
                                        .input_gradient = 1};
    if (elman_network_compile(layer.model, &network, &error) ||
        elman_tape_create(network, &options, &tape, &error) ||
        elman_tape_forward(tape, &data.sequence, &error))
        fail_msg("%s", error.message);
    check_outputs(&layer, tape, &data, allowed, &test->counts);
    check_stream(&layer, network, &data);
    check_gradients(memory, &layer, tape, &data, &test->counts);
    test->counts.cases++;
    test->counts.plain += layer.plain;
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_model_destroy(layer.model);
}

static void models(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    Test test = {.context = open_context(NULL, 2)};
    memory_init(&memory, &allocator);
    (void)each_case(&memory, check_case, &test);
    print_message("%zu cases right, %zu of them plain; gradients of %zu; at worst %.2g and %.2g of "
                  "what is allowed\n",
                  test.counts.cases, test.counts.plain, test.counts.gradients, test.counts.worst,
                  test.counts.worst_gradient);
    elman_context_destroy(test.context);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
