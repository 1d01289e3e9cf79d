/* Evaluates an ONNX graph in double precision, as the specification words each operator: the other
 * side of a conversion's proof. It shares no code with the cells and nothing is fast; what it does
 * not know it refuses by operator and node.
 *
 * Specification: https://onnx.ai/onnx/operators/, opsets 7 to 22. */
#ifndef CONVERT_ORACLE_ONNX_H
#define CONVERT_ORACLE_ONNX_H

#include "formats/onnx.h"

typedef struct OracleArray {
    OnnxType type;
    size_t rank; /* 0: one element */
    size_t shape[ONNX_RANK_MAX];
    size_t count;
    double *numbers;   /* row-major, of FLOAT (not rounded to it) and DOUBLE; else NULL */
    int64_t *integers; /* of the other types; else NULL */
} OracleArray;

typedef struct OracleOnnx OracleOnnx;

/* Prepares to evaluate `model`, which must outlive the result, as must `memory`. All values of the
 * graph together may have `elements_max` elements. Errors: DATA (more elements), MEMORY. */
elman_status oracle_onnx_create(Memory *memory, const OnnxModel *model, size_t elements_max,
                                OracleOnnx **oracle, elman_error *error);

/* NULL is legal. */
void oracle_onnx_destroy(OracleOnnx *oracle);

/* Gives input `index` of the model its value, which is copied. Errors: MISMATCH (type or shape are
 * not the input's), DATA, MEMORY. */
elman_status oracle_onnx_feed(OracleOnnx *oracle, size_t index, const OracleArray *array,
                              elman_error *error);

/* The same for an optional input, in place of its initialiser. */
elman_status oracle_onnx_feed_optional(OracleOnnx *oracle, size_t index, const OracleArray *array,
                                       elman_error *error);

/* Computes every value. Errors: UNSUPPORTED (an operator or attribute that is not known), FORMAT (a
 * node that contradicts the specification), MISMATCH (an input without a value), DATA, MEMORY. */
elman_status oracle_onnx_run(OracleOnnx *oracle, elman_error *error);

/* Value `index` of the model after a run; it lives until the next or until the end. */
const OracleArray *oracle_onnx_value(const OracleOnnx *oracle, uint32_t index);

#endif
