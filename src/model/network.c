/* Packs a model's weights for the kernels. */
#include "model/network.h"

#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "core/size.h"

size_t network_padded(size_t width) {
    return (width + PANEL - 1) / PANEL * PANEL;
}

/* Adds `count` floats to the block that is being measured or, when it is there, points *part to
 * them. Parts of no floats stay NULL. */
static bool place(elman_network *network, size_t count, float **part) {
    size_t size;
    if (count == 0) return true;
    if (!size_align(count, PANEL, &size)) return false;
    if (network->block) *part = network->block + network->floats;
    return size_add(network->floats, size, &network->floats);
}

static bool place_cell(elman_network *network, NetworkCell *cell) {
    size_t sizes[8];
    CellWeights *const w = &cell->weights;
    float **const parts[8] = {&w->start,     &w->table,     &w->w_ih, &w->w_hh,
                              &w->w_ih_back, &w->w_hh_back, &w->h0,   &w->c0};
    if (!cell_weights_sizes(&cell->shape, sizes)) return false;
    for (size_t i = 0; i < 8; i++)
        if (!place(network, sizes[i], parts[i])) return false;
    return true;
}

static bool place_head(elman_network *network) {
    NetworkHead *const head = &network->head;
    size_t weights, back;
    if (head->outputs == 0) return true;
    if (!size_mul(head->panels * PANEL, head->inputs, &weights)) return false;
    if (!size_mul(head->input_panels * PANEL, head->outputs, &back)) return false;
    return place(network, head->panels * PANEL, &head->bias) && place(network, weights, &head->w) &&
           place(network, back, &head->w_back);
}

/* Goes through all parts: once to measure them, once to point into the block. */
static bool place_all(elman_network *network) {
    const Structure *const structure = &network->structure;
    network->floats = 0;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            if (!place_cell(network, &network->layers[l][d])) return false;
    size_t table = 0;
    if (structure->input == ELMAN_INPUT_EMBEDDING &&
        !size_mul(structure->input_size, structure->embedding, &table))
        return false;
    return place(network, table, &network->embedding) &&
           place(network, network->widest, &network->zeros) && place_head(network);
}

static void widen(elman_network *network, size_t width) {
    if (network_padded(width) > network->widest) network->widest = network_padded(width);
}

static void shape_parts(elman_network *network) {
    const Structure *const structure = &network->structure;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape shape = structure_cell_shape(structure, l);
        network->layers[l][0].shape = network->layers[l][1].shape = shape;
        widen(network, structure_inputs(structure, l + 1));
        if (!shape.tokens) widen(network, shape.inputs);
    }
    if (structure->has_head) {
        const size_t inputs = structure_inputs(structure, structure->layer_count);
        const size_t outputs = structure->head_outputs;
        network->head = (NetworkHead){
            .inputs = inputs,
            .outputs = outputs,
            .panels = network_padded(outputs) / PANEL,
            .input_panels = network_padded(inputs) / PANEL,
        };
        widen(network, outputs);
    }
}

elman_status elman_network_compile(const elman_model *model, elman_network **out,
                                   elman_error *error) {
    Memory *const memory = &model->context->memory;
    elman_network *network = NULL;
    elman_status status = ELMAN_ERR_MEMORY;
    *out = NULL;
    if (!model->built)
        return fail(error, ELMAN_ERR_ARGUMENT, "the model is not built: call elman_model_build");
    network = memory_allocate(memory, sizeof *network);
    if (!network) goto done;
    network->context = model->context;
    network->kernels = model->context->kernels;
    if (structure_copy(memory, &network->structure, &model->structure, NULL)) goto done;
    network->layers =
        memory_allocate_array(memory, network->structure.layer_count, sizeof *network->layers);
    if (!network->layers) goto done;
    shape_parts(network);
    if (!place_all(network)) goto done;
    network->block = memory_allocate_array(memory, network->floats, sizeof(float));
    if (!network->block) goto done;
    place_all(network);
    network_repack(network, model);
    *out = network;
    network = NULL;
    status = ELMAN_OK;
done:
    elman_network_destroy(network);
    return status ? fail(error, status, "no memory for the packed weights") : ELMAN_OK;
}

void elman_network_destroy(elman_network *network) {
    if (!network) return;
    Memory *const memory = &network->context->memory;
    memory_release(memory, network->block);
    memory_release(memory, network->layers);
    structure_release(memory, &network->structure);
    memory_release(memory, network);
}

const char *elman_network_isa(const elman_network *network) {
    return network->kernels->name;
}

size_t elman_network_state_size(const elman_network *network, size_t batch) {
    return structure_state_size(&network->structure, batch);
}

typedef struct PackJob {
    elman_network *network;
    const TensorSet *weights;
} PackJob;

static void pack_layer(const PackJob *job, size_t layer, bool reverse, size_t worker,
                       size_t workers) {
    const NetworkCell *const cell = &job->network->layers[layer][reverse];
    const TensorSet *const set = job->weights;
    const CellTensors tensors = {
        .weight_ih = tensor_set_data(set, TENSOR_WEIGHT_IH, layer, reverse),
        .weight_hh = tensor_set_data(set, TENSOR_WEIGHT_HH, layer, reverse),
        .bias_ih = tensor_set_data(set, TENSOR_BIAS_IH, layer, reverse),
        .bias_hh = tensor_set_data(set, TENSOR_BIAS_HH, layer, reverse),
        .h0 = tensor_set_data(set, TENSOR_H0, layer, reverse),
        .c0 = tensor_set_data(set, TENSOR_C0, layer, reverse),
    };
    size_t begin, end;
    pool_split(cell->shape.panels, 1, worker, workers, &begin, &end);
    cell_pack(&cell->shape, &tensors, &cell->weights, begin, end);
    if (!cell->weights.w_ih_back) return;
    pool_split(network_padded(cell->shape.inputs) / PANEL, 1, worker, workers, &begin, &end);
    cell_pack_input_back(&cell->shape, &tensors, &cell->weights, begin, end);
}

static void pack_head(const PackJob *job, size_t worker, size_t workers) {
    const NetworkHead *const head = &job->network->head;
    const float *const weight = tensor_set_data(job->weights, TENSOR_HEAD_WEIGHT, 0, false);
    const float *const bias = tensor_set_data(job->weights, TENSOR_HEAD_BIAS, 0, false);
    size_t begin, end;
    pool_split(head->outputs, PANEL, worker, workers, &begin, &end);
    for (size_t o = begin; o < end; o++) {
        float *const column = head->w + o / PANEL * head->inputs * PANEL + o % PANEL;
        const float *const row = weight + o * head->inputs;
        for (size_t k = 0; k < head->inputs; k++) column[k * PANEL] = row[k];
        if (bias) head->bias[o] = bias[o];
        for (size_t p = 0; p < head->input_panels; p++) {
            const size_t left = head->inputs - p * PANEL;
            memcpy(head->w_back + (p * head->outputs + o) * PANEL, row + p * PANEL,
                   (left < PANEL ? left : PANEL) * sizeof(float));
        }
    }
}

static void pack(void *argument, size_t worker, size_t workers) {
    const PackJob *const job = argument;
    const Structure *const structure = &job->network->structure;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            pack_layer(job, l, d == 1, worker, workers);
    if (job->network->head.outputs) pack_head(job, worker, workers);
    const float *const embedding = tensor_set_data(job->weights, TENSOR_EMBEDDING, 0, false);
    if (worker == 0 && embedding)
        memcpy(job->network->embedding, embedding,
               structure->input_size * structure->embedding * sizeof(float));
    profile_mark(job->network->context, worker, ELMAN_PHASE_PACK);
}

void network_repack(elman_network *network, const elman_model *model) {
    PackJob job = {network, &model->weights};
    profile_mark(network->context, 0, ELMAN_PHASE_OTHER);
    pool_run(network->context->pool, pack, &job);
    profile_mark(network->context, 0, ELMAN_PHASE_WAIT);
}
