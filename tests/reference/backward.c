/* Backpropagation through time, by hand from the equations in reference.h. */
#include "reference.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The parameters of one layer in one direction and their gradients; absent ones are NULL. */
typedef struct Weights {
    const double *values[REF_SLOTS];
    double *gradients[REF_SLOTS];
} Weights;

/* One row at one visit. A name d_x is d loss / d x. */
typedef struct Step {
    size_t inputs, hidden, width;
    const double *x, *h, *c, *c_next, *gates, *recurrent, *reset_hidden, *unprojected;
    double *d_x;         /* [I], added to */
    double *d_h;         /* [W], of the state after the step in, of the one before it out */
    double *d_c;         /* [H], likewise */
    double *d_input;     /* [G * H], of W_ih x + b_ih */
    double *d_recurrent; /* [G * H], of W_hh h + b_hh */
} Step;

static double d_tanh(double y) {
    return 1.0 - y * y;
}

static double d_sigmoid(double y) {
    return y * (1.0 - y);
}

/* For y = weight x + bias, with weight [rows][columns]: adds to the gradients that are not NULL. */
static void affine_backward(const double *d_y, const double *weight, const double *x, size_t rows,
                            size_t columns, double *d_weight, double *d_bias, double *d_x) {
    for (size_t i = 0; i < rows; i++) {
        if (d_bias) d_bias[i] += d_y[i];
        for (size_t j = 0; j < columns; j++) {
            d_weight[i * columns + j] += d_y[i] * x[j];
            d_x[j] += weight[i * columns + j] * d_y[i];
        }
    }
}

/* The rows from `first` on of W_hh and b_hh, which multiplied `state` [W]. */
static void recurrent_backward(const Step *step, const Weights *weights, size_t first, size_t rows,
                               const double *state, double *d_state) {
    double *d_bias = weights->gradients[REF_BIAS_HH];
    affine_backward(step->d_recurrent + first, weights->values[REF_WEIGHT_HH] + first * step->width,
                    state, rows, step->width,
                    weights->gradients[REF_WEIGHT_HH] + first * step->width,
                    d_bias ? d_bias + first : NULL, d_state);
}

static void step_rnn_backward(RefCell cell, const Step *step, const Weights *weights) {
    for (size_t j = 0; j < step->hidden; j++) {
        const double y = step->gates[j];
        const double slope = cell == REF_RNN_RELU ? (y > 0.0 ? 1.0 : 0.0) : d_tanh(y);
        step->d_input[j] = step->d_recurrent[j] = step->d_h[j] * slope;
        step->d_h[j] = 0.0;
    }
    recurrent_backward(step, weights, 0, step->hidden, step->h, step->d_h);
}

/* `d_m` [H], scratch: of o * tanh(c'). */
static void step_lstm_backward(const Step *step, const Weights *weights, double *d_m) {
    const size_t n = step->hidden;
    const double *i = step->gates, *f = i + n, *g = f + n, *o = g + n;
    double *d_i = step->d_input, *d_f = d_i + n, *d_g = d_f + n, *d_o = d_g + n;
    memset(d_m, 0, n * sizeof(double));
    if (step->unprojected)
        affine_backward(step->d_h, weights->values[REF_WEIGHT_HR], step->unprojected, step->width,
                        n, weights->gradients[REF_WEIGHT_HR], NULL, d_m);
    else
        memcpy(d_m, step->d_h, n * sizeof(double));
    memset(step->d_h, 0, step->width * sizeof(double));
    for (size_t j = 0; j < n; j++) {
        const double squashed = tanh(step->c_next[j]);
        const double d_c = step->d_c[j] + d_m[j] * o[j] * d_tanh(squashed);
        d_i[j] = d_c * g[j] * d_sigmoid(i[j]);
        d_f[j] = d_c * step->c[j] * d_sigmoid(f[j]);
        d_g[j] = d_c * i[j] * d_tanh(g[j]);
        d_o[j] = d_m[j] * squashed * d_sigmoid(o[j]);
        step->d_c[j] = d_c * f[j];
    }
    memcpy(step->d_recurrent, step->d_input, 4 * n * sizeof(double));
    recurrent_backward(step, weights, 0, 4 * n, step->h, step->d_h);
}

static void step_gru_after_backward(const Step *step, const Weights *weights) {
    const size_t n = step->hidden;
    const double *r = step->gates, *z = r + n, *candidate = z + n;
    double *d_r = step->d_input, *d_z = d_r + n, *d_n = d_z + n;
    for (size_t j = 0; j < n; j++) {
        d_n[j] = step->d_h[j] * (1.0 - z[j]) * d_tanh(candidate[j]);
        d_z[j] = step->d_h[j] * (step->h[j] - candidate[j]) * d_sigmoid(z[j]);
        d_r[j] = d_n[j] * step->recurrent[2 * n + j] * d_sigmoid(r[j]);
        step->d_recurrent[j] = d_r[j];
        step->d_recurrent[n + j] = d_z[j];
        step->d_recurrent[2 * n + j] = d_n[j] * r[j];
        step->d_h[j] *= z[j];
    }
    recurrent_backward(step, weights, 0, 3 * n, step->h, step->d_h);
}

/* `d_reset_hidden` [H] is scratch. */
static void step_gru_before_backward(const Step *step, const Weights *weights,
                                     double *d_reset_hidden) {
    const size_t n = step->hidden;
    const double *r = step->gates, *z = r + n, *candidate = z + n;
    double *d_r = step->d_input, *d_z = d_r + n, *d_n = d_z + n;
    for (size_t j = 0; j < n; j++) {
        d_n[j] = step->d_h[j] * (1.0 - z[j]) * d_tanh(candidate[j]);
        d_z[j] = step->d_h[j] * (step->h[j] - candidate[j]) * d_sigmoid(z[j]);
        step->d_recurrent[2 * n + j] = d_n[j];
        step->d_h[j] *= z[j];
        d_reset_hidden[j] = 0.0;
    }
    recurrent_backward(step, weights, 2 * n, n, step->reset_hidden, d_reset_hidden);
    for (size_t j = 0; j < n; j++) {
        d_r[j] = d_reset_hidden[j] * step->h[j] * d_sigmoid(r[j]);
        step->d_h[j] += d_reset_hidden[j] * r[j];
        step->d_recurrent[j] = d_r[j];
        step->d_recurrent[n + j] = d_z[j];
    }
    recurrent_backward(step, weights, 0, 2 * n, step->h, step->d_h);
}

static void step_cell_backward(RefCell cell, const Step *step, const Weights *weights,
                               double *scratch) {
    switch (cell) {
    case REF_RNN_TANH:
    case REF_RNN_RELU:
        step_rnn_backward(cell, step, weights);
        break;
    case REF_LSTM:
        step_lstm_backward(step, weights, scratch);
        break;
    case REF_GRU_RESET_AFTER:
        step_gru_after_backward(step, weights);
        break;
    case REF_GRU_RESET_BEFORE:
        step_gru_before_backward(step, weights, scratch);
        break;
    }
    affine_backward(step->d_input, weights->values[REF_WEIGHT_IH], step->x,
                    ref_gates(cell) * step->hidden, step->inputs, weights->gradients[REF_WEIGHT_IH],
                    weights->gradients[REF_BIAS_IH], step->d_x);
}

/* Gradients that travel through one layer in one direction. */
typedef struct Flow {
    const double *d_output; /* [T][B][D * W], of the layer's output; NULL: none */
    double *d_hidden;       /* [B][W], of the final state in, of the initial state out */
    double *d_cell;         /* [B][H], likewise */
    double *d_inputs;       /* [T][B][I], added to */
} Flow;

static void track_backward(const RefNetwork *network, const RefBatch *batch, const RefPass *pass,
                           const Weights *weights, size_t layer, size_t direction,
                           const Flow *flow) {
    const RefCell cell = network->layers[layer].cell;
    const size_t hidden = network->layers[layer].hidden, rows = batch->rows;
    const size_t width = ref_layer_width(network, layer);
    const size_t inputs = ref_layer_inputs(network, layer), gates = ref_gates(cell) * hidden;
    const size_t features = ref_layer_features(network, layer);
    const RefTrack *track = &pass->tracks[layer][direction];
    double *scratch = ref_allocate(2 * gates + hidden, sizeof(double));
    /* Newest first: the gradient flows from visit s + 1 to s. */
    for (size_t visit = batch->steps; visit-- > 0;) {
        const size_t t = direction == 0 ? visit : batch->steps - 1 - visit;
        for (size_t b = 0; b < rows; b++) {
            if (!ref_step_counts(batch, t, b)) continue;
            const size_t at = visit * rows + b, next = at + rows;
            const Step step = {
                .inputs = inputs,
                .hidden = hidden,
                .width = width,
                .x = pass->inputs[layer] + (t * rows + b) * inputs,
                .h = track->hidden + at * width,
                .c = track->cell ? track->cell + at * hidden : NULL,
                .c_next = track->cell ? track->cell + next * hidden : NULL,
                .gates = track->gates + at * gates,
                .recurrent = track->recurrent + at * gates,
                .reset_hidden = track->reset_hidden ? track->reset_hidden + at * hidden : NULL,
                .unprojected = track->unprojected ? track->unprojected + at * hidden : NULL,
                .d_x = flow->d_inputs + (t * rows + b) * inputs,
                .d_h = flow->d_hidden + b * width,
                .d_c = flow->d_cell + b * hidden,
                .d_input = scratch,
                .d_recurrent = scratch + gates,
            };
            for (size_t j = 0; j < width && flow->d_output; j++)
                step.d_h[j] += flow->d_output[(t * rows + b) * features + direction * width + j];
            step_cell_backward(cell, &step, weights, scratch + 2 * gates);
        }
    }
    free(scratch);
}

/* What became of the gradient of the initial state [B][H]: the learned one takes every row's. */
static void finish_state(const double *d_state, size_t rows, size_t hidden, double *d_initial,
                         double *d_learned) {
    for (size_t k = 0; k < rows * hidden; k++) {
        if (d_initial) d_initial[k] = d_state[k];
        if (d_learned) d_learned[k % hidden] += d_state[k];
    }
}

/* One layer, both directions. d_output [T][B][D * W] or NULL; d_final [B][D * W] of the final
 * hidden states, or NULL; d_inputs [T][B][I] zeroed; d_parameters zeroed before the first layer. */
static void layer_backward(const RefNetwork *network, const RefBatch *batch,
                           const RefValues *values, const RefPass *pass, size_t layer,
                           const double *d_output, const double *d_final, double *d_inputs,
                           double *d_parameters, double *d_initial) {
    const size_t hidden = network->layers[layer].hidden, rows = batch->rows;
    const size_t width = ref_layer_width(network, layer);
    const size_t features = ref_layer_features(network, layer);
    const bool lstm = network->layers[layer].cell == REF_LSTM;
    for (size_t d = 0; d < ref_directions(network, layer); d++) {
        Weights weights;
        for (size_t slot = 0; slot < REF_SLOTS; slot++) {
            const size_t offset = network->offsets[layer][d][slot];
            weights.values[slot] = offset == REF_ABSENT ? NULL : values->parameters + offset;
            weights.gradients[slot] = offset == REF_ABSENT ? NULL : d_parameters + offset;
        }
        double *d_hidden = ref_allocate(rows * width, sizeof(double));
        double *d_cell = ref_allocate(rows * hidden, sizeof(double));
        for (size_t k = 0; k < rows * width && d_final; k++)
            d_hidden[k] = d_final[k / width * features + d * width + k % width];
        const Flow flow = {d_output, d_hidden, d_cell, d_inputs};
        track_backward(network, batch, pass, &weights, layer, d, &flow);
        const bool given = values->initial != NULL;
        finish_state(d_hidden, rows, width,
                     d_initial ? d_initial + ref_state_hidden(network, rows, layer, d) : NULL,
                     given ? NULL : weights.gradients[REF_H0]);
        if (lstm)
            finish_state(d_cell, rows, hidden,
                         d_initial ? d_initial + ref_state_cell(network, rows, layer, d) : NULL,
                         given ? NULL : weights.gradients[REF_C0]);
        free(d_hidden);
        free(d_cell);
    }
}

static void add_cross_entropy(const double *logits, size_t width, size_t target, double *gradient) {
    double largest = logits[0], sum = 0.0;
    for (size_t k = 1; k < width; k++) largest = logits[k] > largest ? logits[k] : largest;
    for (size_t k = 0; k < width; k++) sum += exp(logits[k] - largest);
    for (size_t k = 0; k < width; k++) gradient[k] = exp(logits[k] - largest) / sum;
    gradient[target] -= 1.0;
}

void ref_loss_gradient(const RefNetwork *network, const RefBatch *batch, const RefTarget *target,
                       const double *output, double *gradient) {
    const size_t width = ref_output_width(network), positions = ref_positions(network, batch);
    size_t count = 0;
    memset(gradient, 0, positions * width * sizeof(double));
    for (size_t p = 0; p < positions; p++) {
        const double *y = output + p * width;
        double *d_y = gradient + p * width;
        if (!ref_position_counts(network, batch, p)) continue;
        if (target->kind == REF_CROSS_ENTROPY) {
            if (target->classes[p] < 0) continue;
            add_cross_entropy(y, width, (size_t)target->classes[p], d_y);
            count += 1;
            continue;
        }
        for (size_t k = 0; k < width; k++) {
            const double value = target->values[p * width + k];
            d_y[k] = target->kind == REF_WEIGHTED_SUM ? value : 2.0 * (y[k] - value);
        }
        count += width;
    }
    if (target->kind == REF_WEIGHTED_SUM || count == 0) return;
    for (size_t k = 0; k < positions * width; k++) gradient[k] /= (double)count;
}

/* From d_output [P][O] to d_features [P][F]. */
static void head_backward(const RefNetwork *network, const RefValues *values, const RefPass *pass,
                          size_t positions, const double *d_output, double *d_features,
                          double *d_parameters) {
    const size_t features = ref_layer_features(network, network->layer_count - 1);
    if (network->outputs == 0) {
        memcpy(d_features, d_output, positions * features * sizeof(double));
        return;
    }
    double *d_bias =
        network->head_bias_offset == REF_ABSENT ? NULL : d_parameters + network->head_bias_offset;
    for (size_t p = 0; p < positions; p++)
        affine_backward(d_output + p * network->outputs, values->parameters + network->head_weight,
                        pass->features + p * features, network->outputs, features,
                        d_parameters + network->head_weight, d_bias, d_features + p * features);
}

/* From d_pooled [B][F] to the gradient of every state [T][B][F] that was pooled. The caller frees.
 */
static double *pool_backward(const RefNetwork *network, const RefBatch *batch, const RefPass *pass,
                             const double *d_pooled) {
    const size_t layer = network->layer_count - 1, units = ref_layer_width(network, layer);
    const size_t width = ref_layer_features(network, layer), rows = batch->rows;
    double *gradient = ref_allocate(batch->steps * rows * width, sizeof(double));
    for (size_t k = 0; k < rows * width; k++) {
        const size_t row = k / width, direction = k % width / units, unit = k % units;
        const double *states = pass->tracks[layer][direction].hidden;
        size_t steps = 0;
        while (steps < batch->steps && ref_step_counts(batch, steps, row)) steps++;
        for (size_t t = 0; t < steps; t++) {
            const size_t visit = direction == 0 ? t : batch->steps - 1 - t;
            const double state = states[((visit + 1) * rows + row) * units + unit];
            double *const out = &gradient[t * rows * width + k];
            if (network->output == REF_MEAN) {
                *out = d_pooled[k] / (double)steps;
            } else if (state == pass->features[k]) {
                *out = d_pooled[k];
                break;
            }
        }
    }
    return gradient;
}

/* What the first layer's input owes: to the embedding's rows, or to the caller's features. */
static void input_backward(const RefNetwork *network, const RefBatch *batch, const double *d_inputs,
                           double *d_parameters, double *d_dense) {
    const size_t width = ref_layer_inputs(network, 0), cells = batch->steps * batch->rows;
    if (network->input == REF_DENSE && d_dense)
        memcpy(d_dense, d_inputs, cells * width * sizeof(double));
    if (network->input != REF_EMBEDDING) return;
    for (size_t at = 0; at < cells; at++) {
        if (!ref_step_counts(batch, at / batch->rows, at % batch->rows)) continue;
        double *row = d_parameters + network->embedding_weight + (size_t)batch->tokens[at] * width;
        for (size_t j = 0; j < width; j++) row[j] += d_inputs[at * width + j];
    }
}

void ref_backward(const RefNetwork *network, const RefBatch *batch, const RefValues *values,
                  const RefPass *pass, const RefTarget *target, const RefGradients *gradients) {
    const size_t positions = ref_positions(network, batch), cells = batch->steps * batch->rows;
    const size_t last = network->layer_count - 1;
    double *d_parameters = ref_allocate(network->parameter_count, sizeof(double));
    double *d_output = ref_allocate(positions * ref_output_width(network), sizeof(double));
    double *d_above = ref_allocate(positions * ref_layer_features(network, last), sizeof(double));
    for (size_t layer = 0; layer < network->layer_count; layer++)
        assert(!network->layers[layer].plain.peepholes &&
               !(network->layers[layer].plain.clip > 0.0));
    ref_loss_gradient(network, batch, target, pass->output, d_output);
    head_backward(network, values, pass, positions, d_output, d_above, d_parameters);
    if (network->output == REF_MEAN || network->output == REF_MAX) {
        double *const d_states = pool_backward(network, batch, pass, d_above);
        free(d_above);
        d_above = d_states;
    }
    for (size_t layer = last + 1; layer-- > 0;) {
        const bool from_final = layer == last && network->output == REF_LAST_STEP;
        const size_t count = cells * ref_layer_inputs(network, layer);
        double *d_inputs = ref_allocate(count, sizeof(double));
        layer_backward(network, batch, values, pass, layer, from_final ? NULL : d_above,
                       from_final ? d_above : NULL, d_inputs, d_parameters, gradients->initial);
        const double *mask = layer > 0 ? batch->masks[layer - 1] : NULL;
        for (size_t k = 0; k < count && mask; k++) d_inputs[k] *= mask[k];
        free(d_above);
        d_above = d_inputs;
    }
    input_backward(network, batch, d_above, d_parameters, gradients->dense);
    if (gradients->parameters)
        memcpy(gradients->parameters, d_parameters, network->parameter_count * sizeof(double));
    free(d_above);
    free(d_output);
    free(d_parameters);
}
