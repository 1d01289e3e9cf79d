/* Where a training step met a number that is not finite. */
#include "train/not_finite.h"

#include <math.h>
#include <stdio.h>

typedef struct Gate {
    const char *letter, *name;
} Gate;

/* The gate of a block of a tensor's rows; NULL for cells without gates. */
static const Gate *gate_of_block(elman_cell cell, size_t block) {
    static const Gate lstm[] = {
        {"i", "input gate"}, {"f", "forget gate"}, {"g", "new content"}, {"o", "output gate"}};
    static const Gate gru[] = {{"r", "reset gate"}, {"z", "update gate"}, {"n", "new content"}};
    switch (cell) {
    case ELMAN_CELL_LSTM:
        return &lstm[block];
    case ELMAN_CELL_GRU:
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return &gru[block];
    case ELMAN_CELL_RNN:
    case ELMAN_CELL_RNN_RELU:
        break;
    }
    return NULL;
}

static bool is_recurrent(TensorRole role) {
    return role >= TENSOR_WEIGHT_IH && role <= TENSOR_C0;
}

/* The gate whose rows hold an element; NULL: the tensor has none. */
static const Gate *find_gate(const elman_model *model, size_t tensor, size_t element) {
    const struct TensorPlace place = model->weights.places[tensor];
    if (place.role < TENSOR_WEIGHT_IH || place.role > TENSOR_BIAS_HH) return NULL;
    const elman_cell cell = model->structure.layers[place.layer].cell;
    const size_t rows = model->weights.tensors[tensor].count / cell_of_kind(cell)->gates;
    return gate_of_block(cell, element / rows);
}

elman_not_finite not_finite_place(const elman_model *model, uint64_t step, size_t tensor,
                                  size_t element) {
    const struct TensorPlace place = model->weights.places[tensor];
    const Gate *const gate = find_gate(model, tensor, element);
    return (elman_not_finite){
        .step = step,
        .tensor = model->weights.tensors[tensor].name,
        .layer = is_recurrent(place.role) ? (int)place.layer : -1,
        .reverse = is_recurrent(place.role) && place.reverse,
        .gate = gate ? gate->letter : NULL,
        .gate_name = gate ? gate->name : NULL,
    };
}

const char *not_finite_print(const elman_not_finite *place, char text[NOT_FINITE_PLACE_MAX]) {
    (void)snprintf(text, NOT_FINITE_PLACE_MAX, place->gate ? "%s (%s)" : "%s", place->tensor,
                   place->gate_name);
    return text;
}

size_t not_finite_element(const float *numbers, size_t count) {
    size_t i = 0;
    while (i < count && isfinite(numbers[i])) i++;
    return i;
}

/* Whether the gradients overflowed on their way back through the layers: the head's are finite, and
 * so is the loss. */
static bool grew_backwards(const Optimizer *optimizer, const elman_model *model) {
    for (size_t i = 0; i < optimizer->tensor_count; i++)
        if (model->weights.places[i].role >= TENSOR_HEAD_WEIGHT &&
            !isfinite(optimizer->tensors[i].squares))
            return false;
    return true;
}

bool not_finite_gradient(const Optimizer *optimizer, const elman_model *model, bool loss_is_finite,
                         size_t *tensor) {
    const bool backwards = loss_is_finite && grew_backwards(optimizer, model);
    const struct TensorPlace *const places = model->weights.places;
    bool found = false;
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        if (isfinite(optimizer->tensors[i].squares)) continue;
        const bool nearer =
            found && is_recurrent(places[i].role) &&
            (!is_recurrent(places[*tensor].role) || places[i].layer > places[*tensor].layer);
        if (found && !(backwards && nearer)) continue;
        *tensor = i;
        found = true;
    }
    return found;
}

bool not_finite_weight(const Optimizer *optimizer, size_t *tensor) {
    const Kernels *const kernels = optimizer->context->kernels;
    for (*tensor = 0; *tensor < optimizer->tensor_count; ++*tensor) {
        const OptimizerTensor *const weights = &optimizer->tensors[*tensor];
        if (!isfinite(kernels->sum_of_squares(weights->padded, weights->weight.data))) return true;
    }
    return false;
}
