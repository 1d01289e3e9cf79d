/* The batches that a classifier learns from, and what it is validated on. */
#include <string.h>

#include "classify/batch.h"
#include "classify/score.h"
#include "classify/split.h"
#include "core/digest.h"
#include "core/fail.h"
#include "core/random.h"

_Static_assert((int)DIGEST_TEXT_SIZE <= (int)ELMAN_DIGEST_MAX, "a digest fits");

/* Within so many batches sequences are sorted by length: enough that little is padded, few enough
 * that the batches differ from epoch to epoch. */
enum { POOL_BATCHES = 32 };

struct elman_classifier_source {
    const elman_classifier *classifier;
    Split split;
    Encoded train, valid; /* of data, and of the validation data where those are others */
    const Encoded *valid_encoded;
    uint32_t *valid_members;
    size_t rows;
    uint64_t batches, seed;
    int32_t *unknown; /* [words]: what a word that occurs once becomes when it is unknown, -1 for
                         others; NULL: no word is */
    uint32_t *order;  /* [train_count]: the sequences as they come in epoch `ordered` */
    uint32_t *pool, *sorted;
    uint32_t *batch_order; /* [batches] */
    uint64_t ordered;      /* 0: none yet */
    ClassBatch batch;
    char digest[ELMAN_DIGEST_MAX];
};

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for the batches of a classifier");
}

/* A random permutation (Fisher and Yates) from draws `first` on. */
static void shuffle(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch, uint64_t first) {
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = count; i-- > 1;) {
        const uint64_t j =
            random_below(seed, RANDOM_SHUFFLE, (uint32_t)epoch, first + i, (uint64_t)i + 1);
        const uint32_t swapped = order[j];
        order[j] = order[i];
        order[i] = swapped;
    }
}

/* Lays an epoch out: all sequences at random, each pool of them sorted by length and cut into
 * batches, the batches at random again. */
static void lay_out(elman_classifier_source *source, uint64_t epoch) {
    const size_t count = source->split.train_count;
    const size_t pool = source->rows * POOL_BATCHES;
    shuffle(source->order, count, source->seed, epoch, 0);
    shuffle(source->batch_order, (size_t)source->batches, source->seed, epoch, count);
    for (size_t i = 0; i < count; i++) source->order[i] = source->split.train[source->order[i]];
    for (size_t first = 0; first < count; first += pool) {
        const size_t size = count - first < pool ? count - first : pool;
        memcpy(source->pool, source->order + first, size * sizeof(*source->pool));
        sort_by_length(&source->train, source->pool, source->sorted, size);
        for (size_t i = 0; i < size; i++)
            source->order[first + i] = source->pool[source->sorted[i]];
    }
    source->ordered = epoch;
}

/* Makes some of the words that occur once unknown. */
static void hide_words(elman_classifier_source *source, uint64_t epoch, const uint32_t *members,
                       size_t rows) {
    if (source->unknown == NULL) return;
    const ClassBatch *batch = &source->batch;
    for (size_t row = 0; row < rows; row++) {
        const size_t first = source->train.first[members[row]];
        for (size_t step = 0; step < batch->lengths[row]; step++) {
            int32_t *token = &batch->tokens[step * rows + row];
            if (token_is_unknown(source->classifier, *token) || source->unknown[*token] < 0)
                continue;
            if (random_below(source->seed, RANDOM_UNKNOWN, (uint32_t)epoch, first + step, 2) == 0)
                *token = source->unknown[*token];
        }
    }
}

static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    elman_classifier_source *source = user;
    (void)error;
    if (source->ordered != epoch) lay_out(source, epoch);
    const size_t first = (size_t)source->batch_order[position] * source->rows;
    const size_t left = source->split.train_count - first;
    const size_t rows = left < source->rows ? left : source->rows;
    class_batch_fill(&source->batch, &source->train, source->order + first, rows);
    hide_words(source, epoch, source->order + first, rows);
    batch->sequence = source->batch.sequence;
    batch->targets = source->batch.targets;
    return ELMAN_OK;
}

/* A weighted mean in the making. */
typedef struct Mean {
    double sum, weights;
    size_t count;
} Mean;

static elman_status add_loss(void *user, elman_tape *tape, const ClassBatch *batch,
                             const uint32_t *members, size_t rows, elman_error *error) {
    Mean *mean = user;
    elman_loss loss;
    (void)members;
    const elman_status status = elman_tape_loss(tape, &batch->targets, &loss, error);
    if (status != ELMAN_OK) return status;
    const size_t positions = batch->classifier->tagger ? batch->sequence.steps * rows : rows;
    double weights = 0.0;
    for (size_t i = 0; i < positions; i++) {
        const int32_t label = batch->classes[i];
        if (label < 0) continue;
        weights += batch->classifier->weights ? (double)batch->classifier->weights[label] : 1.0;
    }
    mean->sum += loss.mean * weights;
    mean->weights += weights;
    mean->count += loss.count;
    return ELMAN_OK;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    const elman_classifier_source *source = user;
    Mean mean = {0};
    const Passes passes = {.network = network,
                           .encoded = source->valid_encoded,
                           .members = source->valid_members,
                           .count = source->classifier->valid_count,
                           .done = add_loss,
                           .user = &mean};
    const elman_status status = passes_run(source->classifier, &passes, error);
    *loss = (elman_loss){.mean = mean.weights > 0.0 ? mean.sum / mean.weights : 0.0,
                         .count = mean.count};
    return status;
}

/* Finds the words that occur once, and what they become. */
static elman_status find_rare(elman_classifier_source *source, elman_error *error) {
    const elman_classifier *classifier = source->classifier;
    Memory *memory = &classifier->context->memory;
    if (classifier->words == NULL) return ELMAN_OK;
    const size_t words = word_vocabulary_size(classifier->words);
    source->unknown = memory_allocate_array(memory, words, sizeof(*source->unknown));
    if (source->unknown == NULL) return no_memory(error);
    for (size_t i = 0; i < source->split.train_count; i++) {
        const size_t sequence = source->split.train[i];
        for (size_t step = 0; step < source->train.lengths[sequence]; step++) {
            const int32_t token = source->train.tokens[source->train.first[sequence] + step];
            if (!token_is_unknown(classifier, token) && source->unknown[token] < 2)
                source->unknown[token]++;
        }
    }
    elman_status status = ELMAN_OK;
    for (size_t token = 0; token < words && status == ELMAN_OK; token++) {
        const bool rare = token != WORD_UNKNOWN && source->unknown[token] == 1;
        source->unknown[token] = -1;
        if (rare)
            status =
                encode_unknown(classifier, word_vocabulary_word(classifier->words, (int32_t)token),
                               &source->unknown[token], error);
    }
    return status;
}

/* The parts' sequences, as tokens. */
static elman_status encode_parts(elman_classifier_source *source, const elman_labelled *data,
                                 const elman_labelled *valid, elman_error *error) {
    const elman_classifier *classifier = source->classifier;
    Memory *memory = &classifier->context->memory;
    elman_status status = encode(classifier, data, false, &source->train, error);
    source->valid_encoded = &source->train;
    source->valid_members = source->split.valid;
    if (status != ELMAN_OK || valid == NULL) return status;
    status = encode(classifier, valid, false, &source->valid, error);
    if (status != ELMAN_OK) return status;
    source->valid_members =
        memory_allocate_array(memory, source->valid.count, sizeof(*source->valid_members));
    if (source->valid_members == NULL) return no_memory(error);
    for (size_t i = 0; i < source->valid.count; i++) source->valid_members[i] = (uint32_t)i;
    source->valid_encoded = &source->valid;
    return ELMAN_OK;
}

static elman_status make_room(elman_classifier_source *source, elman_error *error) {
    Memory *memory = &source->classifier->context->memory;
    const size_t count = source->split.train_count;
    source->batches = count / source->rows + (count % source->rows != 0);
    source->order = memory_allocate_array(memory, count, sizeof(uint32_t));
    source->pool = memory_allocate_array(memory, count, sizeof(uint32_t));
    source->sorted = memory_allocate_array(memory, count, sizeof(uint32_t));
    source->batch_order = memory_allocate_array(memory, (size_t)source->batches, sizeof(uint32_t));
    if (source->order == NULL || source->pool == NULL || source->sorted == NULL ||
        source->batch_order == NULL)
        return no_memory(error);
    const size_t train = source->train.longest, valid = source->valid_encoded->longest;
    const size_t longest = train > valid ? train : valid;
    return class_batch_create(source->classifier, source->rows, longest > 0 ? longest : 1,
                              &source->batch, error);
}

/* That of the data, or of both. */
static void make_digest(elman_classifier_source *source, const elman_labelled *data,
                        const elman_labelled *valid) {
    const char *first = elman_labelled_digest(data);
    Digest digest;
    if (valid == NULL) {
        memcpy(source->digest, first, strlen(first) + 1);
        return;
    }
    digest_begin(&digest);
    digest_update(&digest, first, strlen(first));
    digest_update(&digest, elman_labelled_digest(valid), strlen(elman_labelled_digest(valid)));
    digest_end(&digest, source->digest);
}

static elman_status fill(elman_classifier_source *source, const elman_labelled *data,
                         const elman_labelled *valid, elman_error *error) {
    const elman_classifier *classifier = source->classifier;
    const bool opened = classifier->train_count == 0;
    elman_status status =
        split_create(&classifier->context->memory, data, opened ? 0.0 : classifier->valid,
                     classifier->valid_last, classifier->seed, &source->split, error);
    if (status != ELMAN_OK) return status;
    const size_t kept = valid != NULL ? elman_labelled_count(valid) : source->split.valid_count;
    if (!opened &&
        (source->split.train_count != classifier->train_count || kept != classifier->valid_count))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the classifier was made from %zu sequences, these are %zu",
                    classifier->train_count, source->split.train_count);
    if (source->rows > source->split.train_count) source->rows = source->split.train_count;
    status = encode_parts(source, data, valid, error);
    if (status == ELMAN_OK) status = find_rare(source, error);
    if (status == ELMAN_OK) status = make_room(source, error);
    if (status == ELMAN_OK) make_digest(source, data, valid);
    return status;
}

elman_status elman_classifier_source_create(const elman_classifier *classifier,
                                            const elman_labelled *data, const elman_labelled *valid,
                                            size_t batch, uint64_t seed,
                                            elman_classifier_source **result, elman_error *error) {
    *result = NULL;
    if (batch == 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "a batch of 0 sequences, expected one or more");
    elman_classifier_source *source =
        memory_allocate(&classifier->context->memory, sizeof(*source));
    if (source == NULL) return no_memory(error);
    source->classifier = classifier;
    source->rows = batch;
    source->seed = seed;
    const elman_status status = fill(source, data, valid, error);
    if (status == ELMAN_OK)
        *result = source;
    else
        elman_classifier_source_destroy(source);
    return status;
}

void elman_classifier_source_destroy(elman_classifier_source *source) {
    if (source == NULL) return;
    const elman_classifier *classifier = source->classifier;
    Memory *memory = &classifier->context->memory;
    if (source->valid_members != source->split.valid) memory_release(memory, source->valid_members);
    class_batch_release(&source->batch);
    memory_release(memory, source->batch_order);
    memory_release(memory, source->sorted);
    memory_release(memory, source->pool);
    memory_release(memory, source->order);
    memory_release(memory, source->unknown);
    encoded_release(classifier, &source->valid);
    encoded_release(classifier, &source->train);
    split_release(memory, &source->split);
    memory_release(memory, source);
}

elman_source elman_classifier_source_view(elman_classifier_source *source) {
    return (elman_source){.struct_size = sizeof(elman_source),
                          .user = source,
                          .batches = source->batches,
                          .batch = get_batch,
                          .validate = source->classifier->valid_count > 0 ? validate : NULL,
                          .digest = source->digest};
}

static elman_status get_valid(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    elman_classifier_source *source = user;
    const size_t first = (size_t)position * source->rows;
    const size_t left = source->classifier->valid_count - first;
    const size_t rows = left < source->rows ? left : source->rows;
    (void)epoch, (void)error;
    class_batch_fill(&source->batch, source->valid_encoded, source->valid_members + first, rows);
    batch->sequence = source->batch.sequence;
    batch->targets = source->batch.targets;
    return ELMAN_OK;
}

elman_source elman_classifier_source_valid(elman_classifier_source *source) {
    const size_t count = source->classifier->valid_count;
    return (elman_source){.struct_size = sizeof(elman_source),
                          .user = source,
                          .batches = count / source->rows + (count % source->rows != 0),
                          .batch = get_valid};
}

elman_status elman_classifier_source_score(const elman_classifier_source *source,
                                           const elman_network *network, elman_class_score **score,
                                           elman_error *error) {
    const size_t count = source->classifier->valid_count;
    elman_prediction *prediction = NULL;
    *score = NULL;
    elman_status status = predict_members(source->classifier, network, source->valid_encoded,
                                          source->valid_members, count, &prediction, error);
    if (status == ELMAN_OK)
        status = score_members(source->classifier, source->valid_encoded->data,
                               source->valid_members, prediction, score, error);
    elman_prediction_destroy(prediction);
    return status;
}
