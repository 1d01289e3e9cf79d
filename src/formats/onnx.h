/* ONNX models as plain graphs: operators in the order in which they run, and the tensors they use.
 *
 * Format: onnx.proto of the ONNX specification, https://onnx.ai/onnx/repo-docs/IR.html. Read where
 * the library was built with protobuf-c. The reader knows the file's structure, not what operators
 * mean: whoever walks over the nodes refuses those it does not know.
 *
 * Besides files of external data, each of which is held once, reading and holding a model of n
 * bytes takes at most ONNX_MEMORY_RATIO * n + ONNX_MEMORY_ALWAYS bytes. */
#ifndef FORMATS_ONNX_H
#define FORMATS_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/status.h>

enum {
    ONNX_OPSET_MIN = 7,
    ONNX_OPSET_MAX = 22,
    ONNX_RANK_MAX = 8,
    ONNX_ATTRIBUTES_MAX = 64, /* of one node */
    ONNX_MEMORY_RATIO = 64,
    ONNX_MEMORY_ALWAYS = 1 << 20
};

/* The most bytes that a model, or a file of its external data, may have: protobuf's own limit. */
#define ONNX_BYTES_MAX ((size_t)INT32_MAX)

/* In place of a value that an optional input or output leaves out. */
#define ONNX_NONE UINT32_MAX

typedef enum OnnxType { ONNX_FLOAT, ONNX_DOUBLE, ONNX_INT32, ONNX_INT64, ONNX_BOOL } OnnxType;

typedef struct OnnxTensor {
    OnnxType type;
    size_t rank;                 /* 0: one element */
    size_t shape[ONNX_RANK_MAX]; /* the first `rank` count */
    size_t count;                /* the product of the shape */
    /* One of the two holds the numbers, row-major; the other is NULL. */
    const unsigned char *bytes; /* little-endian, at any alignment, a BOOL in one byte */
    const void *elements;       /* float, double, int32_t, int64_t; int32_t of a BOOL */
} OnnxTensor;

typedef enum OnnxAttributeType {
    ONNX_ATTRIBUTE_FLOATS, /* one float is a list of one, and so on */
    ONNX_ATTRIBUTE_INTS,
    ONNX_ATTRIBUTE_STRINGS,
    ONNX_ATTRIBUTE_TENSOR,
    ONNX_ATTRIBUTE_OTHER /* a graph, a sparse tensor, ...: only the name is read */
} OnnxAttributeType;

typedef struct OnnxAttribute {
    const char *name;
    OnnxAttributeType type;
    bool is_list;
    size_t count; /* of the list; 1 of what is no list */
    const float *floats;
    const int64_t *ints;
    const char *const *strings;
    const OnnxTensor *tensor;
} OnnxAttribute;

typedef struct OnnxNode {
    const char *name;    /* its own, or else that of its first output: for messages */
    const char *op_type; /* one of ONNX's own domain, such as "LSTM" */
    size_t input_count, output_count, attribute_count;
    const uint32_t *inputs;  /* indices of values, or ONNX_NONE */
    const uint32_t *outputs; /* the same */
    const OnnxAttribute *attributes;
} OnnxNode;

/* Whatever a name stands for. */
typedef struct OnnxValue {
    const char *name;
    const OnnxTensor *initialiser; /* NULL: an input, or what a node makes */
} OnnxValue;

/* An input of the graph, or an output. */
typedef struct OnnxPort {
    uint32_t value;
    bool has_type, has_shape;
    OnnxType type;
    size_t rank;
    int64_t shape[ONNX_RANK_MAX]; /* -1 where any size may stand */
} OnnxPort;

/* Every value that a node reads is an initialiser, an input, or made by a node before it; no value
 * is made twice. */
typedef struct OnnxModel {
    const char *path; /* for messages */
    int64_t opset;
    size_t value_count, node_count, input_count, optional_count, output_count;
    const OnnxValue *values;
    const OnnxNode *nodes;
    const OnnxPort *inputs;    /* those without an initialiser */
    const OnnxPort *optionals; /* those that are their initialiser where a caller leaves them out */
    const OnnxPort *outputs;
} OnnxModel;

/* Whether this build reads ONNX models. */
bool onnx_is_read(void);

/* Whether the file at `path` begins as ONNX models do, which have no mark of their own: with
 * ir_version. Errors: IO. */
elman_status onnx_recognise(const char *path, bool *is, elman_error *error);

/* Reads the model at `path`. External data is read from regular files in the same folder or below
 * it; a symbolic link there is followed. `memory` must outlive the result. Errors: IO, FORMAT, DATA
 * (longer than ONNX_BYTES_MAX), UNSUPPORTED (another opset, domain or element type, built without
 * protobuf-c, ...), MEMORY. */
elman_status onnx_open(Memory *memory, const char *path, OnnxModel **model, elman_error *error);

/* The same for a model in memory, which may go afterwards; it has no folder, so that external data
 * is refused. `name` stands in messages. */
elman_status onnx_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                        OnnxModel **model, elman_error *error);

/* NULL is legal. */
void onnx_close(OnnxModel *model);

/* The name of a type as the specification has it, such as "float". */
const char *onnx_type_name(OnnxType type);

/* The bytes of one element in a file: 1, 4 or 8. */
size_t onnx_type_size(OnnxType type);

/* The number that TensorProto.DataType gives a type. */
int64_t onnx_type_number(OnnxType type);

/* The type that TensorProto.DataType gives this number; false when it is none of ours. */
bool onnx_type_of(int64_t number, OnnxType *type);

/* One element of a tensor; onnx_integer is for INT32, INT64 and BOOL. */
double onnx_number(const OnnxTensor *tensor, size_t index);
int64_t onnx_integer(const OnnxTensor *tensor, size_t index);

/* The node's attribute of that name, or NULL. */
const OnnxAttribute *onnx_attribute(const OnnxNode *node, const char *name);

#endif
