/* Packs a model's weights into the order in which the kernels read them. */
#include "cells/cell.h"

#include <string.h>

#include "core/size.h"

static bool product_of(const size_t *factors, size_t count, size_t *out) {
    size_t result = 1;
    for (size_t i = 0; i < count; i++)
        if (!size_mul(result, factors[i], &result)) return false;
    *out = result;
    return true;
}

bool cell_weights_sizes(const CellShape *shape, size_t sizes[8]) {
    const size_t panels = shape->panels, gates = shape->cell->gates, slots = shape->cell->slots;
    const size_t inputs = shape->inputs, input_panels = inputs / PANEL + (inputs % PANEL != 0);
    const size_t dense = shape->tokens ? 0 : 1;
    const size_t factors[8][5] = {
        {panels, slots, PANEL, 1, 1},
        {inputs, panels, slots, PANEL, 1 - dense},
        {panels, inputs, gates, PANEL, dense},
        {panels, shape->hidden, gates, PANEL, 1},
        {input_panels, panels, gates, PANEL * PANEL, dense},
        {panels, panels, gates, PANEL * PANEL, 1},
        {panels, PANEL, 1, 1, 1},
        {panels, PANEL, shape->cell->cell_state ? 1 : 0, 1, 1},
    };
    for (size_t i = 0; i < 8; i++)
        if (!product_of(factors[i], 5, &sizes[i])) return false;
    return true;
}

/* The number of real units in a panel. */
static size_t panel_units(const CellShape *shape, size_t panel) {
    const size_t left = shape->hidden - panel * PANEL;
    return left < PANEL ? left : PANEL;
}

/* dst [columns][gates][16] of one panel from a matrix [blocks*hidden][columns], gates in the order
 * given. Padding lanes are left as they are: zeros. */
static void pack_panel(const CellShape *shape, size_t panel, const float *matrix, size_t columns,
                       const unsigned char *order, size_t gates, float *dst) {
    for (size_t g = 0; g < gates; g++)
        for (size_t l = 0; l < panel_units(shape, panel); l++) {
            const float *const row =
                matrix + ((size_t)order[g] * shape->hidden + panel * PANEL + l) * columns;
            for (size_t k = 0; k < columns; k++) dst[(k * gates + g) * PANEL + l] = row[k];
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
static void pack_table(const CellShape *shape, const CellTensors *tensors,
                       const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t block = cell->slots * PANEL;
    const float *const start = weights->start + panel * block;
    for (size_t token = 0; token < shape->inputs; token++) {
        float *const dst = weights->table + (token * shape->panels + panel) * block;
        memcpy(dst, start, block * sizeof(float));
        for (size_t g = 0; g < cell->gates; g++)
            for (size_t l = 0; l < panel_units(shape, panel); l++) {
                const size_t row = cell->input_order[g] * shape->hidden + panel * PANEL + l;
                dst[(cell->input_slot + g) * PANEL + l] +=
                    tensors->weight_ih[row * shape->inputs + token];
            }
    }
}

/* dst [panels*gates*16][16] of one output panel: column o of the matrix [blocks*hidden][columns]
 * for 16 values of o, its rows in the order of the packed gates of all panels. */
static void pack_back(const CellShape *shape, const float *matrix, size_t columns,
                      const unsigned char *order, size_t gates, size_t out_panel, float *dst) {
    const size_t first = out_panel * PANEL;
    const size_t lanes = columns - first < PANEL ? columns - first : PANEL;
    for (size_t panel = 0; panel < shape->panels; panel++)
        for (size_t g = 0; g < gates; g++)
            for (size_t l = 0; l < panel_units(shape, panel); l++) {
                const size_t row = order[g] * shape->hidden + panel * PANEL + l;
                memcpy(dst + ((panel * gates + g) * PANEL + l) * PANEL,
                       matrix + row * columns + first, lanes * sizeof(float));
            }
}

/* Calls pack_panel or pack_back for a matrix whose first gates are interleaved with each other and
 * the rest apart: w_hh of the cell that needs its products one after the other. */
static void pack_hidden(const CellShape *shape, const CellTensors *tensors,
                        const CellWeights *weights, size_t panel) {
    const Cell *const cell = shape->cell;
    const size_t lead = cell->leading_gates, rest = cell->gates - lead, hidden = shape->hidden;
    const size_t back_row = shape->panels * PANEL * PANEL;
    pack_panel(shape, panel, tensors->weight_hh, hidden, cell->hidden_order, lead,
               weights->w_hh + panel * hidden * lead * PANEL);
    pack_back(shape, tensors->weight_hh, hidden, cell->hidden_order, lead, panel,
              weights->w_hh_back + panel * back_row * lead);
    if (rest == 0) return;
    pack_panel(shape, panel, tensors->weight_hh, hidden, cell->hidden_order + lead, rest,
               weights->w_hh + (shape->panels * lead + panel * rest) * hidden * PANEL);
    pack_back(shape, tensors->weight_hh, hidden, cell->hidden_order + lead, rest, panel,
              weights->w_hh_back + (shape->panels * lead + panel * rest) * back_row);
}

void cell_pack(const CellShape *shape, const CellTensors *tensors, const CellWeights *weights,
               size_t begin, size_t end) {
    const Cell *const cell = shape->cell;
    for (size_t panel = begin; panel < end; panel++) {
        pack_start(shape, tensors, panel, weights->start + panel * cell->slots * PANEL);
        if (shape->tokens)
            pack_table(shape, tensors, weights, panel);
        else
            pack_panel(shape, panel, tensors->weight_ih, shape->inputs, cell->input_order,
                       cell->gates, weights->w_ih + panel * shape->inputs * cell->gates * PANEL);
        pack_hidden(shape, tensors, weights, panel);
        const size_t first = panel * PANEL, bytes = panel_units(shape, panel) * sizeof(float);
        if (tensors->h0) memcpy(weights->h0 + first, tensors->h0 + first, bytes);
        if (tensors->c0) memcpy(weights->c0 + first, tensors->c0 + first, bytes);
    }
}

void cell_pack_input_back(const CellShape *shape, const CellTensors *tensors,
                          const CellWeights *weights, size_t begin, size_t end) {
    const Cell *const cell = shape->cell;
    const size_t block = shape->panels * cell->gates * PANEL * PANEL;
    for (size_t panel = begin; panel < end; panel++)
        pack_back(shape, tensors->weight_ih, shape->inputs, cell->input_order, cell->gates, panel,
                  weights->w_ih_back + panel * block);
}
