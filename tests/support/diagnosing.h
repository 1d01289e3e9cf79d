/* A diagnosis in the making, over a sequence that a test gives: its parts can be called alone. */
#ifndef SUPPORT_DIAGNOSING_H
#define SUPPORT_DIAGNOSING_H

#include "diagnose/diagnosis.h"
#include "support/passes.h"

typedef struct DiagnosingCase {
    Diagnosing d;
    size_t *lengths;
    int32_t *classes; /* targets, all of them 0 */
} DiagnosingCase;

/* The sequence and the model must outlive it. A failure fails the test. */
DiagnosingCase open_diagnosing(const elman_model *model, const elman_sequence *sequence,
                               size_t lags);
void close_diagnosing(DiagnosingCase *made);

/* Runs a part of a diagnosis, of networks of `even` and `odd` by turns, with the first, the second,
 * ... allocation failing until none does: each time an error with a sentence, and nothing left. */
void fail_each_allocation_of_part(elman_status (*measure)(Diagnosing *d, elman_error *error),
                                  const NetworkSpec *even, const NetworkSpec *odd);

/* The same of a whole diagnosis of one network, which a failure leaves NULL. */
void fail_each_allocation_of_diagnosis(elman_status (*diagnose)(const elman_model *model,
                                                                elman_diagnosis **diagnosis),
                                       const NetworkSpec *spec);

/* A tensor of a model. */
elman_tensor tensor_of(const elman_model *model, const char *name);

#endif
