/* Writes ONNX models as protobuf's wire format: fields of a number, and messages in messages, each
 * with its length before it.
 *
 * Encoding: https://protobuf.dev/programming-guides/encoding/; numbers of the fields: onnx.proto.
 */
#include "formats/onnx_write.h"

#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include <elman/version.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX's raw data is little-endian: this machine needs bytes swapped"
#endif

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2, WIRE_32BIT = 5, VARINT_MAX = 10 };

/* The fields that are written, by message. */
enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    OPSET_DOMAIN = 1,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_F = 2,
    ATTRIBUTE_I = 3,
    ATTRIBUTE_S = 4,
    ATTRIBUTE_FLOATS = 7,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_STRINGS = 9,
    ATTRIBUTE_TYPE = 20,
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW_DATA = 9,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    VALUE_DOC_STRING = 3,
    TYPE_TENSOR = 1,
    TENSOR_TYPE_ELEM = 1,
    TENSOR_TYPE_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_PARAM = 2
};

/* ---- Bytes ---- */

static void put(OnnxWriter *writer, const void *bytes, size_t size) {
    if (writer->no_memory || writer->is_over || size == 0) return;
    if (size > ONNX_BYTES_MAX - writer->size) {
        writer->is_over = true;
        return;
    }
    unsigned char *const grown =
        memory_grow(writer->memory, writer->bytes, writer->size, size, &writer->capacity, 1);
    if (!grown) {
        writer->no_memory = true;
        return;
    }
    writer->bytes = grown;
    memcpy(grown + writer->size, bytes, size);
    writer->size += size;
}

/* Seven bits a byte, the lowest first. */
static size_t encode_varint(uint64_t number, unsigned char bytes[VARINT_MAX]) {
    size_t size = 0;
    for (; number >= 0x80; number >>= 7) bytes[size++] = (unsigned char)(number | 0x80);
    bytes[size++] = (unsigned char)number;
    return size;
}

static void put_varint(OnnxWriter *writer, uint64_t number) {
    unsigned char bytes[VARINT_MAX];
    put(writer, bytes, encode_varint(number, bytes));
}

static void put_key(OnnxWriter *writer, unsigned field, unsigned wire) {
    put_varint(writer, field << 3 | wire);
}

static void put_integer(OnnxWriter *writer, unsigned field, int64_t number) {
    put_key(writer, field, WIRE_VARINT);
    put_varint(writer, (uint64_t)number);
}

static void put_float(OnnxWriter *writer, unsigned field, float number) {
    put_key(writer, field, WIRE_32BIT);
    put(writer, &number, sizeof number);
}

static void put_text(OnnxWriter *writer, unsigned field, const char *text) {
    const size_t length = strlen(text);
    put_key(writer, field, WIRE_LENGTH);
    put_varint(writer, length);
    put(writer, text, length);
}

/* Begins a message; its length is put before it when it ends. */
static size_t begin(OnnxWriter *writer, unsigned field) {
    put_key(writer, field, WIRE_LENGTH);
    return writer->size;
}

static void end(OnnxWriter *writer, size_t start) {
    unsigned char length[VARINT_MAX];
    const size_t size = writer->size - start, digits = encode_varint(size, length);
    put(writer, length, digits);
    if (writer->no_memory || writer->is_over) return;
    if (size > 0) memmove(writer->bytes + start + digits, writer->bytes + start, size);
    memcpy(writer->bytes + start, length, digits);
}

/* ---- Parts of a graph ---- */

void onnx_writer_begin(OnnxWriter *writer, Memory *memory, const char *graph) {
    *writer = (OnnxWriter){.memory = memory};
    put_integer(writer, MODEL_IR_VERSION, ONNX_WRITTEN_IR);
    put_text(writer, MODEL_PRODUCER_NAME, "elman");
    put_text(writer, MODEL_PRODUCER_VERSION, ELMAN_VERSION_STRING);
    const size_t set = begin(writer, MODEL_OPSET_IMPORT);
    put_text(writer, OPSET_DOMAIN, "");
    put_integer(writer, OPSET_VERSION, ONNX_WRITTEN_OPSET);
    end(writer, set);
    writer->graph = begin(writer, MODEL_GRAPH);
    put_text(writer, GRAPH_NAME, graph);
}

/* The numbers that AttributeProto.AttributeType gives to a single one; 5 more: a list of them. */
static int64_t attribute_type(const OnnxAttribute *attribute) {
    const int64_t single = attribute->type == ONNX_ATTRIBUTE_FLOATS ? 1
                           : attribute->type == ONNX_ATTRIBUTE_INTS ? 2
                                                                    : 3;
    return attribute->is_list ? single + 5 : single;
}

static void put_attribute(OnnxWriter *writer, const OnnxAttribute *attribute) {
    const bool is_list = attribute->is_list;
    const size_t start = begin(writer, NODE_ATTRIBUTE);
    put_text(writer, ATTRIBUTE_NAME, attribute->name);
    for (size_t i = 0; i < attribute->count; i++)
        if (attribute->type == ONNX_ATTRIBUTE_FLOATS)
            put_float(writer, is_list ? ATTRIBUTE_FLOATS : ATTRIBUTE_F, attribute->floats[i]);
        else if (attribute->type == ONNX_ATTRIBUTE_INTS)
            put_integer(writer, is_list ? ATTRIBUTE_INTS : ATTRIBUTE_I, attribute->ints[i]);
        else
            put_text(writer, is_list ? ATTRIBUTE_STRINGS : ATTRIBUTE_S, attribute->strings[i]);
    put_integer(writer, ATTRIBUTE_TYPE, attribute_type(attribute));
    end(writer, start);
}

void onnx_write_node(OnnxWriter *writer, const OnnxWrittenNode *node) {
    const size_t start = begin(writer, GRAPH_NODE);
    for (size_t i = 0; i < node->input_count; i++) put_text(writer, NODE_INPUT, node->inputs[i]);
    for (size_t i = 0; i < node->output_count; i++) put_text(writer, NODE_OUTPUT, node->outputs[i]);
    put_text(writer, NODE_NAME, node->name);
    put_text(writer, NODE_OP_TYPE, node->op_type);
    for (size_t i = 0; i < node->attribute_count; i++) put_attribute(writer, &node->attributes[i]);
    end(writer, start);
}

void onnx_write_tensor(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                       const size_t *shape, const OnnxPiece *pieces, size_t piece_count) {
    const size_t start = begin(writer, GRAPH_INITIALIZER);
    for (size_t i = 0; i < rank; i++) put_integer(writer, TENSOR_DIMS, (int64_t)shape[i]);
    put_integer(writer, TENSOR_DATA_TYPE, onnx_type_number(type));
    put_text(writer, TENSOR_NAME, name);
    const size_t numbers = begin(writer, TENSOR_RAW_DATA);
    for (size_t i = 0; i < piece_count; i++) put(writer, pieces[i].bytes, pieces[i].size);
    end(writer, numbers);
    end(writer, start);
}

static void put_value(OnnxWriter *writer, unsigned field, const char *name, OnnxType type,
                      size_t rank, const OnnxDimension *shape, const char *description) {
    const size_t value = begin(writer, field);
    put_text(writer, VALUE_NAME, name);
    const size_t kind = begin(writer, VALUE_TYPE), tensor = begin(writer, TYPE_TENSOR);
    put_integer(writer, TENSOR_TYPE_ELEM, onnx_type_number(type));
    const size_t dimensions = begin(writer, TENSOR_TYPE_SHAPE);
    for (size_t i = 0; i < rank; i++) {
        const size_t dimension = begin(writer, SHAPE_DIM);
        if (shape[i].name)
            put_text(writer, DIM_PARAM, shape[i].name);
        else
            put_integer(writer, DIM_VALUE, (int64_t)shape[i].size);
        end(writer, dimension);
    }
    end(writer, dimensions);
    end(writer, tensor);
    end(writer, kind);
    if (description) put_text(writer, VALUE_DOC_STRING, description);
    end(writer, value);
}

void onnx_write_input(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                      const OnnxDimension *shape, const char *description) {
    put_value(writer, GRAPH_INPUT, name, type, rank, shape, description);
}

void onnx_write_output(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                       const OnnxDimension *shape, const char *description) {
    put_value(writer, GRAPH_OUTPUT, name, type, rank, shape, description);
}

elman_status onnx_writer_end(OnnxWriter *writer, const char *name, elman_error *error) {
    end(writer, writer->graph);
    if (writer->is_over)
        return fail(
            error, ELMAN_ERR_DATA,
            "%s: an ONNX model of it would have 2 GiB or more, which its format cannot hold", name);
    if (writer->no_memory)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for an ONNX model of it", name);
    return ELMAN_OK;
}

void onnx_writer_close(OnnxWriter *writer) {
    if (writer->memory) memory_release(writer->memory, writer->bytes);
    *writer = (OnnxWriter){0};
}
