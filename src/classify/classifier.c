/* Answers for what a classifier is. */
#include "classify/classifier.h"

#include "core/fail.h"

elman_classifier *classifier_new(elman_context *context) {
    elman_classifier *classifier = memory_allocate(&context->memory, sizeof(*classifier));
    if (classifier == NULL) return NULL;
    classifier->context = context;
    classifier->labels.memory = &context->memory;
    classifier->columns.memory = &context->memory;
    return classifier;
}

void elman_classifier_destroy(elman_classifier *classifier) {
    if (classifier == NULL) return;
    Memory *memory = &classifier->context->memory;
    elman_vocabulary_destroy(classifier->characters);
    word_vocabulary_destroy(classifier->words);
    word_vocabulary_destroy(classifier->endings);
    names_release(&classifier->labels);
    names_release(&classifier->columns);
    memory_release(memory, classifier->scale);
    memory_release(memory, classifier->word_labels);
    memory_release(memory, classifier->label_counts);
    memory_release(memory, classifier->text_column);
    memory_release(memory, classifier->label_column);
    memory_release(memory, classifier->id_column);
    memory_release(memory, classifier->weights);
    memory_release(memory, classifier);
}

size_t classifier_majority(const elman_classifier *classifier) {
    size_t most = 0;
    for (size_t i = 1; i < classifier->labels.count; i++)
        if (classifier->label_counts[i] > classifier->label_counts[most]) most = i;
    return most;
}

size_t classifier_vocabulary(const elman_classifier *classifier) {
    if (classifier->characters != NULL) return elman_vocabulary_size(classifier->characters);
    if (classifier->words == NULL) return 0;
    const size_t words = word_vocabulary_size(classifier->words);
    if (classifier->endings == NULL) return words;
    return words + ENDING_SHAPES * word_vocabulary_size(classifier->endings);
}

void elman_classifier_describe(const elman_classifier *classifier, elman_classifier_info *info) {
    *info = (elman_classifier_info){
        .kind = classifier->kind,
        .tagger = classifier->tagger,
        .features = classifier->features,
        .vocabulary = classifier_vocabulary(classifier),
        .labels = classifier->labels.count,
        .majority = classifier_majority(classifier),
        .max_length = classifier->max_length,
        .train = classifier->train_count,
        .valid = classifier->valid_count,
        .longest = classifier->longest,
        .cut = classifier->cut,
        .unknown_share = classifier->unknown_share,
    };
    info->characters = classifier->characters != NULL;
    if (classifier->characters != NULL)
        info->words = elman_vocabulary_size(classifier->characters) - 1;
    else if (classifier->words != NULL)
        info->words = word_vocabulary_size(classifier->words) - 1;
}

const char *elman_classifier_label(const elman_classifier *classifier, size_t index) {
    return names_text(&classifier->labels, index);
}

uint64_t elman_classifier_label_count(const elman_classifier *classifier, size_t index) {
    return classifier->label_counts[index];
}

static const char *kind_name(elman_labelled_kind kind) {
    static const char *const names[] = {"anything", "texts", "sequences of numbers",
                                        "tokens with a label each"};
    return names[kind];
}

elman_status classifier_check_data(const elman_classifier *classifier, const elman_labelled *data,
                                   elman_error *error) {
    const elman_labelled_kind kind = elman_labelled_get_kind(data);
    if (kind != classifier->kind)
        return fail(error, ELMAN_ERR_MISMATCH, "the data are %s, the model was trained on %s",
                    kind_name(kind), kind_name(classifier->kind));
    if (elman_labelled_features(data) != classifier->features)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the data have %zu numbers a step, the model was trained on %zu",
                    elman_labelled_features(data), classifier->features);
    return ELMAN_OK;
}

elman_status classifier_check_model(const elman_classifier *classifier, elman_input input,
                                    size_t input_size, size_t outputs, elman_output output,
                                    elman_error *error) {
    const size_t labels = classifier->labels.count;
    const bool dense = input == ELMAN_INPUT_DENSE;
    const size_t wanted =
        classifier->features > 0 ? classifier->features : classifier_vocabulary(classifier);
    if (dense != (classifier->features > 0) || input_size != wanted)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the model reads %zu %s, its classifier gives %zu %s", input_size,
                    dense ? "numbers" : "tokens", wanted,
                    classifier->features > 0 ? "numbers" : "tokens");
    if (outputs != labels)
        return fail(error, ELMAN_ERR_MISMATCH, "the model has %zu outputs for %zu labels", outputs,
                    labels);
    if ((output == ELMAN_OUTPUT_EVERY_STEP) != classifier->tagger)
        return fail(error, ELMAN_ERR_MISMATCH, "the model has an output %s, expected one %s",
                    classifier->tagger ? "a sequence" : "at every step",
                    classifier->tagger ? "at every step" : "a sequence");
    return ELMAN_OK;
}
