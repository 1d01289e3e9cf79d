/* What a network's description implies: its tensors, their places, sizes and counts. */
#include "reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

size_t ref_gates(RefCell cell) {
    switch (cell) {
    case REF_LSTM:
        return 4;
    case REF_GRU_RESET_AFTER:
    case REF_GRU_RESET_BEFORE:
        return 3;
    case REF_RNN_TANH:
    case REF_RNN_RELU:
        return 1;
    }
    abort();
}

size_t ref_directions(const RefNetwork *network, size_t layer) {
    return network->layers[layer].bidirectional ? 2 : 1;
}

size_t ref_layer_width(const RefNetwork *network, size_t layer) {
    const RefLayer *described = &network->layers[layer];
    return described->projection > 0 ? described->projection : described->hidden;
}

size_t ref_layer_features(const RefNetwork *network, size_t layer) {
    return ref_directions(network, layer) * ref_layer_width(network, layer);
}

size_t ref_layer_inputs(const RefNetwork *network, size_t layer) {
    if (layer > 0) return ref_layer_features(network, layer - 1);
    return network->input == REF_EMBEDDING ? network->embedding : network->inputs;
}

size_t ref_output_width(const RefNetwork *network) {
    if (network->outputs > 0) return network->outputs;
    return ref_layer_features(network, network->layer_count - 1);
}

size_t ref_positions(const RefNetwork *network, const RefBatch *batch) {
    return network->output != REF_EVERY_STEP ? batch->rows : batch->steps * batch->rows;
}

bool ref_step_counts(const RefBatch *batch, size_t step, size_t row) {
    return step < (batch->lengths ? batch->lengths[row] : batch->steps);
}

bool ref_position_counts(const RefNetwork *network, const RefBatch *batch, size_t position) {
    if (network->output != REF_EVERY_STEP) return ref_step_counts(batch, 0, position);
    return ref_step_counts(batch, position / batch->rows, position % batch->rows);
}

/* Adds a tensor of rank 1 (columns 0) or 2 and returns its offset. */
static size_t add_tensor(RefNetwork *network, const char *name, const char *suffix, size_t rows,
                         size_t columns) {
    assert(network->tensor_count < REF_TENSORS_MAX);
    RefTensor *tensor = &network->tensors[network->tensor_count++];
    snprintf(tensor->name, sizeof tensor->name, "%s%s", name, suffix);
    tensor->rank = columns > 0 ? 2 : 1;
    tensor->shape[0] = rows;
    tensor->shape[1] = columns;
    tensor->count = columns > 0 ? rows * columns : rows;
    tensor->offset = network->parameter_count;
    network->parameter_count += tensor->count;
    return tensor->offset;
}

static void add_layer(RefNetwork *network, size_t layer, size_t direction) {
    const RefLayer *described = &network->layers[layer];
    const size_t hidden = described->hidden, width = ref_layer_width(network, layer);
    const size_t rows = ref_gates(described->cell) * hidden;
    size_t *offsets = network->offsets[layer][direction];
    char suffix[24];
    snprintf(suffix, sizeof suffix, "_l%u%s", (unsigned)layer, direction == 1 ? "_reverse" : "");
    for (size_t slot = 0; slot < REF_SLOTS; slot++) offsets[slot] = REF_ABSENT;
    offsets[REF_WEIGHT_IH] =
        add_tensor(network, "rnn.weight_ih", suffix, rows, ref_layer_inputs(network, layer));
    offsets[REF_WEIGHT_HH] = add_tensor(network, "rnn.weight_hh", suffix, rows, width);
    if (described->plain.peepholes)
        offsets[REF_PEEPHOLE] = add_tensor(network, "rnn.weight_peephole", suffix, 3 * hidden, 0);
    if (described->bias) {
        offsets[REF_BIAS_IH] = add_tensor(network, "rnn.bias_ih", suffix, rows, 0);
        offsets[REF_BIAS_HH] = add_tensor(network, "rnn.bias_hh", suffix, rows, 0);
    }
    if (described->projection > 0)
        offsets[REF_WEIGHT_HR] = add_tensor(network, "rnn.weight_hr", suffix, width, hidden);
    if (described->learned_initial) {
        offsets[REF_H0] = add_tensor(network, "rnn.h0", suffix, width, 0);
        if (described->cell == REF_LSTM)
            offsets[REF_C0] = add_tensor(network, "rnn.c0", suffix, hidden, 0);
    }
}

void ref_network_layout(RefNetwork *network) {
    assert(network->layer_count >= 1 && network->layer_count <= REF_LAYERS_MAX);
    network->tensor_count = 0;
    network->parameter_count = 0;
    network->embedding_weight = network->head_weight = network->head_bias_offset = REF_ABSENT;
    if (network->input == REF_EMBEDDING)
        network->embedding_weight =
            add_tensor(network, "embedding.weight", "", network->inputs, network->embedding);
    for (size_t layer = 0; layer < network->layer_count; layer++)
        for (size_t direction = 0; direction < ref_directions(network, layer); direction++)
            add_layer(network, layer, direction);
    if (network->outputs > 0) {
        const size_t features = ref_layer_features(network, network->layer_count - 1);
        network->head_weight = add_tensor(network, "head.weight", "", network->outputs, features);
        if (network->head_bias)
            network->head_bias_offset = add_tensor(network, "head.bias", "", network->outputs, 0);
    }
}

size_t ref_state_hidden(const RefNetwork *network, size_t rows, size_t layer, size_t direction) {
    size_t offset = 0;
    for (size_t l = 0; l <= layer; l++) {
        const size_t cells = network->layers[l].cell == REF_LSTM ? network->layers[l].hidden : 0;
        const size_t passed = l < layer ? ref_directions(network, l) : direction;
        offset += passed * rows * (ref_layer_width(network, l) + cells);
    }
    return offset;
}

size_t ref_state_cell(const RefNetwork *network, size_t rows, size_t layer, size_t direction) {
    assert(network->layers[layer].cell == REF_LSTM);
    return ref_state_hidden(network, rows, layer, direction) +
           rows * ref_layer_width(network, layer);
}

size_t ref_state_count(const RefNetwork *network, size_t rows) {
    const size_t last = network->layer_count - 1;
    return ref_state_hidden(network, rows, last, ref_directions(network, last));
}

void *ref_allocate(size_t count, size_t size) {
    void *block = calloc(count > 0 ? count : 1, size);
    if (!block) {
        fputs("reference: out of memory\n", stderr);
        abort();
    }
    return block;
}

void ref_fill(double *values, size_t count, double low, double high, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        /* SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
         * OOPSLA 2014. */
        uint64_t bits = (seed += UINT64_C(0x9E3779B97F4A7C15));
        bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
        bits ^= bits >> 31;
        values[i] = low + (high - low) * ((double)(bits >> 11) * 0x1p-53);
    }
}
