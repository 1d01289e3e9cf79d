/* Operators that pick and arrange elements, whatever these are. */
#include <inttypes.h>
#include <string.h>

#include "convert/onnx_map_call.h"

elman_status map_transpose(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    const OnnxAttribute *const perm = onnx_attribute(call->node, "perm");
    size_t shape[ONNX_RANK_MAX];
    ptrdiff_t strides[ONNX_RANK_MAX], from[ONNX_RANK_MAX];
    bool taken[ONNX_RANK_MAX] = {false};
    MapValue y;
    void *elements;
    if (perm && (perm->type != ONNX_ATTRIBUTE_INTS || !perm->is_list || perm->count != x->rank))
        return map_refuse(call, ELMAN_ERR_FORMAT, "has a perm without an entry for each axis");
    map_strides(x->rank, x->shape, strides);
    for (size_t i = 0; i < x->rank; i++) {
        const int64_t axis = perm ? perm->ints[i] : (int64_t)(x->rank - 1 - i);
        if (axis < 0 || axis >= (int64_t)x->rank || taken[axis])
            return map_refuse(call, ELMAN_ERR_FORMAT, "has a perm that is no permutation");
        taken[axis] = true;
        shape[i] = x->shape[axis];
        from[i] = strides[axis];
    }
    const elman_status status = map_make(call, x, x->rank, shape, &y, &elements);
    if (status) return status;
    map_copy(elements, x->elements, map_element_size(x), x->rank, shape, from);
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- Gather ---- */

/* Rows of a constant table, picked by whole numbers that the graph reads: an embedding. */
static elman_status look_up(MapCall *call, const MapValue *table, const MapValue *indices) {
    const MapReference *const from = indices->elements;
    size_t shape[ONNX_RANK_MAX];
    MapValue y;
    void *elements;
    uint32_t base;
    if (table->content != MAP_NUMBERS || table->rank != 2 || indices->count == 0 ||
        indices->rank + 1 > ONNX_RANK_MAX)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "picks by an input of the graph, which is kept for rows of a constant "
                          "table of two dimensions only");
    for (size_t i = 0; i < indices->count; i++)
        if (from[i].base != from[0].base || from[i].feature != 0 ||
            call->map->bases[from[i].base].kind != MAP_INPUT)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "picks by whole numbers that are not an input of the graph");
    const MapBase made = {
        .kind = MAP_LOOK_UP,
        .node = call->node,
        .width = table->shape[1],
        .rows = table->shape[0],
        .below = from[0].base,
        .numbers = table->elements,
        .source = table->source,
        .source_type = table->type,
        .table = call->node->inputs[0],
    };
    for (size_t i = 0; i < indices->rank; i++) shape[i] = indices->shape[i];
    shape[indices->rank] = table->shape[1];
    const MapValue like = {.content = MAP_REFERENCES, .type = ONNX_FLOAT};
    elman_status status = map_add_base(call->map, &made, &base);
    if (!status) status = map_make(call, &like, indices->rank + 1, shape, &y, &elements);
    if (status) return status;
    MapReference *to = elements;
    for (size_t i = 0; i < indices->count; i++)
        for (size_t f = 0; f < table->shape[1]; f++)
            *to++ = (MapReference){base, from[i].first, from[i].second, (uint32_t)f};
    map_set(call, &y);
    return ELMAN_OK;
}

/* Y's axes are X's before `axis`, those of the indices, X's behind it. */
elman_status map_gather(MapCall *call) {
    const MapValue *const x = map_input(call, 0), *const indices = map_input(call, 1);
    size_t axis, rank = 0, shape[ONNX_RANK_MAX];
    int64_t given;
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_int(call, "axis", 0, &given)) ||
        (status = map_axis(call, given, x->rank, &axis)))
        return status;
    if (indices->content == MAP_REFERENCES && indices->type != ONNX_FLOAT &&
        indices->type != ONNX_DOUBLE && axis == 0)
        return look_up(call, x, indices);
    if (indices->content != MAP_INTEGERS || x->rank - 1 + indices->rank > ONNX_RANK_MAX)
        return map_refuse(
            call, ELMAN_ERR_UNSUPPORTED,
            "picks by what are no constant integers, or makes more than %d dimensions",
            ONNX_RANK_MAX);
    for (size_t i = 0; i < axis; i++) shape[rank++] = x->shape[i];
    for (size_t i = 0; i < indices->rank; i++) shape[rank++] = indices->shape[i];
    for (size_t i = axis + 1; i < x->rank; i++) shape[rank++] = x->shape[i];
    if ((status = map_make(call, x, rank, shape, &y, &elements))) return status;
    const size_t bytes = map_product(x->shape, axis + 1, x->rank) * map_element_size(x);
    const size_t outer = map_product(x->shape, 0, axis);
    const int64_t size = (int64_t)x->shape[axis];
    unsigned char *to = elements;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < indices->count; i++, to += bytes) {
            const int64_t index = ((const int64_t *)indices->elements)[i];
            if (index < -size || index >= size)
                return map_refuse(call, ELMAN_ERR_FORMAT,
                                  "picks element %" PRId64 " of an axis of %" PRId64, index, size);
            const size_t at = (size_t)(index < 0 ? index + size : index);
            memcpy(to, (const unsigned char *)x->elements + (o * x->shape[axis] + at) * bytes,
                   bytes);
        }
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- Concat, Split, Slice ---- */

static bool same_source(const MapValue *a, const MapValue *b) {
    return a->source && b->source && strcmp(a->source, b->source) == 0;
}

elman_status map_concat(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    size_t axis, shape[ONNX_RANK_MAX], start = 0;
    int64_t given;
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_int(call, "axis", INT64_MAX, &given)) ||
        (status = map_axis(call, given, x->rank, &axis)))
        return status;
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = 0;
    for (size_t k = 0; k < call->node->input_count; k++) {
        const MapValue *const part = map_input(call, k);
        if (!part || part->content != x->content || part->type != x->type || part->rank != x->rank)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "joins arrays of different kinds: constants and computed ones, or of "
                              "different types or dimensions");
        for (size_t i = 0; i < x->rank; i++)
            if (i != axis && part->shape[i] != x->shape[i])
                return map_refuse(call, ELMAN_ERR_FORMAT, "joins arrays of different shapes");
        shape[axis] += part->shape[axis];
    }
    if ((status = map_make(call, x, x->rank, shape, &y, &elements))) return status;
    const size_t inner = map_product(x->shape, axis + 1, x->rank) * map_element_size(x);
    const size_t outer = map_product(x->shape, 0, axis);
    for (size_t k = 0; k < call->node->input_count; k++) {
        const MapValue *const part = map_input(call, k);
        const size_t line = part->shape[axis] * inner;
        for (size_t o = 0; o < outer; o++)
            memcpy((unsigned char *)elements + (o * shape[axis] + start) * inner,
                   (const unsigned char *)part->elements + o * line, line);
        start += part->shape[axis];
        if (!same_source(&y, part)) y.source = NULL;
    }
    map_set(call, &y);
    return ELMAN_OK;
}

/* Output `index`: `size` of the axis from `start` on. */
static elman_status split_off(MapCall *call, size_t index, size_t axis, size_t start, size_t size) {
    const MapValue *const x = map_input(call, 0);
    size_t shape[ONNX_RANK_MAX];
    MapValue y;
    void *elements;
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = size;
    const elman_status status = map_make(call, x, x->rank, shape, &y, &elements);
    if (status) return status;
    const size_t inner = map_product(x->shape, axis + 1, x->rank) * map_element_size(x);
    const size_t outer = map_product(x->shape, 0, axis);
    for (size_t o = 0; o < outer; o++)
        memcpy((unsigned char *)elements + o * size * inner,
               (const unsigned char *)x->elements + (o * x->shape[axis] + start) * inner,
               size * inner);
    *map_output(call, index) = y;
    return ELMAN_OK;
}

elman_status map_split(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    const int64_t *sizes;
    size_t axis, count, start = 0;
    const size_t parts = call->node->output_count;
    int64_t given, wanted;
    bool listed;
    elman_status status;
    if ((status = map_int(call, "axis", 0, &given)) ||
        (status = map_axis(call, given, x->rank, &axis)) ||
        (status = map_int(call, "num_outputs", (int64_t)parts, &wanted)) ||
        (status = map_list(call, "split", 1, &sizes, &count, &listed)))
        return status;
    if (parts == 0 || wanted != (int64_t)parts || (listed && count != parts))
        return map_refuse(call, ELMAN_ERR_FORMAT, "has not as many outputs as it says");
    const size_t even = (x->shape[axis] + parts - 1) / parts;
    for (size_t i = 0; i < parts; i++) {
        const size_t left = x->shape[axis] - start;
        if (listed && (sizes[i] < 0 || (uint64_t)sizes[i] > left))
            return map_refuse(call, ELMAN_ERR_FORMAT, "has parts that are not its input's");
        const size_t size = listed ? (size_t)sizes[i] : even < left ? even : left;
        if ((status = split_off(call, i, axis, start, size))) return status;
        start += size;
    }
    if (start == x->shape[axis]) return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_FORMAT, "has parts that are not its input's");
}

/* A bound of a slice in the direction of its step, within what an axis of `size` allows. */
static int64_t clamp(int64_t bound, int64_t size, int64_t step) {
    const int64_t least = step < 0 ? -1 : 0, most = step < 0 ? size - 1 : size;
    if (bound < 0) bound += size;
    return bound < least ? least : bound > most ? most : bound;
}

typedef struct Slice {
    size_t shape[ONNX_RANK_MAX];
    ptrdiff_t strides[ONNX_RANK_MAX], start; /* in elements */
} Slice;

/* Whether a bound lies beyond an axis of `size` without meaning "to the end": such a number tells
 * of sizes at which the slice would leave something out. */
static bool is_beyond(int64_t bound, int64_t size) {
    return (bound > size && bound < INT32_MAX) || (bound < -size - 1 && bound > -INT32_MAX);
}

/* Whether an axis of x, of two elements or more, goes over steps or rows of an open number. */
static bool is_open_axis(const MapCall *call, size_t axis) {
    const MapValue *const x = map_input(call, 0);
    const size_t stride = map_product(x->shape, axis + 1, x->rank);
    if (x->content != MAP_REFERENCES || x->count <= stride || !map_has_open_sizes(call->map))
        return false;
    const MapReference *const first = x->elements, *const next = first + stride;
    return first->first != next->first || first->second != next->second;
}

static elman_status slice_axis(MapCall *call, size_t axis, int64_t start, int64_t end, int64_t step,
                               Slice *slice) {
    const int64_t size = (int64_t)slice->shape[axis];
    if ((is_beyond(start, size) || is_beyond(end, size)) && is_open_axis(call, axis))
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "takes a part, from %" PRId64 " to %" PRId64
                          ", of an open number of steps or rows, which cannot be kept",
                          start, end);
    if (step == 0 || step < -INT32_MAX || step > INT32_MAX)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has a step of %" PRId64, step);
    /* INT64_MIN is "from before the first on" for a step backwards. */
    if (end == INT64_MIN) end = -size - 1;
    if (start == INT64_MIN) start = -size;
    const int64_t first = clamp(start, size, step), last = clamp(end, size, step);
    const int64_t span = step > 0 ? last - first : first - last;
    const int64_t stride = step > 0 ? step : -step;
    slice->shape[axis] = span > 0 ? (size_t)((span + stride - 1) / stride) : 0;
    if (span > 0) slice->start += (ptrdiff_t)first * slice->strides[axis];
    slice->strides[axis] *= (ptrdiff_t)step;
    return ELMAN_OK;
}

elman_status map_slice(MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    const int64_t *starts, *ends, *axes, *steps;
    size_t count, ends_count, axes_count, steps_count;
    bool has_starts, has_ends, has_axes, has_steps, taken[ONNX_RANK_MAX] = {false};
    Slice slice = {.start = 0};
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_list(call, "starts", 1, &starts, &count, &has_starts)) ||
        (status = map_list(call, "ends", 2, &ends, &ends_count, &has_ends)) ||
        (status = map_list(call, "axes", 3, &axes, &axes_count, &has_axes)) ||
        (status = map_list(call, "steps", 4, &steps, &steps_count, &has_steps)))
        return status;
    if (!has_starts || !has_ends || ends_count != count || (has_axes && axes_count != count) ||
        (has_steps && steps_count != count) || count > x->rank)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has not one start, end, axis and step each");
    memcpy(slice.shape, x->shape, sizeof slice.shape);
    map_strides(x->rank, x->shape, slice.strides);
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        if ((status = map_axis(call, has_axes ? axes[i] : (int64_t)i, x->rank, &axis)))
            return status;
        if (taken[axis]) return map_refuse(call, ELMAN_ERR_FORMAT, "lists an axis twice");
        taken[axis] = true;
        status = slice_axis(call, axis, starts[i], ends[i], has_steps ? steps[i] : 1, &slice);
        if (status) return status;
    }
    if ((status = map_make(call, x, x->rank, slice.shape, &y, &elements))) return status;
    const size_t size = map_element_size(x);
    if (y.count > 0)
        map_copy(elements, (const unsigned char *)x->elements + slice.start * (ptrdiff_t)size, size,
                 x->rank, slice.shape, slice.strides);
    map_set(call, &y);
    return ELMAN_OK;
}
