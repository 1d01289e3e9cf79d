/* A run: epochs over batches, wherever they come from, with validation, early stopping, checkpoints
 * and cancellation. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/trainer.h"

/* Where the batches of a run come from. */
typedef struct RunSource {
    bool tokens;        /* of elman_trainer_run_tokens; else of elman_trainer_run */
    bool carried;       /* a batch goes on from the state behind the one before, but for the first
                           of an epoch */
    bool validated;     /* `validate` may be called */
    uint64_t per_epoch; /* batches, at least 1 */
    uint64_t train_count, valid_count; /* as in TrainProgress */
    const char *digest;                /* of the data; NULL: "" */
    void *user;                        /* the first argument of both functions */
    elman_status (*batch)(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                          elman_error *error);
    elman_status (*validate)(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error);
} RunSource;

/* Whether the trainer can run at all, and whether a digest can be kept; `function` is the public
 * one that asks. Errors: ARGUMENT. */
elman_status run_check(const elman_trainer *trainer, const char *function, elman_error *error);
elman_status run_check_digest(const char *digest, const char *function, elman_error *error);

/* Runs until the options say stop; what it promises is in elman/train.h. */
elman_status run_batches(elman_trainer *trainer, const RunSource *source,
                         elman_step_function callback, void *user, elman_train_result *result,
                         elman_error *error);

#endif
