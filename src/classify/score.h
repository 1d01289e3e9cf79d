/* How often predicted labels are right. */
#ifndef CLASSIFY_SCORE_H
#define CLASSIFY_SCORE_H

#include "classify/predict.h"
#include "classify/spans.h"

struct elman_class_score {
    elman_context *context;
    const elman_classifier *classifier; /* while it is made */
    size_t labels;
    size_t *confusion; /* [labels][labels]: actual, predicted */
    size_t count, right, majority_right, word_right;
    double log_loss; /* the sum */
    bool tagger;
    SpanScore spans;
};

/* Scores a prediction of the sequences `members` of the data. Errors: DATA, MEMORY. */
elman_status score_members(const elman_classifier *classifier, const elman_labelled *data,
                           const uint32_t *members, const elman_prediction *prediction,
                           elman_class_score **score, elman_error *error);

#endif
