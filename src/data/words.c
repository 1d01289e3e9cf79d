/* Counts words and makes vocabularies of them. */
#include "data/words.h"

#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include "core/utf8.h"
#include "data/names.h"
#include "data/word_cut.h"
#include "formats/order.h"

static const char unknown_word[] = "\xEF\xBF\xBD";

struct WordCounter {
    WordCutter cutter;
    Names words;
};

struct WordVocabulary {
    WordCutter cutter;
    Names words; /* word i is token i + 1 */
    char *bytes; /* [size] */
    size_t size;
};

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for a vocabulary of words");
}

elman_status word_counter_create(Memory *memory, bool fold, WordCounter **out, elman_error *error) {
    *out = NULL;
    const elman_status status = words_check(false, fold, error);
    if (status) return status;
    WordCounter *const counter = memory_allocate(memory, sizeof *counter);
    if (!counter) return no_memory(error);
    counter->cutter = (WordCutter){.memory = memory, .fold = fold};
    counter->words.memory = memory;
    *out = counter;
    return ELMAN_OK;
}

void word_counter_destroy(WordCounter *counter) {
    if (!counter) return;
    Memory *const memory = counter->cutter.memory;
    word_cutter_release(&counter->cutter);
    names_release(&counter->words);
    memory_release(memory, counter);
}

elman_status word_counter_add_word(WordCounter *counter, const char *word, size_t size,
                                   elman_error *error) {
    Span span = {word, size};
    size_t index;
    const elman_status status = word_cutter_fold(&counter->cutter, &span, error);
    if (status || span.size == 0 || span.size > WORD_BYTES_MAX) return status;
    return names_add(&counter->words, span.text, span.size, &index) ? ELMAN_OK : no_memory(error);
}

elman_status word_counter_add_text(WordCounter *counter, const char *text, size_t size,
                                   elman_error *error) {
    Span word;
    elman_status status = word_cutter_begin(&counter->cutter, text, size, error);
    while (!status && word_cutter_next(&counter->cutter, &word))
        status = word_counter_add_word(counter, word.text, word.size, error);
    return status;
}

static elman_status create(Memory *memory, bool fold, WordVocabulary **out, elman_error *error) {
    *out = memory_allocate(memory, sizeof **out);
    if (!*out) return no_memory(error);
    (*out)->cutter = (WordCutter){.memory = memory, .fold = fold};
    (*out)->words.memory = memory;
    return ELMAN_OK;
}

static int compare_counts(const void *elements, uint32_t a, uint32_t b) {
    const Names *const words = elements;
    const uint64_t one = words->entries[a].added, other = words->entries[b].added;
    if (one != other) return one > other ? -1 : 1;
    return names_compare(words, a, b);
}

/* Takes the first `most` words of `order` that occur often enough. */
static elman_status take(WordVocabulary *vocabulary, const Names *words, const uint32_t *order,
                         uint64_t min_count, size_t most, elman_error *error) {
    for (size_t i = 0; i < most && words->entries[order[i]].added >= min_count; i++) {
        size_t index;
        const Name *const word = &words->entries[order[i]];
        if (!names_add(&vocabulary->words, words->bytes + word->offset, word->size, &index))
            return no_memory(error);
        vocabulary->size += word->size + (i > 0);
    }
    if (vocabulary->words.count == 0)
        return fail(error, ELMAN_ERR_DATA,
                    "no word occurs often enough to make a vocabulary of (%zu different ones, "
                    "at least %llu times expected)",
                    words->count, (unsigned long long)min_count);
    vocabulary->bytes = memory_allocate(vocabulary->cutter.memory, vocabulary->size);
    if (!vocabulary->bytes) return no_memory(error);
    char *at = vocabulary->bytes;
    for (size_t i = 0; i < vocabulary->words.count; i++) {
        if (i > 0) *at++ = '\n';
        memcpy(at, names_text(&vocabulary->words, i), vocabulary->words.entries[i].size);
        at += vocabulary->words.entries[i].size;
    }
    return ELMAN_OK;
}

elman_status word_vocabulary_create(const WordCounter *counter, uint64_t min_count,
                                    size_t max_words, WordVocabulary **out, elman_error *error) {
    Memory *const memory = counter->cutter.memory;
    const size_t count = counter->words.count;
    const size_t most = max_words > 0 && max_words < count ? max_words : count;
    *out = NULL;
    WordVocabulary *vocabulary;
    elman_status status = create(memory, counter->cutter.fold, &vocabulary, error);
    if (status) return status;
    uint32_t *const order = memory_allocate_array(memory, count, sizeof *order);
    if (order) {
        order_sort(order, count, compare_counts, &counter->words);
        status = take(vocabulary, &counter->words, order, min_count, most, error);
    } else {
        status = no_memory(error);
    }
    memory_release(memory, order);
    if (status)
        word_vocabulary_destroy(vocabulary);
    else
        *out = vocabulary;
    return status;
}

static elman_status check_word(const char *word, size_t size, size_t token, elman_error *error) {
    if (size == 0 || size > WORD_BYTES_MAX)
        return fail(error, ELMAN_ERR_FORMAT, "vocabulary: word %zu has %zu bytes, expected 1 to %d",
                    token, size, WORD_BYTES_MAX);
    for (size_t at = 0; at < size;) {
        const size_t length = utf8_length(word + at, size - at);
        if (length == 0 || word[at] == '\0')
            return fail(error, ELMAN_ERR_FORMAT, "vocabulary: word %zu is no text in UTF-8", token);
        at += length;
    }
    return ELMAN_OK;
}

static elman_status parse(WordVocabulary *vocabulary, elman_error *error) {
    Span rest = {vocabulary->bytes, vocabulary->size}, word;
    for (size_t token = 1; span_cut(&rest, '\n', &word); token++) {
        size_t index;
        const elman_status status = check_word(word.text, word.size, token, error);
        if (status) return status;
        if (!names_add(&vocabulary->words, word.text, word.size, &index)) return no_memory(error);
        if (index + 1 != token)
            return fail(error, ELMAN_ERR_FORMAT, "vocabulary: words %zu and %zu are the same",
                        index + 1, token);
    }
    return ELMAN_OK;
}

elman_status word_vocabulary_from_bytes(Memory *memory, const void *bytes, size_t size, bool fold,
                                        WordVocabulary **out, elman_error *error) {
    WordVocabulary *vocabulary;
    *out = NULL;
    elman_status status = words_check(false, fold, error);
    if (!status) status = create(memory, fold, &vocabulary, error);
    if (status) return status;
    vocabulary->bytes = memory_allocate(memory, size);
    vocabulary->size = size;
    if (vocabulary->bytes) {
        if (size > 0) memcpy(vocabulary->bytes, bytes, size);
        status = parse(vocabulary, error);
    } else {
        status = no_memory(error);
    }
    if (status)
        word_vocabulary_destroy(vocabulary);
    else
        *out = vocabulary;
    return status;
}

void word_vocabulary_destroy(WordVocabulary *vocabulary) {
    if (!vocabulary) return;
    Memory *const memory = vocabulary->cutter.memory;
    word_cutter_release(&vocabulary->cutter);
    names_release(&vocabulary->words);
    memory_release(memory, vocabulary->bytes);
    memory_release(memory, vocabulary);
}

const char *word_vocabulary_bytes(const WordVocabulary *vocabulary, size_t *size) {
    *size = vocabulary->size;
    return vocabulary->bytes;
}

size_t word_vocabulary_size(const WordVocabulary *vocabulary) {
    return vocabulary->words.count + 1;
}

const char *word_vocabulary_word(const WordVocabulary *vocabulary, int32_t token) {
    if (token < 1 || (size_t)token > vocabulary->words.count) return unknown_word;
    return names_text(&vocabulary->words, (size_t)token - 1);
}

elman_status word_vocabulary_token(WordVocabulary *vocabulary, const char *word, size_t size,
                                   int32_t *token, elman_error *error) {
    Span span = {word, size};
    size_t index;
    *token = WORD_UNKNOWN;
    const elman_status status = word_cutter_fold(&vocabulary->cutter, &span, error);
    if (!status && names_find(&vocabulary->words, span.text, span.size, &index))
        *token = (int32_t)index + 1;
    return status;
}

static elman_status append(WordVocabulary *vocabulary, int32_t token, WordTokens *tokens,
                           elman_error *error) {
    int32_t *const larger = memory_grow(vocabulary->cutter.memory, tokens->tokens, tokens->count, 1,
                                        &tokens->capacity, sizeof *larger);
    if (!larger) return no_memory(error);
    tokens->tokens = larger;
    tokens->tokens[tokens->count++] = token;
    tokens->unknown += token == WORD_UNKNOWN;
    return ELMAN_OK;
}

elman_status word_vocabulary_encode(WordVocabulary *vocabulary, const char *text, size_t size,
                                    WordTokens *tokens, elman_error *error) {
    Span word;
    tokens->count = tokens->unknown = 0;
    elman_status status = word_cutter_begin(&vocabulary->cutter, text, size, error);
    while (!status && word_cutter_next(&vocabulary->cutter, &word)) {
        int32_t token;
        status = word_vocabulary_token(vocabulary, word.text, word.size, &token, error);
        if (!status) status = append(vocabulary, token, tokens, error);
    }
    if (!status && tokens->count == 0) status = append(vocabulary, WORD_UNKNOWN, tokens, error);
    return status;
}
