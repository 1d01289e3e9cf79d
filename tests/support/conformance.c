/* The vectors of conformance/. */
#include "support/conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER ELMAN_SOURCE_DIR "/conformance/"

enum { CASES_LEAST = 450 };

/* The operator's inputs in its order; ONNX's index of each. */
static const char *const input_names[INPUTS_MAX] = {
    "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"};

SafetensorsTensor case_tensor(const Case *made, const char *part) {
    SafetensorsTensor tensor;
    char full[128];
    (void)snprintf(full, sizeof full, "%s.%s", made->node.name, part);
    if (!safetensors_find(made->file, full, &tensor)) fail_msg("%s is missing", full);
    return tensor;
}

double tensor_number(const SafetensorsTensor *tensor, size_t index) {
    float narrow;
    double number;
    if (tensor->type == SAFETENSORS_F32) {
        memcpy(&narrow, (const char *)tensor->data + index * sizeof narrow, sizeof narrow);
        return (double)narrow;
    }
    assert_int_equal(tensor->type, SAFETENSORS_F64);
    memcpy(&number, (const char *)tensor->data + index * sizeof number, sizeof number);
    return number;
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
static void set_input(Case *made, size_t index) {
    const SafetensorsTensor from = case_tensor(made, input_names[index]);
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
    *made = (Case){.node = {.name = name, .input_count = INPUTS_MAX}, .entry = entry, .file = file};
    made->node.op_type = json_string_value(json_object_get(entry, "operator"));
    if (strcmp(made->node.op_type, "LSTM") != 0) made->node.input_count = 6;
    for (size_t i = 0; i < INPUTS_MAX; i++) {
        made->node_inputs[i] = ONNX_NONE;
        made->values[i].name = input_names[i];
        for (size_t k = 0; k < json_array_size(inputs); k++)
            if (strcmp(json_string_value(json_array_get(inputs, k)), input_names[i]) == 0)
                set_input(made, i);
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

size_t each_case(Memory *memory, CaseFunction function, void *user) {
    static Case made;
    json_error_t where;
    json_t *const manifest = json_load_file(FOLDER "manifest.json", 0, &where);
    if (!manifest) fail_msg("%s", where.text);
    const json_t *const cases = json_object_get(manifest, "cases");
    const int64_t opset = json_integer_value(json_object_get(manifest, "opset"));
    const size_t count = json_array_size(cases);
    assert_true(count >= CASES_LEAST);
    for (size_t i = 0; i < count; i++) {
        const json_t *const entry = json_array_get(cases, i);
        SafetensorsFile *file;
        elman_error error;
        char path[512];
        (void)snprintf(path, sizeof path, FOLDER "%s",
                       json_string_value(json_object_get(entry, "file")));
        if (safetensors_open(memory, path, &file, &error)) fail_msg("%s", error.message);
        make_case(&made, entry, file, opset);
        function(memory, &made, user);
        safetensors_close(file);
    }
    json_decref(manifest);
    return count;
}
