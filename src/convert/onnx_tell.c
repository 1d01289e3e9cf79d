/* Says what became of an ONNX graph: tensors, inputs and outputs, and what had to be assumed. */
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "convert/onnx_map_call.h"
#include "convert/onnx_model.h"
#include "convert/onnx_stages.h"
#include "model/layer_plain.h"

enum { LABEL_MAX = 256 };

typedef struct Teller {
    elman_conversion *conversion;
    OnnxMap *map;
    elman_error *error;
} Teller;

static const char *value_name(const Teller *t, uint32_t value) {
    return t->map->model->values[value].name;
}

/* ---- Tensors ---- */

/* Lists a tensor of the graph, or a part of one; columns 0: one dimension. */
static elman_status placed(const Teller *t, const char *label, OnnxType type, size_t rows,
                           size_t columns, const char *target) {
    const SafetensorsTensor tensor = {
        .name = label,
        .type = type == ONNX_DOUBLE ? SAFETENSORS_F64 : SAFETENSORS_F32,
        .rank = columns ? 2 : 1,
        .shape = {rows, columns},
    };
    return conversion_placed(t->conversion, &tensor, target, t->error);
}

static const char *target_of(const Teller *t, TensorRole role, size_t layer, bool reverse) {
    const TensorSet *const weights = &t->conversion->model->weights;
    for (size_t i = 0; i < weights->count; i++) {
        const struct TensorPlace place = weights->places[i];
        const bool of_layer =
            role != TENSOR_EMBEDDING && role != TENSOR_HEAD_WEIGHT && role != TENSOR_HEAD_BIAS;
        if (place.role == role && (!of_layer || (place.layer == layer && place.reverse == reverse)))
            return weights->tensors[i].name;
    }
    return "nothing";
}

/* "NAME", "NAME[1]", "NAME[0, :20]" (half 0) or "NAME[0, 20:]" (half 1 of 20 each). */
static elman_status label_part(const Teller *t, const char *name, const MapLayer *layer,
                               size_t direction, int half, const char **label) {
    const size_t units = layer->gates * layer->hidden;
    void *block;
    const elman_status status = map_block(t->map, LABEL_MAX, 1, &block);
    if (status) return status;
    if (half == 0)
        snprintf(block, LABEL_MAX, "%.200s[%zu, :%zu]", name, direction, units);
    else if (half == 1)
        snprintf(block, LABEL_MAX, "%.200s[%zu, %zu:]", name, direction, units);
    else if (layer->directions == 2)
        snprintf(block, LABEL_MAX, "%.200s[%zu]", name, direction);
    else
        snprintf(block, LABEL_MAX, "%.200s", name);
    *label = block;
    return ELMAN_OK;
}

static elman_status tell_state(const Teller *t, size_t index, size_t direction, bool reverse,
                               const MapState *state, TensorRole role) {
    const MapLayer *const layer = &t->map->layers[index];
    const char *label;
    if (!state->numbers) return ELMAN_OK;
    const elman_status status = label_part(t, state->source ? state->source : layer->node->name,
                                           layer, direction, -1, &label);
    if (status) return status;
    return placed(t, label, state->source_type, layer->hidden, 0,
                  target_of(t, role, index, reverse));
}

static elman_status tell_direction(const Teller *t, size_t index, size_t direction) {
    const MapLayer *const layer = &t->map->layers[index];
    const bool reverse = direction == 1 || layer->is_reverse;
    const size_t units = layer->gates * layer->hidden;
    const struct {
        const MapWeights *weights;
        int half;
        size_t columns;
        TensorRole role;
    } parts[] = {
        {&layer->w, -1, layer->inputs, TENSOR_WEIGHT_IH},
        {&layer->r, -1, layer->hidden, TENSOR_WEIGHT_HH},
        {&layer->p, -1, 0, TENSOR_WEIGHT_PEEPHOLE},
        {&layer->b, 0, 0, TENSOR_BIAS_IH},
        {&layer->b, 1, 0, TENSOR_BIAS_HH},
    };
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !status; i++) {
        const char *label;
        if (!parts[i].weights->numbers) continue;
        status = label_part(t, parts[i].weights->source, layer, direction, parts[i].half, &label);
        if (!status)
            status = placed(t, label, parts[i].weights->source_type,
                            parts[i].weights == &layer->p ? 3 * layer->hidden : units,
                            parts[i].columns, target_of(t, parts[i].role, index, reverse));
    }
    if (!status) status = tell_state(t, index, direction, reverse, &layer->h, TENSOR_H0);
    return status ? status : tell_state(t, index, direction, reverse, &layer->c, TENSOR_C0);
}

/* The affine operators from `top` down: their numbers went into a weight and a bias. */
static elman_status tell_chain(const Teller *t, uint32_t top, const char *weight,
                               const char *bias) {
    const uint32_t bottom = onnx_affine_bottom(t->map, top);
    elman_status status = ELMAN_OK;
    for (; top != bottom && !status; top = t->map->bases[top].below) {
        const MapBase *const base = &t->map->bases[top];
        const bool is_product = base->kind == MAP_PRODUCT;
        if (base->is_choice) continue;
        status = placed(t, base->source ? base->source : base->node->name, base->source_type,
                        is_product && !base->is_turned ? base->inner : base->width,
                        !is_product       ? 0
                        : base->is_turned ? base->inner
                                          : base->width,
                        base->kind == MAP_SHIFT ? bias : weight);
    }
    return status;
}

static elman_status tell_front(const Teller *t, size_t index) {
    const MapLayer *const layer = &t->map->layers[index];
    const bool reverse = layer->is_reverse;
    const char *const weight = target_of(t, TENSOR_WEIGHT_IH, index, reverse);
    const MapBase *const bottom = &t->map->bases[onnx_affine_bottom(t->map, layer->x)];
    elman_status status = ELMAN_OK;
    if (bottom->kind == MAP_LOOK_UP)
        status =
            placed(t, bottom->source ? bottom->source : bottom->node->name, bottom->source_type,
                   bottom->rows, bottom->width, target_of(t, TENSOR_EMBEDDING, 0, false));
    if (!status)
        status = tell_chain(t, layer->x, weight, target_of(t, TENSOR_BIAS_IH, index, reverse));
    if (status || layer->x == onnx_affine_bottom(t->map, layer->x)) return status;
    return conversion_note(t->conversion, t->error,
                           "folded: what stands before node \"%.100s\" is affine and went into the "
                           "input weights of layer %zu, multiplied out in double precision",
                           layer->node->name, index);
}

/* Gain and bias of a layer normalisation. */
static elman_status tell_norm(const Teller *t, const MapBase *base, const char *weight,
                              const char *bias) {
    elman_status status = placed(t, base->source ? base->source : base->node->name,
                                 base->source_type, base->width, 0, weight);
    if (!status && base->bias)
        status = placed(t, base->bias_source ? base->bias_source : base->node->name,
                        base->source_type, base->width, 0, bias);
    return status;
}

static elman_status tell_stages(const Teller *t) {
    const Structure *const structure = &t->conversion->model->structure;
    OnnxStage *stages;
    size_t count;
    elman_status status = onnx_stages(t->map, &stages, &count);
    for (size_t i = 0; i < count && !status; i++) {
        const size_t at = structure->has_head ? i - 1 : i;
        const bool is_head = structure->has_head && i == 0;
        const char *const weight =
            target_of(t, is_head ? TENSOR_HEAD_WEIGHT : TENSOR_STAGE_WEIGHT, at, false);
        const char *const bias =
            target_of(t, is_head ? TENSOR_HEAD_BIAS : TENSOR_STAGE_BIAS, at, false);
        if (stages[i].kind == ELMAN_STAGE_LINEAR)
            status = tell_chain(t, stages[i].top, weight, bias);
        else if (stages[i].kind == ELMAN_STAGE_LAYER_NORM)
            status = tell_norm(t, &t->map->bases[stages[i].top], weight, bias);
    }
    return status;
}

static elman_status tell_tensors(const Teller *t) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < t->map->layer_count && !status; i++) {
        status = tell_front(t, i);
        for (size_t d = 0; d < t->map->layers[i].directions && !status; d++)
            status = tell_direction(t, i, d);
    }
    return status ? status : tell_stages(t);
}

/* ---- Inputs ---- */

/* Whether a layer takes a part of its initial state from that input of the graph. */
static bool gives_state(const Teller *t, size_t input) {
    for (size_t i = 0; i < t->map->layer_count; i++) {
        const MapLayer *const layer = &t->map->layers[i];
        const MapReference *const states[] = {layer->h.references, layer->c.references};
        for (size_t k = 0; k < 2; k++)
            for (size_t e = 0; e < layer->directions * t->map->rows * layer->hidden && states[k];
                 e++)
                if (t->map->bases[states[k][e].base].input == input) return true;
    }
    return false;
}

static elman_status tell_sequence(const Teller *t) {
    const OnnxMap *const map = t->map;
    const OnnxPort *const port = &map->model->inputs[map->primary];
    const MapBase *const bottom = &map->bases[onnx_affine_bottom(map, map->layers[0].x)];
    const char *const order =
        map->batch_first ? "rows first, then steps" : "steps first, then rows";
    elman_status status =
        bottom->kind == MAP_LOOK_UP || bottom->kind == MAP_ONE_HOT
            ? conversion_note(t->conversion, t->error,
                              "input \"%.100s\" is the sequence, %s: tokens below %zu",
                              value_name(t, port->value), order, bottom->rows)
            : conversion_note(t->conversion, t->error,
                              "input \"%.100s\" is the sequence, %s: %zu features",
                              value_name(t, port->value), order, bottom->width);
    if (status || (!map->fixed_steps && !map->fixed_rows)) return status;
    if (!map->fixed_rows || !map->fixed_steps)
        return conversion_note(
            t->conversion, t->error, "the graph is for %zu %s only, the model for any number",
            map->fixed_rows ? map->rows : map->steps, map->fixed_rows ? "rows" : "steps");
    return conversion_note(t->conversion, t->error,
                           "the graph is for %zu steps of %zu rows only, the model for any number",
                           map->steps, map->rows);
}

static elman_status tell_inputs(const Teller *t) {
    const OnnxMap *const map = t->map;
    const uint32_t lengths = map->layers[0].lengths;
    elman_status status = tell_sequence(t);
    for (size_t i = 0; i < map->model->input_count && !status; i++) {
        const char *const name = value_name(t, map->model->inputs[i].value);
        if (i == map->primary) continue;
        const char *const what =
            lengths != MAP_NO_BASE && map->bases[lengths].input == i ? "holds the rows' lengths"
            : gives_state(t, i) ? "holds initial states, which a run of the model takes too"
                                : "is not used";
        status = conversion_note(t->conversion, t->error, "input \"%.100s\" %s", name, what);
    }
    return status;
}

/* ---- Layers and outputs ---- */

static elman_status tell_layers(const Teller *t) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < t->map->layer_count && !status; i++) {
        const MapLayer *const layer = &t->map->layers[i];
        if (layer->is_reverse)
            status = conversion_note(
                t->conversion, t->error,
                "node \"%.100s\" runs backwards only: layer %zu has its weights as the backward "
                "direction, and a forward one of zeros that nothing reads",
                layer->node->name, i);
        const elman_cell_options *const made = &t->conversion->model->structure.layers[i];
        char words[LAYER_PLAIN_WORDS];
        if (!status && layer_plain(made))
            status = conversion_note(t->conversion, t->error,
                                     "layer %zu has %s: it runs slowly, and cannot be trained", i,
                                     layer_plain_words(made, words));
        if (!status && layer->gates == 3 && !onnx_attribute(layer->node, "linear_before_reset"))
            status = conversion_note(
                t->conversion, t->error,
                "node \"%.100s\" says nothing of linear_before_reset, which means that the reset "
                "gate comes before the product; a GRU of PyTorch's has it behind the product: if "
                "this was one, its exporter forgot the attribute, and --expect will show it",
                layer->node->name);
    }
    return status;
}

static elman_status tell_outputs(const Teller *t) {
    const OnnxMap *const map = t->map;
    static const char *const outputs[] = {
        [ELMAN_OUTPUT_EVERY_STEP] = "is the model's output, at every step",
        [ELMAN_OUTPUT_LAST_STEP] = "is the model's output, after the last step",
        [ELMAN_OUTPUT_MEAN] = "is the model's output, from the mean over the steps",
        [ELMAN_OUTPUT_MAX] = "is the model's output, from the greatest over the steps",
    };
    elman_status status = ELMAN_OK;
    if (t->conversion->model->structure.stage_count > 0)
        status = conversion_note(t->conversion, t->error,
                                 "there is more than a linear head behind the layers: the model "
                                 "runs, but cannot be trained");
    for (size_t i = 0; i < map->model->output_count && !status; i++) {
        const char *const name = value_name(t, map->model->outputs[i].value);
        const char *const what = i != map->output
                                     ? "holds final states, which a run of the model gives too"
                                     : outputs[map->when];
        status = conversion_note(t->conversion, t->error, "output \"%.100s\" %s", name, what);
    }
    return status;
}

elman_status onnx_tell(elman_conversion *conversion, elman_error *error) {
    const Teller t = {.conversion = conversion, .map = conversion->map, .error = error};
    elman_status status = tell_tensors(&t);
    if (!status) status = tell_inputs(&t);
    if (!status) status = tell_layers(&t);
    return status ? status : tell_outputs(&t);
}
