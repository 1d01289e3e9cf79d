/* What evaluations of a text have in common. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include <elman/train.h>

/* Whether a network can predict these tokens. Errors: ARGUMENT, DATA, UNSUPPORTED, in the name of
 * `function`. */
elman_status evaluate_check(const elman_network *network, const int32_t *tokens, size_t count,
                            const char *function, elman_error *error);

#endif
