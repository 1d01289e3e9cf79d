/* The gated recurrent unit, in both conventions for the reset gate.
 *
 *     r = sigmoid(W_r x + b_r + R_r h + b'_r),   z = sigmoid(W_z x + b_z + R_z h + b'_z)
 *     after:   n = tanh(W_n x + b_n + r * (R_n h + b'_n))
 *     before:  n = tanh(W_n x + b_n + R_n (r * h) + b'_n)
 *     h' = (1 - z) * n + z * h, computed as z * (h - n) + n
 *
 * and back, with dh' the gradient of the loss with respect to h' and a_n the argument of tanh:
 *
 *     da_n = dh' * (1 - z) * (1 - n^2),   dz = dh' * (h - n) * z (1 - z),   dh = dh' * z + ...
 *     after:   dr = da_n * (R_n h + b'_n) * r (1 - r),   through R_n and b'_n: da_n * r
 *     before:  d = R_n^T da_n,   dr = d * h * r (1 - r),   dh += d * r,   through R_n: da_n
 *     dh += R_r^T dr + R_z^T dz (+ R_n^T (da_n * r) when after)
 *
 * Source: Cho et al., arXiv 1406.1078 (before, with z and 1 - z exchanged); "after" is the variant
 * of cuDNN and PyTorch, whose blocks stand in the order r z n.
 *
 * The four slots of a panel are n, r, z and the recurrent part of n, so that the three which belong
 * to weight_ih (n r z) and the three which belong to weight_hh (r z n) are both neighbours. */
#include "cells/cell.h"

static void project(const Kernels *kernels, const Projection *projection) {
    kernels->project3(projection);
}

static void after_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    (void)share;
    run->kernels->gru_forward(step);
}

static StepKernel after_step(const Kernels *kernels) {
    return kernels->gru_step;
}

static void after_backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    run->kernels->gru_backward(step);
    cell_meet(share);
    cell_hidden_gradient(step, run, step->dh, 1, 3, run->weights->w_hh_back);
}

static void before_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    run->kernels->gru_reset_before_forward(step);
    cell_meet(share);
    run->kernels->gru_reset_before_forward2(step);
}

static StepKernel before_step(const Kernels *kernels) {
    return kernels->gru_before_step;
}

static void before_backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    const size_t panels = run->shape->panels;
    const float *const w_rz = run->weights->w_hh_back;
    const float *const w_n = w_rz + panels * panels * 2 * PANEL * PANEL;
    CellBackward second = *step;
    run->kernels->gru_reset_before_backward(step);
    cell_meet(share);
    /* The step's rows of the scratch array, which is laid out as dh. */
    float *const d = run->scratch + (step->dh - run->dh);
    cell_hidden_gradient(step, run, d, 3, 1, w_n);
    second.extra = d;
    run->kernels->gru_reset_before_backward2(&second);
    cell_meet(share);
    cell_hidden_gradient(step, run, step->dh, 1, 2, w_rz);
}

const Cell cell_gru = {
    .name = "gru",
    .gates = 3,
    .slots = 4,
    .input_slot = 0,
    .hidden_slot = 1,
    .input_order = {2, 0, 1},
    .hidden_order = {0, 1, 2},
    .slot_input = {2, 0, 1, 255},
    .slot_hidden = {255, 0, 1, 2},
    .leading_gates = 3,
    .project = project,
    .forward = after_forward,
    .step_kernel = after_step,
    .backward = after_backward,
};

const Cell cell_gru_reset_before = {
    .name = "gru-reset-before",
    .gates = 3,
    .slots = 4,
    .input_slot = 0,
    .hidden_slot = 1,
    .input_order = {2, 0, 1},
    .hidden_order = {0, 1, 2},
    .slot_input = {2, 0, 1, 255},
    /* One argument of tanh: both biases of n belong to slot 0. */
    .slot_hidden = {2, 0, 1, 255},
    .needs_scratch = true,
    .keeps_extra = true,
    .leading_gates = 2,
    .project = project,
    .forward = before_forward,
    .step_kernel = before_step,
    .backward = before_backward,
};
