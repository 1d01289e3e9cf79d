/* The metadata string of a model file: JSON that says what the tensors mean. */
#include "model/metadata.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "core/fail.h"
#include "data/text.h"
#include "model/encoder.h"
#include "model/layer_plain.h"
#include "model/metadata_reader.h"
#include "model/model_file.h"

static const char *const input_names[] = {"dense", "one-hot", "embedding"};
static const char *const output_names[] = {"every-step", "last-step", "mean", "max"};
static const char *const init_names[] = {"uniform", "xavier", "orthogonal", "identity"};

/* Encoder kinds of format_version 1. Audio and video are reserved for later releases. */
static const char *const encoder_names[] = {"none", "text",  "series", "classify",
                                            "tag",  "audio", "video"};
enum { ENCODER_NONE, ENCODER_TEXT, ENCODER_SERIES, ENCODER_TAG = 4 };

static json_t *write_spec(const Structure *structure) {
    json_t *const layers = metadata_write_layers(structure);
    if (!layers) return NULL;
    json_t *const head = structure->has_head ? json_pack("{s:I, s:b}", "outputs",
                                                         (json_int_t)structure->head_outputs,
                                                         "bias", !structure->head_no_bias)
                                             : json_null();
    json_t *const spec = json_pack(
        "{s:s, s:I, s:I, s:o, s:o, s:s}", "input", input_names[structure->input], "input_size",
        (json_int_t)structure->input_size, "embedding", (json_int_t)structure->embedding, "layers",
        layers, "head", head, "output", output_names[structure->output]);
    if (spec &&
        metadata_put(spec, structure->stage_count > 0, "stages", metadata_write_stages(structure)))
        return spec;
    json_decref(spec);
    return NULL;
}

char *metadata_text(Memory *memory, const json_t *value) {
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
    /* Not json_dumps: where its buffer cannot grow, jansson 2.14 leaves out the key of a member and
     * goes on. */
    const size_t size = value ? json_dumpb(value, NULL, 0, flags) : 0;
    char *const text = size ? memory_allocate(memory, size + 1) : NULL;
    if (text && json_dumpb(value, text, size, flags) != size) {
        memory_release(memory, text);
        return NULL;
    }
    return text;
}

static int format_version(const Structure *structure) {
    for (size_t l = 0; l < structure->layer_count; l++)
        if (layer_plain(&structure->layers[l]) || structure->layers[l].projection)
            return MODEL_FORMAT_VERSION;
    return structure->stage_count > 0 ? MODEL_FORMAT_VERSION : MODEL_FORMAT_FIRST;
}

char *metadata_write(const elman_model *model) {
    char seed[24]; /* as a string: JSON's numbers end before 2^64 */
    snprintf(seed, sizeof seed, "%" PRIu64, model->init.seed);
    json_t *const init = json_pack(
        "{s:s, s:s, s:s, s:f}", "seed", seed, "input", init_names[model->init.input], "recurrent",
        init_names[model->init.recurrent], "forget_bias", (double)model->init.forget_bias);
    json_t *const encoder = json_loads(elman_model_encoder(model), 0, NULL);
    json_t *const training = model->training ? json_loads(model->training, 0, NULL) : json_null();
    json_t *const root = json_pack(
        "{s:i, s:o, s:o, s:o, s:o}", "format_version", format_version(&model->structure), "spec",
        write_spec(&model->structure), "init", init, "encoder", encoder, "training", training);
    char *const text = metadata_text(&model->context->memory, root);
    json_decref(root);
    return text;
}

static void read_head(Reader *reader, const json_t *spec, elman_model *model) {
    const json_t *const head = json_object_get(spec, "head");
    if (json_is_null(head)) return;
    const size_t outputs = reader_size(reader, head, "outputs");
    const bool bias = reader_flag(reader, head, "bias");
    if (!reader->status && elman_model_add_linear(model, outputs, !bias))
        reader_refuse_because(reader, "head", model->failure.status, &model->failure);
}

static elman_model *read_spec(Reader *reader, const json_t *spec, elman_context *context) {
    elman_model *model = NULL;
    elman_error inner = {0};
    const elman_input input =
        (elman_input)reader_name(reader, spec, "input", input_names, COUNT_OF(input_names));
    const size_t size = reader_size(reader, spec, "input_size");
    const size_t embedding = reader_size(reader, spec, "embedding");
    if ((embedding > 0) != (input == ELMAN_INPUT_EMBEDDING))
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"embedding\" does not agree with \"input\"");
    if (reader->status) return NULL;
    const elman_status status =
        input == ELMAN_INPUT_DENSE
            ? elman_model_create(context, size, &model, &inner)
            : elman_model_create_tokens(context, size, embedding, &model, &inner);
    if (status) {
        reader_refuse(reader, status == ELMAN_ERR_MEMORY ? status : ELMAN_ERR_FORMAT, "%s",
                      inner.message);
        return NULL;
    }
    metadata_read_layers(reader, spec, model);
    read_head(reader, spec, model);
    metadata_read_stages(reader, spec, model);
    elman_model_set_output(model, (elman_output)reader_name(reader, spec, "output", output_names,
                                                            COUNT_OF(output_names)));
    return model;
}

/* A string of digits, since JSON's numbers end before 2^64. */
static uint64_t read_seed(Reader *reader, const json_t *object, const char *key) {
    const char *const text = reader_string(reader, object, key);
    uint64_t seed = 0;
    for (const char *c = text; !reader->status && (*c || c == text); c++) {
        const uint64_t digit = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9' || seed > (UINT64_MAX - digit) / 10)
            reader_refuse(reader, ELMAN_ERR_FORMAT, "\"%s\" is not a number below 2^64", key);
        seed = seed * 10 + digit;
    }
    return seed;
}

static void read_init(Reader *reader, const json_t *init, elman_model *model) {
    model->init.seed = read_seed(reader, init, "seed");
    model->init.input = (elman_init)reader_name(reader, init, "input", init_names, 3);
    model->init.recurrent =
        (elman_init)reader_name(reader, init, "recurrent", init_names, COUNT_OF(init_names));
    const double forget_bias = reader_number(reader, init, "forget_bias");
    if (!(fabs(forget_bias) <= (double)FLT_MAX))
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"forget_bias\" is out of range");
    else
        model->init.forget_bias = (float)forget_bias;
}

static void read_training(Reader *reader, const json_t *training, elman_model *model) {
    elman_error inner = {0};
    if (json_is_null(training)) return;
    if (!json_is_object(training)) {
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"training\" is not an object");
        return;
    }
    Memory *const memory = &model->context->memory;
    char *const text = metadata_text(memory, training);
    const elman_status status =
        text ? elman_model_set_training(model, text, &inner)
             : fail(&inner, ELMAN_ERR_MEMORY, "no memory for the training summary");
    if (status) reader_refuse_because(reader, "training", status, &inner);
    memory_release(memory, text);
}

/* Which kind of encoder, and whether it has a vocabulary. What a text's characters are depends on
 * how the library was built; a model of the other kind would be misread. */
static size_t read_kind(Reader *reader, const json_t *encoder, bool *has_vocabulary) {
    const size_t kind =
        reader_name(reader, encoder, "kind", encoder_names, COUNT_OF(encoder_names));
    *has_vocabulary = kind == ENCODER_TEXT || (kind > ENCODER_SERIES && kind <= ENCODER_TAG &&
                                               json_object_get(encoder, "characters") != NULL);
    if (kind > ENCODER_TAG)
        reader_refuse(reader, ELMAN_ERR_UNSUPPORTED, "encoder kind \"%s\" is for a later release",
                      encoder_names[kind]);
    if (kind == ENCODER_SERIES && json_object_get(encoder, "characters"))
        reader_refuse(reader, ELMAN_ERR_FORMAT,
                      "the encoder is that of series, which have no characters");
    if (!*has_vocabulary || reader->status) return kind;
    const char *const characters = reader_string(reader, encoder, "characters");
    if (!reader->status && strcmp(characters, vocabulary_characters_kind) != 0)
        reader_refuse(reader, ELMAN_ERR_UNSUPPORTED,
                      "its characters are \"%.40s\", this library was built for \"%s\"", characters,
                      vocabulary_characters_kind);
    return kind;
}

/* Gives the model its encoder, when it is more than a vocabulary. */
static void read_encoder(Reader *reader, const json_t *encoder, size_t kind, bool has_vocabulary,
                         elman_model *model) {
    elman_error inner = {0};
    if (has_vocabulary && model->structure.input == ELMAN_INPUT_DENSE)
        reader_refuse(reader, ELMAN_ERR_FORMAT, "the encoder is a text's, the input is dense");
    if (kind < ENCODER_SERIES || reader->status) return;
    Memory *const memory = &model->context->memory;
    char *const text = metadata_text(memory, encoder);
    const elman_status status =
        text ? encoder_set(model, encoder_names[kind], text, NULL, 0, &inner)
             : fail(&inner, ELMAN_ERR_MEMORY, "no memory for an encoder's description");
    if (status) reader_refuse_because(reader, "encoder", status, &inner);
    memory_release(memory, text);
}

static void check_version(Reader *reader, const json_t *root) {
    const json_t *const version = json_object_get(root, "format_version");
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        reader_refuse(reader, ELMAN_ERR_FORMAT, "\"format_version\" is missing");
    else if (json_integer_value(version) > MODEL_FORMAT_VERSION)
        reader_refuse(reader, ELMAN_ERR_UNSUPPORTED,
                      "format_version %" JSON_INTEGER_FORMAT
                      " is of a later release, this one reads up "
                      "to %d",
                      json_integer_value(version), MODEL_FORMAT_VERSION);
}

elman_status metadata_parse(const char *text, const char *what, json_t **object,
                            elman_error *error) {
    json_error_t at = {0};
    json_t *const value = json_loads(text, JSON_REJECT_DUPLICATES, &at);
    *object = NULL;
    if (json_is_object(value)) {
        *object = value;
        return ELMAN_OK;
    }
    /* Where memory is lacking jansson may say nothing at all. */
    if (!value && (!at.text[0] || json_error_code(&at) == json_error_out_of_memory))
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", what);
    json_decref(value);
    return fail(error, ELMAN_ERR_FORMAT, "%s is not a JSON object%s%s", what, value ? "" : ": ",
                at.text);
}

elman_status metadata_read(elman_context *context, const char *json, const char *name,
                           elman_model **out, bool *has_vocabulary, elman_error *error) {
    Reader reader = {name, error, ELMAN_OK};
    elman_model *model = NULL;
    elman_error inner = {0};
    json_t *root;
    *out = NULL;
    if (strlen(json) > MODEL_METADATA_MAX)
        return fail(error, ELMAN_ERR_FORMAT, "%s: the model's metadata has more than %d bytes",
                    name, MODEL_METADATA_MAX);
    const elman_status status = metadata_parse(json, "model metadata", &root, &inner);
    if (status) return fail(error, status, "%s: %s", name, inner.message);
    check_version(&reader, root);
    const json_t *const encoder = json_object_get(root, "encoder");
    const size_t kind = reader.status ? ENCODER_NONE : read_kind(&reader, encoder, has_vocabulary);
    if (!reader.status) model = read_spec(&reader, json_object_get(root, "spec"), context);
    if (!reader.status) read_init(&reader, json_object_get(root, "init"), model);
    if (!reader.status) read_training(&reader, json_object_get(root, "training"), model);
    if (!reader.status) read_encoder(&reader, encoder, kind, *has_vocabulary, model);
    json_decref(root);
    if (reader.status) {
        elman_model_destroy(model);
        return reader.status;
    }
    *out = model;
    return ELMAN_OK;
}
