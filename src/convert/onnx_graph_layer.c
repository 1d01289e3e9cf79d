/* Recurrent layers of an ONNX graph. */
#include "convert/onnx_graph_parts.h"
#include "model/layer_plain.h"

enum {
    DIRECTIONS_MAX = 2,
    PIECES_MAX = DIRECTIONS_MAX * 2 * CELL_GATES_MAX,
    ACTIVATIONS_MAX = DIRECTIONS_MAX * PLAIN_ACTIVATIONS,
    ATTRIBUTES_MAX = 8
};

/* How ONNX computes each cell; `order`: its gates, which are blocks of our rows. */
typedef struct OnnxCell {
    const char *op_type;
    size_t gates;
    unsigned char order[CELL_GATES_MAX];
    bool has_cell, has_reset, resets_after;
} OnnxCell;

static const OnnxCell cells[] = {
    [ELMAN_CELL_RNN] = {"RNN", 1, {0}, false, false, false},
    [ELMAN_CELL_RNN_RELU] = {"RNN", 1, {0}, false, false, false},
    [ELMAN_CELL_LSTM] = {"LSTM", 4, {0, 3, 1, 2}, true, false, false},
    [ELMAN_CELL_GRU] = {"GRU", 3, {1, 0, 2}, false, true, true},
    [ELMAN_CELL_GRU_RESET_BEFORE] = {"GRU", 3, {1, 0, 2}, false, true, false},
};

/* Adds the blocks of one tensor and direction to `pieces`, in ONNX's order. */
static size_t add_blocks(const OnnxGraph *graph, size_t layer, bool reverse, TensorRole role,
                         size_t columns, OnnxPiece *pieces) {
    const elman_cell_options *const options = &graph->structure->layers[layer];
    const OnnxCell *const cell = &cells[options->cell];
    const float *const data = tensor_set_data(&graph->model->weights, role, layer, reverse);
    const size_t block = options->hidden * columns;
    for (size_t i = 0; i < cell->gates; i++)
        pieces[i] = (OnnxPiece){data + cell->order[i] * block, block * sizeof *data};
    return cell->gates;
}

/* P of all directions: the gates are in ONNX's order already. */
static void write_peepholes(OnnxGraph *graph, size_t layer) {
    const size_t directions = structure_directions(graph->structure, layer);
    const size_t rows = CELL_PEEPHOLES * graph->structure->layers[layer].hidden;
    const size_t shape[] = {directions, rows};
    OnnxPiece pieces[DIRECTIONS_MAX];
    for (size_t k = 0; k < directions; k++)
        pieces[k] =
            (OnnxPiece){tensor_set_data(&graph->model->weights, TENSOR_WEIGHT_PEEPHOLE, layer, k),
                        rows * sizeof(float)};
    onnx_write_tensor(&graph->writer, onnx_graph_name("rnn.P", layer).text, ONNX_FLOAT, 2, shape,
                      pieces, directions);
}

/* W, R and B of all directions. */
static void write_weights(OnnxGraph *graph, size_t layer) {
    const elman_cell_options *const options = &graph->structure->layers[layer];
    const size_t directions = structure_directions(graph->structure, layer);
    const size_t rows = cells[options->cell].gates * options->hidden;
    const size_t inputs = structure_inputs(graph->structure, layer);
    const size_t w_shape[] = {directions, rows, inputs};
    const size_t r_shape[] = {directions, rows, options->hidden};
    const size_t b_shape[] = {directions, 2 * rows};
    OnnxPiece w[PIECES_MAX], r[PIECES_MAX], b[PIECES_MAX];
    size_t w_count = 0, r_count = 0, b_count = 0;
    for (size_t k = 0; k < directions; k++) {
        w_count += add_blocks(graph, layer, k, TENSOR_WEIGHT_IH, inputs, w + w_count);
        r_count += add_blocks(graph, layer, k, TENSOR_WEIGHT_HH, options->hidden, r + r_count);
        if (options->no_bias) continue;
        b_count += add_blocks(graph, layer, k, TENSOR_BIAS_IH, 1, b + b_count);
        b_count += add_blocks(graph, layer, k, TENSOR_BIAS_HH, 1, b + b_count);
    }
    onnx_write_tensor(&graph->writer, onnx_graph_name("rnn.W", layer).text, ONNX_FLOAT, 3, w_shape,
                      w, w_count);
    onnx_write_tensor(&graph->writer, onnx_graph_name("rnn.R", layer).text, ONNX_FLOAT, 3, r_shape,
                      r, r_count);
    if (!options->no_bias)
        onnx_write_tensor(&graph->writer, onnx_graph_name("rnn.B", layer).text, ONNX_FLOAT, 2,
                          b_shape, b, b_count);
}

/* An initial state as an optional input, and as the node reads it: h0_l0 or c0_l0. */
static void write_state(OnnxGraph *graph, size_t layer, TensorRole role) {
    const elman_cell_options *const options = &graph->structure->layers[layer];
    const bool is_cell = role == TENSOR_C0;
    const size_t directions = structure_directions(graph->structure, layer);
    const size_t shape[] = {directions, 1, options->hidden};
    const OnnxDimension port[] = {{NULL, directions}, onnx_batch_or_one, {NULL, options->hidden}};
    const OnnxGraphName name = onnx_graph_name(is_cell ? "initial_c" : "initial_h", layer);
    OnnxPiece pieces[DIRECTIONS_MAX];
    for (size_t k = 0; k < directions; k++) {
        const float *const learned = tensor_set_data(&graph->model->weights, role, layer, k);
        pieces[k] =
            (OnnxPiece){learned ? learned : graph->zeros, options->hidden * sizeof *graph->zeros};
    }
    onnx_write_input(&graph->writer, name.text, ONNX_FLOAT, 3, port,
                     options->learned_state ? "the learned state unless given"
                                            : "zeros unless given");
    onnx_write_tensor(&graph->writer, name.text, ONNX_FLOAT, 3, shape, pieces, directions);
    onnx_graph_binary(graph, "Expand", name.text, onnx_graph_name("state_shape", layer).text,
                      onnx_graph_name(is_cell ? "c0" : "h0", layer).text);
}

/* The shape of a state: [directions][batch][hidden]. */
static void write_state_shape(OnnxGraph *graph, size_t layer) {
    static const int64_t first = 0;
    const int64_t directions = (int64_t)structure_directions(graph->structure, layer);
    const int64_t hidden = (int64_t)graph->structure->layers[layer].hidden;
    const OnnxGraphName before = onnx_graph_name("state_shape.directions", layer);
    const OnnxGraphName behind = onnx_graph_name("state_shape.hidden", layer);
    const char *const parts[] = {before.text, "batch", behind.text};
    const OnnxAttribute axis = onnx_graph_integer("axis", &first);
    onnx_graph_list(graph, before.text, &directions, 1);
    onnx_graph_list(graph, behind.text, &hidden, 1);
    onnx_graph_node(graph, "Concat", parts, sizeof parts / sizeof *parts,
                    onnx_graph_name("state_shape", layer).text, &axis, 1);
}

/* The attributes of a node, and what they point to. */
typedef struct Attributes {
    OnnxAttribute list[ATTRIBUTES_MAX];
    size_t count;
    const char *direction, *activations[ACTIVATIONS_MAX];
    float alphas[ACTIVATIONS_MAX], betas[ACTIVATIONS_MAX], clip;
    int64_t hidden, resets_after, input_forget;
} Attributes;

static void add_integer(Attributes *attributes, const char *name, const int64_t *value) {
    attributes->list[attributes->count++] = onnx_graph_integer(name, value);
}

static void add_floats(Attributes *attributes, const char *name, const float *values, size_t count,
                       bool is_list) {
    if (count > 0)
        attributes->list[attributes->count++] = (OnnxAttribute){.name = name,
                                                                .type = ONNX_ATTRIBUTE_FLOATS,
                                                                .is_list = is_list,
                                                                .count = count,
                                                                .floats = values};
}

static void add_strings(Attributes *attributes, const char *name, const char *const *values,
                        size_t count, bool is_list) {
    attributes->list[attributes->count++] = (OnnxAttribute){.name = name,
                                                            .type = ONNX_ATTRIBUTE_STRINGS,
                                                            .is_list = is_list,
                                                            .count = count,
                                                            .strings = values};
}

/* f, g and h of one direction, then of the other; alphas and betas of those that take one, in the
 * same order. */
static void add_activations(Attributes *attributes, const elman_cell_options *options,
                            size_t directions) {
    static const char *const names[] = {
        [ELMAN_ACTIVATION_RELU] = "Relu",
        [ELMAN_ACTIVATION_TANH] = "Tanh",
        [ELMAN_ACTIVATION_SIGMOID] = "Sigmoid",
        [ELMAN_ACTIVATION_AFFINE] = "Affine",
        [ELMAN_ACTIVATION_LEAKY_RELU] = "LeakyRelu",
        [ELMAN_ACTIVATION_THRESHOLDED_RELU] = "ThresholdedRelu",
        [ELMAN_ACTIVATION_SCALED_TANH] = "ScaledTanh",
        [ELMAN_ACTIVATION_HARD_SIGMOID] = "HardSigmoid",
        [ELMAN_ACTIVATION_ELU] = "Elu",
        [ELMAN_ACTIVATION_SOFTSIGN] = "Softsign",
        [ELMAN_ACTIVATION_SOFTPLUS] = "Softplus",
    };
    const size_t each = cell_activations(options->cell);
    size_t alphas = 0, betas = 0;
    for (size_t i = 0; i < directions * each; i++) {
        const PlainCell plain = layer_plain_cell(options, i / each);
        const elman_activation activation = plain.activations[i % each];
        attributes->activations[i] = names[activation.kind];
        if (activation_has_alpha(activation.kind)) attributes->alphas[alphas++] = activation.alpha;
        if (activation_has_beta(activation.kind)) attributes->betas[betas++] = activation.beta;
    }
    add_strings(attributes, "activations", attributes->activations, directions * each, true);
    add_floats(attributes, "activation_alpha", attributes->alphas, alphas, true);
    add_floats(attributes, "activation_beta", attributes->betas, betas, true);
}

static void make_attributes(Attributes *attributes, const elman_cell_options *options,
                            size_t directions) {
    const OnnxCell *const cell = &cells[options->cell];
    *attributes = (Attributes){
        .direction = directions == 2 ? "bidirectional" : "forward",
        .clip = options->clip,
        .hidden = (int64_t)options->hidden,
        .resets_after = cell->resets_after,
        .input_forget = 1,
    };
    add_strings(attributes, "direction", &attributes->direction, 1, false);
    add_integer(attributes, "hidden_size", &attributes->hidden);
    if (cell->has_reset) add_integer(attributes, "linear_before_reset", &attributes->resets_after);
    if (cell->gates == 1 || layer_has_activations(options))
        add_activations(attributes, options, directions);
    if (options->clip > 0.0f) add_floats(attributes, "clip", &attributes->clip, 1, false);
    if (options->input_forget) add_integer(attributes, "input_forget", &attributes->input_forget);
}

static void write_recurrent_node(OnnxGraph *graph, size_t layer, const char *input) {
    const elman_cell_options *const options = &graph->structure->layers[layer];
    const OnnxCell *const cell = &cells[options->cell];
    const OnnxGraphName name = onnx_graph_name("rnn", layer), w = onnx_graph_name("rnn.W", layer);
    const OnnxGraphName r = onnx_graph_name("rnn.R", layer), b = onnx_graph_name("rnn.B", layer);
    const OnnxGraphName h0 = onnx_graph_name("h0", layer), c0 = onnx_graph_name("c0", layer);
    const OnnxGraphName p = onnx_graph_name("rnn.P", layer), y = onnx_graph_name("rnn.Y", layer);
    const OnnxGraphName h = onnx_graph_name("final_h", layer);
    const OnnxGraphName c = onnx_graph_name("final_c", layer);
    const char *const inputs[] = {input,         w.text,  r.text,  options->no_bias ? "" : b.text,
                                  "row_lengths", h0.text, c0.text, p.text};
    const char *const outputs[] = {y.text, h.text, c.text};
    Attributes attributes;
    make_attributes(&attributes, options, structure_directions(graph->structure, layer));
    const OnnxWrittenNode node = {.name = name.text,
                                  .op_type = cell->op_type,
                                  .inputs = inputs,
                                  .outputs = outputs,
                                  .attributes = attributes.list,
                                  .input_count = options->peepholes ? 8
                                                 : cell->has_cell   ? 7
                                                                    : 6,
                                  .output_count = cell->has_cell ? 3 : 2,
                                  .attribute_count = attributes.count};
    onnx_write_node(&graph->writer, &node);
}

/* The final states are outputs. */
void onnx_graph_final_states(OnnxGraph *graph, size_t layer) {
    const elman_cell_options *const options = &graph->structure->layers[layer];
    const OnnxDimension shape[] = {
        {NULL, structure_directions(graph->structure, layer)}, onnx_batch, {NULL, options->hidden}};
    onnx_write_output(&graph->writer, onnx_graph_name("final_h", layer).text, ONNX_FLOAT, 3, shape,
                      "after the last step of each row; backward: after its first");
    if (cells[options->cell].has_cell)
        onnx_write_output(&graph->writer, onnx_graph_name("final_c", layer).text, ONNX_FLOAT, 3,
                          shape, NULL);
}

void onnx_graph_layer(OnnxGraph *graph, size_t layer, const char *input) {
    write_weights(graph, layer);
    if (graph->structure->layers[layer].peepholes) write_peepholes(graph, layer);
    write_state_shape(graph, layer);
    write_state(graph, layer, TENSOR_H0);
    if (cells[graph->structure->layers[layer].cell].has_cell) write_state(graph, layer, TENSOR_C0);
    write_recurrent_node(graph, layer, input);
}

/* Y [steps][directions][batch][hidden] as [steps][batch][directions x hidden]. */
void onnx_graph_join_steps(OnnxGraph *graph, size_t layer, const char *output) {
    static const int64_t axes[] = {0, 2, 1, 3}, shape[] = {0, 0, -1};
    const OnnxGraphName y = onnx_graph_name("rnn.Y", layer);
    const OnnxGraphName turned = onnx_graph_name("rnn.Y.turned", layer);
    if (structure_directions(graph->structure, layer) == 1) {
        onnx_graph_squeeze(graph, y.text, 1, output);
        return;
    }
    onnx_graph_transpose(graph, y.text, axes, sizeof axes / sizeof *axes, turned.text);
    onnx_graph_reshape(graph, turned.text, shape, sizeof shape / sizeof *shape, output);
}

/* Final h [directions][batch][hidden] as [batch][directions x hidden]. */
void onnx_graph_join_last(OnnxGraph *graph, size_t layer, const char *output) {
    static const int64_t axes[] = {1, 0, 2}, shape[] = {0, -1};
    const OnnxGraphName h = onnx_graph_name("final_h", layer);
    if (structure_directions(graph->structure, layer) == 1) {
        onnx_graph_squeeze(graph, h.text, 0, output);
        return;
    }
    onnx_graph_transpose(graph, h.text, axes, sizeof axes / sizeof *axes, "last.turned");
    onnx_graph_reshape(graph, "last.turned", shape, sizeof shape / sizeof *shape, output);
}
