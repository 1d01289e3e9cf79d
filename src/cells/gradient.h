/* Weight gradients: sums over all steps and rows of the batch of products of two rows.
 *
 * The sums are never cut over time, so that a gradient's bits do not depend on the threads: workers
 * share the outputs. Work is counted in a unit that is the same for all gradients, and a worker
 * asks for the part of it that is its own. */
#ifndef CELLS_GRADIENT_H
#define CELLS_GRADIENT_H

#include "cells/cell.h"

/* One matrix of those that belong to the same rows b:
 *
 *     out[row][i] = sum over k of a[k][i] * b[k][row],   bias[row] = sum over k of b[k][row] */
typedef struct GradientPart {
    const float *a; /* row k at a + k*a_row, any alignment; not read with tokens */
    size_t a_row;
    const int32_t *tokens; /* [steps], instead of a: one-hot rows; negative: none */
    size_t inputs;
    size_t slot, gates;         /* of b */
    const unsigned char *order; /* [gates]: gate -> block of `hidden` rows */
    float *out;                 /* [blocks*hidden][inputs] */
    float *bias;                /* [blocks*hidden]; NULL: not wanted */
} GradientPart;

enum { GRADIENT_PARTS_MAX = 3 };

typedef struct WeightGradient {
    size_t steps;   /* k */
    const float *b; /* row k of panel p at b + k*b_row + p*b_panel */
    size_t b_row, b_panel;
    size_t panels, hidden;
    size_t slots; /* of a panel, [slots][16]; 1: panels stand side by side */
    size_t parts;
    GradientPart part[GRADIENT_PARTS_MAX];
} WeightGradient;

/* Where a direction's gradients go, as in CellTensors; biases that the model lacks are NULL. */
typedef struct CellGradients {
    float *weight_ih, *weight_hh, *bias_ih, *bias_hh;
} CellGradients;

/* The weight gradients of a direction, after cell_backward: of the gates' weights, and that of a
 * projected cell's W_hr, in `out`. */
WeightGradient cell_weight_gradient(const CellRun *run, const CellGradients *gradients);
WeightGradient cell_projection_gradient(const CellRun *run, float *out);

/* The work of a gradient, about its multiplications divided by 16. */
size_t weight_gradient_work(const WeightGradient *gradient);

/* The floats of scratch, at 64 bytes, that a worker needs: packed inputs and gates of some steps,
 * and sums. */
enum {
    GRADIENT_STEPS = 128,
    GRADIENT_STRIP = 4 * PANEL,
    GRADIENT_WIDTH = 48, /* columns of a packed block: a multiple of the heights of all tiles */
    GRADIENT_COLUMNS = 6 * GRADIENT_WIDTH,
    GRADIENT_SUMS = 24 * GRADIENT_WIDTH,
    GRADIENT_SCRATCH =
        GRADIENT_STEPS * (GRADIENT_COLUMNS + GRADIENT_PARTS_MAX * GRADIENT_WIDTH + GRADIENT_STRIP) +
        GRADIENT_SUMS * GRADIENT_STRIP
};

/* Computes what belongs to [begin, end) of the work. Parts that together make up all of it make up
 * the gradient, each output in one of them. */
void weight_gradient(const Kernels *kernels, const WeightGradient *gradient, size_t begin,
                     size_t end, float *scratch);

#endif
