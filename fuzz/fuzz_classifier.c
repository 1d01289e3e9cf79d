/* Fuzz target: the classifier in a model file. No input may crash it or leak; what it accepts has
 * labels, and predicts them when the model is small. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "context/context.h"
#include "model/model_file.h"
#include <elman/classify.h>

enum { RUN_MAX = 20000, FEATURES_MAX = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

/* Data of the kind that the classifier reads: two sequences. */
static elman_labelled *make_data(elman_context *context, const elman_classifier_info *info) {
    static const char text[] = "text\n\"Good, it was good.\"\nbad\n",
                      tokens[] = "Mr\nSmith7\n\nx\n";
    char numbers[4 * FEATURES_MAX + 8] = "";
    const elman_labelled_options options = {.struct_size = sizeof options,
                                            .kind = info->kind,
                                            .step_features = info->features,
                                            .need = ELMAN_LABELS_IGNORED};
    elman_labelled *data = NULL;
    const char *from = info->tagger ? tokens : text;
    if (info->kind == ELMAN_LABELLED_NUMBERS) {
        for (size_t i = 0; i < 2 * info->features; i++) {
            const size_t used = strlen(numbers);
            (void)snprintf(numbers + used, sizeof numbers - used, "%zu%s", i % 3,
                           (i + 1) % info->features ? "," : "\n");
        }
        from = numbers;
    }
    check(!elman_labelled_from_memory(context, "y", from, strlen(from), &options, &data, NULL),
          "data that can be read");
    return data;
}

static void predict(elman_context *context, const elman_classifier *classifier,
                    const elman_model *model, const elman_classifier_info *info) {
    elman_network *network = NULL;
    elman_prediction *prediction = NULL;
    elman_labelled *data = make_data(context, info);
    check(!elman_network_compile(model, &network, NULL), "a model that can be compiled");
    check(!elman_classifier_predict(classifier, network, data, &prediction, NULL), "a prediction");
    for (size_t i = 0; i < elman_labelled_count(data); i++)
        check(elman_prediction_label(prediction, i, 0) < info->labels, "a label");
    elman_prediction_destroy(prediction);
    elman_labelled_destroy(data);
    elman_network_destroy(network);
}

static void check_classifier(elman_context *context, const elman_classifier *classifier,
                             elman_model *model) {
    elman_classifier_info info;
    elman_model_info shape;
    elman_classifier_describe(classifier, &info);
    elman_model_describe(model, &shape);
    check(info.labels >= 2 && info.majority < info.labels, "labels");
    for (size_t i = 0; i < info.labels; i++)
        check(elman_classifier_label(classifier, i) != NULL, "the name of a label");
    if (shape.parameters <= RUN_MAX && info.features <= FEATURES_MAX)
        predict(context, classifier, model, &info);
    check(!elman_classifier_store(classifier, model, NULL), "what was opened can be stored");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {SIZE_MAX, 0};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = budget_allocator(&budget)};
    elman_context *context = NULL;
    SafetensorsFile *file = NULL;
    elman_model *model = NULL;
    elman_classifier *classifier = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_context_create(&options, &context, NULL), "a context");
    elman_status status = safetensors_parse(&context->memory, "x", bytes, size, &file, &error);
    if (!status) status = model_from_file(context, file, "x", &model, &error);
    safetensors_close(file);
    if (status == ELMAN_OK) {
        /* A table of words has some more for each than its letters, one of characters its pages. */
        budget.most = budget.bytes + 256 * size + (4 << 20);
        status = elman_classifier_open(context, model, &classifier, &error);
        budget.most = SIZE_MAX;
        check(status == ELMAN_OK || status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_MISMATCH ||
                  status == ELMAN_ERR_UNSUPPORTED,
              "a refusal is about the file");
        check((status == ELMAN_OK) == (classifier != NULL), "a classifier or a refusal");
    }
    if (classifier != NULL) check_classifier(context, classifier, model);
    elman_classifier_destroy(classifier);
    elman_model_destroy(model);
    elman_context_destroy(context);
    budget_check(&budget);
    return 0;
}
