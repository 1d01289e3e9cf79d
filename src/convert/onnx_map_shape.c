/* Operators that make constants, shapes and the same elements in another shape. */
#include <inttypes.h>
#include <string.h>

#include "convert/onnx_map_call.h"
#include "core/size.h"

/* Output 0 has the elements of input 0, themselves. */
static elman_status reshape(MapCall *call, size_t rank, const size_t *shape) {
    MapValue y = *map_input(call, 0);
    size_t count;
    const elman_status status = map_count(call->map, rank, shape, map_element_size(&y), &count);
    if (status) return status;
    if (count != y.count)
        return map_refuse(call, ELMAN_ERR_FORMAT,
                          "makes another number of elements than the %zu "
                          "it reads",
                          y.count);
    y.rank = rank;
    if (rank > 0) memmove(y.shape, shape, rank * sizeof *shape);
    map_set(call, &y);
    return ELMAN_OK;
}

elman_status map_identity(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    return reshape(call, x->rank, x->shape);
}

/* At inference: the input. */
elman_status map_dropout(MapCall *call) {
    const MapValue *const training = map_input(call, 2);
    if (call->node->output_count > 1 && call->node->outputs[1] != ONNX_NONE)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED, "has a mask as output");
    if (training && (training->content != MAP_INTEGERS || training->count != 1 ||
                     *(const int64_t *)training->elements))
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "is in training mode, expected a model for inference");
    return map_identity(call);
}

static bool is_real(OnnxType type) {
    return type == ONNX_FLOAT || type == ONNX_DOUBLE;
}

/* Constant whole numbers as floats. */
static elman_status make_real(MapCall *call, const MapValue *x, OnnxType type) {
    const MapValue like = {.content = MAP_NUMBERS, .type = type};
    MapValue y;
    void *elements;
    const elman_status status = map_make(call, &like, x->rank, x->shape, &y, &elements);
    if (status) return status;
    for (size_t i = 0; i < y.count; i++)
        ((float *)elements)[i] = (float)((const int64_t *)x->elements)[i];
    map_set(call, &y);
    return ELMAN_OK;
}

elman_status map_cast(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    OnnxType type;
    int64_t to;
    elman_status status = map_int(call, "to", 0, &to);
    if (status) return status;
    if (onnx_type_of(to, &type) && is_real(type) && x->content == MAP_INTEGERS)
        return make_real(call, x, type);
    if (!onnx_type_of(to, &type) || is_real(type) != is_real(x->type) || type == ONNX_BOOL ||
        x->type == ONNX_BOOL)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "makes type %" PRId64 " of %s, which is kept between float and double, "
                          "and between int32 and int64 only",
                          to, onnx_type_name(x->type));
    if ((status = map_identity(call))) return status;
    map_output(call, 0)->type = type;
    return ELMAN_OK;
}

/* ---- Constants ---- */

static elman_status from_tensor(MapCall *call, const OnnxTensor *tensor, size_t rank,
                                const size_t *shape) {
    const MapValue like = {.content = is_real(tensor->type) ? MAP_NUMBERS : MAP_INTEGERS,
                           .type = tensor->type,
                           .source = call->node->name};
    MapValue y;
    void *elements;
    const elman_status status = map_make(call, &like, rank, shape, &y, &elements);
    if (status) return status;
    const bool is_filling = tensor->count == 1;
    for (size_t i = 0; i < y.count; i++)
        if (like.content == MAP_NUMBERS)
            ((float *)elements)[i] = (float)onnx_number(tensor, is_filling ? 0 : i);
        else
            ((int64_t *)elements)[i] = onnx_integer(tensor, is_filling ? 0 : i);
    map_set(call, &y);
    return ELMAN_OK;
}

elman_status map_constant(MapCall *call) {
    if (call->node->attribute_count != 1)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has %zu values, expected one",
                          call->node->attribute_count);
    const OnnxAttribute *const value = &call->node->attributes[0];
    if (value->type == ONNX_ATTRIBUTE_TENSOR)
        return from_tensor(call, value->tensor, value->tensor->rank, value->tensor->shape);
    if (value->type != ONNX_ATTRIBUTE_FLOATS && value->type != ONNX_ATTRIBUTE_INTS)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED, "holds no numbers");
    const bool is_real = value->type == ONNX_ATTRIBUTE_FLOATS;
    const OnnxTensor list = {.type = is_real ? ONNX_FLOAT : ONNX_INT64,
                             .rank = value->is_list ? 1 : 0,
                             .shape = {value->count},
                             .count = value->count,
                             .elements =
                                 is_real ? (const void *)value->floats : (const void *)value->ints};
    return from_tensor(call, &list, list.rank, list.shape);
}

/* A list of integers as a shape. */
static elman_status read_shape(const MapCall *call, const MapValue *list, size_t *shape) {
    for (size_t i = 0; i < list->count; i++) {
        const int64_t size = ((const int64_t *)list->elements)[i];
        if (size < 0)
            return map_refuse(call, ELMAN_ERR_FORMAT, "has the size %" PRId64 " in its shape",
                              size);
        shape[i] = (size_t)size;
    }
    return ELMAN_OK;
}

elman_status map_constant_of_shape(MapCall *call) {
    static const float zero;
    const OnnxAttribute *const value = onnx_attribute(call->node, "value");
    const OnnxTensor zeros = {.type = ONNX_FLOAT, .count = 1, .elements = &zero};
    const MapValue *list;
    size_t shape[ONNX_RANK_MAX];
    elman_status status;
    if ((status = map_integers(call, 0, &list)) || (status = read_shape(call, list, shape)))
        return status;
    if (value && (value->type != ONNX_ATTRIBUTE_TENSOR || value->tensor->count != 1))
        return map_refuse(call, ELMAN_ERR_FORMAT, "has a value that is not one number");
    return from_tensor(call, value ? value->tensor : &zeros, list->count, shape);
}

/* A bound of a range of axes, within 0 ... rank. */
static size_t clamp_axis(int64_t axis, size_t rank) {
    if (axis < 0) axis += (int64_t)rank;
    if (axis < 0) return 0;
    return (uint64_t)axis > rank ? rank : (size_t)axis;
}

elman_status map_shape(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    const MapValue like = {.content = MAP_INTEGERS, .type = ONNX_INT64};
    int64_t start, end;
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_int(call, "start", 0, &start)) ||
        (status = map_int(call, "end", INT64_MAX, &end)))
        return status;
    const size_t first = clamp_axis(start, x->rank), last = clamp_axis(end, x->rank);
    const size_t count = last > first ? last - first : 0;
    if ((status = map_make(call, &like, 1, &count, &y, &elements))) return status;
    for (size_t i = 0; i < count; i++) ((int64_t *)elements)[i] = (int64_t)x->shape[first + i];
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- Shapes ---- */

/* 0 keeps a size (unless `allowzero`), -1 is what the others leave. */
elman_status map_reshape(MapCall *call) {
    const MapValue *const x = map_input(call, 0), *list;
    size_t shape[ONNX_RANK_MAX], open = ONNX_RANK_MAX, product = 1;
    int64_t zero_is_size;
    elman_status status;
    if ((status = map_int(call, "allowzero", 0, &zero_is_size)) ||
        (status = map_integers(call, 1, &list)))
        return status;
    for (size_t i = 0; i < list->count; i++) {
        const int64_t size = ((const int64_t *)list->elements)[i];
        const bool keeps = size == 0 && !zero_is_size;
        if (size < -1 || (size == -1 && open != ONNX_RANK_MAX) || (keeps && i >= x->rank))
            return map_refuse(call, ELMAN_ERR_FORMAT, "has %" PRId64 " as size %zu of its shape",
                              size, i + 1);
        shape[i] = keeps ? x->shape[i] : size == -1 ? 1 : (size_t)size;
        if (size == -1) open = i;
        if (!size_mul(product, shape[i], &product)) product = 0;
    }
    if (open != ONNX_RANK_MAX) {
        if (product == 0 || x->count % product != 0)
            return map_refuse(call, ELMAN_ERR_FORMAT, "has a shape that leaves no size for -1");
        shape[open] = x->count / product;
    }
    return reshape(call, list->count, shape);
}

/* Marks the axes that the node lists; all are false before. */
static elman_status mark_axes(const MapCall *call, size_t rank, bool marked[ONNX_RANK_MAX],
                              size_t *count, bool *given) {
    const int64_t *axes;
    elman_status status = map_list(call, "axes", 1, &axes, count, given);
    for (size_t i = 0; i < *count && !status; i++) {
        size_t axis;
        if ((status = map_axis(call, axes[i], rank, &axis))) return status;
        if (marked[axis]) return map_refuse(call, ELMAN_ERR_FORMAT, "lists an axis twice");
        marked[axis] = true;
    }
    return status;
}

elman_status map_squeeze(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    bool marked[ONNX_RANK_MAX] = {false}, given;
    size_t count = 0, rank = 0, shape[ONNX_RANK_MAX];
    const elman_status status = mark_axes(call, x->rank, marked, &count, &given);
    if (status) return status;
    for (size_t i = 0; i < x->rank; i++) {
        if (marked[i] && x->shape[i] != 1)
            return map_refuse(call, ELMAN_ERR_FORMAT, "drops an axis of the size %zu, expected 1",
                              x->shape[i]);
        if (given ? !marked[i] : x->shape[i] != 1) shape[rank++] = x->shape[i];
    }
    return reshape(call, rank, shape);
}

elman_status map_unsqueeze(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    const int64_t *axes;
    bool marked[ONNX_RANK_MAX] = {false}, given;
    size_t count = 0, shape[ONNX_RANK_MAX], from = 0;
    elman_status status = map_list(call, "axes", 1, &axes, &count, &given);
    if (status) return status;
    if (!given || count > ONNX_RANK_MAX - x->rank)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "has no axes, or makes more than %d dimensions", ONNX_RANK_MAX);
    const size_t rank = x->rank + count;
    if ((status = mark_axes(call, rank, marked, &count, &given))) return status;
    for (size_t i = 0; i < rank; i++) shape[i] = marked[i] ? 1 : x->shape[from++];
    return reshape(call, rank, shape);
}

elman_status map_expand(MapCall *call) {
    const MapValue *const x = map_input(call, 0), *list;
    size_t wanted[ONNX_RANK_MAX], rank, shape[ONNX_RANK_MAX];
    ptrdiff_t strides[ONNX_RANK_MAX];
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_integers(call, 1, &list)) || (status = read_shape(call, list, wanted)) ||
        (status = map_broadcast(call, x->rank, x->shape, list->count, wanted, &rank, shape)) ||
        (status = map_make(call, x, rank, shape, &y, &elements)))
        return status;
    map_repeat_strides(x, rank, strides);
    map_copy(elements, x->elements, map_element_size(x), rank, shape, strides);
    map_set(call, &y);
    return ELMAN_OK;
}
