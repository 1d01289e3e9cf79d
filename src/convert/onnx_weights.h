/* What each weight of a model should be, straight from an ONNX graph. */
#ifndef CONVERT_ONNX_WEIGHTS_H
#define CONVERT_ONNX_WEIGHTS_H

#include "convert/onnx_map.h"
#include "convert/oracle.h"
#include "convert/oracle_onnx.h"

/* Adds to the answer the numbers of all tensors that a node has as they are: the recurrent weights,
 * the table of an embedding, and input weights that nothing was folded into. A probe may hardly
 * show a single one of them. The values are those of the oracle, which has run. Errors: MEMORY. */
elman_status onnx_expect_weights(const OracleOnnx *oracle, const OnnxMap *map, OracleAnswer *answer,
                                 elman_error *error);

#endif
