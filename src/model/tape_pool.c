/* Pooled outputs: the mean or the greatest of the last layer's states over a row's steps. */
#include <string.h>

#include "model/tape.h"

static size_t row_length(const elman_tape *tape, size_t b) {
    return tape->pass.lengths ? tape->pass.lengths[b] : tape->pass.steps;
}

/* h of row b after step t. */
static const float *state_after(const CellRun *run, size_t t, size_t b) {
    return cell_h(run, cell_slot_after(run, t)) + b * cell_h_row(run->shape);
}

void tape_pool_row(const elman_tape *tape, const CellRun *run, size_t b, float *out) {
    const size_t width = run->shape->width, length = row_length(tape, b);
    const bool greatest = tape->network->structure.output == ELMAN_OUTPUT_MAX;
    memset(out, 0, width * sizeof *out);
    if (length == 0) return;
    if (greatest) memcpy(out, state_after(run, 0, b), width * sizeof *out);
    for (size_t t = greatest ? 1 : 0; t < length; t++) {
        const float *const h = state_after(run, t, b);
        if (greatest) {
            /* A NaN stays, so that whoever looks at the loss sees it. */
            for (size_t u = 0; u < width; u++)
                out[u] = h[u] > out[u] || h[u] != h[u] ? h[u] : out[u];
        } else {
            for (size_t u = 0; u < width; u++) out[u] += h[u];
        }
    }
    for (size_t u = 0; u < width && !greatest; u++) out[u] /= (float)length;
}

/* For each of `count` units from `first` on, the first step at which h is at its greatest. */
static void find_greatest(const CellRun *run, size_t b, size_t length, size_t first, size_t count,
                          size_t steps[PANEL]) {
    float best[PANEL];
    memcpy(best, state_after(run, 0, b) + first, count * sizeof *best);
    for (size_t u = 0; u < count; u++) steps[u] = 0;
    for (size_t t = 1; t < length; t++) {
        const float *const h = state_after(run, t, b) + first;
        for (size_t u = 0; u < count; u++) {
            if (!(h[u] > best[u])) continue;
            best[u] = h[u];
            steps[u] = t;
        }
    }
}

/* Spreads the gradient of one row's pooled units over its steps: gradient [steps][batch] rows of
 * `row` floats each. */
static void spread(const elman_tape *tape, const CellRun *run, size_t b, const float *pooled,
                   float *gradient, size_t row) {
    const size_t width = run->shape->width, length = row_length(tape, b);
    const bool greatest = tape->network->structure.output == ELMAN_OUTPUT_MAX;
    for (size_t t = 0; t < tape->pass.steps; t++) {
        float *const out = gradient + (t * run->batch + b) * row;
        const bool counts = t < length && !greatest;
        for (size_t u = 0; u < width; u++) out[u] = counts ? pooled[u] / (float)length : 0.0f;
    }
    for (size_t first = 0; first < width && greatest && length > 0; first += PANEL) {
        const size_t left = width - first, count = left < PANEL ? left : PANEL;
        size_t steps[PANEL];
        find_greatest(run, b, length, first, count, steps);
        for (size_t u = 0; u < count; u++)
            gradient[(steps[u] * run->batch + b) * row + first + u] = pooled[first + u];
    }
}

void tape_pool_backward(elman_tape *tape, size_t begin, size_t end) {
    const Structure *const structure = &tape->network->structure;
    const size_t l = structure->layer_count - 1, width = structure_width(structure, l);
    const size_t directions = structure_directions(structure, l);
    const TapeLayer *const layer = &tape->layers[l];
    const bool masked = structure->layers[l].dropout > 0.0f && tape->pass.training;
    for (size_t b = begin; b < end; b++) {
        float *const pooled = tape->features_gradient.data + b * tape->features_gradient.row;
        const float *const mask = tape->last_mask + b * tape->features_gradient.row;
        for (size_t i = 0; i < width * directions && masked; i++) pooled[i] *= mask[i];
        for (size_t d = 0; d < directions; d++) {
            const Rows part = tape_direction_gradient(layer, d);
            spread(tape, &layer->run[d], b, pooled + d * width, part.data, part.row);
        }
    }
}
