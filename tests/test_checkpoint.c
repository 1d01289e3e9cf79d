/* Checkpoints: a run that is stopped anywhere and resumed writes the same bytes as one that is not,
 * and one that fails keeps what it had. */
#include <math.h>

#include "test_checkpoint_support.h"

#include "support/allocator.h"

static const Setup gru_with_rmsprop_and_patience = {
    .shape = {.cell = ELMAN_CELL_GRU, .hidden = 9, .layers = 1},
    .options = {.optimizer = ELMAN_OPTIMIZER_RMSPROP,
                .learning_rate = 2e-2,
                .momentum = 0.5,
                .schedule = ELMAN_SCHEDULE_STEP,
                .schedule_steps = 4,
                .schedule_factor = 0.5,
                .seed = 6,
                .window = 9,
                .batch = 5,
                .independent = 1,
                .epochs = 12,
                .patience = 2,
                .validate_steps = 3},
    .valid = VALID,
};
static const Setup rnn_with_momentum = {
    .shape = {.cell = ELMAN_CELL_RNN, .hidden = 8, .layers = 1},
    .options = {.optimizer = ELMAN_OPTIMIZER_SGD,
                .learning_rate = 5e-2,
                .momentum = 0.75,
                .weight_decay = 0.01,
                .clip_value = 0.1,
                .window = 10,
                .batch = 4,
                .max_steps = 13},
};

static void set_weights(elman_model *model, float value) {
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        for (size_t j = 0; j < tensor.count; j++) tensor.data[j] = value;
    }
}

/* Stops the run after step `step`, and finishes it in a new context. */
static void stop_and_resume(const Setup *given, uint64_t step, const Watch *whole,
                            const elman_train_result *expected) {
    Setup setup = *given;
    Training t;
    Watch first = {.cancel_at = step}, second = {0};
    elman_train_result result;
    elman_error error = {0};
    setup.options.checkpoint_path = CHECKPOINT;
    setup.options.checkpoint_seconds = step % 2 == 0 ? 0.0 : -1.0;
    training_begin(&t, &setup, 1);
    assert_int_equal(run(&t, &first, &result, NULL), ELMAN_ERR_CANCELLED);
    assert_int_equal(result.steps, step);
    training_end(&t);

    training_begin(&t, &setup, 1 + step % 3);
    set_weights(t.model, 0.5f);
    if (restore(&t, CHECKPOINT, &error) != ELMAN_OK) fail_msg("%s", error.message);
    assert_int_equal(run(&t, &second, &result, &error), ELMAN_OK);
    assert_int_equal(result.steps, whole->steps);
    assert_int_equal(result.stop, expected->stop);
    assert_int_equal(result.best_step, expected->best_step);
    assert_true(result.train_loss == expected->train_loss);
    for (uint64_t i = 1; i <= whole->steps; i++) {
        const Watch *part = i <= step ? &first : &second;
        assert_true(part->losses[i] == whole->losses[i]);
        assert_true(part->validations[i] == whole->validations[i]);
    }
    assert_int_equal(elman_model_save(t.model, "resumed.safetensors", NULL), ELMAN_OK);
    assert_same_file("whole.safetensors", "resumed.safetensors", step);
    training_end(&t);
}

static void check_every_step(const Setup *setup, uint64_t least) {
    Training t;
    Watch whole = {0};
    elman_train_result result;
    training_begin(&t, setup, 1);
    assert_int_equal(run(&t, &whole, &result, NULL), ELMAN_OK);
    assert_int_equal(elman_model_save(t.model, "whole.safetensors", NULL), ELMAN_OK);
    training_end(&t);
    assert_true(whole.steps >= least);
    for (uint64_t step = 1; step < whole.steps; step++)
        stop_and_resume(setup, step, &whole, &result);
}

static void lstm_stopped_at_every_step(void **state) {
    (void)state;
    check_every_step(&lstm_with_dropout_and_adam, 18);
}

static void gru_stopped_at_every_step(void **state) {
    (void)state;
    check_every_step(&gru_with_rmsprop_and_patience, 12);
}

static void rnn_stopped_at_every_step(void **state) {
    (void)state;
    check_every_step(&rnn_with_momentum, 13);
}

/* The checkpoint of the very last step, and one that was stopped several times. */
static void resumes_at_the_end_and_again_and_again(void **state) {
    (void)state;
    Setup setup = lstm_with_dropout_and_adam;
    Training t;
    training_begin(&t, &setup, 1);
    assert_int_equal(run(&t, NULL, NULL, NULL), ELMAN_OK);
    assert_int_equal(elman_model_save(t.model, "whole.safetensors", NULL), ELMAN_OK);
    training_end(&t);

    setup.options.checkpoint_path = CHECKPOINT;
    setup.options.checkpoint_seconds = -1.0;
    elman_status status = ELMAN_ERR_CANCELLED;
    for (uint64_t step = 2; status == ELMAN_ERR_CANCELLED; step += 2) {
        Watch seen = {.cancel_at = step};
        training_begin(&t, &setup, 1);
        if (step > 2) assert_int_equal(restore(&t, CHECKPOINT, NULL), ELMAN_OK);
        status = run(&t, &seen, NULL, NULL);
        if (status == ELMAN_OK)
            assert_int_equal(elman_model_save(t.model, "resumed.safetensors", NULL), ELMAN_OK);
        training_end(&t);
    }
    assert_int_equal(status, ELMAN_OK);
    assert_same_file("whole.safetensors", "resumed.safetensors", 0);

    training_begin(&t, &setup, 1);
    elman_train_result result;
    Watch seen = {0};
    assert_int_equal(restore(&t, CHECKPOINT, NULL), ELMAN_OK);
    assert_int_equal(run(&t, &seen, &result, NULL), ELMAN_OK);
    assert_int_equal(seen.steps, 0); /* nothing was left to do */
    assert_int_equal(result.epochs, 3);
    assert_int_equal(elman_model_save(t.model, "resumed.safetensors", NULL), ELMAN_OK);
    assert_same_file("whole.safetensors", "resumed.safetensors", 0);
    training_end(&t);
}

/* A run whose weights explode. */
static Setup exploding_setup(void) {
    return (Setup){.shape = {.cell = ELMAN_CELL_RNN_RELU, .hidden = 8, .layers = 1},
                   .options = {.optimizer = ELMAN_OPTIMIZER_SGD,
                               .learning_rate = 1e6,
                               .window = 10,
                               .batch = 4,
                               .epochs = 9,
                               .checkpoint_path = CHECKPOINT,
                               .checkpoint_seconds = -1.0}};
}

static void the_last_good_weights_are_kept(void **state) {
    (void)state;
    const Setup setup = exploding_setup();
    elman_error error = {0};
    char kept[DIGEST_TEXT_SIZE], stored[DIGEST_TEXT_SIZE], word[64];
    Watch seen = {0};
    Training t;
    (void)remove(CHECKPOINT);
    training_begin(&t, &setup, 1);
    assert_int_equal(run(&t, &seen, NULL, &error), ELMAN_ERR_NOT_FINITE);
    (void)snprintf(word, sizeof(word), "step %d:", (int)seen.steps + 1);
    if (strstr(error.message, word) == NULL || strstr(error.message, "kept") == NULL)
        fail_msg("\"%s\" does not say %s", error.message, word);
    digest_weights(t.model, kept);

    elman_checkpoint *checkpoint = NULL;
    elman_model *model = NULL;
    assert_int_equal(elman_checkpoint_open(t.context, CHECKPOINT, &checkpoint, NULL), ELMAN_OK);
    assert_int_equal(elman_checkpoint_step(checkpoint), seen.steps);
    elman_checkpoint_close(checkpoint);
    assert_int_equal(elman_model_load(t.context, CHECKPOINT, &model, NULL), ELMAN_OK);
    digest_weights(model, stored);
    assert_string_equal(kept, stored);
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        for (size_t j = 0; j < tensor.count; j++) assert_true(isfinite(tensor.data[j]));
    }
    elman_model_destroy(model);
    training_end(&t);
}

static void a_checkpoint_that_cannot_be_written_is_told(void **state) {
    (void)state;
    Setup setup = exploding_setup();
    elman_error error = {0};
    Training t;
    setup.options.checkpoint_path = "no/such/folder";
    training_begin(&t, &setup, 1);
    assert_int_equal(run(&t, NULL, NULL, &error), ELMAN_ERR_NOT_FINITE);
    assert_non_null(strstr(error.message, "no checkpoint: no/such/folder"));
    training_end(&t);

    setup = lstm_with_dropout_and_adam;
    setup.options.checkpoint_path = "no/such/folder";
    setup.options.checkpoint_seconds = 0.0;
    training_begin(&t, &setup, 1);
    Watch seen = {0};
    assert_int_equal(run(&t, &seen, NULL, &error), ELMAN_ERR_IO);
    assert_int_equal(seen.steps, 1);
    training_end(&t);
}

static const elman_train_options small_options = {.struct_size = sizeof(small_options),
                                                  .learning_rate = 1e-2,
                                                  .window = 5,
                                                  .batch = 2,
                                                  .max_steps = 3,
                                                  .validate_steps = 1,
                                                  .checkpoint_path = CHECKPOINT,
                                                  .checkpoint_seconds = -1.0,
                                                  .description = "{}"};

/* Trains two steps, writes a checkpoint, restores it and finishes, with an allocator that fails. */
static elman_status train_with(CountingAllocator *counting) {
    static const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 2, .layers = 1};
    static int32_t tokens[60];
    const elman_context_options context_options = {.struct_size = sizeof(context_options),
                                                   .allocator = counting_allocator(counting)};
    make_tokens(tokens, 60, 0);
    const elman_token_data data = {.struct_size = sizeof(data),
                                   .train = tokens,
                                   .train_count = 60,
                                   .valid = tokens,
                                   .valid_count = 5,
                                   .digest = "d"};
    elman_context *context = NULL;
    elman_status status = elman_context_create(&context_options, &context, NULL);
    if (status != ELMAN_OK) return status;
    for (int part = 0; status == ELMAN_OK && part < 2; part++) {
        elman_trainer *trainer = NULL;
        elman_checkpoint *checkpoint = NULL;
        Watch seen = {.cancel_at = part == 0 ? 2 : 0};
        elman_model *model = make_model(context, &shape, 1);
        status = model == NULL ? ELMAN_ERR_MEMORY
                               : elman_trainer_create(model, &small_options, &trainer, NULL);
        if (status == ELMAN_OK && part == 1) {
            status = elman_checkpoint_open(context, CHECKPOINT, &checkpoint, NULL);
            if (status == ELMAN_OK) status = elman_trainer_restore(trainer, checkpoint, NULL);
        }
        if (status == ELMAN_OK)
            status = elman_trainer_run_tokens(trainer, &data, watch, &seen, NULL, NULL);
        if (status == ELMAN_ERR_CANCELLED && part == 0) status = ELMAN_OK;
        elman_checkpoint_close(checkpoint);
        elman_trainer_destroy(trainer);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
    return status;
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = k};
        status = train_with(&counting);
        if ((status != ELMAN_OK && status != ELMAN_ERR_MEMORY) || counting.live != 0)
            fail_msg("k=%ld: status %d, %ld blocks leaked", k, (int)status, counting.live);
        assert_true(k < 5000);
    }
}

/* A run that found no memory before its first step leaves a trainer that is still fresh. */
static void restored_after_a_run_without_memory(void **state) {
    (void)state;
    static const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 2, .layers = 1};
    static int32_t tokens[60];
    make_tokens(tokens, 60, 0);
    const elman_token_data data = {.struct_size = sizeof(data),
                                   .train = tokens,
                                   .train_count = 60,
                                   .valid = tokens,
                                   .valid_count = 5,
                                   .digest = "d"};
    CountingAllocator first = {.allow = ALLOW_ALL};
    assert_int_equal(train_with(&first), ELMAN_OK); /* leaves a checkpoint */
    int restored = 0;
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof(options),
                                               .allocator = counting_allocator(&counting)};
        elman_context *context = NULL;
        elman_trainer *trainer = NULL;
        elman_checkpoint *checkpoint = NULL;
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        elman_model *model = make_model(context, &shape, 1);
        assert_int_equal(elman_trainer_create(model, &small_options, &trainer, NULL), ELMAN_OK);
        assert_int_equal(elman_checkpoint_open(context, CHECKPOINT, &checkpoint, NULL), ELMAN_OK);
        counting.allow = k;
        status = elman_trainer_run_tokens(trainer, &data, NULL, NULL, NULL, NULL);
        counting.allow = ALLOW_ALL;
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        const elman_status again = elman_trainer_restore(trainer, checkpoint, NULL);
        assert_true(again == ELMAN_OK || again == ELMAN_ERR_ARGUMENT);
        restored += again == ELMAN_OK;
        if (again == ELMAN_OK)
            assert_int_equal(elman_trainer_run_tokens(trainer, &data, NULL, NULL, NULL, NULL),
                             ELMAN_OK);
        elman_checkpoint_close(checkpoint);
        elman_trainer_destroy(trainer);
        elman_model_destroy(model);
        elman_context_destroy(context);
        if (counting.live != 0) fail_msg("k=%ld: %ld blocks leaked", k, counting.live);
    }
    assert_true(restored >= 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm_stopped_at_every_step),
        cmocka_unit_test(gru_stopped_at_every_step),
        cmocka_unit_test(rnn_stopped_at_every_step),
        cmocka_unit_test(resumes_at_the_end_and_again_and_again),
        cmocka_unit_test(the_last_good_weights_are_kept),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_is_told),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(restored_after_a_run_without_memory),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
