/* The nodes of an ONNX graph and their attributes. */
#include <stddef.h>
#include <string.h>

#include "core/fail.h"
#include "formats/onnx_read.h"

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

/* A node and one of its attributes, for messages. */
typedef struct NodePlace {
    OnnxReader *reader;
    const OnnxNode *node;
    const char *attribute;
} NodePlace;

static elman_status refuse(const NodePlace *place, elman_status status, const char *why) {
    return fail(place->reader->error, status, "%s: node \"%s\" (%s): attribute \"%s\" %s",
                place->reader->model.path, place->node->name, place->node->op_type,
                place->attribute, why);
}

/* Bytes as a text with a zero behind it. */
static elman_status read_text(const NodePlace *place, ProtobufCBinaryData from, const char **text) {
    if (from.len > 0 && memchr(from.data, 0, from.len))
        return refuse(place, ELMAN_ERR_FORMAT, "holds a zero byte");
    char *const copy = onnx_reader_take(place->reader, from.len + 1, 1);
    if (!copy) return onnx_reader_no_memory(place->reader);
    if (from.len > 0) memcpy(copy, from.data, from.len);
    *text = copy;
    return ELMAN_OK;
}

static elman_status read_strings(const NodePlace *place, const ProtobufCBinaryData *from,
                                 size_t count, OnnxAttribute *attribute) {
    const char **const strings = onnx_reader_take(place->reader, count, sizeof *strings);
    if (!strings) return onnx_reader_no_memory(place->reader);
    attribute->type = ONNX_ATTRIBUTE_STRINGS;
    attribute->count = count;
    attribute->strings = strings;
    for (size_t i = 0; i < count; i++) {
        const elman_status status = read_text(place, from[i], &strings[i]);
        if (status) return status;
    }
    return ELMAN_OK;
}

static elman_status read_tensor(const NodePlace *place, const Onnx__AttributeProto *from,
                                OnnxAttribute *attribute) {
    OnnxReader *const reader = place->reader;
    if (!from->t) return refuse(place, ELMAN_ERR_FORMAT, "is said to be a tensor and holds none");
    OnnxTensor *const tensor = onnx_reader_take(reader, 1, sizeof *tensor);
    if (!tensor) return onnx_reader_no_memory(reader);
    attribute->type = ONNX_ATTRIBUTE_TENSOR;
    attribute->count = 1;
    attribute->tensor = tensor;
    return onnx_tensor_read(reader, "the tensor in node", from->t, place->node->name, tensor);
}

static elman_status read_attribute(const NodePlace *place, const Onnx__AttributeProto *from,
                                   OnnxAttribute *attribute) {
    *attribute = (OnnxAttribute){.name = place->attribute, .count = 1};
    if (from->ref_attr_name && from->ref_attr_name[0])
        return refuse(place, ELMAN_ERR_UNSUPPORTED, "is that of a function");
    switch (from->type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        attribute->type = ONNX_ATTRIBUTE_FLOATS;
        attribute->floats = &from->f;
        return ELMAN_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        attribute->type = ONNX_ATTRIBUTE_FLOATS;
        attribute->is_list = true;
        attribute->count = from->n_floats;
        attribute->floats = from->floats;
        return ELMAN_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        attribute->type = ONNX_ATTRIBUTE_INTS;
        attribute->ints = &from->i;
        return ELMAN_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        attribute->type = ONNX_ATTRIBUTE_INTS;
        attribute->is_list = true;
        attribute->count = from->n_ints;
        attribute->ints = from->ints;
        return ELMAN_OK;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        return read_strings(place, &from->s, 1, attribute);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        attribute->is_list = true;
        return read_strings(place, from->strings, from->n_strings, attribute);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        return read_tensor(place, from, attribute);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED:
        return refuse(place, ELMAN_ERR_FORMAT, "does not say of which type it is");
    default:
        attribute->type = ONNX_ATTRIBUTE_OTHER;
        return ELMAN_OK;
    }
}

static elman_status read_attributes(OnnxReader *reader, const Onnx__NodeProto *from,
                                    OnnxNode *node) {
    NodePlace place = {reader, node, ""};
    if (from->n_attribute > ONNX_ATTRIBUTES_MAX)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s: node \"%s\" (%s): has %zu attributes, expected at most %d",
                    reader->model.path, node->name, node->op_type, from->n_attribute,
                    ONNX_ATTRIBUTES_MAX);
    OnnxAttribute *const attributes =
        onnx_reader_take(reader, from->n_attribute, sizeof *attributes);
    if (!attributes) return onnx_reader_no_memory(reader);
    node->attributes = attributes;
    for (size_t i = 0; i < from->n_attribute; i++) {
        place.attribute = text_or_empty(from->attribute[i]->name);
        if (onnx_attribute(node, place.attribute))
            return refuse(&place, ELMAN_ERR_FORMAT, "is given twice");
        const elman_status status = read_attribute(&place, from->attribute[i], &attributes[i]);
        if (status) return status;
        node->attribute_count++;
    }
    return ELMAN_OK;
}

/* What a message calls a node. */
static const char *node_name(const Onnx__NodeProto *from) {
    if (from->name && from->name[0]) return from->name;
    return from->n_output > 0 ? text_or_empty(from->output[0]) : "";
}

elman_status onnx_nodes_read(OnnxReader *reader, const Onnx__GraphProto *from, OnnxNode *nodes) {
    for (size_t i = 0; i < from->n_node; i++) {
        OnnxNode *const node = &nodes[i];
        const char *const domain = text_or_empty(from->node[i]->domain);
        *node = (OnnxNode){.name = node_name(from->node[i]),
                           .op_type = text_or_empty(from->node[i]->op_type),
                           .input_count = from->node[i]->n_input,
                           .output_count = from->node[i]->n_output};
        if (strcmp(domain, "") != 0 && strcmp(domain, "ai.onnx") != 0)
            return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: node \"%s\": the operator %s is of the domain %s, expected one of "
                        "ONNX's own",
                        reader->model.path, node->name, node->op_type, domain);
        const elman_status status = read_attributes(reader, from->node[i], node);
        if (status) return status;
    }
    return ELMAN_OK;
}
