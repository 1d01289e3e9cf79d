/* Writes ONNX models: nodes, tensors, inputs and outputs, in the order in which they are added, as
 * the bytes of one protobuf message. The same calls give the same bytes.
 *
 * A writer is sticky: after the first call that fails all others do nothing, and onnx_writer_end
 * says why. Texts and numbers are copied. Format: formats/onnx.h. */
#ifndef FORMATS_ONNX_WRITE_H
#define FORMATS_ONNX_WRITE_H

#include "formats/onnx.h"

enum { ONNX_WRITTEN_IR = 8, ONNX_WRITTEN_OPSET = 17 };

typedef struct OnnxWriter {
    Memory *memory;
    unsigned char *bytes;
    size_t size, capacity;
    size_t graph; /* where the graph's fields begin */
    bool no_memory, is_over;
} OnnxWriter;

/* Part of a tensor's numbers, row-major, as they are in memory. */
typedef struct OnnxPiece {
    const void *bytes;
    size_t size;
} OnnxPiece;

/* One dimension of an input or output: a size, or the name of one that callers choose. */
typedef struct OnnxDimension {
    const char *name; /* NULL: `size` */
    size_t size;
} OnnxDimension;

/* Names of values; an input of "" is left out. Of attributes the kinds FLOATS, INTS and STRINGS are
 * written. */
typedef struct OnnxWrittenNode {
    const char *name, *op_type;
    const char *const *inputs, *const *outputs;
    const OnnxAttribute *attributes;
    size_t input_count, output_count, attribute_count;
} OnnxWrittenNode;

/* Begins a model of one graph; whatever follows, onnx_writer_close must. */
void onnx_writer_begin(OnnxWriter *writer, Memory *memory, const char *graph);

/* Adds a node. */
void onnx_write_node(OnnxWriter *writer, const OnnxWrittenNode *node);

/* Adds an initialiser; the pieces together are its numbers. */
void onnx_write_tensor(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                       const size_t *shape, const OnnxPiece *pieces, size_t piece_count);

/* Adds an input or an output of the graph; `description` may be NULL. An input that has an
 * initialiser of its name may be left out by callers. */
void onnx_write_input(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                      const OnnxDimension *shape, const char *description);
void onnx_write_output(OnnxWriter *writer, const char *name, OnnxType type, size_t rank,
                       const OnnxDimension *shape, const char *description);

/* Ends the model: writer->bytes, of writer->size, is the file. `name` stands in messages. Errors:
 * DATA (2 GiB or more, which protobuf cannot hold), MEMORY. */
elman_status onnx_writer_end(OnnxWriter *writer, const char *name, elman_error *error);

/* Releases the bytes. */
void onnx_writer_close(OnnxWriter *writer);

#endif
