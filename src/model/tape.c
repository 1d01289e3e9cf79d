/* Tapes: their memory, and what can be read from them. */
#include "model/tape.h"

#include <math.h>
#include <string.h>

#include "cells/gradient.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"

/* Measures an array of rows x width floats or, once the block is there, points *part into it. */
static bool place(elman_tape *tape, size_t rows, size_t width, float **part) {
    size_t size;
    if (!size_mul(rows, width, &size) || !size_align(size, PANEL, &size)) return false;
    if (tape->block) *part = tape->block + tape->floats;
    return size_add(tape->floats, size, &tape->floats);
}

static bool place_run(elman_tape *tape, const CellShape *shape, CellRun *run) {
    const Cell *const cell = shape->cell;
    const bool backward = tape->goes_back;
    const size_t batch = tape->options.batch;
    const size_t width = cell_unit_row(shape), h_width = cell_h_row(shape);
    const size_t rows = tape->options.steps * batch;
    const size_t most = cell_chunk(1), chunk = most > batch ? most : batch;
    bool fits = place(tape, rows + batch, h_width, &run->h);
    /* Of each run its own: by rows, one worker may be in the next layer already. */
    if (!backward && cell->project && !cell->needs_scratch && !shape->tokens)
        fits = fits && place(tape, chunk, cell->slots * width, &run->pre);
    run->c_in_place = tape->options.forward_only;
    if (cell->cell_state)
        fits = fits && place(tape, run->c_in_place ? batch : rows + batch, width, &run->c);
    if (backward || cell->needs_scratch)
        fits = fits && place(tape, rows, cell->slots * width, &run->gates);
    if ((backward && cell->keeps_extra) || cell->needs_scratch)
        fits = fits && place(tape, rows, width, &run->extra);
    if (cell->projected)
        fits = fits && place(tape, run->c_in_place ? batch : rows + batch, width, &run->m);
    if (!backward) return fits;
    fits = fits && place(tape, batch, h_width, &run->dh);
    if (cell->cell_state) fits = fits && place(tape, batch, width, &run->dc);
    if (cell->needs_scratch || cell->projected)
        fits = fits && place(tape, batch, width, &run->scratch);
    if (tape->options.keep_gradients || cell->projected)
        fits = fits && place(tape, rows, h_width, &run->kept_dh);
    if (!tape->options.keep_gradients) return fits;
    if (cell->cell_state) fits = fits && place(tape, rows, width, &run->kept_dc);
    return fits;
}

static bool place_layer(elman_tape *tape, size_t l, TapeLayer *layer) {
    const Structure *const structure = &tape->network->structure;
    const CellShape shape = structure_cell_shape(structure, l);
    const size_t rows = tape->options.steps * tape->options.batch;
    const size_t directions = structure_directions(structure, l);
    const size_t width = network_padded(structure_inputs(structure, l + 1));
    /* Where there is one output a sequence, it is made of the states themselves. */
    const bool read = l + 1 < structure->layer_count || !structure_one_output(structure);
    const bool dropout = read && structure->layers[l].dropout > 0.0f;
    const bool backward = tape->goes_back;
    bool fits = true;
    for (size_t d = 0; d < directions; d++) {
        fits = fits && place_run(tape, &shape, &layer->run[d]);
        if (backward && directions == 2 && shape.width % PANEL != 0)
            fits = fits && place(tape, rows, cell_h_row(&shape), &layer->split[d]);
    }
    if ((directions == 2 && read) || dropout)
        fits = fits && place(tape, rows, width, &layer->joined);
    if (dropout) fits = fits && place(tape, rows, width, &layer->mask);
    if (backward) fits = fits && place(tape, rows, width, &layer->gradient.data);
    layer->gradient.row = width;
    return fits;
}

static bool place_ends(elman_tape *tape) {
    const Structure *const structure = &tape->network->structure;
    const size_t layers = structure->layer_count, batch = tape->options.batch;
    const size_t rows = tape->options.steps * batch;
    const size_t width = network_padded(structure_inputs(structure, layers));
    const bool backward = tape->goes_back;
    bool fits = true;
    if (structure->input != ELMAN_INPUT_ONE_HOT) {
        const size_t inputs = structure_inputs(structure, 0);
        fits = place(tape, rows, inputs, &tape->input);
        tape->input_gradient.row = network_padded(inputs);
        if (backward && (structure->input == ELMAN_INPUT_EMBEDDING || tape->options.input_gradient))
            fits = fits && place(tape, rows, network_padded(inputs), &tape->input_gradient.data);
    }
    const size_t positions = structure_one_output(structure) ? batch : rows;
    if (structure_one_output(structure)) {
        fits = fits && place(tape, batch, width, &tape->last);
        fits = fits && place(tape, batch, width, &tape->last_mask);
        if (backward) fits = fits && place(tape, batch, width, &tape->last_gradient);
    }
    if (structure->has_head) {
        const size_t outputs = network_padded(structure->head_outputs);
        fits = fits && place(tape, positions, outputs, &tape->logits);
        if (backward) fits = fits && place(tape, positions, outputs, &tape->logits_gradient);
    }
    for (size_t i = 0; i < 2 && structure->stage_count > 0; i++)
        fits = fits && place(tape, positions, tape->network->stage_row, &tape->staged[i]);
    return fits;
}

static bool place_all(elman_tape *tape) {
    tape->floats = 0;
    /* A tape that is measured before it is made has no layers. */
    TapeLayer unused = {0};
    for (size_t l = 0; l < tape->network->structure.layer_count; l++)
        if (!place_layer(tape, l, tape->layers ? &tape->layers[l] : &unused)) return false;
    return place_ends(tape);
}

bool tape_training_floats(const Structure *structure, size_t steps, size_t batch, size_t *floats) {
    const elman_network network = {.structure = *structure};
    elman_tape tape = {
        .network = &network, .options = {.steps = steps, .batch = batch}, .goes_back = true};
    if (!place_all(&tape)) return false;
    *floats = tape.floats;
    return true;
}

/* Sets what stays the same from pass to pass. */
static void connect(elman_tape *tape) {
    const elman_network *const network = tape->network;
    for (size_t l = 0; l < network->structure.layer_count; l++)
        for (size_t d = 0; d < structure_directions(&network->structure, l); d++) {
            CellRun *const run = &tape->layers[l].run[d];
            run->shape = &network->layers[l][d].shape;
            run->weights = &network->layers[l][d].weights;
            run->kernels = network->kernels;
            run->reverse = d == 1;
            run->zeros = network->zeros;
            run->context = network->context;
        }
}

static elman_status allocate(elman_tape *tape, elman_error *error) {
    Memory *const memory = &tape->network->context->memory;
    const Structure *const structure = &tape->network->structure;
    const size_t batch = tape->options.batch;
    size_t rows;
    if (!size_mul(tape->options.steps, batch, &rows) || rows > SIZE_MAX / 2)
        return fail(error, ELMAN_ERR_MEMORY, "%zu steps of %zu rows do not fit into memory",
                    tape->options.steps, batch);
    tape->layers = memory_allocate_array(memory, structure->layer_count, sizeof *tape->layers);
    tape->lengths = memory_allocate_array(memory, batch, sizeof *tape->lengths);
    size_t starts;
    if (size_mul(batch, elman_context_threads(tape->network->context), &starts))
        tape->start = memory_allocate_array(memory, starts, sizeof *tape->start);
    tape->losses = memory_allocate_array(memory, rows, sizeof *tape->losses);
    tape->worker_of =
        memory_allocate_array(memory, structure->layer_count, sizeof *tape->worker_of);
    if (tape->worker_of) plan_layers(tape->network, batch, tape->worker_of);
    if (structure->input != ELMAN_INPUT_DENSE)
        tape->tokens = memory_allocate_array(memory, rows, sizeof *tape->tokens);
    const bool small = tape->layers && tape->lengths && tape->start && tape->losses &&
                       tape->worker_of && (tape->tokens || structure->input == ELMAN_INPUT_DENSE);
    if (small && place_all(tape))
        tape->block = memory_allocate_array(memory, tape->floats, sizeof(float));
    if (!tape->block)
        return fail(error, ELMAN_ERR_MEMORY,
                    "no memory for the activations of %zu steps of %zu rows", tape->options.steps,
                    batch);
    place_all(tape);
    if (!tape->goes_back) return ELMAN_OK;
    tape->gradient_scratch = memory_allocate_array(
        memory, elman_context_threads(tape->network->context), GRADIENT_SCRATCH * sizeof(float));
    if (!tape->gradient_scratch)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the gradients of the weights");
    const elman_status status =
        network_prepare_backward(tape->network, tape->options.input_gradient, error);
    return status ? status : tensor_set_create(memory, structure, &tape->gradients, error);
}

elman_status elman_tape_create(const elman_network *network, const elman_tape_options *given,
                               elman_tape **out, elman_error *error) {
    elman_tape_options options;
    elman_status status =
        options_read(&options, sizeof options, given, "elman_tape_options", error);
    *out = NULL;
    if (status) return status;
    if (options.steps == 0 || options.batch == 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "a tape needs at least 1 step and 1 row");
    if (options.input_gradient && network->structure.input != ELMAN_INPUT_DENSE)
        return fail(error, ELMAN_ERR_ARGUMENT, "only a dense input has a gradient");
    if ((int)options.sharing < ELMAN_SHARE_AUTO || options.sharing > ELMAN_SHARE_LAYERS)
        return fail(error, ELMAN_ERR_ARGUMENT, "elman_tape_options: sharing %d does not exist",
                    (int)options.sharing);
    elman_tape *const tape = memory_allocate(&network->context->memory, sizeof *tape);
    if (!tape) return fail(error, ELMAN_ERR_MEMORY, "no memory for a tape");
    tape->network = network;
    tape->options = options;
    tape->goes_back = !options.forward_only && structure_trained(&network->structure);
    if ((status = allocate(tape, error))) {
        elman_tape_destroy(tape);
        return status;
    }
    connect(tape);
    *out = tape;
    return ELMAN_OK;
}

void elman_tape_destroy(elman_tape *tape) {
    if (!tape) return;
    Memory *const memory = &tape->network->context->memory;
    tensor_set_release(memory, &tape->gradients);
    memory_release(memory, tape->gradient_scratch);
    memory_release(memory, tape->block);
    memory_release(memory, tape->tokens);
    memory_release(memory, tape->worker_of);
    memory_release(memory, tape->losses);
    memory_release(memory, (void *)tape->start);
    memory_release(memory, tape->lengths);
    memory_release(memory, tape->layers);
    memory_release(memory, tape);
}

/* Whether row b counts at step t. */
static bool valid(const elman_tape *tape, size_t t, size_t b) {
    return !tape->pass.lengths || t < tape->pass.lengths[b];
}

void tape_copy_rows(const elman_tape *tape, Rows rows, size_t width, float *out) {
    for (size_t t = 0; t < tape->pass.steps; t++)
        for (size_t b = 0; b < tape->pass.batch; b++, out += width) {
            if (valid(tape, t, b))
                memcpy(out, rows.data + (t * tape->pass.batch + b) * rows.row,
                       width * sizeof(float));
            else
                memset(out, 0, width * sizeof(float));
        }
}

void tape_copy_positions(const elman_tape *tape, Rows rows, size_t width, float *out) {
    if (!structure_one_output(&tape->network->structure)) {
        tape_copy_rows(tape, rows, width, out);
        return;
    }
    for (size_t b = 0; b < tape->pass.batch; b++, out += width) {
        if (valid(tape, 0, b))
            memcpy(out, rows.data + b * rows.row, width * sizeof(float));
        else
            memset(out, 0, width * sizeof(float));
    }
}

void elman_tape_output(const elman_tape *tape, float *output) {
    tape_copy_positions(tape, tape->output, structure_outputs(&tape->network->structure), output);
}

void elman_tape_hidden(const elman_tape *tape, size_t layer, int reverse, float *hidden) {
    const CellRun *const run = &tape->layers[layer].run[reverse != 0];
    const Rows after = {cell_h(run, cell_slot_after(run, 0)), cell_h_row(run->shape)};
    tape_copy_rows(tape, after, run->shape->width, hidden);
}

void elman_tape_cell(const elman_tape *tape, size_t layer, int reverse, float *cell) {
    const CellRun *const run = &tape->layers[layer].run[reverse != 0];
    if (!run->c_in_place) {
        const Rows after = {cell_c(run, cell_slot_after(run, 0)), cell_unit_row(run->shape)};
        tape_copy_rows(tape, after, run->shape->hidden, cell);
        return;
    }
    const size_t count = run->steps * run->batch * run->shape->hidden;
    for (size_t i = 0; i < count; i++) cell[i] = NAN;
}

/* Copies `width` numbers of each row of states to `out`; returns the position behind them. */
static float *copy_state(const CellRun *run, Rows state, size_t width, float *out) {
    for (size_t b = 0; b < run->batch; b++, out += width)
        memcpy(out, state.data + b * state.row, width * sizeof(float));
    return out;
}

static float *copy_pair(const CellRun *run, float *h, float *c, float *out) {
    const CellShape *const shape = run->shape;
    out = copy_state(run, (Rows){h, cell_h_row(shape)}, shape->width, out);
    return c ? copy_state(run, (Rows){c, cell_unit_row(shape)}, shape->hidden, out) : out;
}

void elman_tape_state(const elman_tape *tape, float *state) {
    for (size_t l = 0; l < tape->network->structure.layer_count; l++)
        for (size_t d = 0; d < structure_directions(&tape->network->structure, l); d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            const size_t last = cell_slot_last(run);
            state = copy_pair(run, cell_h(run, last), run->c ? cell_c(run, last) : NULL, state);
        }
}

void elman_tape_state_gradient(const elman_tape *tape, float *gradient) {
    for (size_t l = 0; l < tape->network->structure.layer_count; l++)
        for (size_t d = 0; d < structure_directions(&tape->network->structure, l); d++) {
            const CellRun *const run = &tape->layers[l].run[d];
            gradient = copy_pair(run, run->dh, run->dc, gradient);
        }
}

void elman_tape_input_gradient(const elman_tape *tape, float *gradient) {
    const size_t width = structure_inputs(&tape->network->structure, 0);
    tape_copy_rows(tape, tape->input_gradient, width, gradient);
}

elman_status elman_tape_gradient(const elman_tape *tape, size_t index, elman_tensor *gradient) {
    if (index >= tape->gradients.count) return ELMAN_ERR_ARGUMENT;
    *gradient = tape->gradients.tensors[index];
    return ELMAN_OK;
}

elman_status elman_tape_find_gradient(const elman_tape *tape, const char *name,
                                      elman_tensor *gradient, elman_error *error) {
    const elman_tensor *const found = tensor_set_find(&tape->gradients, name);
    if (!found) return fail(error, ELMAN_ERR_ARGUMENT, "the tape has no gradient of %s", name);
    *gradient = *found;
    return ELMAN_OK;
}
