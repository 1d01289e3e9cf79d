/* Reads what a pass kept: states, gates, gradients, the inputs of the layers. */
#include <string.h>

#include "core/fail.h"
#include "model/tape.h"

/* Which slot of the gates holds an array, before or after backward. */
typedef struct KeptSlot {
    elman_kept what;
    size_t slot;
    bool after;
} KeptSlot;

enum { KEPT_SLOTS_MAX = 8 };

static const KeptSlot rnn_slots[KEPT_SLOTS_MAX] = {{ELMAN_KEPT_DA, 0, true}};
static const KeptSlot lstm_slots[KEPT_SLOTS_MAX] = {
    {ELMAN_KEPT_I, 0, false},   {ELMAN_KEPT_F, 1, false},   {ELMAN_KEPT_G, 2, false},
    {ELMAN_KEPT_O, 3, false},   {ELMAN_KEPT_DA_I, 0, true}, {ELMAN_KEPT_DA_F, 1, true},
    {ELMAN_KEPT_DA_G, 2, true}, {ELMAN_KEPT_DA_O, 3, true},
};
static const KeptSlot gru_slots[KEPT_SLOTS_MAX] = {
    {ELMAN_KEPT_N, 0, false},   {ELMAN_KEPT_R, 1, false},    {ELMAN_KEPT_Z, 2, false},
    {ELMAN_KEPT_DA_N, 0, true}, {ELMAN_KEPT_DA_R, 1, true},  {ELMAN_KEPT_DA_Z, 2, true},
    {ELMAN_KEPT_NH, 3, false},  {ELMAN_KEPT_DA_NH, 3, true},
};

/* The slot of `what`, or NULL when the cell has no such gate. */
static const KeptSlot *find_slot(const Cell *cell, elman_kept what) {
    const KeptSlot *const slots = cell->slots == 1   ? rnn_slots
                                  : cell->cell_state ? lstm_slots
                                                     : gru_slots;
    if (cell == &cell_gru_reset_before && what == ELMAN_KEPT_NH) return NULL;
    /* The rest of a shorter table is zeros, ELMAN_KEPT_H, which stands in no slot. */
    for (size_t i = 0; i < KEPT_SLOTS_MAX && what != ELMAN_KEPT_H; i++)
        if (slots[i].what == what) return &slots[i];
    return NULL;
}

static void copy_slot(const elman_tape *tape, const CellRun *run, size_t slot, float *out) {
    const size_t hidden = run->shape->hidden, row = cell_gates_row(run),
                 panel = cell_gates_panel(run);
    for (size_t at = 0; at < run->steps * run->batch; at++, out += hidden) {
        const size_t t = at / run->batch, b = at % run->batch;
        const bool counts = !tape->pass.lengths || t < tape->pass.lengths[b];
        const float *const kept = run->gates + at * row + slot * PANEL;
        for (size_t u = 0; u < hidden; u++)
            out[u] = counts ? kept[u / PANEL * panel + u % PANEL] : 0.0f;
    }
}

/* Whether an array is as wide as h; the others have a number for each hidden unit. */
static bool of_h(elman_kept what) {
    return what == ELMAN_KEPT_H || what == ELMAN_KEPT_H_BEFORE || what == ELMAN_KEPT_DH;
}

/* The rows of an array that is no gate; data is NULL when the cell or the tape has none. */
static Rows find_rows(const CellRun *run, elman_kept what) {
    const CellShape *const shape = run->shape;
    const size_t after = cell_slot_after(run, 0), before = cell_slot_before(run, 0);
    const bool c = run->c && !run->c_in_place, tanh_c = shape->cell->cell_state;
    const float *array = NULL;
    switch (what) {
    case ELMAN_KEPT_H:
        array = cell_h(run, after);
        break;
    case ELMAN_KEPT_H_BEFORE:
        array = cell_h(run, before);
        break;
    case ELMAN_KEPT_C:
        array = c ? cell_c(run, after) : NULL;
        break;
    case ELMAN_KEPT_C_BEFORE:
        array = c ? cell_c(run, before) : NULL;
        break;
    case ELMAN_KEPT_TANH_C:
        array = tanh_c ? run->extra : NULL;
        break;
    case ELMAN_KEPT_RH:
        array = tanh_c ? NULL : run->extra;
        break;
    case ELMAN_KEPT_DH:
        array = run->kept_dh;
        break;
    case ELMAN_KEPT_DC:
        array = run->kept_dc;
        break;
    case ELMAN_KEPT_M:
        array = run->gates ? run->m : NULL;
        break;
    default:
        break;
    }
    return (Rows){(float *)array, of_h(what) ? cell_h_row(shape) : cell_unit_row(shape)};
}

static elman_status check_time(const elman_tape *tape, bool after, elman_error *error) {
    if (after && !tape->taken_back)
        return fail(error, ELMAN_ERR_ARGUMENT, "these gradients are there after backward");
    if (!after && tape->taken_back)
        return fail(error, ELMAN_ERR_ARGUMENT, "backward has put gradients in the gates' place");
    return ELMAN_OK;
}

elman_status elman_tape_kept(const elman_tape *tape, size_t layer, int reverse, elman_kept what,
                             float *values, elman_error *error) {
    const Structure *const structure = &tape->network->structure;
    elman_status status;
    if (layer >= structure->layer_count || (reverse && structure_directions(structure, layer) < 2))
        return fail(error, ELMAN_ERR_ARGUMENT, "the network has no layer %zu%s", layer,
                    reverse ? " that reads backward" : "");
    if (!tape->ran && !tape->taken_back)
        return fail(error, ELMAN_ERR_ARGUMENT, "nothing is kept before a forward pass");
    const CellRun *const run = &tape->layers[layer].run[reverse != 0];
    const KeptSlot *const slot = find_slot(run->shape->cell, what);
    if (slot) {
        if ((status = structure_check_trained(structure, error))) return status;
        if (!tape->goes_back)
            return fail(error, ELMAN_ERR_ARGUMENT, "a tape for forward passes only keeps no gates");
        if ((status = check_time(tape, slot->after, error))) return status;
        copy_slot(tape, run, slot->slot, values);
        return ELMAN_OK;
    }
    const Rows rows = find_rows(run, what);
    if (!rows.data)
        return fail(error, ELMAN_ERR_ARGUMENT, "layer %zu (%s) of this tape keeps no array %d",
                    layer, run->shape->cell->name, (int)what);
    if ((what == ELMAN_KEPT_DH || what == ELMAN_KEPT_DC) &&
        (status = check_time(tape, true, error)))
        return status;
    tape_copy_rows(tape, rows, of_h(what) ? run->shape->width : run->shape->hidden, values);
    return ELMAN_OK;
}

elman_status elman_tape_layer_input(const elman_tape *tape, size_t layer, float *input,
                                    elman_error *error) {
    const Structure *const structure = &tape->network->structure;
    if (layer > structure->layer_count)
        return fail(error, ELMAN_ERR_ARGUMENT, "the network has no layer %zu", layer);
    if (layer == 0 && structure->input == ELMAN_INPUT_ONE_HOT)
        return fail(error, ELMAN_ERR_ARGUMENT, "the first layer reads tokens");
    if (!tape->ran && !tape->taken_back)
        return fail(error, ELMAN_ERR_ARGUMENT, "nothing is kept before a forward pass");
    const size_t width = structure_inputs(structure, layer);
    if (layer == structure->layer_count) {
        tape_copy_positions(tape, tape->features, width, input);
        return ELMAN_OK;
    }
    const CellRun *const run = &tape->layers[layer].run[0];
    tape_copy_rows(tape, (Rows){(float *)run->x, run->x_row}, width, input);
    return ELMAN_OK;
}

void elman_tape_losses(const elman_tape *tape, double *losses) {
    memcpy(losses, tape->losses, tape->positions * sizeof *losses);
}

void elman_tape_output_gradient(const elman_tape *tape, float *gradient) {
    tape_copy_positions(tape, tape->output_gradient, structure_outputs(&tape->network->structure),
                        gradient);
}
