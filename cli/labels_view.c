/* Prints what the encoder of a model with labels says. */
#include "labels_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "class_view.h"
#include "format.h"
#include "json.h"
#include "message.h"
#include "output.h"

enum { LABELS_SHOWN = 100, LABEL_CHARACTERS = 60 };

bool labels_view_is(const ModelView *view) {
    char kind[VIEW_TEXT_MAX];
    (void)view_encoder(view, kind);
    return strcmp(kind, "classify") == 0 || strcmp(kind, "tag") == 0;
}

/* The model's classifier; NULL after a sentence. */
static elman_classifier *open_classifier(const ModelView *view) {
    elman_classifier *classifier = NULL;
    elman_error error;
    if (elman_classifier_open(view->context, view->model, &classifier, &error)) {
        message("%s: %s", view->path, error.message);
        return NULL;
    }
    return classifier;
}

static void print_reading(const elman_classifier_info *info) {
    char count[FORMAT_MAX];
    static const char *const kinds[] = {"", "texts", "sequences of numbers", "sentences"};
    output_print("reads       %s", kinds[info->kind]);
    if (info->words > 0) {
        output_print(", %s different %s", format_count(info->words, count),
                     info->characters ? "characters" : "words");
    }
    if (info->max_length > 0) {
        output_print(", at most %s steps", format_count(info->max_length, count));
    }
    output_print("\n");
}

void labels_view_print(const ModelView *view) {
    elman_classifier *classifier = open_classifier(view);
    elman_classifier_info info;
    if (!classifier) return;
    elman_classifier_describe(classifier, &info);
    print_reading(&info);
    output_print("labels      %zu, with how many of each were learnt from:\n", info.labels);
    for (size_t i = 0; i < info.labels && i < LABELS_SHOWN; i++) {
        char name[CLASS_NAME_MAX], count[FORMAT_MAX];
        (void)class_label_name(elman_classifier_label(classifier, i), LABEL_CHARACTERS, name);
        output_print("%14s  %s\n", format_count(elman_classifier_label_count(classifier, i), count),
                     name);
    }
    if (info.labels > LABELS_SHOWN) output_print("%14s\n", "...");
    elman_classifier_destroy(classifier);
}

json_t *labels_view_json(const ModelView *view) {
    elman_classifier *classifier = labels_view_is(view) ? open_classifier(view) : NULL;
    elman_classifier_info info;
    if (!classifier) return json_null();
    json_t *labels = json_array();
    elman_classifier_describe(classifier, &info);
    for (size_t i = 0; i < info.labels; i++) {
        json_t *label = json_object();
        json_put(label, "name", json_text(elman_classifier_label(classifier, i)));
        json_put(label, "count", json_count(elman_classifier_label_count(classifier, i)));
        json_append(labels, label);
    }
    elman_classifier_destroy(classifier);
    return labels;
}

/* One figure of the validation part's score, where there is one. */
static void print_figure(const json_t *score, const char *label, const char *key, bool percent,
                         const char *what) {
    const double number = json_look_number(score, key, NULL);
    if (!isfinite(number)) return;
    if (percent) {
        output_print("%-11s %.1f %%%s\n", label, 100.0 * number, what);
    } else {
        output_print("%-11s %.4f%s\n", label, number, what);
    }
}

void labels_view_print_training(const ModelView *view) {
    char text[VIEW_TEXT_MAX];
    const json_t *score = json_look(view->training, "result", "valid");
    output_print("data        %s\n", view_data_names(view, text));
    output_print("SHA-256     %s\n", view_told(view, "data", "sha256", text));
    output_print("split       %s sequences to learn from, ",
                 view_count(view, "split", "train", text));
    output_print("%s to validate\n", view_count(view, "split", "valid", text));
    if (!json_look(view->training, "result", NULL)) return;
    output_print("steps       %s, ", view_count(view, "result", "steps", text));
    output_print("%s epochs, ", view_count(view, "result", "epochs", text));
    output_print("ended: %s, ", view_told(view, "result", "stop", text));
    output_print("weights of step %s\n", view_count(view, "result", "best_step", text));
    output_print("training    %s\n", view_loss(view, "result", "train_loss", text));
    output_print("validation  %s\n", view_loss(view, "result", "validation_loss", text));
    print_figure(score, "accuracy", "accuracy", true, " of the validation part");
    print_figure(score, "majority", "majority", true, " (always the most frequent label)");
    print_figure(score, "per word", "per_word", true, " (each word's most frequent label)");
    print_figure(score, "macro F1", "macro_f1", false, "");
    print_figure(json_look(score, "spans", NULL), "span F1", "f1", false, "");
}
