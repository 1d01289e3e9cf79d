/* What a trainer holds; see elman/train.h for what it promises. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include <stdbool.h>

#include "train/optimizer.h"

/* Where a run stands. Everything here goes into a checkpoint. */
typedef struct TrainProgress {
    uint64_t step;     /* steps done */
    uint64_t epoch;    /* of the last step; 0 before the first */
    uint64_t position; /* steps done in that epoch */
    double loss_sum;   /* of that epoch, over its predicted steps */
    uint64_t loss_count;
    double best_loss; /* lowest validation loss, infinite before the first */
    uint64_t best_step, best_epoch;
    bool of_source;                    /* the batches are a caller's source's, not made of tokens */
    uint64_t train_count, valid_count; /* tokens of the run, or of a source its batches an epoch and
                                          whether it validates (1, 0); 0 before it began */
} TrainProgress;

struct elman_trainer {
    elman_context *context;
    elman_model *model;
    elman_train_options options; /* the strings are copies */
    char *checkpoint_path, *description;
    elman_network *network;
    elman_tape *tape; /* NULL before the first step */
    size_t tape_steps, tape_batch;
    Optimizer optimizer;

    bool without_dropout;
    bool running; /* owned by a run; else by elman_trainer_step */
    TrainProgress progress;
    bool is_not_finite;          /* the last step, or the validation after it, failed so: */
    elman_not_finite not_finite; /* where */
    char *digest;                /* of the run's data; NULL before it began */
    float *state;                /* carried from window to window; NULL before it is needed */
    float *next_state;           /* where a step leaves it */
    size_t state_size;           /* floats in each of them */
    bool state_carried;          /* false: the next window starts from the initial state */
    float *best;    /* a block of the optimiser's: the weights of best_step; NULL: none yet */
    float *average; /* another: the running mean of the weights; NULL: none is kept */
};

/* One optimiser step; state_out as for elman_trainer_step. `total` is the number of steps of the
 * run, 0 when there is none. When it fails, weights and progress are as before the step. */
elman_status trainer_take_step(elman_trainer *trainer, const elman_sequence *sequence,
                               const elman_targets *targets, float *state_out, uint64_t total,
                               elman_step_report *report, elman_error *error);

/* Makes the trainer's that of a run: room, when `carried`, for the state of the option's `batch`
 * rows, when `validated` for the best weights, and for their running mean if the options want one,
 * which begins as the weights are before the first step. May be called again. Errors: MEMORY. */
elman_status trainer_begin_run(elman_trainer *trainer, bool carried, bool validated,
                               elman_error *error);

/* Notes that it was the loss of a step, or of the validation after it, that is not finite. */
void trainer_note_loss(elman_trainer *trainer, uint64_t step);

/* Seconds since some moment; for intervals. */
double trainer_clock(void);

#endif
