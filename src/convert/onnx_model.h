/* ONNX graphs as a side of a conversion. */
#ifndef CONVERT_ONNX_MODEL_H
#define CONVERT_ONNX_MODEL_H

#include "convert/onnx_map.h"
#include "convert/oracle.h"
#include "convert/probe_rows.h"
#include <elman/convert.h>

/* Reads the graph at the conversion's path and makes its model. Errors: IO, FORMAT, DATA,
 * UNSUPPORTED (what cannot be kept, by operator and node), MEMORY. */
elman_status onnx_read_model(elman_conversion *conversion, elman_error *error);

/* Makes the model of conversion->graph. Errors: the same. */
elman_status onnx_make_model(elman_conversion *conversion, elman_error *error);

/* Lists which tensor of the graph went where and notes what else is to be known. Errors: MEMORY. */
elman_status onnx_tell(elman_conversion *conversion, elman_error *error);

/* The index of the rows that gate `gate` of our cell has in ONNX's weights of it. */
size_t onnx_gate(const MapLayer *layer, size_t gate);

/* Random rows that model and graph can read, with as many steps and rows as the graph fixes, and
 * random initial states where these are inputs. probe_rows_close may follow in any case. Errors:
 * MEMORY. */
elman_status onnx_open_probe(const elman_conversion *conversion, ProbeRows *probe,
                             elman_error *error);

/* ONNX's arithmetic: the graph itself, evaluated in double precision. */
typedef struct OnnxOracle {
    Oracle base;
    const elman_conversion *conversion;
} OnnxOracle;

OnnxOracle onnx_oracle(const elman_conversion *conversion);

#endif
