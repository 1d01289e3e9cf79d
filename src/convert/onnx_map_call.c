/* What all operators of the map share. */
#include "convert/onnx_map_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include "core/size.h"

elman_status map_refuse(const MapCall *call, elman_status status, const char *format, ...) {
    char sentence[ELMAN_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(sentence, sizeof sentence, format, arguments) < 0) sentence[0] = '\0';
    va_end(arguments);
    return fail(call->map->error, status, "%s: node \"%.100s\" (%.40s) %s", call->map->model->path,
                call->node->name, call->node->op_type, sentence);
}

elman_status map_no_memory(const OnnxMap *map) {
    return fail(map->error, ELMAN_ERR_MEMORY, "%s: no memory to convert it", map->model->path);
}

elman_status map_charge(OnnxMap *map, size_t count, size_t size) {
    size_t bytes;
    if (!size_mul(count, size, &bytes) || bytes > map->bytes_max - map->bytes)
        return fail(map->error, ELMAN_ERR_DATA,
                    "%s: its values have more than %zu bytes, the most that is followed",
                    map->model->path, map->bytes_max);
    map->bytes += bytes;
    return ELMAN_OK;
}

elman_status map_block(OnnxMap *map, size_t count, size_t size, void **block) {
    const elman_status status = map_charge(map, count, size);
    if (status) return status;
    void **const grown = memory_grow(map->memory, map->blocks, map->block_count, 1,
                                     &map->block_capacity, sizeof *grown);
    if (!grown) return map_no_memory(map);
    map->blocks = grown;
    *block = memory_allocate_array(map->memory, count, size);
    if (!*block) return map_no_memory(map);
    map->blocks[map->block_count++] = *block;
    return ELMAN_OK;
}

elman_status map_count(OnnxMap *map, size_t rank, const size_t *shape, size_t size, size_t *count) {
    size_t extent = 1;
    bool is_empty = false, fits = true;
    for (size_t i = 0; i < rank; i++) {
        is_empty = is_empty || shape[i] == 0;
        fits = fits && size_mul(extent, shape[i] > 0 ? shape[i] : 1, &extent);
    }
    if (!fits) extent = SIZE_MAX;
    *count = is_empty ? 0 : extent;
    return is_empty ? map_charge(map, extent, size) : ELMAN_OK;
}

/* ---- Values ---- */

const MapValue *map_input(const MapCall *call, size_t index) {
    if (index >= call->node->input_count || call->node->inputs[index] == ONNX_NONE) return NULL;
    return &call->map->values[call->node->inputs[index]];
}

elman_status map_integers(const MapCall *call, size_t index, const MapValue **value) {
    *value = map_input(call, index);
    if ((*value)->content == MAP_INTEGERS && (*value)->rank <= 1 &&
        (*value)->count <= ONNX_RANK_MAX)
        return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "takes as input %zu what is no list of at most %d constant integers",
                      index + 1, ONNX_RANK_MAX);
}

MapValue *map_output(const MapCall *call, size_t index) {
    const OnnxNode *const node = call->node;
    const bool is_named = index < node->output_count && node->outputs[index] != ONNX_NONE;
    return &call->map->values[is_named ? node->outputs[index] : call->map->model->value_count];
}

void map_set(const MapCall *call, const MapValue *value) {
    *map_output(call, 0) = *value;
}

size_t map_element_size(const MapValue *value) {
    return value->content == MAP_NUMBERS    ? sizeof(float)
           : value->content == MAP_INTEGERS ? sizeof(int64_t)
                                            : sizeof(MapReference);
}

elman_status map_make(const MapCall *call, const MapValue *like, size_t rank, const size_t *shape,
                      MapValue *made, void **elements) {
    const size_t size = map_element_size(like);
    *made = (MapValue){
        .content = like->content, .type = like->type, .rank = rank, .source = like->source};
    for (size_t i = 0; i < rank; i++) made->shape[i] = shape[i];
    elman_status status = map_count(call->map, rank, shape, size, &made->count);
    if (!status) status = map_block(call->map, made->count, size, elements);
    if (!status) made->elements = *elements;
    return status;
}

/* ---- Bases ---- */

elman_status map_add_base(OnnxMap *map, const MapBase *base, uint32_t *index) {
    MapBase *const grown = memory_grow(map->memory, map->bases, map->base_count, 1,
                                       &map->base_capacity, sizeof *grown);
    if (!grown || map->base_count >= MAP_NO_BASE) return map_no_memory(map);
    map->bases = grown;
    *index = (uint32_t)map->base_count++;
    grown[*index] = *base;
    const bool is_root =
        base->kind == MAP_INPUT || (base->kind >= MAP_Y && base->kind <= MAP_GREATEST);
    grown[*index].root = is_root ? *index : grown[base->below].root;
    return ELMAN_OK;
}

MapReference map_as_final(const OnnxMap *map, MapReference reference) {
    const MapBase *const base = &map->bases[reference.base];
    const MapReference none = {.base = MAP_NO_BASE};
    if (base->kind == MAP_Y_H) return reference;
    if (base->kind != MAP_Y) return none;
    const MapLayer *const layer = &map->layers[base->layer];
    const bool backward = reference.feature >= layer->hidden;
    if (layer->lengths != MAP_NO_BASE || reference.first != (backward ? 0 : map->steps - 1))
        return none;
    return (MapReference){
        .base = reference.base + 1, .second = reference.second, .feature = reference.feature};
}

static bool same_place(MapReference a, MapReference b) {
    return a.base == b.base && a.first == b.first && a.second == b.second;
}

elman_status map_read_vector(const MapCall *call, const MapReference *references, size_t count,
                             MapReference *place, uint32_t *picks) {
    bool is_whole = true, is_final = true;
    *place = references[0];
    for (size_t i = 0; i < count; i++) {
        is_whole = is_whole && same_place(references[i], references[0]);
        picks[i] = references[i].feature;
    }
    if (is_whole) return ELMAN_OK;
    *place = map_as_final(call->map, references[0]);
    for (size_t i = 0; i < count && is_final; i++)
        is_final = place->base != MAP_NO_BASE &&
                   same_place(map_as_final(call->map, references[i]), *place);
    if (is_final) return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "reads features of different steps, rows or layers together, which cannot be "
                      "kept");
}

/* ---- Attributes ---- */

/* The attribute of that name if it has the type; NULL, with ELMAN_OK, when there is none. */
static elman_status find(const MapCall *call, const char *name, OnnxAttributeType type,
                         bool is_list, const OnnxAttribute **attribute) {
    *attribute = onnx_attribute(call->node, name);
    if (!*attribute || ((*attribute)->type == type && (*attribute)->is_list == is_list))
        return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_FORMAT, "has an attribute %s of another type", name);
}

elman_status map_int(const MapCall *call, const char *name, int64_t otherwise, int64_t *value) {
    const OnnxAttribute *attribute;
    const elman_status status = find(call, name, ONNX_ATTRIBUTE_INTS, false, &attribute);
    if (!status) *value = attribute ? attribute->ints[0] : otherwise;
    return status;
}

elman_status map_float(const MapCall *call, const char *name, float otherwise, float *value) {
    const OnnxAttribute *attribute;
    const elman_status status = find(call, name, ONNX_ATTRIBUTE_FLOATS, false, &attribute);
    if (!status) *value = attribute ? attribute->floats[0] : otherwise;
    return status;
}

elman_status map_list(const MapCall *call, const char *name, size_t index, const int64_t **list,
                      size_t *count, bool *given) {
    const OnnxAttribute *attribute;
    const MapValue *input = map_input(call, index);
    elman_status status = find(call, name, ONNX_ATTRIBUTE_INTS, true, &attribute);
    if (!status && input) status = map_integers(call, index, &input);
    if (status) return status;
    *given = attribute || input;
    *list = attribute ? attribute->ints : input ? input->elements : NULL;
    *count = attribute ? attribute->count : input ? input->count : 0;
    return ELMAN_OK;
}

elman_status map_axis(const MapCall *call, int64_t axis, size_t rank, size_t *result) {
    const int64_t dimensions = (int64_t)rank;
    if (axis < -dimensions || axis >= dimensions)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has an axis %" PRId64 " of %zu dimensions", axis,
                          rank);
    *result = (size_t)(axis < 0 ? axis + dimensions : axis);
    return ELMAN_OK;
}

/* ---- Arrays ---- */

size_t map_product(const size_t *shape, size_t first, size_t last) {
    size_t product = 1;
    for (size_t i = first; i < last; i++) product *= shape[i];
    return product;
}

void map_strides(size_t rank, const size_t *shape, ptrdiff_t *strides) {
    size_t stride = 1;
    for (size_t i = rank; i-- > 0;) {
        strides[i] = (ptrdiff_t)stride;
        stride *= shape[i];
    }
}

void map_repeat_strides(const MapValue *value, size_t rank, ptrdiff_t *strides) {
    const size_t before = rank - value->rank;
    for (size_t i = 0; i < before; i++) strides[i] = 0;
    map_strides(value->rank, value->shape, strides + before);
    for (size_t i = 0; i < value->rank; i++)
        if (value->shape[i] == 1) strides[before + i] = 0;
}

elman_status map_broadcast(const MapCall *call, size_t rank_a, const size_t *a, size_t rank_b,
                           const size_t *b, size_t *rank, size_t *shape) {
    *rank = rank_a > rank_b ? rank_a : rank_b;
    for (size_t i = 1; i <= *rank; i++) {
        const size_t of_a = i <= rank_a ? a[rank_a - i] : 1;
        const size_t of_b = i <= rank_b ? b[rank_b - i] : 1;
        if (of_a != of_b && of_a != 1 && of_b != 1)
            return map_refuse(call, ELMAN_ERR_FORMAT,
                              "has inputs of sizes %zu and %zu along one axis", of_a, of_b);
        shape[*rank - i] = of_a == 1 ? of_b : of_a;
    }
    return ELMAN_OK;
}

/* One line along the last axis. */
static void copy_line(unsigned char *to, const unsigned char *from, size_t size, size_t count,
                      ptrdiff_t stride) {
    if (stride == 1) {
        memcpy(to, from, count * size);
        return;
    }
    const ptrdiff_t step = stride * (ptrdiff_t)size;
    if (size == sizeof(float))
        for (size_t i = 0; i < count; i++, from += step) memcpy(to + i * 4, from, 4);
    else
        for (size_t i = 0; i < count; i++, from += step) memcpy(to + i * size, from, size);
}

void map_copy(void *to, const void *from, size_t size, size_t rank, const size_t *shape,
              const ptrdiff_t *strides) {
    size_t at[ONNX_RANK_MAX] = {0};
    const size_t count = map_product(shape, 0, rank), line = rank > 0 ? shape[rank - 1] : 1;
    const unsigned char *source = from;
    unsigned char *target = to;
    for (size_t done = 0; done < count; done += line, target += line * size) {
        copy_line(target, source, size, line, rank > 0 ? strides[rank - 1] : 1);
        for (size_t i = rank > 0 ? rank - 1 : 0; i-- > 0;) {
            source += strides[i] * (ptrdiff_t)size;
            if (++at[i] < shape[i]) break;
            source -= strides[i] * (ptrdiff_t)(shape[i] * size);
            at[i] = 0;
        }
    }
}
