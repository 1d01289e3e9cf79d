/* The gradient by lag: how much of dL_t/dh_(t-k) is left k steps before t, in each layer.
 *
 * A pass serves one position in each row. Each row ends at its position and begins, in the state
 * that the whole row has there, as many steps before as there are lags. Where a layer is
 * bidirectional rows stay whole, and what the losses of all other positions send back is set to 0:
 * backpropagation is linear in the gradient of the output. */
#include <math.h>
#include <string.h>

#include "core/logarithm.h"
#include "core/special.h"
#include "diagnose/diagnosis.h"

enum {
    POSITIONS = 256, /* that are wanted */
    REACHING = 8,    /* the share of them that must reach back to a lag for it to count */
    ROWS_OF_PASS = 128,
    PILOT_LAGS = 32 /* from which it is estimated how many are worth a look */
};

static const double forgotten = 0.01; /* of lag 0: beyond the memory horizon */

/* Of lag 0: nothing. To go on from here to where floats have fewer digits takes long, too. */
static const double nothing = 1e-12;

/* The norms of a gradient, of h or of c, in one direction of a layer. */
typedef struct Track {
    elman_layer_diagnosis *layer;
    bool cell;
    double *norms; /* [lags + 1][most]; NaN: there is no such step */
} Track;

typedef struct Gradients {
    Diagnosing *d;
    elman_network network; /* the diagnosed one, asked for the last output alone unless rows stay
                              whole */
    elman_tape *tape;
    size_t lags;            /* the greatest */
    size_t of_row;          /* positions of a row, at most */
    size_t most, positions; /* positions at most, and those measured so far */
    size_t rows;            /* of a pass, at most */
    ProbePosition *drawn;   /* [most] */
    ProbePosition *at;      /* [rows] of the pass of the moment; step: SIZE_MAX for none */
    float *states;          /* of a pass that does not begin with the rows */
    double *scale;          /* [rows]: what the gradient of the row's output was divided by */
    float *output;          /* the gradient of the output */
    float *kept;            /* [steps][rows][units of the widest layer] */
    double *sample;         /* [most] */
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
    memory_release(memory, g->states);
    memory_release(memory, g->at);
    memory_release(memory, g->drawn);
    if (g->tape != g->d->tape) elman_tape_destroy(g->tape);
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

static size_t widest_layer(const elman_diagnosis *diagnosis) {
    size_t widest = 0;
    for (size_t i = 0; i < diagnosis->summary.layer_count; i++)
        if (diagnosis->layers[i].hidden > widest) widest = diagnosis->layers[i].hidden;
    return widest;
}

static bool allocate(Gradients *g) {
    const Diagnosing *const d = g->d;
    Memory *const memory = &d->context->memory;
    const size_t cells = d->probe.sequence.steps * d->probe.sequence.batch;
    const size_t widest = widest_layer(d->diagnosis);
    const size_t outputs = structure_one_output(&g->network.structure) ? g->rows : cells;
    const size_t width = structure_outputs(&g->network.structure);
    /* Rows of a pass may be more than the probe has. */
    const size_t kept = g->rows * (g->lags + 1) > cells ? g->rows * (g->lags + 1) : cells;
    g->drawn = memory_allocate_array(memory, g->most, sizeof *g->drawn);
    g->at = memory_allocate_array(memory, g->rows, sizeof *g->at);
    g->states = memory_allocate_array(memory, elman_network_state_size(d->network, g->most),
                                      sizeof *g->states);
    g->scale = memory_allocate_array(memory, g->rows, sizeof *g->scale);
    g->output = memory_allocate_array(memory, outputs, width * sizeof *g->output);
    g->kept = memory_allocate_array(memory, kept, widest * sizeof *g->kept);
    g->sample = memory_allocate_array(memory, g->most, sizeof *g->sample);
    return g->drawn && g->at && g->states && g->scale && g->output && g->kept && g->sample &&
           open_tracks(g);
}

static elman_status open(Gradients *g, elman_error *error) {
    Diagnosing *const d = g->d;
    const bool whole = d->probe.both_ways;
    const size_t rows = d->probe.sequence.batch;
    g->most = rows * g->of_row;
    g->rows = whole || g->most < ROWS_OF_PASS ? rows : ROWS_OF_PASS;
    g->network = *d->network;
    if (whole)
        g->tape = d->tape;
    else
        g->network.structure.output = ELMAN_OUTPUT_LAST_STEP;
    if (!allocate(g)) return diagnosis_no_memory(error);
    const elman_tape_options options = {
        .struct_size = sizeof options,
        .steps = g->lags + 1,
        .batch = g->rows,
        .keep_gradients = 1,
    };
    return whole ? ELMAN_OK : elman_tape_create(&g->network, &options, &g->tape, error);
}

/* ---- One pass ---- */

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

/* What the loss's mean divides by. */
static double total_weight(const Probe *probe) {
    double total = 0.0;
    for (size_t t = 0; t < probe->sequence.steps; t++)
        for (size_t b = 0; b < probe->sequence.batch; b++) total += probe_weight(probe, t, b);
    return total;
}

/* Leaves of the output's gradient what the positions of the pass have; the losses of other passes
 * are divided by other weights. */
static void isolate(Gradients *g, const Probe *probe) {
    const double weight = total_weight(probe);
    const size_t rows = probe->sequence.batch,
                 steps = probe->one_output ? 1 : probe->sequence.steps;
    const size_t outputs = structure_outputs(&g->network.structure);
    for (size_t b = 0; b < rows; b++) {
        const size_t end = g->at[b].step;
        const size_t place = end == SIZE_MAX ? SIZE_MAX : probe_place(probe, end, b);
        g->scale[b] = 0.0;
        for (size_t t = 0; t < steps; t++) {
            float *const gradient = g->output + (t * rows + b) * outputs;
            if (t * rows + b == place)
                g->scale[b] = weight * normalize(gradient, outputs);
            else
                memset(gradient, 0, outputs * sizeof *gradient);
        }
    }
}

static double norm(const float *values, size_t count) {
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

/* Reads the norms that the position at step t of row b left behind. */
static void read_row(const Gradients *g, const Probe *probe, const Track *track, size_t b, size_t t,
                     size_t position) {
    const size_t rows = probe->sequence.batch, hidden = track->layer->hidden;
    const bool reverse = track->layer->reverse != 0;
    /* A last output is that of the first step, read backward. */
    if (reverse && probe->one_output) t = 0;
    const size_t room = reverse ? probe->lengths[b] - 1 - t : t;
    for (size_t k = 0; k <= g->lags && k <= room; k++) {
        const size_t s = reverse ? t + k : t - k;
        const double value = norm(g->kept + (s * rows + b) * hidden, hidden);
        track->norms[k * g->most + position] = isfinite(value) ? g->scale[b] * value : INFINITY;
    }
}

/* From the positions `at` of a probe, whose rows begin in `state`, to their norms. */
static elman_status run_pass(Gradients *g, const Probe *probe, const float *state,
                             elman_error *error) {
    elman_sequence sequence = probe->sequence;
    elman_loss loss;
    sequence.state = state;
    elman_status status = elman_tape_forward(g->tape, &sequence, error);
    if (!status) status = elman_tape_loss(g->tape, &probe->targets, &loss, error);
    if (status) return status;
    elman_tape_output_gradient(g->tape, g->output);
    isolate(g, probe);
    status = elman_tape_backward(g->tape, g->output, error);
    size_t position = g->positions;
    for (size_t i = 0; i < g->track_count && !status; i++) {
        const Track *const track = &g->tracks[i];
        status = elman_tape_kept(g->tape, track->layer->layer, track->layer->reverse,
                                 track->cell ? ELMAN_KEPT_DC : ELMAN_KEPT_DH, g->kept, error);
        position = g->positions;
        for (size_t b = 0; b < probe->sequence.batch && !status; b++)
            if (g->scale[b] > 0.0) read_row(g, probe, track, b, g->at[b].step, position++);
    }
    g->positions = position;
    return status;
}

/* ---- All passes ---- */

/* Whole rows, one position of each in a pass. */
static elman_status run_rows(Gradients *g, elman_error *error) {
    const Diagnosing *const d = g->d;
    const size_t rows = d->probe.sequence.batch;
    elman_status status = ELMAN_OK;
    for (size_t pass = 0; pass < g->of_row && !status; pass++) {
        for (size_t b = 0; b < rows; b++) {
            const size_t count = probe_draw(&d->probe, b, g->lags, d->options.seed,
                                            PROBE_STREAM_GRADIENT, g->drawn, g->of_row);
            g->at[b] = pass < count ? g->drawn[pass] : (ProbePosition){b, SIZE_MAX};
        }
        status = run_pass(g, &d->probe, NULL, error);
    }
    return status;
}

/* The first step that is looked at of those before a position. */
static size_t first_step(const Gradients *g, ProbePosition position) {
    return position.step > g->lags ? position.step - g->lags : 0;
}

/* Fills in `states`: for each pass of `count` positions in all what elman_network_state_size lays
 * out. */
static elman_status gather_states(Gradients *g, size_t count, elman_error *error) {
    const Diagnosing *const d = g->d;
    const size_t rows = d->probe.sequence.batch, size = elman_network_state_size(d->network, 1);
    size_t before = 0; /* numbers of a row in the tracks before */
    elman_status status = elman_tape_forward(d->tape, &d->probe.sequence, error);
    for (size_t i = 0; i < g->track_count && !status; i++) {
        const Track *const track = &g->tracks[i];
        const size_t hidden = track->layer->hidden;
        const elman_kept what = track->cell ? ELMAN_KEPT_C_BEFORE : ELMAN_KEPT_H_BEFORE;
        status = elman_tape_kept(d->tape, track->layer->layer, 0, what, g->kept, error);
        for (size_t k = 0; k < count && !status; k++) {
            const size_t row = k % g->rows, begin = k - row;
            const size_t of_pass = count - begin < g->rows ? count - begin : g->rows;
            const size_t step = first_step(g, g->drawn[k]);
            memcpy(g->states + begin * size + before * of_pass + row * hidden,
                   g->kept + (step * rows + g->drawn[k].row) * hidden, hidden * sizeof(float));
        }
        before += hidden;
    }
    return status;
}

/* Rows that are cut. */
static elman_status run_cuts(Gradients *g, elman_error *error) {
    Diagnosing *const d = g->d;
    Memory *const memory = &d->context->memory;
    const size_t size = elman_network_state_size(d->network, 1);
    const size_t count = probe_draw_all(&d->probe, g->lags, d->options.seed, PROBE_STREAM_GRADIENT,
                                        g->drawn, g->of_row, POSITIONS);
    elman_status status = gather_states(g, count, error);
    for (size_t first = 0; first < count && !status; first += g->rows) {
        const size_t of_pass = count - first < g->rows ? count - first : g->rows;
        Probe cut;
        status = probe_cut(&cut, memory, &g->network.structure, &d->probe, g->drawn + first,
                           of_pass, g->lags + 1, error);
        for (size_t b = 0; b < of_pass && !status; b++)
            g->at[b] = (ProbePosition){b, cut.lengths[b] - 1};
        if (!status) status = run_pass(g, &cut, g->states + first * size, error);
        probe_release(&cut, memory);
    }
    return status;
}

/* ---- What follows ---- */

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
 * where that takes more of them that are not nothing, lag 1's. */
static double fit_decay(const elman_quartiles *curve, size_t count) {
    double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, greatest = 0.0;
    if (count < 2) return NAN;
    for (size_t k = 1; k < count; k++) {
        const double median = curve[k].median, lag = (double)k;
        greatest = fmax(greatest, median);
        if (!(median > nothing * greatest)) break;
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

static elman_status measure(Gradients *g, elman_error *error) {
    const elman_status status = open(g, error);
    if (status) return status;
    return g->d->probe.both_ways ? run_rows(g, error) : run_cuts(g, error);
}

/* The lag at which a track, going on as between half of the lags and all, comes to nothing. */
static double find_nothing(const Gradients *g, const Track *track) {
    const size_t last = g->lags, half = last / 2;
    const double unit = diagnosis_quartiles(g->sample, gather(g, track, last, 0)).median;
    const double middle = diagnosis_quartiles(g->sample, gather(g, track, last, half)).median;
    const double end = diagnosis_quartiles(g->sample, gather(g, track, last, last)).median;
    if (end <= nothing * unit) return (double)last;
    /* NaN, where no position reaches that far or one overflows, too. */
    if (!(end < middle)) return INFINITY;
    const double decay = natural_logarithm(middle / end) / (double)(last - half);
    return (double)last + natural_logarithm(end / (nothing * unit)) / decay;
}

/* How many lags are worth a look, from a few positions and lags. */
static elman_status limit_lags(Diagnosing *d, size_t *lags, elman_error *error) {
    Gradients pilot = {.d = d, .lags = PILOT_LAGS, .of_row = 1};
    if (*lags <= 2 * PILOT_LAGS || d->probe.both_ways) return ELMAN_OK;
    const elman_status status = measure(&pilot, error);
    double most = 0.0;
    for (size_t i = 0; i < pilot.track_count && !status; i++)
        most = fmax(most, find_nothing(&pilot, &pilot.tracks[i]));
    if (!status && most * 1.25 < (double)*lags) *lags = (size_t)(most * 1.25);
    release(&pilot);
    return status;
}

elman_status diagnosis_measure_gradient(Diagnosing *d, elman_error *error) {
    const size_t rows = d->probe.sequence.batch, last = d->probe.sequence.steps - 1;
    Gradients g = {
        .d = d,
        .lags = d->options.lags < last ? d->options.lags : last,
        .of_row = d->options.brief || d->probe.one_output ? 1 : (POSITIONS + rows - 1) / rows,
    };
    /* What is pooled comes from all steps: it has no lag. */
    if (structure_pooled(&d->model->structure)) return ELMAN_OK;
    elman_status status = limit_lags(d, &g.lags, error);
    if (!status) status = measure(&g, error);
    d->diagnosis->summary.positions = g.positions;
    if (!status && g.positions > 0) status = summarize(&g, error);
    release(&g);
    return status;
}
