/* What a compiled network holds; see elman/network.h. */
#ifndef MODEL_NETWORK_H
#define MODEL_NETWORK_H

#include "cells/plain.h"
#include "model/model.h"
#include <elman/network.h>

/* One direction of a layer. */
typedef struct NetworkCell {
    CellShape shape;
    CellWeights weights;
    PlainCell plain; /* what shape.plain points to, where it does */
} NetworkCell;

typedef struct NetworkHead {
    size_t inputs, outputs;
    size_t panels, input_panels; /* of 16 outputs, of 16 inputs */
    float *bias;                 /* [panels*16] */
    float *w;                    /* a Product's, inputs rows */
    float *w_back;               /* a Product's, outputs rows */
} NetworkHead;

/* A stage behind the head. */
typedef struct NetworkStage {
    elman_stage_kind kind;
    size_t inputs, outputs;
    NetworkHead linear; /* LINEAR, without w_back */
    float *gain, *bias; /* LAYER_NORM: [outputs] */
    double epsilon;
} NetworkStage;

/* Memory in which several parts stand. */
typedef struct NetworkBlock {
    float *data;
    size_t floats;
} NetworkBlock;

struct elman_network {
    elman_context *context;
    const Kernels *kernels;
    Structure structure;
    NetworkCell (*layers)[2]; /* [layer][direction] */
    NetworkHead head;         /* outputs 0: none */
    NetworkStage *stages;     /* [structure.stage_count]; NULL: none */
    size_t stage_row;         /* floats in the widest padded row of any of them */
    float *embedding;         /* [vocabulary][embedding] */
    float *zeros;             /* as many as the widest row has */
    size_t widest;            /* floats in the widest padded row of any layer or of the head */
    NetworkBlock forward;     /* all of the above, but for: */
    NetworkBlock back;        /* w_hh_back, w_back, w_ih_back; no data: not yet needed */
    NetworkBlock input_back;  /* w_ih_back of the first layer with dense input; likewise */
};

/* Packs the weights of the model that the network was compiled from (or one of the same structure)
 * again, in place: for the trainer, after an update. No stream may step meanwhile. */
void network_repack(elman_network *network, const elman_model *model);

/* Makes sure that there are the weights that backward reads, with `input_gradient` those for the
 * gradient of a dense input too: a network that is only run has neither. From then on
 * network_repack keeps them up. Streams may step meanwhile. Errors: MEMORY. */
elman_status network_prepare_backward(const elman_network *network, bool input_gradient,
                                      elman_error *error);

/* The floats that a network of that structure packs once it is trained; false when they do not fit.
 */
bool network_training_floats(const Structure *structure, size_t *floats);

/* The number of floats of a row of `width` units, padded to whole panels. */
size_t network_padded(size_t width);

#endif
