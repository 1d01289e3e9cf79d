/* Walks over an ONNX graph and evaluates it. */
#include "convert/oracle_onnx.h"

#include <stdint.h>
#include <string.h>

#include "convert/oracle_onnx_call.h"
#include "core/fail.h"

/* What a node of each operator may have. Inputs below `inputs_min` must be there. */
static const struct {
    const char *name;
    OracleOperator run;
    size_t inputs_min, inputs_max, outputs_max;
    const char *attributes; /* each between blanks */
} operators[] = {
    {"Add", oracle_add, 2, 2, 1, " "},
    {"Cast", oracle_cast, 1, 1, 1, " to saturate "},
    {"Concat", oracle_concat, 1, SIZE_MAX, 1, " axis "},
    {"Constant", oracle_constant, 0, 0, 1, " value value_float value_floats value_int value_ints "},
    {"ConstantOfShape", oracle_constant_of_shape, 1, 1, 1, " value "},
    {"Div", oracle_div, 2, 2, 1, " "},
    {"Dropout", oracle_dropout, 1, 3, 2, " ratio seed "},
    {"Expand", oracle_expand, 2, 2, 1, " "},
    {"GRU", oracle_gru, 3, 6, 2,
     " activation_alpha activation_beta activations clip direction hidden_size layout "
     "linear_before_reset "},
    {"Gather", oracle_gather, 2, 2, 1, " axis "},
    {"Gemm", oracle_gemm, 2, 3, 1, " alpha beta transA transB "},
    {"Identity", oracle_identity, 1, 1, 1, " "},
    {"LSTM", oracle_lstm, 3, 8, 3,
     " activation_alpha activation_beta activations clip direction hidden_size input_forget "
     "layout "},
    {"LayerNormalization", oracle_layer_normalization, 2, 3, 3, " axis epsilon stash_type "},
    {"Less", oracle_less, 2, 2, 1, " "},
    {"LogSoftmax", oracle_log_softmax, 1, 1, 1, " axis "},
    {"MatMul", oracle_matmul, 2, 2, 1, " "},
    {"Min", oracle_min, 1, SIZE_MAX, 1, " "},
    {"Mul", oracle_mul, 2, 2, 1, " "},
    {"OneHot", oracle_one_hot, 3, 3, 1, " axis "},
    {"RNN", oracle_rnn, 3, 6, 2,
     " activation_alpha activation_beta activations clip direction hidden_size layout "},
    {"Range", oracle_range, 3, 3, 1, " "},
    {"ReduceMax", oracle_reduce_max, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"ReduceMean", oracle_reduce_mean, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"ReduceSum", oracle_reduce_sum, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"Relu", oracle_relu, 1, 1, 1, " "},
    {"Reshape", oracle_reshape, 2, 2, 1, " allowzero "},
    {"Shape", oracle_shape, 1, 1, 1, " start end "},
    {"Sigmoid", oracle_sigmoid, 1, 1, 1, " "},
    {"Slice", oracle_slice, 1, 5, 1, " axes ends starts "},
    {"Softmax", oracle_softmax, 1, 1, 1, " axis "},
    {"Split", oracle_split, 1, 2, SIZE_MAX, " axis num_outputs split "},
    {"Squeeze", oracle_squeeze, 1, 2, 1, " axes "},
    {"Sub", oracle_sub, 2, 2, 1, " "},
    {"Tanh", oracle_tanh, 1, 1, 1, " "},
    {"Transpose", oracle_transpose, 1, 1, 1, " perm "},
    {"Unsqueeze", oracle_unsqueeze, 1, 2, 1, " axes "},
    {"Where", oracle_where, 3, 3, 1, " "},
};

static bool is_listed(const char *list, const char *name) {
    const size_t length = strlen(name);
    if (length == 0 || strchr(name, ' ')) return false;
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if (at[-1] == ' ' && at[length] == ' ') return true;
    return false;
}

static elman_status run_node(OracleCall *call) {
    const OnnxNode *const node = call->node;
    size_t k = 0;
    while (k < sizeof operators / sizeof *operators &&
           strcmp(operators[k].name, node->op_type) != 0)
        k++;
    if (k == sizeof operators / sizeof *operators)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "the operator is not known");
    if (node->input_count > operators[k].inputs_max ||
        node->output_count > operators[k].outputs_max)
        return oracle_refuse(call, ELMAN_ERR_FORMAT,
                             "has more inputs or outputs than the operator");
    for (size_t i = 0; i < operators[k].inputs_min; i++)
        if (!oracle_input(call, i))
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "lacks input %zu of the operator", i + 1);
    for (size_t i = 0; i < node->attribute_count; i++)
        if (!is_listed(operators[k].attributes, node->attributes[i].name))
            return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "the attribute \"%s\" is not known",
                                 node->attributes[i].name);
    return operators[k].run(call);
}

static elman_status load(OracleOnnx *oracle, const OnnxTensor *tensor, OracleArray *array) {
    const elman_status status =
        oracle_array_make(oracle, array, tensor->type, tensor->rank, tensor->shape);
    if (status) return status;
    for (size_t i = 0; i < array->count; i++)
        if (array->numbers)
            array->numbers[i] = onnx_number(tensor, i);
        else
            array->integers[i] = onnx_integer(tensor, i);
    return ELMAN_OK;
}

static elman_status load_all(OracleOnnx *oracle) {
    const OnnxModel *const model = oracle->model;
    const size_t count = model->value_count + ORACLE_SPARE;
    oracle->values = memory_allocate_array(oracle->memory, count, sizeof *oracle->values);
    oracle->is_known = memory_allocate_array(oracle->memory, count, sizeof *oracle->is_known);
    if (!oracle->values || !oracle->is_known)
        return fail(oracle->error, ELMAN_ERR_MEMORY, "%s: no memory to evaluate %zu values",
                    model->path, model->value_count);
    for (size_t i = 0; i < model->value_count; i++) {
        if (!model->values[i].initialiser) continue;
        const elman_status status = load(oracle, model->values[i].initialiser, &oracle->values[i]);
        if (status) return status;
        oracle->is_known[i] = true;
    }
    return ELMAN_OK;
}

elman_status oracle_onnx_create(Memory *memory, const OnnxModel *model, size_t elements_max,
                                OracleOnnx **result, elman_error *error) {
    *result = NULL;
    OracleOnnx *const oracle = memory_allocate(memory, sizeof *oracle);
    if (!oracle)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to evaluate the model", model->path);
    *oracle = (OracleOnnx){
        .memory = memory, .model = model, .elements_max = elements_max, .error = error};
    const elman_status status = load_all(oracle);
    if (status)
        oracle_onnx_destroy(oracle);
    else
        *result = oracle;
    return status;
}

void oracle_onnx_destroy(OracleOnnx *oracle) {
    if (!oracle) return;
    for (size_t i = 0; oracle->values && i < oracle->model->value_count + ORACLE_SPARE; i++) {
        memory_release(oracle->memory, oracle->values[i].numbers);
        memory_release(oracle->memory, oracle->values[i].integers);
    }
    memory_release(oracle->memory, oracle->values);
    memory_release(oracle->memory, oracle->is_known);
    memory_release(oracle->memory, oracle);
}

static bool is_of_shape(const OnnxPort *port, const OracleArray *array) {
    if (!port->has_shape) return true;
    if (port->rank != array->rank) return false;
    for (size_t i = 0; i < port->rank; i++)
        if (port->shape[i] >= 0 && (uint64_t)port->shape[i] != array->shape[i]) return false;
    return true;
}

static elman_status feed(OracleOnnx *oracle, const OnnxPort *port, const OracleArray *array,
                         elman_error *error) {
    OracleArray *const value = &oracle->values[port->value];
    oracle->error = error;
    if ((port->has_type && port->type != array->type) || !is_of_shape(port, array))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "%s: what is given as input \"%s\" has not its type and shape",
                    oracle->model->path, oracle->model->values[port->value].name);
    const elman_status status =
        oracle_array_make(oracle, value, array->type, array->rank, array->shape);
    if (status) return status;
    for (size_t i = 0; i < value->count; i++) oracle_copy(value, i, array, i);
    oracle->is_known[port->value] = true;
    return ELMAN_OK;
}

elman_status oracle_onnx_feed(OracleOnnx *oracle, size_t index, const OracleArray *array,
                              elman_error *error) {
    return feed(oracle, &oracle->model->inputs[index], array, error);
}

elman_status oracle_onnx_feed_optional(OracleOnnx *oracle, size_t index, const OracleArray *array,
                                       elman_error *error) {
    return feed(oracle, &oracle->model->optionals[index], array, error);
}

elman_status oracle_onnx_run(OracleOnnx *oracle, elman_error *error) {
    const OnnxModel *const model = oracle->model;
    OracleCall call = {.oracle = oracle, .opset = model->opset};
    oracle->error = error;
    for (size_t i = 0; i < model->input_count; i++)
        if (!oracle->is_known[model->inputs[i].value])
            return fail(error, ELMAN_ERR_MISMATCH, "%s: nothing is given as input \"%s\"",
                        model->path, model->values[model->inputs[i].value].name);
    for (size_t i = 0; i < model->node_count; i++) {
        call.node = &model->nodes[i];
        const elman_status status = run_node(&call);
        if (status) return status;
    }
    return ELMAN_OK;
}

const OracleArray *oracle_onnx_value(const OracleOnnx *oracle, uint32_t index) {
    return &oracle->values[index];
}
