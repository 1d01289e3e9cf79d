/* The optimisers: their state, clipping, and one step over all tensors of a model.
 *
 * Tensors are cut into chunks of fixed size. Workers share out the chunks; every sum is kept for
 * its chunk and added in the order of the chunks, so the bits do not depend on the number of
 * workers. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include <stdbool.h>

#include "context/context.h"
#include <elman/train.h>

enum { OPTIMIZER_MOMENTS = 2 };

typedef struct OptimizerTensor {
    elman_tensor weight;
    float *gradient;       /* padded as the weight is */
    size_t offset, padded; /* its place in the blocks */
    size_t group;          /* its recurrent layer; the number of layers for all others */
    double squares;        /* of the gradient, by the last measure or clipping by value */
} OptimizerTensor;

typedef struct OptimizerChunk {
    size_t tensor, begin, padded;
} OptimizerChunk;

typedef struct Optimizer {
    elman_context *context;
    const elman_train_options *options; /* checked; must outlive the optimiser */
    size_t tensor_count, chunk_count, group_count;
    OptimizerTensor *tensors;
    OptimizerChunk *chunks;
    float *weights;                    /* of the model, all tensors in one block */
    size_t total;                      /* floats in that block and in each of the following */
    float *moments[OPTIMIZER_MOMENTS]; /* NULL: this optimiser has none */
    double *gradient_squares;          /* [chunk_count] */
    UpdateSums *sums;                  /* [chunk_count], of the last step */
    double *ratio;                     /* [group_count]: |change| / |weights| of the last step */
} Optimizer;

/* Prepares the state for a built model, which must outlive it. Whatever the result,
 * optimizer_release may follow. Errors: MEMORY. */
elman_status optimizer_init(Optimizer *optimizer, elman_model *model,
                            const elman_train_options *options, elman_error *error);
void optimizer_release(Optimizer *optimizer);

/* What the optimiser calls its moment `index`, such as "velocity". */
const char *optimizer_moment_name(const elman_train_options *options, size_t index);

/* A block of `total` floats, zeroed, or NULL. */
float *optimizer_allocate_block(const Optimizer *optimizer);

/* Copies all weights to or from a block of `total` floats. */
void optimizer_save_weights(const Optimizer *optimizer, float *block);
void optimizer_load_weights(Optimizer *optimizer, const float *block);

/* Exchanges all weights for those in a block. */
void optimizer_swap_weights(Optimizer *optimizer, float *block);

/* Takes the weights after step `step` (1 for the first) into the running mean in a block, by the
 * option `average` as elman/train.h says. */
void optimizer_average(Optimizer *optimizer, uint64_t step, float *block);

/* Points every tensor's gradient to that of the tape's last backward pass. */
void optimizer_take_gradients(Optimizer *optimizer, const elman_tape *tape);

/* Sums the squares of each tensor's gradient. */
void optimizer_measure(Optimizer *optimizer);

/* The norm of all gradients together, from the sums. */
double optimizer_gradient_norm(const Optimizer *optimizer);

/* Clips the gradients by value and sums the squares again, if the options say so. Returns the
 * factor that then clips them by norm, for optimizer_update; *clipped: whether either changes a
 * gradient. */
float optimizer_clip(Optimizer *optimizer, bool *clipped);

/* Multiplies the gradients by `factor` and takes step `step` (1 for the first) at rate `rate`.
 * False when a weight would not be finite: all weights are then as they were, and element
 * *element of *tensor is the first. The gradients are used up: the weights from before take their
 * place. */
bool optimizer_update(Optimizer *optimizer, uint64_t step, double rate, float factor,
                      size_t *tensor, size_t *element);

#endif
