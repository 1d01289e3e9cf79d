/* Nodes and constants of an ONNX graph. */
#include "convert/onnx_graph_parts.h"

#include <stdio.h>

/* ---- Constants and attributes ---- */

void onnx_graph_tensor(OnnxGraph *graph, const char *name, OnnxType type, size_t rank,
                       const size_t *shape, const void *numbers) {
    OnnxPiece piece = {numbers, onnx_type_size(type)};
    for (size_t i = 0; i < rank; i++) piece.size *= shape[i];
    onnx_write_tensor(&graph->writer, name, type, rank, shape, &piece, 1);
}

void onnx_graph_list(OnnxGraph *graph, const char *name, const int64_t *numbers, size_t count) {
    onnx_graph_tensor(graph, name, ONNX_INT64, 1, &count, numbers);
}

OnnxAttribute onnx_graph_integer(const char *name, const int64_t *value) {
    return (OnnxAttribute){.name = name, .type = ONNX_ATTRIBUTE_INTS, .count = 1, .ints = value};
}

OnnxAttribute onnx_graph_integers(const char *name, const int64_t *values, size_t count) {
    return (OnnxAttribute){
        .name = name, .type = ONNX_ATTRIBUTE_INTS, .is_list = true, .count = count, .ints = values};
}

/* ---- Nodes ---- */

void onnx_graph_node(OnnxGraph *graph, const char *op_type, const char *const *inputs,
                     size_t input_count, const char *output, const OnnxAttribute *attributes,
                     size_t attribute_count) {
    const OnnxWrittenNode written = {.name = output,
                                     .op_type = op_type,
                                     .inputs = inputs,
                                     .outputs = &output,
                                     .attributes = attributes,
                                     .input_count = input_count,
                                     .output_count = 1,
                                     .attribute_count = attribute_count};
    onnx_write_node(&graph->writer, &written);
}

void onnx_graph_binary(OnnxGraph *graph, const char *op_type, const char *a, const char *b,
                       const char *output) {
    onnx_graph_node(graph, op_type, (const char *const[]){a, b}, 2, output, NULL, 0);
}

void onnx_graph_cast(OnnxGraph *graph, const char *input, OnnxType type, const char *output) {
    const int64_t number = onnx_type_number(type);
    const OnnxAttribute to = onnx_graph_integer("to", &number);
    onnx_graph_node(graph, "Cast", &input, 1, output, &to, 1);
}

void onnx_graph_transpose(OnnxGraph *graph, const char *input, const int64_t *axes, size_t count,
                          const char *output) {
    const OnnxAttribute perm = onnx_graph_integers("perm", axes, count);
    onnx_graph_node(graph, "Transpose", &input, 1, output, &perm, 1);
}

/* A node whose second input is a list, which is named after the output. */
static void with_list(OnnxGraph *graph, const char *op_type, const char *input, const char *what,
                      const int64_t *numbers, size_t count, const char *output) {
    char name[2 * ONNX_GRAPH_NAME_MAX];
    snprintf(name, sizeof name, "%s.%s", output, what);
    onnx_graph_list(graph, name, numbers, count);
    onnx_graph_binary(graph, op_type, input, name, output);
}

void onnx_graph_squeeze(OnnxGraph *graph, const char *input, int64_t axis, const char *output) {
    with_list(graph, "Squeeze", input, "axes", &axis, 1, output);
}

void onnx_graph_unsqueeze(OnnxGraph *graph, const char *input, int64_t axis, const char *output) {
    with_list(graph, "Unsqueeze", input, "axes", &axis, 1, output);
}

void onnx_graph_reshape(OnnxGraph *graph, const char *input, const int64_t *shape, size_t count,
                        const char *output) {
    with_list(graph, "Reshape", input, "shape", shape, count, output);
}
