/* A whole run: epochs, validation, early stopping, checkpoints, cancellation. */
#include "train/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "model/network.h"
#include "train/checkpoint.h"

typedef struct Run {
    elman_trainer *trainer;
    const RunSource *source;
    uint64_t total; /* steps */
    elman_step_function callback;
    void *user;
    double saved; /* trainer_clock() when the last checkpoint was written */
} Run;

static bool is_digest(const char *text) {
    size_t length = 0;
    for (; text[length] > ' ' && text[length] <= '~'; length++)
        ;
    return text[length] == '\0' && length < ELMAN_DIGEST_MAX;
}

elman_status run_check(const elman_trainer *trainer, const char *function, elman_error *error) {
    const elman_train_options *options = &trainer->options;
    if (!trainer->running && trainer->progress.step > 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: elman_trainer_step has used this trainer",
                    function);
    if (options->epochs == 0 && options->max_steps == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: epochs and max_steps are 0, nothing would end the run");
    return ELMAN_OK;
}

elman_status run_check_digest(const char *digest, const char *function, elman_error *error) {
    if (digest == NULL || is_digest(digest)) return ELMAN_OK;
    return fail(error, ELMAN_ERR_ARGUMENT,
                "%s: the digest is not plain text of at most %d characters", function,
                ELMAN_DIGEST_MAX - 1);
}

/* How many steps the run has: as many as fit into both limits. */
static uint64_t count_steps(const elman_train_options *options, uint64_t per_epoch) {
    uint64_t total = UINT64_MAX;
    if (options->epochs > 0 && options->epochs <= UINT64_MAX / per_epoch)
        total = options->epochs * per_epoch;
    if (options->max_steps > 0 && options->max_steps < total) total = options->max_steps;
    return total;
}

/* Says how the data differ from those that the run was begun with. */
static elman_status other_data(const Run *run, elman_error *error) {
    const TrainProgress *progress = &run->trainer->progress;
    const RunSource *source = run->source;
    if (source->tokens)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the run was begun with %" PRIu64 " characters to train on and %" PRIu64
                    " to validate, now there are %" PRIu64 " and %" PRIu64,
                    progress->train_count, progress->valid_count, source->train_count,
                    source->valid_count);
    return fail(error, ELMAN_ERR_MISMATCH,
                "the run was begun with %" PRIu64 " batches an epoch and %s validation, now there "
                "are %" PRIu64 " and %s",
                progress->train_count, progress->valid_count > 0 ? "a" : "no", source->train_count,
                source->valid_count > 0 ? "there is one" : "there is none");
}

/* Notes the data of a fresh run; that of one under way must be the same. */
static elman_status compare_data(Run *run, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    TrainProgress *progress = &trainer->progress;
    const RunSource *source = run->source;
    const char *digest = source->digest != NULL ? source->digest : "";
    if (trainer->digest == NULL) {
        trainer->digest = memory_copy_string(&trainer->context->memory, digest);
        if (trainer->digest == NULL)
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the state of a run");
        progress->of_source = !source->tokens;
        progress->train_count = source->train_count;
        progress->valid_count = source->valid_count;
        return ELMAN_OK;
    }
    if (progress->of_source == source->tokens)
        return fail(error, ELMAN_ERR_MISMATCH, "the run was begun over %s, now it is over %s",
                    source->tokens ? "batches of a source" : "tokens",
                    source->tokens ? "tokens" : "batches of a source");
    if (strcmp(trainer->digest, digest) != 0)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the run was begun with other data: its SHA-256 was %s, now it is %s",
                    trainer->digest, digest);
    if (progress->train_count != source->train_count ||
        progress->valid_count != source->valid_count)
        return other_data(run, error);
    return ELMAN_OK;
}

/* What a restored trainer says must be possible for these data and options. */
static elman_status check_progress(const Run *run, elman_error *error) {
    const elman_trainer *trainer = run->trainer;
    const TrainProgress *progress = &trainer->progress;
    const uint64_t per_epoch = run->source->per_epoch;
    if (progress->step == 0 && progress->epoch == 0) return ELMAN_OK;
    const bool inside = progress->position > 0 && progress->position < per_epoch;
    if (progress->epoch == 0 || progress->position > per_epoch ||
        progress->epoch - 1 > progress->step / per_epoch ||
        (progress->epoch - 1) * per_epoch + progress->position != progress->step ||
        (inside && run->source->carried && !trainer->state_carried))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "step %" PRIu64 " of the checkpoint cannot be batch %" PRIu64
                    " of epoch %" PRIu64 " with these data and options",
                    progress->step, progress->position, progress->epoch);
    return ELMAN_OK;
}

static elman_status begin_run(Run *run, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    elman_status status = compare_data(run, error);
    if (status == ELMAN_OK) status = check_progress(run, error);
    if (status == ELMAN_OK)
        status = trainer_begin_run(trainer, run->source->carried, run->source->validated, error);
    if (status != ELMAN_OK) return status;
    run->total = count_steps(&trainer->options, run->source->per_epoch);
    run->saved = trainer_clock();
    return ELMAN_OK;
}

static bool epoch_is_over(const Run *run) {
    const TrainProgress *progress = &run->trainer->progress;
    return progress->epoch > 0 && progress->position == run->source->per_epoch;
}

static bool patience_is_over(const Run *run) {
    const TrainProgress *progress = &run->trainer->progress;
    const uint64_t patience = run->trainer->options.patience;
    return patience > 0 && run->source->validated && epoch_is_over(run) &&
           progress->epoch - progress->best_epoch >= patience;
}

/* A function of what a checkpoint holds, so that a resumed run ends where it would have. */
static bool run_is_over(const Run *run) {
    return run->trainer->progress.step >= run->total || patience_is_over(run);
}

static elman_status take_step(Run *run, elman_step_report *report, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    TrainProgress *progress = &trainer->progress;
    if (progress->epoch == 0 || epoch_is_over(run)) {
        progress->epoch++;
        progress->position = 0;
        progress->loss_sum = 0.0;
        progress->loss_count = 0;
        trainer->state_carried = false;
    }
    elman_batch batch = {.struct_size = sizeof(batch)};
    batch.sequence.struct_size = sizeof(batch.sequence);
    batch.targets.struct_size = sizeof(batch.targets);
    elman_status status =
        run->source->batch(run->source->user, progress->epoch, progress->position, &batch, error);
    if (status != ELMAN_OK) return status;
    const bool carry = run->source->carried;
    if (carry && trainer->state_carried) batch.sequence.state = trainer->state;
    status = trainer_take_step(trainer, &batch.sequence, &batch.targets,
                               carry ? trainer->next_state : NULL, run->total, report, error);
    if (status != ELMAN_OK) return status;
    if (carry) {
        float *used = trainer->state;
        trainer->state = trainer->next_state;
        trainer->next_state = used;
        trainer->state_carried = true;
    }
    progress->position++;
    progress->loss_sum += report->loss * (double)report->predicted;
    progress->loss_count += report->predicted;
    report->epoch = progress->epoch;
    return ELMAN_OK;
}

static bool validation_is_due(const Run *run) {
    const uint64_t step = run->trainer->progress.step;
    const uint64_t every = run->trainer->options.validate_steps;
    if (!run->source->validated) return false;
    return epoch_is_over(run) || step == run->total || (every > 0 && step % every == 0);
}

/* Validates the weights that are in the model, and keeps them when they are the best so far. */
static elman_status validate_weights(Run *run, elman_step_report *report, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    TrainProgress *progress = &trainer->progress;
    elman_loss loss = {.mean = NAN};
    network_repack(trainer->network, trainer->model);
    const elman_status status =
        run->source->validate(run->source->user, trainer->network, &loss, error);
    if (status != ELMAN_OK) return status;
    if (!isfinite(loss.mean)) {
        trainer_note_loss(trainer, progress->step);
        return fail(error, ELMAN_ERR_NOT_FINITE,
                    "step %" PRIu64 ": the validation loss is not finite; the weights of this "
                    "step are kept",
                    progress->step);
    }
    if (loss.mean < progress->best_loss) {
        progress->best_loss = loss.mean;
        progress->best_step = progress->step;
        progress->best_epoch = progress->epoch;
        optimizer_save_weights(&trainer->optimizer, trainer->best);
    }
    report->validated = 1;
    report->validation_loss = loss.mean;
    return ELMAN_OK;
}

static elman_status validate(Run *run, elman_step_report *report, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    if (trainer->average == NULL) return validate_weights(run, report, error);
    optimizer_swap_weights(&trainer->optimizer, trainer->average);
    const elman_status status = validate_weights(run, report, error);
    optimizer_swap_weights(&trainer->optimizer, trainer->average);
    return status;
}

static elman_status write_checkpoint(Run *run, elman_error *error) {
    run->saved = trainer_clock();
    return checkpoint_write(run->trainer, error);
}

static bool checkpoint_is_due(const Run *run) {
    const elman_train_options *options = &run->trainer->options;
    if (options->checkpoint_path == NULL) return false;
    if (epoch_is_over(run) || run_is_over(run)) return true;
    return options->checkpoint_seconds >= 0.0 &&
           trainer_clock() - run->saved >= options->checkpoint_seconds;
}

/* After a number that is not finite: writes a checkpoint, and says so when that fails too. */
static void save_last_good(Run *run, elman_error *error) {
    elman_error second;
    if (run->trainer->options.checkpoint_path == NULL) return;
    if (write_checkpoint(run, &second) == ELMAN_OK || error == NULL) return;
    const elman_error first = *error;
    (void)fail(error, first.status, "%.250s; and no checkpoint: %.240s", first.message,
               second.message);
}

/* One step and what follows from it. *stopped: the callback asked for an end before the run's. */
static elman_status advance(Run *run, bool *stopped, elman_error *error) {
    elman_step_report report;
    elman_status status = take_step(run, &report, error);
    if (status == ELMAN_OK && validation_is_due(run)) status = validate(run, &report, error);
    if (status == ELMAN_ERR_NOT_FINITE) save_last_good(run, error);
    if (status != ELMAN_OK) return status;
    const double best = run->trainer->progress.best_loss;
    report.best_validation_loss = isfinite(best) ? best : NAN;
    /* First the callback, then the checkpoint: what the callback keeps may be longer than the
     * checkpoint and can be cut back to it, never shorter. */
    const bool asked = run->callback != NULL && run->callback(run->user, &report) != 0;
    *stopped = asked && !run_is_over(run);
    const bool wanted = *stopped && run->trainer->options.checkpoint_path != NULL;
    return wanted || checkpoint_is_due(run) ? write_checkpoint(run, error) : ELMAN_OK;
}

static void fill_result(const Run *run, elman_stop stop, elman_train_result *result) {
    const TrainProgress *progress = &run->trainer->progress;
    const bool validated = isfinite(progress->best_loss);
    *result = (elman_train_result){
        .stop = stop,
        .steps = progress->step,
        .epochs =
            epoch_is_over(run) || progress->epoch == 0 ? progress->epoch : progress->epoch - 1,
        .train_loss =
            progress->loss_count > 0 ? progress->loss_sum / (double)progress->loss_count : NAN,
        .validation_loss = validated ? progress->best_loss : NAN,
        .best_step = validated ? progress->best_step : progress->step,
    };
}

elman_status run_batches(elman_trainer *trainer, const RunSource *source,
                         elman_step_function callback, void *user, elman_train_result *result,
                         elman_error *error) {
    Run run = {.trainer = trainer, .source = source, .callback = callback, .user = user};
    bool stopped = false;
    elman_status status = begin_run(&run, error);
    while (status == ELMAN_OK && !stopped && !run_is_over(&run))
        status = advance(&run, &stopped, error);
    if (status != ELMAN_OK) return status;

    elman_stop stop = ELMAN_STOP_FINISHED;
    if (stopped)
        stop = ELMAN_STOP_CANCELLED;
    else if (trainer->progress.step < run.total)
        stop = ELMAN_STOP_PATIENCE;
    if (result != NULL) fill_result(&run, stop, result);
    if (stopped)
        status = fail(error, ELMAN_ERR_CANCELLED, "step %" PRIu64 ": the run was cancelled",
                      trainer->progress.step);
    else if (trainer->best != NULL && isfinite(trainer->progress.best_loss))
        optimizer_load_weights(&trainer->optimizer, trainer->best);
    else if (trainer->average != NULL)
        optimizer_load_weights(&trainer->optimizer, trainer->average);
    return status;
}
