/* Packs a model's weights for the kernels. */
#include "model/network.h"

#include <string.h>

#include "context/profile.h"
#include "core/fail.h"
#include "core/size.h"
#include "model/layer_plain.h"

size_t network_padded(size_t width) {
    return (width + PANEL - 1) / PANEL * PANEL;
}

/* Adds `count` floats to the block that is being measured or, when it is there, points *part to
 * them. Parts of no floats stay NULL. */
static bool place(NetworkBlock *block, size_t count, float **part) {
    size_t size;
    if (count == 0) return true;
    if (!size_align(count, PANEL, &size)) return false;
    if (block->data) *part = block->data + block->floats;
    return size_add(block->floats, size, &block->floats);
}

/* The packed weights of one direction, or `unused` where the network has no layers: it is measured
 * before it is made. */
static CellWeights *weights_of(elman_network *network, size_t layer, size_t direction,
                               CellWeights *unused) {
    return network->layers ? &network->layers[layer][direction].weights : unused;
}

static bool place_cell(NetworkBlock *block, const CellShape *shape, CellWeights *w) {
    size_t sizes[CELL_PARTS];
    float **const parts[CELL_PARTS] = {&w->start, &w->table, &w->w_ih,     &w->w_hh,
                                       &w->h0,    &w->c0,    &w->peephole, &w->w_hr};
    if (!cell_weights_sizes(shape, sizes)) return false;
    for (size_t i = 0; i < CELL_PARTS; i++)
        if (!place(block, sizes[i], parts[i])) return false;
    return true;
}

/* Those of a product with a bias. */
static bool place_linear(NetworkBlock *block, NetworkHead *head) {
    size_t weights;
    return size_mul(head->panels * PANEL, head->inputs, &weights) &&
           place(block, head->panels * PANEL, &head->bias) && place(block, weights, &head->w);
}

/* There are none where a network is measured that is to be trained. */
static bool place_stages(elman_network *network) {
    for (size_t i = 0; i < network->structure.stage_count && network->stages; i++) {
        NetworkStage *const stage = &network->stages[i];
        const bool fits = stage->kind == ELMAN_STAGE_LINEAR
                              ? place_linear(&network->forward, &stage->linear)
                              : !stage_has_tensors(stage->kind) ||
                                    (place(&network->forward, stage->outputs, &stage->gain) &&
                                     place(&network->forward, stage->outputs, &stage->bias));
        if (!fits) return false;
    }
    return true;
}

/* What every pass reads. */
static bool place_forward(elman_network *network) {
    const Structure *const structure = &network->structure;
    NetworkBlock *const block = &network->forward;
    CellWeights unused;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape shape = structure_cell_shape(structure, l);
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            if (!place_cell(block, &shape, weights_of(network, l, d, &unused))) return false;
    }
    size_t table = 0;
    if (structure->input == ELMAN_INPUT_EMBEDDING &&
        !size_mul(structure->input_size, structure->embedding, &table))
        return false;
    return place(block, table, &network->embedding) &&
           place(block, network->widest, &network->zeros) && place_linear(block, &network->head) &&
           place_stages(network);
}

/* What backward reads, but for the gradient of a dense input. */
static bool place_back(elman_network *network) {
    const Structure *const structure = &network->structure;
    NetworkHead *const head = &network->head;
    size_t sizes[CELL_BACK_PARTS], weights;
    CellWeights unused;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape shape = structure_cell_shape(structure, l);
        if (!cell_back_sizes(&shape, sizes)) return false;
        if (l == 0 && structure->input == ELMAN_INPUT_DENSE) sizes[0] = 0;
        for (size_t d = 0; d < structure_directions(structure, l); d++) {
            CellWeights *const w = weights_of(network, l, d, &unused);
            if (!place(&network->back, sizes[0], &w->w_ih_back) ||
                !place(&network->back, sizes[1], &w->w_hh_back) ||
                !place(&network->back, sizes[2], &w->w_hr_back))
                return false;
        }
    }
    return size_mul(head->input_panels * PANEL, head->outputs, &weights) &&
           place(&network->back, weights, &head->w_back);
}

/* What the gradient of a dense input reads. */
static bool place_input_back(elman_network *network) {
    for (size_t d = 0; d < structure_directions(&network->structure, 0); d++) {
        NetworkCell *const cell = &network->layers[0][d];
        size_t sizes[CELL_BACK_PARTS];
        if (!cell_back_sizes(&cell->shape, sizes) ||
            !place(&network->input_back, sizes[0], &cell->weights.w_ih_back))
            return false;
    }
    return true;
}

/* Goes through the parts of a block twice: to measure them and to point into the block. */
static bool allocate(elman_network *network, NetworkBlock *block,
                     bool (*place_parts)(elman_network *network)) {
    block->floats = 0;
    if (!place_parts(network)) return false;
    block->data = memory_allocate_array(&network->context->memory, block->floats, sizeof(float));
    block->floats = 0;
    return block->data && place_parts(network);
}

static void widen(elman_network *network, size_t width) {
    if (network_padded(width) > network->widest) network->widest = network_padded(width);
}

static void shape_cell(const elman_cell_options *layer, const CellShape *shape, size_t direction,
                       NetworkCell *cell) {
    cell->shape = *shape;
    if (!layer_plain(layer)) return;
    cell->plain = layer_plain_cell(layer, direction);
    cell->shape.plain = &cell->plain;
}

static NetworkHead shape_linear(size_t inputs, size_t outputs) {
    return (NetworkHead){
        .inputs = inputs,
        .outputs = outputs,
        .panels = network_padded(outputs) / PANEL,
        .input_panels = network_padded(inputs) / PANEL,
    };
}

static void shape_stages(elman_network *network) {
    const Structure *const structure = &network->structure;
    for (size_t i = 0; i < structure->stage_count && network->stages; i++) {
        const elman_stage *const from = &structure->stages[i];
        NetworkStage *const stage = &network->stages[i];
        *stage = (NetworkStage){
            .kind = from->kind,
            .inputs = structure_stage_inputs(structure, i),
            .outputs = from->outputs,
            .epsilon = (double)from->epsilon,
        };
        if (stage->kind == ELMAN_STAGE_LINEAR)
            stage->linear = shape_linear(stage->inputs, stage->outputs);
        if (network_padded(stage->outputs) > network->stage_row)
            network->stage_row = network_padded(stage->outputs);
    }
}

static void shape_parts(elman_network *network) {
    const Structure *const structure = &network->structure;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape shape = structure_cell_shape(structure, l);
        for (size_t d = 0; d < 2 && network->layers; d++)
            shape_cell(&structure->layers[l], &shape, d, &network->layers[l][d]);
        widen(network, structure_inputs(structure, l + 1));
        widen(network, shape.hidden);
        if (!shape.tokens) widen(network, shape.inputs);
    }
    if (structure->has_head) {
        network->head = shape_linear(structure_inputs(structure, structure->layer_count),
                                     structure->head_outputs);
        widen(network, structure->head_outputs);
    }
    shape_stages(network);
}

bool network_training_floats(const Structure *structure, size_t *floats) {
    elman_network network = {.structure = *structure};
    shape_parts(&network);
    return place_forward(&network) && place_back(&network) &&
           size_add(network.forward.floats, network.back.floats, floats);
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
    if (network->structure.stage_count > 0) {
        network->stages =
            memory_allocate_array(memory, network->structure.stage_count, sizeof *network->stages);
        if (!network->stages) goto done;
    }
    shape_parts(network);
    if (!allocate(network, &network->forward, place_forward)) goto done;
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
    memory_release(memory, network->input_back.data);
    memory_release(memory, network->back.data);
    memory_release(memory, network->forward.data);
    memory_release(memory, network->stages);
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
    const TensorSet *weights; /* NULL: the forward parts are there, those of backward follow */
} PackJob;

static void pack_layer(const PackJob *job, size_t layer, bool reverse, size_t worker,
                       size_t workers) {
    const Kernels *const kernels = job->network->kernels;
    const NetworkCell *const cell = &job->network->layers[layer][reverse];
    const TensorSet *const set = job->weights;
    CellTensors tensors = {0};
    size_t begin, end;
    if (set)
        tensors = (CellTensors){
            .weight_ih = tensor_set_data(set, TENSOR_WEIGHT_IH, layer, reverse),
            .weight_hh = tensor_set_data(set, TENSOR_WEIGHT_HH, layer, reverse),
            .bias_ih = tensor_set_data(set, TENSOR_BIAS_IH, layer, reverse),
            .bias_hh = tensor_set_data(set, TENSOR_BIAS_HH, layer, reverse),
            .weight_hr = tensor_set_data(set, TENSOR_WEIGHT_HR, layer, reverse),
            .h0 = tensor_set_data(set, TENSOR_H0, layer, reverse),
            .c0 = tensor_set_data(set, TENSOR_C0, layer, reverse),
            .peephole = tensor_set_data(set, TENSOR_WEIGHT_PEEPHOLE, layer, reverse),
        };
    pool_split(cell->shape.panels, 1, worker, workers, &begin, &end);
    for (size_t panel = begin; panel < end; panel++) {
        if (set) cell_pack(kernels, &cell->shape, &tensors, &cell->weights, panel);
        cell_pack_back(kernels, &cell->shape, &cell->weights, panel);
    }
}

/* From weight [outputs][inputs] (NULL: w is there) to w and to w_back, for one panel of outputs. */
static void pack_linear_panel(const Kernels *kernels, const NetworkHead *head, const float *weight,
                              const float *bias, size_t panel) {
    const PackedMatrix packed = {head->inputs, head->outputs, head->w, head->w_back};
    const size_t first = panel * PANEL, left = head->outputs - first;
    if (bias)
        memcpy(head->bias + first, bias + first, (left < PANEL ? left : PANEL) * sizeof *bias);
    pack_matrix(kernels, &packed, weight, panel);
}

/* Tensors of the head or of a stage, NULL where they are not packed or not there. */
static const float *tensor_of(const PackJob *job, TensorRole role, size_t stage) {
    return job->weights ? tensor_set_data(job->weights, role, stage, false) : NULL;
}

static void pack_head(const PackJob *job, size_t worker, size_t workers) {
    const NetworkHead *const head = &job->network->head;
    const float *const weight = tensor_of(job, TENSOR_HEAD_WEIGHT, 0);
    const float *const bias = tensor_of(job, TENSOR_HEAD_BIAS, 0);
    size_t begin, end;
    pool_split(head->panels, 1, worker, workers, &begin, &end);
    for (size_t panel = begin; panel < end; panel++)
        pack_linear_panel(job->network->kernels, head, weight, bias, panel);
}

/* Stages are packed by one worker: seldom, since they are not trained. */
static void pack_stages(const PackJob *job) {
    for (size_t i = 0; i < job->network->structure.stage_count; i++) {
        const NetworkStage *const stage = &job->network->stages[i];
        const float *const weight = tensor_of(job, TENSOR_STAGE_WEIGHT, i);
        const float *const bias = tensor_of(job, TENSOR_STAGE_BIAS, i);
        for (size_t panel = 0; panel < stage->linear.panels; panel++)
            pack_linear_panel(job->network->kernels, &stage->linear, weight, bias, panel);
        if (stage->kind != ELMAN_STAGE_LAYER_NORM) continue;
        memcpy(stage->gain, weight, stage->outputs * sizeof(float));
        if (bias) memcpy(stage->bias, bias, stage->outputs * sizeof(float));
    }
}

static void pack_embedding(const PackJob *job, size_t worker, size_t workers) {
    const Structure *const structure = &job->network->structure;
    const float *const embedding = tensor_set_data(job->weights, TENSOR_EMBEDDING, 0, false);
    size_t begin, end;
    if (!embedding) return;
    pool_split(structure->input_size * structure->embedding, PANEL, worker, workers, &begin, &end);
    memcpy(job->network->embedding + begin, embedding + begin, (end - begin) * sizeof(float));
}

static void pack(void *argument, size_t worker, size_t workers) {
    const PackJob *const job = argument;
    const Structure *const structure = &job->network->structure;
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t d = 0; d < structure_directions(structure, l); d++)
            pack_layer(job, l, d == 1, worker, workers);
    pack_head(job, worker, workers);
    if (job->weights) pack_embedding(job, worker, workers);
    if (job->weights && worker == 0) pack_stages(job);
    profile_mark(job->network->context, worker, ELMAN_PHASE_PACK);
}

static void run_pack(elman_network *network, const TensorSet *weights) {
    PackJob job = {network, weights};
    profile_mark(network->context, 0, ELMAN_PHASE_OTHER);
    pool_run(network->context->pool, pack, &job);
    profile_mark(network->context, 0, ELMAN_PHASE_WAIT);
}

void network_repack(elman_network *network, const elman_model *model) {
    run_pack(network, &model->weights);
}

elman_status network_prepare_backward(const elman_network *shared, bool input_gradient,
                                      elman_error *error) {
    /* What elman_network_compile made is no constant object, and nobody reads these parts yet. */
    elman_network *const network = (elman_network *)shared;
    const bool input_back = input_gradient && network->structure.input == ELMAN_INPUT_DENSE;
    const bool has_back = network->back.data, has_input_back = network->input_back.data;
    if (has_back && (has_input_back || !input_back)) return ELMAN_OK;
    bool fits = has_back || allocate(network, &network->back, place_back);
    if (fits && input_back && !has_input_back)
        fits = allocate(network, &network->input_back, place_input_back);
    /* What did fit stays, for the next tape. */
    run_pack(network, NULL);
    return fits ? ELMAN_OK
                : fail(error, ELMAN_ERR_MEMORY, "no memory for the weights that backward reads");
}
