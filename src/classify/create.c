/* Makes a classifier: vocabulary, scaling and weights from what is to be learnt from. */
#include <math.h>
#include <string.h>

#include "classify/encode.h"
#include "classify/split.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "formats/order.h"

enum { ENDINGS_MAX = 1000, ENDING_LEAST = 3, TEXT_MIN_COUNT = 2 };

/* What it is made from. */
typedef struct Making {
    elman_classifier *classifier;
    const elman_labelled *data, *valid;
    elman_classifier_options options;
    Split split;
    elman_error *error;
} Making;

static elman_status no_memory(const Making *making) {
    return fail(making->error, ELMAN_ERR_MEMORY, "no memory for a classifier");
}

static elman_status check_options(const Making *making) {
    const elman_classifier_options *options = &making->options;
    const elman_text_unit unit = options->unit;
    if (!(options->valid >= 0.0 && options->valid < 1.0))
        return fail(making->error, ELMAN_ERR_ARGUMENT,
                    "elman_classifier_options: valid is %g, expected a share from 0 to below 1",
                    options->valid);
    if (unit != ELMAN_UNIT_CHARACTERS && unit != ELMAN_UNIT_WORDS)
        return fail(making->error, ELMAN_ERR_ARGUMENT,
                    "elman_classifier_options: unit is %d, expected one of elman_text_unit",
                    (int)unit);
    if (options->weighting < ELMAN_WEIGHTING_NONE || options->weighting > ELMAN_WEIGHTING_GIVEN)
        return fail(making->error, ELMAN_ERR_ARGUMENT,
                    "elman_classifier_options: weighting is %d, expected one of "
                    "elman_class_weighting",
                    (int)options->weighting);
    if (options->weighting != ELMAN_WEIGHTING_GIVEN) return ELMAN_OK;
    const size_t labels = elman_labelled_label_count(making->data);
    if (options->class_weights == NULL || options->class_weight_count != labels)
        return fail(making->error, ELMAN_ERR_ARGUMENT, "%zu class weights for %zu labels",
                    options->class_weights == NULL ? 0 : options->class_weight_count, labels);
    for (size_t i = 0; i < labels; i++) {
        const float weight = (float)options->class_weights[i];
        if (!(weight > 0.0F && weight <= 1e30F))
            return fail(making->error, ELMAN_ERR_ARGUMENT,
                        "the class weight of \"%s\" is %g, expected a number above 0",
                        elman_labelled_label_name(making->data, i), options->class_weights[i]);
    }
    return ELMAN_OK;
}

/* Whether every sequence, or step, has its label. */
static elman_status check_labels(const Making *making, const elman_labelled *data) {
    const bool tokens = elman_labelled_get_kind(data) == ELMAN_LABELLED_TOKENS;
    for (size_t i = 0; i < elman_labelled_count(data); i++) {
        const size_t steps = tokens ? elman_labelled_length(data, i) : 1;
        const int32_t one = tokens ? 0 : elman_labelled_label(data, i);
        const int32_t *labels = tokens ? elman_labelled_labels(data, i) : &one;
        for (size_t step = 0; step < steps; step++)
            if (labels[step] < 0)
                return fail(making->error, ELMAN_ERR_DATA,
                            "the sequence in line %zu has no label to learn",
                            elman_labelled_line(data, i));
    }
    return ELMAN_OK;
}

static elman_status check_data(const Making *making) {
    const size_t labels = elman_labelled_label_count(making->data);
    const elman_labelled *valid = making->valid;
    if (labels < 2)
        return fail(making->error, ELMAN_ERR_DATA,
                    "the data have %zu label%s, expected two or more to tell apart", labels,
                    labels == 1 ? "" : "s");
    if (labels > LABELS_MAX)
        return fail(making->error, ELMAN_ERR_DATA,
                    "the data have %zu different labels, expected %d or fewer", labels, LABELS_MAX);
    elman_status status = check_labels(making, making->data);
    if (status != ELMAN_OK || valid == NULL) return status;
    status = classifier_check_data(making->classifier, valid, making->error);
    bool same = elman_labelled_label_count(valid) == labels;
    for (size_t i = 0; status == ELMAN_OK && same && i < labels; i++)
        same = strcmp(elman_labelled_label_name(valid, i),
                      elman_labelled_label_name(making->data, i)) == 0;
    if (status == ELMAN_OK && !same)
        return fail(making->error, ELMAN_ERR_MISMATCH,
                    "the validation data were not read with the labels of the training data");
    return status == ELMAN_OK ? check_labels(making, valid) : status;
}

/* Remembers how the data were read. */
static elman_status take_columns(const Making *making) {
    elman_classifier *classifier = making->classifier;
    Memory *memory = &classifier->context->memory;
    const char *const from[] = {elman_labelled_text_column(making->data),
                                elman_labelled_label_column(making->data),
                                elman_labelled_id_column(making->data)};
    char **const to[] = {&classifier->text_column, &classifier->label_column,
                         &classifier->id_column};
    for (size_t i = 0; i < 3; i++) {
        if (from[i] == NULL) continue;
        *to[i] = memory_copy_string(memory, from[i]);
        if (*to[i] == NULL) return no_memory(making);
    }
    for (size_t i = 0; i < elman_labelled_column_count(making->data); i++) {
        const char *name = elman_labelled_column(making->data, i);
        size_t index;
        if (!names_add(&classifier->columns, name, strlen(name), &index)) return no_memory(making);
    }
    return ELMAN_OK;
}

/* The labels, and how often each is among what is learnt from. */
static elman_status take_labels(const Making *making) {
    elman_classifier *classifier = making->classifier;
    const elman_labelled *data = making->data;
    const size_t count = elman_labelled_label_count(data);
    classifier->label_counts = memory_allocate_array(&classifier->context->memory, count,
                                                     sizeof(*classifier->label_counts));
    if (classifier->label_counts == NULL) return no_memory(making);
    for (size_t i = 0; i < count; i++) {
        const char *name = elman_labelled_label_name(data, i);
        size_t index;
        if (!names_add(&classifier->labels, name, strlen(name), &index)) return no_memory(making);
    }
    for (size_t i = 0; i < making->split.train_count; i++) {
        const size_t sequence = making->split.train[i];
        if (!classifier->tagger) {
            classifier->label_counts[elman_labelled_label(data, sequence)]++;
            continue;
        }
        const int32_t *labels = elman_labelled_labels(data, sequence);
        for (size_t step = 0; step < elman_labelled_length(data, sequence); step++)
            classifier->label_counts[labels[step]]++;
    }
    return ELMAN_OK;
}

static elman_status make_weights(const Making *making) {
    elman_classifier *classifier = making->classifier;
    const size_t count = classifier->labels.count;
    uint64_t all = 0;
    if (making->options.weighting == ELMAN_WEIGHTING_NONE) return ELMAN_OK;
    classifier->weights = memory_allocate_array(&classifier->context->memory, count, sizeof(float));
    if (classifier->weights == NULL) return no_memory(making);
    for (size_t i = 0; i < count; i++) all += classifier->label_counts[i];
    for (size_t i = 0; i < count; i++) {
        const double seen = (double)classifier->label_counts[i];
        double weight = seen > 0.0 ? (double)all / ((double)count * seen) : 1.0;
        if (making->options.weighting == ELMAN_WEIGHTING_GIVEN)
            weight = making->options.class_weights[i];
        classifier->weights[i] = (float)weight;
    }
    return ELMAN_OK;
}

/* Steps of a sequence of numbers that the model reads. */
static size_t read_steps(const Making *making, size_t sequence) {
    const size_t length = elman_labelled_length(making->data, sequence);
    const size_t most = making->options.max_length;
    return most > 0 && length > most ? most : length;
}

static elman_status fit_scale(const Making *making) {
    elman_classifier *classifier = making->classifier;
    const size_t features = classifier->features;
    classifier->scale =
        memory_allocate_array(&classifier->context->memory, features, sizeof(*classifier->scale));
    if (classifier->scale == NULL) return no_memory(making);
    for (size_t i = 0; i < features; i++) {
        double mean = 0.0, squares = 0.0, count = 0.0;
        for (size_t k = 0; k < making->split.train_count && !making->options.no_scaling; k++) {
            const float *values = elman_labelled_values(making->data, making->split.train[k]);
            const size_t steps = read_steps(making, making->split.train[k]);
            for (size_t step = 0; step < steps; step++) {
                /* Welford, 1962: no cancellation. */
                const double value = (double)values[step * features + i];
                const double difference = value - mean;
                count += 1.0;
                mean += difference / count;
                squares += difference * (value - mean);
            }
        }
        const double deviation = count > 0.0 ? sqrt(squares / count) : 0.0;
        classifier->scale[i] = (FeatureScale){mean, deviation > 0.0 ? deviation : 1.0};
    }
    return ELMAN_OK;
}

static elman_status collect_characters(const Making *making) {
    elman_classifier *classifier = making->classifier;
    Memory *memory = &classifier->context->memory;
    size_t size = 0, used = 0;
    for (size_t i = 0; i < making->split.train_count; i++)
        if (!size_add(size, elman_labelled_length(making->data, making->split.train[i]), &size))
            return no_memory(making);
    char *bytes = memory_allocate(memory, size);
    if (bytes == NULL) return no_memory(making);
    for (size_t i = 0; i < making->split.train_count; i++) {
        const size_t sequence = making->split.train[i];
        const size_t length = elman_labelled_length(making->data, sequence);
        memcpy(bytes + used, elman_labelled_text(making->data, sequence), length);
        used += length;
    }
    elman_text *text = NULL;
    elman_status status = elman_text_from_memory(classifier->context, "the texts to learn from",
                                                 bytes, size, &text, making->error);
    if (status == ELMAN_OK)
        status = elman_vocabulary_create(classifier->context, elman_text_characters(text),
                                         elman_text_length(text), &classifier->characters,
                                         making->error);
    elman_text_destroy(text);
    memory_release(memory, bytes);
    return status;
}

static elman_status count_words(const Making *making, WordCounter *counter) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < making->split.train_count && status == ELMAN_OK; i++) {
        const size_t sequence = making->split.train[i];
        const size_t length = elman_labelled_length(making->data, sequence);
        if (!making->classifier->tagger) {
            status = word_counter_add_text(counter, elman_labelled_text(making->data, sequence),
                                           length, making->error);
            continue;
        }
        for (size_t step = 0; step < length && status == ELMAN_OK; step++) {
            const char *word = elman_labelled_token(making->data, sequence, step);
            status = word_counter_add_word(counter, word, strlen(word), making->error);
        }
    }
    return status;
}

static elman_status collect_words(const Making *making) {
    elman_classifier *classifier = making->classifier;
    const uint64_t standard = classifier->tagger ? 1 : TEXT_MIN_COUNT;
    const uint64_t least = making->options.min_count > 0 ? making->options.min_count : standard;
    WordCounter *counter = NULL;
    elman_status status = words_check(!classifier->tagger, classifier->fold, making->error);
    if (status == ELMAN_OK)
        status = word_counter_create(&classifier->context->memory, classifier->fold, &counter,
                                     making->error);
    if (status == ELMAN_OK) status = count_words(making, counter);
    if (status == ELMAN_OK)
        status = word_vocabulary_create(counter, least, making->options.max_words,
                                        &classifier->words, making->error);
    word_counter_destroy(counter);
    return status;
}

/* How the words of the vocabulary end. */
static elman_status collect_endings(const Making *making) {
    elman_classifier *classifier = making->classifier;
    WordCounter *counter = NULL;
    elman_status status =
        word_counter_create(&classifier->context->memory, false, &counter, making->error);
    const size_t words = word_vocabulary_size(classifier->words);
    for (size_t token = 1; token < words && status == ELMAN_OK; token++) {
        const char *ending = word_ending(word_vocabulary_word(classifier->words, (int32_t)token));
        status = word_counter_add_word(counter, ending, strlen(ending), making->error);
    }
    if (status == ELMAN_OK) {
        status =
            word_vocabulary_create(counter, ENDING_LEAST, ENDINGS_MAX, &classifier->endings, NULL);
        /* No ending is frequent: unknown words are all the same. */
        if (status == ELMAN_ERR_DATA) status = ELMAN_OK;
        if (status != ELMAN_OK) status = no_memory(making);
    }
    word_counter_destroy(counter);
    return status;
}

/* What a word was, and its label. */
typedef struct Seen {
    int32_t token, label;
} Seen;

static int compare_seen(const void *elements, uint32_t a, uint32_t b) {
    const Seen *one = (const Seen *)elements + a, *other = (const Seen *)elements + b;
    if (one->token != other->token) return one->token < other->token ? -1 : 1;
    return one->label < other->label ? -1 : one->label > other->label;
}

static elman_status list_seen(const Making *making, Seen *seen) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < making->split.train_count; i++) {
        const size_t sequence = making->split.train[i];
        const int32_t *labels = elman_labelled_labels(making->data, sequence);
        for (size_t step = 0; step < elman_labelled_length(making->data, sequence); step++) {
            const char *word = elman_labelled_token(making->data, sequence, step);
            status = word_vocabulary_token(making->classifier->words, word, strlen(word),
                                           &seen->token, making->error);
            if (status != ELMAN_OK) return status;
            seen->label = labels[step];
            seen++;
        }
    }
    return status;
}

/* The label that each word had most often. */
static elman_status fit_word_labels(const Making *making) {
    elman_classifier *classifier = making->classifier;
    Memory *memory = &classifier->context->memory;
    size_t count = 0, most = 0;
    for (size_t i = 0; i < classifier->labels.count; i++) count += classifier->label_counts[i];
    if (count > UINT32_MAX)
        return fail(making->error, ELMAN_ERR_DATA, "more than %lu tokens to learn from",
                    (unsigned long)UINT32_MAX);
    Seen *seen = memory_allocate_array(memory, count, sizeof(*seen));
    uint32_t *order = memory_allocate_array(memory, count, sizeof(*order));
    classifier->word_labels = memory_allocate_array(memory, word_vocabulary_size(classifier->words),
                                                    sizeof(*classifier->word_labels));
    elman_status status = ELMAN_OK;
    if (seen == NULL || order == NULL || classifier->word_labels == NULL)
        status = no_memory(making);
    else
        status = list_seen(making, seen);
    if (status == ELMAN_OK) order_sort(order, count, compare_seen, seen);
    for (size_t i = 0, end; status == ELMAN_OK && i < count; i = end) {
        const Seen *one = &seen[order[i]];
        for (end = i + 1; end < count && compare_seen(seen, order[i], order[end]) == 0;) end++;
        if (i == 0 || seen[order[i - 1]].token != one->token) most = 0;
        if (end - i > most) classifier->word_labels[one->token] = one->label;
        if (end - i > most) most = end - i;
    }
    if (status == ELMAN_OK)
        classifier->word_labels[WORD_UNKNOWN] = (int32_t)classifier_majority(classifier);
    memory_release(memory, order);
    memory_release(memory, seen);
    return status;
}

/* How long the sequences are, and how much of them is unknown. */
static elman_status measure(const Making *making) {
    elman_classifier *classifier = making->classifier;
    Encoded encoded;
    size_t tokens = 0, unknown = 0;
    const elman_labelled *valid = making->valid != NULL ? making->valid : making->data;
    elman_status status = encode(classifier, making->data, false, &encoded, making->error);
    classifier->cut = encoded.cut;
    for (size_t i = 0; status == ELMAN_OK && i < making->split.train_count; i++) {
        const size_t length = encoded.lengths[making->split.train[i]];
        if (length > classifier->longest) classifier->longest = length;
    }
    if (status == ELMAN_OK && valid != making->data) {
        encoded_release(classifier, &encoded);
        status = encode(classifier, valid, false, &encoded, making->error);
        classifier->cut += encoded.cut;
    }
    for (size_t i = 0; status == ELMAN_OK && i < classifier->valid_count; i++) {
        const size_t sequence = valid != making->data ? i : making->split.valid[i];
        for (size_t step = 0; encoded.tokens != NULL && step < encoded.lengths[sequence]; step++) {
            tokens++;
            unknown += token_is_unknown(classifier, encoded.tokens[encoded.first[sequence] + step]);
        }
    }
    if (tokens > 0) classifier->unknown_share = (double)unknown / (double)tokens;
    encoded_release(classifier, &encoded);
    return status;
}

static elman_status fit(Making *making) {
    elman_classifier *classifier = making->classifier;
    elman_status status = take_columns(making);
    if (status == ELMAN_OK) status = take_labels(making);
    if (status == ELMAN_OK) status = make_weights(making);
    if (status == ELMAN_OK && classifier->kind == ELMAN_LABELLED_NUMBERS)
        status = fit_scale(making);
    if (status == ELMAN_OK && classifier->kind != ELMAN_LABELLED_NUMBERS)
        status = classifier->tagger || classifier->unit == ELMAN_UNIT_WORDS
                     ? collect_words(making)
                     : collect_characters(making);
    if (status == ELMAN_OK && classifier->tagger && !making->options.no_endings)
        status = collect_endings(making);
    if (status == ELMAN_OK && classifier->tagger) status = fit_word_labels(making);
    if (status == ELMAN_OK) status = measure(making);
    return status;
}

static elman_status make(Making *making) {
    elman_classifier *classifier = making->classifier;
    const elman_classifier_options *options = &making->options;
    classifier->kind = elman_labelled_get_kind(making->data);
    classifier->tagger = classifier->kind == ELMAN_LABELLED_TOKENS;
    classifier->features = elman_labelled_features(making->data);
    classifier->max_length = options->max_length;
    classifier->unit = options->unit;
    classifier->fold = classifier->kind == ELMAN_LABELLED_TEXT && !options->keep_case &&
                       options->unit == ELMAN_UNIT_WORDS;
    classifier->valid = making->valid != NULL ? 0.0 : options->valid;
    classifier->valid_last = options->valid_last != 0;
    classifier->seed = options->seed;
    elman_status status = check_data(making);
    if (status == ELMAN_OK)
        status =
            split_create(&classifier->context->memory, making->data, classifier->valid,
                         classifier->valid_last, classifier->seed, &making->split, making->error);
    classifier->train_count = making->split.train_count;
    classifier->valid_count =
        making->valid != NULL ? elman_labelled_count(making->valid) : making->split.valid_count;
    return status == ELMAN_OK ? fit(making) : status;
}

elman_status elman_classifier_create(elman_context *context, const elman_labelled *data,
                                     const elman_labelled *valid,
                                     const elman_classifier_options *options,
                                     elman_classifier **classifier, elman_error *error) {
    Making making = {.data = data, .valid = valid, .error = error};
    *classifier = NULL;
    elman_status status = options_read(&making.options, sizeof(making.options), options,
                                       "elman_classifier_options", error);
    if (status == ELMAN_OK) status = check_options(&making);
    if (status != ELMAN_OK) return status;
    making.classifier = classifier_new(context);
    if (making.classifier == NULL) return no_memory(&making);
    status = make(&making);
    split_release(&context->memory, &making.split);
    if (status == ELMAN_OK)
        *classifier = making.classifier;
    else
        elman_classifier_destroy(making.classifier);
    return status;
}
