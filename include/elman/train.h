/* Training: optimiser steps on batches of the caller's, or a whole run over tokens.
 *
 * A trainer changes the weights of a model in place. It owns the optimiser's state and the compiled
 * network of the moment. The same seed gives the same bits at any thread count. */
#ifndef ELMAN_TRAIN_H
#define ELMAN_TRAIN_H

#include <elman/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_trainer elman_trainer;
typedef struct elman_checkpoint elman_checkpoint;

typedef enum elman_optimizer {
    ELMAN_OPTIMIZER_ADAM,    /* Kingma and Ba, 2015; weight decay is added to the gradient */
    ELMAN_OPTIMIZER_ADAMW,   /* Loshchilov and Hutter, 2019; decoupled weight decay */
    ELMAN_OPTIMIZER_SGD,     /* with momentum, as PyTorch: v = m v + g, w = w - lr v */
    ELMAN_OPTIMIZER_RMSPROP  /* as PyTorch: s = a s + (1-a) g^2, w = w - lr g / (sqrt(s) + eps) */
} elman_optimizer;

typedef enum elman_schedule {
    ELMAN_SCHEDULE_CONSTANT,
    ELMAN_SCHEDULE_STEP,  /* lr * schedule_factor^floor(step / schedule_steps) */
    ELMAN_SCHEDULE_COSINE /* from lr to lr * schedule_factor over schedule_steps, then flat */
} elman_schedule;

typedef struct elman_train_options {
    size_t struct_size; /* sizeof(elman_train_options) */

    elman_optimizer optimizer;
    double learning_rate;   /* above 0 */
    double momentum;        /* SGD and RMSprop; 0: none */
    double beta1, beta2;    /* Adam: 0.9 and 0.999 when 0 */
    double alpha;           /* RMSprop: 0.99 when 0 */
    double epsilon;         /* 1e-8 when 0 */
    double weight_decay;    /* biases and initial states are decayed too, as in PyTorch */
    double clip_norm;       /* gradients are scaled so that their global norm is at most this;
                               0: no clipping */
    double clip_value;      /* each gradient is clipped to +-this first; 0: no clipping */

    elman_schedule schedule;
    uint64_t warmup_steps;   /* the rate grows linearly over the first steps, before the schedule */
    uint64_t schedule_steps; /* STEP: its period; COSINE: its length, 0: the whole run */
    double schedule_factor;  /* STEP: 0.1 when 0 */

    /* What follows matters to elman_trainer_run_tokens alone. */
    uint64_t seed;       /* dropout masks, the order of windows */
    size_t window;       /* steps that the gradient flows back through; 100 when 0 */
    size_t batch;        /* rows; 32 when 0 */
    int independent;     /* zero: the text is cut into `batch` parallel streams that are read window
                            by window, the state carried from one to the next (truncated BPTT).
                            Non-zero: full BPTT over windows in shuffled order, each from the
                            initial state */
    uint64_t epochs;     /* passes over the training part; 0: until max_steps */
    uint64_t max_steps;  /* 0: until `epochs` are done */
    uint64_t patience;   /* stop after so many epochs without a lower validation loss; 0: never */
    uint64_t validate_steps; /* also validate every so many steps; 0: at each epoch's end only */

    const char *checkpoint_path; /* NULL: none is written */
    double checkpoint_seconds;   /* the longest time between two; 0: every step, below 0: never
                                    between epochs */
    const char *description;     /* the caller's JSON object of options, kept in the checkpoint */
} elman_train_options;

/* The text of a run, as tokens. It must stay where it is while the run lasts. */
typedef struct elman_token_data {
    size_t struct_size; /* sizeof(elman_token_data) */
    const int32_t *train;
    size_t train_count;
    const int32_t *valid; /* may be NULL */
    size_t valid_count;
    const char *digest;   /* of the data, kept in the checkpoint */
} elman_token_data;

/* What one optimiser step did. */
typedef struct elman_step_report {
    uint64_t step;            /* 1 for the first */
    uint64_t epoch;           /* 1 for the first; 0 for elman_trainer_step */
    uint64_t total_steps;     /* of the run, 0 when unknown */
    double loss;              /* mean over the batch's predicted steps */
    double learning_rate;
    double gradient_norm;     /* global, before clipping */
    int clipped;
    const double *update_ratio; /* per recurrent layer, then the rest (embedding and head):
                                   |change of the weights| / |weights| */
    size_t update_ratio_count;
    size_t predicted;         /* steps counted in the loss */
    double seconds;           /* spent on this step */
    int validated;            /* non-zero: the two below are of this step */
    double validation_loss;
    double best_validation_loss;
} elman_step_report;

/* Called after each step; a result other than 0 stops the run after a checkpoint. */
typedef int (*elman_step_function)(void *user, const elman_step_report *report);

typedef enum elman_stop {
    ELMAN_STOP_FINISHED,  /* all epochs or steps are done */
    ELMAN_STOP_PATIENCE,  /* the validation loss no longer fell */
    ELMAN_STOP_CANCELLED  /* the callback asked for it */
} elman_stop;

typedef struct elman_train_result {
    elman_stop stop;
    uint64_t steps, epochs;      /* done */
    double train_loss;           /* mean over the last epoch, or what was done of it */
    double validation_loss;      /* of the weights that are kept; NaN without a validation part */
    uint64_t best_step;          /* the step whose weights are kept */
} elman_train_result;

/* Errors: ARGUMENT, MEMORY. The model must outlive the trainer. */
ELMAN_API elman_status elman_trainer_create(elman_model *model, const elman_train_options *options,
                                            elman_trainer **trainer, elman_error *error);
ELMAN_API void elman_trainer_destroy(elman_trainer *trainer);

/* One optimiser step on a batch of the caller's: `tokens` are targets for cross-entropy, `numbers`
 * for mean squared error (one of them is NULL), laid out as for elman_tape_cross_entropy and
 * elman_tape_mean_squared_error. sequence->state may be NULL; `state_out` may be NULL. Errors:
 * ARGUMENT, MEMORY, NOT_FINITE (a loss or a gradient that is not finite: names the step and the
 * tensor; the weights are as before the step). */
ELMAN_API elman_status elman_trainer_step(elman_trainer *trainer, const elman_sequence *sequence,
                                          const int32_t *tokens, const float *numbers,
                                          float *state_out, elman_step_report *report,
                                          elman_error *error);

/* Trains on tokens until the options say stop. With a validation part the weights of the lowest
 * validation loss are put into the model at the end. With a checkpoint_path a checkpoint is written
 * at each epoch's end, when checkpoint_seconds have passed, and before a cancelled run or one that
 * met a number that is not finite returns (with the last good weights); the caller removes it.
 * Errors: as elman_trainer_step, DATA (too short for one window), IO. A cancelled run returns
 * ELMAN_ERR_CANCELLED, its result filled in. */
ELMAN_API elman_status elman_trainer_run_tokens(elman_trainer *trainer,
                                                const elman_token_data *data,
                                                elman_step_function callback, void *user,
                                                elman_train_result *result, elman_error *error);

/* The mean loss in nats of a model on tokens: one sequence from the initial state, every token
 * after the first predicted. The figure does not depend on batch, window or threads. */
ELMAN_API elman_status elman_evaluate_tokens(const elman_network *network, const int32_t *tokens,
                                             size_t count, elman_loss *loss, elman_error *error);

/* Reads a checkpoint. Errors: IO, FORMAT, MEMORY. */
ELMAN_API elman_status elman_checkpoint_open(elman_context *context, const char *path,
                                             elman_checkpoint **checkpoint, elman_error *error);
ELMAN_API void elman_checkpoint_close(elman_checkpoint *checkpoint);

/* The description and the digest it was written with, and the steps done. */
ELMAN_API const char *elman_checkpoint_description(const elman_checkpoint *checkpoint);
ELMAN_API const char *elman_checkpoint_digest(const elman_checkpoint *checkpoint);
ELMAN_API uint64_t elman_checkpoint_step(const elman_checkpoint *checkpoint);

/* Puts a trainer (fresh, made with the same options for a model of the same shape) where the
 * checkpoint's was: weights, optimiser, position, carried state, best so far. The run that follows
 * gives the bits that an uninterrupted one would have given. Errors: MISMATCH, MEMORY. */
ELMAN_API elman_status elman_trainer_restore(elman_trainer *trainer,
                                             const elman_checkpoint *checkpoint,
                                             elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
