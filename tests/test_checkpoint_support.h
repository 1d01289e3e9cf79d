/* Runs over tokens that stop and go on, for the tests of checkpoints. Included after cmocka.h. */
#ifndef TEST_CHECKPOINT_SUPPORT_H
#define TEST_CHECKPOINT_SUPPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "test_train_support.h"

#define CHECKPOINT "run.checkpoint"

enum { TRAIN = 170, VALID = 30, STEPS_MAX = 64 };

/* A run: its model, its options, its data. */
typedef struct Setup {
    ModelShape shape;
    elman_train_options options;
    size_t valid;
} Setup;

static const Setup lstm_with_dropout_and_adam = {
    .shape =
        {.cell = ELMAN_CELL_LSTM, .hidden = 7, .layers = 2, .dropout = 0.3f, .learned_state = 1},
    .options = {.learning_rate = 1e-2,
                .clip_norm = 1,
                .schedule = ELMAN_SCHEDULE_COSINE,
                .warmup_steps = 3,
                .seed = 5,
                .window = 8,
                .batch = 4,
                .epochs = 3},
    .valid = VALID,
};
/* What a run's callback sees, and when it stops the run. */
typedef struct Watch {
    uint64_t cancel_at, steps;
    double losses[STEPS_MAX + 1], validations[STEPS_MAX + 1];
} Watch;

static inline int watch(void *user, const elman_step_report *report) {
    Watch *seen = user;
    assert_true(report->step <= STEPS_MAX);
    seen->steps = report->step;
    seen->losses[report->step] = report->loss;
    seen->validations[report->step] = report->validated ? report->validation_loss : 0.0;
    return report->step == seen->cancel_at;
}

/* A context, a model and a trainer of a setup, with its data. */
typedef struct Training {
    elman_context *context;
    elman_model *model;
    elman_trainer *trainer;
    int32_t train[TRAIN], valid[VALID];
    elman_token_data data;
} Training;

static inline void training_begin(Training *t, const Setup *setup, size_t threads) {
    elman_error error = {0};
    elman_train_options options = setup->options;
    options.struct_size = sizeof(options);
    if (options.description == NULL) options.description = "{\"name\":\"test\"}";
    t->context = make_context(threads, NULL);
    t->model = make_model(t->context, &setup->shape, 7);
    if (elman_trainer_create(t->model, &options, &t->trainer, &error) != ELMAN_OK)
        fail_msg("%s", error.message);
    make_tokens(t->train, TRAIN, 0);
    make_tokens(t->valid, VALID, 1);
    t->data = (elman_token_data){.struct_size = sizeof(t->data),
                                 .train = t->train,
                                 .train_count = TRAIN,
                                 .valid = setup->valid > 0 ? t->valid : NULL,
                                 .valid_count = setup->valid,
                                 .digest = "abcdef"};
}

static inline void training_end(Training *t) {
    elman_trainer_destroy(t->trainer);
    elman_model_destroy(t->model);
    elman_context_destroy(t->context);
}

static inline elman_status restore(Training *t, const char *path, elman_error *error) {
    elman_checkpoint *checkpoint = NULL;
    elman_status status = elman_checkpoint_open(t->context, path, &checkpoint, error);
    if (status == ELMAN_OK) status = elman_trainer_restore(t->trainer, checkpoint, error);
    elman_checkpoint_close(checkpoint);
    return status;
}

static inline elman_status run(Training *t, Watch *seen, elman_train_result *result,
                               elman_error *error) {
    return elman_trainer_run_tokens(t->trainer, &t->data, seen != NULL ? watch : NULL, seen, result,
                                    error);
}

static inline char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s is missing", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    rewind(file);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    (void)fclose(file);
    return bytes;
}

static inline void assert_same_file(const char *a, const char *b, uint64_t step) {
    size_t a_size, b_size;
    char *a_bytes = read_file(a, &a_size), *b_bytes = read_file(b, &b_size);
    if (a_size != b_size || memcmp(a_bytes, b_bytes, a_size) != 0)
        fail_msg("stopped after step %d: %s and %s differ", (int)step, a, b);
    free(a_bytes);
    free(b_bytes);
}

#endif
