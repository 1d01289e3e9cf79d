/* From an ONNX graph to a model of ours. */
#include "convert/onnx_model.h"

#include <string.h>

#include "convert/conversion.h"
#include "convert/onnx_stages.h"
#include "convert/onnx_map_call.h"

/* Sizes that the graph's open dimensions get while it is mapped: two that differ. */
enum { MAP_STEPS = 3, MAP_ROWS = 2 };

/* ---- The structure ---- */

static elman_status create(elman_conversion *conversion, elman_error *error) {
    const OnnxMap *const map = conversion->map;
    const MapBase *const bottom = &map->bases[onnx_affine_bottom(map, map->layers[0].x)];
    if (bottom->kind == MAP_LOOK_UP)
        return elman_model_create_tokens(conversion->context, bottom->rows, bottom->width,
                                         &conversion->model, error);
    if (bottom->kind == MAP_ONE_HOT)
        return elman_model_create_tokens(conversion->context, bottom->rows, 0, &conversion->model,
                                         error);
    return elman_model_create(conversion->context, bottom->width, &conversion->model, error);
}

/* What stands around the recurrent layers. */
typedef struct Around {
    OnnxAffine *fronts; /* [layers]: before each */
    OnnxStage *stages;  /* [stage_count]: behind the last */
    size_t stage_count;
} Around;

static elman_status read_around(OnnxMap *map, Around *around) {
    void *block;
    elman_status status = map_block(map, map->layer_count, sizeof *around->fronts, &block);
    if (status) return status;
    around->fronts = block;
    for (size_t i = 0; i < map->layer_count && !status; i++) {
        const uint32_t x = map->layers[i].x;
        status = onnx_affine(map, x, onnx_affine_bottom(map, x), &around->fronts[i]);
    }
    if (status) return status;
    return onnx_stages(map, &around->stages, &around->stage_count);
}

static void add_stage(elman_conversion *conversion, const OnnxStage *stage) {
    const OnnxMap *const map = conversion->map;
    const MapBase *const base = &map->bases[stage->top];
    if (stage->kind == ELMAN_STAGE_LINEAR)
        elman_model_add_linear(conversion->model,
                               stage->is_choice ? map->pick_count : stage->affine.outputs,
                               !stage->affine.shift);
    else if (stage->kind == ELMAN_STAGE_LAYER_NORM)
        elman_model_add_layer_norm(conversion->model, base->epsilon, !base->bias);
    else
        elman_model_add_activation(conversion->model, stage->kind);
}

static elman_status build(elman_conversion *conversion, const Around *around, elman_error *error) {
    const OnnxMap *const map = conversion->map;
    const elman_status status = create(conversion, error);
    if (status) return status;
    for (size_t i = 0; i < map->layer_count; i++) {
        const MapLayer *const layer = &map->layers[i];
        elman_cell_options options = {
            .struct_size = sizeof options,
            .cell = layer->cell,
            .hidden = layer->hidden,
            .bidirectional = layer->directions == 2 || layer->is_reverse,
            .no_bias = !layer->b.numbers && !around->fronts[i].shift,
            .learned_state = layer->h.numbers || layer->c.numbers,
            .clip = layer->clip,
            .input_forget = layer->input_forget,
            .peepholes = layer->p.numbers != NULL,
        };
        memcpy(options.activations, layer->activations, sizeof options.activations);
        elman_model_add_cell_options(conversion->model, &options);
    }
    for (size_t i = 0; i < around->stage_count; i++) add_stage(conversion, &around->stages[i]);
    elman_model_set_output(conversion->model, map->when);
    return model_allocate(conversion->model, error);
}

/* ---- The numbers ---- */

size_t onnx_gate(const MapLayer *layer, size_t gate) {
    static const size_t lstm[] = {0, 2, 3, 1}; /* i f g o, in i o f c */
    static const size_t gru[] = {1, 0, 2};     /* r z n, in z r h */
    return layer->gates == 4 ? lstm[gate] : layer->gates == 3 ? gru[gate] : 0;
}

/* Row `row` of our weights of one direction, as a row of ONNX's of all directions. */
static size_t row_of(const MapLayer *layer, size_t direction, size_t row) {
    const size_t gate = onnx_gate(layer, row / layer->hidden);
    return (direction * layer->gates + gate) * layer->hidden + row % layer->hidden;
}

/* Row `row` of B's first half, or of its second. */
static float bias_of(const MapLayer *layer, size_t direction, size_t row, size_t half) {
    const size_t gate = onnx_gate(layer, row / layer->hidden);
    const size_t at = ((2 * direction + half) * layer->gates + gate) * layer->hidden;
    return layer->b.numbers ? layer->b.numbers[at + row % layer->hidden] : 0.0f;
}

static elman_status fill_weight_ih(const elman_conversion *conversion, const MapLayer *layer,
                                   size_t direction, const OnnxAffine *front, float *to) {
    const size_t columns = front->inputs;
    void *block;
    const elman_status status = map_block(conversion->map, columns, sizeof(double), &block);
    double *const sums = block;
    for (size_t row = 0; row < layer->gates * layer->hidden && !status; row++) {
        const float *const from = layer->w.numbers + row_of(layer, direction, row) * layer->inputs;
        memset(sums, 0, columns * sizeof *sums);
        for (size_t k = 0; k < layer->inputs; k++) {
            const double *const line =
                front->matrix ? front->matrix + layer->picks[k] * columns : NULL;
            if (!line) onnx_affine_add(&sums[layer->picks[k]], (double)from[k]);
            for (size_t j = 0; j < columns && line; j++) sums[j] += (double)from[k] * line[j];
        }
        for (size_t j = 0; j < columns; j++) to[row * columns + j] = (float)sums[j];
    }
    return status;
}

static void fill_bias_ih(const MapLayer *layer, size_t direction, const OnnxAffine *front,
                         float *to) {
    for (size_t row = 0; row < layer->gates * layer->hidden; row++) {
        const float *const from = layer->w.numbers + row_of(layer, direction, row) * layer->inputs;
        double sum = (double)bias_of(layer, direction, row, 0);
        for (size_t k = 0; k < layer->inputs && front->shift; k++)
            sum += (double)from[k] * front->shift[layer->picks[k]];
        to[row] = (float)sum;
    }
}

static elman_status fill_layer(const elman_conversion *conversion, size_t index,
                               const OnnxAffine *front, struct TensorPlace place, float *to) {
    const MapLayer *const layer = &conversion->map->layers[index];
    const size_t hidden = layer->hidden, rows = layer->gates * hidden;
    const size_t direction = place.reverse && !layer->is_reverse ? 1 : 0;
    const MapState *const state = place.role == TENSOR_C0 ? &layer->c : &layer->h;
    if (layer->is_reverse && !place.reverse) return ELMAN_OK; /* it stays zero */
    switch (place.role) {
    case TENSOR_WEIGHT_IH:
        return fill_weight_ih(conversion, layer, direction, front, to);
    case TENSOR_BIAS_IH:
        fill_bias_ih(layer, direction, front, to);
        break;
    case TENSOR_WEIGHT_HH:
        for (size_t row = 0; row < rows; row++)
            memcpy(to + row * hidden, layer->r.numbers + row_of(layer, direction, row) * hidden,
                   hidden * sizeof *to);
        break;
    case TENSOR_BIAS_HH:
        for (size_t row = 0; row < rows; row++) to[row] = bias_of(layer, direction, row, 1);
        break;
    case TENSOR_WEIGHT_PEEPHOLE: /* i o f, as ours */
        memcpy(to, layer->p.numbers + direction * 3 * hidden, 3 * hidden * sizeof *to);
        break;
    default:
        if (state->numbers) memcpy(to, state->numbers + direction * hidden, hidden * sizeof *to);
    }
    return ELMAN_OK;
}

/* The weight or the bias of a stage. */
static void fill_stage(const OnnxMap *map, const OnnxStage *stage, bool is_bias, float *to) {
    const MapBase *const base = &map->bases[stage->top];
    const OnnxAffine *const affine = &stage->affine;
    if (stage->kind == ELMAN_STAGE_LAYER_NORM) {
        memcpy(to, is_bias ? base->bias : base->numbers, base->width * sizeof *to);
        return;
    }
    const size_t rows = stage->is_choice ? map->pick_count : affine->outputs;
    for (size_t i = 0; i < rows; i++) {
        const size_t row = stage->is_choice ? map->picks[i] : i;
        if (is_bias) to[i] = (float)affine->shift[row];
        for (size_t j = 0; j < affine->inputs && !is_bias; j++)
            to[i * affine->inputs + j] = affine->matrix
                                             ? (float)affine->matrix[row * affine->inputs + j]
                                             : (float)(row == j);
    }
}

static elman_status fill(const elman_conversion *conversion, const Around *around) {
    const OnnxMap *const map = conversion->map;
    const Structure *const structure = &conversion->model->structure;
    const TensorSet *const weights = &conversion->model->weights;
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < weights->count && !status; i++) {
        const elman_tensor *const tensor = &weights->tensors[i];
        const struct TensorPlace place = weights->places[i];
        if (place.role == TENSOR_EMBEDDING)
            memcpy(tensor->data, map->bases[onnx_affine_bottom(map, map->layers[0].x)].numbers,
                   tensor->count * sizeof *tensor->data);
        else if (place.role == TENSOR_HEAD_WEIGHT || place.role == TENSOR_HEAD_BIAS)
            fill_stage(map, around->stages, place.role == TENSOR_HEAD_BIAS, tensor->data);
        else if (place.role == TENSOR_STAGE_WEIGHT || place.role == TENSOR_STAGE_BIAS)
            fill_stage(map, around->stages + structure_stage_number(structure, place.layer),
                       place.role == TENSOR_STAGE_BIAS, tensor->data);
        else
            status = fill_layer(conversion, place.layer, &around->fronts[place.layer], place,
                                tensor->data);
    }
    return status;
}

elman_status onnx_make_model(elman_conversion *conversion, elman_error *error) {
    Around around;
    elman_status status =
        onnx_map_create(&conversion->context->memory, conversion->graph, MAP_STEPS, MAP_ROWS,
                        onnx_map_bytes(conversion->graph), &conversion->map, error);
    if (!status) status = read_around(conversion->map, &around);
    if (!status) status = build(conversion, &around, error);
    if (!status) status = fill(conversion, &around);
    return status ? status : onnx_tell(conversion, error);
}

elman_status onnx_read_model(elman_conversion *conversion, elman_error *error) {
    conversion->kind = "an ONNX graph";
    const elman_status status =
        onnx_open(&conversion->context->memory, conversion->name, &conversion->graph, error);
    return status ? status : onnx_make_model(conversion, error);
}
