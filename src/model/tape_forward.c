/* The forward pass over a batch. */
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "model/tape.h"

typedef struct RowsJob {
    elman_tape *tape;
    TapeRows function;
    size_t count;
} RowsJob;

static void run_rows(void *argument, size_t worker, size_t workers) {
    const RowsJob *const job = argument;
    size_t begin, end;
    pool_split(job->count, 1, worker, workers, &begin, &end);
    if (begin < end) job->function(job->tape, begin, end);
}

void tape_each_rows(elman_tape *tape, TapeRows function, size_t count) {
    RowsJob job = {tape, function, count};
    pool_run(tape->network->context->pool, run_rows, &job);
}

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

/* The parts of each run that depend on this pass's shape. */
static void shape_runs(elman_tape *tape) {
    const Structure *const structure = &tape->network->structure;
    Rows input = {tape->input, structure_inputs(structure, 0)};
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
    tape->positions = tape->pass.batch * (last ? 1 : tape->pass.steps);
}

/* Copies the input of rows [begin, end), zeros where it does not count. */
static void read_input(elman_tape *tape, size_t begin, size_t end) {
    const elman_sequence *const pass = &tape->pass;
    const Structure *const structure = &tape->network->structure;
    const size_t width = structure_inputs(structure, 0);
    for (size_t t = 0; t < pass->steps; t++)
        for (size_t b = begin; b < end; b++) {
            const size_t at = t * pass->batch + b;
            const bool counts = !pass->lengths || t < pass->lengths[b];
            if (tape->tokens) tape->tokens[at] = counts ? pass->tokens[at] : 0;
            if (!tape->input) continue;
            const float *const row =
                pass->dense ? pass->dense + at * width
                            : tape->network->embedding + (size_t)tape->tokens[at] * width;
            if (counts)
                memcpy(tape->input + at * width, row, width * sizeof(float));
            else
                memset(tape->input + at * width, 0, width * sizeof(float));
        }
}

/* The initial state of rows [begin, end) of one array: from the caller's, at *state, which is moved
 * behind it, or `initial` for every row. */
static void start_array(const CellRun *run, float *array, const float *initial, const float **state,
                        size_t begin, size_t end) {
    const size_t hidden = run->shape->hidden, width = run->shape->panels * PANEL;
    float *const first = array + cell_slot_first(run) * run->batch * width;
    for (size_t b = begin; b < end; b++) {
        if (*state)
            memcpy(first + b * width, *state + b * hidden, hidden * sizeof(float));
        else
            memcpy(first + b * width, initial, width * sizeof(float));
    }
    if (*state) *state += run->batch * hidden;
}

static void clear_padding(const CellRun *run, float *array, size_t begin, size_t end) {
    const size_t hidden = run->shape->hidden, width = run->shape->panels * PANEL;
    float *const first = array + cell_slot_first(run) * run->batch * width;
    for (size_t b = begin; b < end; b++)
        memset(first + b * width + hidden, 0, (width - hidden) * sizeof(float));
}

/* Puts the directions of a layer side by side, with dropout. */
static void join(elman_tape *tape, size_t l, size_t begin, size_t end) {
    TapeLayer *const layer = &tape->layers[l];
    const Structure *const structure = &tape->network->structure;
    const size_t hidden = structure->layers[l].hidden,
                 directions = structure_directions(structure, l);
    const size_t width = hidden * directions, batch = tape->pass.batch;
    const float rate = structure->layers[l].dropout;
    for (size_t t = 0; t < tape->pass.steps; t++)
        for (size_t b = begin; b < end; b++) {
            const size_t at = t * batch + b;
            float *const out = layer->joined + at * layer->output.row;
            for (size_t d = 0; d < directions; d++) {
                const CellRun *const run = &layer->run[d];
                const size_t slot = cell_slot_after(run, t) * batch + b;
                memcpy(out + d * hidden, run->h + slot * run->shape->panels * PANEL,
                       hidden * sizeof(float));
            }
            if (!layer->mask || !tape->pass.training) continue;
            float *const mask = layer->mask + at * layer->output.row;
            dropout_mask(tape->pass.dropout_seed, tape->pass.dropout_pass, l, at, rate, width,
                         mask);
            for (size_t i = 0; i < width; i++) out[i] *= mask[i];
        }
}

/* The states of the last layer side by side that the one output a sequence is made of: the final
 * ones, or those pooled over the steps. */
static void gather_last(elman_tape *tape, size_t begin, size_t end) {
    const Structure *const structure = &tape->network->structure;
    const size_t l = structure->layer_count - 1, hidden = structure->layers[l].hidden;
    const size_t directions = structure_directions(structure, l), width = hidden * directions;
    const float rate = structure->layers[l].dropout;
    for (size_t b = begin; b < end; b++) {
        float *const out = tape->last + b * tape->features.row;
        for (size_t d = 0; d < directions; d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            const size_t slot = cell_slot_last(run) * run->batch + b;
            if (structure_pooled(structure))
                tape_pool_row(tape, run, b, out + d * hidden);
            else
                memcpy(out + d * hidden, run->h + slot * run->shape->panels * PANEL,
                       hidden * sizeof(float));
        }
        if (!(rate > 0.0f) || !tape->pass.training) continue;
        float *const mask = tape->last_mask + b * tape->features.row;
        dropout_mask(tape->pass.dropout_seed, tape->pass.dropout_pass, l, b, rate, width, mask);
        for (size_t i = 0; i < width; i++) out[i] *= mask[i];
    }
}

/* The head for rows [begin, end) of each step. */
static void run_head(elman_tape *tape, size_t begin, size_t end) {
    const NetworkHead *const head = &tape->network->head;
    for (size_t first = 0; first < tape->positions; first += tape->pass.batch) {
        const Product product = {
            .rows = end - begin,
            .panels = head->panels,
            .blocks = 1,
            .inner = head->inputs,
            .a = tape->features.data + (first + begin) * tape->features.row,
            .a_row = tape->features.row,
            .w = head->w,
            .w_panel = head->inputs * PANEL,
            .bias = head->bias,
            .out = tape->output.data + (first + begin) * tape->output.row,
            .out_row = tape->output.row,
        };
        tape->network->kernels->product(&product);
    }
}

static void forward_rows(elman_tape *tape, size_t begin, size_t end) {
    const Structure *const structure = &tape->network->structure;
    const float *state = tape->pass.state;
    read_input(tape, begin, end);
    for (size_t l = 0; l < structure->layer_count; l++) {
        for (size_t d = 0; d < structure_directions(structure, l); d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            start_array(run, run->h, run->weights->h0, &state, begin, end);
            clear_padding(run, run->h, begin, end);
            if (run->c) {
                start_array(run, run->c, run->weights->c0, &state, begin, end);
                clear_padding(run, run->c, begin, end);
            }
            cell_forward(run, begin, end);
        }
        if (tape->layers[l].joined) join(tape, l, begin, end);
    }
    if (structure_one_output(structure)) gather_last(tape, begin, end);
    if (structure->has_head) run_head(tape, begin, end);
}

elman_status elman_tape_forward(elman_tape *tape, const elman_sequence *given, elman_error *error) {
    elman_sequence sequence;
    elman_status status = options_read(&sequence, sizeof sequence, given, "elman_sequence", error);
    tape->ran = tape->has_gradient = tape->taken_back = false;
    if (status || (status = check(tape, &sequence, error))) return status;
    tape->pass = sequence;
    tape->learned_state = !sequence.state;
    if (sequence.lengths) {
        memcpy(tape->lengths, sequence.lengths, sequence.batch * sizeof *tape->lengths);
        tape->pass.lengths = tape->lengths;
    }
    shape_runs(tape);
    tape_each_rows(tape, forward_rows, sequence.batch);
    tape->pass.state = tape->pass.dense = NULL;
    tape->pass.tokens = tape->tokens;
    tape->ran = true;
    return ELMAN_OK;
}
