/* What a network says of sequences. */
#ifndef CLASSIFY_PREDICT_H
#define CLASSIFY_PREDICT_H

#include "classify/batch.h"

struct elman_prediction {
    elman_context *context;
    size_t labels, count;
    size_t *first;        /* [count + 1]: of its rows of probabilities */
    float *probabilities; /* [first[count]][labels] */
    size_t cut, tokens, unknown;
};

/* Predicts the sequences `members` [count] of encoded data: number i of the prediction is
 * members[i]. Errors: MISMATCH, MEMORY. */
elman_status predict_members(const elman_classifier *classifier, const elman_network *network,
                             const Encoded *encoded, const uint32_t *members, size_t count,
                             elman_prediction **prediction, elman_error *error);

#endif
