/* The reader of ONNX models: what it refuses and in which words, external data, memory; and the
 * oracle's operators against ONNX Runtime's results (tests/onnx/operators.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/oracle_onnx.h"
#include "support/allocator.h"

#ifdef ELMAN_HAVE_ONNX

#include <onnx.pb-c.h>

#define OPERATORS ELMAN_SOURCE_DIR "/tests/onnx/operators-%d.onnx"

enum { ELEMENTS_MAX = 1 << 20, BYTES_MAX = 1 << 16 };

static const int opsets[] = {7, 11, 13, 18, 22};

/* "want:NAME" of value NAME, or NULL. */
static const OnnxTensor *wanted(const OnnxModel *model, const char *name) {
    for (size_t i = 0; i < model->value_count; i++)
        if (strncmp(model->values[i].name, "want:", 5) == 0 &&
            strcmp(model->values[i].name + 5, name) == 0)
            return model->values[i].initialiser;
    return NULL;
}

static void check_value(const OracleArray *got, const OnnxTensor *want, const char *name) {
    if (got->type != want->type || got->rank != want->rank || got->count != want->count)
        fail_msg("%s: has not the type or shape it should have", name);
    for (size_t i = 0; i < got->rank; i++) assert_int_equal(got->shape[i], want->shape[i]);
    for (size_t i = 0; i < got->count; i++) {
        if (got->integers) {
            assert_int_equal(got->integers[i], onnx_integer(want, i));
            continue;
        }
        const double number = onnx_number(want, i);
        /* Floats of sums of few products. */
        if (!(fabs(got->numbers[i] - number) <= 2e-6 * fmax(1.0, fabs(number))))
            fail_msg("%s: element %zu is %.9g, expected %.9g", name, i, got->numbers[i], number);
    }
}

static void operators(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof opsets / sizeof *opsets; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        OnnxModel *model;
        OracleOnnx *oracle;
        elman_error error;
        char path[512];
        (void)snprintf(path, sizeof path, OPERATORS, opsets[k]);
        memory_init(&memory, &allocator);
        if (onnx_open(&memory, path, &model, &error)) fail_msg("%s", error.message);
        if (oracle_onnx_create(&memory, model, ELEMENTS_MAX, &oracle, &error))
            fail_msg("%s", error.message);
        if (oracle_onnx_run(oracle, &error)) fail_msg("%s", error.message);
        assert_true(model->output_count >= 25);
        for (size_t i = 0; i < model->output_count; i++) {
            const uint32_t value = model->outputs[i].value;
            const char *const name = model->values[value].name;
            check_value(oracle_onnx_value(oracle, value), wanted(model, name), name);
        }
        oracle_onnx_destroy(oracle);
        onnx_close(model);
        assert_int_equal(counting.live, 0);
    }
}

/* A model of one node over two initialisers, to be spoilt. */
typedef struct Made {
    Onnx__ModelProto model;
    Onnx__OperatorSetIdProto set, *sets[2];
    Onnx__GraphProto graph;
    Onnx__NodeProto node, *nodes[2];
    Onnx__AttributeProto attribute, *attributes[2];
    Onnx__TensorProto tensor, other, *tensors[2];
    Onnx__ValueInfoProto output, input, *outputs[1], *given[1];
    Onnx__StringStringEntryProto location, offset, *external[2];
    int64_t dims[9];
    float numbers[6];
    char *inputs[2], *results[2];
    char external_path[64];
} Made;

static Made *make(void) {
    Made *const made = calloc(1, sizeof *made);
    assert_non_null(made);
    onnx__model_proto__init(&made->model);
    onnx__operator_set_id_proto__init(&made->set);
    onnx__graph_proto__init(&made->graph);
    onnx__node_proto__init(&made->node);
    onnx__attribute_proto__init(&made->attribute);
    onnx__tensor_proto__init(&made->tensor);
    onnx__value_info_proto__init(&made->output);
    onnx__value_info_proto__init(&made->input);
    onnx__string_string_entry_proto__init(&made->location);
    onnx__string_string_entry_proto__init(&made->offset);
    made->set.has_version = 1;
    made->set.version = 17;
    made->sets[0] = made->sets[1] = &made->set;
    made->model.n_opset_import = 1;
    made->model.opset_import = made->sets;
    made->model.graph = &made->graph;
    made->nodes[0] = made->nodes[1] = &made->node;
    made->graph.n_node = 1;
    made->graph.node = made->nodes;
    made->inputs[0] = (char *)"w";
    made->inputs[1] = (char *)"v";
    made->results[0] = (char *)"y";
    made->results[1] = (char *)"z";
    made->node.op_type = (char *)"Add";
    made->node.name = (char *)"sum";
    made->node.n_input = 2;
    made->node.input = made->inputs;
    made->node.n_output = 1;
    made->node.output = made->results;
    made->attributes[0] = made->attributes[1] = &made->attribute;
    made->node.attribute = made->attributes;
    made->attribute.name = (char *)"axis";
    made->attribute.has_type = 1;
    made->attribute.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    for (size_t i = 0; i < 6; i++) made->numbers[i] = (float)i;
    made->dims[0] = 2;
    made->dims[1] = 3;
    made->tensor.name = (char *)"w";
    made->tensor.n_dims = 2;
    made->tensor.dims = made->dims;
    made->tensor.has_data_type = 1;
    made->tensor.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    made->tensor.n_float_data = 6;
    made->tensor.float_data = made->numbers;
    made->other = made->tensor;
    made->other.name = (char *)"v";
    made->tensors[0] = &made->tensor;
    made->tensors[1] = &made->other;
    made->graph.n_initializer = 2;
    made->graph.initializer = made->tensors;
    made->output.name = (char *)"y";
    made->input.name = (char *)"x";
    made->outputs[0] = &made->output;
    made->given[0] = &made->input;
    made->graph.n_output = 1;
    made->graph.output = made->outputs;
    made->graph.input = made->given;
    made->location.key = (char *)"location";
    made->location.value = made->external_path;
    made->offset.key = (char *)"offset";
    made->offset.value = (char *)"0";
    made->external[0] = &made->location;
    made->external[1] = &made->offset;
    return made;
}

/* Lets tensor w lie in a file. */
static void make_external(Made *made, const char *path) {
    (void)snprintf(made->external_path, sizeof made->external_path, "%s", path);
    made->tensor.n_float_data = 0;
    made->tensor.has_data_location = 1;
    made->tensor.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    made->tensor.n_external_data = 2;
    made->tensor.external_data = made->external;
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Packs and reads it, from a file "x"; `made` is freed. */
static elman_status read_made(Memory *memory, Made *made, OnnxModel **model, elman_error *error) {
    static unsigned char bytes[BYTES_MAX];
    const size_t size = onnx__model_proto__get_packed_size(&made->model);
    assert_true(size <= sizeof bytes);
    (void)onnx__model_proto__pack(&made->model, bytes);
    free(made);
    write_bytes("x", bytes, size);
    return onnx_open(memory, "x", model, error);
}

static void no_graph(Made *m) {
    m->model.graph = NULL;
}
static void no_opset(Made *m) {
    m->model.n_opset_import = 0;
}
static void two_opsets(Made *m) {
    m->model.n_opset_import = 2;
}
static void old_opset(Made *m) {
    m->set.version = 6;
}
static void new_opset(Made *m) {
    m->set.version = 23;
}
static void other_domain(Made *m) {
    m->node.domain = (char *)"com.example";
}
static void unknown_name(Made *m) {
    m->inputs[1] = (char *)"nothing";
}
static void made_twice(Made *m) {
    m->graph.n_node = 2;
}
static void no_output(Made *m) {
    m->output.name = (char *)"nothing";
}
static void no_name(Made *m) {
    m->tensor.name = (char *)"";
}
static void half_float(Made *m) {
    m->tensor.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
}
static void negative(Made *m) {
    m->dims[0] = -2;
}
static void too_large(Made *m) {
    m->dims[0] = m->dims[1] = INT64_MAX;
}
static void many_axes(Made *m) {
    m->tensor.n_dims = 9;
}
static void too_few(Made *m) {
    m->tensor.n_float_data = 5;
}
static void raw_too_few(Made *m) {
    m->tensor.has_raw_data = 1;
    m->tensor.raw_data = (ProtobufCBinaryData){3, (uint8_t *)m->numbers};
}
static void attribute_twice(Made *m) {
    m->node.n_attribute = 2;
}
static void attribute_untyped(Made *m) {
    m->node.n_attribute = 1;
    m->attribute.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}
static void attribute_zero(Made *m) {
    m->node.n_attribute = 1;
    m->attribute.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    m->attribute.has_s = 1;
    m->attribute.s = (ProtobufCBinaryData){2, (uint8_t *)m->numbers};
}
static void outside(Made *m) {
    make_external(m, "../weights");
}
static void deeply_outside(Made *m) {
    make_external(m, "a/../../weights");
}
static void absolute(Made *m) {
    make_external(m, "/etc/hostname");
}
static void linked(Made *m) {
    make_external(m, "linked");
}
static void linked_folder(Made *m) {
    make_external(m, "here/weights");
}
static void missing(Made *m) {
    make_external(m, "missing");
}
static void too_short(Made *m) {
    make_external(m, "weights");
    m->offset.value = (char *)"1";
}
static void no_offset(Made *m) {
    make_external(m, "weights");
    m->offset.value = (char *)"-1";
}

static const struct {
    void (*spoil)(Made *made);
    const char *sentence;
} refusals[] = {
    {no_graph, "x: has no graph, expected an ONNX model"},
    {no_opset, "x: does not say which version (opset) of ONNX's operators it uses"},
    {two_opsets, "x: names two versions of ONNX's operators"},
    {old_opset, "x: uses opset 6, expected 7 to 22"},
    {new_opset, "x: uses opset 23, expected 7 to 22"},
    {other_domain, "x: node \"sum\": the operator Add is of the domain com.example, expected one "
                   "of ONNX's own"},
    {unknown_name, "x: node \"sum\" (Add) reads \"nothing\", which nothing before it makes"},
    {made_twice, "x: the value \"y\" is made twice"},
    {no_output, "x: nothing makes the graph's output \"nothing\""},
    {no_name, "x: an input, an output or an initialiser has no name"},
    {half_float, "x: initialiser \"w\": its elements are of type 10, expected float, double, "
                 "int32, int64 or bool"},
    {negative, "x: initialiser \"w\": has a negative dimension"},
    {too_large, "x: initialiser \"w\": the product of its shape does not fit"},
    {many_axes, "x: initialiser \"w\": has more than 8 dimensions"},
    {too_few, "x: initialiser \"w\": has 5 elements of its type, its shape asks for 6"},
    {raw_too_few, "x: initialiser \"w\": has not as many bytes as its shape asks for"},
    {attribute_twice, "x: node \"sum\" (Add): attribute \"axis\" is given twice"},
    {attribute_untyped, "x: node \"sum\" (Add): attribute \"axis\" does not say of which type it "
                        "is"},
    {attribute_zero, "x: node \"sum\" (Add): attribute \"axis\" holds a zero byte"},
    {outside, "x: initialiser \"w\": its external data is not in the model's folder, expected a "
              "relative path without \"..\" beside a file"},
    {deeply_outside, "x: initialiser \"w\": its external data is not in the model's folder, "
                     "expected a relative path without \"..\" beside a file"},
    {absolute, "x: initialiser \"w\": its external data is not in the model's folder, expected a "
               "relative path without \"..\" beside a file"},
    {linked,
     "x: initialiser \"w\": its external data is behind a symbolic link, which may lead out "
     "of the model's folder"},
    {linked_folder, "x: initialiser \"w\": its external data is behind a symbolic link, which may "
                    "lead out of the model's folder"},
    {missing, "missing: cannot be opened: No such file or directory"},
    {too_short, "x: initialiser \"w\": its shape needs 24 bytes of weights, which has 24, from "
                "byte 1 on"},
    {no_offset, "x: initialiser \"w\": its external data has no location, or an offset or length "
                "that is no size"},
};

static void refused(void **state) {
    (void)state;
    const float weights[6] = {0};
    write_bytes("weights", weights, sizeof weights);
    (void)remove("linked");
    (void)remove("here");
    assert_int_equal(symlink("weights", "linked"), 0);
    assert_int_equal(symlink(".", "here"), 0);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        OnnxModel *model;
        elman_error error = {ELMAN_OK, ""};
        Made *const made = make();
        memory_init(&memory, &allocator);
        refusals[i].spoil(made);
        assert_int_not_equal(read_made(&memory, made, &model, &error), ELMAN_OK);
        assert_string_equal(error.message, refusals[i].sentence);
        assert_null(model);
        assert_int_equal(counting.live, 0);
    }
}

static void external(void **state) {
    (void)state;
    const float weights[7] = {9.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
    Memory memory;
    OnnxModel *model;
    OracleOnnx *oracle;
    elman_error error;
    Made *const made = make();
    memory_init(&memory, NULL);
    write_bytes("weights", weights, sizeof weights);
    make_external(made, "./weights");
    made->offset.value = (char *)"4";
    if (read_made(&memory, made, &model, &error)) fail_msg("%s", error.message);
    assert_int_equal(oracle_onnx_create(&memory, model, ELEMENTS_MAX, &oracle, &error), ELMAN_OK);
    assert_int_equal(oracle_onnx_run(oracle, &error), ELMAN_OK);
    const OracleArray *const y = oracle_onnx_value(oracle, model->outputs[0].value);
    for (size_t i = 0; i < 6; i++) assert_true(y->numbers[i] == (double)weights[i + 1] + (double)i);
    oracle_onnx_destroy(oracle);
    onnx_close(model);
}

/* The oracle names what it does not know. */
static void unknown_operator(void **state) {
    (void)state;
    Memory memory;
    OnnxModel *model;
    OracleOnnx *oracle;
    elman_error error;
    Made *made = make();
    memory_init(&memory, NULL);
    made->node.op_type = (char *)"Conv";
    assert_int_equal(read_made(&memory, made, &model, &error), ELMAN_OK);
    assert_int_equal(oracle_onnx_create(&memory, model, ELEMENTS_MAX, &oracle, &error), ELMAN_OK);
    assert_int_equal(oracle_onnx_run(oracle, &error), ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message, "x: node \"sum\" (Conv): the operator is not known");
    oracle_onnx_destroy(oracle);
    onnx_close(model);
    made = make();
    made->node.n_attribute = 1;
    assert_int_equal(read_made(&memory, made, &model, &error), ELMAN_OK);
    assert_int_equal(oracle_onnx_create(&memory, model, ELEMENTS_MAX, &oracle, &error), ELMAN_OK);
    assert_int_equal(oracle_onnx_run(oracle, &error), ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message,
                        "x: node \"sum\" (Add): the attribute \"axis\" is not known");
    oracle_onnx_destroy(oracle);
    assert_int_equal(oracle_onnx_create(&memory, model, 11, &oracle, &error), ELMAN_ERR_DATA);
    assert_string_equal(error.message,
                        "x: its values have more than 11 elements, the most that are evaluated");
    onnx_close(model);
}

static size_t read_bytes(unsigned char bytes[BYTES_MAX]) {
    char path[512];
    (void)snprintf(path, sizeof path, OPERATORS, 13);
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, BYTES_MAX, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

/* Each allocation fails once. */
static void no_memory(void **state) {
    (void)state;
    static unsigned char bytes[BYTES_MAX];
    const size_t size = read_bytes(bytes);
    elman_status status = ELMAN_ERR_MEMORY;
    for (long allow = 0; status == ELMAN_ERR_MEMORY; allow++) {
        CountingAllocator counting = {.allow = allow};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        OnnxModel *model;
        OracleOnnx *oracle = NULL;
        memory_init(&memory, &allocator);
        status = onnx_parse(&memory, "x", bytes, size, &model, NULL);
        if (!status) status = oracle_onnx_create(&memory, model, ELEMENTS_MAX, &oracle, NULL);
        if (!status) status = oracle_onnx_run(oracle, NULL);
        oracle_onnx_destroy(oracle);
        onnx_close(model);
        assert_int_equal(counting.live, 0);
    }
    assert_int_equal(status, ELMAN_OK);
}

/* No cut makes a model, none needs more memory than a model may. */
static void cut_off(void **state) {
    (void)state;
    static unsigned char bytes[BYTES_MAX];
    const size_t size = read_bytes(bytes);
    for (size_t cut = 0; cut < size; cut++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        OnnxModel *model;
        memory_init(&memory, &allocator);
        const elman_status status = onnx_parse(&memory, "x", bytes, cut, &model, NULL);
        if (cut < size - 16 && status == ELMAN_OK) fail_msg("read, cut at %zu", cut);
        onnx_close(model);
        assert_int_equal(counting.live, 0);
        assert_true(counting.peak <= cut * ONNX_MEMORY_RATIO + ONNX_MEMORY_ALWAYS);
    }
}

/* A file of the field `tag` nested in itself: each level is a graph's node's attribute's graph. */
static void nested(void **state) {
    (void)state;
    enum { DEPTH = 20000 };
    unsigned char *const bytes = malloc((size_t)DEPTH * 6 * 3);
    size_t at = (size_t)DEPTH * 6 * 3;
    const size_t end = at;
    /* graph = 7, node = 1, attribute = 5, g = 6: keys of length-delimited fields. */
    static const unsigned char keys[] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
    assert_non_null(bytes);
    for (size_t i = 0; i <= DEPTH; i++) {
        size_t length = end - at;
        unsigned char varint[5];
        size_t used = 0;
        do {
            varint[used] = (unsigned char)(length & 0x7f);
            length >>= 7;
            if (length) varint[used] |= 0x80;
            used++;
        } while (length);
        at -= used;
        memcpy(bytes + at, varint, used);
        bytes[--at] = i == DEPTH - DEPTH % 3 ? 7 << 3 | 2 : keys[i % 3];
        if (bytes[at] == (7 << 3 | 2)) break;
    }
    Memory memory;
    OnnxModel *model;
    elman_error error;
    memory_init(&memory, NULL);
    assert_int_equal(onnx_parse(&memory, "x", bytes + at, end - at, &model, &error),
                     ELMAN_ERR_FORMAT);
    assert_non_null(strstr(error.message, ": messages nest deeper than in any model"));
    free(bytes);
}

/* Empty messages cost the reader most. */
static void tiny_parts(void **state) {
    (void)state;
    enum { PARTS = 30000 };
    static unsigned char bytes[PARTS * 2 + 5] = {7 << 3 | 2, 0, 0, 0};
    const size_t length = sizeof bytes - 5;
    for (size_t i = 0; i < 3; i++)
        bytes[1 + i] = (unsigned char)((length >> 7 * i & 0x7f) | (i < 2 ? 0x80 : 0));
    for (size_t i = 4; i + 1 < sizeof bytes; i += 2) bytes[i] = 5 << 3 | 2;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_allocator allocator = counting_allocator(&counting);
    Memory memory;
    OnnxModel *model;
    elman_error error;
    memory_init(&memory, &allocator);
    assert_int_equal(onnx_parse(&memory, "x", bytes, sizeof bytes - 1, &model, &error),
                     ELMAN_ERR_FORMAT);
    assert_non_null(strstr(error.message, "so many tiny parts"));
    assert_true(counting.peak <= sizeof bytes * ONNX_MEMORY_RATIO + ONNX_MEMORY_ALWAYS);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators), cmocka_unit_test(refused),
        cmocka_unit_test(external),  cmocka_unit_test(unknown_operator),
        cmocka_unit_test(no_memory), cmocka_unit_test(cut_off),
        cmocka_unit_test(nested),    cmocka_unit_test(tiny_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void left_out(void **state) {
    (void)state;
    Memory memory;
    OnnxModel *model;
    elman_error error;
    memory_init(&memory, NULL);
    assert_int_equal(onnx_open(&memory, "x", &model, &error), ELMAN_ERR_UNSUPPORTED);
    assert_string_equal(error.message, "x: is read as an ONNX model, which this build cannot do");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
