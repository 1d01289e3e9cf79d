/* From PyTorch's tensors to a model of ours, and the roles of a model's tensors. */
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "core/fail.h"

static const char *const output_names[] = {"every-step", "last-step", "mean", "max"};

enum { OUTPUTS = 4 };

/* How one of our own files, written for PyTorch, tells what names and shapes do not. */
static const char mark_nonlinearity[] = "elman.nonlinearity", mark_output[] = "elman.output",
                  mark_input[] = "elman.input";

static size_t directions_of(const elman_conversion *conversion) {
    char name[SAFETENSORS_NAME_MAX + 32];
    snprintf(name, sizeof name, "%sweight_ih_l0_reverse", conversion->roles.prefix);
    return tensor_list_find(&conversion->source, name) ? 2 : 1;
}

static const SafetensorsTensor *of_layer(const elman_conversion *conversion, const char *kind,
                                         size_t layer) {
    char name[SAFETENSORS_NAME_MAX + 64];
    snprintf(name, sizeof name, "%s%s_l%zu", conversion->roles.prefix, kind, layer);
    return tensor_list_find(&conversion->source, name);
}

/* ---- What the file does not tell ---- */

static elman_status choose_nonlinearity(elman_conversion *conversion, elman_error *error) {
    const char *const mark = tensor_list_metadata(&conversion->source, mark_nonlinearity);
    const elman_nonlinearity given = conversion->options.nonlinearity;
    if (strcmp(conversion->kind, "nn.RNN") != 0)
        return given ? fail(error, ELMAN_ERR_ARGUMENT,
                            "%s: holds an %s: only an nn.RNN has a choice of nonlinearity",
                            conversion->name, conversion->kind)
                     : ELMAN_OK;
    conversion->roles.relu =
        given ? given == ELMAN_NONLINEARITY_RELU : mark && strcmp(mark, "relu") == 0;
    if (given || mark) return ELMAN_OK;
    return conversion_note(conversion, error,
                           "assumed: the nn.RNN has nonlinearity tanh, which a file does not tell");
}

static elman_status choose_output(elman_conversion *conversion, elman_error *error) {
    const char *const mark = tensor_list_metadata(&conversion->source, mark_output);
    for (size_t i = 0; i < OUTPUTS && mark; i++) {
        if (strcmp(mark, output_names[i]) != 0) continue;
        conversion->roles.output = (elman_output)i;
        return ELMAN_OK;
    }
    return conversion_note(conversion, error,
                           "assumed: there is an output at every step, which a file does not tell");
}

static elman_status choose(elman_conversion *conversion, elman_error *error) {
    const char *const mark = tensor_list_metadata(&conversion->source, mark_input);
    PytorchRoles *const roles = &conversion->roles;
    roles->one_hot = !roles->embedding && mark && strcmp(mark, "one-hot") == 0;
    elman_status status = choose_nonlinearity(conversion, error);
    if (!status) status = choose_output(conversion, error);
    if (!status && !of_layer(conversion, "h0", 0))
        status = conversion_note(conversion, error, "assumed: the state starts at zero");
    if (!status && roles->embedding)
        status = conversion_note(conversion, error,
                                 "assumed: %s is the table of an nn.Embedding: it has no bias and "
                                 "is as wide as the input of the %s",
                                 roles->embedding->name, conversion->kind);
    return status;
}

/* ---- The model ---- */

static elman_cell cell_of(const elman_conversion *conversion) {
    if (strcmp(conversion->kind, "nn.LSTM") == 0) return ELMAN_CELL_LSTM;
    if (strcmp(conversion->kind, "nn.GRU") == 0) return ELMAN_CELL_GRU;
    return conversion->roles.relu ? ELMAN_CELL_RNN_RELU : ELMAN_CELL_RNN;
}

static elman_status create(elman_conversion *conversion, elman_error *error) {
    const PytorchRoles *const roles = &conversion->roles;
    const size_t width = of_layer(conversion, "weight_ih", 0)->shape[1];
    if (!roles->embedding && !roles->one_hot)
        return elman_model_create(conversion->context, width, &conversion->model, error);
    return elman_model_create_tokens(
        conversion->context, roles->embedding ? roles->embedding->shape[0] : width,
        roles->embedding ? roles->embedding->shape[1] : 0, &conversion->model, error);
}

static elman_status build(elman_conversion *conversion, elman_error *error) {
    const PytorchRoles *const roles = &conversion->roles;
    const elman_status status = create(conversion, error);
    if (status) return status;
    for (size_t layer = 0; of_layer(conversion, "weight_hh", layer); layer++) {
        const elman_cell_options options = {
            .struct_size = sizeof options,
            .cell = cell_of(conversion),
            .hidden = of_layer(conversion, "weight_hh", layer)->shape[1],
            .bidirectional = directions_of(conversion) == 2,
            .no_bias = !of_layer(conversion, "bias_ih", layer),
            .learned_state = of_layer(conversion, "h0", layer) != NULL,
        };
        elman_model_add_cell_options(conversion->model, &options);
    }
    if (roles->linear_weight)
        elman_model_add_linear(conversion->model, roles->linear_weight->shape[0],
                               !roles->linear_bias);
    elman_model_set_output(conversion->model, roles->output);
    return model_allocate(conversion->model, error);
}

/* ---- The numbers ---- */

static float half_number(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, fraction = bits & 0x3FF;
    const uint32_t exponent = bits >> 10 & 0x1F;
    uint32_t single = sign;
    float number;
    if (exponent == 31)
        single |= 0x7F800000 | fraction << 13;
    else if (exponent > 0)
        single |= (exponent + 112) << 23 | fraction << 13;
    memcpy(&number, &single, sizeof number);
    if (exponent > 0 || fraction == 0) return number;
    return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
}

static float number_at(const SafetensorsTensor *tensor, size_t index) {
    const unsigned char *const bytes = tensor->data;
    uint16_t half;
    uint32_t single;
    double number;
    float result;
    if (tensor->type == SAFETENSORS_F64) {
        memcpy(&number, bytes + index * sizeof number, sizeof number);
        return (float)number;
    }
    memcpy(&half, bytes + index * sizeof half, sizeof half);
    if (tensor->type == SAFETENSORS_F16) return half_number(half);
    single = (uint32_t)half << 16; /* BF16: a float's upper half */
    memcpy(&result, &single, sizeof result);
    return result;
}

/* The tensor of the source that fills tensor `index` of the model. */
static const SafetensorsTensor *source_of(const elman_conversion *conversion, size_t index) {
    static const char *const kinds[] = {
        [TENSOR_WEIGHT_IH] = "weight_ih",
        [TENSOR_WEIGHT_HH] = "weight_hh",
        [TENSOR_BIAS_IH] = "bias_ih",
        [TENSOR_BIAS_HH] = "bias_hh",
        [TENSOR_H0] = "h0",
        [TENSOR_C0] = "c0",
    };
    const struct TensorPlace *const place = &conversion->model->weights.places[index];
    char name[SAFETENSORS_NAME_MAX + 64];
    if (place->role == TENSOR_EMBEDDING) return conversion->roles.embedding;
    if (place->role == TENSOR_HEAD_WEIGHT) return conversion->roles.linear_weight;
    if (place->role == TENSOR_HEAD_BIAS) return conversion->roles.linear_bias;
    snprintf(name, sizeof name, "%s%s_l%zu%s", conversion->roles.prefix, kinds[place->role],
             place->layer, place->reverse ? "_reverse" : "");
    return tensor_list_find(&conversion->source, name);
}

static elman_status fill(elman_conversion *conversion, elman_error *error) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < conversion->model->weights.count && !status; i++) {
        const elman_tensor *const tensor = &conversion->model->weights.tensors[i];
        const SafetensorsTensor *const source = source_of(conversion, i);
        if (source->type == SAFETENSORS_F32)
            memcpy(tensor->data, source->data, tensor->count * sizeof(float));
        else
            for (size_t k = 0; k < tensor->count; k++) tensor->data[k] = number_at(source, k);
        status = conversion_placed(conversion, source, tensor->name, error);
    }
    return status;
}

elman_status pytorch_make_model(elman_conversion *conversion, elman_error *error) {
    const SafetensorsTensor *const recurrent = of_layer(conversion, "weight_hh", 0);
    const size_t gates = recurrent->shape[0] / recurrent->shape[1];
    conversion->kind = gates == 4 ? "nn.LSTM" : gates == 3 ? "nn.GRU" : "nn.RNN";
    elman_status status = choose(conversion, error);
    if (!status) status = build(conversion, error);
    return status ? status : fill(conversion, error);
}
