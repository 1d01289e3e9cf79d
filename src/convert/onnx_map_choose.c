/* Operators that choose and reduce: one-hot rows, what counts up to a row's length, the mean and
 * the greatest over the steps. */
#include <math.h>
#include <string.h>

#include "convert/onnx_map_call.h"

/* ---- Constants ---- */

static double constant_at(const MapValue *value, size_t index) {
    return value->content == MAP_NUMBERS ? (double)((const float *)value->elements)[index]
                                         : (double)((const int64_t *)value->elements)[index];
}

elman_status map_range(MapCall *call) {
    double bounds[3];
    MapValue y;
    void *elements;
    const MapValue *const first = map_input(call, 0);
    for (size_t i = 0; i < 3; i++) {
        const MapValue *const bound = map_input(call, i);
        if (bound->content == MAP_REFERENCES || bound->count != 1 || bound->type != first->type)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "has bounds that are not single constants of one type");
        bounds[i] = constant_at(bound, 0);
    }
    const double wanted = ceil((bounds[1] - bounds[0]) / bounds[2]);
    if (!(wanted < 0x1p53)) return map_refuse(call, ELMAN_ERR_FORMAT, "has no end");
    const size_t count = wanted > 0.0 ? (size_t)wanted : 0;
    const elman_status status = map_make(call, first, 1, &count, &y, &elements);
    if (status) return status;
    const int64_t *const start = first->elements, *const step = map_input(call, 2)->elements;
    for (size_t i = 0; i < count; i++)
        if (y.content == MAP_NUMBERS)
            ((float *)elements)[i] = (float)(bounds[0] + (double)i * bounds[2]);
        else /* in integers: a double holds not all of them */
            ((int64_t *)elements)[i] = (int64_t)((uint64_t)*start + (uint64_t)i * (uint64_t)*step);
    y.source = NULL;
    map_set(call, &y);
    return ELMAN_OK;
}

elman_status map_less(MapCall *call) {
    const MapValue *const a = map_input(call, 0), *const b = map_input(call, 1);
    const MapValue like = {.content = MAP_INTEGERS, .type = ONNX_BOOL};
    MapPair pair;
    MapValue y;
    void *elements;
    elman_status status;
    if (a->content == MAP_REFERENCES || b->content != a->content || a->type != b->type)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "compares what are not two constants of one type");
    if ((status = map_pair(call, a, b, &pair)) ||
        (status = map_make(call, &like, pair.rank, pair.shape, &y, &elements)))
        return status;
    for (size_t i = 0; i < pair.count; i++)
        ((int64_t *)elements)[i] =
            a->content == MAP_NUMBERS ? ((const float *)pair.a)[i] < ((const float *)pair.b)[i]
                                      : ((const int64_t *)pair.a)[i] < ((const int64_t *)pair.b)[i];
    map_set(call, &y);
    return ELMAN_OK;
}

/* Kept where a constant takes the same side everywhere. */
elman_status map_where(MapCall *call) {
    const MapValue *const condition = map_input(call, 0);
    const int64_t *const sides = condition->elements;
    size_t rank, shape[ONNX_RANK_MAX], all_rank, all[ONNX_RANK_MAX];
    ptrdiff_t strides[ONNX_RANK_MAX];
    MapValue y;
    void *elements;
    elman_status status;
    bool is_one = condition->content == MAP_INTEGERS && condition->count > 0;
    for (size_t i = 1; i < condition->count && is_one; i++) is_one = !sides[i] == !sides[0];
    if (!is_one)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "chooses element by element, which cannot be kept");
    const MapValue *const chosen = map_input(call, sides[0] ? 1 : 2);
    const MapValue *const other = map_input(call, sides[0] ? 2 : 1);
    if ((status = map_broadcast(call, chosen->rank, chosen->shape, other->rank, other->shape, &rank,
                                shape)) ||
        (status =
             map_broadcast(call, rank, shape, condition->rank, condition->shape, &all_rank, all)) ||
        (status = map_make(call, chosen, all_rank, all, &y, &elements)))
        return status;
    map_repeat_strides(chosen, all_rank, strides);
    map_copy(elements, chosen->elements, map_element_size(chosen), all_rank, all, strides);
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- One-hot rows ---- */

static bool is_off_on(const MapValue *values) {
    const float *const numbers = values->elements;
    return values->content == MAP_NUMBERS && values->count == 2 && numbers[0] == 0.0f &&
           numbers[1] == 1.0f;
}

/* Tokens as rows of zeros with a one. */
elman_status map_one_hot(MapCall *call) {
    const MapValue *const indices = map_input(call, 0), *const depth = map_input(call, 1);
    const MapReference *const from = indices->elements;
    size_t axis, shape[ONNX_RANK_MAX];
    int64_t given;
    MapValue y;
    void *elements;
    uint32_t index;
    elman_status status;
    if ((status = map_int(call, "axis", -1, &given)) ||
        (status = map_axis(call, given, indices->rank + 1, &axis)))
        return status;
    bool is_kept = indices->content == MAP_REFERENCES && indices->count > 0 &&
                   indices->rank < ONNX_RANK_MAX && axis == indices->rank &&
                   depth->content == MAP_INTEGERS && depth->count == 1 &&
                   *(const int64_t *)depth->elements > 0 && is_off_on(map_input(call, 2));
    for (size_t i = 0; i < indices->count && is_kept; i++)
        is_kept = from[i].base == from[0].base && from[i].feature == 0 &&
                  call->map->bases[from[i].base].kind == MAP_INPUT &&
                  call->map->bases[from[i].base].is_whole;
    if (!is_kept)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "is kept for an input of the graph along the last axis, with the values "
                          "0 and 1, only");
    const size_t width = (size_t) * (const int64_t *)depth->elements;
    const MapBase made = {.kind = MAP_ONE_HOT,
                          .node = call->node,
                          .width = width,
                          .rows = width,
                          .below = from[0].base};
    const MapValue like = {.content = MAP_REFERENCES, .type = ONNX_FLOAT};
    for (size_t i = 0; i < indices->rank; i++) shape[i] = indices->shape[i];
    shape[indices->rank] = width;
    if ((status = map_add_base(call->map, &made, &index)) ||
        (status = map_make(call, &like, indices->rank + 1, shape, &y, &elements)))
        return status;
    MapReference *to = elements;
    for (size_t i = 0; i < indices->count; i++)
        for (size_t f = 0; f < width; f++)
            *to++ = (MapReference){index, from[i].first, from[i].second, (uint32_t)f};
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- Over the steps ---- */

/* Checks that along `axis` stand all steps of one row and feature of a layer's output. */
static elman_status check_steps(const MapCall *call, const MapValue *x, size_t axis) {
    const OnnxMap *const map = call->map;
    const MapReference *const from = x->elements;
    const size_t inner = map_product(x->shape, axis + 1, x->rank);
    bool is_kept = x->content == MAP_REFERENCES && x->count > 0 && x->shape[axis] == map->steps &&
                   map->bases[from[0].base].kind == MAP_Y;
    for (size_t i = 0; i < x->count && is_kept; i++) {
        const size_t step = i / inner % x->shape[axis];
        const MapReference first = from[i - step * inner];
        is_kept = from[i].base == from[0].base && from[i].first == step &&
                  from[i].second == first.second && from[i].feature == first.feature;
    }
    if (is_kept && map->layers[map->bases[from[0].base].layer].lengths == MAP_NO_BASE)
        return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "is kept over all steps of a recurrent layer's output, of rows that have "
                      "them all, only");
}

static elman_status reduce(MapCall *call, MapBaseKind kind) {
    const MapValue *const x = map_input(call, 0);
    const int64_t *axes;
    int64_t keeps, is_optional;
    size_t count, axis = 0, rank = 0, shape[ONNX_RANK_MAX];
    bool given;
    MapValue y;
    void *elements;
    uint32_t index;
    elman_status status;
    if ((status = map_list(call, "axes", 1, &axes, &count, &given)) ||
        (status = map_int(call, "keepdims", 1, &keeps)) ||
        (status = map_int(call, "noop_with_empty_axes", 0, &is_optional)))
        return status;
    if (count != 1)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED, "reduces %zu axes, which is kept for one",
                          count);
    if ((status = map_axis(call, axes[0], x->rank, &axis)) || (status = check_steps(call, x, axis)))
        return status;
    const MapReference *const from = x->elements;
    const MapBase *const layer = &call->map->bases[from[0].base];
    const MapBase made = {
        .kind = kind, .node = call->node, .width = layer->width, .layer = layer->layer};
    for (size_t i = 0; i < x->rank; i++)
        if (i != axis || keeps) shape[rank++] = i == axis ? 1 : x->shape[i];
    if ((status = map_add_base(call->map, &made, &index)) ||
        (status = map_make(call, x, rank, shape, &y, &elements)))
        return status;
    const size_t inner = map_product(x->shape, axis + 1, x->rank);
    for (size_t i = 0; i < y.count; i++) {
        const MapReference at = from[i / inner * inner * x->shape[axis] + i % inner];
        ((MapReference *)elements)[i] = (MapReference){index, 0, at.second, at.feature};
    }
    map_set(call, &y);
    return ELMAN_OK;
}

elman_status map_reduce_max(MapCall *call) {
    return reduce(call, MAP_GREATEST);
}

elman_status map_reduce_mean(MapCall *call) {
    return reduce(call, MAP_MEAN);
}

elman_status map_reduce_sum(MapCall *call) {
    return reduce(call, MAP_SUM);
}

/* A sum over the steps by their number is a mean; else numbers are divided. */
elman_status map_div(MapCall *call) {
    OnnxMap *const map = call->map;
    const MapValue *const x = map_input(call, 0), *const divisor = map_input(call, 1);
    MapPair pair;
    MapValue y;
    void *elements;
    uint32_t index;
    elman_status status;
    const MapReference *const from = x->elements;
    if (x->content != MAP_REFERENCES || x->count == 0 || map->bases[from[0].base].kind != MAP_SUM)
        return map_divide_numbers(call);
    bool is_mean = divisor->content == MAP_NUMBERS;
    for (size_t i = 0; i < x->count && is_mean; i++) is_mean = from[i].base == from[0].base;
    for (size_t i = 0; i < divisor->count && is_mean; i++)
        is_mean = constant_at(divisor, i) == (double)map->steps;
    if (!is_mean)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "is kept for a sum over all steps by their number only");
    MapBase made = map->bases[from[0].base];
    made.kind = MAP_MEAN;
    made.node = call->node;
    if ((status = map_pair(call, x, divisor, &pair)) ||
        (status = map_add_base(map, &made, &index)) ||
        (status = map_make(call, x, pair.rank, pair.shape, &y, &elements)))
        return status;
    memcpy(elements, pair.a, pair.count * sizeof(MapReference));
    for (size_t i = 0; i < pair.count; i++) ((MapReference *)elements)[i].base = index;
    map_set(call, &y);
    return ELMAN_OK;
}
