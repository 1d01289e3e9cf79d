/* Shows how well labels are predicted. */
#include "class_view.h"

#include <string.h>

#include "json.h"
#include "message.h"

enum { NAME_WIDTH = 20, CELL_WIDTH = 7, CONFUSION_LABELS = 20 };

const char *class_label_name(const char *label, size_t characters, char text[CLASS_NAME_MAX]) {
    size_t used = 0;
    while (label[used] && characters > 0 && used + 8 < CLASS_NAME_MAX) {
        text[used] = label[used];
        used++;
        /* Bytes 10xxxxxx go on with a character of UTF-8. */
        if (((unsigned char)label[used] & 0xC0) != 0x80) characters--;
    }
    text[used] = '\0';
    if (label[used]) (void)snprintf(text + used, 4, "...");
    clean(text);
    return text;
}

static json_t *describe_figures(const char *name, const elman_class_figures *figures) {
    json_t *object = json_object();
    json_put(object, "name", json_text(name));
    json_put(object, "count", json_count(figures->count));
    json_put(object, "predicted", json_count(figures->predicted));
    json_put(object, "right", json_count(figures->right));
    json_put(object, "precision", json_finite(figures->precision));
    json_put(object, "recall", json_finite(figures->recall));
    json_put(object, "f1", json_finite(figures->f1));
    return object;
}

static json_t *describe_spans(const elman_class_summary *summary, const elman_class_score *score,
                              bool whole) {
    json_t *spans = json_object(), *types = json_array();
    json_put(spans, "count", json_count(summary->spans));
    json_put(spans, "predicted", json_count(summary->spans_predicted));
    json_put(spans, "right", json_count(summary->spans_right));
    json_put(spans, "precision", json_finite(summary->span_precision));
    json_put(spans, "recall", json_finite(summary->span_recall));
    json_put(spans, "f1", json_finite(summary->span_f1));
    for (size_t i = 0; whole && i < elman_class_score_span_types(score); i++) {
        elman_class_figures figures;
        const char *name = elman_class_score_span_type(score, i, &figures);
        json_append(types, describe_figures(name, &figures));
    }
    if (whole) {
        json_put(spans, "types", types);
    } else {
        json_decref(types);
    }
    return spans;
}

static void describe_labels(json_t *object, const elman_classifier *classifier,
                            const elman_class_score *score) {
    json_t *labels = json_array(), *confusion = json_array();
    elman_classifier_info info;
    elman_classifier_describe(classifier, &info);
    for (size_t i = 0; i < info.labels; i++) {
        elman_class_figures figures;
        json_t *row = json_array();
        elman_class_score_label(score, i, &figures);
        json_append(labels, describe_figures(elman_classifier_label(classifier, i), &figures));
        for (size_t k = 0; k < info.labels; k++) {
            json_append(row, json_count(elman_class_score_confusion(score, i, k)));
        }
        json_append(confusion, row);
    }
    json_put(object, "labels", labels);
    json_put(object, "confusion", confusion);
}

json_t *class_describe_score(const elman_classifier *classifier, const elman_class_score *score,
                             bool whole) {
    json_t *object = json_object();
    elman_class_summary summary;
    elman_classifier_info info;
    elman_class_score_summary(score, &summary);
    elman_classifier_describe(classifier, &info);
    json_put(object, "count", json_count(summary.count));
    json_put(object, "right", json_count(summary.right));
    json_put(object, "accuracy", json_finite(summary.accuracy));
    json_put(object, "macro_f1", json_finite(summary.macro_f1));
    json_put(object, "log_loss", json_finite(summary.log_loss));
    json_put(object, "majority", json_finite(summary.majority));
    if (info.tagger) json_put(object, "per_word", json_finite(summary.per_word));
    if (summary.has_spans) json_put(object, "spans", describe_spans(&summary, score, whole));
    if (whole) describe_labels(object, classifier, score);
    return object;
}

void class_print_summary(FILE *file, const elman_classifier *classifier,
                         const elman_class_score *score) {
    char name[CLASS_NAME_MAX];
    elman_class_summary summary;
    elman_classifier_info info;
    elman_class_score_summary(score, &summary);
    elman_classifier_describe(classifier, &info);
    (void)class_label_name(elman_classifier_label(classifier, info.majority), NAME_WIDTH, name);
    (void)fprintf(file, "accuracy %.1f %% (always \"%s\": %.1f %%", 100.0 * summary.accuracy, name,
                  100.0 * summary.majority);
    if (info.tagger) {
        (void)fprintf(file, ", each word's usual label: %.1f %%", 100.0 * summary.per_word);
    }
    (void)fprintf(file, "), macro F1 %.3f", summary.macro_f1);
    if (summary.has_spans) (void)fprintf(file, ", span F1 %.3f", summary.span_f1);
    (void)fprintf(file, ", log loss %.4f\n", summary.log_loss);
}

/* A name to be padded by characters, which printf does by bytes. */
static void print_name(FILE *file, const char *name, size_t width) {
    char text[CLASS_NAME_MAX];
    size_t characters = 0;
    (void)class_label_name(name, width - 4, text);
    for (const char *c = text; *c; c++) characters += ((unsigned char)*c & 0xC0) != 0x80;
    (void)fprintf(file, "%s%*s", text, (int)(width > characters ? width - characters : 0), "");
}

static void print_figures(FILE *file, const char *name, const elman_class_figures *figures) {
    print_name(file, name, NAME_WIDTH);
    (void)fprintf(file, "%9.3f %9.3f %9.3f %9zu\n", figures->precision, figures->recall,
                  figures->f1, figures->count);
}

static void print_heading(FILE *file, const char *what) {
    (void)fprintf(file, "\n%-*s%9s %9s %9s %9s\n", NAME_WIDTH, what, "precision", "recall", "F1",
                  "count");
}

static void print_confusion(FILE *file, const elman_classifier *classifier,
                            const elman_class_score *score, size_t labels) {
    char name[CLASS_NAME_MAX];
    (void)fprintf(file, "\nwhat it is, and what it was taken for\n%*s", NAME_WIDTH, "");
    for (size_t i = 0; i < labels; i++) {
        /* Where a heading is not ASCII, its column is only as wide as its bytes. */
        (void)class_label_name(elman_classifier_label(classifier, i), CELL_WIDTH - 1, name);
        name[CELL_WIDTH - 1] = '\0';
        (void)fprintf(file, "%*s", CELL_WIDTH, name);
    }
    (void)fprintf(file, "\n");
    for (size_t i = 0; i < labels; i++) {
        print_name(file, elman_classifier_label(classifier, i), NAME_WIDTH);
        for (size_t k = 0; k < labels; k++) {
            (void)fprintf(file, "%*zu", CELL_WIDTH, elman_class_score_confusion(score, i, k));
        }
        (void)fprintf(file, "\n");
    }
}

static void print_spans(FILE *file, const elman_class_summary *summary,
                        const elman_class_score *score) {
    const elman_class_figures all = {.count = summary->spans,
                                     .precision = summary->span_precision,
                                     .recall = summary->span_recall,
                                     .f1 = summary->span_f1};
    print_heading(file, "spans");
    for (size_t i = 0; i < elman_class_score_span_types(score); i++) {
        elman_class_figures figures;
        const char *name = elman_class_score_span_type(score, i, &figures);
        print_figures(file, name, &figures);
    }
    print_figures(file, "all", &all);
}

void class_print_score(FILE *file, const char *name, const elman_classifier *classifier,
                       const elman_class_score *score) {
    char text[CLASS_NAME_MAX];
    elman_class_summary summary;
    elman_classifier_info info;
    elman_class_score_summary(score, &summary);
    elman_classifier_describe(classifier, &info);
    (void)fprintf(file, "%s: %zu %s, %zu right\n", class_label_name(name, 100, text), summary.count,
                  info.tagger ? "tokens" : "sequences", summary.right);
    class_print_summary(file, classifier, score);
    if (summary.has_spans) print_spans(file, &summary, score);
    print_heading(file, "label");
    for (size_t i = 0; i < info.labels; i++) {
        elman_class_figures figures;
        elman_class_score_label(score, i, &figures);
        print_figures(file, elman_classifier_label(classifier, i), &figures);
    }
    if (info.labels <= CONFUSION_LABELS) print_confusion(file, classifier, score, info.labels);
    if (summary.accuracy <= summary.majority) {
        (void)class_label_name(elman_classifier_label(classifier, info.majority), NAME_WIDTH, text);
        (void)fprintf(file,
                      "\nAlways saying \"%s\" is right as often: the model is of no use "
                      "on these data.\n",
                      text);
    }
}
