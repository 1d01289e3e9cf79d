/* The recurrent Jacobians of a model's layers: gains of steps and of products, Lyapunov exponents,
 * spectral radii. Measured on a few rows; docs/diagnose.md has the formulas. */
#include <math.h>
#include <stdatomic.h>

#include "core/fail.h"
#include "core/size.h"
#include "diagnose/chain.h"
#include "diagnose/diagnosis.h"
#include "diagnose/radius.h"

enum {
    ROWS = 4,        /* that are looked at */
    STEPS = 512,     /* of each, or the lags where they are more */
    STEP_GROUPS = 2, /* of LANES places each, where single steps are looked at */
    LAGS = 64,       /* lengths of products: powers of two */
    TRANSIENT = 16,  /* steps before exponents count, an eighth of the row at most */
    ITERATIONS = 48, /* of Lanczos at most */
    ITERATIONS_LEAST = 5,
    GROWTH_STEPS = 64, /* that exponents are taken over at least */
};

/* Multiply-adds for one length of products, and for the exponents of one row: what makes wide
 * layers do with fewer iterations and fewer steps. */
static const double work_most = 2e9;

/* What the workers share out, one piece at a time, the longest first: each length of products, the
 * exponents of each row, the groups of single steps. */
typedef struct Gains {
    const Jacobian *jacobian;
    const ChainWork *work; /* [workers] */
    uint64_t seed;
    size_t rows, lengths, groups;
    size_t step_count;               /* places of single steps */
    size_t product_count[LAGS];      /* products of 2^i steps */
    double step[STEP_GROUPS][LANES]; /* results */
    double product[LAGS][LANES];
    double growth[ROWS][LANES];
    size_t growth_steps[ROWS];
    atomic_size_t next; /* piece */
} Gains;

/* ---- Where ---- */

/* The last steps of the longest rows, each of a quarter of all. */
static elman_status cut_rows(const Diagnosing *d, Probe *cut, elman_error *error) {
    const elman_sequence *const all = &d->probe.sequence;
    const size_t rows = all->batch < ROWS ? all->batch : ROWS;
    const size_t least = d->options.lags + 1, most = least > STEPS ? least : STEPS;
    ProbePosition ends[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t row = i * all->batch / rows, length = 0;
        for (size_t b = row; b < (i + 1) * all->batch / rows; b++) {
            const size_t steps = all->lengths ? all->lengths[b] : all->steps;
            if (steps <= length) continue;
            length = steps;
            row = b;
        }
        if (length > 0) ends[count++] = (ProbePosition){row, length - 1};
    }
    return probe_cut(cut, &d->context->memory, &d->model->structure, &d->probe, ends, count,
                     most < all->steps ? most : all->steps, error);
}

/* Products of `steps` steps that the row has room for: the state before the first step is given,
 * not made. */
static size_t starts_in(const Jacobian *jacobian, size_t row, size_t steps) {
    const size_t visits = jacobian_visits(jacobian, row);
    return visits > steps ? visits - steps : 0;
}

static size_t starts_of(const Gains *g, size_t steps) {
    size_t count = 0;
    for (size_t b = 0; b < g->rows; b++) count += starts_in(g->jacobian, b, steps);
    return count;
}

/* Puts number `first` and those after it, of `count` products spread evenly over all, into lanes.
 */
static Chain spread(const Gains *g, size_t steps, size_t first, size_t count) {
    Chain chain = {.jacobian = g->jacobian, .steps = steps};
    const size_t all = starts_of(g, steps);
    for (size_t i = first; i < count && chain.count < LANES; i++) {
        size_t at = (2 * i + 1) * all / (2 * count), row = 0;
        while (at >= starts_in(g->jacobian, row, steps)) at -= starts_in(g->jacobian, row++, steps);
        chain.row[chain.count] = row;
        chain.visit[chain.count++] = at + 1;
    }
    return chain;
}

/* ---- One piece ---- */

/* `work_most` in applications of the Jacobian. */
static double applications(const Jacobian *jacobian) {
    return work_most / ((double)(jacobian->gates * LANES) * (double)jacobian->hidden *
                        (double)jacobian->hidden);
}

static void measure_product(Gains *g, const ChainWork *work, size_t i) {
    const size_t steps = (size_t)1 << i;
    const double most = applications(g->jacobian) / (2.0 * (double)steps);
    const size_t iterations = most > ITERATIONS         ? ITERATIONS
                              : most < ITERATIONS_LEAST ? ITERATIONS_LEAST
                                                        : (size_t)most;
    const Chain chain = spread(g, steps, 0, g->product_count[i]);
    chain_largest(&chain, work, iterations, g->seed, g->product[i]);
}

static void measure_growth(Gains *g, const ChainWork *work, size_t row) {
    const size_t steps = starts_in(g->jacobian, row, 1);
    const double most = fmax(applications(g->jacobian), GROWTH_STEPS);
    Chain chain = {.jacobian = g->jacobian, .count = 1, .row = {row}, .visit = {1}};
    chain.steps = (double)steps < most ? steps : (size_t)most;
    const size_t transient = chain.steps / 8 < TRANSIENT ? chain.steps / 8 : TRANSIENT;
    chain_growth(&chain, work, transient, g->seed, g->growth[row]);
    g->growth_steps[row] = chain.steps - transient;
}

static void measure_steps(Gains *g, const ChainWork *work, size_t group) {
    const Chain chain = spread(g, 1, group * LANES, g->step_count);
    chain_largest(&chain, work, ITERATIONS, g->seed, g->step[group]);
}

static void measure_pieces(void *argument, size_t worker, size_t workers) {
    Gains *const g = argument;
    const ChainWork *const work = &g->work[worker];
    const size_t pieces = g->lengths + g->rows + g->groups;
    (void)workers;
    for (size_t i; (i = atomic_fetch_add(&g->next, 1)) < pieces;) {
        if (i < g->lengths)
            measure_product(g, work, g->lengths - 1 - i);
        else if (i < g->lengths + g->rows)
            measure_growth(g, work, i - g->lengths);
        else
            measure_steps(g, work, i - g->lengths - g->rows);
    }
}

/* ---- A layer ---- */

static void plan(Gains *g, const Jacobian *jacobian, size_t rows, size_t lags) {
    g->jacobian = jacobian;
    g->rows = rows;
    const size_t steps = starts_of(g, 1);
    if (steps == 0) {
        g->rows = 0;
        return;
    }
    g->step_count = steps < STEP_GROUPS * LANES ? steps : STEP_GROUPS * LANES;
    g->groups = (g->step_count + LANES - 1) / LANES;
    for (size_t length = 1; length <= lags && g->lengths < LAGS; length *= 2) {
        const size_t starts = starts_of(g, length);
        if (starts == 0) break;
        g->product_count[g->lengths++] = starts < LANES ? starts : LANES;
    }
}

static elman_status run_pieces(Gains *g, elman_context *context, elman_error *error) {
    Memory *const memory = &context->memory;
    const size_t workers = pool_workers(context->pool);
    const size_t longest = g->lengths > 0 ? (size_t)1 << (g->lengths - 1) : 1;
    ChainWork *const work = memory_allocate_array(memory, workers, sizeof *work);
    if (!work) return diagnosis_no_memory(error);
    elman_status status = ELMAN_OK;
    for (size_t w = 0; w < workers && !status; w++)
        status = chain_work_create(memory, g->jacobian, longest, &work[w], error);
    g->work = work;
    if (!status) pool_run(context->pool, measure_pieces, g);
    for (size_t w = 0; w < workers; w++) chain_work_release(memory, &work[w]);
    memory_release(memory, work);
    return status;
}

static elman_status keep_exponents(const Gains *g, elman_diagnosis *diagnosis,
                                   elman_layer_diagnosis *layer, elman_error *error) {
    const size_t state = g->jacobian->state, count = state < LANES ? state : LANES;
    double *const exponents = diagnosis_keep(diagnosis, count, sizeof *exponents);
    if (!exponents) return diagnosis_no_memory(error);
    size_t steps = 0;
    for (size_t b = 0; b < g->rows; b++) steps += g->growth_steps[b];
    for (size_t k = 0; k < count; k++) {
        for (size_t b = 0; b < g->rows; b++) exponents[k] += g->growth[b][k];
        exponents[k] /= (double)steps;
        /* They come in order, but for what few steps leave to chance. */
        for (size_t i = k; i > 0 && exponents[i] > exponents[i - 1]; i--) {
            const double larger = exponents[i];
            exponents[i] = exponents[i - 1];
            exponents[i - 1] = larger;
        }
    }
    layer->exponents = exponents;
    layer->exponent_count = count;
    return ELMAN_OK;
}

static elman_status keep_gains(Gains *g, elman_diagnosis *diagnosis, elman_layer_diagnosis *layer,
                               elman_error *error) {
    size_t *const steps = diagnosis_keep(diagnosis, g->lengths, sizeof *steps);
    elman_quartiles *const gains = diagnosis_keep(diagnosis, g->lengths, sizeof *gains);
    if (!steps || !gains) return diagnosis_no_memory(error);
    for (size_t i = 0; i < g->lengths; i++) {
        steps[i] = (size_t)1 << i;
        gains[i] = diagnosis_quartiles(g->product[i], g->product_count[i]);
    }
    layer->product_steps = steps;
    layer->product_gain = gains;
    layer->product_count = g->lengths;
    layer->step_gain = diagnosis_quartiles(g->step[0], g->step_count);
    return keep_exponents(g, diagnosis, layer, error);
}

static elman_status keep_radii(const Diagnosing *d, const Jacobian *jacobian,
                               elman_layer_diagnosis *layer, elman_error *error) {
    Memory *const memory = &d->context->memory;
    const size_t n = jacobian->hidden;
    double *const radii = diagnosis_keep(d->diagnosis, jacobian->gates, sizeof *radii);
    size_t count;
    double *const scratch = radii && spectral_radius_scratch(n, d->context, &count)
                                ? memory_allocate_array(memory, count, sizeof *scratch)
                                : NULL;
    if (!scratch) return diagnosis_no_memory(error);
    for (size_t i = 0; i < jacobian->gates; i++)
        radii[i] = spectral_radius(d->context, jacobian->weights + i * n * n, n, scratch);
    layer->spectral_radius = radii;
    layer->radius_count = jacobian->gates;
    memory_release(memory, scratch);
    return ELMAN_OK;
}

static elman_status measure_layer(const Diagnosing *d, const Probe *cut,
                                  elman_layer_diagnosis *layer, elman_error *error) {
    Memory *const memory = &d->context->memory;
    Jacobian jacobian;
    Gains gains = {.seed = d->options.seed};
    elman_status status = jacobian_read(&jacobian, memory, d->model, d->tape, &cut->sequence,
                                        layer->layer, layer->reverse != 0, error);
    if (!status) {
        plan(&gains, &jacobian, cut->sequence.batch, d->options.lags);
        status = keep_radii(d, &jacobian, layer, error);
    }
    if (!status && gains.rows > 0) status = run_pieces(&gains, d->context, error);
    if (!status && gains.rows > 0) status = keep_gains(&gains, d->diagnosis, layer, error);
    jacobian_release(&jacobian, memory);
    return status;
}

elman_status diagnosis_measure_jacobians(Diagnosing *d, elman_error *error) {
    Probe cut = {0};
    elman_status status = cut_rows(d, &cut, error);
    if (!status) status = elman_tape_forward(d->tape, &cut.sequence, error);
    for (size_t i = 0; i < d->diagnosis->summary.layer_count && !status; i++)
        status = measure_layer(d, &cut, &d->diagnosis->layers[i], error);
    probe_release(&cut, &d->context->memory);
    return status;
}
