/* Chains of affine operators as one matrix and one vector. */
#ifndef CONVERT_ONNX_AFFINE_H
#define CONVERT_ONNX_AFFINE_H

#include "convert/onnx_map.h"

/* y = matrix . x + shift. */
typedef struct OnnxAffine {
    size_t inputs, outputs;
    double *matrix; /* [outputs][inputs]; NULL: the identity */
    double *shift;  /* [outputs]; NULL: zero */
} OnnxAffine;

/* *sum += term, keeping the sign of a zero that is added to nothing. */
static inline void onnx_affine_add(double *sum, double term) {
    *sum = *sum == 0.0 ? term : *sum + term;
}

/* What leads from `bottom`, which is below `top` or is it, to `top`; it lives as long as the map.
 * A single product, or a sum alone, keeps the bits of its numbers. Errors: DATA, MEMORY. */
elman_status onnx_affine(OnnxMap *map, uint32_t top, uint32_t bottom, OnnxAffine *affine);

/* The base below `top` that is not affine: an input, a look-up, a layer's output or state. */
uint32_t onnx_affine_bottom(const OnnxMap *map, uint32_t top);

#endif
