/* A model as an ONNX graph: opset 17, time first, any batch and number of steps. docs/convert.md
 * has its inputs, outputs and the order of gates. */
#ifndef CONVERT_ONNX_GRAPH_H
#define CONVERT_ONNX_GRAPH_H

#include <stddef.h>

#include "core/memory.h"
#include <elman/model.h>

enum { ONNX_GRAPH_NAME_MAX = 64 };

/* A name of the graph's. */
typedef struct OnnxGraphName {
    char text[ONNX_GRAPH_NAME_MAX];
} OnnxGraphName;

/* What a layer has of each: "initial_h", "final_c", "rnn.W", ... */
OnnxGraphName onnx_graph_name(const char *what, size_t layer);

/* The initialiser that holds tensor `index` of the model. */
OnnxGraphName onnx_graph_place(const elman_model *model, size_t index);

/* Makes the file's bytes, which memory_release takes back. `name` stands in messages. Errors: DATA
 * (2 GiB or more), MEMORY. */
elman_status onnx_graph_make(Memory *memory, const elman_model *model, const char *name,
                             unsigned char **bytes, size_t *size, elman_error *error);

#endif
