/* Walks over an ONNX graph and finds out what it means as a network. */
#include "convert/onnx_map.h"

#include <stdint.h>
#include <string.h>

#include "convert/onnx_map_call.h"
#include "convert/onnx_map_output.h"
#include "core/fail.h"
#include "core/size.h"

/* What may be followed beside the file's own tensors, and that in multiples of them. */
enum { BYTES_ALWAYS = 1 << 28, BYTES_RATIO = 8, WORK_RATIO = 2 };

/* What a node of each operator may have. Inputs below `inputs_min` must be there. */
static const struct {
    const char *name;
    MapOperator run;
    size_t inputs_min, inputs_max, outputs_max;
    const char *attributes; /* each between blanks */
} operators[] = {
    {"Add", map_add, 2, 2, 1, " "},
    {"Cast", map_cast, 1, 1, 1, " to saturate "},
    {"Concat", map_concat, 1, SIZE_MAX, 1, " axis "},
    {"Constant", map_constant, 0, 0, 1, " value value_float value_floats value_int value_ints "},
    {"ConstantOfShape", map_constant_of_shape, 1, 1, 1, " value "},
    {"Div", map_div, 2, 2, 1, " "},
    {"Dropout", map_dropout, 1, 3, 2, " ratio seed "},
    {"Expand", map_expand, 2, 2, 1, " "},
    {"GRU", map_gru, 3, 6, 2,
     " activation_alpha activation_beta activations clip direction hidden_size layout "
     "linear_before_reset "},
    {"Gather", map_gather, 2, 2, 1, " axis "},
    {"Gemm", map_gemm, 2, 3, 1, " alpha beta transA transB "},
    {"Identity", map_identity, 1, 1, 1, " "},
    {"LSTM", map_lstm, 3, 8, 3,
     " activation_alpha activation_beta activations clip direction hidden_size input_forget "
     "layout "},
    {"Less", map_less, 2, 2, 1, " "},
    {"LayerNormalization", map_layer_normalization, 2, 3, 3, " axis epsilon stash_type "},
    {"LogSoftmax", map_log_softmax, 1, 1, 1, " axis "},
    {"MatMul", map_matmul, 2, 2, 1, " "},
    {"Min", map_min, 1, SIZE_MAX, 1, " "},
    {"Mul", map_mul, 2, 2, 1, " "},
    {"OneHot", map_one_hot, 3, 3, 1, " axis "},
    {"RNN", map_rnn, 3, 6, 2,
     " activation_alpha activation_beta activations clip direction hidden_size layout "},
    {"Range", map_range, 3, 3, 1, " "},
    {"ReduceMax", map_reduce_max, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"ReduceMean", map_reduce_mean, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"ReduceSum", map_reduce_sum, 1, 2, 1, " axes keepdims noop_with_empty_axes "},
    {"Relu", map_relu, 1, 1, 1, " "},
    {"Reshape", map_reshape, 2, 2, 1, " allowzero "},
    {"Shape", map_shape, 1, 1, 1, " start end "},
    {"Sigmoid", map_sigmoid, 1, 1, 1, " "},
    {"Slice", map_slice, 1, 5, 1, " axes ends starts "},
    {"Softmax", map_softmax, 1, 1, 1, " axis "},
    {"Split", map_split, 1, 2, SIZE_MAX, " axis num_outputs split "},
    {"Squeeze", map_squeeze, 1, 2, 1, " axes "},
    {"Sub", map_sub, 2, 2, 1, " "},
    {"Tanh", map_tanh, 1, 1, 1, " "},
    {"Transpose", map_transpose, 1, 1, 1, " perm "},
    {"Unsqueeze", map_unsqueeze, 1, 2, 1, " axes "},
    {"Where", map_where, 3, 3, 1, " "},
};

static bool is_listed(const char *list, const char *name) {
    const size_t length = strlen(name);
    if (length == 0 || strchr(name, ' ')) return false;
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if (at[-1] == ' ' && at[length] == ' ') return true;
    return false;
}

/* Many nodes may read one large value: that costs time even where it costs no memory. */
static elman_status count_work(const MapCall *call) {
    OnnxMap *const map = call->map;
    for (size_t i = 0; i < call->node->input_count; i++) {
        const MapValue *const input = map_input(call, i);
        if (input && !size_add(map->work, input->count, &map->work)) map->work = SIZE_MAX;
    }
    if (map->work / WORK_RATIO <= map->bytes_max) return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_DATA,
                      "is one of too many that read large values: together more than %zu elements",
                      map->bytes_max * WORK_RATIO);
}

static elman_status run_node(MapCall *call) {
    const OnnxNode *const node = call->node;
    size_t k = 0;
    while (k < sizeof operators / sizeof *operators &&
           strcmp(operators[k].name, node->op_type) != 0)
        k++;
    if (k == sizeof operators / sizeof *operators)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "is of an operator that no part of a model stands for");
    if (node->input_count > operators[k].inputs_max ||
        node->output_count > operators[k].outputs_max || node->output_count == 0)
        return map_refuse(call, ELMAN_ERR_FORMAT,
                          "has other numbers of inputs or outputs than the operator");
    for (size_t i = 0; i < operators[k].inputs_min; i++)
        if (!map_input(call, i))
            return map_refuse(call, ELMAN_ERR_FORMAT, "lacks input %zu of the operator", i + 1);
    for (size_t i = 0; i < node->attribute_count; i++)
        if (!is_listed(operators[k].attributes, node->attributes[i].name))
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "has an attribute \"%.60s\", which cannot be kept",
                              node->attributes[i].name);
    const elman_status status = count_work(call);
    return status ? status : operators[k].run(call);
}

/* ---- What is there before the first node ---- */

static elman_status load_constant(OnnxMap *map, const OnnxValue *constant, MapValue *value) {
    const OnnxTensor *const tensor = constant->initialiser;
    const bool is_real = tensor->type == ONNX_FLOAT || tensor->type == ONNX_DOUBLE;
    void *block;
    *value = (MapValue){
        .content = is_real ? MAP_NUMBERS : MAP_INTEGERS,
        .type = tensor->type,
        .rank = tensor->rank,
        .elements = tensor->elements,
        .source = constant->name,
    };
    memcpy(value->shape, tensor->shape, sizeof value->shape);
    const bool is_ours = tensor->type == ONNX_FLOAT || tensor->type == ONNX_INT64;
    elman_status status =
        map_count(map, value->rank, value->shape, map_element_size(value), &value->count);
    if (status || (is_ours && tensor->elements)) return status;
    status = map_block(map, value->count, map_element_size(value), &block);
    if (status) return status;
    value->elements = block;
    if (is_ours)
        memcpy(block, tensor->bytes, value->count * map_element_size(value));
    else
        for (size_t i = 0; i < value->count; i++)
            if (is_real)
                ((float *)block)[i] = (float)onnx_number(tensor, i);
            else
                ((int64_t *)block)[i] = onnx_integer(tensor, i);
    return ELMAN_OK;
}

/* The sizes of an input's positions and features: [first][second][features], 1 where its array has
 * no such axis. Numbers have their features along the last axis, whole numbers only in three. */
typedef struct InputShape {
    size_t sizes[3], axes[3]; /* axes: ONNX_RANK_MAX where there is none */
    bool is_open[3];
} InputShape;

static InputShape shape_of(const OnnxMap *map, const OnnxPort *port) {
    const bool is_real = port->type == ONNX_FLOAT || port->type == ONNX_DOUBLE;
    const bool has_features = port->rank > 0 && (is_real || port->rank == 3);
    const size_t positions = port->rank - has_features;
    InputShape shape = {.sizes = {1, 1, 1}};
    for (size_t i = 0; i < 3; i++) shape.axes[i] = ONNX_RANK_MAX;
    for (size_t axis = 0; axis < port->rank; axis++) {
        const size_t i = axis < positions ? axis : 2;
        const bool is_time = (size_t)(port - map->model->inputs) == map->primary &&
                             (map->batch_first ? i == 1 : i == 0);
        shape.axes[i] = axis;
        shape.is_open[i] = port->shape[axis] < 0;
        shape.sizes[i] = !shape.is_open[i] ? (size_t)port->shape[axis]
                         : is_time         ? map->open_steps
                                           : map->open_rows;
    }
    return shape;
}

bool map_has_open_sizes(const OnnxMap *map) {
    const InputShape shape = shape_of(map, &map->model->inputs[map->primary]);
    return shape.is_open[0] || shape.is_open[1];
}

static elman_status load_input(OnnxMap *map, size_t index) {
    const OnnxPort *const port = &map->model->inputs[index];
    const char *const name = map->model->values[port->value].name;
    const bool is_real = port->type == ONNX_FLOAT || port->type == ONNX_DOUBLE;
    MapValue *const value = &map->values[port->value];
    void *block;
    uint32_t base;
    if (!port->has_type || !port->has_shape || port->rank > 3)
        return fail(map->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: input \"%.100s\" is not said to have a type and at most 3 dimensions",
                    map->model->path, name);
    const InputShape shape = shape_of(map, port);
    if (shape.is_open[2])
        return fail(map->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: input \"%.100s\" leaves open how many features it has", map->model->path,
                    name);
    size_t count;
    elman_status status = map_count(map, 3, shape.sizes, sizeof(MapReference), &count);
    if (!status) status = map_block(map, count, sizeof(MapReference), &block);
    if (status) return status;
    *value = (MapValue){.content = MAP_REFERENCES,
                        .type = port->type,
                        .rank = port->rank,
                        .count = count,
                        .elements = block};
    for (size_t i = 0; i < 3; i++)
        if (shape.axes[i] != ONNX_RANK_MAX) value->shape[shape.axes[i]] = shape.sizes[i];
    const MapBase made = {.kind = MAP_INPUT,
                          .width = shape.sizes[2],
                          .is_whole = !is_real,
                          .input = (uint32_t)index,
                          .strides = {shape.sizes[1] * shape.sizes[2], shape.sizes[2], 1}};
    if ((status = map_add_base(map, &made, &base))) return status;
    MapReference *to = block;
    for (size_t i = 0; i < shape.sizes[0]; i++)
        for (size_t k = 0; k < shape.sizes[1]; k++)
            for (size_t f = 0; f < shape.sizes[2]; f++)
                *to++ = (MapReference){base, (uint32_t)i, (uint32_t)k, (uint32_t)f};
    return ELMAN_OK;
}

static elman_status load(OnnxMap *map) {
    const OnnxModel *const model = map->model;
    elman_status status = ELMAN_OK;
    map->values = memory_allocate_array(map->memory, model->value_count + 1, sizeof *map->values);
    if (!map->values) return map_no_memory(map);
    for (size_t i = 0; i < model->value_count && !status; i++)
        if (model->values[i].initialiser)
            status = load_constant(map, &model->values[i], &map->values[i]);
    for (size_t i = 0; i < model->input_count && !status; i++) status = load_input(map, i);
    return status;
}

/* ---- The walk ---- */

static elman_status walk(OnnxMap *map) {
    const OnnxModel *const model = map->model;
    MapCall call = {.map = map};
    elman_status status = load(map);
    for (size_t i = 0; i < model->node_count && !status; i++) {
        call.node = &model->nodes[i];
        status = run_node(&call);
    }
    if (!status) status = onnx_map_read_outputs(map);
    if (status) return status;
    const InputShape shape = shape_of(map, &model->inputs[map->primary]);
    const size_t time = map->batch_first ? 1 : 0;
    map->fixed_steps = !shape.is_open[time];
    map->fixed_rows = !shape.is_open[1 - time];
    return ELMAN_OK;
}

size_t onnx_map_bytes(const OnnxModel *model) {
    size_t bytes = 0;
    for (size_t i = 0; i < model->value_count; i++)
        if (model->values[i].initialiser)
            bytes += model->values[i].initialiser->count *
                     onnx_type_size(model->values[i].initialiser->type);
    return BYTES_ALWAYS + BYTES_RATIO * bytes;
}

static void release(OnnxMap *map) {
    Memory *const memory = map->memory;
    for (size_t i = 0; i < map->block_count; i++) memory_release(memory, map->blocks[i]);
    memory_release(memory, map->outputs);
    memory_release(memory, map->blocks);
    memory_release(memory, map->layers);
    memory_release(memory, map->bases);
    memory_release(memory, map->values);
}

elman_status onnx_map_create(Memory *memory, const OnnxModel *model, size_t steps, size_t rows,
                             size_t bytes_max, OnnxMap **result, elman_error *error) {
    *result = NULL;
    OnnxMap *const map = memory_allocate(memory, sizeof *map);
    if (!map) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", model->path);
    OnnxMap start = {.memory = memory,
                     .model = model,
                     .error = error,
                     .open_steps = steps,
                     .open_rows = rows,
                     .bytes_max = bytes_max};
    elman_status status;
    /* Once to see which input the layers read, once to see its axes, once in earnest. */
    for (int attempt = 0; attempt < 3; attempt++) {
        *map = start;
        status = walk(map);
        if (!map->was_wrong || attempt == 2) break;
        start.primary = map->primary;
        start.batch_first = map->batch_first;
        release(map);
    }
    if (status)
        onnx_map_destroy(map);
    else
        *result = map;
    return status;
}

void onnx_map_destroy(OnnxMap *map) {
    if (!map) return;
    release(map);
    memory_release(map->memory, map);
}
