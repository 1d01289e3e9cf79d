/* A run over tokens: a text cut into batches, and its loss on the part kept for validation. */
#include <inttypes.h>

#include "core/fail.h"
#include "core/options.h"
#include "train/batches.h"
#include "train/run.h"

typedef struct TokenRun {
    elman_token_data data;
    Batches batches;
} TokenRun;

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

static elman_status check_data(const elman_model *model, const elman_token_data *data,
                               elman_error *error) {
    if ((data->train == NULL && data->train_count > 0) ||
        (data->valid == NULL && data->valid_count > 0))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_trainer_run_tokens: a part is NULL, but its count is not 0");
    elman_status status = run_check_digest(data->digest, "elman_trainer_run_tokens", error);
    if (status != ELMAN_OK) return status;
    if (data->valid_count == 1)
        return fail(error, ELMAN_ERR_DATA,
                    "the validation part has 1 character, expected none or at least 2");
    status = check_tokens(model, "training", data->train, data->train_count, error);
    if (status == ELMAN_OK)
        status = check_tokens(model, "validation", data->valid, data->valid_count, error);
    return status;
}

static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    TokenRun *run = user;
    (void)error;
    batch->targets.loss = ELMAN_LOSS_CROSS_ENTROPY;
    batch->targets.classes = batches_get(&run->batches, epoch, (size_t)position, &batch->sequence);
    return ELMAN_OK;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    const TokenRun *run = user;
    return elman_evaluate_tokens(network, run->data.valid, run->data.valid_count, loss, error);
}

elman_status elman_trainer_run_tokens(elman_trainer *trainer, const elman_token_data *given,
                                      elman_step_function callback, void *user,
                                      elman_train_result *result, elman_error *error) {
    TokenRun run = {0};
    elman_status status = run_check(trainer, "elman_trainer_run_tokens", error);
    if (status == ELMAN_OK)
        status = options_read(&run.data, sizeof(run.data), given, "elman_token_data", error);
    if (status == ELMAN_OK) status = check_model(trainer->model, error);
    if (status == ELMAN_OK) status = check_data(trainer->model, &run.data, error);
    if (status != ELMAN_OK) return status;
    status = batches_init(&run.batches, &trainer->context->memory, &trainer->options,
                          run.data.train, run.data.train_count, error);
    const RunSource source = {
        .tokens = true,
        .carried = !trainer->options.independent,
        .validated = run.data.valid_count > 0,
        .per_epoch = run.batches.per_epoch,
        .train_count = run.data.train_count,
        .valid_count = run.data.valid_count,
        .digest = run.data.digest,
        .user = &run,
        .batch = get_batch,
        .validate = validate,
    };
    if (status == ELMAN_OK) status = run_batches(trainer, &source, callback, user, result, error);
    batches_release(&run.batches, &trainer->context->memory);
    return status;
}
