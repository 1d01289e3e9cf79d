/* What a model file says of the way from data to the model's input: kept, checked and found again.
 */
#include "model/encoder.h"

#include <string.h>

#include <jansson.h>

#include "core/fail.h"
#include "core/size.h"
#include "data/text.h"
#include "model/metadata.h"

enum { ALIGNMENT = 64 };

struct Encoder {
    char *kind;
    char *json[2]; /* without and with a vocabulary */
    SafetensorsTensor *tensors;
    size_t count;
    char *block; /* the tensors' data, then their names */
};

static const char *const kinds[] = {"series", "classify", "tag"};

static bool is_kind(const char *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0) return true;
    return false;
}

static bool is_type(SafetensorsType type) {
    return type == SAFETENSORS_F32 || type == SAFETENSORS_F64 || type == SAFETENSORS_I32 ||
           type == SAFETENSORS_I64 || type == SAFETENSORS_U8;
}

void encoder_release(Memory *memory, Encoder *encoder) {
    if (!encoder) return;
    memory_release(memory, encoder->block);
    memory_release(memory, encoder->tensors);
    memory_release(memory, encoder->json[1]);
    memory_release(memory, encoder->json[0]);
    memory_release(memory, encoder->kind);
    memory_release(memory, encoder);
}

static elman_status check_tensor(const SafetensorsTensor *tensor, elman_error *error) {
    const size_t prefix = sizeof ENCODER_PREFIX - 1, length = strlen(tensor->name);
    if (strncmp(tensor->name, ENCODER_PREFIX, prefix) != 0 || length == prefix ||
        length > SAFETENSORS_NAME_MAX || strcmp(tensor->name, ENCODER_VOCABULARY) == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "\"%.64s\" is no name of an encoder's tensor, expected " ENCODER_PREFIX
                    "NAME of at most %d bytes and not " ENCODER_VOCABULARY,
                    tensor->name, SAFETENSORS_NAME_MAX);
    if (!is_type(tensor->type) || tensor->rank > SAFETENSORS_RANK_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%.64s is %s of rank %zu, expected F32, F64, I32, I64 or U8 of at most %d",
                    tensor->name,
                    tensor->type < SAFETENSORS_TYPES ? safetensors_type_name(tensor->type)
                                                     : "of an unknown type",
                    tensor->rank, SAFETENSORS_RANK_MAX);
    size_t bytes = safetensors_type_size(tensor->type);
    bool fits = true;
    for (size_t i = 0; i < tensor->rank && fits; i++)
        fits = size_mul(bytes, tensor->shape[i], &bytes);
    if (!fits || bytes != tensor->bytes || (bytes > 0 && !tensor->data))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%.64s has %zu bytes, expected what its shape and type need", tensor->name,
                    tensor->data ? tensor->bytes : 0);
    return ELMAN_OK;
}

static elman_status check_tensors(const SafetensorsTensor *tensors, size_t count,
                                  elman_error *error) {
    if (count > ENCODER_TENSORS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "an encoder of %zu tensors, at most %d are kept",
                    count, ENCODER_TENSORS_MAX);
    for (size_t i = 0; i < count; i++) {
        const elman_status status = check_tensor(&tensors[i], error);
        if (status) return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(tensors[k].name, tensors[i].name) == 0)
                return fail(error, ELMAN_ERR_ARGUMENT, "the tensor %.64s is given twice",
                            tensors[i].name);
    }
    return ELMAN_OK;
}

/* Adds `bytes`, aligned, to *used. */
static bool reserve(size_t bytes, size_t *used) {
    return size_align(bytes, ALIGNMENT, &bytes) && size_add(*used, bytes, used);
}

/* Copies the tensors, their data and their names. */
static elman_status copy_tensors(Memory *memory, Encoder *encoder, const SafetensorsTensor *tensors,
                                 size_t count, elman_error *error) {
    size_t size = 0;
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits =
            fits && reserve(tensors[i].bytes, &size) && reserve(strlen(tensors[i].name) + 1, &size);
    encoder->tensors = memory_allocate_array(memory, count, sizeof *encoder->tensors);
    encoder->block = fits ? memory_allocate(memory, size) : NULL;
    if (!encoder->tensors || !encoder->block)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for the %zu tensors of an encoder", count);
    size = 0;
    for (size_t i = 0; i < count; i++) {
        SafetensorsTensor *const tensor = &encoder->tensors[i];
        *tensor = tensors[i];
        tensor->data = encoder->block + size;
        if (tensor->bytes > 0) memcpy(encoder->block + size, tensors[i].data, tensor->bytes);
        (void)reserve(tensor->bytes, &size);
        const size_t length = strlen(tensors[i].name) + 1;
        tensor->name = memcpy(encoder->block + size, tensors[i].name, length);
        (void)reserve(length, &size);
    }
    encoder->count = count;
    return ELMAN_OK;
}

/* Makes the two forms of the JSON text from the caller's object. */
static elman_status write_json(Memory *memory, Encoder *encoder, json_t *object,
                               elman_error *error) {
    const json_t *const said = json_object_get(object, "kind");
    if (said && (!json_is_string(said) || strcmp(json_string_value(said), encoder->kind) != 0))
        return fail(error, ELMAN_ERR_ARGUMENT, "the encoder's \"kind\" is not \"%s\"",
                    encoder->kind);
    (void)json_object_del(object, "characters");
    if (json_object_set_new(object, "kind", json_string(encoder->kind)) == 0)
        encoder->json[0] = metadata_text(memory, object);
    if (encoder->json[0] &&
        json_object_set_new(object, "characters", json_string(vocabulary_characters_kind)) == 0)
        encoder->json[1] = metadata_text(memory, object);
    if (!encoder->json[1])
        return fail(error, ELMAN_ERR_MEMORY, "no memory for an encoder's description");
    if (strlen(encoder->json[1]) > ENCODER_JSON_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the encoder's description has %zu bytes, at most %d are kept",
                    strlen(encoder->json[1]), ENCODER_JSON_MAX);
    return ELMAN_OK;
}

static elman_status check_kind(const elman_model *model, const char *kind, elman_error *error) {
    if (!is_kind(kind))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the encoder's kind is \"%.40s\", expected series, classify or tag", kind);
    if (strcmp(kind, "series") == 0 && model->structure.input != ELMAN_INPUT_DENSE)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "the encoder is that of series, which are numbers; the model reads tokens");
    return ELMAN_OK;
}

elman_status encoder_set(elman_model *model, const char *kind, const char *json,
                         const SafetensorsTensor *tensors, size_t count, elman_error *error) {
    Memory *const memory = &model->context->memory;
    json_t *object = NULL;
    elman_status status = check_kind(model, kind, error);
    if (!status) status = check_tensors(tensors, count, error);
    if (!status) status = metadata_parse(json, "the encoder's description", &object, error);
    if (status) return status;
    Encoder *const encoder = memory_allocate(memory, sizeof *encoder);
    if (encoder) encoder->kind = memory_copy_string(memory, kind);
    if (!encoder || !encoder->kind)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory for an encoder");
    if (!status) status = write_json(memory, encoder, object, error);
    if (!status) status = copy_tensors(memory, encoder, tensors, count, error);
    json_decref(object);
    if (status) {
        encoder_release(memory, encoder);
        return status;
    }
    encoder_release(memory, model->encoder);
    model->encoder = encoder;
    return ELMAN_OK;
}

const char *encoder_kind(const elman_model *model) {
    if (model->encoder) return model->encoder->kind;
    return model->vocabulary ? "text" : "none";
}

const char *elman_model_encoder(const elman_model *model) {
    const bool unicode = strcmp(vocabulary_characters_kind, "unicode") == 0;
    if (model->encoder) return model->encoder->json[model->vocabulary != NULL];
    if (!model->vocabulary) return "{\"kind\":\"none\"}";
    return unicode ? "{\"characters\":\"unicode\",\"kind\":\"text\"}"
                   : "{\"characters\":\"bytes\",\"kind\":\"text\"}";
}

size_t encoder_tensor_count(const elman_model *model) {
    return model->encoder ? model->encoder->count : 0;
}

void encoder_tensor_at(const elman_model *model, size_t index, SafetensorsTensor *tensor) {
    *tensor = model->encoder->tensors[index];
}

bool encoder_tensor(const elman_model *model, const char *name, SafetensorsTensor *tensor) {
    for (size_t i = 0; i < encoder_tensor_count(model); i++)
        if (strcmp(model->encoder->tensors[i].name, name) == 0) {
            *tensor = model->encoder->tensors[i];
            return true;
        }
    return false;
}
