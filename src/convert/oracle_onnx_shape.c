/* Operators that make constants, shapes and the same elements in another shape. */
#include <inttypes.h>
#include <math.h>

#include "convert/oracle_onnx_call.h"
#include "core/size.h"

/* Output 0 has the elements of input 0. */
static elman_status reshape(OracleCall *call, size_t rank, const size_t *shape) {
    const OracleArray *const x = oracle_input(call, 0);
    OracleArray *y;
    const elman_status status = oracle_output(call, 0, x->type, rank, shape, &y);
    if (status) return status;
    if (y->count != x->count)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "makes %zu elements from %zu", y->count,
                             x->count);
    for (size_t i = 0; i < y->count; i++) oracle_copy(y, i, x, i);
    return ELMAN_OK;
}

elman_status oracle_identity(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    return reshape(call, x->rank, x->shape);
}

/* At inference: the input, and a mask that keeps all. */
elman_status oracle_dropout(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0), *const training = oracle_input(call, 2);
    OracleArray *mask;
    if (training && (training->type != ONNX_BOOL || training->count != 1 || training->integers[0]))
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "is in training mode, expected a model for inference");
    const OnnxType type = call->opset < 10 ? x->type : ONNX_BOOL;
    elman_status status = oracle_want_real(call, x);
    if (status) return status;
    if ((status = oracle_output(call, 1, type, x->rank, x->shape, &mask))) return status;
    for (size_t i = 0; i < mask->count; i++)
        if (mask->numbers)
            mask->numbers[i] = 1.0;
        else
            mask->integers[i] = 1;
    return reshape(call, x->rank, x->shape);
}

/* A number as a whole one, towards zero. */
static elman_status to_integer(const OracleCall *call, double number, OnnxType type,
                               int64_t *integer) {
    const double bound = type == ONNX_INT32 ? 0x1p31 : 0x1p63;
    const double whole = trunc(number);
    if (type == ONNX_BOOL) {
        *integer = number != 0.0;
        return ELMAN_OK;
    }
    if (!(whole >= -bound && whole < bound))
        return oracle_refuse(call, ELMAN_ERR_DATA, "%g does not fit into %s", number,
                             onnx_type_name(type));
    *integer = (int64_t)whole;
    return ELMAN_OK;
}

elman_status oracle_cast(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    OracleArray *y;
    OnnxType type;
    int64_t to;
    elman_status status = oracle_int(call, "to", 0, &to);
    if (status) return status;
    if (!onnx_type_of(to, &type))
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "makes type %" PRId64 ", expected float, double, int32, int64 or bool",
                             to);
    if ((status = oracle_output(call, 0, type, x->rank, x->shape, &y))) return status;
    for (size_t i = 0; i < y->count && !status; i++)
        if (y->numbers)
            y->numbers[i] = x->numbers ? x->numbers[i] : (double)x->integers[i];
        else if (x->numbers)
            status = to_integer(call, x->numbers[i], type, &y->integers[i]);
        else if (type == ONNX_BOOL)
            y->integers[i] = x->integers[i] != 0;
        else
            y->integers[i] =
                type == ONNX_INT32 ? (int32_t)(uint32_t)x->integers[i] : x->integers[i];
    return status;
}

/* Element `index` of an attribute's tensor. */
static void set_from_tensor(OracleArray *y, size_t i, const OnnxTensor *from, size_t index) {
    if (y->numbers)
        y->numbers[i] = onnx_number(from, index);
    else
        y->integers[i] = onnx_integer(from, index);
}

static elman_status constant_list(OracleCall *call, const OnnxAttribute *value) {
    const bool is_real = value->type == ONNX_ATTRIBUTE_FLOATS;
    OracleArray *y;
    const elman_status status = oracle_output(call, 0, is_real ? ONNX_FLOAT : ONNX_INT64,
                                              value->is_list ? 1 : 0, &value->count, &y);
    if (status) return status;
    for (size_t i = 0; i < y->count; i++)
        if (is_real)
            y->numbers[i] = (double)value->floats[i];
        else
            y->integers[i] = value->ints[i];
    return ELMAN_OK;
}

elman_status oracle_constant(OracleCall *call) {
    OracleArray *y;
    if (call->node->attribute_count != 1)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "has %zu values, expected one",
                             call->node->attribute_count);
    const OnnxAttribute *const value = &call->node->attributes[0];
    if (value->type == ONNX_ATTRIBUTE_FLOATS || value->type == ONNX_ATTRIBUTE_INTS)
        return constant_list(call, value);
    if (value->type != ONNX_ATTRIBUTE_TENSOR)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "holds no numbers");
    const OnnxTensor *const tensor = value->tensor;
    const elman_status status =
        oracle_output(call, 0, tensor->type, tensor->rank, tensor->shape, &y);
    if (status) return status;
    for (size_t i = 0; i < y->count; i++) set_from_tensor(y, i, tensor, i);
    return ELMAN_OK;
}

/* An input as a shape. */
static elman_status read_shape(const OracleCall *call, const OracleArray *list, size_t *rank,
                               size_t shape[ONNX_RANK_MAX]) {
    const elman_status status = oracle_want_integers(call, list);
    if (status) return status;
    if (list->rank != 1 || list->count > ONNX_RANK_MAX)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "its shape is no list of at most %d sizes", ONNX_RANK_MAX);
    *rank = list->count;
    for (size_t i = 0; i < *rank; i++) {
        if (list->integers[i] < 0)
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "a size of its shape is %" PRId64,
                                 list->integers[i]);
        shape[i] = (size_t)list->integers[i];
    }
    return ELMAN_OK;
}

elman_status oracle_constant_of_shape(OracleCall *call) {
    const OnnxAttribute *const value = onnx_attribute(call->node, "value");
    size_t rank, shape[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status = read_shape(call, oracle_input(call, 0), &rank, shape);
    if (status) return status;
    if (value && (value->type != ONNX_ATTRIBUTE_TENSOR || value->tensor->count != 1))
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its value is not one number");
    status = oracle_output(call, 0, value ? value->tensor->type : ONNX_FLOAT, rank, shape, &y);
    if (status || !value) return status;
    for (size_t i = 0; i < y->count; i++) set_from_tensor(y, i, value->tensor, 0);
    return ELMAN_OK;
}

/* A bound of a range of axes, within 0 ... rank. */
static size_t clamp_axis(int64_t axis, size_t rank) {
    if (axis < 0) axis += (int64_t)rank;
    if (axis < 0) return 0;
    return (uint64_t)axis > rank ? rank : (size_t)axis;
}

elman_status oracle_shape(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    int64_t start, end;
    OracleArray *y;
    elman_status status;
    if ((status = oracle_int(call, "start", 0, &start)) ||
        (status = oracle_int(call, "end", INT64_MAX, &end)))
        return status;
    const size_t first = clamp_axis(start, x->rank), last = clamp_axis(end, x->rank);
    const size_t count = last > first ? last - first : 0;
    if ((status = oracle_output(call, 0, ONNX_INT64, 1, &count, &y))) return status;
    for (size_t i = 0; i < count; i++) y->integers[i] = (int64_t)x->shape[first + i];
    return ELMAN_OK;
}

/* 0 keeps a size (unless `allowzero`), -1 is what the others leave. */
elman_status oracle_reshape(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0), *const list = oracle_input(call, 1);
    size_t shape[ONNX_RANK_MAX], open = ONNX_RANK_MAX, product = 1;
    int64_t zero_is_size;
    elman_status status;
    if ((status = oracle_int(call, "allowzero", 0, &zero_is_size)) ||
        (status = oracle_want_integers(call, list)))
        return status;
    if (list->rank != 1 || list->count > ONNX_RANK_MAX)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "its shape is no list of at most %d sizes", ONNX_RANK_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const int64_t size = list->integers[i];
        const bool keeps = size == 0 && !zero_is_size;
        if (size < -1 || (size == -1 && open != ONNX_RANK_MAX) || (keeps && i >= x->rank))
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "size %zu of its shape is %" PRId64, i + 1,
                                 size);
        shape[i] = keeps ? x->shape[i] : size == -1 ? 1 : (size_t)size;
        if (size == -1) open = i;
        /* A product beyond the input's count is refused; it must only not overflow. */
        if (!size_mul(product, shape[i], &product)) product = SIZE_MAX;
    }
    if (open != ONNX_RANK_MAX) {
        if (product == 0 || x->count % product != 0)
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "its shape leaves no size for -1");
        shape[open] = x->count / product;
    }
    return reshape(call, list->count, shape);
}

/* Marks the axes that the node lists; all are false before. */
static elman_status mark_axes(const OracleCall *call, size_t rank, bool marked[ONNX_RANK_MAX],
                              size_t *count, bool *given) {
    const int64_t *axes;
    elman_status status = oracle_list(call, "axes", 1, &axes, count, given);
    if (status) return status;
    for (size_t i = 0; i < *count; i++) {
        size_t axis;
        if ((status = oracle_axis(call, axes[i], rank, &axis))) return status;
        if (marked[axis]) return oracle_refuse(call, ELMAN_ERR_FORMAT, "lists an axis twice");
        marked[axis] = true;
    }
    return ELMAN_OK;
}

elman_status oracle_squeeze(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    bool marked[ONNX_RANK_MAX] = {false}, given;
    size_t count, rank = 0, shape[ONNX_RANK_MAX];
    const elman_status status = mark_axes(call, x->rank, marked, &count, &given);
    if (status) return status;
    for (size_t i = 0; i < x->rank; i++) {
        if (marked[i] && x->shape[i] != 1)
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "axis %zu has the size %zu, expected 1", i,
                                 x->shape[i]);
        if (given ? !marked[i] : x->shape[i] != 1) shape[rank++] = x->shape[i];
    }
    return reshape(call, rank, shape);
}

elman_status oracle_unsqueeze(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    const int64_t *axes;
    bool marked[ONNX_RANK_MAX] = {false}, given;
    size_t count, shape[ONNX_RANK_MAX], from = 0;
    elman_status status = oracle_list(call, "axes", 1, &axes, &count, &given);
    if (status) return status;
    if (!given || count > ONNX_RANK_MAX - x->rank)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED,
                             "has no axes, or makes more than %d dimensions", ONNX_RANK_MAX);
    const size_t rank = x->rank + count;
    if ((status = mark_axes(call, rank, marked, &count, &given))) return status;
    for (size_t i = 0; i < rank; i++) shape[i] = marked[i] ? 1 : x->shape[from++];
    return reshape(call, rank, shape);
}

elman_status oracle_expand(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    size_t wanted, sizes[ONNX_RANK_MAX], rank, shape[ONNX_RANK_MAX], strides[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status = read_shape(call, oracle_input(call, 1), &wanted, sizes);
    if (status) return status;
    status = oracle_broadcast(call, x->rank, x->shape, wanted, sizes, &rank, shape);
    if (status) return status;
    if ((status = oracle_output(call, 0, x->type, rank, shape, &y))) return status;
    oracle_broadcast_strides(x, rank, strides);
    for (size_t i = 0; i < y->count; i++)
        oracle_copy(y, i, x, oracle_offset(i, rank, shape, strides));
    return ELMAN_OK;
}
