/* The names of an ONNX graph: each gets an index, and is made once, before it is read. */
#include <string.h>

#include "core/fail.h"
#include "formats/onnx_read.h"
#include "formats/order.h"

/* All places where the graph names a value, in this order: inputs, initialisers, each node's inputs
 * and outputs, outputs. */
typedef struct Names {
    OnnxReader *reader;
    const Onnx__GraphProto *from;
    const char **names; /* [count] */
    uint32_t *indices;  /* [count]: of values; ONNX_NONE for an empty name */
    size_t count;
    OnnxValue *values;
    bool *made; /* [values] */
} Names;

static int compare_names(const void *elements, uint32_t a, uint32_t b) {
    const char *const *const names = elements;
    return strcmp(names[a], names[b]);
}

static void add_name(Names *names, const char *name) {
    names->names[names->count++] = name ? name : "";
}

static elman_status collect(Names *names) {
    const Onnx__GraphProto *const from = names->from;
    size_t count = from->n_input + from->n_initializer + from->n_output;
    for (size_t i = 0; i < from->n_node; i++)
        count += from->node[i]->n_input + from->node[i]->n_output;
    names->names = onnx_reader_take(names->reader, count, sizeof *names->names);
    names->indices = onnx_reader_take(names->reader, count, sizeof *names->indices);
    if (!names->names || !names->indices) return onnx_reader_no_memory(names->reader);
    for (size_t i = 0; i < from->n_input; i++) add_name(names, from->input[i]->name);
    for (size_t i = 0; i < from->n_initializer; i++) add_name(names, from->initializer[i]->name);
    for (size_t i = 0; i < from->n_node; i++) {
        const Onnx__NodeProto *const node = from->node[i];
        for (size_t k = 0; k < node->n_input; k++) add_name(names, node->input[k]);
        for (size_t k = 0; k < node->n_output; k++) add_name(names, node->output[k]);
    }
    for (size_t i = 0; i < from->n_output; i++) add_name(names, from->output[i]->name);
    return ELMAN_OK;
}

/* Gives equal names equal indices. */
static elman_status number(Names *names) {
    OnnxReader *const reader = names->reader;
    uint32_t *const order = onnx_reader_take(reader, names->count, sizeof *order);
    names->values = onnx_reader_take(reader, names->count, sizeof *names->values);
    names->made = onnx_reader_take(reader, names->count, sizeof *names->made);
    if (!order || !names->values || !names->made) return onnx_reader_no_memory(reader);
    order_sort(order, names->count, compare_names, names->names);
    uint32_t last = ONNX_NONE, count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *const name = names->names[order[i]];
        if (name[0] == '\0') {
            names->indices[order[i]] = ONNX_NONE;
            continue;
        }
        if (last == ONNX_NONE || strcmp(names->values[last].name, name) != 0) {
            last = count++;
            names->values[last].name = name;
        }
        names->indices[order[i]] = last;
    }
    reader->model.values = names->values;
    reader->model.value_count = count;
    return ELMAN_OK;
}

/* Marks a value as made. */
static elman_status make(Names *names, uint32_t value) {
    OnnxReader *const reader = names->reader;
    if (value == ONNX_NONE)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s: an input, an output or an initialiser has no name", reader->model.path);
    if (names->made[value])
        return fail(reader->error, ELMAN_ERR_FORMAT, "%s: the value \"%s\" is made twice",
                    reader->model.path, names->values[value].name);
    names->made[value] = true;
    return ELMAN_OK;
}

static elman_status read_port(Names *names, const Onnx__ValueInfoProto *from, uint32_t value,
                              OnnxPort *port) {
    OnnxReader *const reader = names->reader;
    const Onnx__TypeProto *const type = from->type;
    *port = (OnnxPort){.value = value};
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) return ELMAN_OK;
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !onnx_type_of(type->tensor_type->elem_type, &port->type))
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: the input or output \"%s\" is no tensor of float, double, int32, int64 "
                    "or bool",
                    reader->model.path, names->values[value].name);
    port->has_type = true;
    const Onnx__TensorShapeProto *const shape = type->tensor_type->shape;
    if (!shape) return ELMAN_OK;
    if (shape->n_dim > ONNX_RANK_MAX)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: the input or output \"%s\" has more than %d dimensions",
                    reader->model.path, names->values[value].name, ONNX_RANK_MAX);
    port->has_shape = true;
    port->rank = shape->n_dim;
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *const dim = shape->dim[i];
        const bool is_known =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        port->shape[i] = is_known && dim->dim_value >= 0 ? dim->dim_value : -1;
    }
    return ELMAN_OK;
}

/* Initialisers, and the inputs that have none. */
static elman_status read_starts(Names *names) {
    OnnxReader *const reader = names->reader;
    const Onnx__GraphProto *const from = names->from;
    const uint32_t *const inputs = names->indices;
    elman_status status;
    OnnxPort *const ports = onnx_reader_take(reader, from->n_input, sizeof *ports);
    OnnxPort *const optionals = onnx_reader_take(reader, from->n_input, sizeof *optionals);
    OnnxTensor *const tensors = onnx_reader_take(reader, from->n_initializer, sizeof *tensors);
    if (!ports || !optionals || !tensors) return onnx_reader_no_memory(reader);
    for (size_t i = 0; i < from->n_initializer; i++) {
        const uint32_t value = inputs[from->n_input + i];
        if ((status = make(names, value))) return status;
        status = onnx_tensor_read(reader, "initialiser", from->initializer[i],
                                  names->values[value].name, &tensors[i]);
        if (status) return status;
        names->values[value].initialiser = &tensors[i];
    }
    reader->model.inputs = ports;
    reader->model.optionals = optionals;
    for (size_t i = 0; i < from->n_input; i++) {
        /* Early models list all initialisers as inputs too. */
        const bool has_value = inputs[i] != ONNX_NONE && names->values[inputs[i]].initialiser;
        OnnxPort *const port = has_value ? &optionals[reader->model.optional_count++]
                                         : &ports[reader->model.input_count++];
        if (!has_value && (status = make(names, inputs[i]))) return status;
        if ((status = read_port(names, from->input[i], inputs[i], port))) return status;
    }
    return ELMAN_OK;
}

/* Walks over the nodes in their order; `indices` are those of the first one's inputs. */
static elman_status read_order(Names *names, const uint32_t **indices, OnnxNode *nodes) {
    OnnxReader *const reader = names->reader;
    for (size_t i = 0; i < reader->model.node_count; i++) {
        OnnxNode *const node = &nodes[i];
        node->inputs = *indices;
        node->outputs = node->inputs + node->input_count;
        *indices = node->outputs + node->output_count;
        for (size_t k = 0; k < node->input_count; k++)
            if (node->inputs[k] != ONNX_NONE && !names->made[node->inputs[k]])
                return fail(reader->error, ELMAN_ERR_FORMAT,
                            "%s: node \"%s\" (%s) reads \"%s\", which nothing before it makes",
                            reader->model.path, node->name, node->op_type,
                            names->values[node->inputs[k]].name);
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] == ONNX_NONE) continue;
            const elman_status status = make(names, node->outputs[k]);
            if (status) return status;
        }
    }
    return ELMAN_OK;
}

static elman_status read_outputs(Names *names, const uint32_t *indices) {
    OnnxReader *const reader = names->reader;
    const Onnx__GraphProto *const from = names->from;
    OnnxPort *const ports = onnx_reader_take(reader, from->n_output, sizeof *ports);
    if (!ports) return onnx_reader_no_memory(reader);
    reader->model.outputs = ports;
    reader->model.output_count = from->n_output;
    for (size_t i = 0; i < from->n_output; i++) {
        if (indices[i] == ONNX_NONE || !names->made[indices[i]])
            return fail(reader->error, ELMAN_ERR_FORMAT,
                        "%s: nothing makes the graph's output \"%s\"", reader->model.path,
                        from->output[i]->name ? from->output[i]->name : "");
        const elman_status status = read_port(names, from->output[i], indices[i], &ports[i]);
        if (status) return status;
    }
    return ELMAN_OK;
}

elman_status onnx_values_read(OnnxReader *reader, const Onnx__GraphProto *from, OnnxNode *nodes) {
    Names names = {.reader = reader, .from = from};
    elman_status status = collect(&names);
    if (status) return status;
    if ((status = number(&names))) return status;
    if ((status = read_starts(&names))) return status;
    const uint32_t *indices = names.indices + from->n_input + from->n_initializer;
    status = read_order(&names, &indices, nodes);
    return status ? status : read_outputs(&names, indices);
}
