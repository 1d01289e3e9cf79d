/* Mistakes planted in conversions from and to PyTorch, and from ONNX: the proof must see each. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/conversion.h"
#include "core/files.h"
#include "support/onnx_models.h"
#include "support/passes.h"
#include "support/pytorch_files.h"
#include <elman/convert.h>

#define FILE_NAME "source.safetensors"

/* Every so many of the golden networks: enough to meet each choice with each cell. */
enum { STRIDE = 7, COPIES_MAX = 8 };

/* A conversion, read and not yet proven. */
typedef struct Planting {
    elman_conversion *conversion;
    bool out;                 /* to PyTorch */
    void *copies[COPIES_MAX]; /* of tensors that will be written */
    size_t copy_count;
} Planting;

/* The numbers of one tensor on the side that the mapping makes: of the model, or of what will be
 * written. NULL when there is no such tensor. */
static float *numbers_of(Planting *p, const char *name, size_t *count) {
    const elman_tensor *const tensor = tensor_set_find(&p->conversion->model->weights, name);
    if (!tensor) return NULL;
    *count = tensor->count;
    if (!p->out) return tensor->data;
    /* Those are the model's own: what is planted there may not change the model too. */
    TensorList *const written = &p->conversion->written;
    for (size_t i = 0; i < written->count; i++) {
        if (strcmp(written->tensors[i].name, name) != 0) continue;
        if (written->tensors[i].data != tensor->data) return (float *)written->tensors[i].data;
        assert_in_range(p->copy_count, 0, COPIES_MAX - 1);
        void *const copy = zeroed(tensor->count, sizeof(float));
        memcpy(copy, tensor->data, tensor->count * sizeof(float));
        p->copies[p->copy_count++] = copy;
        written->tensors[i].data = copy;
        return copy;
    }
    fail_msg("%s is not written", name);
    return NULL;
}

static void swap_floats(float *a, float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* ---- Mistakes ---- */

/* Exchanges two gates' rows in all tensors of the first layer's forward direction. */
static void swap_gates(Planting *p, size_t one, size_t other, size_t gates) {
    static const char *const names[] = {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0",
                                        "rnn.bias_hh_l0"};
    for (size_t i = 0; i < 4; i++) {
        size_t count = 0;
        float *const numbers = numbers_of(p, names[i], &count);
        const size_t gate = count / gates;
        if (numbers) swap_floats(numbers + one * gate, numbers + other * gate, gate);
    }
}

static void swap_i_f(Planting *p) {
    swap_gates(p, 0, 1, 4);
}

static void swap_f_g(Planting *p) {
    swap_gates(p, 1, 2, 4);
}

static void swap_g_o(Planting *p) {
    swap_gates(p, 2, 3, 4);
}

static void swap_r_z(Planting *p) {
    swap_gates(p, 0, 1, 3);
}

static void swap_z_n(Planting *p) {
    swap_gates(p, 1, 2, 3);
}

static void drop(Planting *p, const char *name) {
    size_t count = 0;
    float *const numbers = numbers_of(p, name, &count);
    memset(numbers, 0, count * sizeof *numbers);
}

static void drop_input_bias(Planting *p) {
    drop(p, "rnn.bias_ih_l0");
}

static void drop_bias(Planting *p) {
    drop(p, "rnn.bias_hh_l0");
}

static void drop_head_bias(Planting *p) {
    drop(p, "head.bias");
}

/* The biases of one GRU are not each other's: one is added before the reset gate. */
static void exchange_biases(Planting *p) {
    size_t count = 0;
    float *const one = numbers_of(p, "rnn.bias_ih_l0", &count);
    swap_floats(one, numbers_of(p, "rnn.bias_hh_l0", &count), count);
}

static void exchange_directions(Planting *p) {
    static const char *const kinds[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        size_t count = 0;
        snprintf(name, sizeof name, "rnn.%s_l0", kinds[i]);
        float *const forward = numbers_of(p, name, &count);
        snprintf(name, sizeof name, "rnn.%s_l0_reverse", kinds[i]);
        if (forward) swap_floats(forward, numbers_of(p, name, &count), count);
    }
}

static void move(Planting *p, const char *name, bool last) {
    size_t count = 0;
    float *const numbers = numbers_of(p, name, &count);
    numbers[last ? count - 1 : 0] += 1e-3f;
}

static void move_recurrent_weight(Planting *p) {
    move(p, "rnn.weight_hh_l0", false);
}

static void move_input_weight(Planting *p) {
    move(p, "rnn.weight_ih_l0", true);
}

static void move_bias(Planting *p) {
    move(p, "rnn.bias_hh_l0", true);
}

static void move_upper_weight(Planting *p) {
    move(p, "rnn.weight_ih_l1", false);
}

static void move_backward_weight(Planting *p) {
    move(p, "rnn.weight_hh_l0_reverse", true);
}

static void move_head_weight(Planting *p) {
    move(p, "head.weight", true);
}

static void move_stage_weight(Planting *p) {
    move(p, "stage1.weight", true);
}

static void drop_normal_bias(Planting *p) {
    drop(p, "stage2.bias");
}

static void move_embedding(Planting *p) {
    move(p, "embedding.weight", true);
}

static void move_projection(Planting *p) {
    move(p, "rnn.weight_hr_l0", true);
}

/* Takes the first two hidden units for each other. */
static void exchange_projected(Planting *p) {
    const size_t hidden = p->conversion->model->structure.layers[0].hidden;
    size_t count = 0;
    float *const numbers = numbers_of(p, "rnn.weight_hr_l0", &count);
    for (size_t row = 0; row < count / hidden; row++)
        swap_floats(numbers + row * hidden, numbers + row * hidden + 1, 1);
}

static void set_cells(Planting *p, elman_cell from, elman_cell to) {
    const Structure *const structure = &p->conversion->model->structure;
    for (size_t i = 0; i < structure->layer_count; i++)
        if (structure->layers[i].cell == from) structure->layers[i].cell = to;
}

static void reset_before(Planting *p) {
    set_cells(p, ELMAN_CELL_GRU, ELMAN_CELL_GRU_RESET_BEFORE);
}

static void reset_behind(Planting *p) {
    set_cells(p, ELMAN_CELL_GRU_RESET_BEFORE, ELMAN_CELL_GRU);
}

static void use_relu(Planting *p) {
    if (p->out)
        p->conversion->written_roles.relu = true;
    else
        set_cells(p, ELMAN_CELL_RNN, ELMAN_CELL_RNN_RELU);
}

static void use_tanh(Planting *p) {
    if (p->out)
        p->conversion->written_roles.relu = false;
    else
        set_cells(p, ELMAN_CELL_RNN_RELU, ELMAN_CELL_RNN);
}

enum { ANY = -1 };

/* Where a mistake can be made at all: networks that have the tensor, not all zero, and the cell. A
 * GRU of one unit without biases may reset before the product or behind it. */
static const struct {
    const char *what;
    void (*plant)(Planting *planting);
    const char *tensor;
    int cell;
    bool small; /* so that it may stay hidden from a probe: where a unit's output is near 0 */
} mistakes[] = {
    {"nothing", NULL, "rnn.weight_hh_l0", ANY, false},
    {"gates i and f exchanged", swap_i_f, "rnn.weight_hh_l0", ELMAN_CELL_LSTM, false},
    {"gates f and g exchanged", swap_f_g, "rnn.weight_hh_l0", ELMAN_CELL_LSTM, false},
    {"gates g and o exchanged", swap_g_o, "rnn.weight_hh_l0", ELMAN_CELL_LSTM, false},
    {"gates r and z exchanged", swap_r_z, "rnn.weight_hh_l0", ELMAN_CELL_GRU, false},
    {"gates z and n exchanged", swap_z_n, "rnn.weight_hh_l0", ELMAN_CELL_GRU, false},
    {"a bias dropped", drop_bias, "rnn.bias_hh_l0", ANY, false},
    {"an input's bias dropped", drop_input_bias, "rnn.bias_ih_l0", ANY, false},
    {"the biases exchanged", exchange_biases, "rnn.bias_ih_l0", ELMAN_CELL_GRU, false},
    {"the head's bias dropped", drop_head_bias, "head.bias", ANY, false},
    {"directions exchanged", exchange_directions, "rnn.weight_hh_l0_reverse", ANY, false},
    {"a recurrent weight off", move_recurrent_weight, "rnn.weight_hh_l0", ANY, true},
    {"an input weight off", move_input_weight, "rnn.weight_ih_l0", ANY, true},
    {"a bias off", move_bias, "rnn.bias_hh_l0", ANY, true},
    {"a weight of the second layer off", move_upper_weight, "rnn.weight_ih_l1", ANY, true},
    {"a backward weight off", move_backward_weight, "rnn.weight_hh_l0_reverse", ANY, true},
    {"a projection's weight off", move_projection, "rnn.weight_hr_l0", ANY, true},
    {"what is projected exchanged", exchange_projected, "rnn.weight_hr_l0", ANY, false},
    {"the head's weight off", move_head_weight, "head.weight", ANY, true},
    {"a stage's weight off", move_stage_weight, "stage1.weight", ANY, true},
    {"a normalisation's bias dropped", drop_normal_bias, "stage2.bias", ANY, false},
    {"the table off", move_embedding, "embedding.weight", ANY, true},
    {"reset before the product", reset_before, "rnn.bias_hh_l0", ELMAN_CELL_GRU, false},
    {"reset behind the product", reset_behind, "rnn.bias_hh_l0", ELMAN_CELL_GRU_RESET_BEFORE,
     false},
    {"ReLU for tanh", use_relu, "rnn.weight_hh_l0", ELMAN_CELL_RNN, false},
    {"tanh for ReLU", use_tanh, "rnn.weight_hh_l0", ELMAN_CELL_RNN_RELU, false},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

/* ---- Whether they are seen ---- */

/* The largest difference that a probe has shown; the weights are compared without one. */
static double shown_by_probe(const elman_conversion *conversion) {
    double largest = 0.0;
    for (size_t i = 0; i < conversion->difference_count; i++)
        if (strcmp(conversion->differences[i].place, "weights") != 0)
            largest = fmax(largest, conversion->differences[i].largest);
    return largest;
}

static bool has_numbers(const elman_tensor *tensor) {
    for (size_t i = 0; tensor && i < tensor->count; i++)
        if (tensor->data[i] != 0.0f) return true;
    return false;
}

static void check_nothing_written(const elman_conversion *conversion) {
    bool exists = true;
    elman_error error = {0};
    assert_int_equal(elman_conversion_save(conversion, "none", &error), ELMAN_ERR_MISMATCH);
    assert_int_equal(file_exists("none", &exists, &error), ELMAN_OK);
    assert_false(exists);
}

/* Plants a mistake in the conversion of the file at `path`; false when it cannot be made there. */
static bool try_mistake(elman_context *context, const char *path,
                        const elman_convert_options *options, size_t mistake, size_t network) {
    Planting p = {.out = options->to == ELMAN_CONVERT_PYTORCH};
    elman_conversion_summary summary;
    elman_error error = {0};
    if (conversion_read(context, path, options, &p.conversion, &error))
        fail_msg("%s", error.message);
    const elman_cell cell = p.conversion->model->structure.layers[0].cell;
    const elman_tensor *const tensor =
        tensor_set_find(&p.conversion->model->weights, mistakes[mistake].tensor);
    const bool fits = has_numbers(tensor) &&
                      (mistakes[mistake].cell == ANY || mistakes[mistake].cell == (int)cell);
    if (fits) {
        if (mistakes[mistake].plant) mistakes[mistake].plant(&p);
        if (conversion_prove(p.conversion, &error)) fail_msg("%s", error.message);
        elman_conversion_describe(p.conversion, &summary);
        if (summary.proven != (mistakes[mistake].plant == NULL))
            fail_msg("network %zu %s: %s: the proof %s", network, p.out ? "out" : "in",
                     mistakes[mistake].what, summary.proven ? "passes" : "fails");
        if (!summary.proven && !mistakes[mistake].small &&
            !(shown_by_probe(p.conversion) > summary.tolerance))
            fail_msg("network %zu %s: %s: the probe shows nothing", network, p.out ? "out" : "in",
                     mistakes[mistake].what);
        if (!summary.proven) check_nothing_written(p.conversion);
    }
    elman_conversion_destroy(p.conversion);
    for (size_t i = 0; i < p.copy_count; i++) free(p.copies[i]);
    return fits;
}

/* Plants every mistake in the networks of the golden file, on their way in or out. */
static void plant_all(bool out) {
    Memory memory;
    SafetensorsFile *const file = golden_open(&memory);
    elman_context *const context = open_context(NULL, 1);
    size_t planted[MISTAKES] = {0};
    for (size_t i = 0; i < GOLDEN_NETWORKS; i += STRIDE) {
        const GoldenNetwork golden = golden_network(file, i);
        elman_convert_options options = golden_options(&golden);
        write_tensors(golden.parameters, golden.count, FILE_NAME);
        if (out) {
            elman_conversion *conversion = NULL;
            elman_error error = {0};
            if (elman_conversion_open(context, FILE_NAME, &options, &conversion, &error) ||
                elman_conversion_save(conversion, "model", &error))
                fail_msg("%s", error.message);
            elman_conversion_destroy(conversion);
            options =
                (elman_convert_options){.struct_size = sizeof options, .to = ELMAN_CONVERT_PYTORCH};
        }
        for (size_t m = 0; m < MISTAKES; m++)
            planted[m] += try_mistake(context, out ? "model" : FILE_NAME, &options, m, i);
    }
    for (size_t m = 0; m < MISTAKES; m++)
        if (planted[m] < 4 && mistakes[m].cell != ELMAN_CELL_GRU_RESET_BEFORE &&
            strncmp(mistakes[m].tensor, "stage", 5) != 0)
            fail_msg("%s: tried %zu times", mistakes[m].what, planted[m]);
    elman_context_destroy(context);
    safetensors_close(file);
}

static void from_pytorch(void **state) {
    (void)state;
    plant_all(false);
}

static void to_pytorch(void **state) {
    (void)state;
    plant_all(true);
}

#ifdef ELMAN_HAVE_ONNX

static void from_onnx(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const elman_convert_options options = {.struct_size = sizeof options};
    size_t planted[MISTAKES] = {0};
    for (size_t i = 0; i < ONNX_MODELS; i++)
        for (size_t m = 0; m < MISTAKES; m++) {
            char path[512];
            snprintf(path, sizeof path, ONNX_MODELS_FOLDER "%s.onnx", onnx_models[i]);
            planted[m] += try_mistake(context, path, &options, m, i);
        }
    /* ONNX's LSTM has no projection. */
    for (size_t m = 0; m < MISTAKES; m++)
        if (planted[m] == 0 && strcmp(mistakes[m].tensor, "rnn.weight_hr_l0") != 0)
            fail_msg("%s: never tried", mistakes[m].what);
    elman_context_destroy(context);
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_pytorch),
        cmocka_unit_test(to_pytorch),
#ifdef ELMAN_HAVE_ONNX
        cmocka_unit_test(from_onnx),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
