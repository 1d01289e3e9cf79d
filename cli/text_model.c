/* Opens a model of text. */
#include "text_model.h"

#include "message.h"

/* Whether the model turns characters into a distribution over characters. */
static bool check(const TextModel *model) {
    elman_model_info info;
    elman_model_describe(model->model, &info);
    const char *problem = NULL;
    if (!model->vocabulary || info.input == ELMAN_INPUT_DENSE) {
        problem = "is no model of text, it has no characters";
    } else if (info.output != ELMAN_OUTPUT_EVERY_STEP ||
               info.input_size != elman_vocabulary_size(model->vocabulary) ||
               info.outputs != elman_vocabulary_size(model->vocabulary)) {
        problem = "does not predict the next character";
    }
    if (problem) message("%s: %s", model->path, problem);
    return !problem;
}

bool text_model_open(TextModel *model, const char *path, size_t threads) {
    elman_error error;
    const elman_context_options options = {.struct_size = sizeof(options), .threads = threads};
    *model = (TextModel){.path = path};
    if (elman_context_create(&options, &model->context, &error) ||
        elman_model_load(model->context, path, &model->model, &error)) {
        message("%s", error.message);
        return false;
    }
    model->vocabulary = elman_model_vocabulary(model->model);
    if (!check(model)) return false;
    if (elman_network_compile(model->model, &model->network, &error)) {
        message("%s: %s", path, error.message);
        return false;
    }
    return true;
}

void text_model_close(TextModel *model) {
    elman_network_destroy(model->network);
    elman_model_destroy(model->model);
    elman_context_destroy(model->context);
}
