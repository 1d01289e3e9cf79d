/* The initial values of a model: each way of choosing them, the same for the same seed. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"
#include <elman/elman.h>

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static elman_tensor tensor_of(const elman_model *model, const char *name) {
    elman_tensor tensor = {0};
    elman_error error = {0};
    must(elman_model_find_tensor(model, name, &tensor, &error), &error);
    return tensor;
}

static elman_model *initialised(elman_context *context, elman_cell cell, size_t hidden,
                                elman_init input, elman_init recurrent, float forget_bias,
                                uint64_t seed) {
    const elman_init_options init = {.struct_size = sizeof init,
                                     .seed = seed,
                                     .input = input,
                                     .recurrent = recurrent,
                                     .forget_bias = forget_bias};
    elman_model *model = NULL;
    elman_error error = {0};
    must(elman_model_create_tokens(context, 11, 6, &model, &error), &error);
    const elman_cell_options layer = {
        .struct_size = sizeof layer, .cell = cell, .hidden = hidden, .learned_state = 1};
    elman_model_add_cell_options(model, &layer);
    elman_model_add_linear(model, 4, 0);
    must(elman_model_build(model, &init, &error), &error);
    return model;
}

/* All within [-limit, limit], reaching nearly as far, and spread evenly: mean and variance within 5
 * standard deviations. */
static void check_uniform(const elman_model *model, const char *name, double limit) {
    const elman_tensor tensor = tensor_of(model, name);
    const double count = (double)tensor.count;
    double sum = 0.0, squares = 0.0, largest = 0.0;
    for (size_t i = 0; i < tensor.count; i++) {
        const double value = (double)tensor.data[i] / limit;
        sum += value;
        squares += value * value;
        largest = fmax(largest, fabs(value));
    }
    if (largest > 1.0 + 1e-6 || largest < 1.0 - 20.0 / count ||
        fabs(sum / count) > 5.0 / sqrt(3.0 * count) ||
        fabs(squares / count - 1.0 / 3.0) > 5.0 * sqrt(4.0 / 45.0 / count))
        fail_msg("%s: largest %g, mean %g, mean square %g of the limit", name, largest, sum / count,
                 squares / count);
}

static void check_zero(const elman_model *model, const char *name) {
    const elman_tensor tensor = tensor_of(model, name);
    for (size_t i = 0; i < tensor.count; i++) assert_true(tensor.data[i] == 0.0f);
}

static void uniform(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t c = 0; c < CELLS; c++) {
        elman_model *const model =
            initialised(context, all_cells[c], 50, ELMAN_INIT_UNIFORM, ELMAN_INIT_UNIFORM, 0.0f, c);
        const double limit = 1.0 / sqrt(50.0);
        check_uniform(model, "rnn.weight_ih_l0", limit);
        check_uniform(model, "rnn.weight_hh_l0", limit);
        check_uniform(model, "rnn.bias_ih_l0", limit);
        check_uniform(model, "rnn.bias_hh_l0", limit);
        check_uniform(model, "head.weight", limit);
        check_zero(model, "rnn.h0_l0");
        const elman_tensor a = tensor_of(model, "rnn.bias_ih_l0");
        const elman_tensor b = tensor_of(model, "rnn.bias_hh_l0");
        assert_memory_not_equal(a.data, b.data, a.count * sizeof(float));
        /* The embedding is normal: 66 numbers, mean square 1. */
        const elman_tensor table = tensor_of(model, "embedding.weight");
        double squares = 0.0;
        for (size_t i = 0; i < table.count; i++)
            squares += (double)table.data[i] * (double)table.data[i];
        assert_true(fabs(squares / 66.0 - 1.0) < 5.0 * sqrt(2.0 / 66.0));
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

static void seeds(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1), *const threads = open_context(NULL, 3);
    elman_model *models[3];
    for (size_t i = 0; i < 3; i++)
        models[i] = initialised(i == 1 ? threads : context, ELMAN_CELL_LSTM, 20, ELMAN_INIT_XAVIER,
                                ELMAN_INIT_ORTHOGONAL, 0.0f, i == 2);
    for (size_t i = 0; i < elman_model_tensor_count(models[0]); i++) {
        elman_tensor tensors[3];
        for (size_t k = 0; k < 3; k++) elman_model_tensor(models[k], i, &tensors[k]);
        const size_t bytes = tensors[0].count * sizeof(float);
        assert_memory_equal(tensors[0].data, tensors[1].data, bytes);
        if (tensors[0].rank == 2) assert_memory_not_equal(tensors[0].data, tensors[2].data, bytes);
    }
    for (size_t i = 0; i < 3; i++) elman_model_destroy(models[i]);
    elman_context_destroy(context);
    elman_context_destroy(threads);
}

static void xavier(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model =
        initialised(context, ELMAN_CELL_GRU, 50, ELMAN_INIT_XAVIER, ELMAN_INIT_XAVIER, 0.0f, 3);
    check_uniform(model, "rnn.weight_ih_l0", sqrt(6.0 / (50 + 6)));
    check_uniform(model, "rnn.weight_hh_l0", sqrt(6.0 / (50 + 50)));
    check_zero(model, "rnn.bias_ih_l0");
    check_zero(model, "rnn.bias_hh_l0");
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Each gate's rows, or columns where there are fewer of them, are orthonormal to 1e-6. */
static void check_orthogonal(const elman_tensor *tensor, size_t rows) {
    const size_t columns = tensor->shape[1];
    const bool tall = rows > columns;
    const size_t count = tall ? columns : rows, length = tall ? rows : columns;
    for (size_t gate = 0; gate < tensor->shape[0] / rows; gate++)
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j <= i; j++) {
                const float *const data = tensor->data + gate * rows * columns;
                double sum = 0.0;
                for (size_t k = 0; k < length; k++)
                    sum += (double)data[tall ? k * columns + i : i * columns + k] *
                           (double)data[tall ? k * columns + j : j * columns + k];
                if (!(fabs(sum - (i == j)) <= 1e-6))
                    fail_msg("%s: gate %zu, %zu times %zu is %g", tensor->name, gate, i, j, sum);
            }
}

static void orthogonal(void **state) {
    static const size_t hiddens[] = {1, 3, 6, 50};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELLS * 4; i++) {
        const size_t hidden = hiddens[i % 4];
        elman_model *const model =
            initialised(context, all_cells[i / 4], hidden, ELMAN_INIT_ORTHOGONAL,
                        ELMAN_INIT_ORTHOGONAL, 0.0f, i);
        const elman_tensor ih = tensor_of(model, "rnn.weight_ih_l0");
        const elman_tensor hh = tensor_of(model, "rnn.weight_hh_l0");
        check_orthogonal(&ih, hidden);
        check_orthogonal(&hh, hidden);
        if (hh.shape[0] > hidden && hidden > 1) /* every gate has its own matrix */
            assert_memory_not_equal(hh.data, hh.data + hidden * hidden,
                                    hidden * hidden * sizeof(float));
        check_zero(model, "rnn.bias_ih_l0");
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* PyTorch draws a projection from the same range: that of the hidden units. */
static void projection(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 2; i++) {
        const elman_init how = i ? ELMAN_INIT_ORTHOGONAL : ELMAN_INIT_UNIFORM;
        const elman_init_options init = {.struct_size = sizeof init, .recurrent = how};
        const elman_cell_options layer = {
            .struct_size = sizeof layer, .cell = ELMAN_CELL_LSTM, .hidden = 50, .projection = 20};
        elman_model *model = NULL;
        elman_error error = {0};
        must(elman_model_create(context, 6, &model, &error), &error);
        elman_model_add_cell_options(model, &layer);
        must(elman_model_build(model, &init, &error), &error);
        const elman_tensor hh = tensor_of(model, "rnn.weight_hh_l0");
        const elman_tensor hr = tensor_of(model, "rnn.weight_hr_l0");
        if (i) {
            check_orthogonal(&hh, 50);
            check_orthogonal(&hr, 20);
        } else {
            check_uniform(model, "rnn.weight_hh_l0", 1.0 / sqrt(50.0));
            check_uniform(model, "rnn.weight_hr_l0", 1.0 / sqrt(50.0));
        }
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

static void identity(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = initialised(context, ELMAN_CELL_RNN_RELU, 9, ELMAN_INIT_XAVIER,
                                     ELMAN_INIT_IDENTITY, 0.0f, 1);
    const elman_tensor hh = tensor_of(model, "rnn.weight_hh_l0");
    for (size_t i = 0; i < 81; i++) assert_true(hh.data[i] == (i % 10 == 0 ? 1.0f : 0.0f));
    check_zero(model, "rnn.bias_hh_l0");
    elman_model_destroy(model);

    /* Refused where it makes no sense; the model can still be built in another way. */
    elman_error error = {0};
    elman_init_options init = {.struct_size = sizeof init, .recurrent = ELMAN_INIT_IDENTITY};
    elman_network *network = NULL;
    must(elman_model_create(context, 2, &model, &error), &error);
    elman_model_add_cell(model, ELMAN_CELL_LSTM, 4);
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "lstm"));
    assert_int_equal(elman_network_compile(model, &network, &error), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_tensor_count(model), 0);
    init = (elman_init_options){.struct_size = sizeof init, .input = ELMAN_INIT_IDENTITY};
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    init = (elman_init_options){.struct_size = sizeof init, .recurrent = (elman_init)4};
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    init = (elman_init_options){.struct_size = sizeof init, .forget_bias = NAN};
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    must(elman_model_build(model, NULL, &error), &error);
    must(elman_network_compile(model, &network, &error), &error);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void forget_bias(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (int uniformly = 0; uniformly < 2; uniformly++) {
        const elman_init how = uniformly ? ELMAN_INIT_UNIFORM : ELMAN_INIT_XAVIER;
        elman_model *const model = initialised(context, ELMAN_CELL_LSTM, 7, how, how, 1.5f, 1);
        const elman_tensor ih = tensor_of(model, "rnn.bias_ih_l0");
        const elman_tensor hh = tensor_of(model, "rnn.bias_hh_l0");
        for (size_t i = 0; i < 28; i++) {
            const bool forget = i / 7 == 1;
            if (forget) assert_true(ih.data[i] == 1.5f && hh.data[i] == 0.0f);
            if (!forget) assert_true((ih.data[i] != 0.0f) == uniformly);
        }
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform),     cmocka_unit_test(seeds),      cmocka_unit_test(xavier),
        cmocka_unit_test(orthogonal),  cmocka_unit_test(projection), cmocka_unit_test(identity),
        cmocka_unit_test(forget_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
