/* The gradient by lag: against finite differences in double, closed forms, any thread count, any
 * allocation that fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/reference.h"
#include "support/diagnosing.h"
#include "support/passes.h"
#include <elman/diagnose.h>

enum { STEPS = 12, ROWS = 5, ROWS_MOST = 150, HIDDEN = 5, INPUTS = 3, OUTPUTS = 2 };

static elman_status one_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    (void)epoch, (void)position, (void)error;
    *batch = *(const elman_batch *)user;
    return ELMAN_OK;
}

/* The brief diagnosis of one batch: one position a row. */
static elman_diagnosis *diagnose(const elman_model *model, elman_batch *batch, size_t lags) {
    const elman_source source = {
        .struct_size = sizeof source, .user = batch, .batches = 1, .batch = one_batch};
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .lags = lags, .rows = ROWS_MOST, .brief = 1};
    elman_diagnosis *diagnosis = NULL;
    elman_error error = {0};
    if (elman_diagnose_source(model, &source, &options, &diagnosis, &error))
        fail_msg("%s", error.message);
    return diagnosis;
}

static void fill_tensor(elman_model *model, const char *name, const float *values) {
    elman_tensor tensor;
    assert_int_equal(elman_model_find_tensor(model, name, &tensor, NULL), ELMAN_OK);
    memcpy(tensor.data, values, tensor.count * sizeof *values);
}

/* ---- Finite differences ---- */

/* A stack of layers in double, each a network of one step, so that a state may be moved between two
 * of them. */
typedef struct Stack {
    size_t layers;
    bool lstm;
    RefNetwork networks[REF_LAYERS_MAX];
    double *parameters[REF_LAYERS_MAX];
    double head[OUTPUTS * HIDDEN], head_bias[OUTPUTS];
} Stack;

/* Which number is moved by how much. */
typedef struct Move {
    size_t layer, step, unit;
    bool cell;
    double by;
} Move;

static RefCell reference_cell(elman_cell cell) {
    static const RefCell cells[] = {[ELMAN_CELL_RNN] = REF_RNN_TANH,
                                    [ELMAN_CELL_RNN_RELU] = REF_RNN_RELU,
                                    [ELMAN_CELL_LSTM] = REF_LSTM,
                                    [ELMAN_CELL_GRU] = REF_GRU_RESET_AFTER,
                                    [ELMAN_CELL_GRU_RESET_BEFORE] = REF_GRU_RESET_BEFORE};
    return cells[cell];
}

static void copy_tensor(const elman_model *model, const char *name, double *out) {
    elman_tensor tensor;
    assert_int_equal(elman_model_find_tensor(model, name, &tensor, NULL), ELMAN_OK);
    for (size_t i = 0; i < tensor.count; i++) out[i] = (double)tensor.data[i];
}

static Stack make_stack(const elman_model *model, const NetworkSpec *spec) {
    static const char *const slots[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    Stack stack = {.layers = spec->layers, .lstm = spec->cell == ELMAN_CELL_LSTM};
    for (size_t l = 0; l < spec->layers; l++) {
        RefNetwork *const network = &stack.networks[l];
        *network = (RefNetwork){
            .input = REF_DENSE,
            .inputs = l ? HIDDEN : INPUTS,
            .layer_count = 1,
            .layers = {{.cell = reference_cell(spec->cell), .hidden = HIDDEN, .bias = true}},
            .output = REF_EVERY_STEP,
        };
        ref_network_layout(network);
        stack.parameters[l] = ref_allocate(network->parameter_count, sizeof(double));
        for (size_t s = 0; s < 4; s++) {
            char name[64];
            snprintf(name, sizeof name, "rnn.%s_l%zu", slots[s], l);
            copy_tensor(model, name, stack.parameters[l] + network->offsets[0][0][s]);
        }
    }
    copy_tensor(model, "head.weight", stack.head);
    copy_tensor(model, "head.bias", stack.head_bias);
    return stack;
}

static void stack_free(Stack *stack) {
    for (size_t l = 0; l < stack->layers; l++) free(stack->parameters[l]);
}

/* One step of a layer: `x` becomes its h, `state` (h, and c of an LSTM) moves on. */
static void step_layer(const Stack *stack, size_t l, size_t t, double *x, double *state,
                       const Move *move) {
    const RefBatch batch = {.steps = 1, .rows = 1};
    const RefValues values = {stack->parameters[l], x, state};
    RefPass *const pass = ref_forward(&stack->networks[l], &batch, &values);
    memcpy(state, pass->final_state, (stack->lstm ? 2 * HIDDEN : HIDDEN) * sizeof *state);
    if (move && move->layer == l && move->step == t) {
        double *const h = state, *const c = state + HIDDEN;
        if (move->cell) {
            const double o = pass->tracks[0][0].gates[3 * HIDDEN + move->unit];
            c[move->unit] += move->by;
            h[move->unit] = o * tanh(c[move->unit]);
        } else {
            h[move->unit] += move->by;
        }
    }
    memcpy(x, state, HIDDEN * sizeof *x);
    ref_pass_free(pass);
}

/* The squared error after the last of `steps` steps of a row. */
static double final_loss(const Stack *stack, const Sample *sample, size_t row, size_t steps,
                         const float *target, const Move *move) {
    double states[REF_LAYERS_MAX][2 * HIDDEN] = {{0}}, x[HIDDEN] = {0}, loss = 0.0;
    for (size_t t = 0; t < steps; t++) {
        for (size_t i = 0; i < INPUTS; i++)
            x[i] = (double)sample->dense[(t * sample->rows + row) * INPUTS + i];
        for (size_t l = 0; l < stack->layers; l++) step_layer(stack, l, t, x, states[l], move);
    }
    for (size_t o = 0; o < OUTPUTS; o++) {
        double y = stack->head_bias[o];
        for (size_t i = 0; i < HIDDEN; i++) y += stack->head[o * HIDDEN + i] * x[i];
        loss += (y - (double)target[o]) * (y - (double)target[o]);
    }
    return loss;
}

static const double difference = 1e-5;

/* |dL/ds| of one layer's h or c at one step, by central differences. */
static double difference_norm(const Stack *stack, const Sample *sample, size_t row, size_t steps,
                              const float *target, Move move) {
    double squares = 0.0;
    for (move.unit = 0; move.unit < HIDDEN; move.unit++) {
        move.by = difference;
        const double above = final_loss(stack, sample, row, steps, target, &move);
        move.by = -difference;
        const double below = final_loss(stack, sample, row, steps, target, &move);
        const double slope = (above - below) / (2.0 * difference);
        squares += slope * slope;
    }
    return sqrt(squares);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double level) {
    const double at = level * (double)(count - 1), floor_at = floor(at);
    const size_t i = (size_t)floor_at;
    return i + 1 < count ? sorted[i] + (at - floor_at) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

static void check_near(double got, double want, double tolerance, const NetworkSpec *spec,
                       size_t layer, bool cell, size_t lag) {
    if (fabs(got - want) <= tolerance) return;
    fail_msg("%s, %zu layers: %s of layer %zu at lag %zu is %.9g, expected %.9g +- %.2g",
             cell_name(spec->cell), spec->layers, cell ? "c" : "h", layer, lag, got, want,
             tolerance);
}

/* The fifth is the longest, so that every lag has a position. */
static size_t row_length(size_t b) {
    static const size_t lengths[ROWS] = {9, 4, 11, 1, STEPS};
    return lengths[b % ROWS];
}

static void check_curve(const Stack *stack, const NetworkSpec *spec, const Sample *sample,
                        const float targets[][OUTPUTS], const elman_layer_diagnosis *layer,
                        bool cell) {
    const elman_quartiles *const curve = cell ? layer->cell_gradient : layer->gradient;
    double now[ROWS_MOST];
    for (size_t k = 0; k < layer->lag_count; k++) {
        double norms[ROWS_MOST], units[ROWS_MOST];
        size_t count = 0;
        for (size_t b = 0; b < sample->rows; b++) {
            const size_t length = row_length(b);
            if (k >= length) continue;
            const Move move = {.layer = layer->layer, .step = length - 1 - k, .cell = cell};
            norms[count] = difference_norm(stack, sample, b, length, targets[b], move);
            if (k == 0) now[b] = norms[count];
            units[count++] = now[b];
        }
        qsort(norms, count, sizeof *norms, ascending);
        qsort(units, count, sizeof *units, ascending);
        const double unit = quantile(units, count, 0.5);
        /* Forward and back a number passes STEPS + k steps, each with a sum of INPUTS + 4 HIDDEN
         * products and less than 8 other roundings (tanh counts 4) of 2^-24, in a network that
         * makes errors no larger; twice, as the unit has them too. Differences: 1e-5^2 / 6 of a
         * third derivative below 6, and 2^-53 / 1e-5 of a loss below 8. */
        const double rounding = (double)(STEPS + k) * (INPUTS + 4 * HIDDEN + 8) * 0x1p-23;
        const double least = (1e-10 + 8 * 0x1p-53 / difference) * sqrt(HIDDEN) / unit;
        const double levels[] = {0.25, 0.5, 0.75};
        const double got[] = {curve[k].low, curve[k].median, curve[k].high};
        for (size_t q = 0; q < 3; q++) {
            const double want = quantile(norms, count, levels[q]) / unit;
            check_near(got[q], want, rounding * want + least, spec, layer->layer, cell, k);
        }
    }
}

static void check_layers(const elman_diagnosis *diagnosis, const Stack *stack,
                         const NetworkSpec *spec, const Sample *sample,
                         const float targets[][OUTPUTS], size_t lags) {
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    assert_int_equal(summary.positions, sample->rows);
    for (size_t l = 0; l < stack->layers; l++) {
        const elman_layer_diagnosis *const layer = elman_diagnosis_layer(diagnosis, l);
        assert_int_equal(layer->lag_count, lags < STEPS ? lags + 1 : STEPS);
        check_curve(stack, spec, sample, targets, layer, false);
        if (stack->lstm)
            check_curve(stack, spec, sample, targets, layer, true);
        else
            assert_null(layer->cell_gradient);
    }
}

/* Every row's position is its last step: the one that has an output, or whose target counts. */
static void check_cell(elman_cell cell, size_t layers, elman_output output, size_t rows,
                       size_t lags) {
    const NetworkSpec spec = {.inputs = INPUTS,
                              .cell = cell,
                              .layers = layers,
                              .hidden = HIDDEN,
                              .outputs = OUTPUTS,
                              .output = output};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 3 + layers);
    Sample sample = random_sample(&spec, STEPS, rows, false, false, 8);
    Stack stack = make_stack(model, &spec);
    static float targets[ROWS_MOST][OUTPUTS], numbers[STEPS * ROWS_MOST * OUTPUTS];
    size_t lengths[ROWS_MOST];
    random_floats(&targets[0][0], rows * OUTPUTS, 1.0f, 9);
    for (size_t i = 0; i < STEPS * rows * OUTPUTS; i++) numbers[i] = NAN;
    for (size_t b = 0; b < rows; b++) {
        lengths[b] = row_length(b);
        const size_t at = output == ELMAN_OUTPUT_LAST_STEP ? b : (lengths[b] - 1) * rows + b;
        memcpy(numbers + at * OUTPUTS, targets[b], sizeof targets[b]);
    }
    elman_batch batch = {
        .struct_size = sizeof batch,
        .sequence = sample_sequence(&sample, false),
        .targets = {.struct_size = sizeof batch.targets,
                    .loss = ELMAN_LOSS_MSE,
                    .numbers = numbers},
    };
    batch.sequence.lengths = lengths;
    elman_diagnosis *const diagnosis = diagnose(model, &batch, lags);
    check_layers(diagnosis, &stack, &spec, &sample, (const float(*)[OUTPUTS])targets, lags);
    elman_diagnosis_destroy(diagnosis);
    stack_free(&stack);
    sample_free(&sample);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void finite_differences(void **state) {
    (void)state;
    for (size_t i = 0; i < CELLS; i++) {
        check_cell(all_cells[i], 1, ELMAN_OUTPUT_LAST_STEP, ROWS, 40);
        check_cell(all_cells[i], 1, ELMAN_OUTPUT_EVERY_STEP, ROWS, 40);
        /* Rows that begin in the middle of those that there are. */
        check_cell(all_cells[i], 2, ELMAN_OUTPUT_EVERY_STEP, ROWS, 5);
    }
    /* More rows than a pass has. */
    check_cell(ELMAN_CELL_LSTM, 2, ELMAN_OUTPUT_EVERY_STEP, ROWS_MOST, 2);
}

/* ---- Closed forms ---- */

enum { UNITS = 8, LONG = 100 };

/* rho times a rotation: by some angle in each of four planes, seen from elsewhere: I - 2 v v^T on
 * both sides, v = (1, ..., 1) / sqrt(8). */
static void orthogonal(double rho, float *out) {
    double turned[UNITS][UNITS] = {{0}}, left[UNITS][UNITS];
    for (size_t i = 0; i < UNITS; i += 2) {
        const double angle = 0.4 + 0.3 * (double)i;
        turned[i][i] = turned[i + 1][i + 1] = rho * cos(angle);
        turned[i][i + 1] = rho * sin(angle);
        turned[i + 1][i] = -rho * sin(angle);
    }
    for (size_t j = 0; j < UNITS; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < UNITS; i++) sum += turned[i][j];
        for (size_t i = 0; i < UNITS; i++) left[i][j] = turned[i][j] - 2.0 / UNITS * sum;
    }
    for (size_t i = 0; i < UNITS; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < UNITS; j++) sum += left[i][j];
        for (size_t j = 0; j < UNITS; j++)
            out[i * UNITS + j] = (float)(left[i][j] - 2.0 / UNITS * sum);
    }
}

/* An RNN that never leaves 0, where tanh' = 1, so that the gradient is multiplied by rho at each
 * step; of its reverse direction by `back`, 0: there is none. */
static elman_diagnosis *diagnose_linear(double rho, double back, elman_output output, size_t lags) {
    const NetworkSpec spec = {.inputs = 1,
                              .cell = ELMAN_CELL_RNN,
                              .layers = 1,
                              .hidden = UNITS,
                              .bidirectional = back > 0.0,
                              .no_bias = true,
                              .outputs = 1,
                              .output = output};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 5);
    float weights[UNITS * UNITS];
    orthogonal(rho, weights);
    fill_tensor(model, "rnn.weight_hh_l0", weights);
    if (back > 0.0) {
        orthogonal(back, weights);
        fill_tensor(model, "rnn.weight_hh_l0_reverse", weights);
    }
    static const float zeros[LONG * ROWS];
    float numbers[LONG * ROWS];
    random_floats(numbers, LONG * ROWS, 1.0f, 4);
    elman_batch batch = {
        .struct_size = sizeof batch,
        .sequence = {.struct_size = sizeof batch.sequence,
                     .steps = LONG,
                     .batch = ROWS,
                     .dense = zeros},
        .targets = {.struct_size = sizeof batch.targets,
                    .loss = ELMAN_LOSS_MSE,
                    .numbers = numbers},
    };
    elman_diagnosis *const diagnosis = diagnose(model, &batch, lags);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return diagnosis;
}

/* One step of the chain rounds 8 products, and the weights' own rounding changes rho by no more:
 * together less than 16 units of 2^-24, relative. */
static const double rounding_of_step = 16 * 0x1p-24;

static void check_linear(const elman_layer_diagnosis *layer, double rho) {
    assert_true(fabs(layer->decay / rho - 1.0) < 2 * rounding_of_step);
    for (size_t k = 0; k < layer->lag_count; k++) {
        const double want = pow(rho, (double)k);
        assert_true(fabs(layer->gradient[k].median / want - 1.0) <=
                    rounding_of_step * (double)(k + 1));
    }
    const double horizon = rho < 1.0 ? log(0.01) / log(rho) : INFINITY;
    if (isinf(horizon))
        assert_true(layer->memory_horizon == horizon);
    else
        assert_true(fabs(layer->memory_horizon / horizon - 1.0) < 1e-4);
}

static void linear(void **state) {
    static const double radii[] = {0.5, 0.9, 1.0, 1.2};
    static const elman_output outputs[] = {ELMAN_OUTPUT_EVERY_STEP, ELMAN_OUTPUT_LAST_STEP};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t o = 0; o < 2; o++) {
            elman_diagnosis *const diagnosis = diagnose_linear(radii[i], 0.0, outputs[o], 60);
            const elman_layer_diagnosis *const layer = elman_diagnosis_layer(diagnosis, 0);
            elman_diagnosis_summary summary;
            elman_diagnosis_summarize(diagnosis, &summary);
            assert_int_equal(layer->lag_count, 61);
            assert_int_equal(summary.positions, ROWS);
            assert_true(summary.memory_horizon == layer->memory_horizon);
            check_linear(layer, radii[i]);
            elman_diagnosis_destroy(diagnosis);
        }
}

/* Each direction has its own, counted away from the position. */
static void directions(void **state) {
    static const elman_output outputs[] = {ELMAN_OUTPUT_EVERY_STEP, ELMAN_OUTPUT_LAST_STEP};
    (void)state;
    for (size_t o = 0; o < 2; o++) {
        elman_diagnosis *const diagnosis = diagnose_linear(0.9, 0.7, outputs[o], 60);
        check_linear(elman_diagnosis_layer(diagnosis, 0), 0.9);
        check_linear(elman_diagnosis_layer(diagnosis, 1), 0.7);
        /* Of every step a position has half a row on either side. */
        const size_t least = o ? 61 : 37;
        for (size_t i = 0; i < 2; i++)
            assert_in_range(elman_diagnosis_layer(diagnosis, i)->lag_count, least, 61);
        elman_diagnosis_destroy(diagnosis);
    }
}

/* Gradients that no float holds end the curve; those that are too small for one do not spoil it. */
static void extremes(void **state) {
    (void)state;
    elman_diagnosis *diagnosis = diagnose_linear(10.0, 0.0, ELMAN_OUTPUT_EVERY_STEP, 60);
    const elman_layer_diagnosis *layer = elman_diagnosis_layer(diagnosis, 0);
    /* 10^38 is nearly the greatest float; the gradient starts between 0.01 and 1. */
    assert_in_range(layer->lag_count, 37, 41);
    check_linear(layer, 10.0);
    elman_diagnosis_destroy(diagnosis);

    diagnosis = diagnose_linear(0.05, 0.0, ELMAN_OUTPUT_EVERY_STEP, 60);
    layer = elman_diagnosis_layer(diagnosis, 0);
    assert_int_equal(layer->lag_count, 61);
    assert_true(layer->gradient[60].median == 0.0);
    assert_true(fabs(layer->decay / 0.05 - 1.0) < 2 * rounding_of_step);
    elman_diagnosis_destroy(diagnosis);

    /* 1e-12 at lag 39.86, a quarter more is looked at. */
    diagnosis = diagnose_linear(0.5, 0.0, ELMAN_OUTPUT_EVERY_STEP, 99);
    layer = elman_diagnosis_layer(diagnosis, 0);
    assert_int_equal(layer->lag_count, 50);
    check_linear(layer, 0.5);
    elman_diagnosis_destroy(diagnosis);

    diagnosis = diagnose_linear(0.0, 0.0, ELMAN_OUTPUT_EVERY_STEP, 60);
    layer = elman_diagnosis_layer(diagnosis, 0);
    assert_true(layer->decay == 0.0);
    assert_true(layer->memory_horizon == 0.0);
    elman_diagnosis_destroy(diagnosis);
}

static void pooled(void **state) {
    (void)state;
    elman_diagnosis *const diagnosis = diagnose_linear(0.9, 0.0, ELMAN_OUTPUT_MEAN, 60);
    const elman_layer_diagnosis *const layer = elman_diagnosis_layer(diagnosis, 0);
    elman_diagnosis_summary summary;
    elman_diagnosis_summarize(diagnosis, &summary);
    assert_int_equal(layer->lag_count, 0);
    assert_true(isnan(layer->decay) && isnan(layer->memory_horizon));
    assert_true(isnan(summary.memory_horizon));
    elman_diagnosis_destroy(diagnosis);
}

/* ---- Threads and memory ---- */

enum { VOCABULARY = 11, TOKENS = 700 };

static const NetworkSpec text_spec = {.input = ELMAN_INPUT_EMBEDDING,
                                      .inputs = VOCABULARY,
                                      .embedding = 6,
                                      .cell = ELMAN_CELL_LSTM,
                                      .layers = 2,
                                      .hidden = 20,
                                      .outputs = VOCABULARY};

static void make_text(int32_t *tokens) {
    for (size_t i = 0; i < TOKENS; i++) tokens[i] = (int32_t)((i * i / 3 + i / 7) % VOCABULARY);
}

static elman_status diagnose_text(const elman_model *model, int brief, elman_diagnosis **diagnosis,
                                  elman_error *error) {
    const elman_diagnose_options options = {
        .struct_size = sizeof options, .window = 20, .lags = 30, .rows = 12, .brief = brief};
    int32_t tokens[TOKENS];
    make_text(tokens);
    return elman_diagnose_tokens(model, tokens, TOKENS, &options, diagnosis, error);
}

static void same_at_any_thread_count(void **state) {
    elman_diagnosis *diagnoses[3] = {NULL};
    elman_error error = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        elman_context *const context = open_context(NULL, i + 1);
        elman_model *const model = random_model(context, &text_spec, 6);
        if (diagnose_text(model, 1, &diagnoses[i], &error)) fail_msg("%s", error.message);
        for (size_t l = 0; l < 2; l++) {
            const elman_layer_diagnosis *const a = elman_diagnosis_layer(diagnoses[0], l),
                                               *const b = elman_diagnosis_layer(diagnoses[i], l);
            const size_t bytes = a->lag_count * sizeof *a->gradient;
            assert_int_equal(a->lag_count, 31);
            assert_int_equal(b->lag_count, 31);
            assert_memory_equal(a->gradient, b->gradient, bytes);
            assert_memory_equal(a->cell_gradient, b->cell_gradient, bytes);
            assert_memory_equal(&a->decay, &b->decay, sizeof a->decay);
            assert_memory_equal(&a->memory_horizon, &b->memory_horizon, sizeof a->memory_horizon);
        }
        if (i > 0) elman_diagnosis_destroy(diagnoses[i]);
        elman_model_destroy(model);
        elman_context_destroy(context);
        if (i == 2) elman_diagnosis_destroy(diagnoses[0]);
    }
}

static elman_status diagnose_small(const elman_model *model, elman_diagnosis **diagnosis) {
    return diagnose_text(model, 1, diagnosis, NULL);
}

static void each_allocation_fails(void **state) {
    (void)state;
    fail_each_allocation_of_diagnosis(diagnose_small, &text_spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_differences),
        cmocka_unit_test(linear),
        cmocka_unit_test(directions),
        cmocka_unit_test(extremes),
        cmocka_unit_test(pooled),
        cmocka_unit_test(same_at_any_thread_count),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
