/* Gates near their bounds, dead units, duplicates and time constants, on units made to be so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/diagnosing.h"
#include "support/passes.h"

enum { HIDDEN = 11, INPUTS = 3 };

static void near(double got, double want, double tolerance, const char *what) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.15g, expected %.15g within %.3g", what, got, want, tolerance);
}

typedef struct Measured {
    elman_context *context;
    elman_model *model;
    Sample sample;
    elman_sequence sequence;
    DiagnosingCase made;
} Measured;

static NetworkSpec spec_of(elman_cell cell, size_t hidden) {
    return (NetworkSpec){.input = ELMAN_INPUT_DENSE,
                         .inputs = INPUTS,
                         .cell = cell,
                         .layers = 2,
                         .hidden = hidden,
                         .bidirectional = true,
                         .outputs = 2};
}

/* A random model, rows of different length among them one of none. */
static Measured open_measured(const NetworkSpec *spec, size_t steps, size_t rows, size_t threads) {
    Measured m = {.context = open_context(NULL, threads)};
    m.model = random_model(m.context, spec, 3);
    m.sample = random_sample(spec, steps, rows, true, false, 5);
    m.sequence = sample_sequence(&m.sample, false);
    return m;
}

static const elman_layer_diagnosis *measure(Measured *m) {
    elman_error error = {0};
    m->made = open_diagnosing(m->model, &m->sequence, 10);
    if (diagnosis_measure_activity(&m->made.d, &error)) fail_msg("%s", error.message);
    return m->made.d.diagnosis->layers;
}

static void close_measured(Measured *m) {
    close_diagnosing(&m->made);
    sample_free(&m->sample);
    elman_model_destroy(m->model);
    elman_context_destroy(m->context);
}

/* ---- Planting: a row of weights is what makes a unit's gate ---- */

static const char *const row_tensors[] = {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0",
                                          "rnn.bias_hh_l0"};

/* Sets a gate's row of every tensor to 0 and its bias to `bias`. */
static void plant_bias(const elman_model *model, size_t row, float bias) {
    for (size_t i = 0; i < 4; i++) {
        const elman_tensor tensor = tensor_of(model, row_tensors[i]);
        const size_t width = tensor.rank == 2 ? tensor.shape[1] : 1;
        memset(tensor.data + row * width, 0, width * sizeof *tensor.data);
        if (i == 2) tensor.data[row] = bias;
    }
}

/* Makes rows `to` those of `from`, times `sign`. */
static void plant_copy(const elman_model *model, size_t from, size_t to, float sign) {
    for (size_t i = 0; i < 4; i++) {
        const elman_tensor tensor = tensor_of(model, row_tensors[i]);
        const size_t width = tensor.rank == 2 ? tensor.shape[1] : 1;
        for (size_t k = 0; k < width; k++)
            tensor.data[to * width + k] = sign * tensor.data[from * width + k];
    }
}

/* ---- Gates ---- */

/* The figures of a gate, counted again over what rows have. */
static elman_gate_activity count_again(const Measured *m, size_t layer, int reverse,
                                       elman_kept what, double low, double high, size_t hidden) {
    const size_t steps = m->sequence.steps, rows = m->sequence.batch;
    float *const values = zeroed(steps * rows * hidden, sizeof *values);
    elman_gate_activity want = {0};
    double count = 0.0;
    assert_int_equal(elman_tape_kept(m->made.d.tape, layer, reverse, what, values, NULL), ELMAN_OK);
    for (size_t u = 0; u < hidden; u++) {
        double lows = 0.0, highs = 0.0, all = 0.0;
        for (size_t b = 0; b < rows; b++)
            for (size_t t = 0; t < m->sample.lengths[b]; t++, all++) {
                const double value = (double)values[(t * rows + b) * hidden + u];
                lows += value < low;
                highs += value > high;
                want.mean += value;
            }
        want.low += lows;
        want.high += highs;
        want.stuck += lows >= 0.99 * all || highs >= 0.99 * all;
        count += all;
    }
    want.low /= count;
    want.high /= count;
    want.mean /= count;
    free(values);
    return want;
}

static void shares_are_counted(void **state) {
    (void)state;
    static const elman_kept kept[CELLS][4] = {
        {ELMAN_KEPT_H},
        {ELMAN_KEPT_H},
        {ELMAN_KEPT_I, ELMAN_KEPT_F, ELMAN_KEPT_G, ELMAN_KEPT_O},
        {ELMAN_KEPT_R, ELMAN_KEPT_Z, ELMAN_KEPT_N},
        {ELMAN_KEPT_R, ELMAN_KEPT_Z, ELMAN_KEPT_N},
    };
    static const char *const names[CELLS] = {"h", "h", "ifgo", "rzn", "rzn"};
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = spec_of(all_cells[c], HIDDEN);
        Measured m = open_measured(&spec, 30, 7, 1);
        double seen = 0.0;
        for (size_t i = 0; i < elman_model_tensor_count(m.model); i++) {
            elman_tensor tensor;
            elman_model_tensor(m.model, i, &tensor);
            for (size_t k = 0; k < tensor.count; k++) tensor.data[k] *= 6.0f;
        }
        const elman_layer_diagnosis *const layers = measure(&m);
        for (size_t l = 0; l < 4; l++) {
            const elman_layer_diagnosis *const layer = &layers[l];
            assert_int_equal(layer->gate_count, strlen(names[c]));
            for (size_t g = 0; g < layer->gate_count; g++) {
                const elman_gate_activity *const got = &layer->gates[g];
                const bool tanh_gate = strchr("hgn", names[c][g]) != NULL;
                const bool relu = all_cells[c] == ELMAN_CELL_RNN_RELU;
                const elman_gate_activity want = count_again(&m, l / 2, l % 2, kept[c][g],
                                                             relu        ? 1e-44
                                                             : tanh_gate ? (double)-0.9f
                                                                         : (double)0.05f,
                                                             relu        ? (double)INFINITY
                                                             : tanh_gate ? (double)0.9f
                                                                         : (double)0.95f,
                                                             HIDDEN);
                assert_int_equal(got->name[0], names[c][g]);
                near(got->low, want.low, 1e-12, "low");
                near(got->high, want.high, 1e-12, "high");
                near(got->mean, want.mean, 1e-9 * (1.0 + fabs(want.mean)), "mean");
                assert_int_equal(got->stuck, want.stuck);
                seen += got->low + got->high;
                if (relu) assert_true(got->high == 0.0);
            }
        }
        assert_true(seen > 0.1);
        close_measured(&m);
    }
}

/* Biases that shut gates i of two units for good, open f of three. */
static void stuck_gates(void **state) {
    (void)state;
    const NetworkSpec spec = spec_of(ELMAN_CELL_LSTM, HIDDEN);
    Measured m = open_measured(&spec, 30, 7, 1);
    plant_bias(m.model, 2, -20.0f);
    plant_bias(m.model, 9, -20.0f);
    for (size_t u = 4; u < 7; u++) plant_bias(m.model, HIDDEN + u, 20.0f);
    const elman_layer_diagnosis *const layer = measure(&m);
    /* Weights of the default initialisation bring no other gate there. */
    assert_int_equal(layer->gates[0].stuck, 2);
    near(layer->gates[0].low, 2.0 / HIDDEN, 1e-12, "share of i that is shut");
    assert_true(layer->gates[0].high == 0.0);
    assert_int_equal(layer->gates[1].stuck, 3);
    near(layer->gates[1].high, 3.0 / HIDDEN, 1e-12, "share of f that is open");
    assert_true(layer->gates[1].low == 0.0);
    assert_int_equal(layer->gates[3].stuck, 0);
    close_measured(&m);
}

/* ---- Dead and duplicate units ---- */

static void dead_units(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = spec_of(all_cells[c], HIDDEN);
        const size_t gates = spec_gates(&spec);
        Measured m = open_measured(&spec, 30, 7, 2);
        /* A ReLU starts with many that never fire. */
        if (c == 1)
            for (size_t u = 0; u < HIDDEN; u++) tensor_of(m.model, row_tensors[2]).data[u] = 2.0f;
        for (size_t g = 0; g < gates; g++) {
            plant_bias(m.model, g * HIDDEN + 3, 0.0f);
            plant_bias(m.model, g * HIDDEN + 10, 0.0f);
        }
        const elman_layer_diagnosis *const layer = measure(&m);
        assert_int_equal(layer->dead_count, 2);
        assert_int_equal(layer->dead[0], 3);
        assert_int_equal(layer->dead[1], 10);
        assert_int_equal(layer->duplicate_count, 0);
        close_measured(&m);
    }
}

/* A unit that changes by less than 1e-4 is dead, one that changes by more lives. */
static void threshold_of_dead_units(void **state) {
    (void)state;
    const NetworkSpec spec = spec_of(ELMAN_CELL_RNN, HIDDEN);
    Measured m = open_measured(&spec, 40, 20, 1);
    const elman_tensor input = tensor_of(m.model, row_tensors[0]);
    plant_bias(m.model, 1, 0.3f);
    plant_bias(m.model, 2, 0.3f);
    /* Inputs are even in [-1, 1): their deviation is 0.577, and tanh'(0.3) is 0.915. */
    input.data[1 * INPUTS] = (float)(0.7e-4 / (0.577 * 0.915));
    input.data[2 * INPUTS] = (float)(1.4e-4 / (0.577 * 0.915));
    const elman_layer_diagnosis *const layer = measure(&m);
    assert_int_equal(layer->dead_count, 1);
    assert_int_equal(layer->dead[0], 1);
    close_measured(&m);
}

static void duplicate_units(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS; c++) {
        /* More units than are correlated at a time, and more places than are looked at. */
        const NetworkSpec spec = spec_of(all_cells[c], HIDDEN + 8);
        const size_t gates = spec_gates(&spec);
        Measured m = open_measured(&spec, 120, 40, 2);
        if (c == 1)
            for (size_t u = 0; u < spec.hidden; u++)
                tensor_of(m.model, row_tensors[2]).data[u] = 2.0f;
        for (size_t g = 0; g < gates; g++) {
            plant_copy(m.model, g * spec.hidden + 17, g * spec.hidden + 5, 1.0f);
            plant_copy(m.model, g * spec.hidden + 2, g * spec.hidden + 3, 1.0f);
            plant_copy(m.model, g * spec.hidden + 2, g * spec.hidden + 18, 1.0f);
        }
        /* tanh of the other sign is the same unit the other way round. */
        if (c == 0) plant_copy(m.model, 7, 14, -1.0f);
        const elman_layer_diagnosis *const layer = measure(&m);
        static const size_t want[][2] = {{2, 3}, {2, 18}, {3, 18}, {5, 17}, {7, 14}};
        assert_int_equal(layer->duplicate_count, c == 0 ? 5 : 4);
        for (size_t i = 0; i < layer->duplicate_count; i++) {
            assert_int_equal(layer->duplicates[i].first, want[i][0]);
            assert_int_equal(layer->duplicates[i].second, want[i][1]);
            near(layer->duplicates[i].correlation, i == 4 ? -1.0 : 1.0, 1e-9, cell_name(spec.cell));
        }
        assert_int_equal(layer->dead_count, 0);
        close_measured(&m);
    }
}

/* A network whose units are all the same has more pairs than units: the first are kept. */
static void all_units_alike(void **state) {
    (void)state;
    const NetworkSpec spec = spec_of(ELMAN_CELL_RNN, HIDDEN);
    Measured m = open_measured(&spec, 30, 7, 2);
    for (size_t u = 1; u < HIDDEN; u++) plant_copy(m.model, 0, u, 1.0f);
    const elman_layer_diagnosis *const layer = measure(&m);
    assert_int_equal(layer->duplicate_count, HIDDEN);
    for (size_t i = 0; i < HIDDEN - 1; i++) {
        assert_int_equal(layer->duplicates[i].first, 0);
        assert_int_equal(layer->duplicates[i].second, i + 1);
    }
    assert_int_equal(layer->duplicates[HIDDEN - 1].first, 1);
    assert_int_equal(layer->duplicates[HIDDEN - 1].second, 2);
    close_measured(&m);
}

/* ---- Time constants ---- */

/* A constant forget gate f keeps 1 - 1 / T of a cell each step. The gate is a float of about 1
 * ulp's error, which 1 / (1 - f) makes T of it. */
static void time_constants(void **state) {
    (void)state;
    static const elman_cell cells[] = {ELMAN_CELL_LSTM, ELMAN_CELL_GRU,
                                       ELMAN_CELL_GRU_RESET_BEFORE};
    for (size_t c = 0; c < 3; c++) {
        const NetworkSpec spec = spec_of(cells[c], HIDDEN);
        Measured m = open_measured(&spec, 30, 7, 1);
        /* f of an LSTM and z of a GRU are both the second gate. */
        for (size_t u = 0; u < HIDDEN; u++)
            plant_bias(m.model, HIDDEN + u, u == 10 ? 100.0f : (float)log(1.0 + (double)u));
        const elman_layer_diagnosis *const layer = measure(&m);
        assert_int_equal(layer->time_constant_count, HIDDEN);
        /* sigmoid(ln(1 + u)) = 1 - 1 / (2 + u) */
        for (size_t u = 0; u < 10; u++) {
            const double want = 2.0 + (double)u;
            near(layer->time_constants[u], want, want * want * 8 * 0x1p-24, "time constant");
        }
        assert_true(layer->time_constants[10] == 0x1p25);
        near(layer->time_constant.low, 4.5, 1e-4, "lower quartile");
        near(layer->time_constant.median, 7.0, 1e-4, "median");
        near(layer->time_constant.high, 9.5, 1e-4, "upper quartile");
        close_measured(&m);
    }
    const NetworkSpec spec = spec_of(ELMAN_CELL_RNN, HIDDEN);
    Measured m = open_measured(&spec, 3, 3, 1);
    assert_int_equal(measure(&m)->time_constant_count, 0);
    close_measured(&m);
}

/* ---- The whole part ---- */

static void same_figures_at_any_thread_count(void **state) {
    (void)state;
    const NetworkSpec spec = spec_of(ELMAN_CELL_LSTM, 40);
    elman_unit_pair pairs[40];
    size_t count = 0;
    for (size_t threads = 1; threads <= 3; threads++) {
        Measured m = open_measured(&spec, 60, 9, threads);
        /* Pairs far apart, so that more than one worker finds them. */
        for (size_t g = 0; g < 4; g++)
            for (size_t u = 0; u < 10; u++) plant_copy(m.model, g * 40 + u, g * 40 + 39 - u, 1.0f);
        const elman_layer_diagnosis *const layer = measure(&m);
        if (threads == 1) {
            count = layer->duplicate_count;
            assert_true(count >= 10);
            memcpy(pairs, layer->duplicates, count * sizeof *pairs);
        }
        assert_int_equal(layer->duplicate_count, count);
        assert_memory_equal(layer->duplicates, pairs, count * sizeof *pairs);
        close_measured(&m);
    }
}

static void every_allocation_fails_once(void **state) {
    const NetworkSpec spec = spec_of(ELMAN_CELL_GRU, 3);
    (void)state;
    fail_each_allocation_of_part(diagnosis_measure_activity, &spec, &spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_counted),
        cmocka_unit_test(stuck_gates),
        cmocka_unit_test(dead_units),
        cmocka_unit_test(threshold_of_dead_units),
        cmocka_unit_test(duplicate_units),
        cmocka_unit_test(all_units_alike),
        cmocka_unit_test(time_constants),
        cmocka_unit_test(same_figures_at_any_thread_count),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
