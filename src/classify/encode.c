/* Encodes texts and tokens. */
#include "classify/encode.h"

#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include "data/characters.h"

enum { ENDING_CHARACTERS = 3 };

typedef enum Shape { SHAPE_PLAIN, SHAPE_CAPITAL, SHAPE_DIGIT } Shape;

bool token_is_unknown(const elman_classifier *classifier, int32_t token) {
    if (token == WORD_UNKNOWN) return true;
    return classifier->words != NULL && (size_t)token >= word_vocabulary_size(classifier->words);
}

const char *word_ending(const char *word) {
    const char *at = word + strlen(word);
    for (int characters = 0; at > word && characters < ENDING_CHARACTERS; characters++) {
        at--;
        /* Bytes 10xxxxxx go on with a character of UTF-8. */
        while (at > word && ((unsigned char)*at & 0xC0) == 0x80) at--;
    }
    return at;
}

static Shape word_shape(const char *word) {
    if (strpbrk(word, "0123456789") != NULL) return SHAPE_DIGIT;
    return *word >= 'A' && *word <= 'Z' ? SHAPE_CAPITAL : SHAPE_PLAIN;
}

elman_status encode_unknown(const elman_classifier *classifier, const char *word, int32_t *token,
                            elman_error *error) {
    *token = WORD_UNKNOWN;
    if (classifier->endings == NULL) return ELMAN_OK;
    const char *ending = word_ending(word);
    int32_t number;
    const elman_status status =
        word_vocabulary_token(classifier->endings, ending, strlen(ending), &number, error);
    if (status != ELMAN_OK) return status;
    const size_t words = word_vocabulary_size(classifier->words);
    const size_t endings = word_vocabulary_size(classifier->endings);
    *token = (int32_t)(words + (size_t)word_shape(word) * endings + (size_t)number);
    return ELMAN_OK;
}

static elman_status no_memory(elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "no memory for the tokens of the data");
}

/* Room for `more` tokens behind those that are there. */
static int32_t *make_room(const elman_classifier *classifier, Encoded *encoded, size_t more) {
    int32_t *tokens = memory_grow(&classifier->context->memory, encoded->tokens,
                                  encoded->token_count, more, &encoded->capacity, sizeof(int32_t));
    if (tokens == NULL) return NULL;
    encoded->tokens = tokens;
    return tokens + encoded->token_count;
}

static elman_status encode_characters(const elman_classifier *classifier, Encoded *encoded,
                                      size_t index, size_t most, elman_error *error) {
    const char *text = elman_labelled_text(encoded->data, index);
    const size_t size = elman_labelled_length(encoded->data, index);
    int32_t *tokens = make_room(classifier, encoded, size > 0 ? size : 1);
    size_t length = 0, at = 0;
    if (tokens == NULL) return no_memory(error);
    while (at < size && length < most) {
        int32_t character;
        const size_t bytes =
            character_decode((const unsigned char *)text + at, size - at, &character);
        at += bytes > 0 ? bytes : 1;
        (void)elman_vocabulary_encode(classifier->characters, &character, bytes > 0,
                                      &tokens[length++]);
    }
    if (length == 0) tokens[length++] = ELMAN_TOKEN_UNKNOWN; /* of an empty text */
    encoded->cut += at < size;
    encoded->lengths[index] = length;
    return ELMAN_OK;
}

static elman_status encode_words(const elman_classifier *classifier, Encoded *encoded, size_t index,
                                 size_t most, WordTokens *found, elman_error *error) {
    elman_status status =
        word_vocabulary_encode(classifier->words, elman_labelled_text(encoded->data, index),
                               elman_labelled_length(encoded->data, index), found, error);
    if (status != ELMAN_OK) return status;
    const size_t length = found->count < most ? found->count : most;
    int32_t *tokens = make_room(classifier, encoded, length);
    if (tokens == NULL) return no_memory(error);
    memcpy(tokens, found->tokens, length * sizeof(int32_t));
    encoded->cut += length < found->count;
    encoded->lengths[index] = length;
    return ELMAN_OK;
}

static elman_status encode_tokens(const elman_classifier *classifier, Encoded *encoded,
                                  size_t index, size_t most, elman_error *error) {
    const size_t all = elman_labelled_length(encoded->data, index);
    const size_t length = all < most ? all : most;
    int32_t *tokens = make_room(classifier, encoded, length);
    if (tokens == NULL) return no_memory(error);
    for (size_t step = 0; step < length; step++) {
        const char *word = elman_labelled_token(encoded->data, index, step);
        elman_status status =
            word_vocabulary_token(classifier->words, word, strlen(word), &tokens[step], error);
        if (status == ELMAN_OK && tokens[step] == WORD_UNKNOWN)
            status = encode_unknown(classifier, word, &tokens[step], error);
        if (status != ELMAN_OK) return status;
    }
    encoded->cut += length < all;
    encoded->lengths[index] = length;
    return ELMAN_OK;
}

static elman_status encode_one(const elman_classifier *classifier, Encoded *encoded, size_t index,
                               size_t most, WordTokens *found, elman_error *error) {
    if (classifier->kind == ELMAN_LABELLED_TOKENS)
        return encode_tokens(classifier, encoded, index, most, error);
    if (classifier->kind == ELMAN_LABELLED_TEXT)
        return classifier->words != NULL
                   ? encode_words(classifier, encoded, index, most, found, error)
                   : encode_characters(classifier, encoded, index, most, error);
    const size_t length = elman_labelled_length(encoded->data, index);
    encoded->lengths[index] = length < most ? length : most;
    encoded->cut += length > most;
    return ELMAN_OK;
}

elman_status encode(const elman_classifier *classifier, const elman_labelled *data, bool whole,
                    Encoded *encoded, elman_error *error) {
    Memory *memory = &classifier->context->memory;
    const size_t count = elman_labelled_count(data);
    const size_t most = whole || classifier->max_length == 0 ? SIZE_MAX : classifier->max_length;
    WordTokens found = {0};
    *encoded = (Encoded){.data = data, .count = count};
    elman_status status = classifier_check_data(classifier, data, error);
    if (status != ELMAN_OK) return status;
    encoded->lengths = memory_allocate_array(memory, count, sizeof(size_t));
    encoded->first = memory_allocate_array(memory, count, sizeof(size_t));
    if (encoded->lengths == NULL || encoded->first == NULL) return no_memory(error);
    for (size_t i = 0; i < count && status == ELMAN_OK; i++) {
        encoded->first[i] = encoded->token_count;
        status = encode_one(classifier, encoded, i, most, &found, error);
        if (status != ELMAN_OK) break;
        const size_t length = encoded->lengths[i];
        if (length > encoded->longest) encoded->longest = length;
        if (encoded->tokens == NULL) continue;
        for (size_t step = 0; step < length; step++)
            encoded->unknown +=
                token_is_unknown(classifier, encoded->tokens[encoded->token_count + step]);
        encoded->token_count += length;
    }
    memory_release(memory, found.tokens);
    return status;
}

void encoded_release(const elman_classifier *classifier, Encoded *encoded) {
    Memory *memory = &classifier->context->memory;
    memory_release(memory, encoded->tokens);
    memory_release(memory, encoded->first);
    memory_release(memory, encoded->lengths);
    *encoded = (Encoded){0};
}
