/* The Elman RNN, with tanh or ReLU.
 *
 *     h' = tanh(W x + b + R h + b')        or        h' = max(0, W x + b + R h + b')
 *
 * and back, with dh' the gradient of the loss with respect to h':
 *
 *     da = dh' * (1 - h'^2)                or        da = dh' where h' > 0, else 0
 *     dW = sum_t da x^T,  dR = sum_t da h^T,  db = db' = sum_t da,  dx = W^T da,  dh = R^T da
 *
 * Source: Elman, "Finding structure in time", Cognitive Science 14(2), 1990; the gradient through
 * time: Werbos, "Backpropagation through time", Proceedings of the IEEE 78(10), 1990; ReLU: Le,
 * Jaitly and Hinton, arXiv 1504.00941. Two biases as in PyTorch. */
#include "cells/cell.h"

static void project(const Kernels *kernels, const Projection *projection) {
    kernels->project1(projection);
}

static void tanh_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    (void)share;
    run->kernels->rnn_tanh_forward(step);
}

static void relu_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    (void)share;
    run->kernels->rnn_relu_forward(step);
}

static StepKernel tanh_step(const Kernels *kernels) {
    return kernels->rnn_tanh_step;
}

static void tanh_backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    run->kernels->rnn_tanh_backward(step);
    cell_meet(share);
    cell_hidden_gradient(step, run, step->dh, 0, 1, run->weights->w_hh_back);
}

static StepKernel relu_step(const Kernels *kernels) {
    return kernels->rnn_relu_step;
}

static void relu_backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    run->kernels->rnn_relu_backward(step);
    cell_meet(share);
    cell_hidden_gradient(step, run, step->dh, 0, 1, run->weights->w_hh_back);
}

const Cell cell_rnn_tanh = {
    .name = "rnn",
    .gates = 1,
    .slots = 1,
    .leading_gates = 1,
    .project = project,
    .forward = tanh_forward,
    .step_kernel = tanh_step,
    .backward = tanh_backward,
};

const Cell cell_rnn_relu = {
    .name = "rnn-relu",
    .gates = 1,
    .slots = 1,
    .leading_gates = 1,
    .project = project,
    .forward = relu_forward,
    .step_kernel = relu_step,
    .backward = relu_backward,
};
