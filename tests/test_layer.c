/* A layer by itself: the bits of a model with this one layer, the numbers of the reference, steps
 * without allocation, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference/reference.h"
#include "support/allocator.h"
#include "support/passes.h"
#include <elman/layer.h>

enum { STEPS = 5, ROWS = 3 };

static NetworkSpec spec_of(size_t turn) {
    return (NetworkSpec){
        .input = ELMAN_INPUT_DENSE,
        .inputs = 3 + turn % 19,
        .cell = all_cells[turn % CELLS],
        .layers = 1,
        .hidden = turn % 3 == 0 ? 16 : 5 + turn % 31,
        .bidirectional = turn / 2 % 2,
        .no_bias = turn % 4 == 3,
    };
}

static elman_layer_options options_of(const NetworkSpec *spec, bool forward_only) {
    return (elman_layer_options){
        .struct_size = sizeof(elman_layer_options),
        .cell = {.struct_size = sizeof(elman_cell_options),
                 .cell = spec->cell,
                 .hidden = spec->hidden,
                 .bidirectional = spec->bidirectional,
                 .no_bias = spec->no_bias},
        .inputs = spec->inputs,
        .steps = STEPS,
        .batch = ROWS,
        .forward_only = forward_only,
        .input_gradient = !forward_only,
    };
}

static const float *weight(const elman_model *model, const char *name, size_t direction) {
    char full[64];
    elman_tensor tensor;
    (void)snprintf(full, sizeof full, "rnn.%s_l0%s", name, direction ? "_reverse" : "");
    return elman_model_find_tensor(model, full, &tensor, NULL) ? NULL : tensor.data;
}

/* A layer with the weights of a model that has one layer. */
static elman_layer *layer_of(elman_context *context, const elman_model *model,
                             const NetworkSpec *spec, bool forward_only) {
    const elman_layer_options options = options_of(spec, forward_only);
    elman_layer_weights weights[2];
    elman_layer *layer = NULL;
    elman_error error = {0};
    if (elman_layer_create(context, &options, &layer, &error)) fail_msg("%s", error.message);
    for (size_t d = 0; d < spec_directions(spec); d++)
        weights[d] =
            (elman_layer_weights){weight(model, "weight_ih", d), weight(model, "weight_hh", d),
                                  weight(model, "bias_ih", d), weight(model, "bias_hh", d)};
    assert_int_equal(elman_layer_set_weights(layer, weights, &error), ELMAN_OK);
    return layer;
}

static void check_bits(const float *got, const float *want, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0)
            fail_msg("%s: number %zu is %a, expected %a", what, i, (double)got[i], (double)want[i]);
}

/* The rows inside a layer, where they count, are those of the copy. */
static void check_rows(elman_layer_rows rows, const Sample *sample, const float *copy, size_t width,
                       const char *what) {
    assert_true(rows.width == width && rows.stride >= width);
    for (size_t t = 0; t < sample->steps; t++)
        for (size_t b = 0; b < sample->rows; b++) {
            const size_t at = t * sample->rows + b;
            if (!sample->lengths || t < sample->lengths[b])
                check_bits(rows.data + at * rows.stride, copy + at * width, width, what);
        }
}

/* States of the public layout against those that a pass has under "NAME h l0", "NAME c l0", ... */
static void check_states(const NetworkSpec *spec, const Sample *sample, const float *state,
                         const Pass *pass, const char *name) {
    const size_t arrays = spec->cell == ELMAN_CELL_LSTM ? 2 : 1;
    const size_t count = sample->rows * spec->hidden;
    for (size_t i = 0; i < spec_directions(spec) * arrays; i++) {
        char full[64];
        (void)snprintf(full, sizeof full, "%s %s l0%s", name, i % arrays ? "c" : "h",
                       i / arrays ? " reverse" : "");
        check_bits(state + i * count, pass_array(pass, full)->data, count, full);
    }
}

static void check_gradients(const elman_layer *layer, const NetworkSpec *spec, const Pass *pass) {
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    for (size_t d = 0; d < spec_directions(spec); d++) {
        elman_layer_gradients g;
        assert_int_equal(elman_layer_weight_gradients(layer, d, &g), ELMAN_OK);
        const float *const got[] = {g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh};
        for (size_t i = 0; i < 4; i++) {
            char full[64];
            if (spec->no_bias && i >= 2) {
                assert_null(got[i]);
                continue;
            }
            (void)snprintf(full, sizeof full, "d rnn.%s_l0%s", names[i], d ? "_reverse" : "");
            const Array *const want = pass_array(pass, full);
            check_bits(got[i], want->data, want->outer * want->inner, full);
        }
    }
}

static void check_passes(elman_layer *layer, const NetworkSpec *spec, const Sample *sample,
                         const Pass *want, bool backward) {
    const size_t outputs = spec_outputs(spec), positions = sample->steps * sample->rows;
    const size_t states = elman_layer_state_size(layer, sample->rows);
    float *const y = zeroed(positions * outputs, sizeof *y);
    float *const dx = zeroed(positions * spec->inputs, sizeof *dx);
    float *const state = zeroed(states, sizeof *state);
    const elman_sequence sequence = sample_sequence(sample, false);
    assert_int_equal(elman_layer_forward(layer, &sequence, y, state, NULL), ELMAN_OK);
    check_bits(y, pass_array(want, "output")->data, positions * outputs, "y");
    check_rows(elman_layer_output(layer), sample, y, outputs, "y in place");
    check_states(spec, sample, state, want, "final");
    if (backward) {
        assert_int_equal(elman_layer_backward(layer, sample->values, dx, state, NULL), ELMAN_OK);
        check_bits(dx, pass_array(want, "d dense")->data, positions * spec->inputs, "dx");
        check_rows(elman_layer_input_gradient(layer), sample, dx, spec->inputs, "dx in place");
        check_states(spec, sample, state, want, "d initial");
        check_gradients(layer, spec, want);
    }
    free(state);
    free(dx);
    free(y);
}

static void layer_is_tape(void **unused) {
    (void)unused;
    for (size_t turn = 0; turn < 6 * CELLS; turn++) {
        elman_context *const context = open_context(NULL, 1 + turn % 3);
        const NetworkSpec spec = spec_of(turn);
        Sample sample = random_sample(&spec, STEPS, ROWS, turn % 3 == 1, turn % 2, turn);
        elman_model *const model = random_model(context, &spec, turn);
        elman_network *const network = random_network(context, &spec, turn);
        Pass *const want = run_pass(network, &spec, &sample, GIVEN_GRADIENT);
        for (int forward_only = 0; forward_only < 2; forward_only++) {
            elman_layer *const layer = layer_of(context, model, &spec, forward_only);
            check_passes(layer, &spec, &sample, want, !forward_only);
            check_passes(layer, &spec, &sample, want, !forward_only);
            elman_layer_destroy(layer);
        }
        pass_free(want);
        elman_network_destroy(network);
        elman_model_destroy(model);
        sample_free(&sample);
        elman_context_destroy(context);
    }
}

/* Two times the same steps. */
static void check_steps(elman_layer *layer, const NetworkSpec *spec, const Sample *sample,
                        const CountingAllocator *counting) {
    const elman_sequence sequence = sample_sequence(sample, false);
    float y[STEPS * 64], step[64], state[128], after[128];
    assert_int_equal(elman_layer_step(layer, sample->dense, step), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_layer_forward(layer, &sequence, y, state, NULL), ELMAN_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(elman_layer_start(layer, sample->state, NULL), ELMAN_OK);
        const long allocations = counting->count;
        for (size_t t = 0; t < STEPS; t++) {
            float *const out = t % 2 ? NULL : step;
            const float *const x = sample->dense + t * spec->inputs;
            assert_int_equal(elman_layer_step(layer, x, out), ELMAN_OK);
            if (out) check_bits(out, y + t * spec->hidden, spec->hidden, "a step's y");
        }
        assert_int_equal(counting->count, allocations);
        elman_layer_state(layer, after);
        check_bits(after, state, elman_layer_state_size(layer, 1), "the state");
    }
}

static void steps_are_passes(void **unused) {
    (void)unused;
    for (size_t turn = 0; turn < 6 * CELLS; turn++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof options,
                                               .allocator = counting_allocator(&counting)};
        elman_context *context = NULL;
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        NetworkSpec spec = spec_of(turn);
        spec.bidirectional = false;
        Sample sample = random_sample(&spec, STEPS, 1, false, turn % 2, turn);
        elman_model *const model = random_model(context, &spec, turn);
        elman_layer *const layer = layer_of(context, model, &spec, true);
        check_steps(layer, &spec, &sample, &counting);
        elman_layer_destroy(layer);
        elman_model_destroy(model);
        sample_free(&sample);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
}

/* |got - want| / |want| over a whole array. */
static double distance(const float *got, const double *want, size_t count) {
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += want[i] * want[i];
    }
    return sqrt(difference / size);
}

enum { INPUTS = 11, HIDDEN = 21, OUT = STEPS * ROWS * HIDDEN, IN = STEPS * ROWS * INPUTS };

/* One pass on both sides. */
typedef struct Sides {
    RefNetwork network;
    float *weights;
    float x[IN], dy[OUT], y[OUT], dx[IN];
    double *wide_weights, *wide_gradients;
    double wide_x[IN], wide_dy[OUT], wide_dx[IN];
} Sides;

static Sides *make_sides(RefCell cell, uint64_t seed) {
    Sides *const s = zeroed(1, sizeof *s);
    s->network = (RefNetwork){.input = REF_DENSE, .inputs = INPUTS, .layer_count = 1};
    s->network.layers[0] = (RefLayer){.cell = cell, .hidden = HIDDEN, .bias = true};
    ref_network_layout(&s->network);
    const size_t count = s->network.parameter_count;
    s->weights = zeroed(count, sizeof *s->weights);
    s->wide_weights = zeroed(count, sizeof *s->wide_weights);
    s->wide_gradients = zeroed(count, sizeof *s->wide_gradients);
    random_floats(s->weights, count, 0.2f, seed);
    random_floats(s->x, IN, 1.0f, seed + 10);
    random_floats(s->dy, OUT, 1.0f, seed + 20);
    for (size_t k = 0; k < count; k++) s->wide_weights[k] = (double)s->weights[k];
    for (size_t k = 0; k < IN; k++) s->wide_x[k] = (double)s->x[k];
    for (size_t k = 0; k < OUT; k++) s->wide_dy[k] = (double)s->dy[k];
    return s;
}

static void free_sides(Sides *s) {
    free(s->wide_gradients);
    free(s->wide_weights);
    free(s->weights);
    free(s);
}

static void run_layer(elman_layer *layer, Sides *s) {
    const size_t *const at = s->network.offsets[0][0];
    const elman_layer_weights weights = {
        s->weights + at[REF_WEIGHT_IH], s->weights + at[REF_WEIGHT_HH],
        s->weights + at[REF_BIAS_IH], s->weights + at[REF_BIAS_HH]};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = ROWS, .dense = s->x};
    assert_int_equal(elman_layer_set_weights(layer, &weights, NULL), ELMAN_OK);
    assert_int_equal(elman_layer_forward(layer, &sequence, s->y, NULL, NULL), ELMAN_OK);
    assert_int_equal(elman_layer_backward(layer, s->dy, s->dx, NULL, NULL), ELMAN_OK);
}

/* The bounds of test_cells_reference.c: u sqrt(K + 8) forward, K = I + H multiply-adds and 8 for
 * the activations; with T B + G H more for gradients. */
static void check_sides(const elman_layer *layer, Sides *s) {
    const RefBatch batch = {.steps = STEPS, .rows = ROWS};
    const RefValues values = {.parameters = s->wide_weights, .dense = s->wide_x};
    const RefTarget target = {.kind = REF_WEIGHTED_SUM, .values = s->wide_dy};
    const RefGradients gradients = {.parameters = s->wide_gradients, .dense = s->wide_dx};
    RefPass *const pass = ref_forward(&s->network, &batch, &values);
    ref_backward(&s->network, &batch, &values, pass, &target, &gradients);
    const size_t rows = ref_gates(s->network.layers[0].cell) * HIDDEN;
    const double forward = 0x1p-24 * sqrt(INPUTS + HIDDEN + 8);
    const double back = 0x1p-24 * sqrt((double)(INPUTS + HIDDEN + 8 + STEPS * ROWS + rows));
    const double *const d = s->wide_gradients;
    const size_t *const at = s->network.offsets[0][0];
    elman_layer_gradients g;
    assert_int_equal(elman_layer_weight_gradients(layer, 0, &g), ELMAN_OK);
    assert_true(distance(s->y, pass->output, OUT) <= forward);
    assert_true(distance(s->dx, s->wide_dx, IN) <= back);
    assert_true(distance(g.weight_ih, d + at[REF_WEIGHT_IH], rows * INPUTS) <= back);
    assert_true(distance(g.weight_hh, d + at[REF_WEIGHT_HH], rows * HIDDEN) <= back);
    assert_true(distance(g.bias_ih, d + at[REF_BIAS_IH], rows) <= back);
    assert_true(distance(g.bias_hh, d + at[REF_BIAS_HH], rows) <= back);
    ref_pass_free(pass);
}

static void layer_is_reference(void **unused) {
    static const RefCell cells[] = {REF_RNN_TANH, REF_RNN_RELU, REF_LSTM, REF_GRU_RESET_AFTER,
                                    REF_GRU_RESET_BEFORE};
    (void)unused;
    elman_context *const context = open_context(NULL, 2);
    for (size_t i = 0; i < CELLS; i++) {
        const NetworkSpec spec = {.inputs = INPUTS, .cell = all_cells[i], .hidden = HIDDEN};
        const elman_layer_options options = options_of(&spec, false);
        Sides *const sides = make_sides(cells[i], i);
        elman_layer *layer = NULL;
        assert_int_equal(elman_layer_create(context, &options, &layer, NULL), ELMAN_OK);
        run_layer(layer, sides);
        check_sides(layer, sides);
        elman_layer_destroy(layer);
        free_sides(sides);
    }
    elman_context_destroy(context);
}

static void refuse(elman_status status, const elman_error *error, elman_status want,
                   const char *part) {
    if (status != want || !strstr(error->message, part))
        fail_msg("%s: \"%s\", expected \"%s\"", elman_status_name(status), error->message, part);
}

static void refusals_of_options(void **unused) {
    (void)unused;
    elman_context *const context = open_context(NULL, 1);
    const NetworkSpec spec = {.inputs = 4, .cell = ELMAN_CELL_GRU, .hidden = 6};
    const elman_layer_options good = options_of(&spec, false);
    elman_layer_options o = good;
    elman_layer *layer = (elman_layer *)&o; /* must be set to NULL */
    elman_error error = {0};
    o.cell.dropout = 0.5f;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "dropout");
    assert_null(layer);
    o = good;
    o.cell.learned_state = 1;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "learned");
    o = good;
    o.cell.cell = ELMAN_CELL_LSTM;
    o.cell.projection = 2;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT,
           "projection");
    o = good;
    o.forward_only = 1;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "exclude");
    o = good;
    o.inputs = 0;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "feature");
    o = good;
    o.cell.hidden = 0;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "hidden");
    o = good;
    o.cell.struct_size = 0;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT,
           "elman_cell_options");
    o = good;
    o.steps = 0;
    refuse(elman_layer_create(context, &o, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "1 step");
    refuse(elman_layer_create(context, NULL, &layer, &error), &error, ELMAN_ERR_ARGUMENT, "");
    assert_null(layer);
    elman_layer_destroy(NULL);
    elman_context_destroy(context);
}

static void refusals_of_calls(void **unused) {
    (void)unused;
    elman_context *const context = open_context(NULL, 1);
    const NetworkSpec spec = {
        .inputs = 4, .cell = ELMAN_CELL_GRU, .hidden = 6, .bidirectional = true};
    elman_layer_options o = options_of(&spec, false);
    elman_layer *layer = NULL;
    elman_error error = {0};
    o.input_gradient = 0;
    assert_int_equal(elman_layer_create(context, &o, &layer, &error), ELMAN_OK);
    float numbers[STEPS * ROWS * 12] = {0};
    const elman_layer_weights weights[2] = {{numbers, numbers, NULL, NULL},
                                            {numbers, NULL, NULL, NULL}};
    elman_layer_gradients gradients;
    refuse(elman_layer_set_weights(layer, weights, &error), &error, ELMAN_ERR_ARGUMENT,
           "weight_hh of direction 1");
    refuse(elman_layer_backward(layer, numbers, NULL, NULL, &error), &error, ELMAN_ERR_ARGUMENT,
           "forward pass");
    refuse(elman_layer_start(layer, NULL, &error), &error, ELMAN_ERR_UNSUPPORTED, "bidirectional");
    elman_sequence s = {.struct_size = sizeof s, .steps = 9, .batch = 1, .dense = numbers};
    refuse(elman_layer_forward(layer, &s, NULL, NULL, &error), &error, ELMAN_ERR_ARGUMENT,
           "9 steps");
    s.steps = 1;
    assert_int_equal(elman_layer_forward(layer, &s, NULL, NULL, &error), ELMAN_OK);
    refuse(elman_layer_backward(layer, numbers, numbers, NULL, &error), &error, ELMAN_ERR_ARGUMENT,
           "input_gradient");
    assert_int_equal(elman_layer_backward(layer, numbers, NULL, NULL, &error), ELMAN_OK);
    assert_int_equal(elman_layer_weight_gradients(layer, 2, &gradients), ELMAN_ERR_ARGUMENT);
    assert_null(elman_layer_input_gradient(layer).data);
    elman_layer_destroy(layer);
    elman_context_destroy(context);
}

/* Every allocation fails once. */
static void memory_runs_out(void **unused) {
    (void)unused;
    const NetworkSpec spec = {.inputs = 4, .cell = ELMAN_CELL_LSTM, .hidden = 6};
    const elman_layer_options options = options_of(&spec, false);
    elman_status status = ELMAN_ERR_MEMORY;
    for (long allow = 0; status; allow++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options given = {.struct_size = sizeof given,
                                             .allocator = counting_allocator(&counting)};
        elman_context *context = NULL;
        elman_layer *layer = NULL;
        elman_error error = {0};
        assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
        counting.allow = allow;
        status = elman_layer_create(context, &options, &layer, &error);
        if (!status) status = elman_layer_start(layer, NULL, &error);
        if (status) assert_int_equal(status, ELMAN_ERR_MEMORY);
        elman_layer_destroy(layer);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_is_tape),      cmocka_unit_test(steps_are_passes),
        cmocka_unit_test(layer_is_reference), cmocka_unit_test(refusals_of_options),
        cmocka_unit_test(refusals_of_calls),  cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
