/* Reads a classifier back from a model. Nothing in the file is trusted. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "classify/classifier.h"
#include "classify/store.h"
#include "core/fail.h"
#include "data/text.h"
#include "model/metadata.h"

enum { LENGTH_MAX = INT32_MAX };

/* One description that is being read; the first failure stays. */
typedef struct Reader {
    elman_classifier *classifier;
    const elman_model *model;
    const json_t *object;
    elman_error *error;
    elman_status status;
} Reader;

static void refuse(Reader *reader, const char *what) {
    if (reader->status == ELMAN_OK)
        reader->status = fail(reader->error, ELMAN_ERR_FORMAT,
                              "the model's description of its labels: \"%s\" is missing or makes "
                              "no sense",
                              what);
}

static void refuse_memory(Reader *reader) {
    if (reader->status == ELMAN_OK)
        reader->status =
            fail(reader->error, ELMAN_ERR_MEMORY, "no memory to read the model's labels");
}

static size_t read_count(Reader *reader, const char *key, size_t least, size_t most) {
    const json_t *value = json_object_get(reader->object, key);
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < (json_int_t)least || number > (json_int_t)most) {
        refuse(reader, key);
        return least;
    }
    return (size_t)number;
}

static bool read_flag(Reader *reader, const char *key) {
    const json_t *value = json_object_get(reader->object, key);
    if (!json_is_boolean(value)) refuse(reader, key);
    return json_is_true(value);
}

static size_t read_choice(Reader *reader, const char *key, const char *const *names, size_t count) {
    const char *value = json_string_value(json_object_get(reader->object, key));
    for (size_t i = 0; value != NULL && i < count; i++)
        if (strcmp(value, names[i]) == 0) return i;
    refuse(reader, key);
    return 0;
}

static void read_text(Reader *reader, const char *key, char **text) {
    const json_t *value = json_object_get(reader->object, key);
    if (json_is_null(value) || reader->status != ELMAN_OK) return;
    if (!json_is_string(value)) {
        refuse(reader, key);
        return;
    }
    *text = memory_copy_string(&reader->classifier->context->memory, json_string_value(value));
    if (*text == NULL) refuse_memory(reader);
}

static void read_description(Reader *reader) {
    static const char *const kinds[] = {"text", "numbers", "tokens"};
    static const char *const units[] = {"characters", "words"};
    elman_classifier *classifier = reader->classifier;
    (void)read_count(reader, "version", STORE_VERSION, STORE_VERSION);
    classifier->kind =
        (elman_labelled_kind)(ELMAN_LABELLED_TEXT + read_choice(reader, "data", kinds, 3));
    if (classifier->tagger != (classifier->kind == ELMAN_LABELLED_TOKENS)) refuse(reader, "data");
    classifier->unit = (elman_text_unit)read_choice(reader, "unit", units, 2);
    classifier->fold = read_flag(reader, "fold");
    const bool numbers = classifier->kind == ELMAN_LABELLED_NUMBERS;
    classifier->features =
        read_count(reader, "features", numbers ? 1 : 0, numbers ? LENGTH_MAX : 0);
    classifier->max_length = read_count(reader, "max_length", 0, LENGTH_MAX);
    read_text(reader, "text", &classifier->text_column);
    read_text(reader, "label", &classifier->label_column);
    read_text(reader, "id", &classifier->id_column);
}

/* A tensor of that type and shape; columns 1: of rank 1, rows 0: of any length above 0. False, and
 * refused where it is `needed`: there is none. */
static bool find(Reader *reader, const char *name, SafetensorsType type, size_t rows,
                 size_t columns, bool needed, SafetensorsTensor *tensor) {
    if (reader->status != ELMAN_OK) return false;
    const bool found = encoder_tensor(reader->model, name, tensor);
    if (!found && !needed) return false;
    if (found && tensor->type == type && tensor->rank == (columns == 1 ? 1 : 2) &&
        (rows == 0 ? tensor->shape[0] > 0 : tensor->shape[0] == rows) &&
        (columns == 1 || tensor->shape[1] == columns))
        return true;
    refuse(reader, name);
    return false;
}

/* Distinct texts, each UTF-8 with a zero byte behind. */
static void read_names(Reader *reader, const char *name, bool needed, Names *names) {
    SafetensorsTensor tensor;
    if (!find(reader, name, SAFETENSORS_U8, 0, 1, needed, &tensor)) return;
    const char *at = tensor.data, *end = at + tensor.bytes;
    while (at < end && reader->status == ELMAN_OK) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        const size_t before = names->count;
        size_t index;
        if (zero == NULL) {
            refuse(reader, name);
            return;
        }
        if (!names_add(names, at, (size_t)(zero - at), &index)) refuse_memory(reader);
        if (index < before) refuse(reader, name);
        at = zero + 1;
    }
}

static void read_labels(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    SafetensorsTensor tensor;
    const size_t count = read_count(reader, "labels", 2, LABELS_MAX);
    read_names(reader, STORE_LABELS, true, &classifier->labels);
    if (reader->status == ELMAN_OK && classifier->labels.count != count)
        refuse(reader, STORE_LABELS);
    if (!find(reader, STORE_LABEL_COUNTS, SAFETENSORS_I64, count, 1, true, &tensor)) return;
    classifier->label_counts = memory_allocate_array(&classifier->context->memory, count,
                                                     sizeof(*classifier->label_counts));
    if (classifier->label_counts == NULL) {
        refuse_memory(reader);
        return;
    }
    const int64_t *counts = tensor.data;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] < 0) refuse(reader, STORE_LABEL_COUNTS);
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
        refuse_memory(reader);
        return;
    }
    const double *scale = tensor.data;
    for (size_t i = 0; i < classifier->features; i++, scale += 2) {
        if (!isfinite(scale[0]) || !isfinite(scale[1]) || scale[1] <= 0.0)
            refuse(reader, STORE_SCALE);
        classifier->scale[i] = (FeatureScale){scale[0], scale[1]};
    }
}

static void read_words(Reader *reader, const char *name, bool needed, bool fold,
                       WordVocabulary **words) {
    SafetensorsTensor tensor;
    if (!find(reader, name, SAFETENSORS_U8, 0, 1, needed, &tensor)) return;
    reader->status = word_vocabulary_from_bytes(&reader->classifier->context->memory, tensor.data,
                                                tensor.bytes, fold, words, reader->error);
}

static void read_word_labels(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    SafetensorsTensor tensor;
    if (reader->status != ELMAN_OK) return;
    const size_t words = word_vocabulary_size(classifier->words);
    if (!find(reader, STORE_WORD_LABELS, SAFETENSORS_I32, words, 1, true, &tensor)) return;
    classifier->word_labels = memory_allocate_array(&classifier->context->memory, words,
                                                    sizeof(*classifier->word_labels));
    if (classifier->word_labels == NULL) {
        refuse_memory(reader);
        return;
    }
    memcpy(classifier->word_labels, tensor.data, words * sizeof(*classifier->word_labels));
    for (size_t i = 0; i < words; i++)
        if (classifier->word_labels[i] < 0 ||
            (size_t)classifier->word_labels[i] >= classifier->labels.count)
            refuse(reader, STORE_WORD_LABELS);
}

static void read_characters(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    const elman_vocabulary *vocabulary = elman_model_vocabulary(reader->model);
    if (reader->status != ELMAN_OK) return;
    if (vocabulary == NULL) {
        refuse(reader, ENCODER_VOCABULARY);
        return;
    }
    reader->status = vocabulary_from_characters(
        classifier->context, vocabulary_characters(vocabulary), elman_vocabulary_size(vocabulary),
        &classifier->characters, reader->error);
}

static void read_all(Reader *reader) {
    elman_classifier *classifier = reader->classifier;
    read_description(reader);
    read_labels(reader);
    read_names(reader, STORE_COLUMNS, false, &classifier->columns);
    if (reader->status != ELMAN_OK) return;
    if (classifier->kind == ELMAN_LABELLED_NUMBERS) {
        read_scale(reader);
    } else if (classifier->tagger) {
        read_words(reader, STORE_WORDS, true, false, &classifier->words);
        read_words(reader, STORE_ENDINGS, false, false, &classifier->endings);
        read_word_labels(reader);
    } else if (classifier->unit == ELMAN_UNIT_WORDS) {
        if (reader->status == ELMAN_OK)
            reader->status = words_check(true, classifier->fold, reader->error);
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
    Reader reader = {.model = model, .object = object, .error = error};
    reader.classifier = classifier_new(context);
    if (reader.classifier == NULL) {
        refuse_memory(&reader);
    } else {
        reader.classifier->tagger = strcmp(kind, "tag") == 0;
        read_all(&reader);
    }
    if (reader.status == ELMAN_OK) {
        elman_model_describe(model, &info);
        reader.status = classifier_check_model(reader.classifier, info.input, info.input_size,
                                               info.outputs, info.output, error);
    }
    json_decref(object);
    if (reader.status == ELMAN_OK)
        *result = reader.classifier;
    else
        elman_classifier_destroy(reader.classifier);
    return reader.status;
}
