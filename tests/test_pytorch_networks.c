/* Random networks of PyTorch, converted: outputs, final states and gradients are PyTorch's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/conversion.h"
#include "support/pytorch_files.h"
#include "support/passes.h"
#include <elman/tape.h>

#define FILE_NAME "network.safetensors"

static const double forward_tolerance = 1e-5, gradient_tolerance = 1e-4;

/* One network on its way through both. */
typedef struct Case {
    GoldenNetwork golden;
    elman_conversion *conversion;
    elman_network *network;
    elman_tape *tape;
    size_t steps, rows, outputs;
    size_t read;   /* numbers that the first layer reads at a step */
    size_t paths;  /* layers x directions */
    size_t handed; /* numbers of h */
    size_t cells;  /* numbers of c; 0: no LSTM */
    float *state;  /* room for a state */
    size_t *lengths;
} Case;

/* What was found over all networks. */
typedef struct Found {
    double output, final, gradient, proof; /* the largest differences */
    size_t networks, relu, lstm, gru, projects;
    size_t bidirectional, deep, no_bias, varied, given, tokens, heads;
} Found;

/* All numbers of a tensor, released with free. */
static float *numbers_of(const SafetensorsTensor *tensor) {
    const size_t count = tensor->bytes / safetensors_type_size(tensor->type);
    float *const numbers = zeroed(count, sizeof *numbers);
    for (size_t i = 0; i < count; i++) numbers[i] = (float)pytorch_number(tensor, i);
    return numbers;
}

static void open_case(Case *c, const SafetensorsFile *file, elman_context *context, size_t index) {
    c->golden = golden_network(file, index);
    const elman_convert_options options = golden_options(&c->golden);
    elman_error error = {0};
    write_tensors(c->golden.parameters, c->golden.count, FILE_NAME);
    if (elman_conversion_open(context, FILE_NAME, &options, &c->conversion, &error))
        fail_msg("network %zu: %s", index, error.message);
    const Structure *const structure = &c->conversion->model->structure;
    const elman_cell_options *const layer = structure->layers;
    c->steps = c->golden.input.shape[0];
    c->rows = c->golden.input.shape[1];
    c->outputs = c->golden.output.shape[2];
    c->read = structure_inputs(structure, 0);
    c->paths = structure->layer_count * (layer->bidirectional ? 2 : 1);
    c->handed = structure_width(structure, 0);
    c->cells = layer->cell == ELMAN_CELL_LSTM ? layer->hidden : 0;
    const elman_tape_options sizes = {.struct_size = sizeof sizes,
                                      .steps = c->steps,
                                      .batch = c->rows,
                                      .input_gradient = c->golden.input.rank == 3};
    if (elman_network_compile(c->conversion->model, &c->network, &error) ||
        elman_tape_create(c->network, &sizes, &c->tape, &error))
        fail_msg("network %zu: %s", index, error.message);
    assert_int_equal(elman_network_state_size(c->network, c->rows),
                     c->paths * c->rows * (c->handed + c->cells));
    c->state = zeroed(elman_network_state_size(c->network, c->rows), sizeof *c->state);
    c->lengths = zeroed(c->rows, sizeof *c->lengths);
    for (size_t b = 0; b < c->rows; b++) {
        int32_t length;
        memcpy(&length, (const char *)c->golden.lengths.data + b * sizeof length, sizeof length);
        c->lengths[b] = (size_t)length;
    }
}

static void close_case(Case *c) {
    free(c->lengths);
    free(c->state);
    elman_tape_destroy(c->tape);
    elman_network_destroy(c->network);
    elman_conversion_destroy(c->conversion);
}

/* Where number `index` of PyTorch's state, all h before all c, stands in ours, where the c of a
 * layer and direction follows its h. */
static size_t place_in_state(const Case *c, size_t index) {
    const size_t h = c->rows * c->handed, both = h + c->rows * c->cells;
    if (index < c->paths * h) return index / h * both + index % h;
    index -= c->paths * h;
    return index / (both - h) * both + h + index % (both - h);
}

/* Whether a position of the output counts. */
static bool within(const Case *c, size_t position) {
    return position / c->rows < c->lengths[position % c->rows];
}

static void run_forward(Case *c) {
    const bool tokens = c->golden.input.type == SAFETENSORS_I32;
    float *const dense = tokens ? NULL : numbers_of(&c->golden.input);
    int32_t *const ids = tokens ? zeroed(c->golden.input.bytes, 1) : NULL;
    elman_error error = {0};
    if (tokens) memcpy(ids, c->golden.input.data, c->golden.input.bytes);
    for (size_t i = 0; c->golden.state.data && i < c->golden.state.shape[0]; i++)
        c->state[place_in_state(c, i)] = (float)pytorch_number(&c->golden.state, i);
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = c->steps,
                                     .batch = c->rows,
                                     .dense = dense,
                                     .tokens = ids,
                                     .lengths = c->lengths,
                                     .state = c->state};
    if (elman_tape_forward(c->tape, &sequence, &error)) fail_msg("%s", error.message);
    free(ids);
    free(dense);
}

/* The largest difference of outputs. */
static double compare_output(const Case *c) {
    const size_t count = c->steps * c->rows * c->outputs;
    float *const got = zeroed(count, sizeof *got);
    double largest = 0.0;
    elman_tape_output(c->tape, got);
    for (size_t i = 0; i < count; i++)
        if (within(c, i / c->outputs))
            largest = fmax(largest, fabs((double)got[i] - pytorch_number(&c->golden.output, i)));
    free(got);
    return largest;
}

static double compare_final(const Case *c) {
    double largest = 0.0;
    elman_tape_state(c->tape, c->state);
    for (size_t i = 0; i < c->golden.final.shape[0]; i++)
        largest = fmax(largest, fabs((double)c->state[place_in_state(c, i)] -
                                     pytorch_number(&c->golden.final, i)));
    return largest;
}

/* ---- Gradients ---- */

/* One tensor's gradient, relative to its largest number; `got` in the order of `want`. */
static double compare_gradient(const float *got, const float *want, size_t count) {
    double largest = 0.0, scale = 0.0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)got[i] - (double)want[i]));
        scale = fmax(scale, fabs((double)want[i]));
    }
    return scale > 0.0 ? largest / scale : largest > 0.0 ? (double)INFINITY : 0.0;
}

/* What we have of the parameter that PyTorch calls `name`. */
static elman_tensor gradient_of(const Case *c, const char *name) {
    elman_tensor gradient = {0};
    elman_error error = {0};
    for (size_t i = 0; i < c->conversion->tensor_count; i++)
        if (strcmp(c->conversion->tensors[i].source, name) == 0 &&
            elman_tape_find_gradient(c->tape, c->conversion->tensors[i].target, &gradient, &error))
            fail_msg("%s", error.message);
    if (!gradient.data) fail_msg("%s has no place", name);
    return gradient;
}

static double compare_input_gradient(const Case *c, const float *want) {
    float *const got = zeroed(c->steps * c->rows * c->read, sizeof *got);
    elman_tape_input_gradient(c->tape, got);
    const double difference = compare_gradient(got, want, c->steps * c->rows * c->read);
    free(got);
    return difference;
}

/* h and c apart. */
static double compare_state_gradient(Case *c, const float *want) {
    const size_t h = c->paths * c->rows * c->handed, all = h + c->paths * c->rows * c->cells;
    float *const got = zeroed(all, sizeof *got);
    elman_tape_state_gradient(c->tape, c->state);
    for (size_t i = 0; i < all; i++) got[i] = c->state[place_in_state(c, i)];
    const double difference =
        fmax(compare_gradient(got, want, h), compare_gradient(got + h, want + h, all - h));
    free(got);
    return difference;
}

static double compare_gradients(Case *c) {
    float *const output = numbers_of(&c->golden.output_gradient);
    float *const gradients = numbers_of(&c->golden.gradients);
    const float *want = gradients;
    double largest = 0.0;
    elman_error error = {0};
    if (elman_tape_backward(c->tape, output, &error)) fail_msg("%s", error.message);
    for (size_t i = 0; i < c->golden.count; i++) {
        const elman_tensor got = gradient_of(c, c->golden.parameters[i].name);
        largest = fmax(largest, compare_gradient(got.data, want, got.count));
        want += got.count;
    }
    largest = fmax(largest, compare_input_gradient(c, want));
    want += c->steps * c->rows * c->read;
    largest = fmax(largest, compare_state_gradient(c, want));
    want += elman_network_state_size(c->network, c->rows);
    assert_int_equal(want - gradients, c->golden.gradients.shape[0]);
    free(gradients);
    free(output);
    return largest;
}

/* ---- All of them ---- */

static void count_case(const Case *c, Found *found) {
    const Structure *const structure = &c->conversion->model->structure;
    const elman_cell_options *const layer = structure->layers;
    bool varied = false;
    for (size_t b = 0; b < c->rows; b++) varied = varied || c->lengths[b] != c->steps;
    found->networks++;
    found->relu += c->golden.relu;
    found->projects += c->golden.projects;
    found->lstm += layer->cell == ELMAN_CELL_LSTM && !c->golden.projects;
    found->gru += layer->cell == ELMAN_CELL_GRU;
    found->bidirectional += layer->bidirectional != 0;
    found->deep += structure->layer_count > 1;
    found->no_bias += layer->no_bias != 0;
    found->varied += varied;
    found->given += c->golden.state.data != NULL;
    found->tokens += structure->embedding > 0;
    found->heads += structure->has_head;
}

static void check_network(const SafetensorsFile *file, elman_context *context, size_t index,
                          Found *found) {
    Case c = {0};
    elman_conversion_summary summary;
    open_case(&c, file, context, index);
    elman_conversion_describe(c.conversion, &summary);
    run_forward(&c);
    const double output = compare_output(&c), final = compare_final(&c);
    const double gradient = compare_gradients(&c);
    if (!summary.proven || !(fmax(output, final) <= forward_tolerance) ||
        !(gradient <= gradient_tolerance))
        fail_msg("network %zu: %g in the proof, output %g, final state %g, gradient %g from "
                 "PyTorch",
                 index, summary.largest, output, final, gradient);
    found->output = fmax(found->output, output);
    found->final = fmax(found->final, final);
    found->gradient = fmax(found->gradient, gradient);
    found->proof = fmax(found->proof, summary.largest);
    count_case(&c, found);
    close_case(&c);
}

static void pytorch_networks(void **state) {
    (void)state;
    Memory memory;
    Found found = {0};
    SafetensorsFile *const file = golden_open(&memory);
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < GOLDEN_NETWORKS; i++) check_network(file, context, i, &found);
    print_message("%zu networks of PyTorch: tanh %zu, ReLU %zu, LSTM %zu, LSTM with a projection "
                  "%zu, GRU %zu\n",
                  found.networks,
                  found.networks - found.relu - found.lstm - found.projects - found.gru, found.relu,
                  found.lstm, found.projects, found.gru);
    print_message("bidirectional %zu, of 2 or 3 layers %zu, without biases %zu, rows of several "
                  "lengths %zu, a given state %zu, embedding %zu, linear layer %zu\n",
                  found.bidirectional, found.deep, found.no_bias, found.varied, found.given,
                  found.tokens, found.heads);
    print_message("largest differences: output %.2e, final state %.2e, gradient %.2e (relative to "
                  "its tensor's largest), proof %.2e\n",
                  found.output, found.final, found.gradient, found.proof);
    elman_context_destroy(context);
    safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pytorch_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
