/* What the units of a model's layers are doing: gates near their bounds, units that never change or
 * do the same as another, how long they keep what they hold. */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "diagnose/diagnosis.h"

enum { PLACES = 2048, GATES = 4 };

static const double stuck_share = 0.99, dead_deviation = 1e-4, same_correlation = 0.999;

/* Below `low` or above `high` is 5 % of a gate's range from its bounds. */
typedef struct Gate {
    elman_kept what;
    const char *name;
    float low, high;
    bool keeps; /* the state: its mean gives the time constant */
} Gate;

#define SIGMOID 0.05f, 0.95f
#define TANH    -0.9f, 0.9f

static const Gate rnn_gates[] = {{ELMAN_KEPT_H, "h", TANH, false}};
static const Gate lstm_gates[] = {{ELMAN_KEPT_I, "i", SIGMOID, false},
                                  {ELMAN_KEPT_F, "f", SIGMOID, true},
                                  {ELMAN_KEPT_G, "g", TANH, false},
                                  {ELMAN_KEPT_O, "o", SIGMOID, false}};
static const Gate gru_gates[] = {{ELMAN_KEPT_R, "r", SIGMOID, false},
                                 {ELMAN_KEPT_Z, "z", SIGMOID, true},
                                 {ELMAN_KEPT_N, "n", TANH, false}};

/* Zero is the lower bound, and there is no upper one. */
static const Gate relu_gates[] = {{ELMAN_KEPT_H, "h", 0x1p-149f, INFINITY, false}};

/* One layer in one direction. */
typedef struct Activity {
    const Diagnosing *d;
    elman_layer_diagnosis *layer;
    float *values; /* [steps][batch][hidden]: a gate, or h */
    size_t places; /* of [steps][batch] that rows have */
    /* Of the gate of the moment, or of h, by unit: */
    size_t *low, *high;
    double *mean, *square;
    /* Correlations: */
    size_t *living; /* [living_count] units */
    size_t living_count;
    size_t sampled;      /* places */
    double *units;       /* [living_count][sampled]: h, centred, of length 1 */
    double *columns;     /* [sampled][LANES]: LANES of them */
    double *correlation; /* [living_count][LANES] */
    size_t first;        /* of those LANES */
} Activity;

/* Calls for each place that its row has: `at` counts places of [steps][batch]. */
static size_t next_place(const Activity *a, size_t at) {
    const elman_sequence *const sequence = &a->d->probe.sequence;
    while (at < sequence->steps * sequence->batch &&
           !probe_has(&a->d->probe, at / sequence->batch, at % sequence->batch))
        at++;
    return at;
}

static elman_status read_values(const Activity *a, elman_kept what, elman_error *error) {
    return elman_tape_kept(a->d->tape, a->layer->layer, a->layer->reverse, what, a->values, error);
}

/* ---- Gates ---- */

static const Gate *gates_of(elman_cell cell, size_t *count) {
    switch (cell) {
    case ELMAN_CELL_LSTM:
        *count = sizeof lstm_gates / sizeof *lstm_gates;
        return lstm_gates;
    case ELMAN_CELL_GRU:
    case ELMAN_CELL_GRU_RESET_BEFORE:
        *count = sizeof gru_gates / sizeof *gru_gates;
        return gru_gates;
    default:
        *count = 1;
        return cell == ELMAN_CELL_RNN_RELU ? relu_gates : rnn_gates;
    }
}

/* Counts, by unit, values near the bounds, and sums them. */
static void count_values(const Activity *a, const Gate *gate) {
    const size_t n = a->layer->hidden,
                 all = a->d->probe.sequence.steps * a->d->probe.sequence.batch;
    for (size_t u = 0; u < n; u++) {
        a->low[u] = a->high[u] = 0;
        a->mean[u] = 0.0;
    }
    for (size_t at = next_place(a, 0); at < all; at = next_place(a, at + 1)) {
        const float *const values = a->values + at * n;
        for (size_t u = 0; u < n; u++) {
            a->low[u] += values[u] < gate->low;
            a->high[u] += values[u] > gate->high;
            a->mean[u] += (double)values[u];
        }
    }
    for (size_t u = 0; u < n; u++) a->mean[u] /= (double)a->places;
}

static elman_gate_activity sum_up(const Activity *a, const Gate *gate) {
    const size_t n = a->layer->hidden;
    const double often = stuck_share * (double)a->places;
    elman_gate_activity activity = {.name = gate->name};
    for (size_t u = 0; u < n; u++) {
        activity.low += (double)a->low[u];
        activity.high += (double)a->high[u];
        activity.stuck += (double)a->low[u] >= often || (double)a->high[u] >= often;
        activity.mean += a->mean[u];
    }
    activity.low /= (double)n * (double)a->places;
    activity.high /= (double)n * (double)a->places;
    activity.mean /= (double)n;
    return activity;
}

/* Time constants from the means of a gate that keeps the state. A float gate that is 1 may be as
 * much as 2^-25 below it, so nothing is kept for longer than 2^25 steps as far as is known. */
static elman_status keep_times(const Activity *a, elman_error *error) {
    const size_t n = a->layer->hidden;
    elman_diagnosis *const diagnosis = a->d->diagnosis;
    double *const times = diagnosis_keep(diagnosis, n, sizeof *times);
    if (!times) return diagnosis_no_memory(error);
    for (size_t u = 0; u < n; u++) {
        times[u] = 1.0 / fmax(1.0 - a->mean[u], 0x1p-25);
        a->square[u] = times[u];
    }
    a->layer->time_constants = times;
    a->layer->time_constant_count = n;
    a->layer->time_constant = diagnosis_quartiles(a->square, n);
    return ELMAN_OK;
}

static elman_status measure_gates(const Activity *a, elman_error *error) {
    size_t count;
    const Gate *const gates = gates_of(a->layer->cell, &count);
    elman_gate_activity *const kept = diagnosis_keep(a->d->diagnosis, count, sizeof *kept);
    if (!kept) return diagnosis_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        elman_status status = read_values(a, gates[i].what, error);
        if (status) return status;
        count_values(a, &gates[i]);
        kept[i] = sum_up(a, &gates[i]);
        if (gates[i].keeps && (status = keep_times(a, error))) return status;
    }
    a->layer->gates = kept;
    a->layer->gate_count = count;
    return ELMAN_OK;
}

/* ---- Units that never change ---- */

/* Of h: each unit's mean and the sum of the squares of what it is off it. */
static void measure_deviations(const Activity *a) {
    const size_t n = a->layer->hidden,
                 all = a->d->probe.sequence.steps * a->d->probe.sequence.batch;
    for (size_t u = 0; u < n; u++) a->mean[u] = a->square[u] = 0.0;
    for (size_t at = next_place(a, 0); at < all; at = next_place(a, at + 1))
        for (size_t u = 0; u < n; u++) a->mean[u] += (double)a->values[at * n + u];
    for (size_t u = 0; u < n; u++) a->mean[u] /= (double)a->places;
    for (size_t at = next_place(a, 0); at < all; at = next_place(a, at + 1))
        for (size_t u = 0; u < n; u++) {
            const double off = (double)a->values[at * n + u] - a->mean[u];
            a->square[u] += off * off;
        }
}

static elman_status find_dead(Activity *a, elman_error *error) {
    const size_t n = a->layer->hidden;
    size_t *const dead = diagnosis_keep(a->d->diagnosis, n, sizeof *dead);
    if (!dead) return diagnosis_no_memory(error);
    measure_deviations(a);
    a->living_count = 0;
    for (size_t u = 0; u < n; u++) {
        if (sqrt(a->square[u] / (double)a->places) < dead_deviation)
            dead[a->layer->dead_count++] = u;
        else
            a->living[a->living_count++] = u;
    }
    a->layer->dead = dead;
    return ELMAN_OK;
}

/* ---- Units that do the same ---- */

/* Fills `units` from places that are spread evenly. */
static void sample_units(Activity *a) {
    const size_t n = a->layer->hidden;
    for (size_t i = 0, at = next_place(a, 0), passed = 0; i < a->sampled; i++) {
        for (; passed < i * a->places / a->sampled; passed++) at = next_place(a, at + 1);
        for (size_t l = 0; l < a->living_count; l++)
            a->units[l * a->sampled + i] = (double)a->values[at * n + a->living[l]];
    }
    for (size_t l = 0; l < a->living_count; l++) {
        double *const unit = a->units + l * a->sampled;
        double mean = 0.0, square = 0.0;
        for (size_t i = 0; i < a->sampled; i++) mean += unit[i];
        mean /= (double)a->sampled;
        for (size_t i = 0; i < a->sampled; i++) {
            unit[i] -= mean;
            square += unit[i] * unit[i];
        }
        const double factor = square > 0.0 ? 1.0 / sqrt(square) : 0.0;
        for (size_t i = 0; i < a->sampled; i++) unit[i] *= factor;
    }
}

/* A worker's rows of the correlations with the LANES units of the moment. */
static void correlate(void *argument, size_t worker, size_t workers) {
    const Activity *const a = argument;
    size_t begin, end;
    pool_split(a->living_count - a->first, 1, worker, workers, &begin, &end);
    begin += a->first;
    end += a->first;
    const LanesProduct product = {
        .matrix = a->units + begin * a->sampled,
        .stride = a->sampled,
        .rows = end - begin,
        .columns = a->sampled,
        .vectors = a->columns,
        .out = a->correlation + begin * LANES,
    };
    a->d->context->kernels->lanes_product(&product);
}

static void find_pairs(Activity *a, elman_unit_pair *pairs, size_t most) {
    size_t count = 0;
    for (a->first = 0; a->first < a->living_count && count < most; a->first += LANES) {
        const size_t left = a->living_count - a->first, lanes = left < LANES ? left : LANES;
        for (size_t i = 0; i < a->sampled; i++)
            for (size_t k = 0; k < lanes; k++)
                a->columns[i * LANES + k] = a->units[(a->first + k) * a->sampled + i];
        pool_run(a->d->context->pool, correlate, a);
        for (size_t k = 0; k < lanes; k++)
            for (size_t l = a->first + k + 1; l < a->living_count && count < most; l++) {
                const double correlation = a->correlation[l * LANES + k];
                if (fabs(correlation) > same_correlation)
                    pairs[count++] = (elman_unit_pair){a->living[a->first + k], a->living[l],
                                                       fmax(-1.0, fmin(correlation, 1.0))};
            }
    }
    a->layer->duplicates = pairs;
    a->layer->duplicate_count = count;
}

static elman_status find_duplicates(Activity *a, elman_error *error) {
    Memory *const memory = &a->d->context->memory;
    const size_t n = a->layer->hidden;
    size_t numbers;
    elman_unit_pair *const pairs = diagnosis_keep(a->d->diagnosis, n, sizeof *pairs);
    a->sampled = a->places < PLACES ? a->places : PLACES;
    a->units = pairs && size_mul(a->living_count, a->sampled, &numbers)
                   ? memory_allocate_array(memory, numbers, sizeof *a->units)
                   : NULL;
    a->columns = memory_allocate_array(memory, a->sampled * LANES, sizeof *a->columns);
    a->correlation = memory_allocate_array(memory, n * LANES, sizeof *a->correlation);
    const bool room = a->units && a->columns && a->correlation;
    if (room) {
        sample_units(a);
        find_pairs(a, pairs, n);
    }
    memory_release(memory, a->correlation);
    memory_release(memory, a->columns);
    memory_release(memory, a->units);
    return room ? ELMAN_OK : diagnosis_no_memory(error);
}

/* ---- All of it ---- */

static elman_status measure_layer(const Diagnosing *d, elman_layer_diagnosis *layer, size_t places,
                                  elman_error *error) {
    Memory *const memory = &d->context->memory;
    const size_t n = layer->hidden, all = d->probe.sequence.steps * d->probe.sequence.batch;
    Activity a = {.d = d, .layer = layer, .places = places};
    size_t numbers;
    elman_status status = ELMAN_OK;
    a.values =
        size_mul(all, n, &numbers) ? memory_allocate_array(memory, numbers, sizeof(float)) : NULL;
    a.low = memory_allocate_array(memory, n, sizeof *a.low);
    a.high = memory_allocate_array(memory, n, sizeof *a.high);
    a.living = memory_allocate_array(memory, n, sizeof *a.living);
    a.mean = memory_allocate_array(memory, n, sizeof *a.mean);
    a.square = memory_allocate_array(memory, n, sizeof *a.square);
    if (!a.values || !a.low || !a.high || !a.living || !a.mean || !a.square)
        status = diagnosis_no_memory(error);
    if (!status) status = measure_gates(&a, error);
    if (!status) status = read_values(&a, ELMAN_KEPT_H, error);
    if (!status) status = find_dead(&a, error);
    if (!status) status = find_duplicates(&a, error);
    memory_release(memory, a.square);
    memory_release(memory, a.mean);
    memory_release(memory, a.living);
    memory_release(memory, a.high);
    memory_release(memory, a.low);
    memory_release(memory, a.values);
    return status;
}

elman_status diagnosis_measure_activity(Diagnosing *d, elman_error *error) {
    const elman_sequence *const sequence = &d->probe.sequence;
    size_t places = 0;
    for (size_t at = 0; at < sequence->steps * sequence->batch; at++)
        places += probe_has(&d->probe, at / sequence->batch, at % sequence->batch);
    if (places == 0) return ELMAN_OK;
    elman_status status = elman_tape_forward(d->tape, sequence, error);
    for (size_t i = 0; i < d->diagnosis->summary.layer_count && !status; i++)
        status = measure_layer(d, &d->diagnosis->layers[i], places, error);
    return status;
}
