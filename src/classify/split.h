/* Which sequences are learnt from, and which are kept for validation. */
#ifndef CLASSIFY_SPLIT_H
#define CLASSIFY_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/memory.h"
#include <elman/labelled.h>

typedef struct Split {
    uint32_t *train, *valid; /* ascending */
    size_t train_count, valid_count;
} Split;

/* Splits as elman_classifier_options says. Whatever the result, split_release may follow. Errors:
 * DATA (nothing left for one of the parts), MEMORY. */
elman_status split_create(Memory *memory, const elman_labelled *data, double valid, bool last,
                          uint64_t seed, Split *split, elman_error *error);
void split_release(Memory *memory, Split *split);

#endif
