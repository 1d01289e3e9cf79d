/* What a classifier holds; see elman/classify.h. */
#ifndef CLASSIFY_CLASSIFIER_H
#define CLASSIFY_CLASSIFIER_H

#include <stdbool.h>

#include "context/context.h"
#include "data/names.h"
#include "data/words.h"
#include <elman/classify.h>

enum {
    LABELS_MAX = 4096,
    ENDING_SHAPES = 3 /* of unknown words: plain, with a capital letter in front, with a digit */
};

/* A number x is read as (x - mean) / deviation. */
typedef struct FeatureScale {
    double mean, deviation; /* deviation is above 0 */
} FeatureScale;

struct elman_classifier {
    elman_context *context;
    elman_labelled_kind kind;
    bool tagger; /* kind is TOKENS */
    size_t max_length;

    size_t features;     /* NUMBERS */
    FeatureScale *scale; /* [features] */

    elman_text_unit unit; /* TEXT */
    bool fold;
    elman_vocabulary *characters; /* of unit CHARACTERS */
    WordVocabulary *words;        /* of unit WORDS, and TOKENS */
    WordVocabulary *endings;      /* of unknown words; NULL: they are all the same */
    int32_t *word_labels; /* tagger: [words] the label that each had most often; the first of equals
                             (and the most frequent of all for unknown ones) */

    Names labels;
    uint64_t *label_counts; /* [labels] */

    /* How the data were read, to read others in the same way. */
    char *text_column, *label_column, *id_column; /* NULL: there is none */
    Names columns;

    /* Of its making. */
    double valid;
    bool valid_last;
    uint64_t seed;
    float *weights; /* [labels] of the loss; NULL: 1 */
    size_t train_count, valid_count, longest, cut;
    double unknown_share;
};

/* An empty one; NULL: no memory. */
elman_classifier *classifier_new(elman_context *context);

/* The label that is most frequent, the first of equals. */
size_t classifier_majority(const elman_classifier *classifier);

/* How many tokens there are; 0 for numbers. */
size_t classifier_vocabulary(const elman_classifier *classifier);

/* Whether `data` are of its kind. Errors: MISMATCH. */
elman_status classifier_check_data(const elman_classifier *classifier, const elman_labelled *data,
                                   elman_error *error);

/* Whether a model of this shape is what the classifier needs. Errors: MISMATCH. */
elman_status classifier_check_model(const elman_classifier *classifier, elman_input input,
                                    size_t input_size, size_t outputs, elman_output output,
                                    elman_error *error);

#endif
