/* The long short-term memory with a recurrent projection: what its units put out, m, goes through a
 * matrix to a narrower h, which the gates and the layers above read.
 *
 *     i, f, o = sigmoid(.), g = tanh(.)  of the four blocks of W x + b + R h + b'
 *     c' = f * c + i * g,   m = o * tanh(c'),   h' = W_hr m
 *
 * and back, with dh' the gradient of the loss with respect to h': dm = W_hr^T dh', then as in
 * src/cells/lstm.c with dm in the place of dh', and dW_hr = sum_t dh' m^T.
 *
 * Source: Sak, Senior and Beaufays, "Long short-term memory recurrent neural network architectures
 * for large scale acoustic modeling", Interspeech 2014, without peepholes and without the part of
 * the projection that is not recurrent; PyTorch's proj_size. */
#include "cells/cell.h"

static void project(const Kernels *kernels, const Projection *projection) {
    kernels->project4(projection);
}

static void forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    const CellShape *const shape = run->shape;
    CellForward units = *step;
    units.columns = shape->width;
    units.h_next = cell_m(run, step);
    Product projection = {
        .steps = 1,
        .rows = step->rows,
        .panels = shape->width_panels,
        .blocks = 1,
        .inner = shape->hidden,
        .a = units.h_next,
        .a_row = cell_unit_row(shape),
        .w = run->weights->w_hr,
        .bias = run->zeros,
        .out = step->h_next,
        .out_row = step->h_row,
        .descending = step->descending,
    };
    run->kernels->lstmp_forward(&units);
    cell_meet(share);
    cell_share_panels(share, projection.panels, &projection.panel_begin, &projection.panel_end);
    run->kernels->product(&projection);
}

static StepKernel step_kernel(const Kernels *kernels) {
    return kernels->lstmp_step;
}

/* The gradients of h' are kept already: all of them, for the projection's gradient. */
static void backward(const CellBackward *step, const CellRun *run, const CellShare *share) {
    const CellShape *const shape = run->shape;
    const size_t unit_row = cell_unit_row(shape), h_row = cell_h_row(shape);
    const size_t row = (size_t)(step->dc - run->dc) / unit_row;
    const size_t at = (size_t)(step->extra - run->extra) / unit_row;
    CellBackward units = *step;
    units.dh = run->scratch + row * unit_row;
    units.dy = NULL;
    const Product projection = {
        .steps = 1,
        .rows = step->rows,
        .panels = shape->panels,
        .panel_begin = step->panel_begin,
        .panel_end = step->panel_end,
        .blocks = 1,
        .inner = shape->width,
        .a = run->kept_dh + at * h_row,
        .a_row = h_row,
        .w = run->weights->w_hr_back,
        .bias = run->zeros,
        .out = units.dh,
        .out_row = unit_row,
        .descending = step->descending,
    };
    cell_meet(share);
    run->kernels->product(&projection);
    for (size_t r = 0; r < step->rows && run->kept_dc; r++)
        cell_lstm.cell_gradient(&units, r, units.dh + r * unit_row,
                                run->kept_dc + (at + r) * unit_row);
    run->kernels->lstm_backward(&units);
    cell_meet(share);
    cell_share_panels(share, shape->width_panels, &units.panel_begin, &units.panel_end);
    cell_hidden_gradient(&units, run, step->dh, 0, 4, run->weights->w_hh_back);
}

const Cell cell_lstm_projected = {
    .name = "lstm",
    .gates = 4,
    .slots = 4,
    .input_order = {0, 1, 2, 3},
    .hidden_order = {0, 1, 2, 3},
    .slot_input = {0, 1, 2, 3},
    .slot_hidden = {0, 1, 2, 3},
    .cell_state = true,
    .keeps_extra = true,
    .projected = true,
    .leading_gates = 4,
    .project = project,
    .forward = forward,
    .step_kernel = step_kernel,
    .backward = backward,
};
