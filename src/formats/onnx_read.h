/* A model of ONNX in the making, as the reader's parts see it. */
#ifndef FORMATS_ONNX_READ_H
#define FORMATS_ONNX_READ_H

#include <onnx.pb-c.h>

#include "formats/onnx.h"

/* Memory that is released all at once. Blocks of it follow this. */
typedef struct OnnxBlock {
    struct OnnxBlock *next;
} OnnxBlock;

/* A file of external data. */
typedef struct OnnxData {
    struct OnnxData *next;
    const char *location; /* as the model gives it */
    unsigned char *bytes;
    size_t size;
} OnnxData;

typedef struct OnnxReader {
    OnnxModel model; /* first: the caller's handle */
    Memory *memory;
    bool has_folder; /* model.path is a file's, beside which external data lies */
    OnnxBlock *blocks;
    OnnxData *data;
    unsigned char *at; /* what is left of the newest block for small pieces */
    size_t left;
    size_t taken, most;   /* bytes of all blocks, and their limit */
    bool failed, is_over; /* onnx_reader_take returned NULL; because the limit was met */
    elman_error *error;
} OnnxReader;

/* `count` zeroed elements of `size` bytes, aligned for anything; NULL when there is no memory or
 * the limit is met. */
void *onnx_reader_take(OnnxReader *reader, size_t count, size_t size);

/* The failure of onnx_reader_take as a status. */
elman_status onnx_reader_no_memory(const OnnxReader *reader);

/* Checks that the bytes are a message whose parts nest as little as a model's do, so that unpacking
 * them needs little stack. Errors: FORMAT. */
elman_status onnx_scan(const char *name, const unsigned char *bytes, size_t size,
                       elman_error *error);

/* `what` and `name` stand in messages. `tensor` is zeroed; it keeps pointing into `from`. */
elman_status onnx_tensor_read(OnnxReader *reader, const char *what, const Onnx__TensorProto *from,
                              const char *name, OnnxTensor *tensor);

/* The nodes; inputs and outputs hold no indices yet. */
elman_status onnx_nodes_read(OnnxReader *reader, const Onnx__GraphProto *from, OnnxNode *nodes);

/* Gives every name of the graph its index, sets those of nodes and ports and reads initialisers. */
elman_status onnx_values_read(OnnxReader *reader, const Onnx__GraphProto *from, OnnxNode *nodes);

#endif
