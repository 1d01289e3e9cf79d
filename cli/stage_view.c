/* Words for what stands behind the recurrent layers. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "model_view.h"

static const char *stage_name(elman_stage_kind kind) {
    switch (kind) {
    case ELMAN_STAGE_LINEAR:
        return "linear";
    case ELMAN_STAGE_RELU:
        return "relu";
    case ELMAN_STAGE_TANH:
        return "tanh";
    case ELMAN_STAGE_SIGMOID:
        return "sigmoid";
    case ELMAN_STAGE_SOFTMAX:
        return "softmax";
    case ELMAN_STAGE_LOG_SOFTMAX:
        return "log-softmax";
    case ELMAN_STAGE_LAYER_NORM:
        return "layer-norm";
    }
    return "unknown stage";
}

/* "linear to 10 without bias", "relu" */
static const char *describe(const elman_stage *stage, char text[VIEW_TEXT_MAX]) {
    char width[32] = "";
    if (stage->kind == ELMAN_STAGE_LINEAR) {
        (void)snprintf(width, sizeof(width), " to %zu", stage->outputs);
    }
    (void)snprintf(text, VIEW_TEXT_MAX, "%s%s%s", stage_name(stage->kind), width,
                   stage->no_bias ? " without bias" : "");
    return text;
}

const char *view_output(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    static const char *const places[] = {"at every step", "at the last step",
                                         "of the mean over all steps",
                                         "of the greatest over all steps"};
    const elman_model_info *info = &view->info;
    char stage_text[VIEW_TEXT_MAX];
    (void)snprintf(text, VIEW_TEXT_MAX, "%s%s",
                   info->has_head ? "linear head" : "the last layer's state",
                   info->head_no_bias ? " without bias" : "");
    for (size_t i = info->has_head ? 1 : 0; i < info->stages; i++) {
        const size_t used = strlen(text);
        elman_stage stage;
        elman_model_stage(view->model, i, &stage);
        (void)snprintf(text + used, VIEW_TEXT_MAX - used, ", %s", describe(&stage, stage_text));
    }
    const size_t used = strlen(text);
    (void)snprintf(text + used, VIEW_TEXT_MAX - used, ", %zu outputs %s", info->outputs,
                   places[info->output]);
    return text;
}

json_t *view_stages_json(const ModelView *view) {
    json_t *stages = json_array();
    for (size_t i = 0; i < view->info.stages; i++) {
        elman_stage stage;
        json_t *object = json_object();
        elman_model_stage(view->model, i, &stage);
        json_put(object, "kind", json_text(stage_name(stage.kind)));
        json_put(object, "outputs", json_count(stage.outputs));
        if (stage.kind == ELMAN_STAGE_LINEAR || stage.kind == ELMAN_STAGE_LAYER_NORM) {
            json_put(object, "bias", json_boolean(!stage.no_bias));
        }
        if (stage.kind == ELMAN_STAGE_LAYER_NORM) {
            json_put(object, "epsilon", json_finite((double)stage.epsilon));
        }
        json_append(stages, object);
    }
    return stages;
}
