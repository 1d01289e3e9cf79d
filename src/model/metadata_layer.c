/* The layers in the metadata of a model file. */
#include <stdio.h>
#include <string.h>

#include "model/layer_plain.h"
#include "model/metadata_reader.h"

bool metadata_put(json_t *object, bool wanted, const char *key, json_t *value) {
    if (wanted) return json_object_set_new(object, key, value) == 0;
    json_decref(value);
    return true;
}

static json_t *write_activation(const elman_activation *activation) {
    json_t *const object = json_pack("{s:s}", "kind", activation_name(activation->kind));
    if (!activation->kind || !object) {
        json_decref(object);
        return activation->kind ? NULL : json_null();
    }
    if (metadata_put(object, activation_has_alpha(activation->kind), "alpha",
                     json_real((double)activation->alpha)) &&
        metadata_put(object, activation_has_beta(activation->kind), "beta",
                     json_real((double)activation->beta)))
        return object;
    json_decref(object);
    return NULL;
}

/* For each direction a list of f, g and h, as many as the cell has; null: the usual one. */
static json_t *write_activations(const elman_cell_options *layer) {
    json_t *const directions = json_array();
    for (size_t d = 0; d < (layer->bidirectional ? 2 : 1); d++) {
        json_t *const list = json_array();
        bool fits = list != NULL;
        for (size_t i = 0; i < cell_activations(layer->cell) && fits; i++)
            fits = !json_array_append_new(list, write_activation(&layer->activations[d][i]));
        if (!fits) json_decref(list);
        if (json_array_append_new(directions, fits ? list : NULL)) {
            json_decref(directions);
            return NULL;
        }
    }
    return directions;
}

/* What a layer has beyond a fast cell stands there only where it has it. */
static json_t *write_layer(const elman_cell_options *layer) {
    json_t *const object =
        json_pack("{s:s, s:I, s:b, s:b, s:b, s:f}", "cell", cell_of_kind(layer->cell)->name,
                  "hidden", (json_int_t)layer->hidden, "bidirectional", layer->bidirectional != 0,
                  "bias", layer->no_bias == 0, "learned_state", layer->learned_state != 0,
                  "dropout", (double)layer->dropout);
    if (object &&
        metadata_put(object, layer->projection, "projection",
                     json_integer((json_int_t)layer->projection)) &&
        metadata_put(object, layer->clip > 0.0f, "clip", json_real((double)layer->clip)) &&
        metadata_put(object, layer->input_forget, "input_forget", json_true()) &&
        metadata_put(object, layer->peepholes, "peepholes", json_true()) &&
        metadata_put(object, layer_has_activations(layer), "activations", write_activations(layer)))
        return object;
    json_decref(object);
    return NULL;
}

json_t *metadata_write_layers(const Structure *structure) {
    json_t *const layers = json_array();
    for (size_t l = 0; l < structure->layer_count; l++)
        if (json_array_append_new(layers, write_layer(&structure->layers[l]))) {
            json_decref(layers);
            return NULL;
        }
    return layers;
}

static elman_cell read_cell(Reader *reader, const json_t *object) {
    const char *const name = reader_string(reader, object, "cell");
    for (int kind = ELMAN_CELL_RNN; kind <= ELMAN_CELL_GRU_RESET_BEFORE; kind++)
        if (strcmp(name, cell_of_kind((elman_cell)kind)->name) == 0) return (elman_cell)kind;
    reader_refuse(reader, ELMAN_ERR_UNSUPPORTED, "unknown cell \"%.40s\"", name);
    return ELMAN_CELL_RNN;
}

static elman_activation read_activation(Reader *reader, const json_t *object) {
    elman_activation activation = {.kind = ELMAN_ACTIVATION_RELU};
    const char *const name = reader_string(reader, object, "kind");
    while (activation_name(activation.kind) && strcmp(name, activation_name(activation.kind)) != 0)
        activation.kind++;
    if (!activation_name(activation.kind)) {
        reader_refuse(reader, ELMAN_ERR_UNSUPPORTED, "unknown activation \"%.40s\"", name);
        return activation;
    }
    if (activation_has_alpha(activation.kind))
        activation.alpha = (float)reader_number(reader, object, "alpha");
    if (activation_has_beta(activation.kind))
        activation.beta = (float)reader_number(reader, object, "beta");
    return activation;
}

static void read_activations(Reader *reader, const json_t *list, elman_cell_options *layer) {
    const size_t directions = layer->bidirectional ? 2 : 1, count = cell_activations(layer->cell);
    bool fits = json_array_size(list) == directions;
    for (size_t d = 0; d < directions && fits && !reader->status; d++) {
        const json_t *const activations = json_array_get(list, d);
        fits = json_array_size(activations) == count;
        for (size_t i = 0; i < count && fits && !reader->status; i++) {
            const json_t *const activation = json_array_get(activations, i);
            if (!json_is_null(activation))
                layer->activations[d][i] = read_activation(reader, activation);
        }
    }
    if (!fits)
        reader_refuse(reader, ELMAN_ERR_FORMAT,
                      "\"activations\" is not a list of %zu for each of %zu directions", count,
                      directions);
}

/* What a layer has beyond a fast cell, each part where it is there. */
static void read_more(Reader *reader, const json_t *object, elman_cell_options *layer) {
    const json_t *const activations = json_object_get(object, "activations");
    if (json_object_get(object, "projection"))
        layer->projection = reader_size(reader, object, "projection");
    if (json_object_get(object, "clip")) layer->clip = (float)reader_number(reader, object, "clip");
    if (json_object_get(object, "input_forget"))
        layer->input_forget = reader_flag(reader, object, "input_forget");
    if (json_object_get(object, "peepholes"))
        layer->peepholes = reader_flag(reader, object, "peepholes");
    if (activations) read_activations(reader, activations, layer);
}

void metadata_read_layers(Reader *reader, const json_t *spec, elman_model *model) {
    const json_t *const layers = json_object_get(spec, "layers");
    if (json_array_size(layers) == 0)
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"layers\" is not a list of at least one layer");
    for (size_t l = 0; l < json_array_size(layers) && !reader->status; l++) {
        const json_t *const layer = json_array_get(layers, l);
        elman_cell_options options = {
            .struct_size = sizeof options,
            .cell = read_cell(reader, layer),
            .hidden = reader_size(reader, layer, "hidden"),
            .bidirectional = reader_flag(reader, layer, "bidirectional"),
            .no_bias = !reader_flag(reader, layer, "bias"),
            .learned_state = reader_flag(reader, layer, "learned_state"),
            .dropout = (float)reader_number(reader, layer, "dropout"),
        };
        char where[32];
        snprintf(where, sizeof where, "layer %zu", l);
        if (!reader->status) read_more(reader, layer, &options);
        if (!reader->status && elman_model_add_cell_options(model, &options))
            reader_refuse_because(reader, where, model->failure.status, &model->failure);
    }
}
