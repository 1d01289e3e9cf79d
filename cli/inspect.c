/* elman inspect: what is in a model file. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "diagnose_view.h"
#include "format.h"
#include "json.h"
#include "labels_view.h"
#include "message.h"
#include "model_view.h"
#include "output.h"
#include "series_view.h"
#include "task_view.h"

typedef struct InspectOptions {
    bool json, card;
} InspectOptions;

static const Option options[] = {
    {.name = "json",
     .offset = offsetof(InspectOptions, json),
     .type = OPTION_FLAG,
     .help = "print all of it as JSON"},
    {.name = "card",
     .offset = offsetof(InspectOptions, card),
     .type = OPTION_FLAG,
     .help = "print a model card in Markdown"},
    {.name = NULL},
};

static json_t *describe_layers(const ModelView *view) {
    json_t *layers = json_array();
    for (size_t i = 0; i < view->info.layers; i++) {
        json_append(layers, view_layer_json(view, i));
    }
    return layers;
}

static json_t *describe_tensors(const ModelView *view) {
    json_t *tensors = json_array();
    for (size_t i = 0; i < elman_model_tensor_count(view->model); i++) {
        elman_tensor tensor;
        if (elman_model_tensor(view->model, i, &tensor)) break;
        json_t *object = json_object(), *shape = json_array();
        for (size_t axis = 0; axis < tensor.rank; axis++) {
            json_append(shape, json_count(tensor.shape[axis]));
        }
        json_put(object, "name", json_text(tensor.name));
        json_put(object, "shape", shape);
        json_put(object, "parameters", json_count(tensor.count));
        json_append(tensors, object);
    }
    return tensors;
}

/* The characters of tokens 1, 2, ... as one string; null without a vocabulary. */
static json_t *describe_vocabulary(const ModelView *view) {
    const elman_vocabulary *vocabulary = elman_model_vocabulary(view->model);
    if (!vocabulary) return json_null();
    const size_t size = elman_vocabulary_size(vocabulary);
    char *characters = calloc(size, 5);
    if (!characters) return json_null();
    size_t used = 0;
    for (size_t token = 1; token < size; token++) {
        used += elman_vocabulary_decode(vocabulary, (int32_t)token, characters + used);
    }
    json_t *object = json_object();
    json_put(object, "tokens", json_count(size));
    json_put(object, "characters", json_text(characters));
    free(characters);
    return object;
}

static void print_json(const ModelView *view) {
    static const char *const inputs[] = {"dense", "one-hot", "embedding"};
    static const char *const outputs[] = {"every-step", "last-step", "mean", "max"};
    const elman_model_info *info = &view->info;
    json_t *object = json_object(), *init = json_object();
    elman_init_options given;
    elman_model_init_options(view->model, &given);
    json_put(init, "seed", json_count(given.seed));
    json_put(init, "input", json_text(view_init_name(given.input)));
    json_put(init, "recurrent", json_text(view_init_name(given.recurrent)));
    json_put(init, "forget_bias", json_finite((double)given.forget_bias));

    json_put(object, "file", json_text(view->path));
    json_put(object, "kind", json_text(view->unfinished ? "checkpoint" : "model"));
    if (view->unfinished) json_put(object, "step", json_count(view->step));
    json_put(object, "input", json_text(inputs[info->input]));
    json_put(object, "input_size", json_count(info->input_size));
    json_put(object, "embedding", json_count(info->embedding));
    json_put(object, "layers", describe_layers(view));
    json_put(object, "head", json_boolean(info->has_head));
    json_put(object, "stages", view_stages_json(view));
    json_put(object, "outputs", json_count(info->outputs));
    json_put(object, "output", json_text(outputs[info->output]));
    json_put(object, "parameters", json_count(info->parameters));
    json_put(object, "init", init);
    json_put(object, "tensors", describe_tensors(view));
    json_put(object, "encoder", json_loads(elman_model_encoder(view->model), 0, NULL));
    json_put(object, "labels", labels_view_json(view));
    json_put(object, "vocabulary", describe_vocabulary(view));
    json_put(object, "training", view->training ? json_deep_copy(view->training) : json_null());
    json_output(object);
    json_decref(object);
}

static void print_structure(const ModelView *view) {
    char text[VIEW_TEXT_MAX], number[FORMAT_MAX], size[FORMAT_MAX];
    (void)snprintf(text, sizeof(text), "%s", view->path);
    clean(text);
    if (view->unfinished) {
        output_print("%s: a checkpoint, after step %" PRIu64 "\n\n", text, view->step);
    } else {
        output_print("%s: a model\n\n", text);
    }
    output_print("input       %s\n", view_input(view, text));
    for (size_t i = 0; i < view->info.layers; i++) {
        output_print("layer %-5zu %s\n", i, view_layer(view, i, text));
    }
    output_print("output      %s\n", view_output(view, text));
    output_print("parameters  %s (%s)\n", format_count(view->info.parameters, number),
                 format_bytes(4.0 * (double)view->info.parameters, size));
    output_print("started as  %s\n", view_init(view, text));
    output_print("encoder     %s\n", view_encoder(view, text));
    if (*diagnose_stored(view, text)) output_print("diagnosis   %s\n", text);
    if (series_view_is(view)) series_view_print(view);
    if (labels_view_is(view)) labels_view_print(view);
}

static void print_tensors(const ModelView *view) {
    char text[VIEW_TEXT_MAX], number[FORMAT_MAX];
    output_print("\n%-28s %-16s %14s\n", "tensor", "shape", "parameters");
    for (size_t i = 0; i < elman_model_tensor_count(view->model); i++) {
        elman_tensor tensor;
        if (elman_model_tensor(view->model, i, &tensor)) break;
        output_print("%-28s %-16s %14s\n", tensor.name, view_shape(&tensor, text),
                     format_count(tensor.count, number));
    }
}

static void print_vocabulary(const ModelView *view) {
    const elman_vocabulary *vocabulary = elman_model_vocabulary(view->model);
    if (!vocabulary) return;
    const size_t size = elman_vocabulary_size(vocabulary);
    output_print("\ncharacters  %zu and one for unknown ones:\n           ", size - 1);
    for (size_t token = 1; token < size && token <= 200; token++) {
        const int32_t character = elman_vocabulary_character(vocabulary, (int32_t)token);
        char utf8[5];
        (void)elman_vocabulary_decode(vocabulary, (int32_t)token, utf8);
        if (character != ' ' && shows_itself(character)) {
            output_print(" %s", utf8);
        } else {
            output_print(" U+%04lX", (unsigned long)character);
        }
        if (token % 32 == 0 && token + 1 < size) output_print("\n           ");
    }
    output_print("%s\n", size > 201 ? " ..." : "");
}

static void print_task(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    output_print("steps       %s, ", view_count(view, "result", "steps", text));
    output_print("ended: %s, ", view_told(view, "result", "stop", text));
    output_print("weights of step %s\n", view_count(view, "result", "best_step", text));
    task_print(json_look(view->training, "task", NULL),
               json_look(view->training, "result", "test"));
}

static void print_training(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    if (!json_look(view->training, "command", NULL)) {
        output_print("\nThe file does not tell how the model was trained.\n");
        return;
    }
    output_print("\ncommand     %s\n", view_told(view, "command", NULL, text));
    if (json_look(view->training, "task", NULL)) {
        print_task(view);
        return;
    }
    if (series_view_is(view)) {
        series_view_print_training(view);
        return;
    }
    if (labels_view_is(view)) {
        labels_view_print_training(view);
        return;
    }
    output_print("data        %s, ", view_data_names(view, text));
    output_print("%s characters\n", view_count(view, "data", "characters", text));
    output_print("SHA-256     %s\n", view_told(view, "data", "sha256", text));
    output_print("split       %s to learn from, ", view_count(view, "split", "train", text));
    output_print("%s to validate\n", view_count(view, "split", "valid", text));
    if (json_look(view->training, "result", NULL)) {
        output_print("steps       %s, ", view_count(view, "result", "steps", text));
        output_print("%s, ", view_counted(view, "result", "epochs", "epoch", text));
        output_print("ended: %s, ", view_told(view, "result", "stop", text));
        output_print("weights of step %s\n", view_count(view, "result", "best_step", text));
        output_print("training    %s\n", view_loss(view, "result", "train_loss", text));
        output_print("validation  %s\n", view_loss(view, "result", "validation_loss", text));
    }
    output_print("counting    %s (each character by its frequency)\n",
                 view_loss(view, "baselines", "order_0", text));
    output_print("guessing    %s (all characters alike)\n",
                 view_loss(view, "baselines", "uniform", text));
}

/* Whether the file is a checkpoint, and after which step. */
static void look_for_checkpoint(ModelView *view, elman_context *context) {
    elman_checkpoint *checkpoint = NULL;
    view->unfinished = !elman_checkpoint_open(context, view->path, &checkpoint, NULL);
    if (view->unfinished) view->step = elman_checkpoint_step(checkpoint);
    elman_checkpoint_close(checkpoint);
}

static bool inspect(const InspectOptions *chosen, const char *path) {
    ModelView view = {.path = path};
    elman_context *context = NULL;
    elman_model *model = NULL;
    elman_error error;
    bool ok = false;
    if (elman_context_create(NULL, &context, &error) ||
        elman_model_load(context, path, &model, &error)) {
        message("%s", error.message);
        goto done;
    }
    view.context = context;
    view.model = model;
    elman_model_describe(model, &view.info);
    look_for_checkpoint(&view, context);
    const char *training = elman_model_training(model);
    if (training) view.training = json_loads(training, 0, NULL);
    if (chosen->json) {
        print_json(&view);
    } else if (chosen->card) {
        card_print(&view);
    } else {
        print_structure(&view);
        print_tensors(&view);
        print_vocabulary(&view);
        print_training(&view);
    }
    ok = true;

done:
    json_decref(view.training);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return ok;
}

static int run(const Command *command, int count, char **arguments) {
    InspectOptions chosen;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) return status;
    if (operands.count != 1) {
        message_for(command->full_name, "%zu models were named, expected one", operands.count);
        return EXIT_USAGE;
    }
    if (chosen.json && chosen.card) {
        message_for(command->full_name, "--json and --card are two forms: expected one of them");
        return EXIT_USAGE;
    }
    return inspect(&chosen, operands.names[0]) ? EXIT_DONE : EXIT_FAILED;
}

const Command command_inspect = {
    .name = "inspect",
    .run = run,
    .summary = "show what is in a model file",
    .full_name = "elman inspect",
    .operands = "MODEL",
    .description = "Prints the structure of a model, its tensors, its characters and how it was "
                   "trained. MODEL may be a checkpoint.",
    .options = options,
};
