/* What of an ONNX graph cannot be kept: each is refused by operator and node, in one sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/onnx_models.h"
#include "support/onnx_networks.h"
#include <elman/convert.h>

#ifdef ELMAN_HAVE_ONNX

#include <onnx.pb-c.h>

enum { FILE_MAX = 1 << 16 };

/* Writes ours.onnx: a GRU over one-hot tokens, and the mean of what it puts out. */
static void write_ours(elman_context *context) {
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 5,
                              .cell = ELMAN_CELL_GRU,
                              .layers = 1,
                              .hidden = 4,
                              .output = ELMAN_OUTPUT_MEAN};
    elman_model *const model = random_model(context, &spec, 1);
    elman_error error = {0};
    save_model(model);
    elman_model_destroy(model);
    elman_conversion *const conversion = open_onnx(context, "model");
    if (elman_conversion_save(conversion, "ours.onnx", &error)) fail_msg("%s", error.message);
    elman_conversion_destroy(conversion);
}

/* A model to be spoilt. What is put into it lives as long as the test. */
static Onnx__ModelProto *read_model(const char *name) {
    static unsigned char bytes[FILE_MAX];
    char path[512];
    snprintf(path, sizeof path, "%s%s.onnx", strcmp(name, "ours") == 0 ? "" : ONNX_MODELS_FOLDER,
             name);
    FILE *const file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    Onnx__ModelProto *const model = onnx__model_proto__unpack(NULL, size, bytes);
    assert_non_null(model);
    return model;
}

static void write_model(Onnx__ModelProto *model) {
    static unsigned char bytes[FILE_MAX];
    const size_t size = onnx__model_proto__get_packed_size(model);
    assert_in_range(size, 1, sizeof bytes);
    onnx__model_proto__pack(model, bytes);
    FILE *const file = fopen("spoilt.onnx", "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    (void)fclose(file);
}

static void set_text(char **at, const char *text) {
    free(*at);
    *at = strdup(text);
}

/* The node that makes `output`. */
static Onnx__NodeProto *node_of(const Onnx__ModelProto *model, const char *output) {
    for (size_t i = 0; i < model->graph->n_node; i++)
        for (size_t k = 0; k < model->graph->node[i]->n_output; k++)
            if (strcmp(model->graph->node[i]->output[k], output) == 0) return model->graph->node[i];
    fail_msg("no node makes %s", output);
    return NULL;
}

static Onnx__TensorProto *tensor_of(const Onnx__ModelProto *model, const char *name) {
    for (size_t i = 0; i < model->graph->n_initializer; i++)
        if (strcmp(model->graph->initializer[i]->name, name) == 0)
            return model->graph->initializer[i];
    fail_msg("no tensor is called %s", name);
    return NULL;
}

/* Element `index` of a tensor of int64. */
static void set_integer(const Onnx__ModelProto *model, const char *name, size_t index,
                        int64_t value) {
    memcpy(tensor_of(model, name)->raw_data.data + index * sizeof value, &value, sizeof value);
}

static void set_float(const Onnx__ModelProto *model, const char *name, size_t index, float value) {
    memcpy(tensor_of(model, name)->raw_data.data + index * sizeof value, &value, sizeof value);
}

/* ---- What is spoilt ---- */

static void unknown_operator(Onnx__ModelProto *model) {
    set_text(&node_of(model, "dense")->op_type, "Sin");
}

static void unknown_attribute(Onnx__ModelProto *model) {
    set_text(&node_of(model, "lstm")->attribute[0]->name, "tide");
}

static void no_weights(Onnx__ModelProto *model) {
    set_text(&node_of(model, "Y")->input[1], "X");
}

static void two_outputs(Onnx__ModelProto *model) {
    set_text(&model->graph->output[0]->name, "lstm");
    model->graph->n_output = 2;
    model->graph->output = realloc(model->graph->output, 2 * sizeof *model->graph->output);
    assert_non_null(model->graph->output);
    model->graph->output[1] = calloc(1, sizeof *model->graph->output[1]);
    assert_non_null(model->graph->output[1]);
    onnx__value_info_proto__init(model->graph->output[1]);
    model->graph->output[1]->name = strdup("dense");
}

static void constant_output(Onnx__ModelProto *model) {
    set_text(&model->graph->output[0]->name, "zeros");
}

static void product_of_two(Onnx__ModelProto *model) {
    set_text(&node_of(model, "dense.product")->input[1], "lstm");
}

static void sum_of_two(Onnx__ModelProto *model) {
    set_text(&node_of(model, "dense")->input[1], "dense.product");
}

static void open_features(Onnx__ModelProto *model) {
    model->graph->input[0]->type->tensor_type->shape->dim[2]->value_case =
        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET;
}

static void activation(Onnx__ModelProto *model) {
    set_text(&node_of(model, "dense")->op_type, "Pow");
}

static void no_recurrent_node(Onnx__ModelProto *model) {
    set_text(&model->graph->output[0]->name, "X");
    for (size_t i = 1; i < model->graph->n_node; i++)
        onnx__node_proto__free_unpacked(model->graph->node[i], NULL);
    model->graph->n_node = 1;
}

static void last_of_backward(Onnx__ModelProto *model) {
    set_integer(model, "starts1", 0, -1);
    set_integer(model, "stops1", 0, INT64_MAX);
}

static void state_of_another(Onnx__ModelProto *model) {
    set_text(&node_of(model, "Y")->input[5], "X");
}

static void state_per_row(Onnx__ModelProto *model) {
    set_float(model, "h", 0, 9.0f);
}

static void whole_state(Onnx__ModelProto *model) {
    tensor_of(model, "h")->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
}

/* Nothing, along an axis that nobody could walk along. */
static void long_and_empty(Onnx__ModelProto *model) {
    static const int64_t dims[] = {INT64_C(1) << 40, 1, 5, 0};
    Onnx__GraphProto *const graph = model->graph;
    Onnx__TensorProto *const tensor = calloc(1, sizeof *tensor);
    graph->initializer =
        realloc(graph->initializer, (graph->n_initializer + 1) * sizeof *graph->initializer);
    assert_non_null(tensor);
    assert_non_null(graph->initializer);
    onnx__tensor_proto__init(tensor);
    tensor->name = strdup("nothing");
    tensor->has_data_type = true;
    tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->n_dims = sizeof dims / sizeof *dims;
    tensor->dims = malloc(sizeof dims);
    assert_non_null(tensor->dims);
    memcpy(tensor->dims, dims, sizeof dims);
    graph->initializer[graph->n_initializer++] = tensor;
    set_text(&node_of(model, "turned")->input[0], "nothing");
}

static void as_it_is(Onnx__ModelProto *model) {
    (void)model;
}

static void some_steps(Onnx__ModelProto *model) {
    set_text(&node_of(model, "some")->input[3], "zeroth");
    set_text(&tensor_of(model, "axis")->name, "zeroth");
    set_integer(model, "zeroth", 0, 0);
}

/* Slice of the first 500 steps, which are all of those that a conversion looks at. */
static void first_500_steps(Onnx__ModelProto *model) {
    some_steps(model);
    set_integer(model, "start", 0, 0);
    set_integer(model, "stop", 0, 500);
}

/* The same of the last 500. */
static void last_500_steps(Onnx__ModelProto *model) {
    some_steps(model);
    set_integer(model, "start", 0, -500);
    set_integer(model, "stop", 0, INT64_MAX);
}

/* Slice from the last step on, by -1. */
static void steps_backwards(Onnx__ModelProto *model) {
    Onnx__NodeProto *const some = node_of(model, "some");
    some_steps(model);
    some->input = realloc(some->input, 5 * sizeof *some->input);
    assert_non_null(some->input);
    some->n_input = 5;
    some->input[4] = strdup("start");
    set_integer(model, "start", 0, -1);
    set_integer(model, "stop", 0, INT64_MIN);
}

/* Moves the node that turns features round behind the last layer. */
static void turn_at_the_end(Onnx__ModelProto *model) {
    Onnx__NodeProto **const nodes = model->graph->node;
    const size_t last = model->graph->n_node - 1;
    size_t at = 0;
    while (strcmp(nodes[at]->output[0], "turned") != 0) at++;
    Onnx__NodeProto *const turned = nodes[at];
    memmove(nodes + at, nodes + at + 1, (last - at) * sizeof *nodes);
    nodes[last] = turned;
    set_text(&node_of(model, "Y1")->input[0], "y0");
    set_text(&turned->input[0], "y1");
    set_text(&model->graph->output[0]->name, "turned");
}

static void feature_twice(Onnx__ModelProto *model) {
    turn_at_the_end(model);
    set_integer(model, "order", 0, 0);
}

static void other_lengths(Onnx__ModelProto *model) {
    set_text(&node_of(model, "Y1")->input[4], "");
}

/* The second layer reads the input, of which it takes a feature twice. */
static void two_readers(Onnx__ModelProto *model) {
    set_text(&node_of(model, "turned")->input[0], "x");
    for (size_t i = 0; i < 5; i++) set_integer(model, "order", i, (int64_t)i % 4);
}

static void wrong_shape(Onnx__ModelProto *model) {
    tensor_of(model, "Y.W")->dims[2] = 5;
    tensor_of(model, "Y.W")->dims[1] = 4;
}

static void beyond_the_axis(Onnx__ModelProto *model) {
    set_integer(model, "order", 0, 5);
}

static void too_large(Onnx__ModelProto *model) {
    set_integer(model, "directions", 0, INT64_C(1) << 40);
}

static void hot_along_steps(Onnx__ModelProto *model) {
    node_of(model, "one_hot")->attribute[0]->i = 0;
}

static void hot_twos(Onnx__ModelProto *model) {
    set_float(model, "one_hot.values", 1, 2.0f);
}

static void mean_over_rows(Onnx__ModelProto *model) {
    set_integer(model, "sum.axes", 0, 1);
}

static void sum_alone(Onnx__ModelProto *model) {
    Onnx__NodeProto *const node = node_of(model, "output");
    set_text(&node->op_type, "Identity");
    free(node->input[--node->n_input]);
}

static void mean_of_two(Onnx__ModelProto *model) {
    set_text(&node_of(model, "output")->input[1], "fill");
}

static void counts_of_some(Onnx__ModelProto *model) {
    set_text(&node_of(model, "counts.flat")->input[1], "positions.by");
}

/* ReLU in place of a scale, before the first layer. */
static void relu_before(Onnx__ModelProto *model) {
    Onnx__NodeProto *const node = node_of(model, "scaled");
    set_text(&node->op_type, "Relu");
    free(node->input[1]);
    node->n_input = 1;
}

static void softmax_of_steps(Onnx__ModelProto *model) {
    node_of(model, "log")->attribute[0]->i = 0;
}

static void statistics(Onnx__ModelProto *model) {
    Onnx__NodeProto *const node = node_of(model, "norm");
    node->output = realloc(node->output, 2 * sizeof *node->output);
    assert_non_null(node->output);
    node->output[1] = strdup("mean");
    node->n_output = 2;
}

static void unknown_activation(Onnx__ModelProto *model) {
    Onnx__AttributeProto *const activations = node_of(model, "Y0")->attribute[2];
    assert_string_equal(activations->name, "activations");
    memcpy(activations->strings[0].data, "HardSwinging", activations->strings[0].len);
}

static void spare_alpha(Onnx__ModelProto *model) {
    set_text(&node_of(model, "Y0")->attribute[0]->name, "clip");
}

static void divides_constant(Onnx__ModelProto *model) {
    char **const inputs = node_of(model, "scaled")->input, *const kept = inputs[0];
    inputs[0] = inputs[1];
    inputs[1] = kept;
}

static void mean_of_features(Onnx__ModelProto *model) {
    node_of(model, "pooled")->attribute[0]->ints[0] = 2;
}

static const struct {
    const char *model;
    void (*spoil)(Onnx__ModelProto *model);
    elman_status status;
    const char *sentence;
} cases[] = {
    {"keras_lstm", unknown_operator, ELMAN_ERR_UNSUPPORTED,
     "node \"dense\" (Sin) is of an operator that no part of a model stands for"},
    {"keras_lstm", activation, ELMAN_ERR_UNSUPPORTED, "node \"dense\" (Pow) is of an operator"},
    {"keras_lstm", unknown_attribute, ELMAN_ERR_UNSUPPORTED,
     "node \"lstm\" (Transpose) has an attribute \"tide\""},
    {"keras_lstm", no_weights, ELMAN_ERR_UNSUPPORTED,
     "node \"Y\" (LSTM) takes W from \"X\", which is no constant"},
    {"keras_lstm", two_outputs, ELMAN_ERR_UNSUPPORTED,
     "output \"dense\" cannot be kept beside \"lstm\""},
    {"keras_lstm", constant_output, ELMAN_ERR_UNSUPPORTED,
     "output \"zeros\" does not depend on the input"},
    {"keras_lstm", product_of_two, ELMAN_ERR_UNSUPPORTED,
     "node \"dense.product\" (MatMul) is kept only as a computed array times a constant matrix"},
    {"keras_lstm", sum_of_two, ELMAN_ERR_UNSUPPORTED,
     "node \"dense\" (Add) computes with two values that both follow from the graph's inputs"},
    {"keras_lstm", open_features, ELMAN_ERR_UNSUPPORTED,
     "input \"input_1\" leaves open how many features it has"},
    {"keras_lstm", no_recurrent_node, ELMAN_ERR_UNSUPPORTED, "holds no RNN, GRU or LSTM"},
    {"keras_lstm", state_of_another, ELMAN_ERR_FORMAT,
     "node \"Y\" (LSTM) has an initial_h that does not fit 1 directions"},
    {"keras_lstm", too_large, ELMAN_ERR_DATA, "the most that is followed"},
    {"ends", last_of_backward, ELMAN_ERR_UNSUPPORTED,
     "output \"dense\" is made of the last step of a layer that runs backwards"},
    {"learned_state", state_per_row, ELMAN_ERR_UNSUPPORTED,
     "node \"Y\" (LSTM) has another constant initial_h for each row"},
    {"learned_state", whole_state, ELMAN_ERR_UNSUPPORTED,
     "node \"Y\" (LSTM) has an initial_h that is neither constant numbers nor an input"},
    {"reverse", long_and_empty, ELMAN_ERR_DATA, "the most that is followed"},
    {"growing", as_it_is, ELMAN_ERR_UNSUPPORTED, "means another network for 32 steps of 3 rows"},
    {"learned_state", some_steps, ELMAN_ERR_UNSUPPORTED,
     "output \"some\" leaves out steps or rows of what it is made of"},
    {"learned_state", first_500_steps, ELMAN_ERR_UNSUPPORTED,
     "takes a part, from 0 to 500, of an open number of steps or rows"},
    {"learned_state", last_500_steps, ELMAN_ERR_UNSUPPORTED,
     "takes a part, from -500 to 9223372036854775807, of an open number of steps or rows"},
    {"learned_state", steps_backwards, ELMAN_ERR_UNSUPPORTED,
     "output \"some\" has the steps or rows in another order, which cannot be kept"},
    {"reverse", feature_twice, ELMAN_ERR_UNSUPPORTED,
     "output \"turned\" has a feature twice, which cannot be kept"},
    {"lengths", other_lengths, ELMAN_ERR_UNSUPPORTED,
     "node \"Y1\" (LSTM) has another sequence_lens than the first recurrent layer"},
    {"doubles", wrong_shape, ELMAN_ERR_FORMAT, "node \"Y\" (RNN) has a W that does not fit"},
    {"reverse", beyond_the_axis, ELMAN_ERR_FORMAT,
     "node \"turned\" (Gather) picks element 5 of an axis of 5"},
    {"folded", relu_before, ELMAN_ERR_UNSUPPORTED,
     "node \"Y0\" (RNN) reads what node \"scaled\" (Relu) makes"},
    {"hard_sigmoid", unknown_activation, ELMAN_ERR_UNSUPPORTED,
     "node \"Y0\" (LSTM) has an activation \"HardSwingin\" that is none of"},
    {"hard_sigmoid", spare_alpha, ELMAN_ERR_FORMAT, "node \"Y0\" (LSTM) has an attribute clip"},
    {"stages_at_steps", softmax_of_steps, ELMAN_ERR_UNSUPPORTED,
     "node \"log\" (LogSoftmax) reads features of different steps"},
    {"stages", statistics, ELMAN_ERR_UNSUPPORTED,
     "node \"norm\" (LayerNormalization) has its mean or deviation as output"},
    {"normalised", divides_constant, ELMAN_ERR_UNSUPPORTED,
     "node \"scaled\" (Div) computes with two values that both follow from the graph's inputs"},
    {"normalised", mean_of_features, ELMAN_ERR_UNSUPPORTED,
     "node \"pooled\" (ReduceMean) is kept over all steps"},
    {"reverse", two_readers, ELMAN_ERR_UNSUPPORTED,
     "node \"Y1\" (RNN) does not read the outputs of the recurrent layer before it"},
    {"ours", hot_along_steps, ELMAN_ERR_UNSUPPORTED,
     "node \"one_hot\" (OneHot) is kept for an input of the graph along the last axis"},
    {"ours", hot_twos, ELMAN_ERR_UNSUPPORTED, "with the values 0 and 1, only"},
    {"ours", mean_over_rows, ELMAN_ERR_UNSUPPORTED,
     "node \"sum\" (ReduceSum) is kept over all steps of a recurrent layer's output"},
    {"ours", sum_alone, ELMAN_ERR_UNSUPPORTED,
     "output \"output\" is not made of what the last recurrent layer puts out"},
    {"ours", mean_of_two, ELMAN_ERR_UNSUPPORTED,
     "node \"output\" (Div) is kept for a sum over all steps by their number only"},
    {"ours", counts_of_some, ELMAN_ERR_UNSUPPORTED,
     "node \"counted\" (Where) chooses element by element"},
};

static void refused(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    write_ours(context);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Onnx__ModelProto *const model = read_model(cases[i].model);
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        cases[i].spoil(model);
        write_model(model);
        onnx__model_proto__free_unpacked(model, NULL);
        const elman_status status =
            elman_conversion_open(context, "spoilt.onnx", NULL, &conversion, &error);
        assert_null(conversion);
        if (status != cases[i].status || !strstr(error.message, cases[i].sentence) ||
            strncmp(error.message, "spoilt.onnx: ", 13) != 0)
            fail_msg("case %zu (%s): status %d, %s", i, cases[i].model, (int)status, error.message);
    }
    elman_context_destroy(context);
}

/* An output whose features are turned round can be kept: as a head that does so. */
static void features_turned_round(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    Onnx__ModelProto *const spoilt = read_model("reverse");
    elman_conversion *conversion = NULL;
    elman_tensor head;
    elman_error error = {0};
    turn_at_the_end(spoilt);
    write_model(spoilt);
    onnx__model_proto__free_unpacked(spoilt, NULL);
    if (elman_conversion_open(context, "spoilt.onnx", NULL, &conversion, &error) ||
        elman_model_find_tensor(elman_conversion_model(conversion), "head.weight", &head, &error))
        fail_msg("%s", error.message);
    assert_int_equal(head.shape[0], head.shape[1]);
    for (size_t i = 0; i < head.count; i++) {
        const size_t row = i / head.shape[1], column = i % head.shape[1];
        assert_true(head.data[i] == (row + column + 1 == head.shape[0] ? 1.0f : 0.0f));
    }
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

/* A graph whose bytes are changed or cut anywhere is converted, or refused with a sentence. */
static void changed_bytes(void **state) {
    (void)state;
    static unsigned char bytes[FILE_MAX];
    elman_context *const context = open_context(NULL, 1);
    FILE *const file = fopen(ONNX_MODELS_FOLDER "reverse_alone.onnx", "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    for (size_t i = 0; i < 2 * size; i++) {
        const size_t at = i % size;
        const unsigned char kept = bytes[at];
        elman_conversion *conversion = NULL;
        elman_error error = {0};
        const elman_convert_options options = {.struct_size = sizeof options,
                                               .from = ELMAN_CONVERT_ONNX};
        if (i < size) bytes[at] ^= (unsigned char)(1u << i % 8);
        FILE *const changed = fopen("changed.onnx", "wb");
        assert_non_null(changed);
        const size_t length = i < size ? size : at;
        assert_int_equal(fwrite(bytes, 1, length, changed), length);
        (void)fclose(changed);
        const elman_status status =
            elman_conversion_open(context, "changed.onnx", &options, &conversion, &error);
        if (status && (error.message[0] == '\0' || status == ELMAN_ERR_MEMORY))
            fail_msg("byte %zu: status %d, %s", at, (int)status, error.message);
        elman_conversion_destroy(conversion);
        bytes[at] = kept;
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(features_turned_round),
        cmocka_unit_test(changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* A build without protobuf-c says so. */
static void left_out(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    assert_int_equal(
        elman_conversion_open(context, ONNX_MODELS_FOLDER "folded.onnx", NULL, &conversion, &error),
        ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "which this build cannot do"));
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
