/* What the errors still owe to inputs read some steps before: with it, what the model has learnt is
 * told from what there is to learn.
 *
 * For each lag k, the residuals r_t = dL_t/dy_t (p - y for classes, 2 (y' - y) for squares) are
 * regressed on the input x_(t-k) alone: on the token (the means of r by token), or on each number
 * by itself, of which the best counts. The share of the variance that is explained is adjusted for
 * its expectation under chance (Ezekiel, 1930; the cross-correlations of residuals: Box and
 * Jenkins, 1970). */
#include <math.h>
#include <string.h>

#include "core/logarithm.h"
#include "diagnose/diagnosis.h"

/* An error that owes less than this to a lag owes it nothing worth a remark. */
static const double least_share = 0.01;

/* Residuals of the counted positions, and where they stand. */
typedef struct Residuals {
    const Probe *probe;
    size_t outputs, inputs; /* inputs: tokens, or numbers */
    size_t positions;
    const float *gradient; /* of the mean loss, laid out as the output */
    const ProbePosition *at;
    double variance;    /* of all outputs together: sum of squares of what is centred */
    double *mean;       /* [outputs] */
    double *sums;       /* scratch [inputs][outputs] */
    double *counts;     /* scratch [2 * inputs] */
    double persistence; /* autocorrelation of the residuals from one step to the next */
} Residuals;

/* r_t of a position, [outputs], but for a factor that all have. */
static const float *residual(const Residuals *r, size_t position) {
    const ProbePosition at = r->at[position];
    return r->gradient + probe_place(r->probe, at.step, at.row) * r->outputs;
}

/* Sums of the residuals of positions with a step k before them; how many there are. */
static size_t center(Residuals *r, size_t lag) {
    size_t count = 0;
    memset(r->mean, 0, r->outputs * sizeof *r->mean);
    r->variance = 0.0;
    for (size_t i = 0; i < r->positions; i++) {
        if (r->at[i].step < lag) continue;
        count++;
        for (size_t o = 0; o < r->outputs; o++) r->mean[o] += (double)residual(r, i)[o];
    }
    for (size_t o = 0; o < r->outputs && count > 0; o++) r->mean[o] /= (double)count;
    for (size_t i = 0; i < r->positions; i++) {
        if (r->at[i].step < lag) continue;
        for (size_t o = 0; o < r->outputs; o++) {
            const double x = (double)residual(r, i)[o] - r->mean[o];
            r->variance += x * x;
        }
    }
    return count;
}

static size_t input_index(const Residuals *r, size_t position, size_t lag) {
    const ProbePosition at = r->at[position];
    return (at.step - lag) * r->probe->sequence.batch + at.row;
}

/* The share that the means by token explain; *freedom: tokens that occur, less one. */
static double share_by_token(Residuals *r, size_t lag, double *freedom) {
    const size_t outputs = r->outputs;
    memset(r->sums, 0, r->inputs * outputs * sizeof *r->sums);
    memset(r->counts, 0, r->inputs * sizeof *r->counts);
    for (size_t i = 0; i < r->positions; i++) {
        if (r->at[i].step < lag) continue;
        const size_t token = (size_t)r->probe->sequence.tokens[input_index(r, i, lag)];
        r->counts[token] += 1.0;
        for (size_t o = 0; o < outputs; o++)
            r->sums[token * outputs + o] += (double)residual(r, i)[o] - r->mean[o];
    }
    double explained = 0.0;
    *freedom = -1.0;
    for (size_t token = 0; token < r->inputs; token++) {
        if (r->counts[token] == 0.0) continue;
        *freedom += 1.0;
        for (size_t o = 0; o < outputs; o++) {
            const double sum = r->sums[token * outputs + o];
            explained += sum * sum / r->counts[token];
        }
    }
    return r->variance > 0.0 ? explained / r->variance : 0.0;
}

/* The autocorrelation of the residuals, and of one input, from one step to the next. */
static double residual_persistence(const Residuals *r) {
    double squares = 0.0, products = 0.0;
    for (size_t i = 1; i < r->positions; i++) {
        if (r->at[i].row != r->at[i - 1].row || r->at[i].step != r->at[i - 1].step + 1) continue;
        for (size_t o = 0; o < r->outputs; o++) {
            const double x = (double)residual(r, i)[o];
            const double before = (double)residual(r, i - 1)[o];
            squares += (x * x + before * before) / 2.0;
            products += x * before;
        }
    }
    return squares > 0.0 ? products / squares : 0.0;
}

static double input_persistence(const Residuals *r, size_t lag, size_t input, double mean) {
    double squares = 0.0, products = 0.0;
    for (size_t i = 1; i < r->positions; i++) {
        if (r->at[i].row != r->at[i - 1].row || r->at[i - 1].step < lag) continue;
        const float *const x = r->probe->sequence.dense;
        const double now = (double)x[input_index(r, i, lag) * r->inputs + input] - mean;
        const double before = (double)x[input_index(r, i - 1, lag) * r->inputs + input] - mean;
        squares += (now * now + before * before) / 2.0;
        products += now * before;
    }
    return squares > 0.0 ? products / squares : 0.0;
}

/* How many independent positions `count` are worth, where both persist: for the correlation of two
 * first-order processes (Bartlett, 1935). */
static double worth(const Residuals *r, size_t lag, size_t input, double mean, size_t count) {
    const double both = r->persistence * input_persistence(r, lag, input, mean);
    return (double)count * (both > 0.0 ? (1.0 - both) / (1.0 + both) : 1.0);
}

/* The share that the best of the numbers explains by itself; *count: what the positions are worth
 * for it. */
static double share_by_number(Residuals *r, size_t lag, size_t positions, double *count) {
    const size_t outputs = r->outputs, inputs = r->inputs;
    double *const mean = r->counts, *const squares = r->counts + inputs;
    memset(r->sums, 0, inputs * outputs * sizeof *r->sums);
    memset(r->counts, 0, 2 * inputs * sizeof *r->counts);
    for (size_t i = 0; i < r->positions; i++) {
        if (r->at[i].step < lag) continue;
        const float *const x = r->probe->sequence.dense + input_index(r, i, lag) * inputs;
        for (size_t f = 0; f < inputs; f++) mean[f] += (double)x[f] / (double)positions;
    }
    for (size_t i = 0; i < r->positions; i++) {
        if (r->at[i].step < lag) continue;
        const float *const x = r->probe->sequence.dense + input_index(r, i, lag) * inputs;
        for (size_t f = 0; f < inputs; f++) {
            const double centred = (double)x[f] - mean[f];
            squares[f] += centred * centred;
            for (size_t o = 0; o < outputs; o++)
                r->sums[f * outputs + o] += centred * ((double)residual(r, i)[o] - r->mean[o]);
        }
    }
    double best = 0.0;
    *count = 0.0;
    for (size_t f = 0; f < inputs; f++) {
        double explained = 0.0;
        for (size_t o = 0; o < outputs; o++) {
            const double sum = r->sums[f * outputs + o];
            explained += sum * sum;
        }
        if (!(squares[f] > 1e-12 && r->variance > 0.0)) continue;
        /* What stands out is measured in its own chance. */
        const double left = worth(r, lag, f, mean[f], positions);
        const double share = explained / (squares[f] * r->variance);
        if (share * left <= best * *count) continue;
        best = share;
        *count = left;
    }
    return best;
}

/* The share at one lag, adjusted, and the least that stands out from chance. */
static double share_at(Residuals *r, size_t lag, size_t lags, double *least) {
    const size_t positions = center(r, lag);
    const bool tokens = r->probe->sequence.tokens != NULL;
    /* What is read in several rows is no new evidence. */
    const size_t most = r->probe->distinct;
    double freedom = 1.0, count = (double)(most > 0 && most < positions ? most : positions);
    *least = INFINITY;
    if (positions < 16) return 0.0;
    const double share =
        tokens ? share_by_token(r, lag, &freedom) : share_by_number(r, lag, positions, &count);
    const double left = count - freedom - 1.0;
    if (!(left > 0.0)) return 0.0;
    /* The greatest of so many shares of chance: each is some chi-squared of `freedom` over count.
     */
    const double tries = (double)lags * (tokens ? 1.0 : (double)r->inputs);
    const double tail = 2.0 * natural_logarithm(100.0 * tries);
    *least = (tail + sqrt(2.0 * freedom * tail)) / count;
    return fmax(0.0, 1.0 - (1.0 - share) * (count - 1.0) / left);
}

/* That of always predicting how often each class comes, or the mean. */
static double baseline(const Probe *probe, const ProbePosition *at, size_t positions,
                       size_t outputs, double *sums) {
    const elman_loss_kind loss = probe->targets.loss;
    double result = 0.0;
    memset(sums, 0, 2 * outputs * sizeof *sums);
    if (loss != ELMAN_LOSS_CROSS_ENTROPY && loss != ELMAN_LOSS_MSE) return NAN;
    for (size_t i = 0; i < positions; i++) {
        const size_t place = probe_place(probe, at[i].step, at[i].row);
        if (loss == ELMAN_LOSS_CROSS_ENTROPY) {
            sums[probe->targets.classes[place]] += 1.0;
            continue;
        }
        for (size_t o = 0; o < outputs; o++) {
            const double y = (double)probe->targets.numbers[place * outputs + o];
            sums[o] += y / (double)positions;
            sums[outputs + o] += y * y / (double)positions;
        }
    }
    for (size_t o = 0; o < outputs; o++) {
        const double share = sums[o] / (double)positions;
        if (loss == ELMAN_LOSS_CROSS_ENTROPY)
            result -= share > 0.0 ? share * natural_logarithm(share) : 0.0;
        else
            result += (sums[outputs + o] - sums[o] * sums[o]) / (double)outputs;
    }
    return result;
}

static size_t find_positions(const Probe *probe, ProbePosition *at) {
    size_t count = 0;
    for (size_t b = 0; b < probe->sequence.batch; b++)
        for (size_t t = 0; t < probe->sequence.steps; t++) {
            if (!probe_has(probe, t, b)) break;
            if (probe_counts(probe, t, b)) at[count++] = (ProbePosition){b, t};
        }
    return count;
}

static elman_status measure(Diagnosing *d, Residuals *r, elman_error *error) {
    elman_diagnosis_summary *const summary = &d->diagnosis->summary;
    const size_t steps = r->probe->sequence.steps;
    const size_t lags = d->options.lags + 1 < steps ? d->options.lags + 1 : steps;
    double *const shares = diagnosis_keep(d->diagnosis, lags, sizeof *shares);
    if (!shares) return diagnosis_no_memory(error);
    /* Where hardly an error is left, its share of what there was to learn counts. */
    const double left = summary->loss < summary->baseline ? summary->loss / summary->baseline : 1.0;
    summary->error_horizon = 0.0;
    for (size_t lag = 0; lag < lags; lag++) {
        double least;
        shares[lag] = share_at(r, lag, lags, &least);
        if (shares[lag] >= least && shares[lag] * left >= least_share)
            summary->error_horizon = (double)lag;
    }
    summary->error_by_lag = shares;
    summary->error_count = lags;
    return ELMAN_OK;
}

elman_status diagnosis_measure_errors(Diagnosing *d, elman_error *error) {
    Memory *const memory = &d->context->memory;
    const Structure *const structure = &d->model->structure;
    const size_t places = d->probe.sequence.steps * d->probe.sequence.batch;
    Residuals r = {.probe = &d->probe, .outputs = structure_outputs(structure)};
    elman_loss loss;
    r.inputs = structure->input_size;
    const size_t most = r.inputs > r.outputs ? r.inputs : r.outputs;
    ProbePosition *const at = memory_allocate_array(memory, places, sizeof *at);
    float *const gradient = memory_allocate_array(memory, places, r.outputs * sizeof *gradient);
    r.mean = memory_allocate_array(memory, r.outputs, sizeof *r.mean);
    r.sums = memory_allocate_array(memory, r.inputs, r.outputs * sizeof *r.sums);
    r.counts = memory_allocate_array(memory, 2 * most, sizeof *r.counts);
    elman_status status =
        at && gradient && r.mean && r.sums && r.counts ? ELMAN_OK : diagnosis_no_memory(error);
    if (!status) status = elman_tape_forward(d->tape, &d->probe.sequence, error);
    if (!status) status = elman_tape_loss(d->tape, &d->probe.targets, &loss, error);
    if (!status) {
        elman_tape_output_gradient(d->tape, gradient);
        r.positions = find_positions(&d->probe, at);
        r.at = at;
        r.gradient = gradient;
        r.persistence = residual_persistence(&r);
        d->diagnosis->summary.baseline = baseline(&d->probe, at, r.positions, r.outputs, r.counts);
        status = measure(d, &r, error);
    }
    memory_release(memory, r.counts);
    memory_release(memory, r.sums);
    memory_release(memory, r.mean);
    memory_release(memory, gradient);
    memory_release(memory, at);
    return status;
}
