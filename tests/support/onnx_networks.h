/* Networks that are converted to ONNX. */
#ifndef SUPPORT_ONNX_NETWORKS_H
#define SUPPORT_ONNX_NETWORKS_H

#include <elman/convert.h>

#include "support/passes.h"

enum { ONNX_FAST = 240, ONNX_PLAIN = ONNX_FAST + 120, ONNX_NETWORKS = ONNX_PLAIN + 120 };

/* Network `index`: every cell, both directions, every input, output and option; from ONNX_FAST on
 * plain ones, from ONNX_PLAIN on some with stages behind the head. */
NetworkSpec onnx_network(size_t index);

/* Writes the model as the file "model". */
void save_model(const elman_model *model);

/* Converts the file to ONNX and proves it. */
elman_conversion *open_onnx(elman_context *context, const char *path);

#endif
