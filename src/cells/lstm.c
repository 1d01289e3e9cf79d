/* The long short-term memory with forget gate, without peepholes.
 *
 *     i, f, o = sigmoid(.), g = tanh(.)  of the four blocks of W x + b + R h + b'
 *     c' = f * c + i * g,   h' = o * tanh(c')
 *
 * and back, with dh' and dc' the gradients of the loss with respect to h' and c':
 *
 *     dc' += dh' * o * (1 - tanh(c')^2)
 *     do = dh' * tanh(c') * o (1 - o),   di = dc' * g * i (1 - i),   dg = dc' * i * (1 - g^2)
 *     df = dc' * c * f (1 - f),          dc = dc' * f
 *     dW = sum_t d. x^T,  dR = sum_t d. h^T,  db = db' = sum_t d.,  dx = W^T d.,  dh = R^T d.
 *
 * Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997;
 * Gers, Schmidhuber and Cummins, "Learning to forget", Neural Computation 12(10), 2000, with tanh
 * for both squashing functions. Blocks in PyTorch's order: i f g o. */
#include "cells/cell.h"

#include <math.h>

static void lstm_project(const Kernels *kernels, const Projection *projection) {
    kernels->project4(projection);
}

static void lstm_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    (void)share;
    run->kernels->lstm_forward(step);
}

static StepKernel lstm_step(const Kernels *kernels) {
    return kernels->lstm_step;
}

static void lstm_backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    run->kernels->lstm_backward(step);
    cell_meet(share);
    cell_hidden_gradient(step, run, step->dh, 0, 4, run->weights->w_hh_back);
}

/* In the kernel's order of operations. */
static void lstm_cell_gradient(const CellBackward *step, size_t row, const float *dh, float *dc) {
    for (size_t u = step->panel_begin * PANEL; u < step->panel_end * PANEL; u++) {
        const float *const kept =
            step->gates + row * step->gates_row + u / PANEL * step->gates_panel + u % PANEL;
        const float o = kept[3 * PANEL], tanh_c = step->extra[row * step->h_row + u];
        const float through_h = dh[u] * o, slope = fmaf(-tanh_c, tanh_c, 1.0f);
        dc[u] = fmaf(through_h, slope, step->dc[row * step->h_row + u]);
    }
}

const Cell cell_lstm = {
    .name = "lstm",
    .gates = 4,
    .slots = 4,
    .input_order = {0, 1, 2, 3},
    .hidden_order = {0, 1, 2, 3},
    .slot_input = {0, 1, 2, 3},
    .slot_hidden = {0, 1, 2, 3},
    .cell_state = true,
    .keeps_extra = true,
    .leading_gates = 4,
    .project = lstm_project,
    .forward = lstm_forward,
    .step_kernel = lstm_step,
    .backward = lstm_backward,
    .cell_gradient = lstm_cell_gradient,
};
