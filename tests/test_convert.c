/* Conversion from and to PyTorch: files that must be refused, round trips, kinds of numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/conversion.h"
#include "core/files.h"
#include "support/allocator.h"
#include "support/pytorch_files.h"
#include "support/passes.h"
#include <elman/convert.h>

#define FILE_NAME "source.safetensors"

static elman_conversion *open_conversion(elman_context *context,
                                         const elman_convert_options *options) {
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    if (elman_conversion_open(context, FILE_NAME, options, &conversion, &error))
        fail_msg("%s", error.message);
    return conversion;
}

/* ---- Refusals ---- */

/* A GRU of 2 features and 3 units, and what each case adds. */
static void refused_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t rows, columns;
        const char *sentence;
    } cases[] = {
        {"rnn.weight_hr_l0", 2, 3, "rnn.weight_hr_l0: only an LSTM has a projection"},
        {"b.weight_ih_l0", 9, 2, "has 2 recurrent modules (rnn, b): --module NAME takes one"},
        {"rnn.weight_ih_l1", 9, 3, "rnn.weight_hh_l1 is missing"},
        {"rnn.weight_ih_l2", 9, 3, "rnn.weight_ih_l1 is missing"},
        {"rnn.weight_ih_l0_reverse", 9, 2, "rnn.weight_hh_l0_reverse is missing"},
        {"rnn.bias_ih_l0", 9, 0, "rnn.bias_ih_l0: stands without its second bias"},
        {"rnn.c0_l0", 3, 0, "only an LSTM has a c"},
        {"norm.weight", 3, 0, "norm.weight: belongs to no"},
        {"fc.weight", 4, 7, "fc.weight is neither"},
        {"fc.gain", 4, 3, "fc.gain: belongs to no"},
        {"rnn.weight_ih_l00", 9, 2, "rnn.weight_ih_l00: belongs to no"},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SafetensorsTensor tensors[] = {
            made_tensor("rnn.weight_ih_l0", 9, 2), made_tensor("rnn.weight_hh_l0", 9, 3),
            made_tensor(cases[i].name, cases[i].rows, cases[i].columns)};
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        write_tensors(tensors, 3, FILE_NAME);
        const elman_status status =
            elman_conversion_open(context, FILE_NAME, NULL, &conversion, &error);
        assert_null(conversion);
        if ((status != ELMAN_ERR_UNSUPPORTED && status != ELMAN_ERR_FORMAT) ||
            !strstr(error.message, cases[i].sentence))
            fail_msg("%s: status %d, %s", cases[i].name, (int)status, error.message);
    }
    elman_context_destroy(context);
}

/* An LSTM of 2 features and 4 units, projected to 3, and what each case has instead. */
static void refused_projections(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t rows, columns;
        const char *sentence;
    } cases[] = {
        {"weight_hr_l0", 3, 0, "weight_hr_l0: expected two dimensions"},
        {"weight_hr_l0", 3, 5, "weight_hr_l0: only an LSTM has a projection"},
        {"weight_hr_l0", 2, 4, "weight_hr_l0 has 2 dimensions, 2 x 4, expected 2, 3 x 4"},
        {"weight_hr_l1", 3, 4, "weight_hh_l0 is 16 x 3, expected 1"},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SafetensorsTensor tensors[] = {
            made_tensor("weight_ih_l0", 16, 2), made_tensor("weight_hh_l0", 16, 3),
            made_tensor(cases[i].name, cases[i].rows, cases[i].columns)};
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        write_tensors(tensors, 3, FILE_NAME);
        assert_int_not_equal(elman_conversion_open(context, FILE_NAME, NULL, &conversion, &error),
                             ELMAN_OK);
        if (!strstr(error.message, cases[i].sentence)) fail_msg("case %zu: %s", i, error.message);
    }
    elman_context_destroy(context);
}

/* A second layer without a projection behind one with it. */
static void half_a_projection(void **state) {
    (void)state;
    const SafetensorsTensor tensors[] = {
        made_tensor("weight_ih_l0", 16, 2), made_tensor("weight_hh_l0", 16, 3),
        made_tensor("weight_hr_l0", 3, 4),  made_tensor("weight_ih_l1", 16, 3),
        made_tensor("weight_hh_l1", 16, 3),
    };
    elman_context *const context = open_context(NULL, 1);
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    write_tensors(tensors, 5, FILE_NAME);
    assert_int_equal(elman_conversion_open(context, FILE_NAME, NULL, &conversion, &error),
                     ELMAN_ERR_FORMAT);
    assert_non_null(strstr(error.message, "weight_hr_l1 is missing"));
    elman_context_destroy(context);
}

/* A table and a head of one shape can be told apart by a name or by a bias alone. */
static void doubtful_modules(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *bias, *sentence;
    } cases[] = {
        {"x.weight", NULL, NULL, "could be an nn.Embedding or an nn.Linear"},
        {"embed.weight", NULL, NULL, NULL},
        {"x.weight", NULL, "x.bias", NULL},
        {"x.weight", "y.weight", NULL, "either could be the nn.Embedding"},
        {"x.weight", "y.weight", "x.bias", NULL},
        {"emb.weight", "y.weight", NULL, NULL},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SafetensorsTensor tensors[5] = {made_tensor("weight_ih_l0", 9, 3),
                                        made_tensor("weight_hh_l0", 9, 3),
                                        made_tensor(cases[i].first, 5, 3)};
        size_t count = 3;
        if (cases[i].second) tensors[count++] = made_tensor(cases[i].second, 5, 3);
        if (cases[i].bias) tensors[count++] = made_tensor(cases[i].bias, 5, 0);
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        write_tensors(tensors, count, FILE_NAME);
        const elman_status status =
            elman_conversion_open(context, FILE_NAME, NULL, &conversion, &error);
        if (cases[i].sentence ? !strstr(error.message, cases[i].sentence) : status != ELMAN_OK)
            fail_msg("case %zu: status %d, %s", i, (int)status, error.message);
        elman_conversion_destroy(conversion);
    }
    elman_context_destroy(context);
}

/* ---- Round trips ---- */

static unsigned char *read_all(const char *path, size_t *size) {
    Memory memory;
    unsigned char *bytes = NULL;
    elman_error error = {0};
    memory_init(&memory, NULL);
    if (file_read(&memory, path, SIZE_MAX, &bytes, size, &error)) fail_msg("%s", error.message);
    return bytes;
}

static void check_same_files(const char *one, const char *other) {
    Memory memory;
    size_t sizes[2];
    unsigned char *const a = read_all(one, &sizes[0]), *const b = read_all(other, &sizes[1]);
    memory_init(&memory, NULL);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(a, b, sizes[0]);
    memory_release(&memory, b);
    memory_release(&memory, a);
}

static void convert(elman_context *context, const char *from, const char *to) {
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    if (elman_conversion_open(context, from, NULL, &conversion, &error) ||
        elman_conversion_save(conversion, to, &error))
        fail_msg("%s", error.message);
    elman_conversion_destroy(conversion);
}

static void round_trips(void **state) {
    (void)state;
    static const NetworkSpec specs[] = {
        {.input = ELMAN_INPUT_ONE_HOT,
         .inputs = 9,
         .cell = ELMAN_CELL_RNN_RELU,
         .layers = 2,
         .hidden = 5,
         .outputs = 9,
         .output = ELMAN_OUTPUT_LAST_STEP},
        {.input = ELMAN_INPUT_EMBEDDING,
         .inputs = 9,
         .embedding = 4,
         .cell = ELMAN_CELL_LSTM,
         .layers = 3,
         .hidden = 17,
         .bidirectional = true,
         .learned_state = true,
         .outputs = 3,
         .output = ELMAN_OUTPUT_MEAN},
        {.input = ELMAN_INPUT_EMBEDDING,
         .inputs = 7,
         .embedding = 3,
         .cell = ELMAN_CELL_LSTM,
         .layers = 2,
         .hidden = 20,
         .projection = 5,
         .bidirectional = true,
         .learned_state = true,
         .outputs = 3,
         .output = ELMAN_OUTPUT_LAST_STEP},
        {.input = ELMAN_INPUT_DENSE,
         .inputs = 3,
         .cell = ELMAN_CELL_GRU,
         .layers = 1,
         .hidden = 6,
         .no_bias = true,
         .output = ELMAN_OUTPUT_MAX},
        {.input = ELMAN_INPUT_DENSE,
         .inputs = 3,
         .cell = ELMAN_CELL_RNN,
         .layers = 2,
         .hidden = 6,
         .bidirectional = true,
         .learned_state = true,
         .outputs = 2,
         .output = ELMAN_OUTPUT_LAST_STEP},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        elman_error error = {0};
        elman_model *const model = random_model(context, &specs[i], i);
        model->init = (elman_init_options){.struct_size = sizeof model->init};
        if (elman_model_save(model, "one", &error)) fail_msg("%s", error.message);
        elman_model_destroy(model);
        convert(context, "one", "torch.safetensors");
        convert(context, "torch.safetensors", "two");
        check_same_files("one", "two");
    }
    elman_context_destroy(context);
}

static void what_pytorch_lacks(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 2; i++) {
        elman_model *model = NULL;
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        assert_int_equal(elman_model_create(context, 2, &model, &error), ELMAN_OK);
        elman_model_add_cell(model, i ? ELMAN_CELL_GRU : ELMAN_CELL_GRU_RESET_BEFORE, 3);
        elman_model_add_cell(model, ELMAN_CELL_GRU, i ? 4 : 3);
        if (elman_model_build(model, NULL, &error) || elman_model_save(model, "m", &error))
            fail_msg("%s", error.message);
        assert_int_equal(elman_conversion_open(context, "m", NULL, &conversion, &error),
                         ELMAN_ERR_UNSUPPORTED);
        assert_non_null(strstr(error.message,
                               i ? "layer 1 has other hidden units" : "resets before the product"));
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* ---- Numbers ---- */

static elman_tensor tensor_named(elman_conversion *conversion, const char *name) {
    elman_tensor tensor;
    elman_error error = {0};
    if (elman_model_find_tensor(conversion->model, name, &tensor, &error))
        fail_msg("%s", error.message);
    return tensor;
}

/* Halves of either kind become the floats that they are. */
static void half_precision(void **state) {
    (void)state;
    static const struct {
        SafetensorsType type;
        uint16_t bits;
        float value;
    } cases[] = {
        {SAFETENSORS_F16, 0x0000, 0.0f},          {SAFETENSORS_F16, 0x3C00, 1.0f},
        {SAFETENSORS_F16, 0xB555, -0x1.554p-2f},  {SAFETENSORS_F16, 0x0001, 0x1p-24f},
        {SAFETENSORS_F16, 0x83FF, -0x1.FF8p-15f}, {SAFETENSORS_F16, 0x0400, 0x1p-14f},
        {SAFETENSORS_F16, 0x7BFF, 65504.0f},      {SAFETENSORS_BF16, 0x3F80, 1.0f},
        {SAFETENSORS_BF16, 0xBEAB, -0x1.56p-2f},  {SAFETENSORS_BF16, 0x0001, 0x1p-133f},
    };
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SafetensorsTensor tensors[] = {made_tensor("weight_ih_l0", 1, 1),
                                       made_tensor("weight_hh_l0", 1, 1)};
        tensors[0].type = cases[i].type;
        tensors[0].data = &cases[i].bits;
        tensors[0].bytes = sizeof cases[i].bits;
        write_tensors(tensors, 2, FILE_NAME);
        elman_conversion *const conversion = open_conversion(context, NULL);
        elman_conversion_summary summary;
        elman_conversion_describe(conversion, &summary);
        assert_true(summary.proven);
        assert_true(tensor_named(conversion, "rnn.weight_ih_l0").data[0] == cases[i].value);
        elman_conversion_destroy(conversion);
    }
    elman_context_destroy(context);
}

static void not_a_number(void **state) {
    (void)state;
    static const float nan_weight[] = {NAN};
    SafetensorsTensor tensors[] = {made_tensor("weight_ih_l0", 1, 1),
                                   made_tensor("weight_hh_l0", 1, 1)};
    elman_context *const context = open_context(NULL, 1);
    elman_conversion_summary summary;
    tensors[0].data = nan_weight;
    write_tensors(tensors, 2, FILE_NAME);
    elman_conversion *const conversion = open_conversion(context, NULL);
    elman_conversion_describe(conversion, &summary);
    assert_false(summary.proven);
    assert_true(isinf(summary.largest));
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

/* ---- Memory ---- */

static elman_status convert_with(CountingAllocator *counting, const GoldenNetwork *golden) {
    const elman_context_options lent = {.struct_size = sizeof lent,
                                        .allocator = counting_allocator(counting)};
    elman_convert_options options = golden_options(golden);
    options.to = ELMAN_CONVERT_PYTORCH;
    elman_context *context = NULL;
    elman_conversion *conversion = NULL;
    elman_status status = elman_context_create(&lent, &context, NULL);
    if (!status) status = elman_conversion_open(context, FILE_NAME, &options, &conversion, NULL);
    if (!status) status = elman_conversion_save(conversion, "saved.safetensors", NULL);
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
    return status;
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    Memory memory;
    SafetensorsFile *const file = golden_open(&memory);
    /* LSTMs in both directions with an embedding, the second one with a projection. */
    static const size_t networks[] = {374, 493};
    for (size_t i = 0; i < 2; i++) {
        const GoldenNetwork golden = golden_network(file, networks[i]);
        elman_status status = ELMAN_ERR_MEMORY;
        assert_true(golden.projects == (i == 1));
        write_tensors(golden.parameters, golden.count, FILE_NAME);
        for (long allow = 0; status; allow++) {
            CountingAllocator counting = {.allow = allow};
            status = convert_with(&counting, &golden);
            if (status && status != ELMAN_ERR_MEMORY)
                fail_msg("%ld: status %d", allow, (int)status);
            if (counting.live) fail_msg("%ld: %ld blocks leaked", allow, counting.live);
        }
    }
    safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_names),
        cmocka_unit_test(refused_projections),
        cmocka_unit_test(half_a_projection),
        cmocka_unit_test(doubtful_modules),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(what_pytorch_lacks),
        cmocka_unit_test(half_precision),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
