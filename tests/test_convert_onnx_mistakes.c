/* Mistakes planted between what was written as ONNX and the model: the proof sees each. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "convert/conversion.h"
#include "support/onnx_networks.h"

#ifdef ELMAN_HAVE_ONNX

/* What was written stands; the model that it is held against becomes another one. */
static float *data_of(elman_conversion *conversion, TensorRole role, bool reverse) {
    return tensor_set_data(&conversion->model->weights, role, 0, reverse);
}

static void swap(float *a, float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* Layer `index`, or NULL behind the last. */
static elman_cell_options *each_layer(elman_conversion *conversion, size_t index) {
    return index < conversion->model->structure.layer_count
               ? &conversion->model->structure.layers[index]
               : NULL;
}

static const elman_cell_options *first_layer(const elman_conversion *conversion) {
    return &conversion->model->structure.layers[0];
}

static void swap_gates(elman_conversion *conversion) {
    const size_t hidden = first_layer(conversion)->hidden;
    const size_t inputs = structure_inputs(&conversion->model->structure, 0);
    const struct {
        TensorRole role;
        size_t columns;
    } tensors[] = {{TENSOR_WEIGHT_IH, inputs},
                   {TENSOR_WEIGHT_HH, hidden},
                   {TENSOR_BIAS_IH, 1},
                   {TENSOR_BIAS_HH, 1}};
    for (size_t i = 0; i < 4; i++) {
        float *const data = data_of(conversion, tensors[i].role, false);
        if (data) swap(data, data + hidden * tensors[i].columns, hidden * tensors[i].columns);
    }
}

static void flip_reset(elman_conversion *conversion) {
    for (size_t i = 0; each_layer(conversion, i); i++) {
        elman_cell *const cell = &each_layer(conversion, i)->cell;
        *cell = *cell == ELMAN_CELL_GRU ? ELMAN_CELL_GRU_RESET_BEFORE : ELMAN_CELL_GRU;
    }
}

static void drop_bias(elman_conversion *conversion) {
    const size_t rows = tensor_set_find(&conversion->model->weights, "rnn.bias_hh_l0")->count;
    memset(data_of(conversion, TENSOR_BIAS_HH, false), 0, rows * sizeof(float));
}

static void exchange_directions(elman_conversion *conversion) {
    const size_t count = tensor_set_find(&conversion->model->weights, "rnn.weight_hh_l0")->count;
    swap(data_of(conversion, TENSOR_WEIGHT_HH, false), data_of(conversion, TENSOR_WEIGHT_HH, true),
         count);
}

static void move_weight(elman_conversion *conversion) {
    data_of(conversion, TENSOR_WEIGHT_HH, false)[0] += 1e-3f;
}

static void move_state(elman_conversion *conversion) {
    data_of(conversion, TENSOR_H0, false)[0] += 0.1f;
}

static void move_stage(elman_conversion *conversion) {
    tensor_set_find(&conversion->model->weights, "stage1.weight")->data[0] += 1e-3f;
}

static void change_nonlinearity(elman_conversion *conversion) {
    for (size_t i = 0; each_layer(conversion, i); i++) {
        elman_cell *const cell = &each_layer(conversion, i)->cell;
        *cell = *cell == ELMAN_CELL_RNN ? ELMAN_CELL_RNN_RELU : ELMAN_CELL_RNN;
    }
}

static void change_clip(elman_conversion *conversion) {
    for (size_t i = 0; each_layer(conversion, i); i++) each_layer(conversion, i)->clip = 0.05f;
}

static void change_coupling(elman_conversion *conversion) {
    for (size_t i = 0; each_layer(conversion, i); i++)
        each_layer(conversion, i)->input_forget = !each_layer(conversion, i)->input_forget;
}

static void change_activation(elman_conversion *conversion) {
    for (size_t i = 0; each_layer(conversion, i); i++)
        each_layer(conversion, i)->activations[0][0] =
            (elman_activation){ELMAN_ACTIVATION_AFFINE, 0.3f, 0.1f};
}

static void move_peephole(elman_conversion *conversion) {
    data_of(conversion, TENSOR_WEIGHT_PEEPHOLE, false)[0] += 1e-3f;
}

/* `tensor`: what a network must have; `first`, `last`: the cells that can have the mistake.
 * `small`: it may stay hidden from the probe; the comparison of the weights sees it. */
static const struct {
    const char *what, *tensor;
    void (*plant)(elman_conversion *conversion);
    elman_cell first, last;
    bool small;
} mistakes[] = {
    {"gates i and f swapped", "rnn.weight_hh_l0", swap_gates, ELMAN_CELL_LSTM, ELMAN_CELL_LSTM,
     false},
    {"gates r and z swapped", "rnn.weight_hh_l0", swap_gates, ELMAN_CELL_GRU,
     ELMAN_CELL_GRU_RESET_BEFORE, false},
    {"reset flipped", "rnn.bias_hh_l0", flip_reset, ELMAN_CELL_GRU, ELMAN_CELL_GRU_RESET_BEFORE,
     false},
    {"a bias dropped", "rnn.bias_hh_l0", drop_bias, ELMAN_CELL_RNN, ELMAN_CELL_GRU_RESET_BEFORE,
     false},
    {"directions exchanged", "rnn.weight_hh_l0_reverse", exchange_directions, ELMAN_CELL_RNN,
     ELMAN_CELL_GRU_RESET_BEFORE, false},
    {"a weight off", "rnn.weight_hh_l0", move_weight, ELMAN_CELL_RNN, ELMAN_CELL_GRU_RESET_BEFORE,
     true},
    {"a state off", "rnn.h0_l0", move_state, ELMAN_CELL_RNN, ELMAN_CELL_GRU_RESET_BEFORE, true},
    {"a stage's weight off", "stage1.weight", move_stage, ELMAN_CELL_RNN,
     ELMAN_CELL_GRU_RESET_BEFORE, true},
    {"another nonlinearity", "rnn.weight_hh_l0", change_nonlinearity, ELMAN_CELL_RNN,
     ELMAN_CELL_RNN_RELU, true},
    {"another clip", "rnn.weight_hh_l0", change_clip, ELMAN_CELL_RNN, ELMAN_CELL_GRU_RESET_BEFORE,
     false},
    {"the forget gate coupled or not", "rnn.weight_hh_l0", change_coupling, ELMAN_CELL_LSTM,
     ELMAN_CELL_LSTM, false},
    {"another activation", "rnn.weight_hh_l0", change_activation, ELMAN_CELL_RNN,
     ELMAN_CELL_GRU_RESET_BEFORE, false},
    {"a peephole off", "rnn.weight_peephole_l0", move_peephole, ELMAN_CELL_LSTM, ELMAN_CELL_LSTM,
     true},
};

enum { PLAIN_MISTAKES = 9 }; /* the first of those of plain networks */

static double shown_by_probe(const elman_conversion *conversion) {
    double largest = 0.0;
    for (size_t i = 0; i < conversion->difference_count; i++)
        if (strcmp(conversion->differences[i].place, "weights") != 0)
            largest = fmax(largest, conversion->differences[i].largest);
    return largest;
}

/* Converts, plants a mistake, proves; false: the network cannot have it. */
static bool plant(elman_context *context, size_t network, size_t mistake) {
    const elman_convert_options options = {.struct_size = sizeof options, .to = ELMAN_CONVERT_ONNX};
    elman_conversion *conversion = NULL;
    elman_conversion_summary summary;
    elman_error error = {0};
    if (conversion_read(context, "model", &options, &conversion, &error))
        fail_msg("%s", error.message);
    const elman_cell cell = first_layer(conversion)->cell;
    const bool can = tensor_set_find(&conversion->model->weights, mistakes[mistake].tensor) &&
                     cell >= mistakes[mistake].first && cell <= mistakes[mistake].last &&
                     first_layer(conversion)->hidden > 1;
    if (can) {
        mistakes[mistake].plant(conversion);
        if (conversion_prove(conversion, &error)) fail_msg("%s", error.message);
        elman_conversion_describe(conversion, &summary);
        if (summary.proven ||
            (!mistakes[mistake].small && shown_by_probe(conversion) <= summary.tolerance))
            fail_msg("network %zu: %s: the proof passes", network, mistakes[mistake].what);
        assert_int_equal(elman_conversion_save(conversion, "none", &error), ELMAN_ERR_MISMATCH);
    }
    elman_conversion_destroy(conversion);
    return can;
}

static void planted_mistakes(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    size_t planted[sizeof mistakes / sizeof *mistakes] = {0};
    for (size_t i = 0; i < ONNX_NETWORKS; i += 3) {
        const NetworkSpec spec = onnx_network(i);
        const bool plain = i >= ONNX_FAST && i < ONNX_PLAIN;
        elman_model *const model = random_model(context, &spec, i);
        save_model(model);
        elman_model_destroy(model);
        for (size_t m = 0; m < sizeof mistakes / sizeof *mistakes; m++)
            if (plain == (m >= PLAIN_MISTAKES)) planted[m] += plant(context, i, m);
    }
    for (size_t m = 0; m < sizeof mistakes / sizeof *mistakes; m++)
        if (planted[m] < 4) fail_msg("%s: tried %zu times", mistakes[m].what, planted[m]);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(planted_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) {
    return 0;
}

#endif
