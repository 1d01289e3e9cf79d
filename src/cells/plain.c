/* The plain cells; their equations stand in plain.h. */
#include "cells/plain.h"

/* One step of a plain cell. */
typedef struct PlainStep {
    const CellForward *step;
    const PlainCell *plain;
    const float *peephole; /* [3][panels*16]: i o f; NULL: none */
} PlainStep;

/* The slots of one panel of one row, before their activations. */
typedef double Sums[CELL_GATES_MAX][PANEL];

/* An activation's value, its argument clipped. */
static double activate(const PlainCell *plain, size_t which, double x) {
    if (plain->clip > 0.0 && x > plain->clip) x = plain->clip;
    if (plain->clip > 0.0 && x < -plain->clip) x = -plain->clip;
    return activation_value(&plain->activations[which], x);
}

/* Adds the product of a packed matrix of `columns` columns, for a panel, to its gates' sums. */
static void add_product(double (*sums)[PANEL], size_t gates, const float *w, size_t panel,
                        const float *a, size_t columns) {
    const size_t column = packed_column(gates);
    const float *const first = w + packed_offset(gates, columns, panel);
    for (size_t k = 0; k < columns; k++)
        for (size_t g = 0; g < gates; g++)
            for (size_t l = 0; l < PANEL; l++)
                sums[g][l] += (double)first[k * column + g * PANEL + l] * (double)a[k];
}

/* What the slots of a panel start from, and the products with x of the first `gates` of them. */
static void start_sums(const CellForward *s, size_t row, size_t panel, size_t slots, size_t gates,
                       Sums sums) {
    const float *const start = s->start[row] + panel * s->start_panel;
    for (size_t slot = 0; slot < slots; slot++)
        for (size_t l = 0; l < PANEL; l++) sums[slot][l] = (double)start[slot * PANEL + l];
    if (s->inputs) add_product(sums, gates, s->w_ih, panel, s->x + row * s->x_row, s->inputs);
}

/* The real units of a panel. */
static size_t units_of(const CellForward *s, size_t panel) {
    const size_t left = s->hidden - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

static void rnn_panel(const PlainStep *p, size_t row, size_t panel) {
    const CellForward *const s = p->step;
    Sums sums;
    float *const h_next = s->h_next + row * s->h_row + panel * PANEL;
    start_sums(s, row, panel, 1, 1, sums);
    add_product(sums, 1, s->w_hh, panel, s->h + row * s->h_row, s->hidden);
    for (size_t l = 0; l < units_of(s, panel); l++)
        h_next[l] = (float)activate(p->plain, 0, sums[0][l]);
}

/* A peephole's share of a gate's sum; `gate`: 0 i, 1 o, 2 f. */
static double peephole(const PlainStep *p, size_t gate, size_t unit, double c) {
    return p->peephole ? (double)p->peephole[gate * p->step->panels * PANEL + unit] * c : 0.0;
}

static void lstm_panel(const PlainStep *p, size_t row, size_t panel) {
    const CellForward *const s = p->step;
    const size_t first = row * s->h_row + panel * PANEL;
    Sums sums;
    start_sums(s, row, panel, 4, 4, sums);
    add_product(sums, 4, s->w_hh, panel, s->h + row * s->h_row, s->hidden);
    for (size_t l = 0; l < units_of(s, panel); l++) {
        const size_t unit = panel * PANEL + l;
        const double c = (double)s->c[first + l];
        const double i = activate(p->plain, 0, sums[0][l] + peephole(p, 0, unit, c));
        const double f = p->plain->input_forget
                             ? 1.0 - i
                             : activate(p->plain, 0, sums[1][l] + peephole(p, 2, unit, c));
        const double c_next = f * c + i * activate(p->plain, 1, sums[2][l]);
        const double o = activate(p->plain, 0, sums[3][l] + peephole(p, 1, unit, c_next));
        s->c_next[first + l] = (float)c_next;
        s->h_next[first + l] = (float)(o * activate(p->plain, 2, c_next));
    }
}

/* Slots n r z and n's recurrent part, as in the fast cell. */
static void gru_panel(const PlainStep *p, size_t row, size_t panel) {
    const CellForward *const s = p->step;
    const size_t first = row * s->h_row + panel * PANEL;
    Sums sums;
    start_sums(s, row, panel, 4, 3, sums);
    add_product(sums + 1, 3, s->w_hh, panel, s->h + row * s->h_row, s->hidden);
    for (size_t l = 0; l < units_of(s, panel); l++) {
        const double r = activate(p->plain, 0, sums[1][l]), z = activate(p->plain, 0, sums[2][l]);
        const double n = activate(p->plain, 1, sums[0][l] + r * sums[3][l]);
        s->h_next[first + l] = (float)((1.0 - z) * n + z * (double)s->h[first + l]);
    }
}

/* r * h of a panel, which n needs of all of them. */
static void reset_panel(const PlainStep *p, size_t row, size_t panel) {
    const CellForward *const s = p->step;
    const size_t first = row * s->h_row + panel * PANEL;
    Sums sums;
    start_sums(s, row, panel, 3, 3, sums);
    add_product(sums + 1, 2, s->w_hh, panel, s->h + row * s->h_row, s->hidden);
    for (size_t l = 0; l < units_of(s, panel); l++)
        s->extra[first + l] = (float)(activate(p->plain, 0, sums[1][l]) * (double)s->h[first + l]);
}

static void gru_before_panel(const PlainStep *p, size_t row, size_t panel) {
    const CellForward *const s = p->step;
    const size_t first = row * s->h_row + panel * PANEL;
    const float *const w_n = s->w_hh + packed_offset(2, s->hidden, s->panels);
    Sums sums;
    start_sums(s, row, panel, 3, 3, sums);
    add_product(sums + 1, 2, s->w_hh, panel, s->h + row * s->h_row, s->hidden);
    add_product(sums, 1, w_n, panel, s->extra + row * s->h_row, s->hidden);
    for (size_t l = 0; l < units_of(s, panel); l++) {
        const double z = activate(p->plain, 0, sums[2][l]), n = activate(p->plain, 1, sums[0][l]);
        s->h_next[first + l] = (float)((1.0 - z) * n + z * (double)s->h[first + l]);
    }
}

/* One part of a step for all rows and panels. */
typedef void (*PanelFunction)(const PlainStep *p, size_t row, size_t panel);

/* All rows of a panel one after the other, while its weights are near. */
static void each_panel(const PlainStep *p, PanelFunction function) {
    for (size_t panel = 0; panel < p->step->panels; panel++)
        for (size_t row = 0; row < p->step->rows; row++) function(p, row, panel);
}

static PlainStep plain_step(const CellForward *step, const CellRun *run) {
    return (PlainStep){step, run->shape->plain, run->weights->peephole};
}

static void rnn_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    const PlainStep plain = plain_step(step, run);
    (void)share;
    each_panel(&plain, rnn_panel);
}

static void lstm_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    const PlainStep plain = plain_step(step, run);
    (void)share;
    each_panel(&plain, lstm_panel);
}

static void gru_forward(const CellForward *step, const CellRun *run, const CellShare *share) {
    const PlainStep plain = plain_step(step, run);
    (void)share;
    each_panel(&plain, gru_panel);
}

static void gru_before_forward(const CellForward *step, const CellRun *run,
                               const CellShare *share) {
    const PlainStep plain = plain_step(step, run);
    (void)share;
    each_panel(&plain, reset_panel);
    each_panel(&plain, gru_before_panel);
}

/* A stream's step as that of a tape with one row; `slots` of the cell. */
static CellForward one_row(const CellStep *s, size_t slots) {
    return (CellForward){
        .rows = 1,
        .panels = (s->hidden + PANEL - 1) / PANEL,
        .start = &s->start,
        .start_panel = slots * PANEL,
        .x = s->x,
        .inputs = s->inputs,
        .w_ih = s->w_ih,
        .h = s->h,
        .hidden = s->hidden,
        .w_hh = s->w_hh,
        .h_next = s->h_next,
        .c = s->c,
        .c_next = s->c,
        .extra = s->scratch,
    };
}

static void run_rnn_step(const CellStep *s) {
    const CellForward step = one_row(s, 1);
    const PlainStep plain = {&step, s->plain, s->peephole};
    each_panel(&plain, rnn_panel);
}

static void run_lstm_step(const CellStep *s) {
    const CellForward step = one_row(s, 4);
    const PlainStep plain = {&step, s->plain, s->peephole};
    each_panel(&plain, lstm_panel);
}

static void run_gru_step(const CellStep *s) {
    const CellForward step = one_row(s, 4);
    const PlainStep plain = {&step, s->plain, s->peephole};
    each_panel(&plain, gru_panel);
}

static void run_gru_before_step(const CellStep *s) {
    const CellForward step = one_row(s, 4);
    const PlainStep plain = {&step, s->plain, s->peephole};
    each_panel(&plain, reset_panel);
    each_panel(&plain, gru_before_panel);
}

static StepKernel rnn_step(const Kernels *kernels) {
    (void)kernels;
    return run_rnn_step;
}

static StepKernel lstm_step(const Kernels *kernels) {
    (void)kernels;
    return run_lstm_step;
}

static StepKernel gru_step(const Kernels *kernels) {
    (void)kernels;
    return run_gru_step;
}

static StepKernel gru_before_step(const Kernels *kernels) {
    (void)kernels;
    return run_gru_before_step;
}

/* Gates, slots and their orders as in the fast cells, so that weights are packed in the same way;
 * there is no `project`: products with x are part of the step. */
const Cell cell_plain_rnn = {
    .name = "plain-rnn",
    .gates = 1,
    .slots = 1,
    .leading_gates = 1,
    .forward = rnn_forward,
    .step_kernel = rnn_step,
};

const Cell cell_plain_lstm = {
    .name = "plain-lstm",
    .gates = 4,
    .slots = 4,
    .input_order = {0, 1, 2, 3},
    .hidden_order = {0, 1, 2, 3},
    .slot_input = {0, 1, 2, 3},
    .slot_hidden = {0, 1, 2, 3},
    .cell_state = true,
    .leading_gates = 4,
    .forward = lstm_forward,
    .step_kernel = lstm_step,
};

const Cell cell_plain_gru = {
    .name = "plain-gru",
    .gates = 3,
    .slots = 4,
    .input_order = {2, 0, 1},
    .hidden_order = {0, 1, 2},
    .slot_input = {2, 0, 1, 255},
    .slot_hidden = {255, 0, 1, 2},
    .leading_gates = 3,
    .forward = gru_forward,
    .step_kernel = gru_step,
};

const Cell cell_plain_gru_reset_before = {
    .name = "plain-gru-reset-before",
    .gates = 3,
    .slots = 4,
    .input_order = {2, 0, 1},
    .hidden_order = {0, 1, 2},
    .slot_input = {2, 0, 1, 255},
    .slot_hidden = {2, 0, 1, 255},
    .needs_scratch = true,
    .leading_gates = 2,
    .forward = gru_before_forward,
    .step_kernel = gru_before_step,
};
