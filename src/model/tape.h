/* What a tape holds; see elman/tape.h. */
#ifndef MODEL_TAPE_H
#define MODEL_TAPE_H

#include "model/lateness.h"
#include "model/network.h"
#include "model/plan.h"
#include <elman/tape.h>

/* Rows of `row` floats each, of which the first so many count. */
typedef struct Rows {
    float *data;
    size_t row;
} Rows;

typedef struct TapeLayer {
    CellRun run[2];  /* one for each direction; their pointers are set for each pass */
    Rows output;     /* [steps][batch]: directions side by side, dropout applied; a view of h where
                        neither is needed */
    float *joined;   /* what `output` points to where it is no view */
    float *mask;     /* as `output`: 0 or 1 / (1 - rate); NULL without dropout */
    Rows gradient;   /* of `output` */
    float *split[2]; /* [steps][batch][padded]: `gradient` taken apart by direction; NULL where each
                        direction's part is whole panels as it stands */
} TapeLayer;

struct elman_tape {
    const elman_network *network;
    elman_tape_options options;
    bool goes_back;      /* backward may be called: no forward_only tape, no plain layer */
    bool input_in_place; /* dense input is read where the caller has it and nobody asks for it after
                            the pass */
    TensorSet gradients;
    TapeLayer *layers;

    int32_t *tokens;     /* [steps][batch] */
    size_t *lengths;     /* [batch] */
    const float **start; /* [workers][batch] */
    float *input;        /* dense input or looked-up embeddings, [steps][batch][inputs] */
    Rows input_gradient;

    Rows features; /* what the head reads: the last layer's output, or `last` */
    Rows features_gradient;
    float *last, *last_gradient; /* [batch]: one row a sequence, directions side by side: final
                                    states, or states pooled over the steps */
    float *last_mask;
    Rows output; /* the head's, or the features */
    Rows output_gradient;
    float *logits, *logits_gradient;
    float *staged[2];        /* [positions]: what stages behind the head compute, in turn */
    double *losses;          /* [positions] */
    float *gradient_scratch; /* [workers][GRADIENT_SCRATCH] */

    size_t *worker_of; /* [layers], see plan_layers */
    Lateness lateness; /* of passes whose plan was free */

    float *block; /* the arrays of floats */
    size_t floats;

    /* The pass of the moment. */
    Plan plan;              /* of its way forward or back */
    elman_sequence pass;    /* `lengths`, `tokens` and `state` point to copies or are NULL */
    size_t positions;       /* rows of `output` */
    bool ran, has_gradient; /* forward was called; output_gradient is filled */
    bool taken_back;        /* backward was called since: the gates are gradients */
    bool learned_state;     /* the pass started from the model's initial state */
};

/* Fills `mask` with 0 and 1 / (1 - rate) for `count` outputs of row `index` (of [steps][batch]).
 * The values depend on the arguments alone, not on
 * the instruction set of the kernels. */
void dropout_mask(const Kernels *kernels, uint64_t seed, uint64_t pass, size_t layer, size_t index,
                  float rate, size_t count, float *mask);

/* One worker's share of a pass. What has to do with rows alone is split by rows in any case. Where
 * layers are shared, `cell` is a share of panels, as it is of what is not sequential, and a layer's
 * own worker has another one, CELL_WHOLE. */
typedef struct TapeShare {
    CellShare cell;
    size_t own_begin, own_end; /* rows, each of one worker */
    StepRange steps;           /* what is done row by row and step by step: in these steps */
    size_t row_begin, row_end; /* these rows */
} TapeShare;

/* Plans the pass of the moment, in which the layers from `inputs_from` on have products over their
 * inputs or the gradients of those, and calls `function` with each worker's share. */
typedef void (*TapeFunction)(elman_tape *tape, const TapeShare *share);
void tape_each_share(elman_tape *tape, size_t inputs_from, TapeFunction function);

/* The share of a worker that has all of a layer to itself, in some steps. */
TapeShare tape_whole_share(const elman_tape *tape, const TapeShare *share, StepRange steps);

/* Where layers are shared: runs the layers [first, end), which have one direction, as a wave. Each
 * worker calls `function` for its layers with a chunk of steps, in the order of time or, backward,
 * the other way round; the next layers' worker does so after the next meeting. All is done when
 * this returns. */
typedef void (*TapeLayerFunction)(elman_tape *tape, size_t l, const TapeShare *share);
void tape_wave(elman_tape *tape, const TapeShare *share, size_t first, size_t end, bool backward,
               TapeLayerFunction function);

/* All steps of the pass. */
StepRange tape_steps(const elman_tape *tape);

/* A worker's share of a product over all positions of the output: `product` without steps and rows,
 * its arrays being those of position 0. */
void tape_product(const elman_tape *tape, const TapeShare *share, Product product);

/* Copies `width` floats of each [steps][batch] row, zeros past a row's length. */
void tape_copy_rows(const elman_tape *tape, Rows rows, size_t width, float *out);

/* The same for each position of the output. */
void tape_copy_positions(const elman_tape *tape, Rows rows, size_t width, float *out);

/* Row b of one direction's states, pooled over the steps as the structure says: [hidden]. */
void tape_pool_row(const elman_tape *tape, const CellRun *run, size_t b, float *out);

/* The gradient of one direction's outputs, once it is taken apart. */
Rows tape_direction_gradient(const TapeLayer *layer, size_t d);

/* From the gradient of the pooled features of rows [begin, end), through their dropout masks, to
 * that of the last layer's states, taken apart by direction. */
void tape_pool_backward(elman_tape *tape, size_t begin, size_t end);

/* The floats of the activations and their gradients in a tape for training; false when they do not
 * fit. */
bool tape_training_floats(const Structure *structure, size_t steps, size_t batch, size_t *floats);

/* Computes all weight gradients from what the cells left in their gates. */
void tape_weight_gradients(elman_tape *tape);

#endif
