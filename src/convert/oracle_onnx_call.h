/* One operator at work: what it reads, what it makes, why it refuses. */
#ifndef CONVERT_ORACLE_ONNX_CALL_H
#define CONVERT_ORACLE_ONNX_CALL_H

#include <elman/export.h>

#include "convert/oracle_onnx.h"

enum { ORACLE_SPARE = 3 }; /* outputs of an operator that a node may leave out */

struct OracleOnnx {
    Memory *memory;
    const OnnxModel *model;
    OracleArray *values; /* [value_count + ORACLE_SPARE]: outputs that are left out are made too */
    bool *is_known;      /* the same */
    size_t elements, elements_max;
    elman_error *error;
};

typedef struct OracleCall {
    OracleOnnx *oracle;
    const OnnxNode *node;
    int64_t opset;
} OracleCall;

typedef elman_status (*OracleOperator)(OracleCall *call);

/* In their families' files. */
elman_status oracle_add(OracleCall *call);
elman_status oracle_sub(OracleCall *call);
elman_status oracle_mul(OracleCall *call);
elman_status oracle_div(OracleCall *call);
elman_status oracle_min(OracleCall *call);
elman_status oracle_matmul(OracleCall *call);
elman_status oracle_gemm(OracleCall *call);
elman_status oracle_sigmoid(OracleCall *call);
elman_status oracle_tanh(OracleCall *call);
elman_status oracle_relu(OracleCall *call);
elman_status oracle_softmax(OracleCall *call);
elman_status oracle_log_softmax(OracleCall *call);
elman_status oracle_layer_normalization(OracleCall *call);
elman_status oracle_identity(OracleCall *call);
elman_status oracle_dropout(OracleCall *call);
elman_status oracle_cast(OracleCall *call);
elman_status oracle_constant(OracleCall *call);
elman_status oracle_constant_of_shape(OracleCall *call);
elman_status oracle_shape(OracleCall *call);
elman_status oracle_reshape(OracleCall *call);
elman_status oracle_squeeze(OracleCall *call);
elman_status oracle_unsqueeze(OracleCall *call);
elman_status oracle_expand(OracleCall *call);
elman_status oracle_transpose(OracleCall *call);
elman_status oracle_gather(OracleCall *call);
elman_status oracle_concat(OracleCall *call);
elman_status oracle_slice(OracleCall *call);
elman_status oracle_split(OracleCall *call);
elman_status oracle_less(OracleCall *call);
elman_status oracle_where(OracleCall *call);
elman_status oracle_range(OracleCall *call);
elman_status oracle_one_hot(OracleCall *call);
elman_status oracle_reduce_sum(OracleCall *call);
elman_status oracle_reduce_max(OracleCall *call);
elman_status oracle_reduce_mean(OracleCall *call);
elman_status oracle_rnn(OracleCall *call);
elman_status oracle_gru(OracleCall *call);
elman_status oracle_lstm(OracleCall *call);

/* Fails with a sentence behind the file, the node and its operator. */
elman_status oracle_refuse(const OracleCall *call, elman_status status, const char *format, ...)
    ELMAN_PRINTF(3, 4);

/* Makes `array` one of zeros; whatever it was is released. Errors: DATA, MEMORY. */
elman_status oracle_array_make(OracleOnnx *oracle, OracleArray *array, OnnxType type, size_t rank,
                               const size_t *shape);

/* Input `index`, or NULL when the node leaves it out. */
const OracleArray *oracle_input(const OracleCall *call, size_t index);

/* Makes output `index`, also one that the node leaves out. */
elman_status oracle_output(OracleCall *call, size_t index, OnnxType type, size_t rank,
                           const size_t *shape, OracleArray **array);

/* Whether the elements are `numbers`. */
bool oracle_is_real(OnnxType type);

/* Checks that an input holds numbers, or integers. Errors: FORMAT. */
elman_status oracle_want_real(const OracleCall *call, const OracleArray *array);
elman_status oracle_want_integers(const OracleCall *call, const OracleArray *array);

/* to[i] = from[j], of arrays of the same type. */
void oracle_copy(OracleArray *to, size_t i, const OracleArray *from, size_t j);

/* Attributes, or the default when the node has none of that name. Errors: FORMAT (another type).
 */
elman_status oracle_int(const OracleCall *call, const char *name, int64_t otherwise,
                        int64_t *value);
elman_status oracle_float(const OracleCall *call, const char *name, double otherwise,
                          double *value);

/* A list of integers that later opsets give as input `index` instead; *given is false when the node
 * has neither. */
elman_status oracle_list(const OracleCall *call, const char *name, size_t index,
                         const int64_t **list, size_t *count, bool *given);

/* Axis -rank ... rank - 1 as 0 ... rank - 1. */
elman_status oracle_axis(const OracleCall *call, int64_t axis, size_t rank, size_t *result);

/* The product of shape[first .. last). */
size_t oracle_product(const size_t *shape, size_t first, size_t last);

/* Distances between neighbours of each axis, in elements. */
void oracle_strides(const OracleArray *array, size_t strides[ONNX_RANK_MAX]);

/* The same for an array that is repeated to `rank` dimensions, at least its own: 0 where it is. */
void oracle_broadcast_strides(const OracleArray *array, size_t rank, size_t strides[ONNX_RANK_MAX]);

/* Where element `index` of an array of that shape lies in another of those strides. */
size_t oracle_offset(size_t index, size_t rank, const size_t *shape, const size_t *strides);

/* The shape to which both broadcast. Errors: FORMAT. */
elman_status oracle_broadcast(const OracleCall *call, size_t rank_a, const size_t *a, size_t rank_b,
                              const size_t *b, size_t *rank, size_t shape[ONNX_RANK_MAX]);

#endif
