/* Reads ONNX models: bytes, protobuf's messages, the graph. */
#include "formats/onnx_read.h"

#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"

enum { BLOCK_BYTES = 16 * 1024, ALIGNMENT = 16 };

/* A block of its own for `bytes`, which are behind what holds it together with others. */
static unsigned char *take_block(OnnxReader *reader, size_t bytes) {
    size_t whole;
    if (!size_add(bytes, MEMORY_ALIGNMENT, &whole) || whole > reader->most - reader->taken) {
        reader->failed = reader->is_over = true;
        return NULL;
    }
    OnnxBlock *const block = memory_allocate(reader->memory, whole);
    if (!block) {
        reader->failed = true;
        return NULL;
    }
    reader->taken += whole;
    block->next = reader->blocks;
    reader->blocks = block;
    return (unsigned char *)block + MEMORY_ALIGNMENT;
}

void *onnx_reader_take(OnnxReader *reader, size_t count, size_t size) {
    size_t bytes;
    if (!size_mul(count, size, &bytes) || !size_align(bytes, ALIGNMENT, &bytes)) bytes = SIZE_MAX;
    if (bytes > BLOCK_BYTES / 4) return take_block(reader, bytes);
    if (bytes > reader->left) {
        unsigned char *const block = take_block(reader, BLOCK_BYTES - MEMORY_ALIGNMENT);
        if (!block) return NULL;
        reader->at = block;
        reader->left = BLOCK_BYTES - MEMORY_ALIGNMENT;
    }
    unsigned char *const piece = reader->at;
    reader->at += bytes;
    reader->left -= bytes;
    return piece;
}

elman_status onnx_reader_no_memory(const OnnxReader *reader) {
    if (reader->is_over)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s: is made of so many tiny parts that reading it takes more than %d times "
                    "its size",
                    reader->model.path, ONNX_MEMORY_RATIO);
    return fail(reader->error, ELMAN_ERR_MEMORY, "%s: no memory to read the model",
                reader->model.path);
}

/* For protobuf-c, which gives back what goes with the reader anyway. */
static void *unpack_allocate(void *reader, size_t size) {
    return onnx_reader_take(reader, 1, size);
}

static void unpack_release(void *reader, void *block) {
    (void)reader;
    (void)block;
}

static elman_status read_opset(OnnxReader *reader, const Onnx__ModelProto *from) {
    OnnxModel *const model = &reader->model;
    bool found = false;
    for (size_t i = 0; i < from->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *const set = from->opset_import[i];
        const char *const domain = set->domain ? set->domain : "";
        if (strcmp(domain, "") != 0 && strcmp(domain, "ai.onnx") != 0) continue;
        if (found)
            return fail(reader->error, ELMAN_ERR_FORMAT,
                        "%s: names two versions of ONNX's operators", model->path);
        found = true;
        model->opset = set->version;
    }
    if (!found)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s: does not say which version (opset) of ONNX's operators it uses",
                    model->path);
    if (model->opset < ONNX_OPSET_MIN || model->opset > ONNX_OPSET_MAX)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: uses opset %" PRId64 ", expected %d to %d", model->path, model->opset,
                    ONNX_OPSET_MIN, ONNX_OPSET_MAX);
    return ELMAN_OK;
}

static elman_status read_graph(OnnxReader *reader, const Onnx__GraphProto *from) {
    OnnxModel *const model = &reader->model;
    if (from->n_sparse_initializer > 0)
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: has sparse initialisers, expected dense ones", model->path);
    OnnxNode *const nodes = onnx_reader_take(reader, from->n_node, sizeof *nodes);
    if (!nodes) return onnx_reader_no_memory(reader);
    model->nodes = nodes;
    model->node_count = from->n_node;
    const elman_status status = onnx_nodes_read(reader, from, nodes);
    return status ? status : onnx_values_read(reader, from, nodes);
}

static elman_status read_model(OnnxReader *reader, const unsigned char *bytes, size_t size) {
    OnnxModel *const model = &reader->model;
    ProtobufCAllocator allocator = {unpack_allocate, unpack_release, reader};
    elman_status status = onnx_scan(model->path, bytes, size, reader->error);
    if (status) return status;
    const Onnx__ModelProto *const from = onnx__model_proto__unpack(&allocator, size, bytes);
    if (!from)
        return reader->failed
                   ? onnx_reader_no_memory(reader)
                   : fail(reader->error, ELMAN_ERR_FORMAT,
                          "%s: its messages are not those of an ONNX model", model->path);
    if (!from->graph)
        return fail(reader->error, ELMAN_ERR_FORMAT, "%s: has no graph, expected an ONNX model",
                    model->path);
    if ((status = read_opset(reader, from))) return status;
    return read_graph(reader, from->graph);
}

static elman_status parse(Memory *memory, const char *name, bool has_folder,
                          const unsigned char *bytes, size_t size, OnnxModel **model,
                          elman_error *error) {
    elman_status status;
    *model = NULL;
    if (size > ONNX_BYTES_MAX)
        return fail(error, ELMAN_ERR_DATA, "%s: is longer than %zu bytes, the most that is read",
                    name, ONNX_BYTES_MAX);
    OnnxReader *const reader = memory_allocate(memory, sizeof *reader);
    if (!reader) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read the model", name);
    reader->memory = memory;
    reader->error = error;
    reader->has_folder = has_folder;
    reader->most = size * (ONNX_MEMORY_RATIO - 1) + ONNX_MEMORY_ALWAYS - sizeof *reader;
    reader->model.path = name;
    char *const path = onnx_reader_take(reader, strlen(name) + 1, 1);
    if (path) {
        memcpy(path, name, strlen(name) + 1);
        reader->model.path = path;
        status = read_model(reader, bytes, size);
    } else {
        status = onnx_reader_no_memory(reader);
    }
    reader->error = NULL;
    if (status)
        onnx_close(&reader->model);
    else
        *model = &reader->model;
    return status;
}

elman_status onnx_open(Memory *memory, const char *path, OnnxModel **model, elman_error *error) {
    unsigned char *bytes;
    size_t size;
    *model = NULL;
    elman_status status = file_read(memory, path, ONNX_BYTES_MAX, &bytes, &size, error);
    if (status) return status;
    status = parse(memory, path, true, bytes, size, model, error);
    memory_release(memory, bytes);
    return status;
}

elman_status onnx_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                        OnnxModel **model, elman_error *error) {
    return parse(memory, name, false, bytes, size, model, error);
}

void onnx_close(OnnxModel *model) {
    OnnxReader *const reader = (OnnxReader *)model;
    if (!reader) return;
    Memory *const memory = reader->memory;
    for (OnnxData *data = reader->data; data; data = data->next)
        memory_release(memory, data->bytes);
    while (reader->blocks) {
        OnnxBlock *const block = reader->blocks;
        reader->blocks = block->next;
        memory_release(memory, block);
    }
    memory_release(memory, reader);
}
