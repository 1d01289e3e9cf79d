/* How much memory training takes: sums over what is allocated, measured by the code that allocates
 * it.
 */
#include "cells/gradient.h"
#include "core/size.h"
#include "model/tape.h"

/* The weights, their gradients, two moments, the best weights of a run. */
enum { COPIES = 5 };

size_t elman_model_training_bytes(const elman_model *model, size_t steps, size_t batch) {
    const Structure *const structure = &model->structure;
    size_t tensors, weights, packed, activations, rows, bytes;
    if (!size_mul(steps, batch, &rows) || rows > SIZE_MAX / 2) return SIZE_MAX;
    const bool fits = tensor_set_measure(structure, &tensors, &weights) &&
                      network_training_floats(structure, &packed) &&
                      tape_training_floats(structure, steps, batch, &activations) &&
                      size_mul(weights, COPIES, &weights) && size_add(weights, packed, &bytes) &&
                      size_add(bytes, activations, &bytes) &&
                      size_mul(bytes, sizeof(float), &bytes);
    /* A tape's losses and tokens. */
    const bool tokens = structure->input != ELMAN_INPUT_DENSE;
    const size_t row = sizeof(double) + (tokens ? sizeof(int32_t) : 0);
    const size_t scratch = elman_context_threads(model->context) * GRADIENT_SCRATCH * sizeof(float);
    return fits && size_mul(rows, row, &rows) && size_add(bytes, rows, &bytes) &&
                   size_add(bytes, scratch, &bytes)
               ? bytes
               : SIZE_MAX;
}
