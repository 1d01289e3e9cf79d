/* From a model of ours to an ONNX graph.
 *
 *     input or tokens -> recurrent nodes rnn_l0, rnn_l1, ... -> head -> output
 *
 * Rows have lengths, and each layer an initial state, as optional inputs: their initialisers, which
 * hold where a caller gives nothing, are stretched to the batch by the graph itself. */
#include "convert/onnx_graph.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "convert/onnx_graph_parts.h"

/* ---- Names ---- */

OnnxGraphName onnx_graph_name(const char *what, size_t layer) {
    OnnxGraphName name;
    snprintf(name.text, sizeof name.text, "%s_l%zu", what, layer);
    return name;
}

OnnxGraphName onnx_graph_place(const elman_model *model, size_t index) {
    static const char *const layered[] = {
        [TENSOR_WEIGHT_PEEPHOLE] = "rnn.P",
        [TENSOR_WEIGHT_IH] = "rnn.W",
        [TENSOR_WEIGHT_HH] = "rnn.R",
        [TENSOR_BIAS_IH] = "rnn.B",
        [TENSOR_BIAS_HH] = "rnn.B",
        [TENSOR_H0] = "initial_h",
        [TENSOR_C0] = "initial_c",
        [TENSOR_STAGE_BIAS] = NULL, /* and the others: by their own names */
    };
    const struct TensorPlace *const place = &model->weights.places[index];
    if (layered[place->role]) return onnx_graph_name(layered[place->role], place->layer);
    OnnxGraphName name;
    snprintf(name.text, sizeof name.text, "%s", model->weights.tensors[index].name);
    return name;
}

/* ---- Input ---- */

/* The size of one axis, as a list of one. */
static void write_size(OnnxGraph *graph, const char *input, int64_t axis, const char *output) {
    const int64_t behind = axis + 1;
    const OnnxAttribute range[] = {onnx_graph_integer("start", &axis),
                                   onnx_graph_integer("end", &behind)};
    onnx_graph_node(graph, "Shape", &input, 1, output, range, 2);
}

/* Gives the sizes that the rest needs: `batch`, and `row_lengths`, each at most the steps. */
static void write_sizes(OnnxGraph *graph, const char *input) {
    static const int32_t all_steps = INT32_MAX;
    static const size_t one = 1;
    onnx_write_input(&graph->writer, "lengths", ONNX_INT32, 1, &onnx_batch_or_one,
                     "the steps of each row; all of them unless given");
    onnx_graph_tensor(graph, "lengths", ONNX_INT32, 1, &one, &all_steps);
    write_size(graph, input, 0, "steps");
    write_size(graph, input, 1, "batch");
    onnx_graph_cast(graph, "steps", ONNX_INT32, "steps.int32");
    onnx_graph_binary(graph, "Min", "lengths", "steps.int32", "lengths.within");
    onnx_graph_binary(graph, "Expand", "lengths.within", "batch", "row_lengths");
}

static void write_one_hot(OnnxGraph *graph) {
    static const char *const inputs[] = {"tokens", "vocabulary", "one_hot.values"};
    static const float off_on[] = {0.0f, 1.0f};
    static const size_t two = 2;
    static const int64_t last = -1;
    const int64_t vocabulary = (int64_t)graph->structure->input_size;
    const OnnxAttribute axis = onnx_graph_integer("axis", &last);
    onnx_graph_list(graph, "vocabulary", &vocabulary, 1);
    onnx_graph_tensor(graph, "one_hot.values", ONNX_FLOAT, 1, &two, off_on);
    onnx_graph_node(graph, "OneHot", inputs, sizeof inputs / sizeof *inputs, "one_hot", &axis, 1);
}

/* Returns the first layer's input. */
static const char *write_input(OnnxGraph *graph) {
    const Structure *const structure = graph->structure;
    const OnnxDimension shape[] = {onnx_steps, onnx_batch, {NULL, structure->input_size}};
    if (structure->input == ELMAN_INPUT_DENSE) {
        onnx_write_input(&graph->writer, "input", ONNX_FLOAT, 3, shape, NULL);
        write_sizes(graph, "input");
        return "input";
    }
    onnx_write_input(&graph->writer, "tokens", ONNX_INT64, 2, shape, "each below the vocabulary");
    write_sizes(graph, "tokens");
    if (structure->input == ELMAN_INPUT_ONE_HOT) {
        write_one_hot(graph);
        return "one_hot";
    }
    const size_t table[] = {structure->input_size, structure->embedding};
    onnx_graph_tensor(graph, "embedding.weight", ONNX_FLOAT, 2, table,
                      tensor_set_data(&graph->model->weights, TENSOR_EMBEDDING, 0, false));
    onnx_graph_binary(graph, "Gather", "embedding.weight", "tokens", "embedded");
    return "embedded";
}

/* ---- Output ---- */

/* Marks the steps that each row has: `counts` [steps][batch][1]. */
static void write_counts(OnnxGraph *graph) {
    static const char *const bounds[] = {"positions.first", "positions.end", "positions.by"};
    static const int32_t zero = 0, one = 1;
    onnx_graph_tensor(graph, bounds[0], ONNX_INT32, 0, NULL, &zero);
    onnx_graph_squeeze(graph, "steps.int32", 0, bounds[1]);
    onnx_graph_tensor(graph, bounds[2], ONNX_INT32, 0, NULL, &one);
    onnx_graph_node(graph, "Range", bounds, sizeof bounds / sizeof *bounds, "positions", NULL, 0);
    onnx_graph_unsqueeze(graph, "positions", 1, "positions.column");
    onnx_graph_binary(graph, "Less", "positions.column", "row_lengths", "counts.flat");
    onnx_graph_unsqueeze(graph, "counts.flat", 2, "counts");
}

/* The mean or the greatest of `hidden` over the steps that a row has: [batch][features]. */
static void write_pool(OnnxGraph *graph, const char *hidden, const char *output) {
    static const int64_t first = 0, no = 0;
    static const char *const summed[] = {"counted", "sum.axes"};
    const bool is_mean = graph->structure->output == ELMAN_OUTPUT_MEAN;
    const float fill = is_mean ? 0.0f : -(float)INFINITY;
    const char *const chosen[] = {"counts", hidden, "fill"};
    const OnnxAttribute attributes[] = {onnx_graph_integer("keepdims", &no),
                                        onnx_graph_integers("axes", &first, 1)};
    write_counts(graph);
    onnx_graph_tensor(graph, "fill", ONNX_FLOAT, 0, NULL, &fill);
    onnx_graph_node(graph, "Where", chosen, 3, "counted", NULL, 0);
    if (!is_mean) {
        onnx_graph_node(graph, "ReduceMax", summed, 1, output, attributes, 2);
        return;
    }
    onnx_graph_list(graph, "sum.axes", &first, 1);
    onnx_graph_node(graph, "ReduceSum", summed, 2, "sum", attributes, 1);
    onnx_graph_cast(graph, "row_lengths", ONNX_FLOAT, "divisors.flat");
    onnx_graph_unsqueeze(graph, "divisors.flat", 1, "divisors");
    onnx_graph_binary(graph, "Div", "sum", "divisors", output);
}

/* From the last layer to the output. */
static void write_output(OnnxGraph *graph) {
    const Structure *const structure = graph->structure;
    const size_t last = structure->layer_count - 1;
    const OnnxGraphName steps = onnx_graph_name("rnn.output", last);
    const OnnxDimension width = {NULL, structure_outputs(structure)};
    const OnnxDimension each[] = {onnx_steps, onnx_batch, width}, one[] = {onnx_batch, width};
    const char *input;
    if (structure->output == ELMAN_OUTPUT_LAST_STEP) {
        input = onnx_graph_stage_input(graph, 0, "last");
        onnx_graph_join_last(graph, last, input);
    } else if (structure_pooled(structure)) {
        input = onnx_graph_stage_input(
            graph, 0, structure->output == ELMAN_OUTPUT_MEAN ? "mean" : "greatest");
        onnx_graph_join_steps(graph, last, steps.text);
        write_pool(graph, steps.text, input);
    } else {
        input = onnx_graph_stage_input(graph, 0, steps.text);
        onnx_graph_join_steps(graph, last, input);
    }
    onnx_graph_stages(graph, input);
    if (structure_one_output(structure))
        onnx_write_output(&graph->writer, "output", ONNX_FLOAT, 2, one, "one for each row");
    else
        onnx_write_output(&graph->writer, "output", ONNX_FLOAT, 3, each,
                          "behind a row's length without meaning");
}

/* ---- The whole ---- */

static void write_graph(OnnxGraph *graph) {
    const Structure *const structure = graph->structure;
    OnnxGraphName name = {{0}};
    const char *input = write_input(graph);
    for (size_t layer = 0; layer < structure->layer_count; layer++) {
        onnx_graph_layer(graph, layer, input);
        if (layer + 1 == structure->layer_count) break;
        name = onnx_graph_name("rnn.output", layer);
        onnx_graph_join_steps(graph, layer, name.text);
        input = name.text;
    }
    write_output(graph);
    for (size_t layer = 0; layer < structure->layer_count; layer++)
        onnx_graph_final_states(graph, layer);
}

/* Zeros, as many as a direction has units. */
static float *make_zeros(Memory *memory, const Structure *structure) {
    size_t widest = 0;
    for (size_t i = 0; i < structure->layer_count; i++)
        if (structure->layers[i].hidden > widest) widest = structure->layers[i].hidden;
    return memory_allocate_array(memory, widest, sizeof(float));
}

elman_status onnx_graph_make(Memory *memory, const elman_model *model, const char *name,
                             unsigned char **bytes, size_t *size, elman_error *error) {
    OnnxGraph graph = {.memory = memory, .model = model, .structure = &model->structure};
    *bytes = NULL;
    onnx_writer_begin(&graph.writer, memory, "elman");
    graph.zeros = make_zeros(memory, &model->structure);
    if (!graph.zeros) graph.writer.no_memory = true;
    write_graph(&graph);
    const elman_status status = onnx_writer_end(&graph.writer, name, error);
    if (!status) {
        *bytes = graph.writer.bytes;
        *size = graph.writer.size;
        graph.writer.bytes = NULL;
    }
    onnx_writer_close(&graph.writer);
    memory_release(memory, graph.zeros);
    return status;
}
