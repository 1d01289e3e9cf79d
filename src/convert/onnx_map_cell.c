/* The attributes that say what a recurrent node computes. */
#include "convert/onnx_map_cell.h"

#include <string.h>

/* The specification's list. Where a node leaves alpha or beta out, those of the operator of the
 * same name hold; ONNX has no operator ScaledTanh. */
static const struct {
    const char *name;
    elman_activation_kind kind;
    bool has_alpha, has_beta, needs_both;
    float alpha, beta;
} kinds[] = {
    {"Affine", ELMAN_ACTIVATION_AFFINE, true, true, false, 1.0f, 0.0f},
    {"Elu", ELMAN_ACTIVATION_ELU, true, false, false, 1.0f, 0.0f},
    {"HardSigmoid", ELMAN_ACTIVATION_HARD_SIGMOID, true, true, false, 0.2f, 0.5f},
    {"LeakyRelu", ELMAN_ACTIVATION_LEAKY_RELU, true, false, false, 0.01f, 0.0f},
    {"Relu", ELMAN_ACTIVATION_RELU, false, false, false, 0.0f, 0.0f},
    {"ScaledTanh", ELMAN_ACTIVATION_SCALED_TANH, true, true, true, 0.0f, 0.0f},
    {"Sigmoid", ELMAN_ACTIVATION_SIGMOID, false, false, false, 0.0f, 0.0f},
    {"Softplus", ELMAN_ACTIVATION_SOFTPLUS, false, false, false, 0.0f, 0.0f},
    {"Softsign", ELMAN_ACTIVATION_SOFTSIGN, false, false, false, 0.0f, 0.0f},
    {"Tanh", ELMAN_ACTIVATION_TANH, false, false, false, 0.0f, 0.0f},
    {"ThresholdedRelu", ELMAN_ACTIVATION_THRESHOLDED_RELU, true, false, false, 1.0f, 0.0f},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* A list of alphas or betas: each activation that has one takes the next. */
typedef struct Numbers {
    const float *floats;
    size_t count, used;
} Numbers;

static elman_status read_numbers(const MapCall *call, const char *name, Numbers *numbers) {
    const OnnxAttribute *const attribute = onnx_attribute(call->node, name);
    *numbers = (Numbers){0};
    if (!attribute) return ELMAN_OK;
    if (attribute->type != ONNX_ATTRIBUTE_FLOATS || !attribute->is_list)
        return map_refuse(call, ELMAN_ERR_FORMAT, "has an attribute %s of another type", name);
    *numbers = (Numbers){attribute->floats, attribute->count, 0};
    return ELMAN_OK;
}

/* The next number of the list; `*missing` when there must be one and there is none. */
static float take(Numbers *numbers, bool has, float otherwise, bool needed, bool *missing) {
    if (has && numbers->used < numbers->count) return numbers->floats[numbers->used++];
    *missing = *missing || (has && needed);
    return otherwise;
}

static elman_status read_activation(const MapCall *call, const char *name, Numbers *alphas,
                                    Numbers *betas, elman_activation *activation) {
    size_t k = 0;
    bool missing = false;
    while (k < KINDS && strcmp(kinds[k].name, name) != 0) k++;
    if (k == KINDS)
        return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                          "has an activation \"%.40s\" that is none of the specification's", name);
    activation->kind = kinds[k].kind;
    activation->alpha =
        take(alphas, kinds[k].has_alpha, kinds[k].alpha, kinds[k].needs_both, &missing);
    activation->beta = take(betas, kinds[k].has_beta, kinds[k].beta, kinds[k].needs_both, &missing);
    return missing ? map_refuse(call, ELMAN_ERR_FORMAT,
                                "has an activation %s without its alpha or beta", name)
                   : ELMAN_OK;
}

/* f, g and h of each direction, where the node names them. */
static elman_status read_activations(const MapCall *call, MapLayer *layer) {
    const size_t count = layer->gates == 1 ? 1 : layer->gates == 3 ? 2 : 3;
    const OnnxAttribute *const given = onnx_attribute(call->node, "activations");
    Numbers alphas, betas;
    elman_status status;
    if ((status = read_numbers(call, "activation_alpha", &alphas)) ||
        (status = read_numbers(call, "activation_beta", &betas)))
        return status;
    if (given && (given->type != ONNX_ATTRIBUTE_STRINGS || !given->is_list ||
                  given->count != count * layer->directions))
        return map_refuse(call, ELMAN_ERR_FORMAT, "has not %zu names of activations",
                          count * layer->directions);
    for (size_t i = 0; given && i < given->count; i++) {
        const size_t direction = layer->is_reverse ? 1 : i / count;
        status = read_activation(call, given->strings[i], &alphas, &betas,
                                 &layer->activations[direction][i % count]);
        if (status) return status;
    }
    if (alphas.used == alphas.count && betas.used == betas.count) return ELMAN_OK;
    return map_refuse(call, ELMAN_ERR_UNSUPPORTED,
                      "has more alphas or betas than its activations take");
}

/* An RNN whose activations are all ReLU is a cell of its own. */
static void name_relu(MapLayer *layer) {
    const elman_activation usual = {0};
    for (size_t d = 0; d < layer->directions; d++)
        if (layer->activations[layer->is_reverse ? 1 : d][0].kind != ELMAN_ACTIVATION_RELU) return;
    layer->cell = ELMAN_CELL_RNN_RELU;
    layer->activations[0][0] = layer->activations[1][0] = usual;
}

elman_status map_read_cell(const MapCall *call, MapLayer *layer) {
    int64_t linear, coupled;
    elman_status status;
    if ((status = map_int(call, "linear_before_reset", 0, &linear)) ||
        (status = map_int(call, "input_forget", 0, &coupled)) ||
        (status = map_float(call, "clip", 0.0f, &layer->clip)) ||
        (status = read_activations(call, layer)))
        return status;
    if (onnx_attribute(call->node, "clip") && !(layer->clip > 0.0f))
        return map_refuse(call, ELMAN_ERR_FORMAT, "has a clip that is not above 0");
    layer->input_forget = coupled != 0;
    layer->cell = layer->gates == 1   ? ELMAN_CELL_RNN
                  : layer->gates == 4 ? ELMAN_CELL_LSTM
                  : linear            ? ELMAN_CELL_GRU
                                      : ELMAN_CELL_GRU_RESET_BEFORE;
    if (layer->gates == 1) name_relu(layer);
    return ELMAN_OK;
}
