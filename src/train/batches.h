/* From the tokens of a text to the batches of each optimiser step. */
#ifndef TRAIN_BATCHES_H
#define TRAIN_BATCHES_H

#include "core/memory.h"
#include <elman/train.h>

/* Truncated: row r reads tokens [r * length, (r + 1) * length), and batch k of an epoch has steps
 * [k * window, (k + 1) * window) of every row. Independent: the text is cut into windows, the last
 * one shorter, and an epoch goes through them in an order of its own. Every input's target is the
 * token after it. */
typedef struct Batches {
    const int32_t *tokens;
    size_t window, rows; /* the largest batch */
    int independent;
    uint64_t seed;
    size_t per_epoch; /* batches */
    size_t length;    /* truncated: tokens of a row; independent: inputs of the text */
    size_t windows;   /* independent: of the text */
    size_t *order;    /* [windows], of epoch `ordered` */
    uint64_t ordered;
    int32_t *inputs, *targets; /* [window][rows] */
    size_t *lengths;           /* [rows] */
} Batches;

/* Whatever the result, batches_release may follow. Errors: DATA (too short for one window, with the
 * length needed), MEMORY. */
elman_status batches_init(Batches *batches, Memory *memory, const elman_train_options *options,
                          const int32_t *tokens, size_t count, elman_error *error);
void batches_release(Batches *batches, Memory *memory);

/* Batch `position` < per_epoch of epoch `epoch` (1 for the first): fills in steps, batch, tokens
 * and lengths of `sequence` and returns the targets, laid out as its tokens. */
const int32_t *batches_get(Batches *batches, uint64_t epoch, size_t position,
                           elman_sequence *sequence);

#endif
