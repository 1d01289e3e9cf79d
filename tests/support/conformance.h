/* The vectors of conformance/: each case as an ONNX model of one node whose inputs are
 * initialisers.
 *
 * What is wrong with the files fails the test that called. */
#ifndef SUPPORT_CONFORMANCE_H
#define SUPPORT_CONFORMANCE_H

#include <jansson.h>

#include "formats/onnx.h"
#include "formats/safetensors.h"

enum { INPUTS_MAX = 8, OUTPUTS_MAX = 3, LIST_MAX = 8 };

/* A model of one node: values are its inputs (in the operator's order), then its outputs. */
typedef struct Case {
    OnnxModel model;
    OnnxNode node;
    OnnxValue values[INPUTS_MAX + OUTPUTS_MAX];
    uint32_t node_inputs[INPUTS_MAX], node_outputs[OUTPUTS_MAX];
    OnnxAttribute attributes[LIST_MAX];
    float floats[LIST_MAX][LIST_MAX];
    int64_t ints[LIST_MAX];
    const char *strings[LIST_MAX][LIST_MAX];
    OnnxTensor tensors[INPUTS_MAX];
    const json_t *entry; /* of the manifest */
    const SafetensorsFile *file;
} Case;

/* The indices of a node's inputs. */
enum { CASE_X, CASE_W, CASE_R, CASE_B, CASE_LENGTHS, CASE_H, CASE_C, CASE_P };

/* Calls `function` for each case; returns their number. */
typedef void (*CaseFunction)(Memory *memory, Case *made, void *user);
size_t each_case(Memory *memory, CaseFunction function, void *user);

/* The file's tensor of a case's part: "Y", "gradient.X"; the test fails where it is missing. */
SafetensorsTensor case_tensor(const Case *made, const char *part);

/* Number `index` of a tensor, which may be of either type of float. */
double tensor_number(const SafetensorsTensor *tensor, size_t index);

#endif
