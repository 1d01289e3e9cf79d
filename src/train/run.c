/* A whole run over tokens: epochs, validation, early stopping, checkpoints, cancellation. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "model/network.h"
#include "train/batches.h"
#include "train/checkpoint.h"

typedef struct Run {
    elman_trainer *trainer;
    elman_token_data data;
    Batches batches;
    uint64_t total; /* steps */
    elman_step_function callback;
    void *user;
    double saved; /* trainer_clock() when the last checkpoint was written */
} Run;

static elman_status check_model(const elman_model *model, elman_error *error) {
    elman_model_info info;
    elman_model_describe(model, &info);
    if (info.input == ELMAN_INPUT_DENSE)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: the model reads numbers, expected one of tokens");
    if (info.output != ELMAN_OUTPUT_EVERY_STEP || info.outputs != info.input_size)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: expected a model with one output for each of its "
                    "%zu tokens at every step",
                    info.input_size);
    for (size_t i = 0; i < info.layers; i++) {
        elman_cell_options layer;
        elman_model_layer(model, i, &layer);
        if (layer.bidirectional)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_trainer_run_tokens: layer %zu is bidirectional and would see the "
                        "tokens it is to predict",
                        i);
    }
    return ELMAN_OK;
}

static elman_status check_tokens(const elman_model *model, const char *part, const int32_t *tokens,
                                 size_t count, elman_error *error) {
    elman_model_info info;
    elman_model_describe(model, &info);
    for (size_t i = 0; i < count; i++)
        if (tokens[i] < 0 || (size_t)tokens[i] >= info.input_size)
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "elman_trainer_run_tokens: token %zu of the %s part is %" PRId32
                        ", expected 0 to %zu",
                        i, part, tokens[i], info.input_size - 1);
    return ELMAN_OK;
}

static bool is_digest(const char *text) {
    size_t length = 0;
    for (; text[length] > ' ' && text[length] <= '~'; length++)
        ;
    return text[length] == '\0' && length < ELMAN_DIGEST_MAX;
}

static elman_status check_data(const Run *run, elman_error *error) {
    const elman_token_data *data = &run->data;
    const elman_model *model = run->trainer->model;
    if ((data->train == NULL && data->train_count > 0) ||
        (data->valid == NULL && data->valid_count > 0))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: a part is NULL, but its count is not 0");
    if (data->digest != NULL && !is_digest(data->digest))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: the digest is not plain text of at most %d "
                    "characters",
                    ELMAN_DIGEST_MAX - 1);
    if (data->valid_count == 1)
        return fail(error, ELMAN_ERR_DATA,
                    "the validation part has 1 character, expected none or at least 2");
    elman_status status = check_tokens(model, "training", data->train, data->train_count, error);
    if (status == ELMAN_OK)
        status = check_tokens(model, "validation", data->valid, data->valid_count, error);
    return status;
}

/* How many steps the run has: as many as fit into both limits. */
static uint64_t count_steps(const elman_train_options *options, size_t per_epoch) {
    uint64_t total = UINT64_MAX;
    if (options->epochs > 0 && options->epochs <= UINT64_MAX / per_epoch)
        total = options->epochs * per_epoch;
    if (options->max_steps > 0 && options->max_steps < total) total = options->max_steps;
    return total;
}

/* Notes the data of a fresh run; that of one under way must be the same. */
static elman_status compare_data(Run *run, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    TrainProgress *progress = &trainer->progress;
    const char *digest = run->data.digest != NULL ? run->data.digest : "";
    if (trainer->digest == NULL) {
        trainer->digest = memory_copy_string(&trainer->context->memory, digest);
        if (trainer->digest == NULL)
            return fail(error, ELMAN_ERR_MEMORY, "no memory for the state of a run");
        progress->train_count = run->data.train_count;
        progress->valid_count = run->data.valid_count;
        return ELMAN_OK;
    }
    if (strcmp(trainer->digest, digest) != 0)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the run was begun with other data: its SHA-256 was %s, now it is %s",
                    trainer->digest, digest);
    if (progress->train_count != run->data.train_count ||
        progress->valid_count != run->data.valid_count)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the run was begun with %" PRIu64 " characters to train on and %" PRIu64
                    " to validate, now there are %zu and %zu",
                    progress->train_count, progress->valid_count, run->data.train_count,
                    run->data.valid_count);
    return ELMAN_OK;
}

/* What a restored trainer says must be possible for these data and options. */
static elman_status check_progress(const Run *run, elman_error *error) {
    const elman_trainer *trainer = run->trainer;
    const TrainProgress *progress = &trainer->progress;
    const uint64_t per_epoch = run->batches.per_epoch;
    if (progress->step == 0 && progress->epoch == 0) return ELMAN_OK;
    const bool inside = progress->position > 0 && progress->position < per_epoch;
    if (progress->epoch == 0 || progress->position > per_epoch ||
        progress->epoch - 1 > progress->step / per_epoch ||
        (progress->epoch - 1) * per_epoch + progress->position != progress->step ||
        (inside && !trainer->options.independent && !trainer->state_carried))
        return fail(error, ELMAN_ERR_MISMATCH,
                    "step %" PRIu64 " of the checkpoint cannot be batch %" PRIu64
                    " of epoch %" PRIu64 " with these data and options",
                    progress->step, progress->position, progress->epoch);
    return ELMAN_OK;
}

static elman_status begin_run(Run *run, const elman_token_data *given, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    const elman_train_options *options = &trainer->options;
    if (!trainer->running && trainer->progress.step > 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: elman_trainer_step has used this trainer");
    if (options->epochs == 0 && options->max_steps == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: epochs and max_steps are 0, nothing would end the run");
    elman_status status =
        options_read(&run->data, sizeof(run->data), given, "elman_token_data", error);
    if (status == ELMAN_OK) status = check_model(trainer->model, error);
    if (status == ELMAN_OK) status = check_data(run, error);
    if (status == ELMAN_OK)
        status = batches_init(&run->batches, &trainer->context->memory, options, run->data.train,
                              run->data.train_count, error);
    if (status == ELMAN_OK) status = compare_data(run, error);
    if (status == ELMAN_OK) status = check_progress(run, error);
    if (status == ELMAN_OK) status = trainer_begin_run(trainer, run->data.valid_count > 0, error);
    if (status != ELMAN_OK) return status;
    run->total = count_steps(options, run->batches.per_epoch);
    run->saved = trainer_clock();
    return ELMAN_OK;
}

static bool epoch_is_over(const Run *run) {
    const TrainProgress *progress = &run->trainer->progress;
    return progress->epoch > 0 && progress->position == run->batches.per_epoch;
}

static bool patience_is_over(const Run *run) {
    const TrainProgress *progress = &run->trainer->progress;
    const uint64_t patience = run->trainer->options.patience;
    return patience > 0 && run->data.valid_count > 0 && epoch_is_over(run) &&
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
    elman_sequence sequence = {.struct_size = sizeof(sequence)};
    const elman_targets targets = {
        .struct_size = sizeof(targets),
        .loss = ELMAN_LOSS_CROSS_ENTROPY,
        .classes =
            batches_get(&run->batches, progress->epoch, (size_t)progress->position, &sequence),
    };
    if (trainer->state_carried) sequence.state = trainer->state;
    const bool carry = !trainer->options.independent;
    elman_status status =
        trainer_take_step(trainer, &sequence, &targets, carry ? trainer->next_state : NULL,
                          run->total, report, error);
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
    if (run->data.valid_count == 0) return false;
    return epoch_is_over(run) || step == run->total || (every > 0 && step % every == 0);
}

static elman_status validate(Run *run, elman_step_report *report, elman_error *error) {
    elman_trainer *trainer = run->trainer;
    TrainProgress *progress = &trainer->progress;
    elman_loss loss;
    network_repack(trainer->network, trainer->model);
    const elman_status status = elman_evaluate_tokens(trainer->network, run->data.valid,
                                                      run->data.valid_count, &loss, error);
    if (status != ELMAN_OK) return status;
    if (!isfinite(loss.mean))
        return fail(error, ELMAN_ERR_NOT_FINITE,
                    "step %" PRIu64 ": the validation loss is not finite; the weights of this "
                    "step are kept",
                    progress->step);
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

static elman_status write_checkpoint(Run *run, elman_error *error) {
    run->saved = trainer_clock();
    return checkpoint_write(run->trainer, error);
}

static bool checkpoint_is_due(const Run *run) {
    const elman_train_options *options = &run->trainer->options;
    if (options->checkpoint_path == NULL) return false;
    if (epoch_is_over(run) || run_is_over(run)) return true;
    const double since = trainer_clock() - run->saved;
    /* A clock that was set back must not put checkpoints off. */
    return options->checkpoint_seconds >= 0.0 &&
           (since >= options->checkpoint_seconds || since < 0.0);
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

elman_status elman_trainer_run_tokens(elman_trainer *trainer, const elman_token_data *data,
                                      elman_step_function callback, void *user,
                                      elman_train_result *result, elman_error *error) {
    Run run = {.trainer = trainer, .callback = callback, .user = user};
    bool stopped = false;
    elman_status status = begin_run(&run, data, error);
    while (status == ELMAN_OK && !stopped && !run_is_over(&run))
        status = advance(&run, &stopped, error);
    if (status != ELMAN_OK) goto done;

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
done:
    batches_release(&run.batches, &trainer->context->memory);
    return status;
}
