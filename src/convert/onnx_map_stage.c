/* What stands behind linear layers: activations, softmax and layer normalisation. */
#include <string.h>

#include "convert/onnx_map_call.h"

/* Checks that input 0 follows from the graph's inputs, as numbers. */
static elman_status want_computed(const MapCall *call) {
    const MapValue *const x = map_input(call, 0);
    if (x->content == MAP_REFERENCES && x->count > 0 &&
        (x->type == ONNX_FLOAT || x->type == ONNX_DOUBLE))
        return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "is kept only of numbers that follow from the graph's inputs");
}

/* Output 0 has the elements of input 0, each as the same feature of another base. */
static elman_status rename_base(MapCall *call, const MapValue *x, uint32_t base) {
    MapValue y;
    void *elements;
    const elman_status status = map_make(call, x, x->rank, x->shape, &y, &elements);
    if (status) return status;
    memcpy(elements, x->elements, x->count * sizeof(MapReference));
    for (size_t i = 0; i < x->count; i++) ((MapReference *)elements)[i].base = base;
    map_set(call, &y);
    return ELMAN_OK;
}

static elman_status apply_each(MapCall *call, MapBaseKind kind) {
    const MapValue *const x = map_input(call, 0);
    elman_status status = want_computed(call);
    if (status) return status;
    const MapReference *const references = x->elements;
    uint32_t base;
    for (size_t i = 0; i < x->count; i++)
        if (references[i].base != references[0].base)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "reads several layers or inputs at once, which cannot be kept");
    const MapBase made = {.kind = kind,
                          .node = call->node,
                          .below = references[0].base,
                          .width = call->map->bases[references[0].base].width};
    status = map_add_base(call->map, &made, &base);
    return status ? status : rename_base(call, x, base);
}

elman_status map_relu(MapCall *call) {
    return apply_each(call, MAP_RELU);
}

elman_status map_tanh(MapCall *call) {
    return apply_each(call, MAP_TANH);
}

elman_status map_sigmoid(MapCall *call) {
    return apply_each(call, MAP_SIGMOID);
}

/* ---- Over all features of a position ---- */

/* Vectors of `count` elements at a distance in an array: element i of vector v is at
 * v / distance * count * distance + v % distance + i * distance. */
typedef struct Vectors {
    size_t count, distance;
} Vectors;

static size_t element_of(Vectors vectors, size_t vector, size_t i) {
    return vector / vectors.distance * vectors.count * vectors.distance +
           vector % vectors.distance + i * vectors.distance;
}

/* The base that the vectors are all of, with their features in order: one that picks them, where
 * they are not. */
static elman_status add_ordered(MapCall *call, uint32_t below, const uint32_t *picks, size_t count,
                                uint32_t *ordered) {
    OnnxMap *const map = call->map;
    bool in_order = map->bases[below].width == count;
    void *identity;
    for (size_t i = 0; i < count; i++) in_order = in_order && picks[i] == i;
    *ordered = below;
    if (in_order) return ELMAN_OK;
    const elman_status status = map_block(map, count > SIZE_MAX / count ? SIZE_MAX : count * count,
                                          sizeof(float), &identity);
    if (status) return status;
    for (size_t i = 0; i < count; i++) ((float *)identity)[i * count + i] = 1.0f;
    const MapBase made = {.kind = MAP_PRODUCT,
                          .node = call->node,
                          .below = below,
                          .width = count,
                          .inner = count,
                          .picks = picks,
                          .numbers = identity,
                          .is_choice = true};
    return map_add_base(map, &made, ordered);
}

/* Output 0 has, in place of each vector of input 0, that of a base like `stage` made of it. */
static elman_status apply_vectors(MapCall *call, Vectors vectors, MapBase stage) {
    OnnxMap *const map = call->map;
    const MapValue *const x = map_input(call, 0);
    const MapReference *const from = x->elements;
    MapReference place, first = {.base = MAP_NO_BASE};
    MapValue y;
    void *gathered, *picks, *others, *elements;
    uint32_t base = MAP_NO_BASE;
    elman_status status;
    if ((status = map_block(map, vectors.count, sizeof(MapReference), &gathered)) ||
        (status = map_block(map, vectors.count, sizeof(uint32_t), &picks)) ||
        (status = map_block(map, vectors.count, sizeof(uint32_t), &others)) ||
        (status = map_make(call, x, x->rank, x->shape, &y, &elements)))
        return status;
    for (size_t v = 0; v < x->count / vectors.count; v++) {
        for (size_t i = 0; i < vectors.count; i++)
            ((MapReference *)gathered)[i] = from[element_of(vectors, v, i)];
        status = map_read_vector(call, gathered, vectors.count, &place, v == 0 ? picks : others);
        if (status) return status;
        if (v == 0) {
            first = place;
            if ((status = add_ordered(call, place.base, picks, vectors.count, &stage.below)) ||
                (status = map_add_base(map, &stage, &base)))
                return status;
        } else if (place.base != first.base ||
                   memcmp(picks, others, vectors.count * sizeof(uint32_t)) != 0) {
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "reads other features at other steps or rows, which cannot be kept");
        }
        for (size_t i = 0; i < vectors.count; i++)
            ((MapReference *)elements)[element_of(vectors, v, i)] =
                (MapReference){base, place.first, place.second, (uint32_t)i};
    }
    map_set(call, &y);
    return ELMAN_OK;
}

/* Up to opset 12 over all axes from `axis` on, later over it alone. */
static elman_status soften(MapCall *call, MapBaseKind kind) {
    const MapValue *const x = map_input(call, 0);
    const bool is_flat = call->map->model->opset < 13;
    int64_t given;
    size_t axis;
    elman_status status;
    if ((status = want_computed(call)) ||
        (status = map_int(call, "axis", is_flat ? 1 : -1, &given)) ||
        (status = map_axis(call, given, x->rank, &axis)))
        return status;
    const size_t last = is_flat ? x->rank : axis + 1;
    const Vectors vectors = {map_product(x->shape, axis, last),
                             map_product(x->shape, last, x->rank)};
    return apply_vectors(call, vectors,
                         (MapBase){.kind = kind, .node = call->node, .width = vectors.count});
}

elman_status map_softmax(MapCall *call) {
    return soften(call, MAP_SOFTMAX);
}

elman_status map_log_softmax(MapCall *call) {
    return soften(call, MAP_LOG_SOFTMAX);
}

/* ---- Layer normalisation ---- */

/* Scale or bias: one number for each of `count` normalised elements. */
static elman_status read_factor(const MapCall *call, const MapValue *factor, size_t count,
                                const float **numbers) {
    void *block;
    *numbers = factor->elements;
    if (factor->content == MAP_NUMBERS && factor->count == count) return ELMAN_OK;
    if (factor->content != MAP_NUMBERS || factor->count != 1)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "has a scale or bias that is not one constant for each feature");
    const elman_status status = map_block(call->map, count, sizeof(float), &block);
    for (size_t i = 0; i < count && !status; i++) ((float *)block)[i] = **numbers;
    *numbers = block;
    return status;
}

elman_status map_layer_normalization(MapCall *call) {
    const MapValue *const x = map_input(call, 0), *const scale = map_input(call, 1);
    const MapValue *const bias = map_input(call, 2);
    MapBase stage = {.kind = MAP_NORM, .node = call->node};
    int64_t given;
    size_t axis;
    elman_status status;
    for (size_t i = 1; i < call->node->output_count; i++)
        if (call->node->outputs[i] != ONNX_NONE)
            return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                              "has its mean or deviation as output, which cannot be kept");
    if ((status = want_computed(call)) || (status = map_int(call, "axis", -1, &given)) ||
        (status = map_float(call, "epsilon", 1e-5f, &stage.epsilon)) ||
        (status = map_axis(call, given, x->rank, &axis)))
        return status;
    stage.width = map_product(x->shape, axis, x->rank);
    if ((status = read_factor(call, scale, stage.width, &stage.numbers)) ||
        (bias && (status = read_factor(call, bias, stage.width, &stage.bias))))
        return status;
    stage.source = scale->source;
    stage.source_type = scale->type;
    stage.bias_source = bias ? bias->source : NULL;
    return apply_vectors(call, (Vectors){stage.width, 1}, stage);
}
