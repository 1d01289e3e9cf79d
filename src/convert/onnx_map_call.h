/* One operator at work on references and constants. */
#ifndef CONVERT_ONNX_MAP_CALL_H
#define CONVERT_ONNX_MAP_CALL_H

#include <elman/export.h>

#include "convert/onnx_map.h"

typedef struct MapCall {
    OnnxMap *map;
    const OnnxNode *node;
} MapCall;

typedef elman_status (*MapOperator)(MapCall *call);

/* In their families' files. */
elman_status map_identity(MapCall *call);
elman_status map_dropout(MapCall *call);
elman_status map_cast(MapCall *call);
elman_status map_constant(MapCall *call);
elman_status map_constant_of_shape(MapCall *call);
elman_status map_shape(MapCall *call);
elman_status map_reshape(MapCall *call);
elman_status map_squeeze(MapCall *call);
elman_status map_unsqueeze(MapCall *call);
elman_status map_expand(MapCall *call);
elman_status map_transpose(MapCall *call);
elman_status map_gather(MapCall *call);
elman_status map_concat(MapCall *call);
elman_status map_slice(MapCall *call);
elman_status map_split(MapCall *call);
elman_status map_add(MapCall *call);
elman_status map_sub(MapCall *call);
elman_status map_mul(MapCall *call);
elman_status map_min(MapCall *call);
elman_status map_div(MapCall *call);
elman_status map_range(MapCall *call);
elman_status map_less(MapCall *call);
elman_status map_where(MapCall *call);
elman_status map_one_hot(MapCall *call);
elman_status map_reduce_sum(MapCall *call);
elman_status map_reduce_mean(MapCall *call);
elman_status map_reduce_max(MapCall *call);
elman_status map_matmul(MapCall *call);
elman_status map_gemm(MapCall *call);
elman_status map_relu(MapCall *call);
elman_status map_tanh(MapCall *call);
elman_status map_sigmoid(MapCall *call);
elman_status map_softmax(MapCall *call);
elman_status map_log_softmax(MapCall *call);
elman_status map_layer_normalization(MapCall *call);
elman_status map_rnn(MapCall *call);
elman_status map_gru(MapCall *call);
elman_status map_lstm(MapCall *call);

/* Fails with a sentence behind the file, the node and its operator. */
elman_status map_refuse(const MapCall *call, elman_status status, const char *format, ...)
    ELMAN_PRINTF(3, 4);

/* What "no memory" says of the whole. */
elman_status map_no_memory(const OnnxMap *map);

/* Whether the graph leaves the number of its steps or of its rows open. */
bool map_has_open_sizes(const OnnxMap *map);

/* Zeroed memory that lives as long as the map. Errors: DATA (too much of it), MEMORY. */
elman_status map_block(OnnxMap *map, size_t count, size_t size, void **block);

/* Counts memory that the model will take as if it were the map's. Errors: DATA. */
elman_status map_charge(OnnxMap *map, size_t count, size_t size);

/* Input `index`; NULL when the node leaves it out. */
const MapValue *map_input(const MapCall *call, size_t index);

/* The same; refused unless it is constant integers, at most ONNX_RANK_MAX in one dimension. */
elman_status map_integers(const MapCall *call, size_t index, const MapValue **value);

/* Where output `index` goes, also one that the node leaves out. */
MapValue *map_output(const MapCall *call, size_t index);

/* Sets output 0 to `value`. */
void map_set(const MapCall *call, const MapValue *value);

/* Div of what is no sum over steps: by constants, or of constants. */
elman_status map_divide_numbers(MapCall *call);

/* Bytes of one element. */
size_t map_element_size(const MapValue *value);

/* Makes `made` a value of that shape with the content of `like`; *elements is for the caller to
 * fill. Errors: DATA, MEMORY. */
elman_status map_make(const MapCall *call, const MapValue *like, size_t rank, const size_t *shape,
                      MapValue *made, void **elements);

/* Adds a base. Errors: MEMORY. */
elman_status map_add_base(OnnxMap *map, const MapBase *base, uint32_t *index);

/* The features of one position: `count` references to one base there. `picks` gets the features.
 * Steps that are the last of their direction become the final state. Errors: UNSUPPORTED. */
elman_status map_read_vector(const MapCall *call, const MapReference *references, size_t count,
                             MapReference *place, uint32_t *picks);

/* The reference as one to the layer's final h, if that is what it is: base MAP_NO_BASE if not. */
MapReference map_as_final(const OnnxMap *map, MapReference reference);

/* Attributes, or the default when the node has none of that name. Errors: FORMAT (another type). */
elman_status map_int(const MapCall *call, const char *name, int64_t otherwise, int64_t *value);
elman_status map_float(const MapCall *call, const char *name, float otherwise, float *value);

/* A list of integers that later opsets give as input `index` instead. */
elman_status map_list(const MapCall *call, const char *name, size_t index, const int64_t **list,
                      size_t *count, bool *given);

/* Axis -rank ... rank - 1 as 0 ... rank - 1. */
elman_status map_axis(const MapCall *call, int64_t axis, size_t rank, size_t *result);

/* The product of shape[first .. last). */
size_t map_product(const size_t *shape, size_t first, size_t last);

/* The elements of an array of that shape, of `size` bytes each; SIZE_MAX where their number does
 * not fit. Operators walk over the other axes of an empty array too: it is charged as if each axis
 * had at least one element. Errors: DATA. */
elman_status map_count(OnnxMap *map, size_t rank, const size_t *shape, size_t size, size_t *count);

/* Copies elements from `from`, one every strides[i] (also 0 and negative) elements along axis i, to
 * a whole array of that shape. */
void map_copy(void *to, const void *from, size_t size, size_t rank, const size_t *shape,
              const ptrdiff_t *strides);

/* Distances between neighbours of each axis of a whole array. */
void map_strides(size_t rank, const size_t *shape, ptrdiff_t *strides);

/* The same for an array that is repeated to `rank` dimensions, at least its own: 0 where it is. */
void map_repeat_strides(const MapValue *value, size_t rank, ptrdiff_t *strides);

/* The shape to which both broadcast. Errors: FORMAT. */
elman_status map_broadcast(const MapCall *call, size_t rank_a, const size_t *a, size_t rank_b,
                           const size_t *b, size_t *rank, size_t *shape);

/* Two values repeated to one shape. */
typedef struct MapPair {
    size_t rank, shape[ONNX_RANK_MAX];
    const void *a, *b; /* whole arrays of that shape */
    size_t count;
} MapPair;

/* Errors: FORMAT (they do not broadcast), DATA, MEMORY. */
elman_status map_pair(MapCall *call, const MapValue *a, const MapValue *b, MapPair *pair);

#endif
