/* Multiplies affine operators out. */
#include "convert/onnx_affine.h"

#include "convert/onnx_map_call.h"

static bool is_affine(const MapBase *base) {
    return base->kind == MAP_PRODUCT || base->kind == MAP_SCALE || base->kind == MAP_SHIFT;
}

uint32_t onnx_affine_bottom(const OnnxMap *map, uint32_t top) {
    while (is_affine(&map->bases[top])) top = map->bases[top].below;
    return top;
}

static elman_status make_matrix(OnnxMap *map, size_t rows, size_t columns, double **matrix) {
    void *block;
    *matrix = NULL;
    if (columns > 0 && rows > SIZE_MAX / columns) rows = SIZE_MAX;
    const elman_status status = map_block(map, rows, columns * sizeof **matrix, &block);
    if (!status) *matrix = block;
    return status;
}

/* Puts a product on top. */
static elman_status multiply(OnnxMap *map, const MapBase *product, OnnxAffine *affine) {
    const size_t inputs = affine->inputs;
    const OnnxAffine old = *affine;
    elman_status status = make_matrix(map, product->width, inputs, &affine->matrix);
    if (!status && old.shift) status = make_matrix(map, product->width, 1, &affine->shift);
    if (status) return status;
    affine->outputs = product->width;
    for (size_t i = 0; i < product->width; i++)
        for (size_t k = 0; k < product->inner; k++) {
            const double weight = (double)product->numbers[i * product->inner + k];
            const size_t from = product->picks[k];
            double *const row = affine->matrix + i * inputs;
            if (old.matrix)
                for (size_t j = 0; j < inputs; j++)
                    row[j] += weight * old.matrix[from * inputs + j];
            else
                onnx_affine_add(&row[from], weight);
            if (old.shift) affine->shift[i] += weight * old.shift[from];
        }
    return ELMAN_OK;
}

static elman_status scale(OnnxMap *map, const MapBase *base, OnnxAffine *affine) {
    const size_t inputs = affine->inputs;
    if (!affine->matrix) {
        const elman_status status = make_matrix(map, inputs, inputs, &affine->matrix);
        if (status) return status;
        for (size_t i = 0; i < inputs; i++) affine->matrix[i * inputs + i] = 1.0;
    }
    for (size_t i = 0; i < affine->outputs; i++) {
        for (size_t j = 0; j < inputs; j++)
            affine->matrix[i * inputs + j] *= (double)base->numbers[i];
        if (affine->shift) affine->shift[i] *= (double)base->numbers[i];
    }
    return ELMAN_OK;
}

static elman_status shift(OnnxMap *map, const MapBase *base, OnnxAffine *affine) {
    if (!affine->shift) {
        const elman_status status = make_matrix(map, affine->outputs, 1, &affine->shift);
        if (status) return status;
    }
    for (size_t i = 0; i < affine->outputs; i++)
        onnx_affine_add(&affine->shift[i], (double)base->numbers[i]);
    return ELMAN_OK;
}

elman_status onnx_affine(OnnxMap *map, uint32_t top, uint32_t bottom, OnnxAffine *affine) {
    size_t count = 0;
    void *block;
    for (uint32_t at = top; at != bottom; at = map->bases[at].below) count++;
    elman_status status = map_block(map, count, sizeof(uint32_t), &block);
    if (status) return status;
    uint32_t *const chain = block;
    for (size_t i = count; i-- > 0; top = map->bases[top].below) chain[i] = top;
    *affine = (OnnxAffine){.inputs = map->bases[bottom].width, .outputs = map->bases[bottom].width};
    for (size_t i = 0; i < count && !status; i++) {
        const MapBase *const base = &map->bases[chain[i]];
        status = base->kind == MAP_PRODUCT ? multiply(map, base, affine)
                 : base->kind == MAP_SCALE ? scale(map, base, affine)
                                           : shift(map, base, affine);
    }
    return status;
}
