/* Words for what a model file holds. */
#include "model_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "message.h"

const char *view_cell_name(elman_cell cell) {
    switch (cell) {
    case ELMAN_CELL_RNN:
        return "rnn";
    case ELMAN_CELL_RNN_RELU:
        return "rnn-relu";
    case ELMAN_CELL_LSTM:
        return "lstm";
    case ELMAN_CELL_GRU:
        return "gru";
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return "gru-reset-before";
    }
    return "unknown cell";
}

const char *view_init_name(elman_init init) {
    switch (init) {
    case ELMAN_INIT_UNIFORM:
        return "uniform";
    case ELMAN_INIT_XAVIER:
        return "xavier";
    case ELMAN_INIT_ORTHOGONAL:
        return "orthogonal";
    case ELMAN_INIT_IDENTITY:
        return "identity";
    }
    return "unknown";
}

const char *view_input(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    const elman_model_info *info = &view->info;
    const bool characters = elman_model_vocabulary(view->model) != NULL;
    const char *what = characters ? "tokens for characters" : "tokens";
    if (info->input == ELMAN_INPUT_DENSE) {
        (void)snprintf(text, VIEW_TEXT_MAX, "rows of %zu numbers", info->input_size);
    } else if (info->input == ELMAN_INPUT_ONE_HOT) {
        (void)snprintf(text, VIEW_TEXT_MAX, "%zu %s, one-hot", info->input_size, what);
    } else {
        (void)snprintf(text, VIEW_TEXT_MAX, "%zu %s, embedded in %zu numbers", info->input_size,
                       what, info->embedding);
    }
    return text;
}

const char *view_init(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    elman_init_options init;
    char forget[FORMAT_MAX] = "";
    elman_model_init_options(view->model, &init);
    if (init.forget_bias != 0.0F) {
        (void)snprintf(forget, sizeof(forget), ", forget bias %g", (double)init.forget_bias);
    }
    (void)snprintf(text, VIEW_TEXT_MAX, "input %s, recurrent %s%s, seed %llu",
                   view_init_name(init.input), view_init_name(init.recurrent), forget,
                   (unsigned long long)init.seed);
    return text;
}

const char *view_encoder(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    json_t *encoder = json_loads(elman_model_encoder(view->model), 0, NULL);
    (void)snprintf(text, VIEW_TEXT_MAX, "%s", json_look_text(encoder, "kind", NULL));
    json_decref(encoder);
    return text;
}

const char *view_shape(const elman_tensor *tensor, char text[VIEW_TEXT_MAX]) {
    if (tensor->rank == 1) {
        (void)snprintf(text, VIEW_TEXT_MAX, "[%zu]", tensor->shape[0]);
    } else {
        (void)snprintf(text, VIEW_TEXT_MAX, "[%zu, %zu]", tensor->shape[0], tensor->shape[1]);
    }
    return text;
}

const char *view_told(const ModelView *view, const char *key, const char *then,
                      char text[VIEW_TEXT_MAX]) {
    (void)snprintf(text, VIEW_TEXT_MAX, "%s", json_look_text(view->training, key, then));
    clean(text);
    return text;
}

const char *view_data_names(const ModelView *view, char text[VIEW_TEXT_MAX]) {
    const json_t *names = json_look(view->training, "data", "names");
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(names) && used + 1 < VIEW_TEXT_MAX; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const int length = snprintf(text + used, VIEW_TEXT_MAX - used, "%s%s", i > 0 ? ", " : "",
                                    name ? name : "?");
        used += length > 0 ? (size_t)length : 0;
    }
    clean(text);
    return text;
}

const char *view_count(const ModelView *view, const char *key, const char *then,
                       char text[VIEW_TEXT_MAX]) {
    const double count = json_look_number(view->training, key, then);
    char formatted[FORMAT_MAX];
    const bool known = count >= 0.0 && count < 1e18;
    (void)snprintf(text, VIEW_TEXT_MAX, "%s",
                   known ? format_count((uint64_t)count, formatted) : "unknown");
    return text;
}

const char *view_counted(const ModelView *view, const char *key, const char *then, const char *noun,
                         char text[VIEW_TEXT_MAX]) {
    const bool once = json_look_number(view->training, key, then) == 1.0;
    const size_t used = strlen(view_count(view, key, then, text));
    (void)snprintf(text + used, VIEW_TEXT_MAX - used, " %s%s", noun, once ? "" : "s");
    return text;
}

const char *view_loss(const ModelView *view, const char *key, const char *then,
                      char text[VIEW_TEXT_MAX]) {
    const double nats = json_look_number(view->training, key, then);
    if (isfinite(nats)) {
        (void)snprintf(text, VIEW_TEXT_MAX, "%.4f nats, %.4f bits", nats, bits_from_nats(nats));
    } else {
        (void)snprintf(text, VIEW_TEXT_MAX, "unknown");
    }
    return text;
}
