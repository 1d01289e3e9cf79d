/* Drift: loss and size of the state by position, on the data and while a model reads its own
 * output. */
#include <math.h>

#include "diagnose/diagnosis.h"
#include <elman/sampler.h>
#include <elman/stream.h>

enum {
    STRETCHES_OF_WINDOW = 4, /* stretches that a window is cut into */
    STRETCHES = 16,          /* of all steps, where no window is known */
    STRETCHES_MOST = 64,
    FREE_WINDOWS = 4, /* that a model runs freely for */
    FREE_STEPS = 400, /* where no window is known */
    FREE_STEPS_MOST = 2048,
    FREE_ROWS = 4
};

/* Steps in stretches of equal length; the last one may have half of that more or less. */
typedef struct Stretches {
    size_t count, steps;
} Stretches;

static Stretches cut_steps(size_t window, size_t steps) {
    const size_t wanted =
        window >= STRETCHES_OF_WINDOW ? window / STRETCHES_OF_WINDOW : steps / STRETCHES;
    const size_t least = (steps + STRETCHES_MOST - 1) / STRETCHES_MOST;
    const size_t length = wanted > least ? wanted : least;
    const size_t count = (steps + length / 2) / length;
    return (Stretches){count > 0 ? count : 1, length};
}

static size_t stretch_at(Stretches stretches, size_t t) {
    const size_t at = t / stretches.steps;
    return at < stretches.count ? at : stretches.count - 1;
}

static size_t *list_positions(Diagnosing *d, Stretches stretches) {
    size_t *const positions = diagnosis_keep(d->diagnosis, stretches.count, sizeof *positions);
    for (size_t i = 0; positions && i < stretches.count; i++) positions[i] = i * stretches.steps;
    return positions;
}

static double squared_norm(const float *values, size_t count) {
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) squares += (double)values[i] * (double)values[i];
    return squares;
}

/* ---- On the data ---- */

static void mean_losses(const Probe *probe, Stretches stretches, const double *losses,
                        double *means) {
    double weights[STRETCHES_MOST + 1] = {0};
    for (size_t t = 0; t < probe->sequence.steps; t++)
        for (size_t b = 0; b < probe->sequence.batch; b++) {
            const double weight = probe_weight(probe, t, b);
            if (weight == 0.0) continue;
            weights[stretch_at(stretches, t)] += weight;
            means[stretch_at(stretches, t)] += losses[probe_place(probe, t, b)];
        }
    for (size_t i = 0; i < stretches.count; i++)
        means[i] = weights[i] > 0.0 ? means[i] / weights[i] : NAN;
}

/* `states`: [steps][rows][hidden]. */
static void mean_norms(const Probe *probe, Stretches stretches, const float *states, size_t hidden,
                       double *norms) {
    double numbers[STRETCHES_MOST + 1] = {0};
    for (size_t t = 0; t < probe->sequence.steps; t++)
        for (size_t b = 0; b < probe->sequence.batch; b++) {
            if (!probe_has(probe, t, b)) continue;
            const float *const h = states + (t * probe->sequence.batch + b) * hidden;
            numbers[stretch_at(stretches, t)] += (double)hidden;
            norms[stretch_at(stretches, t)] += squared_norm(h, hidden);
        }
    for (size_t i = 0; i < stretches.count; i++) norms[i] = sqrt(norms[i] / numbers[i]);
}

static elman_status measure_losses(Diagnosing *d, Stretches stretches, elman_error *error) {
    Memory *const memory = &d->context->memory;
    const elman_sequence *const sequence = &d->probe.sequence;
    elman_loss loss;
    double *const means = diagnosis_keep(d->diagnosis, stretches.count, sizeof *means);
    double *const losses =
        memory_allocate_array(memory, sequence->steps * sequence->batch, sizeof *losses);
    elman_status status = means && losses ? ELMAN_OK : diagnosis_no_memory(error);
    if (!status) status = elman_tape_loss(d->tape, &d->probe.targets, &loss, error);
    if (!status) {
        elman_tape_losses(d->tape, losses);
        mean_losses(&d->probe, stretches, losses, means);
        d->diagnosis->summary.drift_loss = means;
    }
    memory_release(memory, losses);
    return status;
}

static elman_status measure_norms(Diagnosing *d, Stretches stretches, elman_error *error) {
    Memory *const memory = &d->context->memory;
    const elman_sequence *const sequence = &d->probe.sequence;
    for (size_t i = 0; i < d->diagnosis->summary.layer_count; i++) {
        elman_layer_diagnosis *const layer = &d->diagnosis->layers[i];
        double *const norms = diagnosis_keep(d->diagnosis, stretches.count, sizeof *norms);
        float *const states = memory_allocate_array(memory, sequence->steps * sequence->batch,
                                                    layer->hidden * sizeof *states);
        if (norms && states) {
            elman_tape_hidden(d->tape, layer->layer, layer->reverse, states);
            mean_norms(&d->probe, stretches, states, layer->hidden, norms);
            layer->state_norm = norms;
        }
        memory_release(memory, states);
        if (!norms || !states) return diagnosis_no_memory(error);
    }
    return ELMAN_OK;
}

static elman_status measure_data(Diagnosing *d, elman_error *error) {
    elman_diagnosis_summary *const summary = &d->diagnosis->summary;
    const Stretches stretches = cut_steps(d->options.window, d->probe.sequence.steps);
    const size_t *const positions = list_positions(d, stretches);
    elman_status status = positions ? ELMAN_OK : diagnosis_no_memory(error);
    if (!status) status = elman_tape_forward(d->tape, &d->probe.sequence, error);
    if (!status) status = measure_losses(d, stretches, error);
    if (!status) status = measure_norms(d, stretches, error);
    if (status) return status;
    summary->drift_position = positions;
    summary->drift_count = stretches.count;
    return ELMAN_OK;
}

/* ---- Free running ---- */

typedef struct FreeRun {
    Diagnosing *d;
    elman_stream *stream;
    elman_sampler *sampler;
    float *logits, *state;
    double **norms; /* [layers] of [stretches.count] */
    size_t steps;
    Stretches stretches;
} FreeRun;

/* Adds the squares of h of each layer after step t; without numbers, since one was not finite. */
static void add_state(const FreeRun *run, size_t t, bool finite) {
    const elman_diagnosis *const diagnosis = run->d->diagnosis;
    const float *state = run->state;
    elman_stream_save(run->stream, run->state);
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++) {
        const elman_layer_diagnosis *const layer = &diagnosis->layers[i];
        run->norms[i][stretch_at(run->stretches, t)] +=
            finite ? squared_norm(state, layer->hidden) : INFINITY;
        state += layer->cell == ELMAN_CELL_LSTM ? 2 * layer->hidden : layer->hidden;
    }
}

/* Reads what it draws from its own output, from a token of the data on. Once an output is not
 * finite it has run away for good. */
static void run_row(FreeRun *run, size_t row, int32_t token) {
    bool finite = true;
    elman_stream_reset(run->stream);
    for (size_t t = 0; t < run->steps; t++) {
        finite = finite && !elman_stream_step_token(run->stream, token, run->logits) &&
                 !elman_sampler_draw(run->sampler, run->logits, row * run->steps + t, &token, NULL);
        add_state(run, t, finite);
    }
}

static void finish_norms(const FreeRun *run) {
    double numbers[STRETCHES_MOST + 1] = {0};
    for (size_t t = 0; t < run->steps; t++) numbers[stretch_at(run->stretches, t)] += FREE_ROWS;
    for (size_t i = 0; i < run->d->diagnosis->summary.layer_count; i++) {
        elman_layer_diagnosis *const layer = &run->d->diagnosis->layers[i];
        double *const norms = run->norms[i];
        for (size_t k = 0; k < run->stretches.count; k++)
            norms[k] = sqrt(norms[k] / (numbers[k] * (double)layer->hidden));
        layer->free_norm = norms;
    }
}

static elman_status open_free(FreeRun *run, elman_error *error) {
    Diagnosing *const d = run->d;
    Memory *const memory = &d->context->memory;
    const size_t tokens = d->model->structure.input_size,
                 layers = d->diagnosis->summary.layer_count;
    const elman_sampler_options options = {
        .struct_size = sizeof options,
        .seed = d->options.seed,
        .temperature = 1.0,
        .allow_unknown = 1,
    };
    run->logits = memory_allocate_array(memory, tokens, sizeof *run->logits);
    run->state =
        memory_allocate_array(memory, elman_network_state_size(d->network, 1), sizeof *run->state);
    run->norms = memory_allocate_array(memory, layers, sizeof *run->norms);
    if (!run->logits || !run->state || !run->norms) return diagnosis_no_memory(error);
    for (size_t i = 0; i < layers; i++) {
        run->norms[i] = diagnosis_keep(d->diagnosis, run->stretches.count, sizeof(double));
        if (!run->norms[i]) return diagnosis_no_memory(error);
    }
    const elman_status status =
        elman_sampler_create(d->context, tokens, &options, &run->sampler, error);
    return status ? status : elman_stream_create(d->network, &run->stream, error);
}

static elman_status measure_free(Diagnosing *d, elman_error *error) {
    Memory *const memory = &d->context->memory;
    elman_diagnosis_summary *const summary = &d->diagnosis->summary;
    const size_t window = d->options.window, rows = d->probe.sequence.batch;
    FreeRun run = {.d = d, .steps = FREE_STEPS};
    if (window > 0)
        run.steps =
            window < FREE_STEPS_MOST / FREE_WINDOWS ? FREE_WINDOWS * window : FREE_STEPS_MOST;
    run.stretches = cut_steps(window, run.steps);
    const size_t *const positions = list_positions(d, run.stretches);
    const elman_status status = positions ? open_free(&run, error) : diagnosis_no_memory(error);
    if (!status) {
        for (size_t i = 0; i < FREE_ROWS; i++)
            run_row(&run, i, d->probe.sequence.tokens[i * rows / FREE_ROWS]);
        finish_norms(&run);
        summary->free_position = positions;
        summary->free_count = run.stretches.count;
    }
    elman_stream_destroy(run.stream);
    elman_sampler_destroy(run.sampler);
    memory_release(memory, run.norms);
    memory_release(memory, run.state);
    memory_release(memory, run.logits);
    return status;
}

/* Whether what it writes can be read again. */
static bool writes_what_it_reads(const Structure *structure) {
    return structure->input != ELMAN_INPUT_DENSE && !structure_one_output(structure) &&
           structure_outputs(structure) == structure->input_size;
}

elman_status diagnosis_measure_drift(Diagnosing *d, elman_error *error) {
    /* What is read backward has no beginning to drift away from. */
    if (d->probe.both_ways) return ELMAN_OK;
    const elman_status status = measure_data(d, error);
    if (status || !writes_what_it_reads(&d->model->structure)) return status;
    return measure_free(d, error);
}
