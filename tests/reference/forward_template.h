/* The definitions behind pass_template.h: forward equations and losses for one scalar type.
 *
 * Besides SCALAR, TYPE and FUNCTION the including file defines REAL_PART, EXP, LOG and TANH. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The parameters of one layer in one direction; absent ones are NULL. */
typedef struct Weights {
    const SCALAR *tensors[REF_SLOTS];
} Weights;

/* One row at one visit: rows of the arrays of a track. */
typedef struct Step {
    const RefPlain *plain;
    size_t direction, inputs, hidden, width;
    const SCALAR *x, *h, *c;
    SCALAR *h_next, *c_next, *gates, *recurrent, *reset_hidden, *unprojected;
} Step;

static SCALAR sigmoid(SCALAR x) {
    return 1.0 / (1.0 + EXP(-x));
}

static SCALAR relu(SCALAR x) {
    return REAL_PART(x) > 0.0 ? x : 0.0;
}

static SCALAR clipped(SCALAR x, double clip) {
    if (!(clip > 0.0)) return x;
    return REAL_PART(x) > clip ? clip : REAL_PART(x) < -clip ? -clip : x;
}

/* Activation number `which` (of the gates, of n or g, of c'), where `usual` is the cell's own. */
static SCALAR activate(const Step *step, size_t which, RefFunction usual, SCALAR x) {
    const RefActivation *a = &step->plain->activations[step->direction][which];
    const double alpha = a->alpha, beta = a->beta;
    x = clipped(x, step->plain->clip);
    const double real = REAL_PART(x);
    switch (a->function == REF_USUAL ? usual : a->function) {
    case REF_USUAL:
        break;
    case REF_RELU:
        return relu(x);
    case REF_TANH:
        return TANH(x);
    case REF_SIGMOID:
        return sigmoid(x);
    case REF_AFFINE:
        return alpha * x + beta;
    case REF_LEAKY_RELU:
        return real >= 0.0 ? x : alpha * x;
    case REF_THRESHOLDED_RELU:
        return real >= alpha ? x : 0.0;
    case REF_SCALED_TANH:
        return alpha * TANH(beta * x);
    case REF_HARD_SIGMOID:
        x = alpha * x + beta;
        return REAL_PART(x) <= 0.0 ? 0.0 : REAL_PART(x) >= 1.0 ? 1.0 : x;
    case REF_ELU:
        return real >= 0.0 ? x : alpha * (EXP(x) - 1.0);
    case REF_SOFTSIGN:
        return real >= 0.0 ? x / (1.0 + x) : x / (1.0 - x);
    case REF_SOFTPLUS:
        return LOG(1.0 + EXP(x));
    }
    abort();
}

/* out [rows] = bias + weight x; weight [rows][columns], bias [rows] or NULL. */
static void affine(SCALAR *out, const SCALAR *weight, const SCALAR *bias, const SCALAR *x,
                   size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        SCALAR sum = bias ? bias[i] : 0.0;
        for (size_t j = 0; j < columns; j++) sum += weight[i * columns + j] * x[j];
        out[i] = sum;
    }
}

static void step_rnn(RefCell cell, const Step *step) {
    for (size_t j = 0; j < step->hidden; j++) {
        const SCALAR sum = step->gates[j] + step->recurrent[j];
        step->gates[j] = activate(step, 0, cell == REF_RNN_RELU ? REF_RELU : REF_TANH, sum);
        step->h_next[j] = step->gates[j];
    }
}

/* A peephole's part of the argument of a gate: 0 i, 1 o, 2 f. */
static SCALAR peephole(const Step *step, const Weights *weights, size_t gate, size_t j, SCALAR c) {
    const SCALAR *peepholes = weights->tensors[REF_PEEPHOLE];
    return peepholes ? peepholes[gate * step->hidden + j] * c : 0.0;
}

static void step_lstm(const Step *step, const Weights *weights) {
    const size_t n = step->hidden;
    SCALAR *m = step->unprojected ? step->unprojected : step->h_next;
    SCALAR *i = step->gates, *f = i + n, *g = f + n, *o = g + n;
    const SCALAR *ri = step->recurrent, *rf = ri + n, *rg = rf + n, *ro = rg + n;
    for (size_t j = 0; j < n; j++) {
        const SCALAR c = step->c[j];
        i[j] = activate(step, 0, REF_SIGMOID, i[j] + ri[j] + peephole(step, weights, 0, j, c));
        f[j] = activate(step, 0, REF_SIGMOID, f[j] + rf[j] + peephole(step, weights, 2, j, c));
        if (step->plain->input_forget) f[j] = 1.0 - i[j];
        g[j] = activate(step, 1, REF_TANH, g[j] + rg[j]);
        const SCALAR next = f[j] * c + i[j] * g[j];
        o[j] = activate(step, 0, REF_SIGMOID, o[j] + ro[j] + peephole(step, weights, 1, j, next));
        step->c_next[j] = next;
        m[j] = o[j] * activate(step, 2, REF_TANH, next);
    }
    if (step->unprojected)
        affine(step->h_next, weights->tensors[REF_WEIGHT_HR], NULL, m, step->width, n);
}

static void step_gru(RefCell cell, const Step *step, const Weights *weights) {
    const size_t n = step->hidden;
    SCALAR *r = step->gates, *z = r + n, *candidate = z + n;
    SCALAR *rr = step->recurrent, *rz = rr + n, *rn = rz + n;
    for (size_t j = 0; j < n; j++) {
        r[j] = activate(step, 0, REF_SIGMOID, r[j] + rr[j]);
        z[j] = activate(step, 0, REF_SIGMOID, z[j] + rz[j]);
    }
    if (cell == REF_GRU_RESET_BEFORE) {
        const SCALAR *bias = weights->tensors[REF_BIAS_HH];
        for (size_t j = 0; j < n; j++) step->reset_hidden[j] = r[j] * step->h[j];
        affine(rn, weights->tensors[REF_WEIGHT_HH] + 2 * n * n, bias ? bias + 2 * n : NULL,
               step->reset_hidden, n, n);
    }
    for (size_t j = 0; j < n; j++) {
        const SCALAR reset = cell == REF_GRU_RESET_BEFORE ? 1.0 : r[j];
        candidate[j] = activate(step, 1, REF_TANH, candidate[j] + reset * rn[j]);
        step->h_next[j] = (1.0 - z[j]) * candidate[j] + z[j] * step->h[j];
    }
}

static void step_cell(RefCell cell, const Step *step, const Weights *weights) {
    const size_t rows = ref_gates(cell) * step->hidden;
    affine(step->gates, weights->tensors[REF_WEIGHT_IH], weights->tensors[REF_BIAS_IH], step->x,
           rows, step->inputs);
    affine(step->recurrent, weights->tensors[REF_WEIGHT_HH], weights->tensors[REF_BIAS_HH], step->h,
           rows, step->width);
    switch (cell) {
    case REF_RNN_TANH:
    case REF_RNN_RELU:
        step_rnn(cell, step);
        break;
    case REF_LSTM:
        step_lstm(step, weights);
        break;
    case REF_GRU_RESET_AFTER:
    case REF_GRU_RESET_BEFORE:
        step_gru(cell, step, weights);
        break;
    }
}

/* The initial state [B][H] into `state`: the caller's (`given`), or the learned one in every row;
 * zeros stay when both are NULL. */
static void start_state(SCALAR *state, const SCALAR *given, const SCALAR *learned, size_t rows,
                        size_t hidden) {
    for (size_t b = 0; b < rows; b++)
        for (size_t j = 0; j < hidden; j++) {
            if (given)
                state[b * hidden + j] = given[b * hidden + j];
            else if (learned)
                state[b * hidden + j] = learned[j];
        }
}

static void track_start(TYPE(RefTrack) * track, const RefNetwork *network, const RefBatch *batch,
                        const TYPE(RefValues) * values, const Weights *weights, size_t layer,
                        size_t direction) {
    const RefLayer *described = &network->layers[layer];
    const size_t rows = batch->rows, state = rows * described->hidden;
    const size_t width = ref_layer_width(network, layer);
    const size_t gates = ref_gates(described->cell) * state;
    const SCALAR *initial = values->initial;
    track->hidden = ref_allocate((batch->steps + 1) * rows * width, sizeof(SCALAR));
    track->gates = ref_allocate(batch->steps * gates, sizeof(SCALAR));
    track->recurrent = ref_allocate(batch->steps * gates, sizeof(SCALAR));
    start_state(track->hidden,
                initial ? initial + ref_state_hidden(network, rows, layer, direction) : NULL,
                weights->tensors[REF_H0], rows, width);
    if (described->cell == REF_GRU_RESET_BEFORE)
        track->reset_hidden = ref_allocate(batch->steps * state, sizeof(SCALAR));
    if (described->cell != REF_LSTM) return;
    if (described->projection > 0)
        track->unprojected = ref_allocate(batch->steps * state, sizeof(SCALAR));
    track->cell = ref_allocate((batch->steps + 1) * state, sizeof(SCALAR));
    start_state(track->cell,
                initial ? initial + ref_state_cell(network, rows, layer, direction) : NULL,
                weights->tensors[REF_C0], rows, described->hidden);
}

/* One layer in one direction: pass->inputs[layer] to the states of its track. */
static void run_track(TYPE(RefPass) * pass, const RefNetwork *network, const RefBatch *batch,
                      const TYPE(RefValues) * values, size_t layer, size_t direction) {
    const RefCell cell = network->layers[layer].cell;
    const size_t hidden = network->layers[layer].hidden, rows = batch->rows;
    const size_t width = ref_layer_width(network, layer);
    const size_t inputs = ref_layer_inputs(network, layer), gates = ref_gates(cell) * hidden;
    TYPE(RefTrack) *track = &pass->tracks[layer][direction];
    Weights weights;
    for (size_t slot = 0; slot < REF_SLOTS; slot++) {
        const size_t offset = network->offsets[layer][direction][slot];
        weights.tensors[slot] = offset == REF_ABSENT ? NULL : values->parameters + offset;
    }
    track_start(track, network, batch, values, &weights, layer, direction);
    for (size_t visit = 0; visit < batch->steps; visit++) {
        const size_t t = direction == 0 ? visit : batch->steps - 1 - visit;
        for (size_t b = 0; b < rows; b++) {
            const size_t at = visit * rows + b, next = at + rows;
            const Step step = {
                .plain = &network->layers[layer].plain,
                .direction = direction,
                .inputs = inputs,
                .hidden = hidden,
                .width = width,
                .x = pass->inputs[layer] + (t * rows + b) * inputs,
                .h = track->hidden + at * width,
                .c = track->cell ? track->cell + at * hidden : NULL,
                .h_next = track->hidden + next * width,
                .c_next = track->cell ? track->cell + next * hidden : NULL,
                .gates = track->gates + at * gates,
                .recurrent = track->recurrent + at * gates,
                .reset_hidden = track->reset_hidden ? track->reset_hidden + at * hidden : NULL,
                .unprojected = track->unprojected ? track->unprojected + at * hidden : NULL,
            };
            if (ref_step_counts(batch, t, b)) {
                step_cell(cell, &step, &weights);
                continue;
            }
            memcpy(step.h_next, step.h, width * sizeof(SCALAR));
            if (step.c) memcpy(step.c_next, step.c, hidden * sizeof(SCALAR));
        }
    }
}

/* The states of a layer by step, [T][B][D * W]; past a row's length nobody reads them. */
static SCALAR *gather_steps(const TYPE(RefPass) * pass, const RefNetwork *network,
                            const RefBatch *batch, size_t layer) {
    const size_t width = ref_layer_width(network, layer), rows = batch->rows;
    const size_t directions = ref_directions(network, layer);
    SCALAR *output = ref_allocate(batch->steps * rows * directions * width, sizeof(SCALAR));
    for (size_t t = 0; t < batch->steps; t++)
        for (size_t b = 0; b < rows; b++)
            for (size_t d = 0; d < directions; d++) {
                const size_t visit = d == 0 ? t : batch->steps - 1 - t;
                memcpy(output + ((t * rows + b) * directions + d) * width,
                       pass->tracks[layer][d].hidden + ((visit + 1) * rows + b) * width,
                       width * sizeof(SCALAR));
            }
    return output;
}

/* The final states of the last layer, [B][D * W]. */
static SCALAR *gather_last(const TYPE(RefPass) * pass, const RefNetwork *network,
                           const RefBatch *batch) {
    const size_t layer = network->layer_count - 1, rows = batch->rows;
    const size_t width = ref_layer_width(network, layer);
    const size_t directions = ref_directions(network, layer);
    SCALAR *output = ref_allocate(rows * directions * width, sizeof(SCALAR));
    for (size_t b = 0; b < rows; b++)
        for (size_t d = 0; d < directions; d++)
            memcpy(output + (b * directions + d) * width,
                   pass->tracks[layer][d].hidden + (batch->steps * rows + b) * width,
                   width * sizeof(SCALAR));
    return output;
}

/* The last layer's states pooled over each row's steps, [B][D * W]; zeros for a row of none. */
static SCALAR *gather_pooled(const TYPE(RefPass) * pass, const RefNetwork *network,
                             const RefBatch *batch) {
    const size_t width = ref_layer_features(network, network->layer_count - 1);
    const size_t rows = batch->rows;
    SCALAR *states = gather_steps(pass, network, batch, network->layer_count - 1);
    SCALAR *output = ref_allocate(rows * width, sizeof(SCALAR));
    for (size_t k = 0; k < rows * width; k++) {
        size_t steps = 0;
        for (size_t t = 0; t < batch->steps && ref_step_counts(batch, t, k / width); t++, steps++) {
            const SCALAR state = states[t * rows * width + k];
            if (network->output == REF_MEAN)
                output[k] += state;
            else if (t == 0 || REAL_PART(state) > REAL_PART(output[k]))
                output[k] = state;
        }
        if (network->output == REF_MEAN && steps > 0) output[k] /= (double)steps;
    }
    free(states);
    return output;
}

/* What the first layer sees [T][B][I]: features, ones at tokens, or rows of the embedding. */
static SCALAR *first_inputs(const RefNetwork *network, const RefBatch *batch,
                            const TYPE(RefValues) * values) {
    const size_t width = ref_layer_inputs(network, 0), cells = batch->steps * batch->rows;
    SCALAR *inputs = ref_allocate(cells * width, sizeof(SCALAR));
    for (size_t at = 0; at < cells; at++) {
        if (!ref_step_counts(batch, at / batch->rows, at % batch->rows)) continue;
        SCALAR *x = inputs + at * width;
        if (network->input == REF_DENSE) {
            memcpy(x, values->dense + at * width, width * sizeof(SCALAR));
            continue;
        }
        const size_t token = (size_t)batch->tokens[at];
        assert(batch->tokens[at] >= 0 && token < network->inputs);
        if (network->input == REF_ONE_HOT)
            x[token] = 1.0;
        else
            memcpy(x, values->parameters + network->embedding_weight + token * width,
                   width * sizeof(SCALAR));
    }
    return inputs;
}

static void collect_final_state(TYPE(RefPass) * pass, const RefNetwork *network,
                                const RefBatch *batch) {
    const size_t rows = batch->rows;
    pass->final_state = ref_allocate(ref_state_count(network, rows), sizeof(SCALAR));
    for (size_t layer = 0; layer < network->layer_count; layer++)
        for (size_t d = 0; d < ref_directions(network, layer); d++) {
            const TYPE(RefTrack) *track = &pass->tracks[layer][d];
            const size_t state = rows * network->layers[layer].hidden;
            const size_t h_state = rows * ref_layer_width(network, layer);
            memcpy(pass->final_state + ref_state_hidden(network, rows, layer, d),
                   track->hidden + batch->steps * h_state, h_state * sizeof(SCALAR));
            if (track->cell)
                memcpy(pass->final_state + ref_state_cell(network, rows, layer, d),
                       track->cell + batch->steps * state, state * sizeof(SCALAR));
        }
}

static void run_head(TYPE(RefPass) * pass, const RefNetwork *network, const RefBatch *batch,
                     const SCALAR *parameters) {
    const size_t features = ref_layer_features(network, network->layer_count - 1);
    const size_t positions = ref_positions(network, batch), width = ref_output_width(network);
    const SCALAR *bias =
        network->head_bias_offset == REF_ABSENT ? NULL : parameters + network->head_bias_offset;
    pass->output = ref_allocate(positions * width, sizeof(SCALAR));
    for (size_t p = 0; p < positions; p++) {
        if (!ref_position_counts(network, batch, p)) continue;
        const SCALAR *x = pass->features + p * features;
        SCALAR *y = pass->output + p * width;
        if (network->outputs == 0)
            memcpy(y, x, width * sizeof(SCALAR));
        else
            affine(y, parameters + network->head_weight, bias, x, width, features);
    }
}

TYPE(RefPass) * FUNCTION(ref_forward)(const RefNetwork *network, const RefBatch *batch,
                                      const TYPE(RefValues) * values) {
    TYPE(RefPass) *pass = ref_allocate(1, sizeof *pass);
    pass->inputs[0] = first_inputs(network, batch, values);
    for (size_t layer = 0; layer < network->layer_count; layer++) {
        const bool is_last = layer + 1 == network->layer_count;
        for (size_t direction = 0; direction < ref_directions(network, layer); direction++)
            run_track(pass, network, batch, values, layer, direction);
        if (is_last) break;
        const size_t count = batch->steps * batch->rows * ref_layer_features(network, layer);
        SCALAR *output = gather_steps(pass, network, batch, layer);
        for (size_t k = 0; k < count && batch->masks[layer]; k++)
            output[k] *= batch->masks[layer][k];
        pass->inputs[layer + 1] = output;
    }
    if (network->output == REF_EVERY_STEP)
        pass->features = gather_steps(pass, network, batch, network->layer_count - 1);
    else if (network->output == REF_LAST_STEP)
        pass->features = gather_last(pass, network, batch);
    else
        pass->features = gather_pooled(pass, network, batch);
    collect_final_state(pass, network, batch);
    run_head(pass, network, batch, values->parameters);
    return pass;
}

void FUNCTION(ref_pass_free)(TYPE(RefPass) * pass) {
    if (!pass) return;
    for (size_t layer = 0; layer < REF_LAYERS_MAX; layer++) {
        free(pass->inputs[layer]);
        for (size_t d = 0; d < 2; d++) {
            TYPE(RefTrack) *track = &pass->tracks[layer][d];
            free(track->hidden);
            free(track->cell);
            free(track->gates);
            free(track->recurrent);
            free(track->reset_hidden);
            free(track->unprojected);
        }
    }
    free(pass->features);
    free(pass->output);
    free(pass->final_state);
    free(pass);
}

/* -log softmax(logits)[target] */
static SCALAR cross_entropy(const SCALAR *logits, size_t width, size_t target) {
    double largest = REAL_PART(logits[0]);
    for (size_t k = 1; k < width; k++)
        if (REAL_PART(logits[k]) > largest) largest = REAL_PART(logits[k]);
    SCALAR sum = 0.0;
    for (size_t k = 0; k < width; k++) sum += EXP(logits[k] - largest);
    return LOG(sum) + largest - logits[target];
}

SCALAR FUNCTION(ref_loss)(const RefNetwork *network, const RefBatch *batch, const RefTarget *target,
                          const SCALAR *output) {
    const size_t width = ref_output_width(network);
    SCALAR sum = 0.0;
    size_t count = 0;
    for (size_t p = 0; p < ref_positions(network, batch); p++) {
        if (!ref_position_counts(network, batch, p)) continue;
        const SCALAR *y = output + p * width;
        if (target->kind == REF_CROSS_ENTROPY) {
            if (target->classes[p] < 0) continue;
            assert((size_t)target->classes[p] < width);
            sum += cross_entropy(y, width, (size_t)target->classes[p]);
            count += 1;
            continue;
        }
        for (size_t k = 0; k < width; k++) {
            const double value = target->values[p * width + k];
            sum +=
                target->kind == REF_WEIGHTED_SUM ? y[k] * value : (y[k] - value) * (y[k] - value);
        }
        count += width;
    }
    if (target->kind == REF_WEIGHTED_SUM || count == 0) return sum;
    return sum / (double)count;
}
