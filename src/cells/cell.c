/* The time loops that all cells share, and their packed weights. */
#include "cells/cell.h"

#include <string.h>

#include "core/size.h"

size_t cell_slot_before(const CellRun *run, size_t t) {
    return run->reverse ? t + 1 : t;
}

size_t cell_slot_after(const CellRun *run, size_t t) {
    return run->reverse ? t : t + 1;
}

size_t cell_slot_first(const CellRun *run) {
    return run->reverse ? run->steps : 0;
}

size_t cell_slot_last(const CellRun *run) {
    return run->reverse ? 0 : run->steps;
}

/* A cell with one slot has its units side by side, so that products read whole rows; with more, a
 * panel's slots over all steps lie together, for the product that sums over them. */
size_t cell_gates_row(const CellRun *run) {
    const size_t slots = run->shape->cell->slots;
    return slots == 1 ? run->shape->panels * PANEL : slots * PANEL;
}

size_t cell_gates_panel(const CellRun *run) {
    const size_t slots = run->shape->cell->slots;
    return slots == 1 ? PANEL : run->steps * run->batch * slots * PANEL;
}

static size_t padded(const CellShape *shape) {
    return shape->panels * PANEL;
}

/* The last of the rows from `row` on, below `end`, that are all inside or all past their length at
 * step t; *valid tells which. */
static size_t row_run(const CellRun *run, size_t t, size_t row, size_t end, bool *valid) {
    if (!run->lengths) {
        *valid = true;
        return end;
    }
    *valid = t < run->lengths[row];
    do row++;
    while (row < end && (t < run->lengths[row]) == *valid);
    return row;
}

static CellForward forward_step(const CellRun *run, size_t t, size_t row, size_t rows) {
    const CellShape *const shape = run->shape;
    const size_t width = padded(shape);
    const size_t before = (cell_slot_before(run, t) * run->batch + row) * width;
    const size_t after = (cell_slot_after(run, t) * run->batch + row) * width;
    const size_t at = t * run->batch + row;
    const bool has_c = shape->cell->cell_state;
    return (CellForward){
        .rows = rows,
        .panels = shape->panels,
        .start = run->start + row,
        .x = run->x ? run->x + at * run->x_row : NULL,
        .x_row = run->x_row,
        .inputs = shape->tokens ? 0 : shape->inputs,
        .w_ih = run->weights->w_ih,
        .h = run->h + before,
        .h_row = width,
        .hidden = shape->hidden,
        .w_hh = run->weights->w_hh,
        .h_next = run->h + after,
        .c = has_c ? run->c + before : NULL,
        .c_next = has_c ? run->c + after : NULL,
        .gates = run->gates ? run->gates + at * cell_gates_row(run) : NULL,
        .gates_row = cell_gates_row(run),
        .gates_panel = cell_gates_panel(run),
        .extra = run->extra ? run->extra + at * width : NULL,
    };
}

/* A row past its length keeps its state. */
static void keep_state(const CellRun *run, size_t t, size_t row, size_t rows) {
    const CellForward step = forward_step(run, t, row, rows);
    const size_t bytes = rows * step.h_row * sizeof(float);
    memcpy(step.h_next, step.h, bytes);
    if (step.c) memcpy(step.c_next, step.c, bytes);
    /* Zeros, since the products over all steps multiply what stands here by zero gradients. */
    if (step.extra) memset(step.extra, 0, bytes);
}

void cell_forward(const CellRun *run, size_t begin, size_t end) {
    const CellShape *const shape = run->shape;
    const size_t token_row = shape->panels * shape->cell->slots * PANEL;
    for (size_t row = begin; row < end; row++) run->start[row] = run->weights->start;
    for (size_t i = 0; i < run->steps; i++) {
        const size_t t = run->reverse ? run->steps - 1 - i : i;
        bool valid;
        for (size_t row = begin, next; row < end; row = next) {
            next = row_run(run, t, row, end, &valid);
            if (!valid) {
                keep_state(run, t, row, next - row);
                continue;
            }
            for (size_t r = row; shape->tokens && r < next; r++)
                run->start[r] =
                    run->weights->table + (size_t)run->tokens[t * run->batch + r] * token_row;
            const CellForward step = forward_step(run, t, row, next - row);
            shape->cell->forward(run->kernels, &step);
        }
    }
}

static CellBackward backward_step(const CellRun *run, size_t t, size_t row, size_t rows) {
    const size_t width = padded(run->shape);
    const size_t before = (cell_slot_before(run, t) * run->batch + row) * width;
    const size_t after = (cell_slot_after(run, t) * run->batch + row) * width;
    const size_t at = t * run->batch + row;
    return (CellBackward){
        .rows = rows,
        .panels = run->shape->panels,
        .gates = run->gates + at * cell_gates_row(run),
        .gates_row = cell_gates_row(run),
        .gates_panel = cell_gates_panel(run),
        .dy = run->dy ? run->dy + at * run->dy_row : NULL,
        .dy_row = run->dy_row,
        .dh = run->dh + row * width,
        .dc = run->dc ? run->dc + row * width : NULL,
        .h = run->h + before,
        .h_next = run->h + after,
        .c = run->c ? run->c + before : NULL,
        .extra = run->extra ? run->extra + at * width : NULL,
        .h_row = width,
    };
}

static void clear_gates(const CellRun *run, size_t t, size_t row, size_t rows) {
    const size_t gates_row = cell_gates_row(run), gates_panel = cell_gates_panel(run);
    const size_t slots = run->shape->cell->slots;
    for (size_t r = row; r < row + rows; r++)
        for (size_t panel = 0; panel < run->shape->panels; panel++)
            memset(run->gates + (t * run->batch + r) * gates_row + panel * gates_panel, 0,
                   slots * PANEL * sizeof(float));
}

/* Before backward replaces the gates. The sum is the one that its kernels begin with. */
static void keep_gradients(const CellRun *run, const CellBackward *step, size_t at) {
    const Cell *const cell = run->shape->cell;
    for (size_t r = 0; r < step->rows; r++) {
        float *const dh = run->kept_dh + (at + r) * step->h_row;
        for (size_t u = 0; u < step->h_row; u++) {
            dh[u] = step->dh[r * step->h_row + u];
            if (step->dy) dh[u] += step->dy[r * step->dy_row + u];
        }
        if (cell->cell_gradient)
            cell->cell_gradient(step, r, dh, run->kept_dc + (at + r) * step->h_row);
    }
}

void cell_backward(const CellRun *run, size_t begin, size_t end) {
    for (size_t i = run->steps; i-- > 0;) {
        const size_t t = run->reverse ? run->steps - 1 - i : i;
        bool valid;
        for (size_t row = begin, next; row < end; row = next) {
            next = row_run(run, t, row, end, &valid);
            if (!valid) {
                clear_gates(run, t, row, next - row);
                continue;
            }
            const CellBackward step = backward_step(run, t, row, next - row);
            if (run->kept_dh) keep_gradients(run, &step, t * run->batch + row);
            run->shape->cell->backward(run->kernels, &step, run);
        }
    }
}

void cell_hidden_gradient(const CellBackward *step, const CellRun *run, float *out, size_t slot,
                          size_t gates, const float *w) {
    const size_t width = padded(run->shape), slots = run->shape->cell->slots;
    const bool row_major = slots == 1;
    const Product product = {
        .rows = step->rows,
        .panels = run->shape->panels,
        .blocks = row_major ? 1 : run->shape->panels,
        .inner = row_major ? width : gates * PANEL,
        .a = step->gates + slot * PANEL,
        .a_row = step->gates_row,
        .a_block = step->gates_panel,
        .w = w,
        .w_panel = run->shape->panels * gates * PANEL * PANEL,
        .bias = out == step->dh ? NULL : run->zeros,
        .out = out,
        .out_row = width,
    };
    run->kernels->product(&product);
}

void cell_input_gradient(const CellRun *run, float *dx, size_t dx_row, bool add, size_t begin,
                         size_t end) {
    const CellShape *const shape = run->shape;
    const size_t gates = shape->cell->gates, width = padded(shape);
    const bool row_major = shape->cell->slots == 1;
    for (size_t t = 0; t < run->steps; t++) {
        const size_t at = t * run->batch + begin;
        const Product product = {
            .rows = end - begin,
            .panels = dx_row / PANEL,
            .blocks = row_major ? 1 : shape->panels,
            .inner = row_major ? width : gates * PANEL,
            .a = run->gates + at * cell_gates_row(run) + shape->cell->input_slot * PANEL,
            .a_row = cell_gates_row(run),
            .a_block = cell_gates_panel(run),
            .w = run->weights->w_ih_back,
            .w_panel = shape->panels * gates * PANEL * PANEL,
            .bias = add ? NULL : run->zeros,
            .out = dx + at * dx_row,
            .out_row = dx_row,
        };
        run->kernels->product(&product);
    }
}
