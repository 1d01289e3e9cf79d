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

static const SafetensorsTensor *of_layer(const elman_conversion *conversion, const char *kind,
                                         size_t layer) {
    return pytorch_find(&conversion->source, &conversion->roles, kind, layer, false);
}

static size_t hidden_of(const elman_conversion *conversion, size_t layer) {
    const SafetensorsTensor *const projection = of_layer(conversion, "weight_hr", layer);
    return (projection ? projection : of_layer(conversion, "weight_hh", layer))->shape[1];
}

/* What PyTorch calls the module of a layer. */
static const char *module_of(const elman_conversion *conversion, size_t layer) {
    const SafetensorsTensor *const recurrent = of_layer(conversion, "weight_hh", layer);
    const size_t gates = recurrent->shape[0] / hidden_of(conversion, layer);
    return gates == 4 ? "nn.LSTM" : gates == 3 ? "nn.GRU" : "nn.RNN";
}

/* The names of all modules that are there. */
static const char *kinds_of(const elman_conversion *conversion) {
    static const char *const names[] = {"",
                                        "nn.RNN",
                                        "nn.GRU",
                                        "nn.RNN and nn.GRU",
                                        "nn.LSTM",
                                        "nn.RNN and nn.LSTM",
                                        "nn.GRU and nn.LSTM",
                                        "nn.RNN, nn.GRU and nn.LSTM"};
    size_t found = 0;
    for (size_t layer = 0; of_layer(conversion, "weight_hh", layer); layer++) {
        const char *const module = module_of(conversion, layer);
        for (size_t kind = 1; kind <= 4; kind *= 2)
            if (strcmp(module, names[kind]) == 0) found |= kind;
    }
    return names[found];
}

/* ---- What the file does not tell ---- */

static elman_status choose_nonlinearity(elman_conversion *conversion, elman_error *error) {
    const char *const mark = tensor_list_metadata(&conversion->source, mark_nonlinearity);
    const elman_nonlinearity given = conversion->options.nonlinearity;
    if (!strstr(conversion->kind, "nn.RNN"))
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

/* The bytes of a module's name: its prefix without the dot. */
static size_t name_length(const PytorchModule *module) {
    const size_t prefix = strlen(module->prefix);
    return prefix > 0 ? prefix - 1 : 0;
}

static elman_status choose(elman_conversion *conversion, elman_error *error) {
    const char *const mark = tensor_list_metadata(&conversion->source, mark_input);
    PytorchRoles *const roles = &conversion->roles;
    roles->one_hot = !roles->embedding && mark && strcmp(mark, "one-hot") == 0;
    elman_status status = choose_nonlinearity(conversion, error);
    if (!status) status = choose_output(conversion, error);
    if (!status && !of_layer(conversion, "h0", 0))
        status = conversion_note(conversion, error, "assumed: the state starts at zero");
    if (!status && roles->embedding && !conversion->options.embedding)
        status = conversion_note(conversion, error,
                                 "assumed: %s is the table of an nn.Embedding: it has no bias and "
                                 "is as wide as the input of the %s",
                                 roles->embedding->name, module_of(conversion, 0));
    if (!status && roles->linear_weight && conversion->options.module &&
        !conversion->options.linear)
        status = conversion_note(conversion, error,
                                 "assumed: %s is the weight of an nn.Linear behind the recurrent "
                                 "module: its shape fits",
                                 roles->linear_weight->name);
    for (size_t i = 1; i < roles->module_count && !status; i++)
        status =
            conversion_note(conversion, error,
                            "assumed: %.*s reads what %.*s hands on, with nothing between "
                            "them, which a file does not tell",
                            (int)name_length(&roles->modules[i]), roles->modules[i].prefix,
                            (int)name_length(&roles->modules[i - 1]), roles->modules[i - 1].prefix);
    return status;
}

/* ---- The model ---- */

static elman_cell cell_of(const elman_conversion *conversion, size_t layer) {
    const char *const module = module_of(conversion, layer);
    if (strcmp(module, "nn.LSTM") == 0) return ELMAN_CELL_LSTM;
    if (strcmp(module, "nn.GRU") == 0) return ELMAN_CELL_GRU;
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
        const SafetensorsTensor *const projection = of_layer(conversion, "weight_hr", layer);
        const elman_cell_options options = {
            .struct_size = sizeof options,
            .cell = cell_of(conversion, layer),
            .hidden = hidden_of(conversion, layer),
            .bidirectional =
                pytorch_find(&conversion->source, roles, "weight_hh", layer, true) != NULL,
            .no_bias = !of_layer(conversion, "bias_ih", layer),
            .learned_state = of_layer(conversion, "h0", layer) != NULL,
            .projection = projection ? projection->shape[0] : 0,
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
        [TENSOR_WEIGHT_HR] = "weight_hr",
        [TENSOR_H0] = "h0",
        [TENSOR_C0] = "c0",
    };
    const struct TensorPlace *const place = &conversion->model->weights.places[index];
    if (place->role == TENSOR_EMBEDDING) return conversion->roles.embedding;
    if (place->role == TENSOR_HEAD_WEIGHT) return conversion->roles.linear_weight;
    if (place->role == TENSOR_HEAD_BIAS) return conversion->roles.linear_bias;
    return pytorch_find(&conversion->source, &conversion->roles, kinds[place->role], place->layer,
                        place->reverse);
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
    conversion->kind = kinds_of(conversion);
    elman_status status = choose(conversion, error);
    if (!status) status = build(conversion, error);
    return status ? status : fill(conversion, error);
}
