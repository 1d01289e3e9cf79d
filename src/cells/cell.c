/* The time loops that all cells share, and their packed weights. */
#include "cells/cell.h"

#include <string.h>

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

float *cell_h(const CellRun *run, size_t slot) {
    return run->h + slot * run->batch * cell_h_row(run->shape);
}

/* Laid out as c where that is all of a step that is there, else as tanh(c). */
float *cell_m(const CellRun *run, const CellForward *step) {
    return run->m + (run->gates ? step->extra - run->extra : step->c_next - run->c);
}

float *cell_c(const CellRun *run, size_t slot) {
    return run->c + (run->c_in_place ? 0 : slot * run->batch * cell_unit_row(run->shape));
}

/* Rows that are projected at a time. */
enum { PROJECTED_ROWS = 96 };

/* So few inputs cost less within the step's own product than in one apart. */
enum { INPUTS_FUSED = 8 };

size_t cell_chunk(size_t batch) {
    return batch < PROJECTED_ROWS ? PROJECTED_ROWS / batch : 1;
}

void cell_share_rows(const CellShare *share, size_t batch, size_t *begin, size_t *end) {
    *begin = 0;
    *end = batch;
    if (share->sharing == CELL_ROWS)
        pool_split(batch, 1, share->worker, share->workers, begin, end);
}

void cell_share_panels(const CellShare *share, size_t panels, size_t *begin, size_t *end) {
    *begin = 0;
    *end = panels;
    if (share->sharing == CELL_PANELS)
        pool_split(panels, 1, share->worker, share->workers, begin, end);
}

void cell_meet(const CellShare *share) {
    if (share->sharing == CELL_PANELS && share->workers > 1)
        pool_barrier(share->pool, share->worker);
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

/* A share of a run on its way through time. */
typedef struct Pass {
    const CellRun *run;
    const CellShare *share;
    size_t row_begin, row_end, panel_begin, panel_end;
    size_t h_begin, h_end; /* panels of h */
    bool projected;        /* the inputs of a chunk of steps are projected beforehand */
    /* Where the pre-activations of the chunk are: row (t, b) at start + ((t - first)*batch + b) *
     * start_row, panels start_panel apart. */
    size_t first;
    float *start;
    size_t start_row, start_panel;
} Pass;

static Pass begin_pass(const CellRun *run, const CellShare *share) {
    const CellShape *const shape = run->shape;
    Pass pass = {.run = run, .share = share};
    cell_share_rows(share, run->batch, &pass.row_begin, &pass.row_end);
    cell_share_panels(share, shape->panels, &pass.panel_begin, &pass.panel_end);
    cell_share_panels(share, shape->width_panels, &pass.h_begin, &pass.h_end);
    pass.projected = shape->cell->project && !shape->tokens && shape->inputs > INPUTS_FUSED;
    return pass;
}

/* Projects the inputs of `count` steps from `first` on. */
static void project_chunk(Pass *pass, size_t first, size_t count) {
    const CellRun *const run = pass->run;
    const CellShape *const shape = run->shape;
    const size_t slots = shape->cell->slots, rows = pass->row_end - pass->row_begin;
    const bool whole = rows == run->batch; /* then the rows of all steps follow each other */
    pass->first = first;
    pass->start_row = cell_gates_row(run);
    pass->start_panel = cell_gates_panel(run);
    pass->start = run->gates ? run->gates + first * run->batch * pass->start_row : run->pre;
    if (!run->gates && slots > 1)
        pass->start_panel = cell_chunk(run->batch) * run->batch * pass->start_row;
    const Projection projection = {
        .steps = whole ? 1 : count,
        .rows = whole ? count * rows : rows,
        .hidden = shape->hidden,
        .panel_begin = pass->panel_begin,
        .panel_end = pass->panel_end,
        .start = run->weights->start,
        .x = run->x + (first * run->batch + pass->row_begin) * run->x_row,
        .x_step = run->batch * run->x_row,
        .x_row = run->x_row,
        .inputs = shape->inputs,
        .w_ih = run->weights->w_ih,
        .out = pass->start + pass->row_begin * pass->start_row,
        .out_step = run->batch * pass->start_row,
        .out_row = pass->start_row,
        .out_panel = pass->start_panel,
    };
    shape->cell->project(run->kernels, &projection);
}

/* Points to what each row's pre-activations start from; returns the stride of its panels. */
static size_t point_starts(const Pass *pass, size_t t, size_t row, size_t end) {
    const CellRun *const run = pass->run;
    const size_t slots_row = run->shape->cell->slots * PANEL;
    const size_t token_row = run->shape->panels * slots_row;
    const float **const start = pass->share->start;
    for (size_t r = row; r < end; r++) {
        if (pass->projected)
            start[r] = pass->start + ((t - pass->first) * run->batch + r) * pass->start_row;
        else if (run->shape->tokens)
            start[r] = run->weights->table + (size_t)run->tokens[t * run->batch + r] * token_row;
        else
            start[r] = run->weights->start;
    }
    return pass->projected ? pass->start_panel : slots_row;
}

static CellForward forward_step(const Pass *pass, size_t t, size_t row, size_t rows) {
    const CellRun *const run = pass->run;
    const CellShape *const shape = run->shape;
    const size_t unit_row = cell_unit_row(shape), h_row = cell_h_row(shape);
    const size_t before = cell_slot_before(run, t) * run->batch + row;
    const size_t after = cell_slot_after(run, t) * run->batch + row;
    const size_t at = t * run->batch + row;
    const bool has_c = shape->cell->cell_state, fused = !shape->tokens && !pass->projected;
    return (CellForward){
        .rows = rows,
        .panels = shape->panels,
        .panel_begin = pass->panel_begin,
        .panel_end = pass->panel_end,
        .descending = t % 2 == 1,
        .start = pass->share->start + row,
        .x = fused ? run->x + at * run->x_row : NULL,
        .x_row = run->x_row,
        .inputs = fused ? shape->inputs : 0,
        .w_ih = run->weights->w_ih,
        .h = run->h + before * h_row,
        .h_row = h_row,
        .hidden = shape->hidden,
        .w_hh = run->weights->w_hh,
        .h_next = run->h + after * h_row,
        .c = has_c ? run->c + (run->c_in_place ? row : before) * unit_row : NULL,
        .c_next = has_c ? run->c + (run->c_in_place ? row : after) * unit_row : NULL,
        .gates = run->gates ? run->gates + at * cell_gates_row(run) : NULL,
        .gates_row = cell_gates_row(run),
        .gates_panel = cell_gates_panel(run),
        .extra = run->extra ? run->extra + at * unit_row : NULL,
    };
}

/* A row past its length keeps its state. What the products over all steps multiply by zero
 * gradients becomes zeros. */
static void keep_state(const Pass *pass, size_t t, size_t row, size_t rows) {
    const CellRun *const run = pass->run;
    const CellForward step = forward_step(pass, t, row, rows);
    const size_t first = pass->panel_begin * PANEL, h_first = pass->h_begin * PANEL;
    const size_t bytes = (pass->panel_end - pass->panel_begin) * PANEL * sizeof(float);
    const size_t h_bytes = (pass->h_end - pass->h_begin) * PANEL * sizeof(float);
    for (size_t r = 0; r < rows; r++) {
        const size_t at = r * cell_unit_row(run->shape) + first, h_at = r * step.h_row + h_first;
        memcpy(step.h_next + h_at, step.h + h_at, h_bytes);
        if (step.c != step.c_next) memcpy(step.c_next + at, step.c + at, bytes);
        if (step.extra) memset(step.extra + at, 0, bytes);
        if (step.extra && run->m) memset(cell_m(run, &step) + at, 0, bytes);
    }
}

static void forward_rows(const Pass *pass, size_t t) {
    const CellRun *const run = pass->run;
    bool valid;
    for (size_t row = pass->row_begin, next; row < pass->row_end; row = next) {
        next = row_run(run, t, row, pass->row_end, &valid);
        if (!valid) {
            keep_state(pass, t, row, next - row);
            continue;
        }
        const size_t start_panel = point_starts(pass, t, row, next);
        CellForward step = forward_step(pass, t, row, next - row);
        step.start_panel = start_panel;
        run->shape->cell->forward(&step, run, pass->share);
    }
    cell_meet(pass->share);
}

void cell_forward(const CellRun *run, StepRange steps, const CellShare *share) {
    Pass pass = begin_pass(run, share);
    const size_t chunk = cell_chunk(run->batch), all = steps.end - steps.begin;
    for (size_t done = 0, count; done < all; done += count) {
        count = all - done < chunk ? all - done : chunk;
        const size_t first = run->reverse ? steps.end - done - count : steps.begin + done;
        if (pass.projected) {
            project_chunk(&pass, first, count);
            profile_mark(run->context, share->worker, ELMAN_PHASE_PROJECT);
        }
        for (size_t i = 0; i < count; i++)
            forward_rows(&pass, run->reverse ? first + count - 1 - i : first + i);
        profile_mark(run->context, share->worker, ELMAN_PHASE_RECUR);
    }
}

static CellBackward backward_step(const Pass *pass, size_t t, size_t row, size_t rows) {
    const CellRun *const run = pass->run;
    const size_t unit_row = cell_unit_row(run->shape), h_row = cell_h_row(run->shape);
    const size_t before = cell_slot_before(run, t) * run->batch + row;
    const size_t after = cell_slot_after(run, t) * run->batch + row;
    const size_t at = t * run->batch + row;
    return (CellBackward){
        .rows = rows,
        .hidden = run->shape->hidden,
        .panel_begin = pass->panel_begin,
        .panel_end = pass->panel_end,
        .descending = t % 2 == 1,
        .gates = run->gates + at * cell_gates_row(run),
        .gates_row = cell_gates_row(run),
        .gates_panel = cell_gates_panel(run),
        .dy = run->dy ? run->dy + at * run->dy_row : NULL,
        .dy_row = run->dy_row,
        .dh = run->dh + row * h_row,
        .dc = run->dc ? run->dc + row * unit_row : NULL,
        .h = run->h + before * h_row,
        .h_next = run->h + after * h_row,
        .c = run->c ? run->c + before * unit_row : NULL,
        .extra = run->extra ? run->extra + at * unit_row : NULL,
        .h_row = unit_row,
    };
}

static void clear_gates(const Pass *pass, size_t t, size_t row, size_t rows) {
    const CellRun *const run = pass->run;
    const size_t gates_row = cell_gates_row(run), gates_panel = cell_gates_panel(run);
    const size_t slots = run->shape->cell->slots;
    for (size_t r = row; r < row + rows; r++)
        for (size_t panel = pass->panel_begin; panel < pass->panel_end; panel++)
            memset(run->gates + (t * run->batch + r) * gates_row + panel * gates_panel, 0,
                   slots * PANEL * sizeof(float));
}

/* The gradients of h', which the gradient of the projection multiplies by zeros. */
static void clear_kept(const Pass *pass, size_t t, size_t row, size_t rows) {
    const size_t h_row = cell_h_row(pass->run->shape);
    float *const kept = pass->run->kept_dh + (t * pass->run->batch + row) * h_row;
    for (size_t r = 0; r < rows; r++)
        memset(kept + r * h_row + pass->h_begin * PANEL, 0,
               (pass->h_end - pass->h_begin) * PANEL * sizeof(float));
}

/* Before backward replaces the gates. The sum is the one that its kernels begin with. */
static void keep_gradients(const Pass *pass, const CellBackward *step, size_t at) {
    const CellRun *const run = pass->run;
    const Cell *const cell = run->shape->cell;
    const size_t h_row = cell_h_row(run->shape);
    for (size_t r = 0; r < step->rows; r++) {
        float *const dh = run->kept_dh + (at + r) * h_row;
        for (size_t u = pass->h_begin * PANEL; u < pass->h_end * PANEL; u++) {
            dh[u] = step->dh[r * h_row + u];
            if (step->dy) dh[u] += step->dy[r * step->dy_row + u];
        }
        if (cell->cell_gradient)
            cell->cell_gradient(step, r, dh, run->kept_dc + (at + r) * step->h_row);
    }
}

/* What the kernels of a step read and write, all rows and panels of the share. */
static AheadList step_ahead(const Pass *pass, size_t t) {
    const CellRun *const run = pass->run;
    const Cell *const cell = run->shape->cell;
    const size_t rows = pass->row_end - pass->row_begin, first = pass->panel_begin * PANEL;
    const size_t panels = pass->panel_end - pass->panel_begin, width = panels * PANEL;
    AheadList list = {.count = 0};
    if (rows == 0 || panels == 0) return list;
    const CellBackward step = backward_step(pass, t, pass->row_begin, rows);
    const size_t h_first = pass->h_begin * PANEL, h_width = pass->h_end * PANEL - h_first;
    const float *const state = cell->cell_state ? step.c : cell->slots == 1 ? step.h_next : step.h;
    if (cell->slots == 1)
        list.rows[list.count++] = ahead_rows(step.gates + first, step.gates_row, rows, width);
    else
        list.rows[list.count++] = ahead_rows(step.gates + pass->panel_begin * step.gates_panel,
                                             step.gates_panel, panels, rows * step.gates_row);
    list.rows[list.count++] = ahead_rows(state + first, step.h_row, rows, width);
    if (cell->cell_state)
        list.rows[list.count++] = ahead_rows(step.extra + first, step.h_row, rows, width);
    if (step.dy)
        list.rows[list.count++] = ahead_rows(step.dy + h_first, step.dy_row, rows, h_width);
    return list;
}

static void backward_rows(const Pass *pass, size_t t, AheadList *ahead) {
    const CellRun *const run = pass->run;
    bool valid;
    for (size_t row = pass->row_begin, next; row < pass->row_end; row = next) {
        next = row_run(run, t, row, pass->row_end, &valid);
        if (!valid) {
            clear_gates(pass, t, row, next - row);
            if (run->shape->cell->projected) clear_kept(pass, t, row, next - row);
            continue;
        }
        CellBackward step = backward_step(pass, t, row, next - row);
        step.ahead = ahead;
        if (run->kept_dh) keep_gradients(pass, &step, t * run->batch + row);
        run->shape->cell->backward(&step, run, pass->share);
    }
}

/* So few rows are not fetched ahead: lines behind the last of them would come along, and those may
 * be another worker's. */
enum { FEW_ROWS = 8 };

void cell_backward(const CellRun *run, StepRange steps, const CellShare *share) {
    const Pass pass = begin_pass(run, share);
    for (size_t i = 0, all = steps.end - steps.begin; i < all; i++) {
        const size_t t = run->reverse ? steps.begin + i : steps.end - 1 - i;
        AheadList ahead = {.count = 0};
        if (i + 1 < all && pass.row_end - pass.row_begin > FEW_ROWS)
            ahead = step_ahead(&pass, run->reverse ? t + 1 : t - 1);
        backward_rows(&pass, t, &ahead);
    }
    /* Rows past their length have no meeting of their own. */
    if (run->lengths) cell_meet(share);
    profile_mark(run->context, share->worker, ELMAN_PHASE_RECUR_BACK);
}

void cell_hidden_gradient(const CellBackward *step, const CellRun *run, float *out, size_t slot,
                          size_t gates, const float *w) {
    const CellShape *const shape = run->shape;
    const bool row_major = shape->cell->slots == 1;
    const Product product = {
        .steps = 1,
        .rows = step->rows,
        .panels = shape->width_panels,
        .panel_begin = step->panel_begin,
        .panel_end = step->panel_end,
        .blocks = row_major ? 1 : shape->panels,
        .inner = row_major ? cell_unit_row(shape) : gates * PANEL,
        .a = step->gates + slot * PANEL,
        .a_row = step->gates_row,
        .a_block = step->gates_panel,
        .w = w,
        .bias = out == step->dh ? NULL : run->zeros,
        .out = out,
        .out_row = cell_h_row(shape),
        .descending = step->descending,
        .ahead = step->ahead,
    };
    run->kernels->product(&product);
}

/* Rows [begin, end) of any step, one after the other; while some are multiplied, what the next ones
 * read and write is fetched. */
static void row_products(const Kernels *kernels, Product product, size_t begin, size_t end) {
    const float *const a = product.a;
    float *const out = product.out;
    product.steps = 1;
    for (size_t at = begin, next; at < end; at = next) {
        product.rows = end - at < PROJECTED_ROWS ? end - at : PROJECTED_ROWS;
        product.a = a + at * product.a_row;
        product.out = out + at * product.out_row;
        next = at + product.rows;
        const size_t rows = end - next < PROJECTED_ROWS ? end - next : PROJECTED_ROWS;
        AheadList ahead = {
            .rows = {ahead_rows(a + next * product.a_row, product.a_block, product.blocks,
                                rows * product.a_row),
                     ahead_rows(out + next * product.out_row, 0, 1, rows * product.out_row)},
            .count = rows > 0 ? 2 : 0,
        };
        product.ahead = &ahead;
        kernels->product(&product);
        product.descending = !product.descending;
    }
}

void cell_product(const Kernels *kernels, Product product, StepRange steps, size_t batch,
                  const CellShare *share) {
    size_t begin = 0, end = (steps.end - steps.begin) * batch;
    if (share->sharing == CELL_PANELS)
        pool_split(end, 1, share->worker, share->workers, &begin, &end);
    if (share->sharing != CELL_ROWS || share->workers == 1) {
        row_products(kernels, product, steps.begin * batch + begin, steps.begin * batch + end);
        return;
    }
    const float *const a = product.a;
    float *const out = product.out;
    const size_t chunk = cell_chunk(batch);
    cell_share_rows(share, batch, &begin, &end);
    product.rows = end - begin;
    product.a_step = batch * product.a_row;
    product.out_step = batch * product.out_row;
    for (size_t t = steps.begin; t < steps.end && begin < end; t += product.steps) {
        product.steps = steps.end - t < chunk ? steps.end - t : chunk;
        product.a = a + (t * batch + begin) * product.a_row;
        product.out = out + (t * batch + begin) * product.out_row;
        kernels->product(&product);
        product.descending = !product.descending;
    }
}

void cell_input_gradient(const CellRun *run, StepRange steps, float *dx, size_t dx_row, bool add,
                         const CellShare *share) {
    const CellShape *const shape = run->shape;
    const size_t gates = shape->cell->gates;
    const bool row_major = shape->cell->slots == 1;
    const Product product = {
        .panels = dx_row / PANEL,
        .panel_end = dx_row / PANEL,
        .blocks = row_major ? 1 : shape->panels,
        .inner = row_major ? cell_unit_row(shape) : gates * PANEL,
        .a = run->gates + shape->cell->input_slot * PANEL,
        .a_row = cell_gates_row(run),
        .a_block = cell_gates_panel(run),
        .w = run->weights->w_ih_back,
        .bias = add ? NULL : run->zeros,
        .out = dx,
        .out_row = dx_row,
    };
    cell_product(run->kernels, product, steps, run->batch, share);
    profile_mark(run->context, share->worker, ELMAN_PHASE_INPUT_BACK);
}
