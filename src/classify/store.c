/* Puts a classifier into a model. */
#include "classify/store.h"

#include <string.h>

#include <jansson.h>

#include "classify/classifier.h"
#include "core/fail.h"
#include "core/size.h"
#include "model/metadata.h"

enum { STORE_TENSORS = 7 };

/* The tensors, and the blocks of those whose data are made for them. */
typedef struct Storing {
    const elman_classifier *classifier;
    SafetensorsTensor tensors[STORE_TENSORS];
    void *blocks[STORE_TENSORS];
    size_t count;
    bool failed;
} Storing;

/* A tensor of rows x columns whose data are elsewhere. */
static void add(Storing *storing, const char *name, SafetensorsType type, size_t rows,
                size_t columns, const void *data) {
    /* What is in memory has a size that fits. */
    storing->tensors[storing->count++] =
        (SafetensorsTensor){.name = name,
                            .type = type,
                            .rank = columns == 1 ? 1 : 2,
                            .shape = {rows, columns},
                            .data = data,
                            .bytes = rows * columns * safetensors_type_size(type)};
}

/* A tensor whose data are to be filled in; NULL: no memory. */
static void *add_block(Storing *storing, const char *name, SafetensorsType type, size_t rows,
                       size_t columns) {
    size_t count;
    void *block = size_mul(rows, columns, &count)
                      ? memory_allocate_array(&storing->classifier->context->memory, count,
                                              safetensors_type_size(type))
                      : NULL;
    storing->failed = storing->failed || block == NULL;
    if (block == NULL) return NULL;
    storing->blocks[storing->count] = block;
    add(storing, name, type, rows, columns, block);
    return block;
}

static void add_names(Storing *storing, const char *name, const Names *names) {
    size_t bytes = 0;
    for (size_t i = 0; i < names->count; i++) bytes += names->entries[i].size + 1;
    if (bytes == 0) return;
    char *at = add_block(storing, name, SAFETENSORS_U8, bytes, 1);
    for (size_t i = 0; at != NULL && i < names->count; i++) {
        memcpy(at, names_text(names, i), names->entries[i].size + 1);
        at += names->entries[i].size + 1;
    }
}

static void add_words(Storing *storing, const char *name, const WordVocabulary *words) {
    size_t size;
    if (words == NULL) return;
    const char *bytes = word_vocabulary_bytes(words, &size);
    add(storing, name, SAFETENSORS_U8, size, 1, bytes);
}

static void add_tensors(Storing *storing) {
    const elman_classifier *classifier = storing->classifier;
    const size_t labels = classifier->labels.count, features = classifier->features;
    add_names(storing, STORE_LABELS, &classifier->labels);
    int64_t *counts = add_block(storing, STORE_LABEL_COUNTS, SAFETENSORS_I64, labels, 1);
    for (size_t i = 0; counts != NULL && i < labels; i++)
        counts[i] = (int64_t)classifier->label_counts[i];
    add_names(storing, STORE_COLUMNS, &classifier->columns);
    add_words(storing, STORE_WORDS, classifier->words);
    add_words(storing, STORE_ENDINGS, classifier->endings);
    if (classifier->word_labels != NULL)
        add(storing, STORE_WORD_LABELS, SAFETENSORS_I32, word_vocabulary_size(classifier->words), 1,
            classifier->word_labels);
    if (features == 0) return;
    double *scale = add_block(storing, STORE_SCALE, SAFETENSORS_F64, features, 2);
    for (size_t i = 0; scale != NULL && i < features; i++) {
        scale[2 * i] = classifier->scale[i].mean;
        scale[2 * i + 1] = classifier->scale[i].deviation;
    }
}

/* The JSON object, as text to be released with memory_release; NULL: no memory. */
static char *describe(const elman_classifier *classifier) {
    static const char *const data[] = {NULL, "text", "numbers", "tokens"};
    json_t *root = json_pack("{s:i, s:s, s:s, s:b, s:I, s:I, s:I, s:s?, s:s?, s:s?}", "version",
                             STORE_VERSION, "data", data[classifier->kind], "unit",
                             classifier->unit == ELMAN_UNIT_WORDS ? "words" : "characters", "fold",
                             (int)classifier->fold, "features", (json_int_t)classifier->features,
                             "labels", (json_int_t)classifier->labels.count, "max_length",
                             (json_int_t)classifier->max_length, "text", classifier->text_column,
                             "label", classifier->label_column, "id", classifier->id_column);
    char *text = metadata_text(&classifier->context->memory, root);
    json_decref(root);
    return text;
}

elman_status elman_classifier_store(const elman_classifier *classifier, elman_model *model,
                                    elman_error *error) {
    Memory *memory = &classifier->context->memory;
    Storing storing = {.classifier = classifier};
    elman_model_info info;
    elman_model_describe(model, &info);
    elman_status status = classifier_check_model(classifier, info.input, info.input_size,
                                                 info.outputs, info.output, error);
    if (status != ELMAN_OK) return status;
    add_tensors(&storing);
    char *json = describe(classifier);
    if (storing.failed || json == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory to store a classifier");
    else
        status = encoder_set(model, classifier->tagger ? "tag" : "classify", json, storing.tensors,
                             storing.count, error);
    if (status == ELMAN_OK && classifier->characters != NULL)
        status = elman_model_set_vocabulary(model, classifier->characters, error);
    memory_release(memory, json);
    for (size_t i = 0; i < storing.count; i++) memory_release(memory, storing.blocks[i]);
    return status;
}
