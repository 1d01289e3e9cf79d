/* The oracle against the conformance vectors: every output of every case, which a float64 reference
 * of another language computed from the specification. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "convert/oracle_onnx.h"
#include "formats/safetensors.h"
#include "support/allocator.h"

#define FOLDER ELMAN_SOURCE_DIR "/conformance/"

enum { INPUTS_MAX = 8, OUTPUTS_MAX = 3, LIST_MAX = 8, CASES_LEAST = 450, ELEMENTS_MAX = 1 << 16 };

/* The operator's inputs in its order; ONNX's index of each. */
static const char *const input_names[INPUTS_MAX] = {
    "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"};

/* A model of one node: values are its inputs, then its outputs. */
typedef struct Case {
    OnnxModel model;
    OnnxNode node;
    OnnxValue values[INPUTS_MAX + OUTPUTS_MAX];
    uint32_t node_inputs[INPUTS_MAX], node_outputs[OUTPUTS_MAX];
    OnnxAttribute attributes[LIST_MAX];
    float floats[LIST_MAX][LIST_MAX];
    int64_t ints[LIST_MAX];
    const char *strings[LIST_MAX][LIST_MAX];
    OnnxTensor tensors[INPUTS_MAX];
} Case;

static SafetensorsTensor find(const SafetensorsFile *file, const char *name, const char *part) {
    SafetensorsTensor tensor;
    char full[128];
    (void)snprintf(full, sizeof full, "%s.%s", name, part);
    if (!safetensors_find(file, full, &tensor)) fail_msg("%s is missing", full);
    return tensor;
}

static void set_attribute(Case *made, const char *name, const json_t *value) {
    const size_t k = made->node.attribute_count++;
    OnnxAttribute *const attribute = &made->attributes[k];
    assert_true(k < LIST_MAX);
    *attribute = (OnnxAttribute){.name = name, .is_list = json_is_array(value), .count = 1};
    if (attribute->is_list) attribute->count = json_array_size(value);
    assert_true(attribute->count <= LIST_MAX);
    for (size_t i = 0; i < attribute->count; i++) {
        const json_t *const element = attribute->is_list ? json_array_get(value, i) : value;
        if (json_is_string(element)) {
            attribute->type = ONNX_ATTRIBUTE_STRINGS;
            made->strings[k][i] = json_string_value(element);
        } else if (json_is_real(element)) {
            attribute->type = ONNX_ATTRIBUTE_FLOATS;
            made->floats[k][i] = (float)json_real_value(element);
        } else {
            attribute->type = ONNX_ATTRIBUTE_INTS;
            made->ints[k] = json_integer_value(element);
        }
    }
    attribute->floats = made->floats[k];
    attribute->ints = &made->ints[k];
    attribute->strings = made->strings[k];
}

/* The value of an input, as an initialiser. */
static void set_input(Case *made, const SafetensorsFile *file, const char *name, size_t index) {
    const SafetensorsTensor from = find(file, name, input_names[index]);
    OnnxTensor *const tensor = &made->tensors[index];
    tensor->type = from.type == SAFETENSORS_I32 ? ONNX_INT32 : ONNX_FLOAT;
    tensor->rank = from.rank;
    tensor->count = from.bytes / 4;
    for (size_t i = 0; i < from.rank; i++) tensor->shape[i] = from.shape[i];
    tensor->bytes = from.data;
    made->values[index].initialiser = tensor;
    made->node_inputs[index] = (uint32_t)index;
}

static void make_case(Case *made, const json_t *entry, const SafetensorsFile *file, int64_t opset) {
    const char *key;
    json_t *value;
    const char *const name = json_string_value(json_object_get(entry, "case"));
    const json_t *const inputs = json_object_get(entry, "inputs");
    *made = (Case){.node = {.name = name, .input_count = INPUTS_MAX}};
    made->node.op_type = json_string_value(json_object_get(entry, "operator"));
    if (strcmp(made->node.op_type, "LSTM") != 0) made->node.input_count = 6;
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        made->node_inputs[i] = ONNX_NONE;
        made->values[i].name = input_names[i];
        for (size_t k = 0; k < json_array_size(inputs); k++)
            if (strcmp(json_string_value(json_array_get(inputs, k)), input_names[i]) == 0)
                set_input(made, file, name, i);
    }
    made->node.output_count = json_array_size(json_object_get(entry, "outputs"));
    for (size_t i = 0; i < made->node.output_count; i++) {
        made->node_outputs[i] = (uint32_t)(INPUTS_MAX + i);
        made->values[INPUTS_MAX + i].name =
            json_string_value(json_array_get(json_object_get(entry, "outputs"), i));
    }
    json_object_foreach(json_object_get(entry, "attributes"), key, value)
        set_attribute(made, key, value);
    made->node.inputs = made->node_inputs;
    made->node.outputs = made->node_outputs;
    made->node.attributes = made->attributes;
    made->model = (OnnxModel){.path = json_string_value(json_object_get(entry, "file")),
                              .opset = opset,
                              .value_count = INPUTS_MAX + OUTPUTS_MAX,
                              .node_count = 1,
                              .values = made->values,
                              .nodes = &made->node};
}

/* The largest difference of the outputs, as a share of 1 or of what they should be. */
static double run_case(Memory *memory, const Case *made, const SafetensorsFile *file) {
    OracleOnnx *oracle;
    elman_error error;
    double largest = 0.0;
    if (oracle_onnx_create(memory, &made->model, ELEMENTS_MAX, &oracle, &error) ||
        oracle_onnx_run(oracle, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < made->node.output_count; i++) {
        const uint32_t value = made->node_outputs[i];
        const OracleArray *const got = oracle_onnx_value(oracle, value);
        const SafetensorsTensor want = find(file, made->node.name, made->values[value].name);
        assert_int_equal(want.type, SAFETENSORS_F64);
        assert_int_equal(want.rank, got->rank);
        for (size_t k = 0; k < got->rank; k++) assert_int_equal(got->shape[k], want.shape[k]);
        for (size_t k = 0; k < got->count; k++) {
            double number;
            memcpy(&number, (const char *)want.data + k * sizeof number, sizeof number);
            const double difference = fabs(got->numbers[k] - number) / fmax(1.0, fabs(number));
            if (!(difference <= largest)) largest = difference;
        }
    }
    oracle_onnx_destroy(oracle);
    return largest;
}

static void outputs(void **state) {
    (void)state;
    static Case made;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    json_error_t where;
    elman_error error;
    double largest = 0.0;
    memory_init(&memory, &allocator);
    json_t *const manifest = json_load_file(FOLDER "manifest.json", 0, &where);
    if (!manifest) fail_msg("%s", where.text);
    const json_t *const cases = json_object_get(manifest, "cases");
    const int64_t opset = json_integer_value(json_object_get(manifest, "opset"));
    assert_true(json_array_size(cases) >= CASES_LEAST);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *const entry = json_array_get(cases, i);
        SafetensorsFile *file;
        char path[512];
        (void)snprintf(path, sizeof path, FOLDER "%s",
                       json_string_value(json_object_get(entry, "file")));
        if (safetensors_open(&memory, path, &file, &error)) fail_msg("%s", error.message);
        make_case(&made, entry, file, opset);
        const double difference = run_case(&memory, &made, file);
        if (!(difference <= 1e-12))
            fail_msg("%s, %s: %g off", made.model.path, made.node.name, difference);
        if (difference > largest) largest = difference;
        safetensors_close(file);
    }
    print_message("%zu cases, largest difference %.2g\n", json_array_size(cases), largest);
    json_decref(manifest);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
