/* The forward pass over a batch. */
#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "core/options.h"
#include "model/stages.h"
#include "model/tape.h"

static elman_status check_values(const elman_tape *tape, const elman_sequence *sequence,
                                 elman_error *error) {
    const size_t vocabulary = tape->network->structure.input_size;
    for (size_t b = 0; sequence->lengths && b < sequence->batch; b++)
        if (sequence->lengths[b] > sequence->steps)
            return fail(error, ELMAN_ERR_ARGUMENT, "row %zu has length %zu of %zu steps", b,
                        sequence->lengths[b], sequence->steps);
    for (size_t t = 0; tape->tokens && t < sequence->steps; t++)
        for (size_t b = 0; b < sequence->batch; b++) {
            const int32_t token = sequence->tokens[t * sequence->batch + b];
            const bool counts = !sequence->lengths || t < sequence->lengths[b];
            if (counts && (token < 0 || (size_t)token >= vocabulary))
                return fail(error, ELMAN_ERR_ARGUMENT,
                            "token %d at step %zu, row %zu is outside the vocabulary of %zu",
                            (int)token, t, b, vocabulary);
        }
    return ELMAN_OK;
}

static elman_status check(const elman_tape *tape, const elman_sequence *sequence,
                          elman_error *error) {
    const bool dense = tape->network->structure.input == ELMAN_INPUT_DENSE;
    if (sequence->steps == 0 || sequence->steps > tape->options.steps || sequence->batch == 0 ||
        sequence->batch > tape->options.batch)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a pass of %zu steps and %zu rows on a tape made for %zu and %zu",
                    sequence->steps, sequence->batch, tape->options.steps, tape->options.batch);
    if (dense ? !sequence->dense || sequence->tokens : !sequence->tokens || sequence->dense)
        return fail(error, ELMAN_ERR_ARGUMENT, "the model's input is %s, and nothing else",
                    dense ? "dense rows" : "tokens");
    return check_values(tape, sequence, error);
}

/* Whether the pass reads the caller's rows: all of them, since of those that do not count there is
 * no telling what they hold. */
static bool reads_in_place(const elman_tape *tape) {
    return tape->input_in_place && tape->pass.dense && !tape->pass.lengths;
}

/* The parts of each run that depend on this pass's shape. */
static void shape_runs(elman_tape *tape) {
    const Structure *const structure = &tape->network->structure;
    Rows input = {tape->input, structure_inputs(structure, 0)};
    if (reads_in_place(tape)) input.data = (float *)tape->pass.dense;
    for (size_t l = 0; l < structure->layer_count; l++) {
        TapeLayer *const layer = &tape->layers[l];
        for (size_t d = 0; d < structure_directions(structure, l); d++) {
            CellRun *const run = &layer->run[d];
            run->steps = tape->pass.steps;
            run->batch = tape->pass.batch;
            run->lengths = tape->pass.lengths;
            run->tokens = tape->tokens;
            run->x = input.data;
            run->x_row = input.row;
        }
        const size_t width = network_padded(structure_inputs(structure, l + 1));
        layer->output = (Rows){layer->joined, width};
        if (!layer->joined) layer->output.data = layer->run[0].h + tape->pass.batch * width;
        input = layer->output;
    }
    const bool last = structure_one_output(structure);
    TapeLayer *const top = &tape->layers[structure->layer_count - 1];
    tape->features = last ? (Rows){tape->last, top->gradient.row} : top->output;
    tape->features_gradient = last ? (Rows){tape->last_gradient, top->gradient.row} : top->gradient;
    tape->output = tape->features;
    tape->output_gradient = tape->features_gradient;
    if (structure->has_head) {
        const size_t row = network_padded(structure->head_outputs);
        tape->output = (Rows){tape->logits, row};
        tape->output_gradient = (Rows){tape->logits_gradient, row};
    }
    if (structure->stage_count > 0)
        tape->output = (Rows){tape->staged[stages_output(tape->network)], tape->network->stage_row};
    tape->positions = tape->pass.batch * (last ? 1 : tape->pass.steps);
}

/* Copies the input, zeros where it does not count. */
static void read_input(elman_tape *tape, const TapeShare *share) {
    const elman_sequence *const pass = &tape->pass;
    const Structure *const structure = &tape->network->structure;
    const size_t width = structure_inputs(structure, 0);
    for (size_t t = share->steps.begin; t < share->steps.end; t++)
        for (size_t b = share->row_begin; b < share->row_end; b++) {
            const size_t at = t * pass->batch + b;
            const bool counts = !pass->lengths || t < pass->lengths[b];
            if (tape->tokens) tape->tokens[at] = counts ? pass->tokens[at] : 0;
            if (!tape->input || reads_in_place(tape)) continue;
            const float *const row =
                pass->dense ? pass->dense + at * width
                            : tape->network->embedding + (size_t)tape->tokens[at] * width;
            if (counts)
                memcpy(tape->input + at * width, row, width * sizeof(float));
            else
                memset(tape->input + at * width, 0, width * sizeof(float));
        }
}

/* The initial state of rows [begin, end) into a slot of one array: from the caller's, at *state,
 * which is moved behind it, or `initial` for every row. */
static void start_array(const CellRun *run, Rows array, size_t width, const float *initial,
                        const float **state, size_t begin, size_t end) {
    for (size_t b = begin; b < end; b++) {
        float *const row = array.data + b * array.row;
        memcpy(row, *state ? *state + b * width : initial, width * sizeof(float));
        memset(row + width, 0, (array.row - width) * sizeof(float));
    }
    if (*state) *state += run->batch * width;
}

/* Puts the directions of a layer side by side, with dropout. */
static void join(elman_tape *tape, size_t l, const TapeShare *share) {
    TapeLayer *const layer = &tape->layers[l];
    const Structure *const structure = &tape->network->structure;
    const size_t part = structure_width(structure, l),
                 directions = structure_directions(structure, l);
    const size_t width = part * directions, batch = tape->pass.batch;
    const float rate = structure->layers[l].dropout;
    for (size_t t = share->steps.begin; t < share->steps.end; t++)
        for (size_t b = share->row_begin; b < share->row_end; b++) {
            const size_t at = t * batch + b;
            float *const out = layer->joined + at * layer->output.row;
            for (size_t d = 0; d < directions; d++) {
                const CellRun *const run = &layer->run[d];
                const float *const h = cell_h(run, cell_slot_after(run, t));
                memcpy(out + d * part, h + b * cell_h_row(run->shape), part * sizeof(float));
            }
            if (!layer->mask || !tape->pass.training) continue;
            float *const mask = layer->mask + at * layer->output.row;
            dropout_mask(tape->network->kernels, tape->pass.dropout_seed, tape->pass.dropout_pass,
                         l, at, rate, width, mask);
            for (size_t i = 0; i < width; i++) out[i] *= mask[i];
        }
}

/* The states of the last layer side by side that the one output a sequence is made of: the final
 * ones, or those pooled over the steps. */
static void gather_last(elman_tape *tape, size_t begin, size_t end) {
    const Structure *const structure = &tape->network->structure;
    const size_t l = structure->layer_count - 1, part = structure_width(structure, l);
    const size_t directions = structure_directions(structure, l), width = part * directions;
    const float rate = structure->layers[l].dropout;
    for (size_t b = begin; b < end; b++) {
        float *const out = tape->last + b * tape->features.row;
        for (size_t d = 0; d < directions; d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            const float *const h = cell_h(run, cell_slot_last(run));
            if (structure_pooled(structure))
                tape_pool_row(tape, run, b, out + d * part);
            else
                memcpy(out + d * part, h + b * cell_h_row(run->shape), part * sizeof(float));
        }
        if (!(rate > 0.0f) || !tape->pass.training) continue;
        float *const mask = tape->last_mask + b * tape->features.row;
        dropout_mask(tape->network->kernels, tape->pass.dropout_seed, tape->pass.dropout_pass, l, b,
                     rate, width, mask);
        for (size_t i = 0; i < width; i++) out[i] *= mask[i];
    }
}

static void run_head(elman_tape *tape, const TapeShare *share) {
    const NetworkHead *const head = &tape->network->head;
    const Product product = {
        .panels = head->panels,
        .panel_end = head->panels,
        .blocks = 1,
        .inner = head->inputs,
        .a = tape->features.data,
        .a_row = tape->features.row,
        .w = head->w,
        .bias = head->bias,
        .out = tape->logits,
        .out_row = head->panels * PANEL,
    };
    tape_product(tape, share, product);
}

/* Positions [begin, end) through the stages behind the head. */
static void run_stages(elman_tape *tape, size_t begin, size_t end) {
    const Rows head = {tape->logits, network_padded(tape->network->structure.head_outputs)};
    const Rows in = tape->network->structure.has_head ? head : tape->features;
    const size_t row = tape->network->stage_row;
    float *const buffers[2] = {tape->staged[0] + begin * row, tape->staged[1] + begin * row};
    stages_run(tape->network, in.data + begin * in.row, in.row, end - begin, buffers);
}

/* Each worker has the positions whose outputs of the head it has computed itself. */
static void share_stages(elman_tape *tape, const TapeShare *share) {
    const size_t batch = tape->pass.batch, steps = tape->positions / batch;
    size_t begin, end;
    if (share->cell.sharing == CELL_PANELS) {
        pool_split(tape->positions, 1, share->cell.worker, share->cell.workers, &begin, &end);
        run_stages(tape, begin, end);
        return;
    }
    cell_share_rows(&share->cell, batch, &begin, &end);
    for (size_t t = 0; t < steps && begin < end; t++)
        run_stages(tape, t * batch + begin, t * batch + end);
}

/* The initial states of all layers for rows [begin, end). */
static void start_states(elman_tape *tape, size_t begin, size_t end) {
    const Structure *const structure = &tape->network->structure;
    const float *state = tape->pass.state;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            const CellShape *const shape = run->shape;
            const size_t first = cell_slot_first(run);
            const Rows h = {cell_h(run, first), cell_h_row(shape)};
            start_array(run, h, shape->width, run->weights->h0, &state, begin, end);
            if (!run->c) continue;
            const Rows c = {cell_c(run, first), cell_unit_row(shape)};
            start_array(run, c, shape->hidden, run->weights->c0, &state, begin, end);
        }
}

/* A layer of one direction, in the steps of the share. */
static void forward_steps(elman_tape *tape, size_t l, const TapeShare *share) {
    cell_forward(&tape->layers[l].run[0], share->steps, &share->cell);
    if (!tape->layers[l].joined) return;
    join(tape, l, share);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_JOIN);
}

/* Both directions at a time. */
static void forward_both(elman_tape *tape, size_t l, const TapeShare *share) {
    const TapeShare whole = tape_whole_share(tape, share, tape_steps(tape));
    const size_t d = share->cell.worker;
    if (d < 2) cell_forward(&tape->layers[l].run[d], whole.steps, &whole.cell);
    cell_meet(&share->cell);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_WAIT);
}

static void join_all(elman_tape *tape, size_t l, const TapeShare *share) {
    if (!tape->layers[l].joined) return;
    join(tape, l, share);
    cell_meet(&share->cell);
    profile_mark(tape->network->context, share->cell.worker, ELMAN_PHASE_JOIN);
}

static void forward_by_layers(elman_tape *tape, const TapeShare *share) {
    const Structure *const structure = &tape->network->structure;
    for (size_t first = 0, end; first < structure->layer_count; first = end) {
        end = plan_stack_end(structure, first);
        if (structure_directions(structure, first) == 1) {
            tape_wave(tape, share, first, end, false, forward_steps);
            continue;
        }
        forward_both(tape, first, share);
        join_all(tape, first, share);
    }
}

static void forward_layers(elman_tape *tape, const TapeShare *share) {
    const Structure *const structure = &tape->network->structure;
    for (size_t l = 0; l < structure->layer_count; l++) {
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            cell_forward(&tape->layers[l].run[d], tape_steps(tape), &share->cell);
        join_all(tape, l, share);
    }
}

static void forward_share(elman_tape *tape, const TapeShare *share) {
    const Structure *const structure = &tape->network->structure;
    elman_context *const context = tape->network->context;
    read_input(tape, share);
    start_states(tape, share->own_begin, share->own_end);
    cell_meet(&share->cell);
    profile_mark(context, share->cell.worker, ELMAN_PHASE_INPUT);
    if (tape->plan.sharing == ELMAN_SHARE_LAYERS)
        forward_by_layers(tape, share);
    else
        forward_layers(tape, share);
    if (structure_one_output(structure)) {
        gather_last(tape, share->own_begin, share->own_end);
        pool_forgive(share->cell.pool, share->cell.worker);
        cell_meet(&share->cell);
        profile_mark(context, share->cell.worker, ELMAN_PHASE_JOIN);
    }
    if (structure->has_head) run_head(tape, share);
    if (structure->stage_count > 0) share_stages(tape, share);
    profile_mark(context, share->cell.worker, ELMAN_PHASE_HEAD);
}

elman_status elman_tape_forward(elman_tape *tape, const elman_sequence *given, elman_error *error) {
    elman_sequence sequence;
    elman_status status = options_read(&sequence, sizeof sequence, given, "elman_sequence", error);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_OTHER);
    tape->ran = tape->has_gradient = tape->taken_back = false;
    if (status || (status = check(tape, &sequence, error))) return status;
    tape->pass = sequence;
    tape->learned_state = !sequence.state;
    if (sequence.lengths) {
        memcpy(tape->lengths, sequence.lengths, sequence.batch * sizeof *tape->lengths);
        tape->pass.lengths = tape->lengths;
    }
    shape_runs(tape);
    profile_mark(tape->network->context, 0, ELMAN_PHASE_INPUT);
    tape_each_share(tape, 0, forward_share);
    tape->pass.state = tape->pass.dense = NULL;
    tape->pass.tokens = tape->tokens;
    tape->ran = true;
    return ELMAN_OK;
}
