/* The graph in the making, and how its nodes and constants are written. */
#ifndef CONVERT_ONNX_GRAPH_PARTS_H
#define CONVERT_ONNX_GRAPH_PARTS_H

#include "convert/onnx_graph.h"
#include "formats/onnx_write.h"
#include "model/model.h"

typedef struct OnnxGraph {
    OnnxWriter writer;
    Memory *memory;
    const elman_model *model;
    const Structure *structure;
    float *zeros; /* as many as a direction has units */
} OnnxGraph;

/* Sizes that callers choose. An initialiser that is an input has one row; what a caller gives in
 * its place has one or as many as the batch. */
static const OnnxDimension onnx_steps = {"steps", 0}, onnx_batch = {"batch", 0};
static const OnnxDimension onnx_batch_or_one = {"batch or 1", 0};

/* ---- Nodes of one output, which they are named after ---- */

void onnx_graph_node(OnnxGraph *graph, const char *op_type, const char *const *inputs,
                     size_t input_count, const char *output, const OnnxAttribute *attributes,
                     size_t attribute_count);
void onnx_graph_binary(OnnxGraph *graph, const char *op_type, const char *a, const char *b,
                       const char *output);
void onnx_graph_cast(OnnxGraph *graph, const char *input, OnnxType type, const char *output);
void onnx_graph_transpose(OnnxGraph *graph, const char *input, const int64_t *axes, size_t count,
                          const char *output);
void onnx_graph_squeeze(OnnxGraph *graph, const char *input, int64_t axis, const char *output);
void onnx_graph_unsqueeze(OnnxGraph *graph, const char *input, int64_t axis, const char *output);
void onnx_graph_reshape(OnnxGraph *graph, const char *input, const int64_t *shape, size_t count,
                        const char *output);

/* ---- Constants and attributes ---- */

/* An initialiser whose numbers lie one behind the other. */
void onnx_graph_tensor(OnnxGraph *graph, const char *name, OnnxType type, size_t rank,
                       const size_t *shape, const void *numbers);

/* A list of whole numbers: a shape or axes. */
void onnx_graph_list(OnnxGraph *graph, const char *name, const int64_t *numbers, size_t count);

/* An attribute of one whole number, or of a list of them, which must outlive it. */
OnnxAttribute onnx_graph_integer(const char *name, const int64_t *value);
OnnxAttribute onnx_graph_integers(const char *name, const int64_t *values, size_t count);

/* ---- Recurrent layers ---- */

/* Writes a layer, its states as optional inputs among it, and its node. */
void onnx_graph_layer(OnnxGraph *graph, size_t layer, const char *input);

/* Declares its final states as outputs. */
void onnx_graph_final_states(OnnxGraph *graph, size_t layer);

/* What a layer hands on: all steps [steps][batch][directions x hidden], or the state after the last
 * one [batch][directions x hidden]. */
void onnx_graph_join_steps(OnnxGraph *graph, size_t layer, const char *output);
void onnx_graph_join_last(OnnxGraph *graph, size_t layer, const char *output);

/* ---- Behind them ---- */

/* What stage `number`, the head being the first where there is one, reads: `usual`, or "output"
 * where there is no such stage. */
const char *onnx_graph_stage_input(const OnnxGraph *graph, size_t number, const char *usual);

/* Writes the head and the stages behind it, from `input`, which onnx_graph_stage_input named, to
 * "output". */
void onnx_graph_stages(OnnxGraph *graph, const char *input);

#endif
