/* Operators that pick and arrange elements. */
#include <inttypes.h>

#include "convert/oracle_onnx_call.h"

elman_status oracle_transpose(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    const OnnxAttribute *const perm = onnx_attribute(call->node, "perm");
    size_t shape[ONNX_RANK_MAX], from[ONNX_RANK_MAX], strides[ONNX_RANK_MAX];
    bool taken[ONNX_RANK_MAX] = {false};
    OracleArray *y;
    if (perm && (perm->type != ONNX_ATTRIBUTE_INTS || !perm->is_list || perm->count != x->rank))
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "perm has not an entry for each axis");
    oracle_strides(x, strides);
    for (size_t i = 0; i < x->rank; i++) {
        const int64_t axis = perm ? perm->ints[i] : (int64_t)(x->rank - 1 - i);
        if (axis < 0 || axis >= (int64_t)x->rank || taken[axis])
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "perm is no permutation of the axes");
        taken[axis] = true;
        shape[i] = x->shape[axis];
        from[i] = strides[axis];
    }
    const elman_status status = oracle_output(call, 0, x->type, x->rank, shape, &y);
    if (status) return status;
    for (size_t i = 0; i < y->count; i++)
        oracle_copy(y, i, x, oracle_offset(i, x->rank, shape, from));
    return ELMAN_OK;
}

/* Y's axes are X's before `axis`, those of the indices, X's behind it. */
elman_status oracle_gather(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0), *const indices = oracle_input(call, 1);
    size_t axis, rank = 0, shape[ONNX_RANK_MAX];
    int64_t given;
    OracleArray *y;
    elman_status status;
    if ((status = oracle_int(call, "axis", 0, &given)) ||
        (status = oracle_axis(call, given, x->rank, &axis)) ||
        (status = oracle_want_integers(call, indices)))
        return status;
    if (x->rank - 1 + indices->rank > ONNX_RANK_MAX)
        return oracle_refuse(call, ELMAN_ERR_UNSUPPORTED, "makes more than %d dimensions",
                             ONNX_RANK_MAX);
    for (size_t i = 0; i < axis; i++) shape[rank++] = x->shape[i];
    for (size_t i = 0; i < indices->rank; i++) shape[rank++] = indices->shape[i];
    for (size_t i = axis + 1; i < x->rank; i++) shape[rank++] = x->shape[i];
    if ((status = oracle_output(call, 0, x->type, rank, shape, &y))) return status;
    const size_t inner = oracle_product(x->shape, axis + 1, x->rank);
    for (size_t i = 0; i < y->count; i++) {
        const size_t outer = i / inner / indices->count;
        const int64_t index = indices->integers[i / inner % indices->count];
        const int64_t size = (int64_t)x->shape[axis];
        if (index < -size || index >= size)
            return oracle_refuse(call, ELMAN_ERR_DATA,
                                 "index %" PRId64 " is not in an axis of %" PRId64, index, size);
        const size_t at = (size_t)(index < 0 ? index + size : index);
        oracle_copy(y, i, x, (outer * x->shape[axis] + at) * inner + i % inner);
    }
    return ELMAN_OK;
}

/* Whether two arrays differ in nothing but the size of `axis`. */
static bool fit(const OracleArray *a, const OracleArray *b, size_t axis) {
    if (a->type != b->type || a->rank != b->rank) return false;
    for (size_t i = 0; i < a->rank; i++)
        if (i != axis && a->shape[i] != b->shape[i]) return false;
    return true;
}

elman_status oracle_concat(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    size_t axis, shape[ONNX_RANK_MAX], start = 0;
    int64_t given;
    OracleArray *y;
    elman_status status;
    if ((status = oracle_int(call, "axis", INT64_MAX, &given)) ||
        (status = oracle_axis(call, given, x->rank, &axis)))
        return status;
    for (size_t i = 0; i < x->rank; i++) shape[i] = x->shape[i];
    for (size_t i = 1; i < call->node->input_count; i++) {
        const OracleArray *const part = oracle_input(call, i);
        if (!part || !fit(x, part, axis))
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "input %zu does not fit the first", i + 1);
        shape[axis] += part->shape[axis];
    }
    if ((status = oracle_output(call, 0, x->type, x->rank, shape, &y))) return status;
    const size_t inner = oracle_product(x->shape, axis + 1, x->rank);
    for (size_t i = 0; i < call->node->input_count; i++) {
        const OracleArray *const part = oracle_input(call, i);
        const size_t run = part->shape[axis] * inner;
        for (size_t k = 0; k < part->count; k++)
            oracle_copy(y, k / run * shape[axis] * inner + start * inner + k % run, part, k);
        start += part->shape[axis];
    }
    return ELMAN_OK;
}

/* Copies the part of `axis` from `start` on, of y's size. */
static void copy_part(OracleArray *y, const OracleArray *x, size_t axis, size_t start) {
    const size_t inner = oracle_product(x->shape, axis + 1, x->rank);
    const size_t run = y->shape[axis] * inner;
    for (size_t i = 0; i < y->count; i++)
        oracle_copy(y, i, x, (i / run * x->shape[axis] + start) * inner + i % run);
}

/* The size of part `index` of `parts`: as listed, or all equal but for a smaller last one. */
static elman_status part_size(const OracleCall *call, const int64_t *sizes, size_t parts,
                              size_t index, size_t whole, size_t left, size_t *size) {
    const size_t equal = whole / parts + (whole % parts != 0);
    if (!sizes) {
        *size = equal < left ? equal : left;
        return ELMAN_OK;
    }
    if (sizes[index] < 0 || (uint64_t)sizes[index] > left)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its parts are not as large as the axis");
    *size = (size_t)sizes[index];
    return ELMAN_OK;
}

elman_status oracle_split(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    const size_t parts = call->node->output_count;
    const int64_t *sizes;
    size_t axis, count, start = 0, shape[ONNX_RANK_MAX];
    int64_t given_axis, given_parts;
    bool given;
    elman_status status;
    if ((status = oracle_int(call, "axis", 0, &given_axis)) ||
        (status = oracle_int(call, "num_outputs", (int64_t)parts, &given_parts)) ||
        (status = oracle_axis(call, given_axis, x->rank, &axis)) ||
        (status = oracle_list(call, "split", 1, &sizes, &count, &given)))
        return status;
    if (parts == 0 || given_parts != (int64_t)parts || (given && count != parts))
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "has not as many parts as outputs");
    for (size_t i = 0; i < x->rank; i++) shape[i] = x->shape[i];
    for (size_t i = 0; i < parts; i++) {
        OracleArray *y;
        status = part_size(call, given ? sizes : NULL, parts, i, x->shape[axis],
                           x->shape[axis] - start, &shape[axis]);
        if (status) return status;
        if (call->node->outputs[i] == ONNX_NONE)
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "output %zu has no name", i + 1);
        if ((status = oracle_output(call, i, x->type, x->rank, shape, &y))) return status;
        copy_part(y, x, axis, start);
        start += shape[axis];
    }
    if (start != x->shape[axis])
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its parts are not as large as the axis");
    return ELMAN_OK;
}

/* One axis of a slice: its elements are start, start + step, ... */
typedef struct Range {
    size_t start, count;
    int64_t step;
} Range;

static int64_t clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

static Range make_range(int64_t start, int64_t end, int64_t step, size_t whole) {
    const int64_t size = (int64_t)whole;
    const int64_t last = step > 0 ? size : size - 1;
    if (start < 0) start = start < -size ? -1 : start + size;
    if (end < 0) end = end < -size ? -1 : end + size;
    start = clamp(start, 0, last < 0 ? 0 : last);
    end = clamp(end, step > 0 ? 0 : -1, size);
    const uint64_t distance = step > 0 ? (end > start ? (uint64_t)(end - start) : 0)
                                       : (start > end ? (uint64_t)(start - end) : 0);
    const uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    const uint64_t count = size == 0 ? 0 : distance / stride + (distance % stride != 0);
    return (Range){(size_t)start, (size_t)count, step};
}

/* Attribute or input `index` of a slice, as long as `count` unless that is 0. */
static elman_status slice_list(const OracleCall *call, const char *name, size_t index, size_t count,
                               const int64_t **list, size_t *length, bool *given) {
    const elman_status status = oracle_list(call, name, index, list, length, given);
    if (status || !*given || count == 0 || *length == count) return status;
    return oracle_refuse(call, ELMAN_ERR_FORMAT, "%s has %zu entries, expected %zu", name, *length,
                         count);
}

static elman_status read_ranges(const OracleCall *call, const OracleArray *x,
                                Range ranges[ONNX_RANK_MAX]) {
    const int64_t *starts, *ends, *axes, *steps;
    size_t count, length, axis;
    bool has_starts, has_ends, has_axes, has_steps, taken[ONNX_RANK_MAX] = {false};
    elman_status status;
    if ((status = slice_list(call, "starts", 1, 0, &starts, &count, &has_starts)) ||
        (status = slice_list(call, "ends", 2, count, &ends, &length, &has_ends)) ||
        (status = slice_list(call, "axes", 3, count, &axes, &length, &has_axes)) ||
        (status = slice_list(call, "steps", 4, count, &steps, &length, &has_steps)))
        return status;
    if (!has_starts || !has_ends || count > x->rank)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "has no starts and ends for its axes");
    for (size_t i = 0; i < x->rank; i++) ranges[i] = (Range){0, x->shape[i], 1};
    for (size_t i = 0; i < count; i++) {
        const int64_t step = has_steps ? steps[i] : 1;
        status = oracle_axis(call, has_axes ? axes[i] : (int64_t)i, x->rank, &axis);
        if (status) return status;
        if (step == 0 || taken[axis])
            return oracle_refuse(call, ELMAN_ERR_FORMAT, "has a step of 0 or an axis twice");
        taken[axis] = true;
        ranges[axis] = make_range(starts[i], ends[i], step, x->shape[axis]);
    }
    return ELMAN_OK;
}

elman_status oracle_slice(OracleCall *call) {
    const OracleArray *const x = oracle_input(call, 0);
    Range ranges[ONNX_RANK_MAX];
    size_t shape[ONNX_RANK_MAX], strides[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status = read_ranges(call, x, ranges);
    if (status) return status;
    for (size_t i = 0; i < x->rank; i++) shape[i] = ranges[i].count;
    if ((status = oracle_output(call, 0, x->type, x->rank, shape, &y))) return status;
    oracle_strides(x, strides);
    for (size_t i = 0; i < y->count; i++) {
        size_t rest = i, from = 0;
        for (size_t k = x->rank; k-- > 0;) {
            const int64_t along = (int64_t)(rest % shape[k]) * ranges[k].step;
            from += (ranges[k].start + (size_t)along) * strides[k];
            rest /= shape[k];
        }
        oracle_copy(y, i, x, from);
    }
    return ELMAN_OK;
}
