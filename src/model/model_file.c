/* Model files: writing and reading. */
#include "model/model_file.h"

#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "data/text.h"
#include "model/encoder.h"
#include "model/metadata.h"

static const char checkpoint_prefix[] = "checkpoint.";
static const char metadata_key[] = "elman";

/* Lists the model's tensors; returns their number. */
static size_t list_tensors(const elman_model *model, SafetensorsTensor *list) {
    size_t count = 0;
    for (size_t i = 0; i < model->weights.count; i++) {
        const elman_tensor *const tensor = &model->weights.tensors[i];
        list[count++] = (SafetensorsTensor){
            .name = tensor->name,
            .type = SAFETENSORS_F32,
            .rank = tensor->rank,
            .shape = {tensor->shape[0], tensor->shape[1]},
            .data = tensor->data,
            .bytes = tensor->count * sizeof(float),
        };
    }
    if (model->vocabulary) {
        const size_t size = elman_vocabulary_size(model->vocabulary);
        list[count++] = (SafetensorsTensor){
            .name = ENCODER_VOCABULARY,
            .type = SAFETENSORS_I32,
            .rank = 1,
            .shape = {size},
            .data = vocabulary_characters(model->vocabulary),
            .bytes = size * sizeof(int32_t),
        };
    }
    for (size_t i = 0; i < encoder_tensor_count(model); i++)
        encoder_tensor_at(model, i, &list[count++]);
    return count;
}

elman_status model_save_with(const elman_model *model, const char *path, const ModelExtras *extras,
                             elman_error *error) {
    static const ModelExtras none = {0};
    Memory *const memory = &model->context->memory;
    if (!extras) extras = &none;
    if (!model->built) return fail(error, ELMAN_ERR_ARGUMENT, "only a built model can be saved");
    elman_status status = ELMAN_ERR_MEMORY;
    char *const json = metadata_write(model);
    const size_t most =
        model->weights.count + 1 + encoder_tensor_count(model) + extras->tensor_count;
    SafetensorsTensor *const tensors = memory_allocate_array(memory, most, sizeof *tensors);
    SafetensorsPair *const pairs =
        memory_allocate_array(memory, 2 + extras->metadata_count, sizeof *pairs);
    if (!json || !tensors || !pairs) {
        fail(error, status, "%s: no memory to write the model", path);
        goto done;
    }
    if (strlen(json) > MODEL_METADATA_MAX) {
        status = fail(error, ELMAN_ERR_ARGUMENT,
                      "%s: the model's description has %zu bytes, a model file holds at most %d",
                      path, strlen(json), MODEL_METADATA_MAX);
        goto done;
    }
    size_t count = list_tensors(model, tensors);
    for (size_t i = 0; i < extras->tensor_count; i++) tensors[count++] = extras->tensors[i];
    pairs[0] = (SafetensorsPair){metadata_key, json};
    pairs[1] = (SafetensorsPair){"format", "pt"};
    for (size_t i = 0; i < extras->metadata_count; i++) pairs[2 + i] = extras->metadata[i];
    status =
        safetensors_write(memory, path, pairs, 2 + extras->metadata_count, tensors, count, error);
done:
    memory_release(memory, pairs);
    memory_release(memory, tensors);
    memory_release(memory, json);
    return status;
}

elman_status elman_model_save(const elman_model *model, const char *path, elman_error *error) {
    return model_save_with(model, path, NULL, error);
}

static bool is_checkpoint_tensor(const char *name) {
    return strncmp(name, checkpoint_prefix, sizeof checkpoint_prefix - 1) == 0;
}

/* Whether it is one of the encoder's, which may be more than the vocabulary. */
static bool is_encoder_tensor(const elman_model *model, const char *name) {
    return model->encoder && strncmp(name, ENCODER_PREFIX, sizeof ENCODER_PREFIX - 1) == 0 &&
           strcmp(name, ENCODER_VOCABULARY) != 0;
}

/* Whether the file's tensors could be the model's: as many, with room for as many numbers. */
static bool holds_model(const SafetensorsFile *file, const elman_model *model) {
    const Structure *const structure = &model->structure;
    size_t tensors = 0, numbers = 0, parameters;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        SafetensorsTensor tensor;
        safetensors_at(file, i, &tensor);
        if (is_checkpoint_tensor(tensor.name) || is_encoder_tensor(model, tensor.name)) continue;
        tensors++;
        numbers += tensor.bytes / sizeof(float);
    }
    return structure_parameters(structure, &parameters) && numbers >= parameters &&
           tensors >= structure_tensors(structure);
}

/* The file has every tensor of the model, in its shape, and no other. */
static elman_status check_tensors(const elman_model *model, const SafetensorsFile *file,
                                  bool has_vocabulary, const char *name, elman_error *error) {
    for (size_t i = 0; i < safetensors_count(file); i++) {
        SafetensorsTensor found;
        safetensors_at(file, i, &found);
        if (is_checkpoint_tensor(found.name) || is_encoder_tensor(model, found.name)) continue;
        if (has_vocabulary && strcmp(found.name, ENCODER_VOCABULARY) == 0) continue;
        const elman_tensor *const tensor = tensor_set_find(&model->weights, found.name);
        if (!tensor)
            return fail(error, ELMAN_ERR_FORMAT,
                        "%s: tensor %s does not belong to the model that the metadata describes",
                        name, found.name);
        const size_t columns = found.rank > 1 ? found.shape[1] : 1;
        if (found.type != SAFETENSORS_F32 || found.rank != tensor->rank ||
            found.shape[0] != tensor->shape[0] || columns != tensor->shape[1])
            return fail(error, ELMAN_ERR_FORMAT,
                        "%s: tensor %s is %s of rank %zu, %zu x %zu, expected F32 of rank %zu, "
                        "%zu x %zu",
                        name, found.name, safetensors_type_name(found.type), found.rank,
                        found.rank ? found.shape[0] : 1, columns, tensor->rank, tensor->shape[0],
                        tensor->shape[1]);
    }
    for (size_t i = 0; i < model->weights.count; i++) {
        SafetensorsTensor found;
        if (!safetensors_find(file, model->weights.tensors[i].name, &found))
            return fail(error, ELMAN_ERR_FORMAT, "%s: tensor %s is missing", name,
                        model->weights.tensors[i].name);
    }
    return ELMAN_OK;
}

static elman_status read_vocabulary(elman_model *model, const SafetensorsFile *file,
                                    const char *name, elman_error *error) {
    Memory *const memory = &model->context->memory;
    SafetensorsTensor tensor;
    if (!safetensors_find(file, ENCODER_VOCABULARY, &tensor) || tensor.type != SAFETENSORS_I32 ||
        tensor.rank != 1 || tensor.shape[0] != model->structure.input_size)
        return fail(error, ELMAN_ERR_FORMAT, "%s: %s is not an I32 tensor of %zu characters", name,
                    ENCODER_VOCABULARY, model->structure.input_size);
    /* The file's data need not be aligned. */
    int32_t *const characters = memory_allocate(memory, tensor.bytes);
    if (!characters) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its vocabulary", name);
    memcpy(characters, tensor.data, tensor.bytes);
    elman_error inner = {0};
    const elman_status status = vocabulary_from_characters(
        model->context, characters, tensor.shape[0], &model->vocabulary, &inner);
    memory_release(memory, characters);
    return status ? fail(error, status, "%s: %s", name, inner.message) : ELMAN_OK;
}

/* Gives the model's encoder, which the metadata described, the tensors of the file. */
static elman_status read_encoder(elman_model *model, const SafetensorsFile *file, const char *name,
                                 elman_error *error) {
    SafetensorsTensor tensors[ENCODER_TENSORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        SafetensorsTensor tensor;
        safetensors_at(file, i, &tensor);
        if (!is_encoder_tensor(model, tensor.name)) continue;
        if (count == ENCODER_TENSORS_MAX)
            return fail(error, ELMAN_ERR_FORMAT, "%s: its encoder has more than %d tensors", name,
                        ENCODER_TENSORS_MAX);
        tensors[count++] = tensor;
    }
    elman_error inner = {0};
    const elman_status status =
        encoder_set(model, encoder_kind(model), elman_model_encoder(model), tensors, count, &inner);
    if (!status) return ELMAN_OK;
    return fail(error, status == ELMAN_ERR_ARGUMENT ? ELMAN_ERR_FORMAT : status, "%s: %s", name,
                inner.message);
}

/* Allocates the weights once the file is known to hold as many. */
static elman_status allocate_weights(elman_model *model, const SafetensorsFile *file,
                                     const char *name, elman_error *error) {
    if (!holds_model(file, model))
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: the metadata describes a larger model (in F32) than the file holds", name);
    elman_error inner = {0};
    const elman_status status = model_allocate(model, &inner);
    return status ? fail(error, status, "%s: %s", name, inner.message) : ELMAN_OK;
}

elman_status model_from_file(elman_context *context, const SafetensorsFile *file, const char *name,
                             elman_model **out, elman_error *error) {
    elman_model *model = NULL;
    bool has_vocabulary = false;
    *out = NULL;
    const char *const json = safetensors_metadata(file, metadata_key);
    if (!json)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: no metadata key \"%s\": not a model file of this library", name,
                    metadata_key);
    elman_status status = metadata_read(context, json, name, &model, &has_vocabulary, error);
    if (!status) status = allocate_weights(model, file, name, error);
    if (!status) status = check_tensors(model, file, has_vocabulary, name, error);
    if (!status && has_vocabulary) status = read_vocabulary(model, file, name, error);
    if (!status && model->encoder) status = read_encoder(model, file, name, error);
    if (status) {
        elman_model_destroy(model);
        return status;
    }
    for (size_t i = 0; i < model->weights.count; i++) {
        const elman_tensor *const tensor = &model->weights.tensors[i];
        SafetensorsTensor found;
        safetensors_find(file, tensor->name, &found);
        memcpy(tensor->data, found.data, found.bytes);
    }
    *out = model;
    return ELMAN_OK;
}

elman_status elman_model_load(elman_context *context, const char *path, elman_model **model,
                              elman_error *error) {
    SafetensorsFile *file = NULL;
    *model = NULL;
    elman_status status = safetensors_open(&context->memory, path, &file, error);
    if (!status) status = model_from_file(context, file, path, model, error);
    safetensors_close(file);
    return status;
}
