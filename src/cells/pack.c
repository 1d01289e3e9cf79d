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
        {packed_panels(lead, panels) * lead + packed_panels(rest, panels) * rest, shape->width,
         PANEL, 1, 1},
        {shape->width_panels, PANEL, 1, 1, 1},
        {panels, PANEL, shape->cell->cell_state ? 1 : 0, 1, 1},
        {panels, PANEL, shape->peepholes ? CELL_PEEPHOLES : 0, 1, 1},
        {shape->width_panels, PANEL, shape->hidden, shape->cell->projected ? 1 : 0, 1},
    };
    for (size_t i = 0; i < CELL_PARTS; i++)
        if (!product_of(factors[i], 5, &sizes[i])) return false;
    return true;
}

bool cell_back_sizes(const CellShape *shape, size_t sizes[CELL_BACK_PARTS]) {
    const size_t panels = shape->panels, block = shape->cell->gates * PANEL * PANEL;
    const size_t input_panels = shape->inputs / PANEL + (shape->inputs % PANEL != 0);
    const size_t factors[CELL_BACK_PARTS][4] = {
        {input_panels, panels, block, shape->tokens ? 0 : 1},
        {shape->width_panels, panels, block, 1},
        {panels, PANEL, shape->width, shape->cell->projected ? 1 : 0},
    };
    for (size_t i = 0; i < CELL_BACK_PARTS; i++)
        if (!product_of(factors[i], 4, &sizes[i])) return false;
    return true;
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
    const size_t lead = cell->leading_gates, rest = cell->gates - lead, width = shape->width;
    pack_panel(kernels, shape, panel, tensors->weight_hh, width, cell->hidden_order, lead,
               weights->w_hh);
    if (rest == 0) return;
    pack_panel(kernels, shape, panel, tensors->weight_hh, width, cell->hidden_order + lead, rest,
               weights->w_hh + packed_offset(lead, width, shape->panels));
}

void pack_matrix(const Kernels *kernels, const PackedMatrix *packed, const float *matrix,
                 size_t panel) {
    const size_t first = panel * PANEL, inputs = packed->inputs, left = packed->outputs - first;
    const size_t outputs = left < PANEL ? left : PANEL;
    const PanelGroup group = panel_group((packed->outputs + PANEL - 1) / PANEL, panel);
    float *const w = packed->w + panel_offset(group, panel, inputs);
    if (matrix) {
        const Transpose rows = {
            .rows = outputs,
            .columns = inputs,
            .in = matrix + first * inputs,
            .in_row = inputs,
            .out = w,
            .out_row = group.count * PANEL,
        };
        kernels->transpose(&rows);
    }
    for (size_t k = 0; k < inputs && packed->w_back; k += PANEL) {
        const PanelGroup columns = panel_group((inputs + PANEL - 1) / PANEL, k / PANEL);
        const size_t row = columns.count * PANEL;
        const Transpose back = {
            .rows = inputs - k < PANEL ? inputs - k : PANEL,
            .columns = outputs,
            .in = w + k * group.count * PANEL,
            .in_row = group.count * PANEL,
            .out = packed->w_back + panel_offset(columns, k / PANEL, packed->outputs) + first * row,
            .out_row = row,
        };
        kernels->transpose(&back);
    }
}

/* W_hr; there are fewer panels of h than of hidden units. */
static PackedMatrix packed_projection(const CellShape *shape, const CellWeights *weights) {
    return (PackedMatrix){shape->hidden, shape->width, weights->w_hr, weights->w_hr_back};
}

void cell_pack(const Kernels *kernels, const CellShape *shape, const CellTensors *tensors,
               const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t first = panel * PANEL, bytes = panel_units(shape, panel) * sizeof(float);
    const bool of_h = panel < shape->width_panels;
    pack_start(shape, tensors, panel, weights->start + panel * cell->slots * PANEL);
    if (shape->tokens)
        pack_table(kernels, shape, tensors, weights, panel);
    else
        pack_panel(kernels, shape, panel, tensors->weight_ih, shape->inputs, cell->input_order,
                   cell->gates, weights->w_ih);
    pack_hidden(kernels, shape, tensors, weights, panel);
    if (tensors->c0) memcpy(weights->c0 + first, tensors->c0 + first, bytes);
    for (size_t gate = 0; gate < CELL_PEEPHOLES && tensors->peephole; gate++)
        memcpy(weights->peephole + gate * shape->panels * PANEL + first,
               tensors->peephole + gate * shape->hidden + first, bytes);
    if (tensors->h0 && of_h) {
        const size_t left = shape->width - first;
        memcpy(weights->h0 + first, tensors->h0 + first,
               (left < PANEL ? left : PANEL) * sizeof(float));
    }
    if (shape->cell->projected && of_h) {
        PackedMatrix projection = packed_projection(shape, weights);
        projection.w_back = NULL;
        pack_matrix(kernels, &projection, tensors->weight_hr, panel);
    }
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
    const size_t rest = gates - lead, width = shape->width, panels = shape->panels;
    if (weights->w_ih_back)
        pack_back(kernels, shape, panel, weights->w_ih, shape->inputs, gates, weights->w_ih_back);
    if (!weights->w_hh_back) return;
    if (shape->cell->projected && panel < shape->width_panels) {
        const PackedMatrix projection = packed_projection(shape, weights);
        pack_matrix(kernels, &projection, NULL, panel);
    }
    pack_back(kernels, shape, panel, weights->w_hh, width, lead, weights->w_hh_back);
    if (rest == 0) return;
    pack_back(kernels, shape, panel, weights->w_hh + packed_offset(lead, width, panels), width,
              rest, weights->w_hh_back + panels * panels * lead * PANEL * PANEL);
}
