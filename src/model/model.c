/* Building a model, and looking at it. */
#include "model/model.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "core/fail.h"
#include "core/grow.h"
#include "core/options.h"
#include "data/text.h"
#include "model/encoder.h"
#include "model/layer_plain.h"
#include "model/metadata.h"

static elman_status create(elman_context *context, const Structure *structure, elman_model **out,
                           elman_error *error) {
    elman_model *const model = memory_allocate(&context->memory, sizeof *model);
    *out = model;
    if (!model) return fail(error, ELMAN_ERR_MEMORY, "no memory for a model");
    model->context = context;
    model->structure = *structure;
    model->init.struct_size = sizeof model->init;
    return ELMAN_OK;
}

elman_status elman_model_create(elman_context *context, size_t features, elman_model **model,
                                elman_error *error) {
    *model = NULL;
    if (features == 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "a model's input needs at least 1 feature");
    const Structure structure = {.input = ELMAN_INPUT_DENSE, .input_size = features};
    return create(context, &structure, model, error);
}

elman_status elman_model_create_tokens(elman_context *context, size_t vocabulary, size_t embedding,
                                       elman_model **model, elman_error *error) {
    *model = NULL;
    if (vocabulary == 0 || vocabulary > INT32_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a vocabulary of %zu tokens, expected 1 to 2147483647", vocabulary);
    const Structure structure = {
        .input = embedding ? ELMAN_INPUT_EMBEDDING : ELMAN_INPUT_ONE_HOT,
        .input_size = vocabulary,
        .embedding = embedding,
    };
    return create(context, &structure, model, error);
}

/* Remembers the first failure, for elman_model_build. */
static elman_status reject(elman_model *model, const char *sentence) {
    if (model->failure.status == ELMAN_OK)
        fail(&model->failure, ELMAN_ERR_ARGUMENT, "%s", sentence);
    return ELMAN_ERR_ARGUMENT;
}

elman_status elman_model_add_cell(elman_model *model, elman_cell cell, size_t hidden) {
    elman_cell_options options = {.struct_size = sizeof options, .cell = cell, .hidden = hidden};
    return elman_model_add_cell_options(model, &options);
}

static elman_status reject_memory(elman_model *model) {
    if (model->failure.status == ELMAN_OK)
        fail(&model->failure, ELMAN_ERR_MEMORY, "no memory for a layer's description");
    return ELMAN_ERR_MEMORY;
}

elman_status elman_model_add_cell_options(elman_model *model, const elman_cell_options *given) {
    elman_cell_options options;
    elman_error error = {0};
    if (options_read(&options, sizeof options, given, "elman_cell_options", &error))
        return reject(model, error.message);
    if (model->built) return reject(model, "a built model takes no further layer");
    Structure *const structure = &model->structure;
    if (structure->has_head || structure->stage_count > 0)
        return reject(model, "a recurrent layer cannot follow the head");
    if (!cell_of_kind(options.cell)) return reject(model, "unknown kind of cell");
    if (options.hidden == 0) return reject(model, "a layer needs at least 1 hidden unit");
    if (options.hidden > SIZE_MAX / 64) return reject(model, "a layer's size does not fit");
    if (options.projection && options.cell != ELMAN_CELL_LSTM)
        return reject(model, "only an LSTM has a projection");
    if (options.projection && options.projection >= options.hidden)
        return reject(model, "a projection is narrower than the layer's hidden units");
    if (!(options.dropout >= 0.0f && options.dropout < 1.0f))
        return reject(model, "dropout must be at least 0 and below 1");
    const char *const sentence = layer_plain_check(&options);
    if (sentence) return reject(model, sentence);
    if (options.projection && layer_plain(&options))
        return reject(model, "a projection stands beside no activations of its own, clip, coupled "
                             "forget gate or peepholes");
    elman_cell_options *const layers =
        memory_grow(&model->context->memory, structure->layers, structure->layer_count, 1,
                    &structure->layer_capacity, sizeof *layers);
    if (!layers) return reject_memory(model);
    structure->layers = layers;
    structure->layers[structure->layer_count++] = options;
    return ELMAN_OK;
}

static elman_status add_stage(elman_model *model, const elman_stage *stage) {
    Structure *const structure = &model->structure;
    if (structure->layer_count == 0)
        return reject(model, "a stage stands behind a recurrent layer, of which there is none");
    elman_stage *const stages =
        memory_grow(&model->context->memory, structure->stages, structure->stage_count, 1,
                    &structure->stage_capacity, sizeof *stages);
    if (!stages) return reject_memory(model);
    structure->stages = stages;
    stages[structure->stage_count] = *stage;
    if (stage->kind != ELMAN_STAGE_LINEAR)
        stages[structure->stage_count].outputs = structure_outputs(structure);
    structure->stage_count++;
    return ELMAN_OK;
}

elman_status elman_model_add_linear(elman_model *model, size_t outputs, int no_bias) {
    if (model->built) return reject(model, "a built model takes no further layer");
    if (outputs == 0) return reject(model, "the head needs at least 1 output");
    if (outputs > SIZE_MAX / 64) return reject(model, "the head's size does not fit");
    if (model->structure.has_head || model->structure.stage_count > 0) {
        const elman_stage stage = {ELMAN_STAGE_LINEAR, outputs, no_bias != 0, 0.0f};
        return add_stage(model, &stage);
    }
    model->structure.has_head = true;
    model->structure.head_outputs = outputs;
    model->structure.head_no_bias = no_bias != 0;
    return ELMAN_OK;
}

elman_status elman_model_add_activation(elman_model *model, elman_stage_kind kind) {
    const elman_stage stage = {.kind = kind};
    if (model->built) return reject(model, "a built model takes no further layer");
    if (!stage_name(kind) || stage_has_tensors(kind))
        return reject(model, "a stage without numbers of its own is relu, tanh, sigmoid, softmax "
                             "or log-softmax");
    return add_stage(model, &stage);
}

elman_status elman_model_add_layer_norm(elman_model *model, float epsilon, int no_bias) {
    const elman_stage stage = {ELMAN_STAGE_LAYER_NORM, 0, no_bias != 0, epsilon};
    if (model->built) return reject(model, "a built model takes no further layer");
    if (!(epsilon >= 0.0f && isfinite(epsilon)))
        return reject(model, "the epsilon of a layer normalisation must be finite and at least 0");
    return add_stage(model, &stage);
}

elman_status elman_model_set_output(elman_model *model, elman_output output) {
    if (model->built) return reject(model, "a built model's output cannot change");
    if ((unsigned)output > ELMAN_OUTPUT_MAX) return reject(model, "unknown kind of output");
    model->structure.output = output;
    return ELMAN_OK;
}

elman_status model_allocate(elman_model *model, elman_error *error) {
    if (model->failure.status) {
        if (error) *error = model->failure;
        return model->failure.status;
    }
    if (model->structure.layer_count == 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "a model needs at least one recurrent layer");
    const elman_status status =
        tensor_set_create(&model->context->memory, &model->structure, &model->weights, error);
    model->built = status == ELMAN_OK;
    return status;
}

elman_status elman_model_build(elman_model *model, const elman_init_options *options,
                               elman_error *error) {
    elman_init_options init;
    if (model->built) return fail(error, ELMAN_ERR_ARGUMENT, "the model is built already");
    elman_status status = options_read(&init, sizeof init, options, "elman_init_options", error);
    if (status) return status;
    if (!isfinite(init.forget_bias))
        return fail(error, ELMAN_ERR_ARGUMENT, "the forget bias is not a finite number");
    model->init = init;
    if ((status = model_allocate(model, error))) return status;
    if ((status = model_initialise(model, error))) {
        tensor_set_release(&model->context->memory, &model->weights);
        model->built = false;
    }
    return status;
}

void elman_model_destroy(elman_model *model) {
    if (!model) return;
    Memory *const memory = &model->context->memory;
    encoder_release(memory, model->encoder);
    elman_vocabulary_destroy(model->vocabulary);
    memory_release(memory, model->training);
    tensor_set_release(memory, &model->weights);
    structure_release(memory, &model->structure);
    memory_release(memory, model);
}

void elman_model_describe(const elman_model *model, elman_model_info *info) {
    const Structure *const structure = &model->structure;
    *info = (elman_model_info){
        .input = structure->input,
        .input_size = structure->input_size,
        .embedding = structure->embedding,
        .layers = structure->layer_count,
        .outputs = structure->layer_count ? structure_outputs(structure) : 0,
        .has_head = structure->has_head,
        .head_no_bias = structure->head_no_bias,
        .output = structure->output,
        .stages = structure_stage_number(structure, structure->stage_count),
    };
    if (!structure_parameters(structure, &info->parameters)) info->parameters = SIZE_MAX;
}

void elman_model_layer(const elman_model *model, size_t index, elman_cell_options *options) {
    *options = model->structure.layers[index];
}

void elman_model_stage(const elman_model *model, size_t index, elman_stage *stage) {
    const Structure *const structure = &model->structure;
    if (structure->has_head && index == 0)
        *stage = (elman_stage){ELMAN_STAGE_LINEAR, structure->head_outputs, structure->head_no_bias,
                               0.0f};
    else
        *stage = structure->stages[index - structure_stage_number(structure, 0)];
}

void elman_model_init_options(const elman_model *model, elman_init_options *options) {
    *options = model->init;
}

size_t elman_model_tensor_count(const elman_model *model) {
    return model->weights.count;
}

elman_status elman_model_tensor(const elman_model *model, size_t index, elman_tensor *tensor) {
    if (index >= model->weights.count) return ELMAN_ERR_ARGUMENT;
    *tensor = model->weights.tensors[index];
    return ELMAN_OK;
}

elman_status elman_model_find_tensor(const elman_model *model, const char *name,
                                     elman_tensor *tensor, elman_error *error) {
    const elman_tensor *const found = tensor_set_find(&model->weights, name);
    if (!found) return fail(error, ELMAN_ERR_ARGUMENT, "the model has no tensor %s", name);
    *tensor = *found;
    return ELMAN_OK;
}

elman_status elman_model_set_vocabulary(elman_model *model, const elman_vocabulary *vocabulary,
                                        elman_error *error) {
    const size_t size = elman_vocabulary_size(vocabulary);
    if (model->structure.input == ELMAN_INPUT_DENSE || size != model->structure.input_size)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "a vocabulary of %zu tokens does not fit a model with %zu inputs", size,
                    model->structure.input_size);
    elman_vocabulary *copy = NULL;
    const elman_status status = vocabulary_from_characters(
        model->context, vocabulary_characters(vocabulary), size, &copy, error);
    if (status) return status;
    elman_vocabulary_destroy(model->vocabulary);
    model->vocabulary = copy;
    return ELMAN_OK;
}

const elman_vocabulary *elman_model_vocabulary(const elman_model *model) {
    return model->vocabulary;
}

elman_status elman_model_set_training(elman_model *model, const char *json, elman_error *error) {
    json_t *object;
    const elman_status status = metadata_parse(json, "the training summary", &object, error);
    if (status) return status;
    /* As the model file will hold it, which is also what the limit is about. */
    Memory *const memory = &model->context->memory;
    char *const text = metadata_text(memory, object);
    json_decref(object);
    if (!text) return fail(error, ELMAN_ERR_MEMORY, "no memory for the training summary");
    const size_t length = strlen(text);
    if (length > MODEL_TRAINING_MAX) {
        memory_release(memory, text);
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the training summary has %zu bytes, at most %d are kept", length,
                    MODEL_TRAINING_MAX);
    }
    memory_release(memory, model->training);
    model->training = text;
    return ELMAN_OK;
}

const char *elman_model_training(const elman_model *model) {
    return model->training;
}
