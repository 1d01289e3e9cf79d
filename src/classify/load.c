/* Reads more data in the way in which those that a classifier was made from were read. */
#include "classify/classifier.h"
#include "core/fail.h"
#include "core/options.h"

elman_status elman_classifier_load(const elman_classifier *classifier, const char *path,
                                   const elman_labelled_options *given, elman_labelled **data,
                                   elman_error *error) {
    Memory *memory = &classifier->context->memory;
    const size_t labels = classifier->labels.count, columns = classifier->columns.count;
    elman_labelled_options options;
    *data = NULL;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_labelled_options", error);
    if (status != ELMAN_OK) return status;
    const char **names = memory_allocate_array(memory, labels + columns, sizeof(*names));
    if (names == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu labels", labels);
    for (size_t i = 0; i < labels; i++) names[i] = names_text(&classifier->labels, i);
    for (size_t i = 0; i < columns; i++) names[labels + i] = names_text(&classifier->columns, i);
    options.kind = classifier->kind;
    options.labels = names;
    options.label_count = labels;
    options.step_features = classifier->features;
    if (options.text == NULL) options.text = classifier->text_column;
    if (options.label == NULL) options.label = classifier->label_column;
    if (options.id == NULL) options.id = classifier->id_column;
    if (options.column_count == 0) {
        options.columns = names + labels;
        options.column_count = columns;
    }
    status = elman_labelled_load(classifier->context, path, &options, data, error);
    if (status == ELMAN_OK) status = classifier_check_data(classifier, *data, error);
    if (status != ELMAN_OK) {
        elman_labelled_destroy(*data);
        *data = NULL;
    }
    memory_release(memory, names);
    return status;
}
