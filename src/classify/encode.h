/* Sequences as a model reads them: texts and tokens become numbers of a vocabulary. */
#ifndef CLASSIFY_ENCODE_H
#define CLASSIFY_ENCODE_H

#include "classify/classifier.h"

/* A data set. Zero is an empty one. */
typedef struct Encoded {
    const elman_labelled *data;
    size_t count;
    size_t *lengths; /* [count] steps; of a cut sequence what is left */
    int32_t *tokens; /* NULL: numbers, which stay where they are */
    size_t *first;   /* [count] of its tokens */
    size_t capacity; /* of tokens */
    size_t longest, cut;
    size_t token_count, unknown; /* tokens, and how many of them are unknown */
} Encoded;

/* Encodes all sequences; `whole`: none is cut. Whatever the result, encoded_release may follow.
 * Errors: MISMATCH, UNSUPPORTED, MEMORY. */
elman_status encode(const elman_classifier *classifier, const elman_labelled *data, bool whole,
                    Encoded *encoded, elman_error *error);
void encoded_release(const elman_classifier *classifier, Encoded *encoded);

/* Whether a token stands for words that the vocabulary does not have. */
bool token_is_unknown(const elman_classifier *classifier, int32_t token);

/* The token of a word if it were unknown. Errors: MEMORY. */
elman_status encode_unknown(const elman_classifier *classifier, const char *word, int32_t *token,
                            elman_error *error);

/* How a word ends: its last three characters, or all of it. */
const char *word_ending(const char *word);

#endif
