/* Which cell a recurrent node is. */
#ifndef CONVERT_ONNX_MAP_CELL_H
#define CONVERT_ONNX_MAP_CELL_H

#include "convert/onnx_map_call.h"

/* Reads the node's activations, clip, linear_before_reset and input_forget into the layer, whose
 * directions and gates are known. Errors: UNSUPPORTED, FORMAT. */
elman_status map_read_cell(const MapCall *call, MapLayer *layer);

#endif
