/* The oracle, and the conversion, against ONNX's own node tests of RNN, GRU and LSTM: those of
 * Debian's package libonnx-testdata, and six that the onnx package has had since
 * (tests/onnx/directions.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "context/context.h"
#include "convert/conversion.h"
#include "convert/onnx_model.h"
#include "convert/oracle_onnx.h"
#include "support/allocator.h"
#include "support/passes.h"

#ifdef ELMAN_HAVE_ONNX

#include <onnx.pb-c.h>

#define DEBIAN "/usr/share/libonnx-testdata/data/node"
#define OURS   ELMAN_SOURCE_DIR "/tests/onnx"

enum { FILE_MAX = 1 << 20, PATH_MAX_BYTES = 512, ELEMENTS_MAX = 1 << 20 };

static const struct {
    const char *folder, *name;
} vectors[] = {
    {DEBIAN, "test_gru_batchwise"},          {DEBIAN, "test_gru_defaults"},
    {DEBIAN, "test_gru_seq_length"},         {DEBIAN, "test_gru_with_initial_bias"},
    {DEBIAN, "test_lstm_batchwise"},         {DEBIAN, "test_lstm_defaults"},
    {DEBIAN, "test_lstm_with_initial_bias"}, {DEBIAN, "test_lstm_with_peepholes"},
    {DEBIAN, "test_rnn_seq_length"},         {DEBIAN, "test_simple_rnn_batchwise"},
    {DEBIAN, "test_simple_rnn_defaults"},    {DEBIAN, "test_simple_rnn_with_initial_bias"},
    {OURS, "test_gru_bidirectional"},        {OURS, "test_gru_reverse"},
    {OURS, "test_lstm_bidirectional"},       {OURS, "test_lstm_reverse"},
    {OURS, "test_simple_rnn_bidirectional"}, {OURS, "test_simple_rnn_reverse"},
};

static Onnx__TensorProto *read_tensor(const char *folder, const char *name, const char *kind,
                                      size_t index) {
    static unsigned char bytes[FILE_MAX];
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s/test_data_set_0/%s_%zu.pb", folder, name, kind, index);
    FILE *const file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    Onnx__TensorProto *const tensor = onnx__tensor_proto__unpack(NULL, size, bytes);
    if (!tensor) fail_msg("%s is no tensor", path);
    return tensor;
}

/* One element of a float tensor. */
static double tensor_number(const Onnx__TensorProto *tensor, size_t index) {
    float number;
    assert_int_equal(tensor->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    memcpy(&number, tensor->raw_data.data + index * sizeof number, sizeof number);
    return (double)number;
}

/* One element of an int32 tensor: lengths of rows. */
static int64_t tensor_integer(const Onnx__TensorProto *tensor, size_t index) {
    int32_t number;
    assert_int_equal(tensor->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    memcpy(&number, tensor->raw_data.data + index * sizeof number, sizeof number);
    return number;
}

static void feed(OracleOnnx *oracle, const char *folder, const char *name, size_t index) {
    double numbers[4096];
    int64_t integers[4096];
    OracleArray array = {.type = ONNX_FLOAT, .count = 1, .numbers = numbers};
    elman_error error;
    Onnx__TensorProto *const tensor = read_tensor(folder, name, "input", index);
    array.rank = tensor->n_dims;
    for (size_t i = 0; i < array.rank; i++) {
        array.shape[i] = (size_t)tensor->dims[i];
        array.count *= array.shape[i];
    }
    assert_true(array.count <= sizeof numbers / sizeof *numbers);
    if (tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32) {
        array.type = ONNX_INT32;
        array.numbers = NULL;
        array.integers = integers;
    }
    for (size_t i = 0; i < array.count; i++)
        if (array.numbers)
            numbers[i] = tensor_number(tensor, i);
        else
            integers[i] = tensor_integer(tensor, i);
    if (oracle_onnx_feed(oracle, index, &array, &error)) fail_msg("%s", error.message);
    onnx__tensor_proto__free_unpacked(tensor, NULL);
}

/* The largest difference of an output, as a share of 1 or of what it should be. */
static double compare(const OracleOnnx *oracle, const OnnxModel *model, const char *folder,
                      const char *name, size_t index) {
    Onnx__TensorProto *const want = read_tensor(folder, name, "output", index);
    const OracleArray *const got = oracle_onnx_value(oracle, model->outputs[index].value);
    double largest = 0.0;
    assert_int_equal(got->rank, want->n_dims);
    for (size_t i = 0; i < got->rank; i++) assert_int_equal(got->shape[i], want->dims[i]);
    assert_int_equal(got->count * sizeof(float), want->raw_data.len);
    for (size_t i = 0; i < got->count; i++) {
        const double number = tensor_number(want, i);
        largest = fmax(largest, fabs(got->numbers[i] - number) / fmax(1.0, fabs(number)));
    }
    onnx__tensor_proto__free_unpacked(want, NULL);
    return largest;
}

static void check(Memory *memory, const char *folder, const char *name) {
    char path[PATH_MAX_BYTES];
    OnnxModel *model;
    OracleOnnx *oracle;
    elman_error error;
    (void)snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (onnx_open(memory, path, &model, &error)) fail_msg("%s", error.message);
    if (oracle_onnx_create(memory, model, ELEMENTS_MAX, &oracle, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < model->input_count; i++) feed(oracle, folder, name, i);
    if (oracle_onnx_run(oracle, &error)) fail_msg("%s", error.message);
    for (size_t i = 0; i < model->output_count; i++) {
        const double difference = compare(oracle, model, folder, name, i);
        /* The expected numbers are float sums of at most 20 products. */
        if (!(difference <= 2e-6)) fail_msg("%s: output %zu is %g off", name, i, difference);
    }
    oracle_onnx_destroy(oracle);
    onnx_close(model);
}

/* Makes the weights, which are inputs of these graphs, constants, converts the graph and proves it.
 */
static void convert(elman_context *context, const char *folder, const char *name) {
    enum { INPUTS = 8, VALUES = 16 };
    static const char *const weights[] = {"W", "R", "B", "P"};
    char path[PATH_MAX_BYTES];
    OnnxModel *read;
    OnnxValue values[VALUES];
    OnnxPort inputs[INPUTS];
    OnnxTensor tensors[INPUTS];
    Onnx__TensorProto *protos[INPUTS] = {NULL};
    elman_conversion_summary summary;
    elman_error error;
    (void)snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (onnx_open(&context->memory, path, &read, &error)) fail_msg("%s", error.message);
    OnnxModel model = *read;
    assert_true(model.value_count <= VALUES && model.input_count <= INPUTS);
    memcpy(values, model.values, model.value_count * sizeof *values);
    model.values = values;
    model.inputs = inputs;
    model.input_count = 0;
    for (size_t i = 0; i < read->input_count; i++) {
        OnnxValue *const value = &values[read->inputs[i].value];
        bool is_weight = false;
        for (size_t k = 0; k < 4; k++) is_weight |= strcmp(value->name, weights[k]) == 0;
        if (!is_weight) {
            inputs[model.input_count++] = read->inputs[i];
            continue;
        }
        protos[i] = read_tensor(folder, name, "input", i);
        tensors[i] = (OnnxTensor){.type = ONNX_FLOAT,
                                  .rank = protos[i]->n_dims,
                                  .count = protos[i]->raw_data.len / sizeof(float),
                                  .bytes = protos[i]->raw_data.data};
        for (size_t k = 0; k < tensors[i].rank; k++)
            tensors[i].shape[k] = (size_t)protos[i]->dims[k];
        value->initialiser = &tensors[i];
    }
    elman_conversion *const conversion = memory_allocate(&context->memory, sizeof *conversion);
    assert_non_null(conversion);
    *conversion = (elman_conversion){
        .context = context,
        .options = {.from = ELMAN_CONVERT_ONNX, .to = ELMAN_CONVERT_ELMAN, .tolerance = 1e-5},
        .name = memory_copy_string(&context->memory, name),
        .graph = &model,
    };
    if (onnx_make_model(conversion, &error) || conversion_prove(conversion, &error))
        fail_msg("%s: %s", name, error.message);
    elman_conversion_describe(conversion, &summary);
    if (!summary.proven) fail_msg("%s: %g off", name, summary.largest);
    conversion->graph = NULL; /* ours */
    elman_conversion_destroy(conversion);
    for (size_t i = 0; i < INPUTS; i++)
        if (protos[i]) onnx__tensor_proto__free_unpacked(protos[i], NULL);
    onnx_close(read);
}

static void check_folder(const char *folder, size_t want) {
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    size_t count = 0;
    elman_context *const context = open_context(NULL, 1);
    memory_init(&memory, &allocator);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        if (strcmp(vectors[i].folder, folder) != 0) continue;
        check(&memory, folder, vectors[i].name);
        convert(context, folder, vectors[i].name);
        count++;
    }
    elman_context_destroy(context);
    assert_int_equal(count, want);
    assert_int_equal(counting.live, 0);
}

static void debian(void **state) {
    (void)state;
    FILE *const file = fopen(DEBIAN "/test_lstm_defaults/model.onnx", "rb");
    if (!file) {
        print_message("not checked: %s is missing (Debian's package libonnx-testdata)\n", DEBIAN);
        skip();
    }
    (void)fclose(file);
    check_folder(DEBIAN, 12);
}

static void ours(void **state) {
    (void)state;
    check_folder(OURS, 6);
}

#else

static void debian(void **state) {
    (void)state;
    print_message("not checked: this build cannot read ONNX models\n");
    skip();
}

static void ours(void **state) {
    debian(state);
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(debian), cmocka_unit_test(ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
