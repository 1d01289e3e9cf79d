/* The weight gradients: sums over all steps and rows of products of two rows.
 *
 * The sums are never split, so that a gradient's bits do not depend on the threads: workers share
 * the outputs. An item is what one call of a kernel adds up: a block of up to 16 x 4 rows of the
 * tensor by up to INPUTS_BLOCK of its columns. */
#include <string.h>

#include "model/tape.h"

enum { VECTORS_MAX = 4, INPUTS_BLOCK = 48, TOKENS_BLOCK = 256 };

/* out[row][i] = sum over k of a[k][i] * b[k][row], for the rows that b's panels stand for. */
typedef struct MatrixGradient {
    size_t steps;   /* k */
    const float *a; /* NULL: one-hot tokens */
    size_t a_row;
    const int32_t *tokens; /* negative: none */
    size_t inputs;         /* columns of out */
    const float *b;
    size_t b_row, b_panel;
    size_t panels, hidden; /* rows of out in each of its blocks */
    size_t gates;          /* of an interleaved panel; 0: panels stand side by side */
    const unsigned char *order;
    float *out;
} MatrixGradient;

typedef struct GradientJob {
    elman_tape *tape;
    size_t worker, workers;
    size_t item; /* counts the items of all matrices, to deal them out */
} GradientJob;

static bool next_is_mine(GradientJob *job) {
    return job->item++ % job->workers == job->worker;
}

/* The first row of out that vector v of a group stands for. */
static size_t first_row(const MatrixGradient *m, size_t group, size_t v) {
    return m->gates ? m->order[v] * m->hidden + group * PANEL : (group * VECTORS_MAX + v) * PANEL;
}

/* How many of the 16 rows from there on are real. */
static size_t real_rows(const MatrixGradient *m, size_t group, size_t v) {
    const size_t unit = m->gates ? group * PANEL : (group * VECTORS_MAX + v) * PANEL;
    const size_t left = m->hidden - unit;
    return left < PANEL ? left : PANEL;
}

static size_t group_vectors(const MatrixGradient *m, size_t group) {
    if (m->gates) return m->gates;
    const size_t left = m->panels - group * VECTORS_MAX;
    return left < VECTORS_MAX ? left : VECTORS_MAX;
}

/* One-hot inputs: each step's row of b is added to its token's sums. */
static void add_tokens(const Kernels *kernels, const MatrixGradient *m, const float *b,
                       size_t b_vector, size_t vectors, size_t first, size_t count,
                       float (*sums)[VECTORS_MAX * PANEL]) {
    for (size_t k = 0; k < m->steps; k++) {
        const size_t token = (size_t)m->tokens[k] - first;
        if (m->tokens[k] < 0 || token >= count) continue;
        for (size_t v = 0; v < vectors; v++)
            kernels->add(PANEL, b + k * m->b_row + v * b_vector, sums[token] + v * PANEL);
    }
}

/* Columns [first, first + count) of the rows of one group. */
static void matrix_item(const Kernels *kernels, const MatrixGradient *m, size_t group, size_t first,
                        size_t count) {
    _Alignas(64) float sums[TOKENS_BLOCK][VECTORS_MAX * PANEL];
    const size_t vectors = group_vectors(m, group);
    const size_t b_vector = m->gates ? PANEL : m->b_panel;
    const float *const b = m->b + group * (m->gates ? 1 : VECTORS_MAX) * m->b_panel;
    memset(sums, 0, count * sizeof *sums);
    if (m->tokens) {
        add_tokens(kernels, m, b, b_vector, vectors, first, count, sums);
    } else {
        const OuterProduct product = {
            .steps = m->steps,
            .inputs = count,
            .vectors = vectors,
            .a = m->a + first,
            .a_row = m->a_row,
            .b = b,
            .b_row = m->b_row,
            .b_vector = b_vector,
            .c = sums[0],
            .c_row = VECTORS_MAX * PANEL,
            .c_vector = PANEL,
        };
        kernels->outer_product(&product);
    }
    for (size_t v = 0; v < vectors; v++) {
        float *const out = m->out + first_row(m, group, v) * m->inputs + first;
        const size_t rows = real_rows(m, group, v);
        for (size_t l = 0; l < rows; l++)
            for (size_t i = 0; i < count; i++) out[l * m->inputs + i] = sums[i][v * PANEL + l];
    }
}

static void matrix_gradient(GradientJob *job, const MatrixGradient *m) {
    const size_t groups = m->gates ? m->panels : (m->panels + VECTORS_MAX - 1) / VECTORS_MAX;
    const size_t block = m->tokens ? TOKENS_BLOCK : INPUTS_BLOCK;
    if (!m->out) return;
    for (size_t group = 0; group < groups; group++)
        for (size_t first = 0; first < m->inputs; first += block) {
            const size_t left = m->inputs - first;
            if (next_is_mine(job))
                matrix_item(job->tape->network->kernels, m, group, first,
                            left < block ? left : block);
        }
}

/* The gradient of a bias: that of a weight whose input is always 1. */
static void bias_gradient(GradientJob *job, MatrixGradient m, float *out) {
    static const float one = 1.0f;
    m.a = &one;
    m.a_row = 0;
    m.tokens = NULL;
    m.inputs = 1;
    m.out = out;
    matrix_gradient(job, &m);
}

/* The gradient of a learned initial state: the sum over the rows. */
static void state_gradient(GradientJob *job, const CellRun *run, const float *dh, float *out) {
    const size_t hidden = run->shape->hidden, width = run->shape->panels * PANEL;
    if (!out || !next_is_mine(job)) return;
    memset(out, 0, hidden * sizeof(float));
    for (size_t b = 0; b < run->batch && job->tape->learned_state; b++)
        for (size_t i = 0; i < hidden; i++) out[i] += dh[b * width + i];
}

/* weight_hh: its gates may read different rows, the state and, for the GRU that resets before, its
 * product with r. */
static void hidden_gradient(GradientJob *job, const CellRun *run, MatrixGradient m,
                            const float *before) {
    const Cell *const cell = run->shape->cell;
    const size_t lead = cell->leading_gates;
    const size_t width = run->shape->panels * PANEL;
    m.tokens = NULL;
    m.a = before;
    m.a_row = width;
    m.inputs = run->shape->hidden;
    if (m.gates) m.gates = lead;
    matrix_gradient(job, &m);
    if (lead == cell->gates) return;
    m.a = run->extra;
    m.b += lead * PANEL;
    m.order += lead;
    m.gates = cell->gates - lead;
    matrix_gradient(job, &m);
}

static void cell_gradients(GradientJob *job, size_t l, bool reverse) {
    elman_tape *const tape = job->tape;
    const CellRun *const run = &tape->layers[l].run[reverse];
    const Cell *const cell = run->shape->cell;
    const TensorSet *const set = &tape->gradients;
    const size_t width = run->shape->panels * PANEL;
    const bool interleaved = cell->slots > 1;
    MatrixGradient m = {
        .steps = run->steps * run->batch,
        .a = run->x,
        .a_row = run->x_row,
        .tokens = run->shape->tokens ? run->tokens : NULL,
        .inputs = run->shape->inputs,
        .b = run->gates + cell->input_slot * PANEL,
        .b_row = cell_gates_row(run),
        .b_panel = cell_gates_panel(run),
        .panels = run->shape->panels,
        .hidden = run->shape->hidden,
        .gates = interleaved ? cell->gates : 0,
        .order = cell->input_order,
        .out = tensor_set_data(set, TENSOR_WEIGHT_IH, l, reverse),
    };
    matrix_gradient(job, &m);
    bias_gradient(job, m, tensor_set_data(set, TENSOR_BIAS_IH, l, reverse));
    m.b = run->gates + cell->hidden_slot * PANEL;
    m.order = cell->hidden_order;
    bias_gradient(job, m, tensor_set_data(set, TENSOR_BIAS_HH, l, reverse));
    m.out = tensor_set_data(set, TENSOR_WEIGHT_HH, l, reverse);
    hidden_gradient(job, run, m, run->h + cell_slot_before(run, 0) * run->batch * width);
    state_gradient(job, run, run->dh, tensor_set_data(set, TENSOR_H0, l, reverse));
    state_gradient(job, run, run->dc, tensor_set_data(set, TENSOR_C0, l, reverse));
}

static void head_gradients(GradientJob *job) {
    elman_tape *const tape = job->tape;
    const NetworkHead *const head = &tape->network->head;
    const MatrixGradient m = {
        .steps = tape->positions,
        .a = tape->features.data,
        .a_row = tape->features.row,
        .inputs = head->inputs,
        .b = tape->output_gradient.data,
        .b_row = tape->output_gradient.row,
        .b_panel = PANEL,
        .panels = head->panels,
        .hidden = head->outputs,
        .out = tensor_set_data(&tape->gradients, TENSOR_HEAD_WEIGHT, 0, false),
    };
    matrix_gradient(job, &m);
    bias_gradient(job, m, tensor_set_data(&tape->gradients, TENSOR_HEAD_BIAS, 0, false));
}

/* The embedding's gradient: each step's gradient of the input, added to its token's row. */
static void embedding_gradient(GradientJob *job) {
    elman_tape *const tape = job->tape;
    const size_t width = tape->network->structure.embedding;
    float *const out = tensor_set_data(&tape->gradients, TENSOR_EMBEDDING, 0, false);
    if (!out) return;
    for (size_t first = 0; first < width; first += PANEL) {
        const size_t count = width - first < PANEL ? width - first : PANEL;
        if (!next_is_mine(job)) continue;
        for (size_t token = 0; token < tape->network->structure.input_size; token++)
            memset(out + token * width + first, 0, count * sizeof(float));
        for (size_t k = 0; k < tape->pass.steps * tape->pass.batch; k++) {
            const float *const row = tape->input_gradient.data + k * tape->input_gradient.row;
            float *const sum = out + (size_t)tape->tokens[k] * width;
            for (size_t i = first; i < first + count; i++) sum[i] += row[i];
        }
    }
}

static void all_gradients(void *argument, size_t worker, size_t workers) {
    elman_tape *const tape = argument;
    const Structure *const structure = &tape->network->structure;
    GradientJob job = {tape, worker, workers, 0};
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            cell_gradients(&job, l, d == 1);
    if (structure->has_head) head_gradients(&job);
    embedding_gradient(&job);
}

void tape_weight_gradients(elman_tape *tape) {
    pool_run(tape->network->context->pool, all_gradients, tape);
}
