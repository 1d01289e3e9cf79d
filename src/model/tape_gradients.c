/* The weight gradients: what each worker computes of them, and where they go. */
#include <string.h>

#include "cells/gradient.h"
#include "model/tape.h"

/* One-hot rows of this many columns are about as much work as the rows of an embedding. */
enum { EMBEDDING_COLUMNS = 4 };

/* The part of the work that one worker looks for on its walk over all of it. */
typedef struct GradientJob {
    elman_tape *tape;
    size_t begin, end;
    size_t at;      /* the work passed so far */
    float *scratch; /* NULL: the work is only counted */
} GradientJob;

/* Moves past `work`; true, with [*begin, *end) of it, when some of that is the worker's. */
static bool take(GradientJob *job, size_t work, size_t *begin, size_t *end) {
    const size_t from = job->at, to = from + work;
    job->at = to;
    if (!job->scratch || job->end <= from || job->begin >= to) return false;
    *begin = job->begin > from ? job->begin - from : 0;
    *end = (job->end < to ? job->end : to) - from;
    return true;
}

static void take_gradient(GradientJob *job, const WeightGradient *gradient) {
    size_t begin, end;
    if (take(job, weight_gradient_work(gradient), &begin, &end))
        weight_gradient(job->tape->network->kernels, gradient, begin, end, job->scratch);
}

/* The gradient of a learned initial state: the sum over the rows. */
static void state_gradient(GradientJob *job, const CellRun *run, Rows gradient, size_t width,
                           float *out) {
    size_t begin, end;
    if (!out || !take(job, 1, &begin, &end)) return;
    memset(out, 0, width * sizeof(float));
    for (size_t b = 0; b < run->batch && job->tape->learned_state; b++)
        for (size_t i = 0; i < width; i++) out[i] += gradient.data[b * gradient.row + i];
}

static void cell_gradients(GradientJob *job, size_t l, bool reverse) {
    elman_tape *const tape = job->tape;
    const CellRun *const run = &tape->layers[l].run[reverse];
    const CellShape *const shape = run->shape;
    const TensorSet *const set = &tape->gradients;
    const CellGradients gradients = {
        .weight_ih = tensor_set_data(set, TENSOR_WEIGHT_IH, l, reverse),
        .weight_hh = tensor_set_data(set, TENSOR_WEIGHT_HH, l, reverse),
        .bias_ih = tensor_set_data(set, TENSOR_BIAS_IH, l, reverse),
        .bias_hh = tensor_set_data(set, TENSOR_BIAS_HH, l, reverse),
    };
    const WeightGradient gradient = cell_weight_gradient(run, &gradients);
    take_gradient(job, &gradient);
    if (shape->cell->projected) {
        const WeightGradient projection =
            cell_projection_gradient(run, tensor_set_data(set, TENSOR_WEIGHT_HR, l, reverse));
        take_gradient(job, &projection);
    }
    state_gradient(job, run, (Rows){run->dh, cell_h_row(shape)}, shape->width,
                   tensor_set_data(set, TENSOR_H0, l, reverse));
    state_gradient(job, run, (Rows){run->dc, cell_unit_row(shape)}, shape->hidden,
                   tensor_set_data(set, TENSOR_C0, l, reverse));
}

static void head_gradients(GradientJob *job) {
    static const unsigned char order[] = {0};
    elman_tape *const tape = job->tape;
    const NetworkHead *const head = &tape->network->head;
    const WeightGradient gradient = {
        .steps = tape->positions,
        .b = tape->output_gradient.data,
        .b_row = tape->output_gradient.row,
        .b_panel = PANEL,
        .panels = head->panels,
        .hidden = head->outputs,
        .slots = 1,
        .parts = 1,
        .part = {{
            .a = tape->features.data,
            .a_row = tape->features.row,
            .inputs = head->inputs,
            .gates = 1,
            .order = order,
            .out = tensor_set_data(&tape->gradients, TENSOR_HEAD_WEIGHT, 0, false),
            .bias = tensor_set_data(&tape->gradients, TENSOR_HEAD_BIAS, 0, false),
        }},
    };
    take_gradient(job, &gradient);
}

/* The embedding's gradient: each step's gradient of the input, added to its token's row. The
 * workers share the columns. */
static void embedding_gradient(GradientJob *job) {
    elman_tape *const tape = job->tape;
    const size_t width = tape->network->structure.embedding;
    const size_t tokens = tape->network->structure.input_size;
    const size_t rows = tape->pass.steps * tape->pass.batch, panels = (width + PANEL - 1) / PANEL;
    float *const out = tensor_set_data(&tape->gradients, TENSOR_EMBEDDING, 0, false);
    size_t begin, end;
    if (!out || !take(job, panels * rows * EMBEDDING_COLUMNS, &begin, &end)) return;
    const size_t first = begin / (rows * EMBEDDING_COLUMNS) * PANEL;
    const size_t last = end / (rows * EMBEDDING_COLUMNS) * PANEL;
    const RowSums sums = {
        .rows = rows,
        .columns = (last < width ? last : width) - first,
        .index = tape->tokens,
        .count = tokens,
        .in = tape->input_gradient.data + first,
        .in_row = tape->input_gradient.row,
        .out = out + first,
        .out_row = width,
    };
    for (size_t token = 0; token < tokens; token++)
        memset(sums.out + token * width, 0, sums.columns * sizeof(float));
    tape->network->kernels->sum_rows(&sums);
}

static void walk(GradientJob *job) {
    const Structure *const structure = &job->tape->network->structure;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            cell_gradients(job, l, d == 1);
    if (structure->has_head) head_gradients(job);
    embedding_gradient(job);
}

static void all_gradients(void *argument, size_t worker, size_t workers) {
    elman_tape *const tape = argument;
    GradientJob job = {.tape = tape};
    walk(&job);
    pool_split(job.at, 1, worker, workers, &job.begin, &job.end);
    job.at = 0;
    job.scratch = tape->gradient_scratch + worker * GRADIENT_SCRATCH;
    walk(&job);
}

void tape_weight_gradients(elman_tape *tape) {
    Pool *const pool = tape->network->context->pool;
    GradientJob all = {.tape = tape};
    walk(&all);
    /* Work is counted in multiply-adds of whole vectors. */
    if (plan_shares(tape->network, (double)PANEL * (double)all.at, pool_awake(pool)))
        pool_run(pool, all_gradients, tape);
    else
        all_gradients(tape, 0, 1);
}
