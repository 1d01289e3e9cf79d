/* Training: optimiser steps on batches of the caller's, or a whole run over tokens or a source.
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
    ELMAN_OPTIMIZER_ADAM,   /* Kingma and Ba, 2015; weight decay is added to the gradient */
    ELMAN_OPTIMIZER_ADAMW,  /* Loshchilov and Hutter, 2019; decoupled weight decay */
    ELMAN_OPTIMIZER_SGD,    /* with momentum, as PyTorch: v = m v + g, w = w - lr v */
    ELMAN_OPTIMIZER_RMSPROP /* as PyTorch: s = a s + (1-a) g^2, w = w - lr g / (sqrt(s) + eps) */
} elman_optimizer;

typedef enum elman_schedule {
    ELMAN_SCHEDULE_CONSTANT,
    ELMAN_SCHEDULE_STEP,  /* lr * schedule_factor^floor(step / schedule_steps) */
    ELMAN_SCHEDULE_COSINE /* from lr to lr * schedule_factor over schedule_steps, then flat */
} elman_schedule;

typedef struct elman_train_options {
    size_t struct_size; /* sizeof(elman_train_options) */

    elman_optimizer optimizer;
    double learning_rate; /* above 0 */
    double momentum;      /* SGD and RMSprop; 0: none */
    double beta1, beta2;  /* Adam: 0.9 and 0.999 when 0 */
    double alpha;         /* RMSprop: 0.99 when 0 */
    double epsilon;       /* 1e-8 when 0 */
    double weight_decay;  /* biases and initial states are decayed too, as in PyTorch */
    double clip_norm;     /* a global norm of the gradients above this is scaled to it, by
                             clip_norm / (norm + 1e-6) as in PyTorch; 0: no clipping */
    double clip_value;    /* each gradient is clipped to +-this first; 0: no clipping */

    elman_schedule schedule;
    uint64_t warmup_steps;   /* step s of the first so many has the rate lr * s / warmup_steps; the
                                schedule's first step is the one after them */
    uint64_t schedule_steps; /* STEP: its period; COSINE: its length, 0: what is left of the run */
    double schedule_factor;  /* STEP: 0.1 when 0 */

    uint64_t seed; /* dropout masks, the order of windows */

    /* What follows matters to runs alone: window, batch and independent to
     * elman_trainer_run_tokens.
     */
    size_t window;      /* steps that the gradient flows back through; 100 when 0 */
    size_t batch;       /* rows; 32 when 0 */
    int independent;    /* zero: the text is cut into `batch` parallel streams that are read window
                           by window, the state carried from one to the next (truncated BPTT).
                           Non-zero: full BPTT over windows in shuffled order, each from the
                           initial state */
    uint64_t epochs;    /* passes over the training part; 0: until max_steps */
    uint64_t max_steps; /* 0: until `epochs` are done. One of the two must be set */
    uint64_t patience;  /* stop after so many epochs without a lower validation loss; 0: never */
    uint64_t validate_steps; /* also validate every so many steps; 0: at each epoch's end and after
                                the last step only */

    const char
        *checkpoint_path;      /* NULL: none is written. The trainer keeps copies of the strings */
    double checkpoint_seconds; /* the longest time between two; 0: every step, below 0: never
                                  between epochs. It never changes what is computed */
    const char *description;   /* the caller's JSON object of options, at most 48 KiB, kept in the
                                    checkpoint */

    double average; /* runs: the weights that are validated and kept are the mean
                       w' = d w' + (1 - d) w over the steps, from the weights before the first on,
                       with d = min(average, (step + 1) / (step + 10)) for the step-th step done;
                       0: those of the last step. [0, 1) */
} elman_train_options;

/* The text of a run, as tokens. It must stay where it is while the run lasts. */
typedef struct elman_token_data {
    size_t struct_size; /* sizeof(elman_token_data) */
    const int32_t *train;
    size_t train_count;
    const int32_t *valid; /* NULL: no validation */
    size_t valid_count;   /* 0, or at least 2 */
    const char *digest;   /* of the data, kept in the checkpoint: plain ASCII of less than
                             ELMAN_DIGEST_MAX characters; may be NULL */
} elman_token_data;

/* What one optimiser step did. */
typedef struct elman_step_report {
    uint64_t step;        /* 1 for the first */
    uint64_t epoch;       /* 1 for the first; 0 for elman_trainer_step */
    uint64_t total_steps; /* the most that the run will have; 0 for elman_trainer_step */
    double loss;          /* mean over the batch's predicted steps */
    double learning_rate;
    double gradient_norm;       /* global, before clipping */
    int clipped;                /* non-zero: clipping changed the gradients */
    const double *update_ratio; /* per recurrent layer, then the rest (embedding and head):
                                   |change of the weights| / |weights|. The trainer's, until its
                                   next step */
    size_t update_ratio_count;
    size_t predicted;            /* what the loss counts: predicted steps, or numbers */
    double seconds;              /* spent on this step, without validation */
    int validated;               /* non-zero: the weights of this step, or their mean, were
                                    validated */
    double validation_loss;      /* NaN when they were not */
    double best_validation_loss; /* the lowest so far; NaN before the first */
} elman_step_report;

/* Called after each step, before the step's checkpoint is written, if one is due: what it logs may
 * reach further than the checkpoint, never less far. A result other than 0 stops the run after a
 * checkpoint, unless the step was the run's last. */
typedef int (*elman_step_function)(void *user, const elman_step_report *report);

typedef enum elman_stop {
    ELMAN_STOP_FINISHED, /* all epochs or steps are done */
    ELMAN_STOP_PATIENCE, /* the validation loss no longer fell */
    ELMAN_STOP_CANCELLED /* the callback asked for it */
} elman_stop;

typedef struct elman_train_result {
    elman_stop stop;
    uint64_t steps, epochs; /* done */
    double train_loss;      /* mean over the last epoch, or what was done of it */
    double validation_loss; /* the lowest: of the weights that are kept; NaN without any */
    uint64_t best_step;     /* the step that it is of; without any, the last */
} elman_train_result;

/* Errors: ARGUMENT (names the option that makes no sense), UNSUPPORTED (a model that runs and is
 * not trained), MEMORY. The model must outlive the trainer, and keep its structure. */
ELMAN_API elman_status elman_trainer_create(elman_model *model, const elman_train_options *options,
                                            elman_trainer **trainer, elman_error *error);
ELMAN_API void elman_trainer_destroy(elman_trainer *trainer);

/* One optimiser step on a batch of the caller's, to lower a loss of elman/loss.h. The trainer
 * itself says which dropout mask the step gets: sequence->training, dropout_seed and dropout_pass
 * are not looked at. `state_out` receives the final state (NULL: it does not) and may be
 * sequence->state; `report` may be NULL. Errors: ARGUMENT (also a trainer that belongs to a run),
 * MEMORY, NOT_FINITE (a loss or a gradient that is not finite, or would make a weight so: names the
 * step and the tensor; the weights are as before the step, but where a weight would have become so
 * the optimiser's moments are those after it, and state_out is written all the same). */
ELMAN_API elman_status elman_trainer_step(elman_trainer *trainer, const elman_sequence *sequence,
                                          const elman_targets *targets, float *state_out,
                                          elman_step_report *report, elman_error *error);

/* Where a step met a number that is not finite. */
typedef struct elman_not_finite {
    uint64_t step;
    const char *tensor; /* whose weights or gradient; NULL: it was the loss alone. The model's */
    int layer, reverse; /* the recurrent layer that it belongs to; -1: none */
    const char *gate;   /* "f": the rows that hold the first such number; NULL: it has no gates */
    const char *gate_name; /* "forget gate" */
} elman_not_finite;

/* Whether the trainer's last step, or the validation after it, failed with NOT_FINITE; then `where`
 * is filled in. */
ELMAN_API int elman_trainer_not_finite(const elman_trainer *trainer, elman_not_finite *where);

/* Trains on tokens until the options say stop. The model reads tokens, has one output for each of
 * them at every step, and no bidirectional layer. Every input's target is the token after it.
 *
 * Truncated: row r of the batch reads the n = train_count / batch tokens from r * n on, and step k
 * of an epoch the inputs [k * window, (k + 1) * window) of the n - 1 that have a target in their
 * row; the last step of an epoch has what is left of them. State: initial at the start of an epoch.
 * Independent: the windows are [k * window, (k + 1) * window) of the train_count - 1 inputs, the
 * last one shorter; their order depends on seed and epoch alone.
 *
 * With a validation part the weights of the lowest validation loss are put into the model at the
 * end; without one, the running mean where the option `average` asks for it. With a
 * checkpoint_path a checkpoint is written at each epoch's end, when checkpoint_seconds have passed,
 * after the last step, and before a cancelled run or one that met a number that is not finite
 * returns (with the last good weights); the caller removes it. `callback` and `result` may be
 * NULL.
 *
 * A cancelled run returns ELMAN_ERR_CANCELLED, its result filled in and the weights of its last
 * step in the model; another call goes on with it. Other errors: as elman_trainer_step, DATA (a
 * part that is too short, with the length needed), MISMATCH (the data are not those the run was
 * begun with), IO (a checkpoint). */
ELMAN_API elman_status elman_trainer_run_tokens(elman_trainer *trainer,
                                                const elman_token_data *data,
                                                elman_step_function callback, void *user,
                                                elman_train_result *result, elman_error *error);

/* One batch of a run, and what its output should be. The arrays are the source's, until its next
 * batch. */
typedef struct elman_batch {
    size_t struct_size; /* sizeof(elman_batch) */
    elman_sequence sequence;
    elman_targets targets;
} elman_batch;

/* Where the batches of a run come from. A batch depends on epoch and position alone, so that a run
 * can be taken up again in the middle of an epoch. */
typedef struct elman_source {
    size_t struct_size; /* sizeof(elman_source) */
    void *user;         /* the first argument of both functions */
    uint64_t batches;   /* of an epoch, at least 1 */
    /* Fills in batch `position` < batches of `epoch` (1 for the first). */
    elman_status (*batch)(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                          elman_error *error);
    /* The loss of the network on what is kept for validation; NULL: nothing is. */
    elman_status (*validate)(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error);
    const char *digest; /* of the data, as in elman_token_data; may be NULL */
} elman_source;

/* Trains on the batches of a source, each from the initial state (full BPTT), until the options say
 * stop; of them window, batch and independent are not looked at. Validation, early stopping,
 * checkpoints, cancellation, errors and result: as elman_trainer_run_tokens. An error of one of the
 * source's functions ends the run and is passed on; another call goes on with the batch it failed
 * at. */
ELMAN_API elman_status elman_trainer_run(elman_trainer *trainer, const elman_source *source,
                                         elman_step_function callback, void *user,
                                         elman_train_result *result, elman_error *error);

/* The mean loss in nats of a model on tokens: one sequence from the initial state, every token
 * after the first predicted. The figure does not depend on batch, window or threads. Its passes use
 * the context's threads: one call at a time for each context. Errors:
 * ARGUMENT (another kind of model, a token outside the vocabulary), DATA (fewer than two tokens),
 * UNSUPPORTED (a bidirectional layer), MEMORY. */
ELMAN_API elman_status elman_evaluate_tokens(const elman_network *network, const int32_t *tokens,
                                             size_t count, elman_loss *loss, elman_error *error);

typedef struct elman_dynamic_options {
    size_t struct_size;   /* sizeof(elman_dynamic_options) */
    double learning_rate; /* of Adam, above 0; some 0.0003 */
    size_t window;        /* tokens between two steps, at least 1; 32 when 0 */
} elman_dynamic_options;

/* Dynamic evaluation (Mikolov et al., 2010; Krause et al., 2018): the same, of a model that goes on
 * learning from what it has read, as compressors do. Each window of tokens is scored with weights
 * that have seen nothing from it on; then they take one step of Adam on it, gradients clipped to a
 * norm of 1, without dropout. Afterwards the model's weights are as before. Errors: as
 * elman_evaluate_tokens, ARGUMENT (options), NOT_FINITE (a rate that is too high: names the step).
 */
ELMAN_API elman_status elman_evaluate_tokens_dynamic(elman_model *model, const int32_t *tokens,
                                                     size_t count,
                                                     const elman_dynamic_options *options,
                                                     elman_loss *loss, elman_error *error);

/* Reads a checkpoint. It is a model file too: elman_model_load gives its current weights. Errors:
 * IO, FORMAT, UNSUPPORTED (written by a later release), MEMORY. */
ELMAN_API elman_status elman_checkpoint_open(elman_context *context, const char *path,
                                             elman_checkpoint **checkpoint, elman_error *error);
ELMAN_API void elman_checkpoint_close(elman_checkpoint *checkpoint);

/* The description (NULL: none) and the digest that it was written with, and the steps done. The
 * strings live as long as the checkpoint. */
ELMAN_API const char *elman_checkpoint_description(const elman_checkpoint *checkpoint);
ELMAN_API const char *elman_checkpoint_digest(const elman_checkpoint *checkpoint);
ELMAN_API uint64_t elman_checkpoint_step(const elman_checkpoint *checkpoint);

/* Puts a trainer (fresh, made with the same options for a model of the same shape) where the
 * checkpoint's was: weights, optimiser, position, carried state, best so far. The run that follows
 * gives the bits that an uninterrupted one would have given, at any thread count. Only the options
 * checkpoint_path, checkpoint_seconds and description may differ. Errors: MISMATCH (names the
 * option, with both values, or what differs in the model), ARGUMENT (the trainer is not fresh),
 * FORMAT, MEMORY; then model and trainer are as they were. */
ELMAN_API elman_status elman_trainer_restore(elman_trainer *trainer,
                                             const elman_checkpoint *checkpoint,
                                             elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
