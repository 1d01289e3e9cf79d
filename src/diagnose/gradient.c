/* The gradient by lag: how much of dL_t/dh_(t-k) is left k steps before t, in each layer.
 *
 * Backpropagation is linear in the gradient of the output, so one pass serves one position in each
 * row: what the loss of all other positions sends back is set to 0. */
#include <math.h>
#include <string.h>

#include "core/logarithm.h"
#include "core/special.h"
#include "diagnose/diagnosis.h"

/* Positions that are wanted, and the share of them that must reach back to a lag for it to count.
 */
enum { POSITIONS = 256, REACHING = 8 };

static const double forgotten = 0.01; /* of lag 0: beyond the memory horizon */

/* Medians below these say more about float than about the network: fitted are those above. */
static const double floor_of_all = 1e-30, floor_of_greatest = 1e-12;

/* The norms of a gradient, of h or of c, in one direction of a layer. */
typedef struct Track {
    elman_layer_diagnosis *layer;
    bool cell;
    double *norms; /* [lags + 1][positions]; NaN: there is no such step */
} Track;

typedef struct Gradients {
    Diagnosing *d;
    size_t lags;                     /* the greatest */
    size_t passes;                   /* positions of a row, at most */
    size_t positions, outputs, most; /* most: positions, at most */
    ProbePosition *drawn;            /* [rows][passes] */
    size_t *counts;                  /* [rows]: how many are drawn */
    ProbePosition *at; /* [rows], of the pass of the moment; step: SIZE_MAX for none */
    double *scale;     /* [rows]: what the row's gradient was divided by */
    float *output;     /* the gradient of the output */
    float *kept;       /* [steps][rows][units of the widest layer] */
    double *sample;    /* [most] */
    size_t track_count;
    Track *tracks;
} Gradients;

static void release(Gradients *g) {
    Memory *const memory = &g->d->context->memory;
    for (size_t i = 0; g->tracks && i < g->track_count; i++)
        memory_release(memory, g->tracks[i].norms);
    memory_release(memory, g->tracks);
    memory_release(memory, g->sample);
    memory_release(memory, g->kept);
    memory_release(memory, g->output);
    memory_release(memory, g->scale);
    memory_release(memory, g->at);
    memory_release(memory, g->counts);
    memory_release(memory, g->drawn);
}

/* One track for h of each layer, and one for c of an LSTM. */
static bool open_tracks(Gradients *g) {
    Memory *const memory = &g->d->context->memory;
    elman_diagnosis *const diagnosis = g->d->diagnosis;
    g->tracks = memory_allocate_array(memory, 2 * diagnosis->summary.layer_count, sizeof(Track));
    if (!g->tracks) return false;
    const size_t numbers = (g->lags + 1) * g->most;
    for (size_t i = 0; i < 2 * diagnosis->summary.layer_count; i++) {
        elman_layer_diagnosis *const layer = &diagnosis->layers[i / 2];
        if (i % 2 && layer->cell != ELMAN_CELL_LSTM) continue;
        double *const norms = memory_allocate_array(memory, numbers, sizeof *norms);
        if (!norms) return false;
        for (size_t k = 0; k < numbers; k++) norms[k] = NAN;
        g->tracks[g->track_count++] = (Track){layer, i % 2 == 1, norms};
    }
    return true;
}

static elman_status open(Gradients *g, elman_error *error) {
    Diagnosing *const d = g->d;
    Memory *const memory = &d->context->memory;
    const size_t steps = d->probe.sequence.steps, rows = d->probe.sequence.batch;
    size_t widest = 0;
    for (size_t i = 0; i < d->diagnosis->summary.layer_count; i++)
        if (d->diagnosis->layers[i].hidden > widest) widest = d->diagnosis->layers[i].hidden;
    g->outputs = structure_outputs(&d->model->structure);
    g->lags = d->options.lags < steps - 1 ? d->options.lags : steps - 1;
    g->passes = d->options.brief || d->probe.one_output ? 1 : (POSITIONS + rows - 1) / rows;
    g->most = rows * g->passes;
    g->drawn = memory_allocate_array(memory, g->most, sizeof *g->drawn);
    g->counts = memory_allocate_array(memory, rows, sizeof *g->counts);
    g->at = memory_allocate_array(memory, rows, sizeof *g->at);
    g->scale = memory_allocate_array(memory, rows, sizeof *g->scale);
    g->output = memory_allocate_array(memory, (d->probe.one_output ? 1 : steps) * rows,
                                      g->outputs * sizeof *g->output);
    g->kept = memory_allocate_array(memory, steps * rows, widest * sizeof *g->kept);
    g->sample = memory_allocate_array(memory, g->most, sizeof *g->sample);
    return g->drawn && g->counts && g->at && g->scale && g->output && g->kept && g->sample &&
                   open_tracks(g)
               ? ELMAN_OK
               : diagnosis_no_memory(error);
}

static bool bidirectional(const Structure *structure) {
    for (size_t l = 0; l < structure->layer_count; l++)
        if (structure_directions(structure, l) == 2) return true;
    return false;
}

static void draw(Gradients *g) {
    const Diagnosing *const d = g->d;
    const bool both = !d->probe.one_output && bidirectional(&d->model->structure);
    for (size_t b = 0; b < d->probe.sequence.batch; b++)
        g->counts[b] = probe_draw(&d->probe, b, g->lags, both, d->options.seed,
                                  PROBE_STREAM_GRADIENT, g->drawn + b * g->passes, g->passes);
}

/* Scales the gradient of one output to a length near 1, for all that float has on either side;
 * returns what it was divided by, a power of two, or 0 where it is 0. */
static double normalize(float *gradient, size_t count) {
    double squares = 0.0;
    int exponent;
    for (size_t i = 0; i < count; i++) squares += (double)gradient[i] * (double)gradient[i];
    if (squares == 0.0) return 0.0;
    (void)frexp(sqrt(squares), &exponent);
    for (size_t i = 0; i < count; i++) gradient[i] = (float)ldexp((double)gradient[i], -exponent);
    return ldexp(1.0, exponent);
}

/* Leaves of the output's gradient what the pass's positions have. */
static void isolate(Gradients *g, size_t pass) {
    const Probe *const probe = &g->d->probe;
    const size_t rows = probe->sequence.batch,
                 steps = probe->one_output ? 1 : probe->sequence.steps;
    for (size_t b = 0; b < rows; b++) {
        const bool any = pass < g->counts[b];
        g->at[b] = any ? g->drawn[b * g->passes + pass] : (ProbePosition){b, SIZE_MAX};
        g->scale[b] = 0.0;
        const size_t place = any ? probe_place(probe, g->at[b].step, b) : SIZE_MAX;
        for (size_t t = 0; t < steps; t++) {
            float *const gradient = g->output + (t * rows + b) * g->outputs;
            if (t * rows + b == place)
                g->scale[b] = normalize(gradient, g->outputs);
            else
                memset(gradient, 0, g->outputs * sizeof *gradient);
        }
    }
}

static double norm(const float *values, size_t count) {
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

/* Reads the norms that one row's position left behind. */
static void read_row(const Gradients *g, Track *track, size_t b, size_t position) {
    const Probe *const probe = &g->d->probe;
    const size_t rows = probe->sequence.batch, hidden = track->layer->hidden;
    const bool reverse = track->layer->reverse != 0;
    /* A last output is that of the first step, read backward. */
    const size_t t = reverse && probe->one_output ? 0 : g->at[b].step;
    const size_t room = reverse ? probe->lengths[b] - 1 - t : t;
    for (size_t k = 0; k <= g->lags && k <= room; k++) {
        const size_t s = reverse ? t + k : t - k;
        const double value = norm(g->kept + (s * rows + b) * hidden, hidden);
        track->norms[k * g->most + position] = isfinite(value) ? g->scale[b] * value : INFINITY;
    }
}

static elman_status run_pass(Gradients *g, size_t pass, elman_error *error) {
    elman_tape *const tape = g->d->tape;
    elman_loss loss;
    elman_status status = elman_tape_forward(tape, &g->d->probe.sequence, error);
    if (!status) status = elman_tape_loss(tape, &g->d->probe.targets, &loss, error);
    if (status) return status;
    elman_tape_output_gradient(tape, g->output);
    isolate(g, pass);
    status = elman_tape_backward(tape, g->output, error);
    size_t position = g->positions;
    for (size_t i = 0; i < g->track_count && !status; i++) {
        Track *const track = &g->tracks[i];
        status = elman_tape_kept(tape, track->layer->layer, track->layer->reverse,
                                 track->cell ? ELMAN_KEPT_DC : ELMAN_KEPT_DH, g->kept, error);
        position = g->positions;
        for (size_t b = 0; b < g->d->probe.sequence.batch && !status; b++)
            if (g->scale[b] > 0.0) read_row(g, track, b, position++);
    }
    g->positions = position;
    return status;
}

/* Gathers what the positions that reach back to lag `reached` have at `lag`; returns how many, 0
 * where a gradient no longer fits into a float. */
static size_t gather(const Gradients *g, const Track *track, size_t reached, size_t lag) {
    size_t count = 0;
    for (size_t i = 0; i < g->positions; i++) {
        const double value = track->norms[lag * g->most + i];
        if (isnan(track->norms[reached * g->most + i])) continue;
        if (isinf(value)) return 0;
        g->sample[count++] = value;
    }
    return count;
}

/* The quartiles by lag, of *count lags, which may become fewer. NULL: no memory. */
static elman_quartiles *make_curve(const Gradients *g, const Track *track, size_t *count) {
    elman_quartiles *const curve = diagnosis_keep(g->d->diagnosis, g->lags + 1, sizeof *curve);
    if (!curve) return NULL;
    for (size_t k = 0; k < *count; k++) {
        /* Of the same positions: rows of other lengths may have other gradients. */
        const double unit = diagnosis_quartiles(g->sample, gather(g, track, k, 0)).median;
        const size_t reaching = gather(g, track, k, k);
        if (reaching == 0 || reaching * REACHING < g->positions || !(unit > 0.0)) {
            *count = k;
            break;
        }
        const elman_quartiles found = diagnosis_quartiles(g->sample, reaching);
        curve[k] = (elman_quartiles){found.low / unit, found.median / unit, found.high / unit};
    }
    return curve;
}

/* The factor a step of the least squares' line through the logarithms of the medians from lag 1 on;
 * where there is but one of them above the floor, or none, its own. */
static double fit_decay(const elman_quartiles *curve, size_t count) {
    double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, greatest = 0.0;
    if (count < 2) return NAN;
    for (size_t k = 1; k < count; k++) {
        const double median = curve[k].median, lag = (double)k;
        greatest = fmax(greatest, median);
        if (!(median > floor_of_all) || median < floor_of_greatest * greatest) break;
        const double logarithm = natural_logarithm(median);
        n += 1.0;
        x += lag;
        y += logarithm;
        xx += lag * lag;
        xy += lag * logarithm;
    }
    if (n < 2.0) return curve[1].median;
    return exponential((n * xy - x * y) / (n * xx - x * x));
}

/* The lag from which on the medians stay below what counts as forgotten. */
static double find_horizon(const elman_quartiles *curve, size_t count) {
    size_t last = count;
    while (last > 0 && curve[last - 1].median < forgotten) last--;
    if (last == count) return INFINITY;
    /* Lag 0 has the median 1. */
    const double above = curve[last - 1].median, below = curve[last].median;
    return (double)(last - 1) +
           natural_logarithm(above / forgotten) / natural_logarithm(above / below);
}

/* What an LSTM carries, c carries: the decay is that of c, the horizon the farther of both. */
static elman_status summarize(Gradients *g, elman_error *error) {
    elman_diagnosis_summary *const summary = &g->d->diagnosis->summary;
    for (size_t i = 0; i < g->track_count; i++) {
        const Track *const track = &g->tracks[i];
        elman_layer_diagnosis *const layer = track->layer;
        size_t count = track->cell ? layer->lag_count : g->lags + 1;
        elman_quartiles *const curve = make_curve(g, track, &count);
        if (!curve) return diagnosis_no_memory(error);
        layer->lag_count = count;
        if (track->cell)
            layer->cell_gradient = curve;
        else
            layer->gradient = curve;
    }
    for (size_t i = 0; i < summary->layer_count; i++) {
        elman_layer_diagnosis *const layer = &g->d->diagnosis->layers[i];
        const elman_quartiles *const cell = layer->cell_gradient;
        const size_t count = layer->lag_count;
        if (count == 0) continue;
        layer->decay = fit_decay(cell ? cell : layer->gradient, count);
        layer->memory_horizon = find_horizon(layer->gradient, count);
        if (cell) layer->memory_horizon = fmax(layer->memory_horizon, find_horizon(cell, count));
        summary->memory_horizon = fmax(summary->memory_horizon, layer->memory_horizon);
    }
    return ELMAN_OK;
}

elman_status diagnosis_measure_gradient(Diagnosing *d, elman_error *error) {
    Gradients g = {.d = d};
    /* What is pooled comes from all steps: it has no lag. */
    if (structure_pooled(&d->model->structure)) return ELMAN_OK;
    elman_status status = open(&g, error);
    if (!status) draw(&g);
    for (size_t pass = 0; pass < g.passes && !status; pass++) status = run_pass(&g, pass, error);
    d->diagnosis->summary.positions = g.positions;
    if (!status && g.positions > 0) status = summarize(&g, error);
    release(&g);
    return status;
}
