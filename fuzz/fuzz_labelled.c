/* Fuzz target: the readers of labelled sequences, and the vocabularies of words. No input may crash
 * them, leak or take more memory than its size explains; what is accepted can be asked for. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "data/words.h"
#include <elman/labelled.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_sequence(const elman_labelled *data, size_t index) {
    const elman_labelled_kind kind = elman_labelled_get_kind(data);
    const size_t length = elman_labelled_length(data, index);
    const int32_t labels = (int32_t)elman_labelled_label_count(data);
    const char *const text = elman_labelled_text(data, index);
    const float *const values = elman_labelled_values(data, index);
    check(elman_labelled_label(data, index) >= -1 && elman_labelled_label(data, index) < labels,
          "a label is one of those");
    check(strlen(elman_labelled_id(data, index)) > 0, "an id is not empty");
    check(elman_labelled_line(data, index) >= 1, "lines begin with 1");
    check(kind == ELMAN_LABELLED_TEXT || length >= 1, "a sequence has a step");
    if (kind == ELMAN_LABELLED_TEXT) check(text && strlen(text) == length, "a text has its length");
    for (size_t i = 0; i < elman_labelled_features(data) * length; i++)
        check(isfinite(values[i]), "numbers are finite");
    for (size_t t = 0; kind == ELMAN_LABELLED_TOKENS && t < length; t++) {
        const int32_t label = elman_labelled_labels(data, index)[t];
        check(label >= -1 && label < labels, "the label of a token is one of those");
        check(strlen(elman_labelled_token(data, index, t)) > 0, "a token is not empty");
    }
}

static void read_as(const uint8_t *bytes, size_t size, const elman_labelled_options *options) {
    /* A table's buffers have a first size of their own; gzip may unpack to a thousand times. */
    Budget budget = {.most = ((size_t)64 << 20) + 4096 * size, .bytes = 0};
    const elman_context_options given = {
        .struct_size = sizeof given, .threads = 1, .allocator = budget_allocator(&budget)};
    elman_context *context;
    elman_labelled *data = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(elman_context_create(&given, &context, NULL) == ELMAN_OK, "there is a context");
    const elman_status status =
        elman_labelled_from_memory(context, "x", bytes, size, options, &data, &error);
    if (status) {
        check(!data && error.status == status && error.message[0] != '\0', "a refusal says why");
    } else {
        check(elman_labelled_count(data) >= 1, "there is a sequence");
        for (size_t i = 0; i < elman_labelled_count(data); i++) check_sequence(data, i);
    }
    elman_labelled_destroy(data);
    elman_context_destroy(context);
    budget_check(&budget);
}

/* As a vocabulary of words, and, where that can be, as a text made of its words. */
static void read_words(const uint8_t *bytes, size_t size) {
    Budget budget = {.most = ((size_t)1 << 20) + 1024 * size, .bytes = 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    WordVocabulary *vocabulary;
    WordTokens tokens = {NULL, 0, 0, 0};
    memory_init(&memory, &allocator);
    if (word_vocabulary_from_bytes(&memory, bytes, size, false, &vocabulary, NULL)) return;
    size_t kept;
    const char *const text = word_vocabulary_bytes(vocabulary, &kept);
    check(kept == size && memcmp(text, bytes, size) == 0, "a vocabulary gives back its bytes");
    if (words_check(true, false, NULL) == ELMAN_OK) {
        check(word_vocabulary_encode(vocabulary, text, kept, &tokens, NULL) == ELMAN_OK,
              "its words are a text");
        for (size_t i = 0; i < tokens.count; i++)
            check(tokens.tokens[i] >= 0 &&
                      (size_t)tokens.tokens[i] < word_vocabulary_size(vocabulary),
                  "tokens are within the vocabulary");
    }
    memory_release(&memory, tokens.tokens);
    word_vocabulary_destroy(vocabulary);
    budget_check(&budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const elman_labelled_options as[] = {
        {.struct_size = sizeof *as},
        {.struct_size = sizeof *as,
         .need = ELMAN_LABELS_OPTIONAL,
         .interpolate = 1,
         .step_features = 2},
        {.struct_size = sizeof *as, .kind = ELMAN_LABELLED_TEXT, .need = ELMAN_LABELS_OPTIONAL},
        {.struct_size = sizeof *as, .kind = ELMAN_LABELLED_TOKENS, .need = ELMAN_LABELS_OPTIONAL},
    };
    for (size_t i = 0; i < sizeof as / sizeof *as; i++) read_as(bytes, size, &as[i]);
    read_words(bytes, size);
    return 0;
}
