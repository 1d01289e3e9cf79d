/* The used horizon: the loss at the same positions with ever more steps before them. */
#include <math.h>

#include "diagnose/diagnosis.h"
#include "model/network.h"

enum {
    POSITIONS = 512, /* that are wanted */
    POSITIONS_LEAST = 64,
    ROWS_OF_PASS = 128
};

/* The products of all passes together, some seconds' worth: fewer positions for large models. */
static const double products_most = 2.5e11;

/* What more context may still win: noise, or next to nothing. */
static const double errors_allowed = 2.0, share_allowed = 0.01;

typedef struct Contexts {
    Diagnosing *d;
    elman_network network; /* the diagnosed one, asked for the last output alone */
    elman_tape *tape;
    size_t most, position_count, context_count;
    ProbePosition *positions;
    double *weights;              /* [positions], in the mean */
    elman_context_loss *contexts; /* [contexts] */
    double *losses;               /* [contexts][positions], times the weights */
} Contexts;

static void release(Contexts *c) {
    Memory *const memory = &c->d->context->memory;
    elman_tape_destroy(c->tape);
    memory_release(memory, c->losses);
    memory_release(memory, c->weights);
    memory_release(memory, c->positions);
}

/* The next of 1, 2, 3, 4, 6, 8, 12, 16, ... */
static size_t next_regular(size_t steps) {
    if (steps == 1) return 2;
    return (steps & (steps - 1)) == 0 ? steps + steps / 2 : steps + steps / 3;
}

/* Lists the steps to measure, up to `most`, which is one of them as the window is; returns how many
 * there are. `contexts` NULL: counts them. */
static size_t list_steps(size_t most, size_t window, elman_context_loss *contexts) {
    size_t count = 0;
    for (size_t steps = 1, regular = 1; steps <= most;) {
        if (contexts) contexts[count].steps = steps;
        count++;
        if (steps == most) break;
        if (steps == regular) regular = next_regular(regular);
        const size_t next = steps < window && window < regular ? window : regular;
        steps = next < most ? next : most;
    }
    return count;
}

/* As many positions as the products allow. */
static size_t limit_positions(const Contexts *c) {
    double steps = 0.0;
    size_t parameters;
    for (size_t i = 0; i < c->context_count; i++) steps += (double)c->contexts[i].steps;
    if (!structure_parameters(&c->d->model->structure, &parameters)) return POSITIONS_LEAST;
    const double affordable = products_most / ((double)parameters * steps);
    if (affordable < POSITIONS_LEAST) return POSITIONS_LEAST;
    return affordable < POSITIONS ? (size_t)affordable : POSITIONS;
}

static void draw(Contexts *c, size_t of_row) {
    const Probe *const probe = &c->d->probe;
    c->position_count =
        probe_draw_all(probe, c->most - 1, c->d->options.seed, PROBE_STREAM_CONTEXTS, c->positions,
                       of_row, limit_positions(c));
    for (size_t i = 0; i < c->position_count; i++)
        c->weights[i] = probe_weight(probe, c->positions[i].step, c->positions[i].row);
}

static elman_status open(Contexts *c, elman_error *error) {
    Diagnosing *const d = c->d;
    Memory *const memory = &d->context->memory;
    const size_t rows = d->probe.sequence.batch, steps = d->probe.sequence.steps;
    const size_t of_row = d->probe.one_output ? 1 : (POSITIONS + rows - 1) / rows;
    c->network = *d->network;
    c->network.structure.output = ELMAN_OUTPUT_LAST_STEP;
    c->most = d->options.lags < steps ? d->options.lags : steps;
    c->context_count = list_steps(c->most, d->options.window, NULL);
    c->contexts = diagnosis_keep(d->diagnosis, c->context_count, sizeof *c->contexts);
    c->positions = memory_allocate_array(memory, rows, of_row * sizeof *c->positions);
    c->weights = memory_allocate_array(memory, rows, of_row * sizeof *c->weights);
    if (!c->contexts || !c->positions || !c->weights) return diagnosis_no_memory(error);
    (void)list_steps(c->most, d->options.window, c->contexts);
    draw(c, of_row);
    if (c->position_count == 0) return ELMAN_OK;
    c->losses =
        memory_allocate_array(memory, c->context_count, c->position_count * sizeof *c->losses);
    if (!c->losses) return diagnosis_no_memory(error);
    const elman_tape_options options = {
        .struct_size = sizeof options,
        .steps = c->most,
        .batch = c->position_count < ROWS_OF_PASS ? c->position_count : ROWS_OF_PASS,
        .forward_only = 1,
    };
    return elman_tape_create(&c->network, &options, &c->tape, error);
}

/* The losses of positions [first, first + count) after so many steps. */
static elman_status run_pass(const Contexts *c, size_t steps, size_t first, size_t count,
                             double *losses, elman_error *error) {
    Memory *const memory = &c->d->context->memory;
    Probe cut;
    elman_loss loss;
    elman_status status = probe_cut(&cut, memory, &c->network.structure, &c->d->probe,
                                    c->positions + first, count, steps, error);
    if (!status) status = elman_tape_forward(c->tape, &cut.sequence, error);
    if (!status) status = elman_tape_loss(c->tape, &cut.targets, &loss, error);
    if (!status) elman_tape_losses(c->tape, losses);
    probe_release(&cut, memory);
    return status;
}

static elman_status run(const Contexts *c, elman_error *error) {
    for (size_t i = 0; i < c->context_count; i++)
        for (size_t first = 0, count; first < c->position_count; first += count) {
            const size_t left = c->position_count - first;
            count = left < ROWS_OF_PASS ? left : ROWS_OF_PASS;
            const elman_status status = run_pass(c, c->contexts[i].steps, first, count,
                                                 c->losses + i * c->position_count + first, error);
            if (status) return status;
        }
    return ELMAN_OK;
}

/* The weighted mean of what one context loses against the longest one at each position, and the
 * standard error of that ratio of two sums. */
static void compare(const Contexts *c, size_t index) {
    const size_t n = c->position_count;
    const double *const losses = c->losses + index * n, *const best =
                                                            c->losses + (c->context_count - 1) * n;
    elman_context_loss *const context = &c->contexts[index];
    double weight = 0.0, sum = 0.0, excess = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        weight += c->weights[i];
        sum += losses[i];
        excess += losses[i] - best[i];
    }
    context->loss = sum / weight;
    context->excess = excess / weight;
    for (size_t i = 0; i < n; i++) {
        const double rest = losses[i] - best[i] - c->weights[i] * context->excess;
        squares += rest * rest;
    }
    context->error = sqrt(squares * (double)n / (double)(n - 1)) / weight;
}

/* The shortest context from which on no longer one is clearly better. */
static double find_used(const Contexts *c) {
    const double all = c->contexts[0].excess;
    size_t used = c->context_count - 1;
    while (used > 0) {
        const elman_context_loss *const context = &c->contexts[used - 1];
        if (!(context->excess <= fmax(errors_allowed * context->error, share_allowed * all))) break;
        used--;
    }
    return used + 1 == c->context_count ? INFINITY : (double)c->contexts[used].steps;
}

elman_status diagnosis_measure_contexts(Diagnosing *d, elman_error *error) {
    elman_diagnosis_summary *const summary = &d->diagnosis->summary;
    Contexts c = {.d = d};
    /* Where outputs depend on what comes after them, a context has no length. */
    if (d->probe.both_ways || structure_pooled(&d->model->structure)) return ELMAN_OK;
    elman_status status = open(&c, error);
    if (!status) status = run(&c, error);
    if (!status && c.position_count > 1 && c.context_count > 1) {
        for (size_t i = 0; i < c.context_count; i++) compare(&c, i);
        summary->contexts = c.contexts;
        summary->context_count = c.context_count;
        summary->used_horizon = find_used(&c);
    }
    release(&c);
    return status;
}
