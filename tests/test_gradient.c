/* Weight gradients: the bits of one chain for each output, wherever the work is cut, on every
 * instruction set, nothing written outside. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cells/gradient.h"
#include "support/guarded.h"
#include "support/passes.h"

typedef struct GradientCase {
    size_t steps, hidden, slots;
    size_t inputs[GRADIENT_PARTS_MAX]; /* 0: no such part */
    size_t slot[GRADIENT_PARTS_MAX], gates[GRADIENT_PARTS_MAX];
    bool tokens, no_bias; /* of the first part */
} GradientCase;

static const unsigned char order[] = {2, 0, 3, 1}, first_gate[] = {0};

typedef struct GradientData {
    WeightGradient g;
    float *a[GRADIENT_PARTS_MAX], *b;
    int32_t *tokens;
    Guarded out[GRADIENT_PARTS_MAX], bias[GRADIENT_PARTS_MAX];
} GradientData;

static void add_part(GradientData *d, const GradientCase *c, size_t i) {
    const bool tokens = c->tokens && i == 0, bias = !c->no_bias || i > 0;
    const size_t rows = (c->slots > 1 ? 4 : 1) * c->hidden;
    GradientPart *const part = &d->g.part[i];
    d->out[i] = guarded(rows * c->inputs[i]);
    d->bias[i] = guarded(rows);
    *part = (GradientPart){
        .a_row = c->inputs[i] + i,
        .inputs = c->inputs[i],
        .slot = c->slot[i],
        .gates = c->gates[i],
        .order = c->slots > 1 ? order : first_gate,
        .out = d->out[i].data,
        .bias = bias ? d->bias[i].data : NULL,
    };
    if (tokens) {
        part->tokens = d->tokens = zeroed(c->steps, sizeof *d->tokens);
        for (size_t k = 0; k < c->steps; k++)
            d->tokens[k] = (int32_t)(k * k * 7 % (c->inputs[i] + 1)) - 1;
        return;
    }
    const size_t count = (c->steps - 1) * part->a_row + part->inputs;
    part->a = d->a[i] = zeroed(count, sizeof(float));
    random_floats(d->a[i], count, 1.0f, 2 + i);
    d->g.parts = i + 1;
}

static GradientData gradient_data(const GradientCase *c) {
    GradientData d = {0};
    const size_t panels = (c->hidden + PANEL - 1) / PANEL;
    d.g = (WeightGradient){
        .steps = c->steps,
        .b_row = (c->slots > 1 ? c->slots : panels) * PANEL,
        .b_panel = c->slots > 1 ? c->steps * c->slots * PANEL : PANEL,
        .panels = panels,
        .hidden = c->hidden,
        .slots = c->slots,
    };
    const size_t count = c->steps * panels * c->slots * PANEL;
    d.g.b = d.b = zeroed(count, sizeof(float));
    random_floats(d.b, count, 1.0f, 1);
    for (size_t i = 0; i < GRADIENT_PARTS_MAX && c->inputs[i] > 0; i++) {
        add_part(&d, c, i);
        d.g.parts = i + 1;
    }
    return d;
}

static void gradient_free(GradientData *d) {
    for (size_t i = 0; i < d->g.parts; i++) {
        release(&d->out[i]);
        release(&d->bias[i]);
        free(d->a[i]);
    }
    free(d->tokens);
    free(d->b);
}

/* The gate's number of unit u at step k. */
static float gate_at(const WeightGradient *g, const GradientPart *part, size_t gate, size_t u,
                     size_t k) {
    return g->b[k * g->b_row + u / PANEL * g->b_panel + (part->slot + gate) * PANEL + u % PANEL];
}

static float input_at(const GradientPart *part, size_t i, size_t k) {
    if (part->tokens) return part->tokens[k] == (int32_t)i ? 1.0f : 0.0f;
    return part->a[k * part->a_row + i];
}

static void check_part(const GradientData *d, size_t p, const char *tier) {
    const WeightGradient *const g = &d->g;
    const GradientPart *const part = &g->part[p];
    for (size_t gate = 0; gate < part->gates; gate++)
        for (size_t u = 0; u < g->hidden; u++) {
            const size_t row = part->order[gate] * g->hidden + u;
            float bias = 0.0f;
            for (size_t k = 0; k < g->steps; k++) bias += gate_at(g, part, gate, u, k);
            for (size_t i = 0; i < part->inputs; i++) {
                float sum = 0.0f;
                for (size_t k = 0; k < g->steps; k++)
                    sum = fmaf(input_at(part, i, k), gate_at(g, part, gate, u, k), sum);
                check_like(&part->out[row * part->inputs + i], &sum, 1, "weight", tier);
            }
            if (part->bias) check_like(&part->bias[row], &bias, 1, "bias", tier);
        }
    check_guards(&d->out[p], "weights");
    check_guards(&d->bias[p], "biases");
}

/* Computed by so many workers, the last one first. */
static void check_gradient(const Kernels *kernels, const GradientCase *c, size_t workers) {
    GradientData d = gradient_data(c);
    float *const scratch = zeroed(GRADIENT_SCRATCH, sizeof(float));
    const size_t work = weight_gradient_work(&d.g);
    for (size_t i = 0; i < GRADIENT_SCRATCH; i++) scratch[i] = NAN;
    for (size_t p = 0; p < d.g.parts; p++)
        for (size_t i = 0; i < d.out[p].count; i++) d.out[p].data[i] = NAN;
    for (size_t w = workers; w-- > 0;)
        weight_gradient(kernels, &d.g, work * w / workers, work * (w + 1) / workers, scratch);
    for (size_t p = 0; p < d.g.parts; p++) check_part(&d, p, kernels->name);
    free(scratch);
    gradient_free(&d);
}

static const GradientCase cases[] = {
    /* LSTM: one panel, several, odd widths, more strips than a block has */
    {130, 16, 4, {1, 16}, {0, 0}, {4, 4}, false, false},
    {257, 40, 4, {50, 40}, {0, 0}, {4, 4}, false, false},
    {20, 150, 4, {13, 150}, {0, 0}, {4, 4}, false, true},
    /* the GRU that resets after, and before */
    {129, 33, 4, {7, 33}, {0, 1}, {3, 3}, false, false},
    {140, 24, 4, {5, 24, 24}, {0, 1, 3}, {3, 2, 1}, false, false},
    /* RNN and head: panels side by side, up to several strips */
    {131, 24, 1, {9, 24}, {0, 0}, {1, 1}, false, false},
    {128, 80, 1, {20, 80}, {0, 0}, {1, 1}, false, false},
    {140, 40, 1, {9, 40}, {0, 0}, {1, 1}, false, false},
    {140, 40, 1, {70, 40}, {0, 0}, {1, 1}, false, true},
    {129, 100, 1, {30, 100}, {0, 0}, {1, 1}, false, false},
    {64, 150, 1, {300}, {0}, {1}, false, false},
    {9, 1, 1, {3}, {0}, {1}, false, true},
    /* more columns than a block has; tokens, few and many */
    {10, 20, 4, {700, 20}, {0, 0}, {4, 4}, false, false},
    {300, 20, 4, {30, 20}, {0, 0}, {4, 4}, true, false},
    {300, 72, 1, {30, 72}, {0, 0}, {1, 1}, true, false},
    {200, 20, 4, {500, 20}, {0, 1}, {3, 3}, true, true},
    {1, 5, 4, {1, 5}, {0, 0}, {4, 4}, false, false},
};

static void each_case(const Kernels *kernels) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t workers = 1; workers <= 7; workers += workers < 3 ? 1 : 4)
            check_gradient(kernels, &cases[i], workers);
}

static void same_bits(void **state) {
    (void)state;
    each_tier(each_case);
}

/* With two workers neither has much more than half, in outputs of dense parts. */
static void halves(void **state) {
    static const GradientCase large = {1, 128, 4, {128, 128}, {0, 0}, {4, 4}, false, false};
    GradientData d = gradient_data(&large);
    float *const scratch = zeroed(GRADIENT_SCRATCH, sizeof(float));
    size_t written = 0, all = 0;
    (void)state;
    for (size_t p = 0; p < d.g.parts; p++)
        for (size_t i = 0; i < d.out[p].count; i++) d.out[p].data[i] = NAN;
    weight_gradient(kernels_select(NULL), &d.g, 0, weight_gradient_work(&d.g) / 2, scratch);
    for (size_t p = 0; p < d.g.parts; p++)
        for (size_t i = 0; i < d.out[p].count; i++, all++)
            written += isnan(d.out[p].data[i]) ? 0 : 1;
    assert_in_range(written, all * 485 / 1000, all * 515 / 1000);
    free(scratch);
    gradient_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits),
        cmocka_unit_test(halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
