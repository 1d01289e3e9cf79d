/* Packs a model's weights into the order in which the kernels read them. */
#include "cells/cell.h"

#include <string.h>

#include "core/size.h"

enum { COLUMNS_BLOCK = 64 }; /* of a matrix, packed at a time */

static bool product_of(const size_t *factors, size_t count, size_t *out) {
    size_t result = 1;
    for (size_t i = 0; i < count; i++)
        if (!size_mul(result, factors[i], &result)) return false;
    *out = result;
    return true;
}

bool cell_weights_sizes(const CellShape *shape, size_t sizes[CELL_PARTS]) {
    const size_t panels = shape->panels, gates = shape->cell->gates, slots = shape->cell->slots;
    const size_t inputs = shape->inputs, dense = shape->tokens ? 0 : 1;
    const size_t lead = shape->cell->leading_gates, rest = gates - lead;
    const size_t factors[CELL_PARTS][5] = {
        {panels, slots, PANEL, 1, 1},
        {inputs, panels, slots, PANEL, 1 - dense},
        {packed_panels(gates, panels), inputs, gates, PANEL, dense},
        {packed_panels(lead, panels) * lead + packed_panels(rest, panels) * rest, shape->hidden,
         PANEL, 1, 1},
        {panels, PANEL, 1, 1, 1},
        {panels, PANEL, shape->cell->cell_state ? 1 : 0, 1, 1},
        {panels, PANEL, shape->peepholes ? CELL_PEEPHOLES : 0, 1, 1},
    };
    for (size_t i = 0; i < CELL_PARTS; i++)
        if (!product_of(factors[i], 5, &sizes[i])) return false;
    return true;
}

bool cell_back_sizes(const CellShape *shape, size_t *inputs, size_t *hidden) {
    const size_t panels = shape->panels, block = shape->cell->gates * PANEL * PANEL;
    const size_t input_panels = shape->inputs / PANEL + (shape->inputs % PANEL != 0);
    const size_t of_inputs[] = {input_panels, panels, block, shape->tokens ? 0 : 1};
    const size_t of_hidden[] = {panels, panels, block};
    return product_of(of_inputs, 4, inputs) && product_of(of_hidden, 3, hidden);
}

/* The number of real units in a panel. */
static size_t panel_units(const CellShape *shape, size_t panel) {
    const size_t left = shape->hidden - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

/* One panel of the packed matrix dst from a matrix [blocks*hidden][columns], gates in the order
 * given. */
static void pack_panel(const Kernels *kernels, const CellShape *shape, size_t panel,
                       const float *matrix, size_t columns, const unsigned char *order,
                       size_t gates, float *dst) {
    const size_t column = packed_column(gates);
    dst += packed_offset(gates, columns, panel);
    /* In blocks, so that what is written of all gates lies together. */
    for (size_t k = 0; k < columns; k += COLUMNS_BLOCK)
        for (size_t g = 0; g < gates; g++) {
            const size_t row = order[g] * shape->hidden + panel * PANEL;
            const Transpose block = {
                .rows = panel_units(shape, panel),
                .columns = columns - k < COLUMNS_BLOCK ? columns - k : COLUMNS_BLOCK,
                .in = matrix + row * columns + k,
                .in_row = columns,
                .out = dst + k * column + g * PANEL,
                .out_row = column,
            };
            kernels->transpose(&block);
        }
}

/* What each slot of one panel starts from. */
static void pack_start(const CellShape *shape, const CellTensors *tensors, size_t panel,
                       float *dst) {
    const Cell *const cell = shape->cell;
    for (size_t s = 0; s < cell->slots; s++)
        for (size_t l = 0; l < panel_units(shape, panel); l++) {
            const size_t unit = panel * PANEL + l;
            float sum = 0.0f;
            if (tensors->bias_ih && cell->slot_input[s] != 255)
                sum = tensors->bias_ih[cell->slot_input[s] * shape->hidden + unit];
            if (tensors->bias_hh && cell->slot_hidden[s] != 255)
                sum += tensors->bias_hh[cell->slot_hidden[s] * shape->hidden + unit];
            dst[s * PANEL + l] = sum;
        }
}

/* One panel's part of each token's row: bias + weight, the first link of the product's chain. */
static void pack_table(const Kernels *kernels, const CellShape *shape, const CellTensors *tensors,
                       const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t block = cell->slots * PANEL, first = cell->input_slot * PANEL;
    const size_t row = shape->panels * block;
    const float *const start = weights->start + panel * block;
    float *const table = weights->table + panel * block;
    for (size_t token = 0; token < shape->inputs; token++)
        memcpy(table + token * row, start, block * sizeof(float));
    for (size_t g = 0; g < cell->gates; g++) {
        const size_t block_row = cell->input_order[g] * shape->hidden + panel * PANEL;
        const Transpose gate = {
            .rows = panel_units(shape, panel),
            .columns = shape->inputs,
            .in = tensors->weight_ih + block_row * shape->inputs,
            .in_row = shape->inputs,
            .out = table + first + g * PANEL,
            .out_row = row,
        };
        kernels->transpose(&gate);
    }
    for (size_t token = 0; token < shape->inputs; token++)
        kernels->add(cell->gates * PANEL, start + first, table + token * row + first);
}

/* w_hh of one panel: a cell that needs its products one after the other has its first gates
 * interleaved with each other and the rest apart. */
static void pack_hidden(const Kernels *kernels, const CellShape *shape, const CellTensors *tensors,
                        const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t lead = cell->leading_gates, rest = cell->gates - lead, hidden = shape->hidden;
    pack_panel(kernels, shape, panel, tensors->weight_hh, hidden, cell->hidden_order, lead,
               weights->w_hh);
    if (rest == 0) return;
    pack_panel(kernels, shape, panel, tensors->weight_hh, hidden, cell->hidden_order + lead, rest,
               weights->w_hh + packed_offset(lead, hidden, shape->panels));
}

void cell_pack(const Kernels *kernels, const CellShape *shape, const CellTensors *tensors,
               const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t first = panel * PANEL, bytes = panel_units(shape, panel) * sizeof(float);
    pack_start(shape, tensors, panel, weights->start + panel * cell->slots * PANEL);
    if (shape->tokens)
        pack_table(kernels, shape, tensors, weights, panel);
    else
        pack_panel(kernels, shape, panel, tensors->weight_ih, shape->inputs, cell->input_order,
                   cell->gates, weights->w_ih);
    pack_hidden(kernels, shape, tensors, weights, panel);
    if (tensors->h0) memcpy(weights->h0 + first, tensors->h0 + first, bytes);
    if (tensors->c0) memcpy(weights->c0 + first, tensors->c0 + first, bytes);
    for (size_t gate = 0; gate < CELL_PEEPHOLES && tensors->peephole; gate++)
        memcpy(weights->peephole + gate * shape->panels * PANEL + first,
               tensors->peephole + gate * shape->hidden + first, bytes);
}

/* The share of one panel of a packed matrix in what the gradient of its columns
 * needs: gates*16 rows of each panel of 16 columns. */
static void pack_back(const Kernels *kernels, const CellShape *shape, size_t panel,
                      const float *packed, size_t columns, size_t gates, float *back) {
    const size_t rows = shape->panels * gates * PANEL, column = packed_column(gates);
    packed += packed_offset(gates, columns, panel);
    for (size_t k = 0; k < columns; k += PANEL) {
        const PanelGroup group = panel_group((columns + PANEL - 1) / PANEL, k / PANEL);
        float *const out = back + panel_offset(group, k / PANEL, rows);
        for (size_t g = 0; g < gates; g++) {
            const Transpose tile = {
                .rows = columns - k < PANEL ? columns - k : PANEL,
                .columns = PANEL,
                .in = packed + k * column + g * PANEL,
                .in_row = column,
                .out = out + (panel * gates + g) * PANEL * group.count * PANEL,
                .out_row = group.count * PANEL,
            };
            kernels->transpose(&tile);
        }
    }
}

void cell_pack_back(const Kernels *kernels, const CellShape *shape, const CellWeights *weights,
                    size_t panel) {
    const size_t gates = shape->cell->gates, lead = shape->cell->leading_gates;
    const size_t rest = gates - lead, hidden = shape->hidden, panels = shape->panels;
    if (weights->w_ih_back)
        pack_back(kernels, shape, panel, weights->w_ih, shape->inputs, gates, weights->w_ih_back);
    if (!weights->w_hh_back) return;
    pack_back(kernels, shape, panel, weights->w_hh, hidden, lead, weights->w_hh_back);
    if (rest == 0) return;
    pack_back(kernels, shape, panel, weights->w_hh + packed_offset(lead, hidden, panels), hidden,
              rest, weights->w_hh_back + panels * panels * lead * PANEL * PANEL);
}
