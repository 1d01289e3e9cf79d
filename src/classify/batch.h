/* Batches of encoded sequences, as a pass and a loss take them. */
#ifndef CLASSIFY_BATCH_H
#define CLASSIFY_BATCH_H

#include "classify/encode.h"

typedef struct ClassBatch {
    const elman_classifier *classifier;
    size_t rows, steps; /* it has room for */
    float *dense;       /* [steps][rows][features] */
    int32_t *tokens;    /* [steps][rows] */
    int32_t *classes;   /* [steps][rows] of a tagger, else [rows]; -1: none */
    size_t *lengths;    /* [rows] */
    elman_sequence sequence;
    elman_targets targets;
} ClassBatch;

/* Whatever the result, class_batch_release may follow. Errors: MEMORY. */
elman_status class_batch_create(const elman_classifier *classifier, size_t rows, size_t steps,
                                ClassBatch *batch, elman_error *error);
void class_batch_release(ClassBatch *batch);

/* Fills in the sequences `members` [rows] of the data: sequence and targets. */
void class_batch_fill(ClassBatch *batch, const Encoded *encoded, const uint32_t *members,
                      size_t rows);

/* Runs a network over sequences, those of like length together. */
typedef struct Passes {
    const elman_network *network;
    const Encoded *encoded;
    const uint32_t *members; /* [count] */
    size_t count;
    /* Called after each forward pass over `rows` sequences; `members` [rows] are their positions in
     * the list above. */
    elman_status (*done)(void *user, elman_tape *tape, const ClassBatch *batch,
                         const uint32_t *members, size_t rows, elman_error *error);
    void *user;
} Passes;

elman_status passes_run(const elman_classifier *classifier, const Passes *passes,
                        elman_error *error);

/* Sorts the positions of `members` [count] by the length of their sequences; equal ones stay. */
void sort_by_length(const Encoded *encoded, const uint32_t *members, uint32_t *order, size_t count);

#endif
