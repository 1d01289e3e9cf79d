/* Losses of one position of the output; elman/loss.h says what each is. */
#ifndef MODEL_LOSS_H
#define MODEL_LOSS_H

#include <elman/loss.h>

/* Checks what concerns the loss alone, not the targets: the kind, the parameters that it reads, the
 * arrays that it needs, and that an output of `width` numbers suits it. Errors: ARGUMENT. */
elman_status loss_check(const elman_targets *targets, size_t width, elman_error *error);

#endif
