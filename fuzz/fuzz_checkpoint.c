/* Fuzz target: checkpoints. No input may crash the reader, leak, or change a trainer that refuses
 * it; what a trainer takes is a run that can be finished. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "context/context.h"
#include "header_mutator.h"
#include "train/checkpoint.h"
#include <elman/train.h>

enum { TOKENS = 4, TRAIN = 26, VALID = 5, STEPS = 6, WEIGHTS_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const elman_train_options options = {.struct_size = sizeof options,
                                            .learning_rate = 0.01,
                                            .window = 3,
                                            .batch = 2,
                                            .max_steps = STEPS,
                                            .validate_steps = 2,
                                            .average = 0.5};

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

/* The model whose checkpoints are in the corpus. */
static elman_model *make_model(elman_context *context) {
    elman_model *model = NULL;
    check(!elman_model_create_tokens(context, TOKENS, 0, &model, NULL), "a model");
    (void)elman_model_add_cell(model, ELMAN_CELL_LSTM, 2);
    (void)elman_model_add_linear(model, TOKENS, 0);
    check(!elman_model_build(model, NULL, NULL), "a model that is built");
    return model;
}

static size_t copy_weights(const elman_model *model, float weights[WEIGHTS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        check(!elman_model_tensor(model, i, &tensor), "a tensor of the model");
        check(tensor.count <= WEIGHTS_MAX - count, "room for the weights");
        memcpy(weights + count, tensor.data, tensor.count * sizeof *weights);
        count += tensor.count;
    }
    return count;
}

/* Restores, and finishes the run. */
static void resume(elman_context *context, const elman_checkpoint *checkpoint) {
    int32_t tokens[TRAIN];
    float before[WEIGHTS_MAX], after[WEIGHTS_MAX];
    for (size_t i = 0; i < TRAIN; i++) tokens[i] = (int32_t)(i * i % TOKENS);
    const elman_token_data data = {.struct_size = sizeof data,
                                   .train = tokens,
                                   .train_count = TRAIN,
                                   .valid = tokens,
                                   .valid_count = VALID,
                                   .digest = elman_checkpoint_digest(checkpoint)};
    elman_model *const model = make_model(context);
    elman_trainer *trainer = NULL;
    elman_train_result result;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_trainer_create(model, &options, &trainer, NULL), "a trainer");
    const size_t count = copy_weights(model, before);
    elman_status status = elman_trainer_restore(trainer, checkpoint, &error);
    if (status == ELMAN_OK) {
        status = elman_trainer_run_tokens(trainer, &data, NULL, NULL, &result, &error);
        check(status == ELMAN_OK || status == ELMAN_ERR_MISMATCH || status == ELMAN_ERR_NOT_FINITE,
              "a run that was taken up ends, or says what does not fit");
        check(status != ELMAN_OK || result.steps >= elman_checkpoint_step(checkpoint),
              "no step is done twice");
    } else {
        check(status == ELMAN_ERR_MISMATCH || status == ELMAN_ERR_FORMAT ||
                  status == ELMAN_ERR_UNSUPPORTED,
              "a refusal is about the file");
        check(copy_weights(model, after) == count, "as many weights");
        check(memcmp(before, after, count * sizeof *before) == 0, "a refusal changes no weight");
        check(!elman_trainer_run_tokens(trainer, &data, NULL, NULL, &result, NULL),
              "a trainer that has refused is as good as new");
        check(result.steps == STEPS, "its run has all steps");
    }
    check(status == ELMAN_OK || error.message[0] != '\0', "a refusal has a sentence");
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {SIZE_MAX, 0};
    const elman_context_options context_options = {.struct_size = sizeof context_options,
                                                   .allocator = budget_allocator(&budget)};
    elman_context *context = NULL;
    SafetensorsFile *file = NULL;
    elman_checkpoint *checkpoint = NULL;
    elman_error error = {ELMAN_OK, ""};
    check(!elman_context_create(&context_options, &context, NULL), "a context");
    elman_status status = safetensors_parse(&context->memory, "x", bytes, size, &file, &error);
    if (!status) status = checkpoint_from_file(context, file, "x", &checkpoint, &error);
    if (status == ELMAN_OK) {
        check(elman_checkpoint_digest(checkpoint) != NULL, "a digest");
        resume(context, checkpoint);
    } else {
        check((status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_UNSUPPORTED) && !checkpoint,
              "a refusal is about the file");
        check(strncmp(error.message, "x: ", 3) == 0, "a refusal starts with the file's name");
    }
    elman_checkpoint_close(checkpoint);
    elman_context_destroy(context);
    budget_check(&budget);
    return 0;
}

/* Mostly the header. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return seed % 8 == 0 ? LLVMFuzzerMutate(bytes, size, most) : mutate_header(bytes, size, most);
}
