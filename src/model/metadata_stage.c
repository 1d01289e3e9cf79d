/* The stages behind the head in the metadata of a model file. */
#include <stdio.h>
#include <string.h>

#include "model/metadata_reader.h"

static json_t *write_stage(const elman_stage *stage) {
    json_t *const object = json_pack("{s:s}", "kind", stage_name(stage->kind));
    const bool linear = stage->kind == ELMAN_STAGE_LINEAR;
    if (object &&
        metadata_put(object, linear, "outputs", json_integer((json_int_t)stage->outputs)) &&
        metadata_put(object, stage_has_tensors(stage->kind), "bias",
                     json_boolean(!stage->no_bias)) &&
        metadata_put(object, stage->kind == ELMAN_STAGE_LAYER_NORM, "epsilon",
                     json_real((double)stage->epsilon)))
        return object;
    json_decref(object);
    return NULL;
}

json_t *metadata_write_stages(const Structure *structure) {
    json_t *const stages = json_array();
    for (size_t i = 0; i < structure->stage_count; i++)
        if (json_array_append_new(stages, write_stage(&structure->stages[i]))) {
            json_decref(stages);
            return NULL;
        }
    return stages;
}

/* The kind of that name; 0 where there is none. */
static elman_stage_kind read_kind(Reader *reader, const json_t *stage) {
    const char *const name = reader_string(reader, stage, "kind");
    for (int kind = ELMAN_STAGE_LINEAR; stage_name((elman_stage_kind)kind); kind++)
        if (strcmp(name, stage_name((elman_stage_kind)kind)) == 0) return (elman_stage_kind)kind;
    reader_refuse(reader, ELMAN_ERR_UNSUPPORTED, "unknown stage \"%.40s\"", name);
    return (elman_stage_kind)0;
}

static void read_stage(Reader *reader, const json_t *object, size_t number, elman_model *model) {
    const elman_stage_kind kind = read_kind(reader, object);
    const bool no_bias = stage_has_tensors(kind) && !reader_flag(reader, object, "bias");
    size_t outputs = 0;
    double epsilon = 0.0;
    char where[32];
    snprintf(where, sizeof where, "stage %zu", number);
    if (kind == ELMAN_STAGE_LINEAR) outputs = reader_size(reader, object, "outputs");
    if (kind == ELMAN_STAGE_LAYER_NORM) epsilon = reader_number(reader, object, "epsilon");
    if (reader->status) return;
    const elman_status status = kind == ELMAN_STAGE_LINEAR
                                    ? elman_model_add_linear(model, outputs, no_bias)
                                : kind == ELMAN_STAGE_LAYER_NORM
                                    ? elman_model_add_layer_norm(model, (float)epsilon, no_bias)
                                    : elman_model_add_activation(model, kind);
    if (status) reader_refuse_because(reader, where, model->failure.status, &model->failure);
}

void metadata_read_stages(Reader *reader, const json_t *spec, elman_model *model) {
    const json_t *const stages = json_object_get(spec, "stages");
    if (!stages || reader->status) return;
    const size_t head = structure_stage_number(&model->structure, 0);
    if (!json_is_array(stages)) reader_refuse(reader, ELMAN_ERR_FORMAT, "\"stages\" is not a list");
    for (size_t i = 0; i < json_array_size(stages) && !reader->status; i++)
        read_stage(reader, json_array_get(stages, i), head + i, model);
}
