/* Backpropagation through time over a batch: first what is sequential, shared as the plan says,
 * then the weight gradients, each worker for its part of the weights. */
#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "model/tape.h"

/* The gradient of the head's input. */
static void head_backward(elman_tape *tape, const TapeShare *share) {
    const NetworkHead *const head = &tape->network->head;
    const Product product = {
        .panels = head->input_panels,
        .panel_end = head->input_panels,
        .blocks = 1,
        .inner = head->outputs,
        .a = tape->output_gradient.data,
        .a_row = tape->output_gradient.row,
        .w = head->w_back,
        .bias = tape->network->zeros,
        .out = tape->features_gradient.data,
        .out_row = tape->features_gradient.row,
    };
    tape_product(tape, share, product);
}

/* gradient *= mask, for `count` numbers of each row. */
static void apply_mask(float *gradient, const float *mask, size_t count) {
    for (size_t i = 0; i < count; i++) gradient[i] *= mask[i];
}

Rows tape_direction_gradient(const TapeLayer *layer, size_t d) {
    const CellShape *const shape = layer->run[d].shape;
    if (layer->split[d]) return (Rows){layer->split[d], cell_h_row(shape)};
    return (Rows){layer->gradient.data + d * shape->width, layer->gradient.row};
}

/* Takes the gradient of a layer's output apart by direction, through the dropout mask. */
static void split(elman_tape *tape, size_t l, const TapeShare *share) {
    TapeLayer *const layer = &tape->layers[l];
    const Structure *const structure = &tape->network->structure;
    const size_t width = structure_width(structure, l),
                 directions = structure_directions(structure, l);
    const size_t padded = network_padded(width);
    for (size_t t = share->steps.begin; t < share->steps.end; t++)
        for (size_t b = share->row_begin; b < share->row_end; b++) {
            const size_t at = t * tape->pass.batch + b;
            float *const gradient = layer->gradient.data + at * layer->gradient.row;
            if (layer->mask && tape->pass.training)
                apply_mask(gradient, layer->mask + at * layer->gradient.row, width * directions);
            for (size_t d = 0; d < directions && layer->split[d]; d++) {
                float *const part = layer->split[d] + at * padded;
                memcpy(part, gradient + d * width, width * sizeof(float));
            }
        }
}

/* The gradient of the final states of layer l: from the head for output at the last step, else
 * zeros. */
static void start_state(elman_tape *tape, size_t l, size_t d, bool from_head, size_t begin,
                        size_t end) {
    const CellRun *const run = &tape->layers[l].run[d];
    const size_t width = run->shape->width, row = cell_h_row(run->shape);
    const size_t unit_row = cell_unit_row(run->shape);
    const bool masked = tape->network->structure.layers[l].dropout > 0.0f && tape->pass.training;
    for (size_t b = begin; b < end; b++) {
        memset(run->dh + b * row, 0, row * sizeof(float));
        if (run->dc) memset(run->dc + b * unit_row, 0, unit_row * sizeof(float));
        if (!from_head || (run->lengths && run->lengths[b] == 0)) continue;
        const size_t at = b * tape->features_gradient.row + d * width;
        memcpy(run->dh + b * row, tape->features_gradient.data + at, width * sizeof(float));
        if (masked) apply_mask(run->dh + b * row, tape->last_mask + at, width);
    }
}

static bool from_last_step(const elman_tape *tape, size_t l) {
    const Structure *const structure = &tape->network->structure;
    return l == structure->layer_count - 1 && structure->output == ELMAN_OUTPUT_LAST_STEP;
}

/* One direction's run on its way back. */
static CellRun backward_run(const elman_tape *tape, size_t l, size_t d) {
    const TapeLayer *const layer = &tape->layers[l];
    CellRun run = layer->run[d];
    const Rows dy = tape_direction_gradient(layer, d);
    run.dy = from_last_step(tape, l) ? NULL : dy.data;
    run.dy_row = dy.row;
    return run;
}

static void input_gradient(elman_tape *tape, size_t l, size_t d, StepRange steps,
                           const CellShare *share) {
    const Rows below = l ? tape->layers[l - 1].gradient : tape->input_gradient;
    if (below.data)
        cell_input_gradient(&tape->layers[l].run[d], steps, below.data, below.row, d == 1, share);
}

/* The gradients of the final states of layer l, and what comes from pooled ones. */
static void start_layer(elman_tape *tape, size_t l, const TapeShare *share) {
    const Structure *const structure = &tape->network->structure;
    if (l == structure->layer_count - 1 && structure_pooled(structure)) {
        tape_pool_backward(tape, share->own_begin, share->own_end);
        pool_forgive(share->cell.pool, share->cell.worker);
        cell_meet(&share->cell);
    }
    for (size_t d = 0; d < structure_directions(structure, l); d++)
        start_state(tape, l, d, from_last_step(tape, l), share->own_begin, share->own_end);
}

/* A layer of one direction, in the steps of the share. */
static void backward_steps(elman_tape *tape, size_t l, const TapeShare *share) {
    if (tape->layers[l].joined) split(tape, l, share);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_JOIN);
    const CellRun run = backward_run(tape, l, 0);
    cell_backward(&run, share->steps, &share->cell);
    input_gradient(tape, l, 0, share->steps, &share->cell);
}

/* Both directions at a time; the gradient of what both read comes after. */
static void backward_both(elman_tape *tape, size_t l, const TapeShare *share) {
    const TapeShare whole = tape_whole_share(tape, share, tape_steps(tape));
    const size_t worker = share->cell.worker;
    elman_context *const context = tape->network->context;
    if (tape->layers[l].joined) split(tape, l, share);
    cell_meet(&share->cell);
    profile_mark(context, worker, ELMAN_PHASE_JOIN);
    if (worker < 2) {
        const CellRun run = backward_run(tape, l, worker);
        cell_backward(&run, whole.steps, &whole.cell);
    }
    cell_meet(&share->cell);
    profile_mark(context, worker, ELMAN_PHASE_WAIT);
    for (size_t d = 0; d < 2; d++) input_gradient(tape, l, d, whole.steps, &share->cell);
    cell_meet(&share->cell);
}

static void backward_by_layers(elman_tape *tape, const TapeShare *share) {
    const Structure *const structure = &tape->network->structure;
    for (size_t l = 0; l < structure->layer_count; l++) start_layer(tape, l, share);
    cell_meet(&share->cell);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_JOIN);
    for (size_t end = structure->layer_count, first; end > 0; end = first) {
        first = plan_stack_begin(structure, end);
        if (structure_directions(structure, first) == 1)
            tape_wave(tape, share, first, end, true, backward_steps);
        else
            backward_both(tape, first, share);
    }
}

static void backward_layer(elman_tape *tape, size_t l, const TapeShare *share) {
    const size_t directions = structure_directions(&tape->network->structure, l);
    start_layer(tape, l, share);
    if (tape->layers[l].joined) split(tape, l, share);
    cell_meet(&share->cell);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_JOIN);
    for (size_t d = 0; d < directions; d++) {
        const CellRun run = backward_run(tape, l, d);
        cell_backward(&run, tape_steps(tape), &share->cell);
        input_gradient(tape, l, d, tape_steps(tape), &share->cell);
    }
    cell_meet(&share->cell);
}

static void backward_share(elman_tape *tape, const TapeShare *share) {
    if (tape->network->structure.has_head) {
        head_backward(tape, share);
        cell_meet(&share->cell);
        profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_HEAD_BACK);
    }
    if (tape->plan.sharing == ELMAN_SHARE_LAYERS) {
        backward_by_layers(tape, share);
        return;
    }
    for (size_t l = tape->network->structure.layer_count; l-- > 0;) backward_layer(tape, l, share);
}

/* Copies the caller's gradient of the output into the padded rows; what does not count is 0. */
static void read_gradient(elman_tape *tape, const float *gradient) {
    const size_t width = structure_outputs(&tape->network->structure);
    for (size_t at = 0; at < tape->positions; at++) {
        const size_t t = at / tape->pass.batch, b = at % tape->pass.batch;
        float *const row = tape->output_gradient.data + at * tape->output_gradient.row;
        memset(row, 0, tape->output_gradient.row * sizeof(float));
        if (!tape->pass.lengths || t < tape->pass.lengths[b])
            memcpy(row, gradient + at * width, width * sizeof(float));
    }
}

elman_status elman_tape_backward(elman_tape *tape, const float *output_gradient,
                                 elman_error *error) {
    const elman_status status = structure_check_trained(&tape->network->structure, error);
    if (status) return status;
    if (!tape->goes_back)
        return fail(error, ELMAN_ERR_ARGUMENT, "the tape was made for forward passes only");
    if (!tape->ran)
        return fail(error, ELMAN_ERR_ARGUMENT, "backward needs a forward pass, once for each");
    if (!output_gradient && !tape->has_gradient)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "backward needs a loss of the last pass or a gradient of its output");
    profile_mark(tape->network->context, 0, ELMAN_PHASE_OTHER);
    if (output_gradient) read_gradient(tape, output_gradient);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_HEAD_BACK);
    tape_each_share(tape, tape->input_gradient.data ? 0 : 1, backward_share);
    tape_weight_gradients(tape);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_WEIGHT_GRADIENTS);
    tape->ran = tape->has_gradient = false;
    tape->taken_back = true;
    return ELMAN_OK;
}
