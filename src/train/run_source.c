/* A run over the batches of a caller's source. */
#include "core/fail.h"
#include "core/options.h"
#include "train/run.h"

/* Asks the caller for a batch, and makes sure that it is one. */
static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    const elman_source *source = user;
    elman_batch given = {
        .struct_size = sizeof(given), .sequence = batch->sequence, .targets = batch->targets};
    elman_status status = source->batch(source->user, epoch, position, &given, error);
    if (status == ELMAN_OK)
        status = options_read(&batch->sequence, sizeof(batch->sequence), &given.sequence,
                              "elman_sequence", error);
    if (status == ELMAN_OK && batch->sequence.state != NULL)
        status = fail(error, ELMAN_ERR_ARGUMENT,
                      "elman_trainer_run: a batch has a state of its own, expected NULL: each one "
                      "starts from the model's");
    batch->targets = given.targets;
    return status;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    const elman_source *source = user;
    return source->validate(source->user, network, loss, error);
}

elman_status elman_trainer_run(elman_trainer *trainer, const elman_source *given,
                               elman_step_function callback, void *user, elman_train_result *result,
                               elman_error *error) {
    elman_source source;
    elman_status status = run_check(trainer, "elman_trainer_run", error);
    if (status == ELMAN_OK)
        status = options_read(&source, sizeof(source), given, "elman_source", error);
    if (status != ELMAN_OK) return status;
    if (source.batch == NULL || source.batches == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run: the source has no batches, expected a function that makes "
                    "them and at least 1 an epoch");
    status = run_check_digest(source.digest, "elman_trainer_run", error);
    if (status != ELMAN_OK) return status;
    const RunSource batches = {
        .validated = source.validate != NULL,
        .per_epoch = source.batches,
        .train_count = source.batches,
        .valid_count = source.validate != NULL,
        .digest = source.digest,
        .user = &source,
        .batch = get_batch,
        .validate = validate,
    };
    return run_batches(trainer, &batches, callback, user, result, error);
}
