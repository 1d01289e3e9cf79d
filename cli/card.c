/* The model card: what somebody who is handed a model file wants to know, in Markdown. */
#include <stdio.h>
#include <string.h>

#include "diagnose_view.h"
#include "format.h"
#include "json.h"
#include "labels_view.h"
#include "model_view.h"
#include "output.h"
#include "series_view.h"
#include "task_view.h"

/* Text for a code span: it must not hold the mark that ends one. */
static const char *code(char text[VIEW_TEXT_MAX]) {
    for (char *c = text; *c; c++) {
        if (*c == '`') *c = '\'';
    }
    return text;
}

static void print_structure(const ModelView *view) {
    char text[VIEW_TEXT_MAX], number[FORMAT_MAX], size[FORMAT_MAX];
    output_print("## Structure\n\n| part | what it is |\n|---|---|\n");
    output_print("| input | %s |\n", view_input(view, text));
    for (size_t i = 0; i < view->info.layers; i++) {
        output_print("| layer %zu | %s |\n", i, view_layer(view, i, text));
    }
    output_print("| output | %s |\n", view_output(view, text));
    output_print("| first weights | %s |\n", view_init(view, text));
    output_print("| encoder | %s |\n", view_encoder(view, text));
    if (*diagnose_stored(view, text)) output_print("| diagnosis | %s |\n", text);
    output_print("| parameters | %s (%s) |\n\n", format_count(view->info.parameters, number),
                 format_bytes(4.0 * (double)view->info.parameters, size));
}

static void print_data(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    (void)view_data_names(view, text);
    output_print("## Data\n\n| | |\n|---|---|\n| name | `%s` |\n", code(text));
    output_print("| bytes | %s |\n", view_count(view, "data", "bytes", text));
    output_print("| characters | %s |\n", view_count(view, "data", "characters", text));
    (void)view_told(view, "data", "sha256", text);
    output_print("| SHA-256 | `%s` |\n", code(text));
    output_print("| to learn from | the first %s characters |\n",
                 view_count(view, "split", "train", text));
    output_print("| to validate | the last %s characters |\n\n",
                 view_count(view, "split", "valid", text));
}

static void print_losses(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    output_print("## How well it predicts the next character\n\n");
    output_print("| | mean loss per character |\n|---|---|\n");
    if (json_look(view->training, "result", NULL)) {
        output_print("| training part, last epoch | %s |\n",
                     view_loss(view, "result", "train_loss", text));
        output_print("| validation part | %s |\n",
                     view_loss(view, "result", "validation_loss", text));
    }
    output_print("| baseline: each character by its frequency | %s |\n",
                 view_loss(view, "baselines", "order_0", text));
    output_print("| baseline: all characters alike | %s |\n\n",
                 view_loss(view, "baselines", "uniform", text));
}

static void print_training(const ModelView *view) {
    char command[VIEW_TEXT_MAX], text[VIEW_TEXT_MAX];
    output_print("## Training\n\n");
    (void)view_told(view, "command", NULL, command);
    output_print("```\n%s -o MODEL\n```\n\n", code(command));
    if (json_look(view->training, "result", NULL)) {
        output_print("%s, ", view_counted(view, "result", "steps", "step", text));
        output_print("%s, ", view_counted(view, "result", "epochs", "epoch", text));
        output_print("ended: %s; ", view_told(view, "result", "stop", text));
        output_print("the weights are those of step %s.\n\n",
                     view_count(view, "result", "best_step", text));
    }
}

/* The table of `elman train task`, as it was printed. */
static void print_task(const ModelView *view) {
    char command[VIEW_TEXT_MAX];
    (void)view_told(view, "command", NULL, command);
    output_print("## Training\n\n```\n%s -o MODEL\n```\n\n## What it reached\n\n```\n",
                 code(command));
    task_print(json_look(view->training, "task", NULL),
               json_look(view->training, "result", "test"));
    output_print("```\n\n");
}

/* As elman inspect prints it. */
static void print_series(const ModelView *view) {
    char command[VIEW_TEXT_MAX];
    output_print("## What it forecasts\n\n```\n");
    series_view_print(view);
    output_print("```\n\n");
    if (!view->training) return;
    (void)view_told(view, "command", NULL, command);
    output_print("## Training\n\n```\n%s -o MODEL\n```\n\n```\n", code(command));
    series_view_print_training(view);
    output_print("```\n\n");
}

/* As elman inspect prints it. */
static void print_labels(const ModelView *view) {
    char command[VIEW_TEXT_MAX];
    output_print("## What it tells apart\n\n```\n");
    labels_view_print(view);
    output_print("```\n\n");
    if (!view->training) return;
    (void)view_told(view, "command", NULL, command);
    output_print("## Training\n\n```\n%s -o MODEL\n```\n\n```\n", code(command));
    labels_view_print_training(view);
    output_print("```\n\n");
}

void card_print(const ModelView *view) {
    char name[VIEW_TEXT_MAX];
    const char *slash = strrchr(view->path, '/');
    (void)snprintf(name, sizeof(name), "%s", slash ? slash + 1 : view->path);
    output_print("# %s\n\n", code(name));
    if (view->unfinished) {
        output_print("An unfinished run, after step %llu.\n\n", (unsigned long long)view->step);
    }
    if (json_look(view->training, "task", NULL)) {
        print_task(view);
    } else if (series_view_is(view)) {
        print_series(view);
    } else if (labels_view_is(view)) {
        print_labels(view);
    } else if (view->training) {
        print_training(view);
        print_data(view);
        print_losses(view);
    } else {
        output_print("The file does not tell how the model was trained.\n\n");
    }
    print_structure(view);
    output_print("The file is in the safetensors format; `elman inspect` lists its tensors.\n");
}
