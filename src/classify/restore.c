/* Reads a classifier back from a model. Nothing in the file is trusted. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "classify/classifier.h"
#include "classify/store.h"
#include "core/fail.h"
#include "data/text.h"
#include "model/encoder_read.h"
#include "model/metadata.h"

enum { LENGTH_MAX = INT32_MAX };

/* One description that is being read. */
typedef struct Reader {
    EncoderReader in;
    elman_classifier *classifier;
} Reader;

static void read_description(Reader *reader) {
    static const char *const kinds[] = {"text", "numbers", "tokens"};
    static const char *const units[] = {"characters", "words"};
    elman_classifier *classifier = reader->classifier;
    (void)encoder_read_count(&reader->in, "version", STORE_VERSION, STORE_VERSION);
    classifier->kind = (elman_labelled_kind)(ELMAN_LABELLED_TEXT +
                                             encoder_read_name(&reader->in, "data", kinds, 3));
    if (classifier->tagger != (classifier->kind == ELMAN_LABELLED_TOKENS))
        encoder_refuse(&reader->in, "data");
    classifier->unit = (elman_text_unit)encoder_read_name(&reader->in, "unit", units, 2);
    classifier->fold = encoder_read_flag(&reader->in, "fold");
    const bool numbers = classifier->kind == ELMAN_LABELLED_NUMBERS;
    classifier->features =
        encoder_read_count(&reader->in, "features", numbers ? 1 : 0, numbers ? LENGTH_MAX : 0);
    classifier->max_length = encoder_read_count(&reader->in, "max_length", 0, LENGTH_MAX);
    encoder_read_text(&reader->in, "text", &classifier->text_column);
    encoder_read_text(&reader->in, "label", &classifier->label_column);
    encoder_read_text(&reader->in, "id", &classifier->id_column);
}

/* A tensor of that type and shape; columns 1: of rank 1, rows 0: of any length above 0. False, and
 * refused where it is `needed`: there is none. */
static bool find(Reader *reader, const char *name, SafetensorsType type, size_t rows,
                 size_t columns, bool needed, SafetensorsTensor *tensor) {
    if (reader->in.status != ELMAN_OK) return false;
    const bool found = encoder_tensor(reader->in.model, name, tensor);
    if (!found && !needed) return false;
    if (found && tensor->type == type && tensor->rank == (columns == 1 ? 1 : 2) &&
        (rows == 0 ? tensor->shape[0] > 0 : tensor->shape[0] == rows) &&
        (columns == 1 || tensor->shape[1] == columns))
        return true;
    encoder_refuse(&reader->in, name);
    return false;
}

/* Distinct texts, each UTF-8 with a zero byte behind. */
static void read_names(Reader *reader, const char *name, bool needed, Names *names) {
    SafetensorsTensor tensor;
    if (!find(reader, name, SAFETENSORS_U8, 0, 1, needed, &tensor)) return;
    const char *at = tensor.data, *end = at + tensor.bytes;
    while (at < end && reader->in.status == ELMAN_OK) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        const size_t before = names->count;
        size_t index;
        if (zero == NULL) {
            encoder_refuse(&reader->in, name);
            return;
        }
        if (!names_add(names, at, (size_t)(zero - at), &index)) encoder_refuse_memory(&reader->in);
        if (index < before) encoder_refuse(&reader->in, name);
        at = zero + 1;
    }
}

static void read_labels(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    SafetensorsTensor tensor;
    const size_t count = encoder_read_count(&reader->in, "labels", 2, LABELS_MAX);
    read_names(reader, STORE_LABELS, true, &classifier->labels);
    if (reader->in.status == ELMAN_OK && classifier->labels.count != count)
        encoder_refuse(&reader->in, STORE_LABELS);
    if (!find(reader, STORE_LABEL_COUNTS, SAFETENSORS_I64, count, 1, true, &tensor)) return;
    classifier->label_counts = memory_allocate_array(&classifier->context->memory, count,
                                                     sizeof(*classifier->label_counts));
    if (classifier->label_counts == NULL) {
        encoder_refuse_memory(&reader->in);
        return;
    }
    const int64_t *counts = tensor.data;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] < 0) encoder_refuse(&reader->in, STORE_LABEL_COUNTS);
        classifier->label_counts[i] = (uint64_t)counts[i];
    }
}

static void read_scale(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    SafetensorsTensor tensor;
    if (!find(reader, STORE_SCALE, SAFETENSORS_F64, classifier->features, 2, true, &tensor)) return;
    classifier->scale = memory_allocate_array(&classifier->context->memory, classifier->features,
                                              sizeof(*classifier->scale));
    if (classifier->scale == NULL) {
        encoder_refuse_memory(&reader->in);
        return;
    }
    const double *scale = tensor.data;
    for (size_t i = 0; i < classifier->features; i++, scale += 2) {
        if (!isfinite(scale[0]) || !isfinite(scale[1]) || scale[1] <= 0.0)
            encoder_refuse(&reader->in, STORE_SCALE);
        classifier->scale[i] = (FeatureScale){scale[0], scale[1]};
    }
}

static void read_words(Reader *reader, const char *name, bool needed, bool fold,
                       WordVocabulary **words) {
    SafetensorsTensor tensor;
    if (!find(reader, name, SAFETENSORS_U8, 0, 1, needed, &tensor)) return;
    reader->in.status =
        word_vocabulary_from_bytes(&reader->classifier->context->memory, tensor.data, tensor.bytes,
                                   fold, words, reader->in.error);
}

static void read_word_labels(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    SafetensorsTensor tensor;
    if (reader->in.status != ELMAN_OK) return;
    const size_t words = word_vocabulary_size(classifier->words);
    if (!find(reader, STORE_WORD_LABELS, SAFETENSORS_I32, words, 1, true, &tensor)) return;
    classifier->word_labels = memory_allocate_array(&classifier->context->memory, words,
                                                    sizeof(*classifier->word_labels));
    if (classifier->word_labels == NULL) {
        encoder_refuse_memory(&reader->in);
        return;
    }
    memcpy(classifier->word_labels, tensor.data, words * sizeof(*classifier->word_labels));
    for (size_t i = 0; i < words; i++)
        if (classifier->word_labels[i] < 0 ||
            (size_t)classifier->word_labels[i] >= classifier->labels.count)
            encoder_refuse(&reader->in, STORE_WORD_LABELS);
}

static void read_characters(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    const elman_vocabulary *vocabulary = elman_model_vocabulary(reader->in.model);
    if (reader->in.status != ELMAN_OK) return;
    if (vocabulary == NULL) {
        encoder_refuse(&reader->in, ENCODER_VOCABULARY);
        return;
    }
    reader->in.status = vocabulary_from_characters(
        classifier->context, vocabulary_characters(vocabulary), elman_vocabulary_size(vocabulary),
        &classifier->characters, reader->in.error);
}

static void read_all(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    read_description(reader);
    read_labels(reader);
    read_names(reader, STORE_COLUMNS, false, &classifier->columns);
    if (reader->in.status != ELMAN_OK) return;
    if (classifier->kind == ELMAN_LABELLED_NUMBERS) {
        read_scale(reader);
    } else if (classifier->tagger) {
        read_words(reader, STORE_WORDS, true, false, &classifier->words);
        read_words(reader, STORE_ENDINGS, false, false, &classifier->endings);
        read_word_labels(reader);
    } else if (classifier->unit == ELMAN_UNIT_WORDS) {
        if (reader->in.status == ELMAN_OK)
            reader->in.status = words_check(true, classifier->fold, reader->in.error);
        read_words(reader, STORE_WORDS, true, classifier->fold, &classifier->words);
    } else {
        read_characters(reader);
    }
}

elman_status elman_classifier_open(elman_context *context, const elman_model *model,
                                   elman_classifier **result, elman_error *error) {
    const char *kind = encoder_kind(model);
    json_t *object = NULL;
    elman_model_info info;
    *result = NULL;
    if (strcmp(kind, "classify") != 0 && strcmp(kind, "tag") != 0)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the model's data are of the kind \"%s\", expected one that was trained to "
                    "classify or to tag",
                    kind);
    elman_status status =
        metadata_parse(elman_model_encoder(model), "the model's encoder", &object, error);
    if (status != ELMAN_OK) return status;
    Reader reader = {.in = {.model = model,
                            .memory = &context->memory,
                            .what = "labels",
                            .object = object,
                            .error = error}};
    reader.classifier = classifier_new(context);
    if (reader.classifier == NULL) {
        encoder_refuse_memory(&reader.in);
    } else {
        reader.classifier->tagger = strcmp(kind, "tag") == 0;
        read_all(&reader);
    }
    if (reader.in.status == ELMAN_OK) {
        elman_model_describe(model, &info);
        reader.in.status = classifier_check_model(reader.classifier, info.input, info.input_size,
                                                  info.outputs, info.output, error);
    }
    json_decref(object);
    if (reader.in.status == ELMAN_OK)
        *result = reader.classifier;
    else
        elman_classifier_destroy(reader.classifier);
    return reader.in.status;
}
