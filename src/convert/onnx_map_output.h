/* The outputs of a graph that has been walked over. */
#ifndef CONVERT_ONNX_MAP_OUTPUT_H
#define CONVERT_ONNX_MAP_OUTPUT_H

#include "convert/onnx_map_call.h"

/* Fills in what the map says of outputs. Errors: UNSUPPORTED (by name), DATA, MEMORY. */
elman_status onnx_map_read_outputs(OnnxMap *map);

#endif
