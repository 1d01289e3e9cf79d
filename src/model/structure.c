/* The structure of a model and the named tensors that follow from it. */
#include "model/structure.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "model/layer_plain.h"

void structure_release(Memory *memory, Structure *structure) {
    memory_release(memory, structure->layers);
    memory_release(memory, structure->stages);
    structure->layers = NULL;
    structure->stages = NULL;
    structure->layer_count = structure->layer_capacity = 0;
    structure->stage_count = structure->stage_capacity = 0;
}

elman_status structure_copy(Memory *memory, Structure *copy, const Structure *structure,
                            elman_error *error) {
    *copy = *structure;
    copy->layer_capacity = structure->layer_count;
    copy->stage_capacity = structure->stage_count;
    copy->layers = memory_allocate_array(memory, structure->layer_count, sizeof *structure->layers);
    copy->stages = NULL;
    if (structure->stage_count > 0)
        copy->stages =
            memory_allocate_array(memory, structure->stage_count, sizeof *structure->stages);
    if (!copy->layers || (structure->stage_count > 0 && !copy->stages)) {
        structure_release(memory, copy);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the description of %zu layers",
                    structure->layer_count);
    }
    memcpy(copy->layers, structure->layers, structure->layer_count * sizeof *structure->layers);
    if (copy->stages)
        memcpy(copy->stages, structure->stages, structure->stage_count * sizeof *copy->stages);
    return ELMAN_OK;
}

size_t structure_directions(const Structure *structure, size_t layer) {
    return structure->layers[layer].bidirectional ? 2 : 1;
}

size_t structure_width(const Structure *structure, size_t layer) {
    const elman_cell_options *const options = &structure->layers[layer];
    return options->projection ? options->projection : options->hidden;
}

size_t structure_inputs(const Structure *structure, size_t layer) {
    if (layer == 0)
        return structure->input == ELMAN_INPUT_EMBEDDING ? structure->embedding
                                                         : structure->input_size;
    return structure_width(structure, layer - 1) * structure_directions(structure, layer - 1);
}

size_t structure_stage_inputs(const Structure *structure, size_t stage) {
    if (stage > 0) return structure->stages[stage - 1].outputs;
    return structure->has_head ? structure->head_outputs
                               : structure_inputs(structure, structure->layer_count);
}

size_t structure_outputs(const Structure *structure) {
    return structure_stage_inputs(structure, structure->stage_count);
}

size_t structure_stage_number(const Structure *structure, size_t stage) {
    return stage + (structure->has_head ? 1 : 0);
}

const char *stage_name(elman_stage_kind kind) {
    static const char *const names[] = {
        [ELMAN_STAGE_LINEAR] = "linear",
        [ELMAN_STAGE_RELU] = "relu",
        [ELMAN_STAGE_TANH] = "tanh",
        [ELMAN_STAGE_SIGMOID] = "sigmoid",
        [ELMAN_STAGE_SOFTMAX] = "softmax",
        [ELMAN_STAGE_LOG_SOFTMAX] = "log-softmax",
        [ELMAN_STAGE_LAYER_NORM] = "layer-norm",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

bool stage_has_tensors(elman_stage_kind kind) {
    return kind == ELMAN_STAGE_LINEAR || kind == ELMAN_STAGE_LAYER_NORM;
}

bool structure_one_output(const Structure *structure) {
    return structure->output != ELMAN_OUTPUT_EVERY_STEP;
}

bool structure_pooled(const Structure *structure) {
    return structure->output == ELMAN_OUTPUT_MEAN || structure->output == ELMAN_OUTPUT_MAX;
}

const Cell *cell_of_kind(elman_cell kind) {
    switch (kind) {
    case ELMAN_CELL_RNN:
        return &cell_rnn_tanh;
    case ELMAN_CELL_RNN_RELU:
        return &cell_rnn_relu;
    case ELMAN_CELL_LSTM:
        return &cell_lstm;
    case ELMAN_CELL_GRU:
        return &cell_gru;
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return &cell_gru_reset_before;
    }
    return NULL;
}

CellShape structure_cell_shape(const Structure *structure, size_t layer) {
    const elman_cell_options *const options = &structure->layers[layer];
    const size_t hidden = options->hidden, width = structure_width(structure, layer);
    return (CellShape){
        .cell = layer_cell(options),
        .inputs = structure_inputs(structure, layer),
        .hidden = hidden,
        .panels = hidden / PANEL + (hidden % PANEL != 0),
        .width = width,
        .width_panels = width / PANEL + (width % PANEL != 0),
        .tokens = layer == 0 && structure->input == ELMAN_INPUT_ONE_HOT,
        .peepholes = options->peepholes,
    };
}

size_t structure_state_size(const Structure *structure, size_t batch) {
    size_t size = 0;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape shape = structure_cell_shape(structure, l);
        const size_t numbers = shape.width + (shape.cell->cell_state ? shape.hidden : 0);
        size += structure_directions(structure, l) * numbers * batch;
    }
    return size;
}

/* A walk over the tensors of a structure, in file order. */
typedef struct TensorWalk {
    const Structure *structure;
    size_t layer;
    bool reverse;
    int at; /* next kind within embedding (0), a direction (its roles from 1 on), head, stages */
    size_t stage;
    bool stage_bias;
} TensorWalk;

/* Where a walk is at the head's weight and at its bias: behind a direction's roles. */
enum { WALK_HEAD_WEIGHT = TENSOR_C0 - TENSOR_WEIGHT_IH + 2, WALK_HEAD_BIAS, WALK_STAGES };

typedef struct TensorSpec {
    TensorRole role;
    size_t layer;
    bool reverse;
    size_t rank, shape[2];
} TensorSpec;

/* The spec of kind `at` within one direction; false when the layer lacks it or the shape does not
 * fit into size_t (then *fits is false). */
static bool direction_spec(const TensorWalk *walk, TensorSpec *spec, bool *fits) {
    const elman_cell_options *const layer = &walk->structure->layers[walk->layer];
    const Cell *const cell = cell_of_kind(layer->cell);
    const TensorRole role = (TensorRole)(TENSOR_WEIGHT_IH + walk->at - 1);
    const bool bias = role == TENSOR_BIAS_IH || role == TENSOR_BIAS_HH;
    const bool state = role == TENSOR_H0 || role == TENSOR_C0;
    const bool peephole = role == TENSOR_WEIGHT_PEEPHOLE, projection = role == TENSOR_WEIGHT_HR;
    const size_t width = structure_width(walk->structure, walk->layer);
    if (peephole && !layer->peepholes) return false;
    if (bias && layer->no_bias) return false;
    if (projection && !layer->projection) return false;
    if (state && (!layer->learned_state || (role == TENSOR_C0 && !cell->cell_state))) return false;
    *spec =
        (TensorSpec){role, walk->layer, walk->reverse, bias || state || peephole ? 1 : 2, {0, 1}};
    const size_t blocks = state || projection ? 1 : peephole ? CELL_PEEPHOLES : cell->gates;
    const size_t units = role == TENSOR_H0 || projection ? width : layer->hidden;
    *fits = *fits && size_mul(blocks, units, &spec->shape[0]);
    if (role == TENSOR_WEIGHT_IH) spec->shape[1] = structure_inputs(walk->structure, walk->layer);
    if (role == TENSOR_WEIGHT_HH) spec->shape[1] = width;
    if (projection) spec->shape[1] = layer->hidden;
    return true;
}

/* The next tensor of the head; false behind it. */
static bool head_next(TensorWalk *walk, TensorSpec *spec) {
    const Structure *const structure = walk->structure;
    const size_t outputs = structure->head_outputs;
    while (structure->has_head && walk->at < WALK_STAGES) {
        const bool bias = walk->at++ == WALK_HEAD_BIAS;
        if (bias && structure->head_no_bias) continue;
        *spec = bias ? (TensorSpec){TENSOR_HEAD_BIAS, 0, false, 1, {outputs, 1}}
                     : (TensorSpec){TENSOR_HEAD_WEIGHT,
                                    0,
                                    false,
                                    2,
                                    {outputs, structure_inputs(structure, structure->layer_count)}};
        return true;
    }
    return false;
}

/* The next tensor of the stages; false at the end. */
static bool stage_next(TensorWalk *walk, TensorSpec *spec) {
    while (walk->stage < walk->structure->stage_count) {
        const size_t index = walk->stage;
        const elman_stage *const stage = &walk->structure->stages[index];
        const bool bias = walk->stage_bias, linear = stage->kind == ELMAN_STAGE_LINEAR;
        if (bias) walk->stage++;
        walk->stage_bias = !bias;
        if (!stage_has_tensors(stage->kind) || (bias && stage->no_bias)) continue;
        *spec = (TensorSpec){bias ? TENSOR_STAGE_BIAS : TENSOR_STAGE_WEIGHT,
                             index,
                             false,
                             linear && !bias ? 2 : 1,
                             {stage->outputs, 1}};
        if (linear && !bias) spec->shape[1] = structure_stage_inputs(walk->structure, index);
        return true;
    }
    return false;
}

/* The next tensor; false at the end. */
static bool tensor_walk_next(TensorWalk *walk, TensorSpec *spec, bool *fits) {
    const Structure *const structure = walk->structure;
    if (walk->at == 0) {
        walk->at = structure->layer_count > 0 ? 1 : WALK_HEAD_WEIGHT;
        if (structure->input == ELMAN_INPUT_EMBEDDING) {
            *spec = (TensorSpec){
                TENSOR_EMBEDDING, 0, false, 2, {structure->input_size, structure->embedding}};
            return true;
        }
    }
    while (walk->at < WALK_HEAD_WEIGHT) {
        const bool found = direction_spec(walk, spec, fits);
        if (++walk->at == WALK_HEAD_WEIGHT) {
            const bool second = !walk->reverse && structure_directions(structure, walk->layer) == 2;
            walk->reverse = second;
            if (!second) walk->layer++;
            if (walk->layer < structure->layer_count) walk->at = 1;
        }
        if (found) return true;
    }
    return head_next(walk, spec) || stage_next(walk, spec);
}

size_t structure_tensors(const Structure *structure) {
    TensorWalk walk = {.structure = structure};
    TensorSpec spec;
    bool fits = true;
    size_t count = 0;
    while (tensor_walk_next(&walk, &spec, &fits)) count++;
    return count;
}

bool structure_parameters(const Structure *structure, size_t *count) {
    TensorWalk walk = {.structure = structure};
    TensorSpec spec;
    bool fits = true;
    size_t total = 0, size;
    while (tensor_walk_next(&walk, &spec, &fits))
        if (!fits || !size_mul(spec.shape[0], spec.shape[1], &size) ||
            !size_add(total, size, &total))
            return false;
    *count = total;
    return true;
}

static void write_name(const Structure *structure, const TensorSpec *spec,
                       char name[TENSOR_NAME_MAX]) {
    static const char *const names[] = {
        [TENSOR_EMBEDDING] = "embedding.weight",
        [TENSOR_WEIGHT_IH] = "rnn.weight_ih",
        [TENSOR_WEIGHT_HH] = "rnn.weight_hh",
        [TENSOR_WEIGHT_PEEPHOLE] = "rnn.weight_peephole",
        [TENSOR_BIAS_IH] = "rnn.bias_ih",
        [TENSOR_BIAS_HH] = "rnn.bias_hh",
        [TENSOR_WEIGHT_HR] = "rnn.weight_hr",
        [TENSOR_H0] = "rnn.h0",
        [TENSOR_C0] = "rnn.c0",
        [TENSOR_HEAD_WEIGHT] = "head.weight",
        [TENSOR_HEAD_BIAS] = "head.bias",
    };
    if (spec->role >= TENSOR_WEIGHT_IH && spec->role <= TENSOR_C0)
        snprintf(name, TENSOR_NAME_MAX, "%s_l%zu%s", names[spec->role], spec->layer,
                 spec->reverse ? "_reverse" : "");
    else if (spec->role == TENSOR_STAGE_WEIGHT || spec->role == TENSOR_STAGE_BIAS)
        snprintf(name, TENSOR_NAME_MAX, "stage%zu.%s",
                 structure_stage_number(structure, spec->layer),
                 spec->role == TENSOR_STAGE_BIAS ? "bias" : "weight");
    else
        snprintf(name, TENSOR_NAME_MAX, "%s", names[spec->role]);
}

bool tensor_set_measure(const Structure *structure, size_t *count, size_t *floats) {
    TensorWalk walk = {.structure = structure};
    TensorSpec spec;
    bool fits = true;
    size_t size;
    *count = *floats = 0;
    while (tensor_walk_next(&walk, &spec, &fits)) {
        if (!fits || !size_mul(spec.shape[0], spec.shape[1], &size) ||
            !size_align(size, PANEL, &size) || !size_add(*floats, size, floats))
            return false;
        ++*count;
    }
    return true;
}

elman_status tensor_set_create(Memory *memory, const Structure *structure, TensorSet *set,
                               elman_error *error) {
    *set = (TensorSet){0};
    size_t count, floats;
    if (!tensor_set_measure(structure, &count, &floats))
        return fail(error, ELMAN_ERR_MEMORY, "the model's size does not fit into memory at all");
    set->tensors = memory_allocate_array(memory, count, sizeof *set->tensors);
    set->places = memory_allocate_array(memory, count, sizeof *set->places);
    set->names = memory_allocate_array(memory, count, sizeof *set->names);
    set->data = memory_allocate_array(memory, floats, sizeof *set->data);
    if (!set->tensors || !set->places || !set->names || !set->data) {
        tensor_set_release(memory, set);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu tensors of %zu numbers together",
                    count, floats);
    }
    set->count = count;
    set->floats = floats;
    TensorWalk walk = {.structure = structure};
    TensorSpec spec;
    bool fits = true;
    float *data = set->data;
    for (size_t i = 0; tensor_walk_next(&walk, &spec, &fits); i++) {
        const size_t size = spec.shape[0] * spec.shape[1];
        write_name(structure, &spec, set->names[i]);
        set->tensors[i] =
            (elman_tensor){set->names[i], spec.rank, {spec.shape[0], spec.shape[1]}, size, data};
        set->places[i].role = spec.role;
        set->places[i].layer = spec.layer;
        set->places[i].reverse = spec.reverse;
        data += (size + PANEL - 1) / PANEL * PANEL;
    }
    return ELMAN_OK;
}

void tensor_set_release(Memory *memory, TensorSet *set) {
    memory_release(memory, set->data);
    memory_release(memory, set->names);
    memory_release(memory, set->places);
    memory_release(memory, set->tensors);
    *set = (TensorSet){0};
}

float *tensor_set_data(const TensorSet *set, TensorRole role, size_t layer, bool reverse) {
    for (size_t i = 0; i < set->count; i++)
        if (set->places[i].role == role && set->places[i].layer == layer &&
            set->places[i].reverse == reverse)
            return set->tensors[i].data;
    return NULL;
}

const elman_tensor *tensor_set_find(const TensorSet *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->tensors[i].name, name) == 0) return &set->tensors[i];
    return NULL;
}
