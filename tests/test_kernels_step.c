/* The kernels of one step of a stream: the bits of the forward kernels with one row, on every
 * instruction set, in both orders of units; nothing written outside; their own sigmoid and tanh
 * against those of the other kernels, for one float in STRIDE. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "support/guarded.h"
#include "support/passes.h"

enum { STRIDE = 4093, WIDTHS = 12 };

static const size_t widths[WIDTHS] = {1, 4, 8, 9, 16, 17, 24, 33, 64, 65, 100, 130};

/* One cell: which kernel, how much it reads. */
typedef struct StepCase {
    const char *name;
    size_t slots, input_gates, hidden_gates, leading_gates;
    StepKernel step;
    void (*forward[2])(const CellForward *step); /* of the portable kernels */
} StepCase;

enum { CASES = 5 };

static void list_cases(const Kernels *kernels, StepCase cases[CASES]) {
    const Kernels *const plain = kernels_select("portable");
    const StepCase all[CASES] = {
        {"rnn", 1, 1, 1, 1, kernels->rnn_tanh_step, {plain->rnn_tanh_forward}},
        {"rnn-relu", 1, 1, 1, 1, kernels->rnn_relu_step, {plain->rnn_relu_forward}},
        {"lstm", 4, 4, 4, 4, kernels->lstm_step, {plain->lstm_forward}},
        {"gru", 4, 3, 3, 3, kernels->gru_step, {plain->gru_forward}},
        {"gru-reset-before",
         4,
         3,
         3,
         2,
         kernels->gru_before_step,
         {plain->gru_reset_before_forward, plain->gru_reset_before_forward2}},
    };
    memcpy(cases, all, sizeof all);
}

/* The data of one step, padding units 0. */
typedef struct StepData {
    size_t inputs, hidden, panels;
    float *start, *x, *w_ih, *h, *w_hh, *c;
} StepData;

/* Random numbers for the `hidden` units of [panels][rows][16], 0 for the padding ones. */
static float *random_panels(const StepData *data, size_t rows, float bound, uint64_t seed) {
    const size_t count = data->panels * rows * PANEL;
    float *const values = zeroed(count + 1, sizeof *values);
    random_floats(values, count, bound, seed);
    for (size_t i = 0; i < count; i++)
        if (i / (rows * PANEL) * PANEL + i % PANEL >= data->hidden) values[i] = 0.0f;
    return values;
}

/* The floats of a packed matrix. */
static size_t packed_floats(const StepData *data, size_t gates, size_t columns) {
    return packed_offset(gates, columns, packed_panels(gates, data->panels));
}

/* Random weights of a packed matrix, 0 for padding units. */
static void fill_packed(const StepData *data, float *w, size_t gates, size_t columns,
                        uint64_t seed) {
    random_floats(w, packed_floats(data, gates, columns), 0.5f, seed);
    for (size_t unit = data->hidden; unit < data->panels * PANEL; unit++)
        for (size_t i = 0; i < columns * gates; i++)
            w[packed_offset(gates, columns, unit / PANEL) + i / gates * packed_column(gates) +
              i % gates * PANEL + unit % PANEL] = 0.0f;
}

static StepData make_data(const StepCase *cell, size_t inputs, size_t hidden) {
    StepData data = {.inputs = inputs, .hidden = hidden, .panels = (hidden + PANEL - 1) / PANEL};
    data.start = random_panels(&data, cell->slots, 2.0f, 1);
    data.x = zeroed(inputs + 1, sizeof *data.x);
    random_floats(data.x, inputs, 1.0f, 2);
    data.w_ih = zeroed(packed_floats(&data, cell->input_gates, inputs) + 1, sizeof *data.w_ih);
    fill_packed(&data, data.w_ih, cell->input_gates, inputs, 3);
    data.h = random_panels(&data, 1, 1.0f, 4);
    const size_t lead = cell->leading_gates, rest = cell->hidden_gates - lead;
    const size_t leading = packed_floats(&data, lead, hidden);
    data.w_hh = zeroed(leading + rest * packed_floats(&data, 1, hidden), sizeof *data.w_hh);
    fill_packed(&data, data.w_hh, lead, hidden, 5);
    if (rest == 1) fill_packed(&data, data.w_hh + leading, 1, hidden, 6);
    data.c = random_panels(&data, 1, 1.5f, 7);
    return data;
}

static void release_data(StepData *data) {
    float *const arrays[] = {data->start, data->x, data->w_ih, data->h, data->w_hh, data->c};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

/* out: h, c. */
static void run_forward(const StepCase *cell, const StepData *data, Guarded out[2]) {
    const size_t width = data->panels * PANEL;
    Guarded gates = guarded(cell->slots * width), extra = guarded(width);
    const float *const start = data->start;
    const CellForward step = {
        .rows = 1,
        .panels = data->panels,
        .panel_end = data->panels,
        .start = &start,
        .start_panel = cell->slots * PANEL,
        .x = data->x,
        .inputs = data->inputs,
        .w_ih = data->w_ih,
        .h = data->h,
        .hidden = data->hidden,
        .w_hh = data->w_hh,
        .h_next = out[0].data,
        .c = data->c,
        .c_next = out[1].data,
        .gates = gates.data,
        .gates_panel = cell->slots * PANEL,
        .extra = extra.data,
    };
    for (size_t i = 0; i < 2 && cell->forward[i]; i++) cell->forward[i](&step);
    release(&gates);
    release(&extra);
}

static void run_step(StepKernel kernel, const StepData *data, bool descending, Guarded out[2]) {
    const size_t width = data->panels * PANEL;
    Guarded scratch = guarded(3 * width);
    memcpy(out[1].data, data->c, width * sizeof *data->c);
    const CellStep step = {
        .start = data->start,
        .x = data->x,
        .inputs = data->inputs,
        .w_ih = data->w_ih,
        .h = data->h,
        .hidden = data->hidden,
        .w_hh = data->w_hh,
        .h_next = out[0].data,
        .c = out[1].data,
        .scratch = scratch.data,
        .descending = descending,
    };
    kernel(&step);
    for (size_t i = 0; i < 2; i++) check_guards(&out[i], "step");
    check_guards(&scratch, "step's scratch");
    release(&scratch);
}

static void check_case(const StepCase *cell, size_t inputs, size_t hidden, const char *tier) {
    StepData data = make_data(cell, inputs, hidden);
    const size_t width = data.panels * PANEL;
    const bool has_c = strcmp(cell->name, "lstm") == 0;
    for (int descending = 0; descending < 2; descending++) {
        Guarded want[2] = {guarded(width), guarded(width)};
        Guarded got[2] = {guarded(width), guarded(width)};
        run_forward(cell, &data, want);
        run_step(cell->step, &data, descending, got);
        assert_memory_equal(got[0].data, want[0].data, hidden * sizeof(float));
        check_like(got[0].data, want[0].data, width, cell->name, tier);
        if (has_c) check_like(got[1].data, want[1].data, width, cell->name, tier);
        release_all(want, 2);
        release_all(got, 2);
    }
    release_data(&data);
}

static void check_steps(const Kernels *kernels) {
    static const size_t inputs[] = {0, 1, 8, 9, 21};
    StepCase cases[CASES];
    list_cases(kernels, cases);
    for (size_t i = 0; i < CASES; i++)
        for (size_t w = 0; w < WIDTHS; w++)
            for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
                check_case(&cases[i], inputs[k], widths[w], kernels->name);
}

static void steps_are_forward_with_one_row(void **state) {
    (void)state;
    each_tier(check_steps);
}

/* Steps whose weights are 0, so that their pre-activations are the numbers they start from. */
static void activations_of(const Kernels *kernels, size_t hidden, const float *x, float *tanh_x,
                           float *sigmoid_x) {
    static _Alignas(64) const float zeros[64 * 4 * 64];
    _Alignas(64) float start[64 * 4] = {0}, ignored[64], c[64];
    const CellStep rnn = {
        .start = x, .h = zeros, .hidden = hidden, .w_hh = zeros, .h_next = tanh_x};
    kernels->rnn_tanh_step(&rnn);
    /* c' = f * 1 + i * tanh(0) */
    for (size_t u = 0; u < hidden; u++) {
        start[u / PANEL * 4 * PANEL + PANEL + u % PANEL] = x[u];
        c[u] = 1.0f;
    }
    const CellStep lstm = {
        .start = start, .h = zeros, .hidden = hidden, .w_hh = zeros, .h_next = ignored, .c = c};
    kernels->lstm_step(&lstm);
    memcpy(sigmoid_x, c, hidden * sizeof *c);
}

/* A step's activations of `hidden` numbers, at most 64, are those of arrays. */
static void check_numbers(const Kernels *kernels, size_t hidden, const float *x) {
    _Alignas(64) float got[2][64], want[2][64];
    activations_of(kernels, hidden, x, got[0], got[1]);
    kernels->tanh(hidden, x, want[0]);
    kernels->sigmoid(hidden, x, want[1]);
    check_like(got[0], want[0], hidden, "tanh", kernels->name);
    check_like(got[1], want[1], hidden, "sigmoid", kernels->name);
}

static void check_activations(const Kernels *kernels) {
    static const size_t hidden_of[] = {16, 64}; /* below and above where vectors get shorter */
    for (size_t i = 0; i < 2; i++) {
        const size_t hidden = hidden_of[i];
        _Alignas(64) float x[64];
        for (uint64_t first = 0; first < UINT64_C(1) << 32; first += hidden * STRIDE) {
            for (size_t u = 0; u < hidden; u++) {
                const uint32_t bits = (uint32_t)(first + u * STRIDE);
                memcpy(&x[u], &bits, sizeof bits);
                /* The chain's first addition of +0 makes it +0. */
                if (x[u] == 0.0f) x[u] = 0.0f;
            }
            check_numbers(kernels, hidden, x);
        }
    }
}

static void the_same_activations(void **state) {
    (void)state;
    each_tier(check_activations);
}

/* Where the masks begin, beside it, and what no sweep may miss. */
static void check_edges(const Kernels *kernels) {
    static const float edges[] = {0.0f,    30.0f, -104.0f, 10.0f, 88.0f,    -88.0f, 0x1p22f,
                                  0x1p24f, 1e10f, 1e20f,   3e38f, INFINITY, NAN,    1e-40f};
    _Alignas(64) float x[64];
    enum { EDGES = sizeof edges / sizeof *edges };
    for (size_t i = 0; i < 4; i++) {
        for (size_t u = 0; u < 64; u++) {
            const float edge = edges[u % EDGES] * (i & 1 ? -1.0f : 1.0f);
            x[u] = nextafterf(edge, i & 2 ? INFINITY : edge);
            if (x[u] == 0.0f) x[u] = 0.0f;
        }
        for (size_t hidden = 16; hidden <= 64; hidden += 48) {
            check_numbers(kernels, hidden, x);
        }
    }
}

static void edges_of_the_masks(void **state) {
    (void)state;
    each_tier(check_edges);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_forward_with_one_row),
        cmocka_unit_test(the_same_activations),
        cmocka_unit_test(edges_of_the_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
