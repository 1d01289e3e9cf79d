/* Arithmetic: of constants it makes constants, of what the graph reads affine functions of a base's
 * features. */
#include <string.h>

#include "convert/onnx_map_call.h"

typedef enum Arithmetic { ADD, SUBTRACT, MULTIPLY, DIVIDE, MINIMUM } Arithmetic;

static elman_status repeat(MapCall *call, const MapValue *value, const MapPair *pair,
                           const void **elements) {
    ptrdiff_t strides[ONNX_RANK_MAX];
    void *block;
    *elements = value->elements;
    if (value->count == pair->count) return ELMAN_OK;
    const elman_status status = map_block(call->map, pair->count, map_element_size(value), &block);
    if (status) return status;
    map_repeat_strides(value, pair->rank, strides);
    map_copy(block, value->elements, map_element_size(value), pair->rank, pair->shape, strides);
    *elements = block;
    return ELMAN_OK;
}

elman_status map_pair(MapCall *call, const MapValue *a, const MapValue *b, MapPair *pair) {
    elman_status status =
        map_broadcast(call, a->rank, a->shape, b->rank, b->shape, &pair->rank, pair->shape);
    if (status) return status;
    pair->count = map_product(pair->shape, 0, pair->rank);
    status = repeat(call, a, pair, &pair->a);
    return status ? status : repeat(call, b, pair, &pair->b);
}

/* ---- Constants ---- */

/* Integers wrap around, as in the specification's other implementations. */
static int64_t combine_integers(Arithmetic arithmetic, OnnxType type, int64_t a, int64_t b) {
    if (arithmetic == MINIMUM) return a < b ? a : b;
    const uint64_t result = arithmetic == ADD        ? (uint64_t)a + (uint64_t)b
                            : arithmetic == SUBTRACT ? (uint64_t)a - (uint64_t)b
                                                     : (uint64_t)a * (uint64_t)b;
    return type == ONNX_INT32 ? (int32_t)(uint32_t)result : (int64_t)result;
}

static float combine_numbers(Arithmetic arithmetic, float a, float b) {
    return arithmetic == ADD        ? a + b
           : arithmetic == SUBTRACT ? a - b
           : arithmetic == DIVIDE   ? a / b
                                    : a * b;
}

static elman_status combine_constants(MapCall *call, Arithmetic arithmetic, const MapValue *a,
                                      const MapValue *b) {
    MapPair pair;
    MapValue y;
    void *elements;
    elman_status status;
    if ((status = map_pair(call, a, b, &pair)) ||
        (status = map_make(call, a, pair.rank, pair.shape, &y, &elements)))
        return status;
    y.source = NULL;
    for (size_t i = 0; i < pair.count; i++)
        if (a->content == MAP_INTEGERS) {
            ((int64_t *)elements)[i] = combine_integers(
                arithmetic, a->type, ((const int64_t *)pair.a)[i], ((const int64_t *)pair.b)[i]);
        } else {
            ((float *)elements)[i] =
                combine_numbers(arithmetic, ((const float *)pair.a)[i], ((const float *)pair.b)[i]);
        }
    map_set(call, &y);
    return ELMAN_OK;
}

/* ---- A number for each feature ---- */

/* Reads into numbers[width] the one that each feature meets. */
static elman_status read_numbers(MapCall *call, const MapPair *pair, size_t width, float *numbers,
                                 bool *seen) {
    const MapReference *const references = pair->a;
    const float *const constants = pair->b;
    for (size_t i = 0; i < pair->count; i++) {
        const uint32_t feature = references[i].feature;
        if (references[i].base != references[0].base)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "computes with several layers or inputs at once, which cannot be "
                              "kept");
        if (feature < width && !seen[feature]) {
            numbers[feature] = constants[i];
            seen[feature] = true;
        } else if (feature >= width || numbers[feature] != constants[i]) {
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "has a constant that differs between steps or rows, which cannot be "
                              "kept");
        }
    }
    return ELMAN_OK;
}

/* Output 0 becomes `x` combined with a constant, which stands behind it. */
static elman_status combine_features(MapCall *call, Arithmetic arithmetic, const MapValue *x,
                                     const MapValue *constant) {
    OnnxMap *const map = call->map;
    const MapReference *const references = x->elements;
    MapPair pair;
    MapValue y;
    void *elements, *numbers, *seen;
    uint32_t base;
    elman_status status;
    if (x->count == 0 || constant->count == 0)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED, "computes with an empty array");
    const size_t width = map->bases[references[0].base].width;
    const bool is_sum = arithmetic == ADD || arithmetic == SUBTRACT;
    if ((status = map_pair(call, x, constant, &pair)) ||
        (status = map_block(map, width, sizeof(float), &numbers)) ||
        (status = map_block(map, width, sizeof(bool), &seen)))
        return status;
    for (size_t i = 0; i < width && !is_sum; i++) ((float *)numbers)[i] = 1.0f;
    if ((status = read_numbers(call, &pair, width, numbers, seen))) return status;
    for (size_t i = 0; i < width; i++)
        if (arithmetic == SUBTRACT)
            ((float *)numbers)[i] = -((float *)numbers)[i];
        else if (arithmetic == DIVIDE)
            ((float *)numbers)[i] = 1.0f / ((float *)numbers)[i];
    const MapBase made = {
        .kind = is_sum ? MAP_SHIFT : MAP_SCALE,
        .node = call->node,
        .width = width,
        .below = references[0].base,
        .numbers = numbers,
        .source = constant->source,
        .source_type = constant->type,
    };
    if ((status = map_add_base(map, &made, &base)) ||
        (status = map_make(call, x, pair.rank, pair.shape, &y, &elements)))
        return status;
    MapReference *const to = elements;
    for (size_t i = 0; i < pair.count; i++) {
        to[i] = ((const MapReference *)pair.a)[i];
        to[i].base = base;
    }
    map_set(call, &y);
    return ELMAN_OK;
}

static elman_status combine(MapCall *call, Arithmetic arithmetic) {
    const MapValue *const a = map_input(call, 0), *const b = map_input(call, 1);
    if (a->type != b->type || a->type == ONNX_BOOL)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has inputs of types %s and %s",
                          onnx_type_name(a->type), onnx_type_name(b->type));
    if (a->content != MAP_REFERENCES && b->content != MAP_REFERENCES)
        return combine_constants(call, arithmetic, a, b);
    if (a->content == MAP_REFERENCES && b->content == MAP_NUMBERS)
        return combine_features(call, arithmetic, a, b);
    if (b->content == MAP_REFERENCES && a->content == MAP_NUMBERS &&
        (arithmetic == ADD || arithmetic == MULTIPLY))
        return combine_features(call, arithmetic, b, a);
    return map_refuse(
        call, ELMAN_ERR_UNSUPPORTED,
        "computes with two values that both follow from the graph's inputs, or with "
        "whole numbers among these, or by them from a constant, which cannot be kept");
}

elman_status map_add(MapCall *call) {
    return combine(call, ADD);
}

elman_status map_sub(MapCall *call) {
    return combine(call, SUBTRACT);
}

elman_status map_divide_numbers(MapCall *call) {
    if (map_input(call, 0)->type == ONNX_FLOAT || map_input(call, 0)->type == ONNX_DOUBLE)
        return combine(call, DIVIDE);
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED, "divides whole numbers, which cannot be kept");
}

elman_status map_mul(MapCall *call) {
    return combine(call, MULTIPLY);
}

elman_status map_min(MapCall *call) {
    const MapValue *const a = map_input(call, 0), *const b = map_input(call, 1);
    if (call->node->input_count != 2 || !b || a->content != MAP_INTEGERS ||
        b->content != MAP_INTEGERS || a->type != b->type)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "is kept for two constants of whole numbers only");
    return combine_constants(call, MINIMUM, a, b);
}

/* ---- Products ---- */

/* A constant matrix as [outputs][inputs], each number times `factor`. */
static elman_status read_matrix(MapCall *call, const MapValue *matrix, bool is_turned, float factor,
                                size_t outputs, size_t inputs, const float **numbers) {
    const size_t shape[] = {outputs, inputs};
    const ptrdiff_t strides[] = {1, (ptrdiff_t)outputs};
    void *block;
    *numbers = matrix->elements;
    if (is_turned && factor == 1.0f) return ELMAN_OK;
    const elman_status status = map_block(call->map, outputs * inputs, sizeof(float), &block);
    if (status) return status;
    if (is_turned)
        memcpy(block, matrix->elements, outputs * inputs * sizeof(float));
    else
        map_copy(block, matrix->elements, sizeof(float), 2, shape, strides);
    if (factor != 1.0f)
        for (size_t i = 0; i < outputs * inputs; i++) ((float *)block)[i] *= factor;
    *numbers = block;
    return ELMAN_OK;
}

/* *y = x with the last axis replaced by the product's; rank - 1 axes where `is_flat`. */
static elman_status multiply(MapCall *call, const MapValue *x, const MapBase *product, bool is_flat,
                             MapValue *y) {
    OnnxMap *const map = call->map;
    const MapReference *const references = x->elements;
    const size_t rows = x->count / product->inner;
    MapBase made = *product;
    MapReference place;
    size_t shape[ONNX_RANK_MAX];
    void *elements, *picks, *others;
    uint32_t base;
    elman_status status;
    if ((status = map_block(map, made.inner, sizeof(uint32_t), &picks)) ||
        (status = map_block(map, made.inner, sizeof(uint32_t), &others)) ||
        (status = map_read_vector(call, references, made.inner, &place, picks)))
        return status;
    made.below = place.base;
    made.picks = picks;
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = made.width;
    if ((status = map_add_base(map, &made, &base)) ||
        (status = map_make(call, x, x->rank - is_flat, shape, y, &elements)))
        return status;
    MapReference *to = elements;
    for (size_t row = 0; row < rows; row++) {
        status = map_read_vector(call, references + row * made.inner, made.inner, &place, others);
        if (status) return status;
        if (place.base != made.below || memcmp(others, picks, made.inner * sizeof(uint32_t)) != 0)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "reads other features at other steps or rows, which cannot be kept");
        for (size_t f = 0; f < made.width; f++)
            *to++ = (MapReference){base, place.first, place.second, (uint32_t)f};
    }
    return ELMAN_OK;
}

/* Checks that input 0 follows from the graph's inputs and input 1 is a constant matrix. */
static elman_status check_factors(const MapCall *call, size_t least_rank) {
    const MapValue *const x = map_input(call, 0), *const matrix = map_input(call, 1);
    if (x->content == MAP_REFERENCES && matrix->content == MAP_NUMBERS && x->rank >= 1 &&
        x->count > 0 && matrix->count > 0 && matrix->rank >= least_rank && matrix->rank <= 2)
        return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "is kept only as a computed array times a constant matrix, in this order");
}

elman_status map_matmul(MapCall *call) {
    const MapValue *const x = map_input(call, 0), *const matrix = map_input(call, 1);
    MapValue y;
    elman_status status = check_factors(call, 1);
    if (status) return status;
    MapBase product = {.kind = MAP_PRODUCT,
                       .node = call->node,
                       .inner = matrix->shape[0],
                       .width = matrix->rank == 2 ? matrix->shape[1] : 1,
                       .source = matrix->source,
                       .source_type = matrix->type};
    if (x->shape[x->rank - 1] != product.inner)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has matrices that do not fit each other");
    if ((status = read_matrix(call, matrix, false, 1.0f, product.width, product.inner,
                              &product.numbers)) ||
        (status = multiply(call, x, &product, matrix->rank == 1, &y)))
        return status;
    map_set(call, &y);
    return ELMAN_OK;
}

/* C as it is added, after beta. */
static elman_status scale_bias(MapCall *call, const MapValue *c, float beta, MapValue *bias) {
    void *elements;
    *bias = *c;
    if (beta == 1.0f) return ELMAN_OK;
    const elman_status status = map_make(call, c, c->rank, c->shape, bias, &elements);
    for (size_t i = 0; i < c->count && !status; i++)
        ((float *)elements)[i] = ((const float *)c->elements)[i] * beta;
    return status;
}

/* alpha A B' + beta C. */
elman_status map_gemm(MapCall *call) {
    const MapValue *const a = map_input(call, 0), *const b = map_input(call, 1);
    const MapValue *const c = map_input(call, 2);
    int64_t turn_a, turn_b;
    float alpha, beta;
    MapValue y, bias;
    elman_status status;
    if ((status = check_factors(call, 2)) || (status = map_int(call, "transA", 0, &turn_a)) ||
        (status = map_int(call, "transB", 0, &turn_b)) ||
        (status = map_float(call, "alpha", 1.0f, &alpha)) ||
        (status = map_float(call, "beta", 1.0f, &beta)))
        return status;
    if (turn_a || (c && c->content != MAP_NUMBERS))
        return map_refuse(
            call, ELMAN_ERR_UNSUPPORTED,
            "turns its first matrix over or adds what is no constant, which cannot be "
            "kept");
    MapBase product = {.kind = MAP_PRODUCT,
                       .node = call->node,
                       .is_turned = turn_b != 0,
                       .inner = b->shape[turn_b ? 1 : 0],
                       .width = b->shape[turn_b ? 0 : 1],
                       .source = b->source,
                       .source_type = b->type};
    if (a->rank != 2 || a->shape[1] != product.inner)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has matrices that do not fit each other");
    if ((status = read_matrix(call, b, turn_b != 0, alpha, product.width, product.inner,
                              &product.numbers)) ||
        (status = multiply(call, a, &product, false, &y)))
        return status;
    map_set(call, &y);
    if (!c) return ELMAN_OK;
    status = scale_bias(call, c, beta, &bias);
    return status ? status : combine_features(call, ADD, &y, &bias);
}
