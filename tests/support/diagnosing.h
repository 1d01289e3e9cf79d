/* A diagnosis in the making, over a sequence that a test gives: its parts can be called alone. */
#ifndef SUPPORT_DIAGNOSING_H
#define SUPPORT_DIAGNOSING_H

#include "diagnose/diagnosis.h"

typedef struct DiagnosingCase {
    Diagnosing d;
    size_t *lengths;
    int32_t *classes; /* targets, all of them 0 */
} DiagnosingCase;

/* The sequence and the model must outlive it. A failure fails the test. */
DiagnosingCase open_diagnosing(const elman_model *model, const elman_sequence *sequence,
                               size_t lags);
void close_diagnosing(DiagnosingCase *made);

/* A tensor of a model. */
elman_tensor tensor_of(const elman_model *model, const char *name);

#endif
