/* Operators that compare, choose and reduce: what counts up to a row's length, and one-hot rows. */
#include <inttypes.h>
#include <math.h>

#include "convert/oracle_onnx_call.h"

/* ---- Choices ---- */

elman_status oracle_less(OracleCall *call) {
    const OracleArray *const a = oracle_input(call, 0), *const b = oracle_input(call, 1);
    size_t rank, shape[ONNX_RANK_MAX], strides_a[ONNX_RANK_MAX], strides_b[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status;
    if (a->type != b->type || a->type == ONNX_BOOL)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "its inputs are of types %s and %s",
                             onnx_type_name(a->type), onnx_type_name(b->type));
    status = oracle_broadcast(call, a->rank, a->shape, b->rank, b->shape, &rank, shape);
    if (status) return status;
    if ((status = oracle_output(call, 0, ONNX_BOOL, rank, shape, &y))) return status;
    oracle_broadcast_strides(a, rank, strides_a);
    oracle_broadcast_strides(b, rank, strides_b);
    for (size_t i = 0; i < y->count; i++) {
        const size_t at_a = oracle_offset(i, rank, shape, strides_a);
        const size_t at_b = oracle_offset(i, rank, shape, strides_b);
        y->integers[i] = a->numbers ? a->numbers[at_a] < b->numbers[at_b]
                                    : a->integers[at_a] < b->integers[at_b];
    }
    return ELMAN_OK;
}

elman_status oracle_where(OracleCall *call) {
    const OracleArray *const condition = oracle_input(call, 0);
    const OracleArray *const a = oracle_input(call, 1), *const b = oracle_input(call, 2);
    size_t rank, shape[ONNX_RANK_MAX], all_rank, all[ONNX_RANK_MAX];
    size_t strides[ONNX_RANK_MAX], strides_a[ONNX_RANK_MAX], strides_b[ONNX_RANK_MAX];
    OracleArray *y;
    elman_status status;
    if (condition->type != ONNX_BOOL || a->type != b->type)
        return oracle_refuse(call, ELMAN_ERR_FORMAT,
                             "chooses by %s between %s and %s, expected bool between two of a type",
                             onnx_type_name(condition->type), onnx_type_name(a->type),
                             onnx_type_name(b->type));
    if ((status = oracle_broadcast(call, a->rank, a->shape, b->rank, b->shape, &rank, shape)) ||
        (status = oracle_broadcast(call, rank, shape, condition->rank, condition->shape, &all_rank,
                                   all)) ||
        (status = oracle_output(call, 0, a->type, all_rank, all, &y)))
        return status;
    oracle_broadcast_strides(condition, all_rank, strides);
    oracle_broadcast_strides(a, all_rank, strides_a);
    oracle_broadcast_strides(b, all_rank, strides_b);
    for (size_t i = 0; i < y->count; i++)
        if (condition->integers[oracle_offset(i, all_rank, all, strides)])
            oracle_copy(y, i, a, oracle_offset(i, all_rank, all, strides_a));
        else
            oracle_copy(y, i, b, oracle_offset(i, all_rank, all, strides_b));
    return ELMAN_OK;
}

/* ---- Numbers from sizes and tokens ---- */

elman_status oracle_range(OracleCall *call) {
    const OracleArray *bounds[3];
    double number[3];
    OracleArray *y;
    for (size_t i = 0; i < 3; i++) {
        bounds[i] = oracle_input(call, i);
        if (bounds[i]->count != 1 || bounds[i]->type != bounds[0]->type ||
            bounds[i]->type == ONNX_BOOL)
            return oracle_refuse(call, ELMAN_ERR_FORMAT,
                                 "its bounds are not three single numbers of one type");
        number[i] = bounds[i]->numbers ? bounds[i]->numbers[0] : (double)bounds[i]->integers[0];
    }
    const double wanted = ceil((number[1] - number[0]) / number[2]);
    if (!(wanted < 0x1p53))
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "has no end: from %g to %g by %g", number[0],
                             number[1], number[2]);
    const size_t count = wanted > 0.0 ? (size_t)wanted : 0;
    const elman_status status = oracle_output(call, 0, bounds[0]->type, 1, &count, &y);
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        if (y->numbers)
            y->numbers[i] = number[0] + (double)i * number[2];
        else
            y->integers[i] = (int64_t)((uint64_t)bounds[0]->integers[0] +
                                       (uint64_t)i * (uint64_t)bounds[2]->integers[0]);
    return ELMAN_OK;
}

/* An index outside -depth ... depth - 1 has the off value everywhere. */
elman_status oracle_one_hot(OracleCall *call) {
    const OracleArray *const indices = oracle_input(call, 0), *const depth = oracle_input(call, 1);
    const OracleArray *const values = oracle_input(call, 2);
    size_t axis, shape[ONNX_RANK_MAX];
    int64_t given;
    OracleArray *y;
    elman_status status;
    if ((status = oracle_want_integers(call, indices)) ||
        (status = oracle_want_integers(call, depth)) ||
        (status = oracle_int(call, "axis", -1, &given)) ||
        (status = oracle_axis(call, given, indices->rank + 1, &axis)))
        return status;
    if (depth->count != 1 || depth->integers[0] < 1 || values->rank != 1 || values->count != 2 ||
        indices->rank == ONNX_RANK_MAX)
        return oracle_refuse(call, ELMAN_ERR_FORMAT,
                             "its depth is not one number from 1 on, or its values are not two");
    for (size_t i = 0, from = 0; i <= indices->rank; i++)
        shape[i] = i == axis ? (size_t)depth->integers[0] : indices->shape[from++];
    if ((status = oracle_output(call, 0, values->type, indices->rank + 1, shape, &y)))
        return status;
    const size_t inner = oracle_product(shape, axis + 1, y->rank);
    for (size_t i = 0; i < y->count; i++) {
        const size_t outer = i / inner / shape[axis];
        const int64_t index = indices->integers[outer * inner + i % inner];
        const int64_t hot = index < 0 ? index + depth->integers[0] : index;
        oracle_copy(y, i, values, (int64_t)(i / inner % shape[axis]) == hot);
    }
    return ELMAN_OK;
}

/* ---- Reductions ---- */

/* Marks the axes to reduce, all of them where the node lists none, and makes the output. */
static elman_status open_reduction(OracleCall *call, bool reduced[ONNX_RANK_MAX], OracleArray **y) {
    const OracleArray *const x = oracle_input(call, 0);
    const int64_t *axes;
    size_t count, axis, rank = 0, shape[ONNX_RANK_MAX];
    int64_t keeps, is_optional;
    bool given;
    elman_status status;
    if ((status = oracle_want_real(call, x)) ||
        (status = oracle_list(call, "axes", 1, &axes, &count, &given)) ||
        (status = oracle_int(call, "keepdims", 1, &keeps)) ||
        (status = oracle_int(call, "noop_with_empty_axes", 0, &is_optional)))
        return status;
    for (size_t i = 0; i < x->rank; i++) reduced[i] = count == 0 && !is_optional;
    for (size_t i = 0; i < count; i++) {
        if ((status = oracle_axis(call, axes[i], x->rank, &axis))) return status;
        reduced[axis] = true;
    }
    for (size_t i = 0; i < x->rank; i++)
        if (!reduced[i] || keeps) shape[rank++] = reduced[i] ? 1 : x->shape[i];
    return oracle_output(call, 0, x->type, rank, shape, y);
}

typedef enum Reduction { SUM, MEAN, GREATEST } Reduction;

static elman_status reduce(OracleCall *call, Reduction reduction) {
    const bool is_sum = reduction != GREATEST;
    const OracleArray *const x = oracle_input(call, 0);
    bool reduced[ONNX_RANK_MAX] = {false};
    size_t strides[ONNX_RANK_MAX], stride = 1;
    OracleArray *y;
    const elman_status status = open_reduction(call, reduced, &y);
    if (status) return status;
    for (size_t i = x->rank; i-- > 0;) {
        strides[i] = reduced[i] ? 0 : stride;
        if (!reduced[i]) stride *= x->shape[i];
    }
    if (!is_sum && x->count == 0 && y->count > 0)
        return oracle_refuse(call, ELMAN_ERR_FORMAT, "has no element to take the greatest of");
    for (size_t i = 0; i < y->count; i++) y->numbers[i] = is_sum ? 0.0 : -(double)INFINITY;
    for (size_t i = 0; i < x->count; i++) {
        double *const result = &y->numbers[oracle_offset(i, x->rank, x->shape, strides)];
        const double number = x->numbers[i];
        *result = is_sum ? *result + number : number > *result || isnan(number) ? number : *result;
    }
    /* Each result is of as many elements as the others. */
    for (size_t i = 0; i < y->count && reduction == MEAN; i++)
        y->numbers[i] /= (double)x->count / (double)y->count;
    return ELMAN_OK;
}

elman_status oracle_reduce_sum(OracleCall *call) {
    return reduce(call, SUM);
}

elman_status oracle_reduce_mean(OracleCall *call) {
    return reduce(call, MEAN);
}

elman_status oracle_reduce_max(OracleCall *call) {
    return reduce(call, GREATEST);
}
