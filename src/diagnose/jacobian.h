/* The recurrent Jacobian J_t = ds_t/ds_(t-1) of one layer in one direction, with what the layer
 * read held fixed, as an operator on vectors: J v and J^T v in double.
 *
 * s is h, or h and then c of an LSTM: [state]. A place is an index of [steps][batch]; it stands for
 * the step that the layer made there. */
#ifndef DIAGNOSE_JACOBIAN_H
#define DIAGNOSE_JACOBIAN_H

#include <stdbool.h>

#include "core/memory.h"
#include "diagnose/lanes.h"
#include <elman/tape.h>

enum { JACOBIAN_ARRAYS = 6, JACOBIAN_FACTORS = 6 };

typedef struct Jacobian {
    const Kernels *kernels;
    elman_cell cell;
    size_t hidden, gates, state;
    bool reverse;
    size_t steps, batch;
    const size_t *lengths;        /* [batch]; NULL: all rows have all steps */
    double *weights;              /* [gates][hidden][hidden]: weight_hh */
    double *transposed;           /* [hidden][gates][hidden]: row j holds column j of each gate */
    float *kept[JACOBIAN_ARRAYS]; /* [steps][batch][hidden], what the cell's factors are made of */
} Jacobian;

/* What a worker needs to apply it. */
typedef struct JacobianWork {
    double *factors; /* [JACOBIAN_FACTORS][hidden][LANES], of the places of the moment */
    double *gates;   /* [gates][hidden][LANES] */
    double *hidden;  /* [hidden][LANES] */
} JacobianWork;

/* The doubles of a JacobianWork, and how it lies in as many. */
size_t jacobian_work_size(const Jacobian *jacobian);
JacobianWork jacobian_work(const Jacobian *jacobian, double *block);

/* Reads what `tape` kept of its last forward pass, over `sequence`, and the layer's weights. The
 * sequence must outlive the Jacobian. Errors: MEMORY; whatever the result, jacobian_release may
 * follow. */
elman_status jacobian_read(Jacobian *jacobian, Memory *memory, const elman_model *model,
                           const elman_tape *tape, const elman_sequence *sequence, size_t layer,
                           bool reverse, elman_error *error);
void jacobian_release(Jacobian *jacobian, Memory *memory);

/* The steps of a row. */
size_t jacobian_visits(const Jacobian *jacobian, size_t row);

/* The place of the layer's step number `visit` in `row`: from the row's end in reverse. */
size_t jacobian_place(const Jacobian *jacobian, size_t row, size_t visit);

/* Prepares `work` for the Jacobian at places[k] for vector k < count and for 0 for the others. */
void jacobian_at(const Jacobian *jacobian, const size_t *places, size_t count,
                 const JacobianWork *work);

/* v [state][LANES] = J v, and J^T v, at the places prepared. */
void jacobian_apply(const Jacobian *jacobian, const JacobianWork *work, double *v);
void jacobian_apply_transposed(const Jacobian *jacobian, const JacobianWork *work, double *v);

#endif
