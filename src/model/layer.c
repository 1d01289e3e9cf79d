/* One recurrent layer by itself: a model without a head, its network, a tape and a stream. */
#include <elman/layer.h>

#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "model/tape.h"
#include <elman/stream.h>

struct elman_layer {
    Memory *memory;
    elman_model *model;
    elman_network *network;
    elman_tape *tape;
    elman_stream *stream; /* NULL until elman_layer_start */
};

static elman_status check(const elman_layer_options *options, elman_error *error) {
    const elman_cell_options *const cell = &options->cell;
    if (cell->learned_state || cell->dropout != 0.0f || cell->projection)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_layer_options: %s belongs to a model, expected a cell without",
                    cell->learned_state     ? "a learned state"
                    : cell->dropout != 0.0f ? "dropout"
                                            : "a projection");
    if (cell->peepholes)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_layer_options: peepholes belong to a model, expected a cell without");
    if (options->forward_only && options->input_gradient)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_layer_options: forward_only and input_gradient exclude each other");
    return ELMAN_OK;
}

static elman_status build(elman_context *context, const elman_layer_options *options,
                          elman_layer *layer, elman_error *error) {
    const elman_tape_options tape = {
        .struct_size = sizeof tape,
        .steps = options->steps,
        .batch = options->batch,
        .forward_only = options->forward_only,
        .input_gradient = options->input_gradient,
    };
    elman_status status = elman_model_create(context, options->inputs, &layer->model, error);
    if (status) return status;
    elman_model_add_cell_options(layer->model, &options->cell);
    if ((status = elman_model_build(layer->model, NULL, error)) ||
        (status = elman_network_compile(layer->model, &layer->network, error)))
        return status;
    if ((status = elman_tape_create(layer->network, &tape, &layer->tape, error))) return status;
    layer->tape->input_in_place = options->forward_only;
    return ELMAN_OK;
}

elman_status elman_layer_create(elman_context *context, const elman_layer_options *given,
                                elman_layer **out, elman_error *error) {
    elman_layer_options options;
    *out = NULL;
    elman_status status =
        options_read(&options, sizeof options, given, "elman_layer_options", error);
    if (status || (status = check(&options, error))) return status;
    elman_layer *const layer = memory_allocate(&context->memory, sizeof *layer);
    if (!layer) return fail(error, ELMAN_ERR_MEMORY, "no memory for a layer");
    layer->memory = &context->memory;
    if ((status = build(context, &options, layer, error))) {
        elman_layer_destroy(layer);
        return status;
    }
    *out = layer;
    return ELMAN_OK;
}

void elman_layer_destroy(elman_layer *layer) {
    if (!layer) return;
    elman_stream_destroy(layer->stream);
    elman_tape_destroy(layer->tape);
    elman_network_destroy(layer->network);
    elman_model_destroy(layer->model);
    memory_release(layer->memory, layer);
}

static size_t directions(const elman_layer *layer) {
    return structure_directions(&layer->network->structure, 0);
}

/* Copies `from` (NULL: zeros) over a tensor, which a layer without biases may not have. */
static void set_tensor(const elman_layer *layer, const char *name, const float *from) {
    const elman_tensor *const to = tensor_set_find(&layer->model->weights, name);
    if (!to) return;
    if (from)
        memcpy(to->data, from, to->count * sizeof(float));
    else
        memset(to->data, 0, to->count * sizeof(float));
}

elman_status elman_layer_set_weights(elman_layer *layer, const elman_layer_weights *weights,
                                     elman_error *error) {
    static const char *const names[2][4] = {
        {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"},
        {"rnn.weight_ih_l0_reverse", "rnn.weight_hh_l0_reverse", "rnn.bias_ih_l0_reverse",
         "rnn.bias_hh_l0_reverse"},
    };
    const size_t count = directions(layer);
    for (size_t d = 0; d < count; d++)
        if (!weights[d].weight_ih || !weights[d].weight_hh)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_layer_weights: %s of direction %zu is NULL, expected a matrix",
                        weights[d].weight_ih ? "weight_hh" : "weight_ih", d);
    for (size_t d = 0; d < count; d++) {
        set_tensor(layer, names[d][0], weights[d].weight_ih);
        set_tensor(layer, names[d][1], weights[d].weight_hh);
        set_tensor(layer, names[d][2], weights[d].bias_ih);
        set_tensor(layer, names[d][3], weights[d].bias_hh);
    }
    network_repack(layer->network, layer->model);
    return ELMAN_OK;
}

size_t elman_layer_state_size(const elman_layer *layer, size_t batch) {
    return elman_network_state_size(layer->network, batch);
}

elman_status elman_layer_forward(elman_layer *layer, const elman_sequence *sequence, float *y,
                                 float *state, elman_error *error) {
    const elman_status status = elman_tape_forward(layer->tape, sequence, error);
    if (status) return status;
    if (y) elman_tape_output(layer->tape, y);
    if (state) elman_tape_state(layer->tape, state);
    return ELMAN_OK;
}

elman_layer_rows elman_layer_output(const elman_layer *layer) {
    const Rows rows = layer->tape->output;
    return (elman_layer_rows){rows.data, rows.row, structure_outputs(&layer->network->structure)};
}

elman_status elman_layer_backward(elman_layer *layer, const float *dy, float *dx, float *dstate,
                                  elman_error *error) {
    if (dx && !layer->tape->options.input_gradient)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the gradient of x was asked for, expected a layer with input_gradient");
    const elman_status status = elman_tape_backward(layer->tape, dy, error);
    if (status) return status;
    if (dx) elman_tape_input_gradient(layer->tape, dx);
    if (dstate) elman_tape_state_gradient(layer->tape, dstate);
    return ELMAN_OK;
}

elman_status elman_layer_weight_gradients(const elman_layer *layer, size_t direction,
                                          elman_layer_gradients *gradients) {
    const TensorSet *const set = &layer->tape->gradients;
    if (!layer->tape->goes_back || direction >= directions(layer)) return ELMAN_ERR_ARGUMENT;
    *gradients = (elman_layer_gradients){
        .weight_ih = tensor_set_data(set, TENSOR_WEIGHT_IH, 0, direction == 1),
        .weight_hh = tensor_set_data(set, TENSOR_WEIGHT_HH, 0, direction == 1),
        .bias_ih = tensor_set_data(set, TENSOR_BIAS_IH, 0, direction == 1),
        .bias_hh = tensor_set_data(set, TENSOR_BIAS_HH, 0, direction == 1),
    };
    return ELMAN_OK;
}

elman_layer_rows elman_layer_input_gradient(const elman_layer *layer) {
    const Rows rows = layer->tape->input_gradient;
    return (elman_layer_rows){rows.data, rows.row, layer->network->structure.input_size};
}

elman_status elman_layer_start(elman_layer *layer, const float *state, elman_error *error) {
    if (!layer->stream) {
        const elman_status status = elman_stream_create(layer->network, &layer->stream, error);
        if (status) return status;
    }
    if (state)
        elman_stream_load(layer->stream, state);
    else
        elman_stream_reset(layer->stream);
    return ELMAN_OK;
}

elman_status elman_layer_step(elman_layer *layer, const float *x, float *y) {
    return layer->stream ? elman_stream_step(layer->stream, x, y) : ELMAN_ERR_ARGUMENT;
}

void elman_layer_state(const elman_layer *layer, float *state) {
    elman_stream_save(layer->stream, state);
}
