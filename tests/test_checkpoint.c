/* Checkpoints: a run that is stopped anywhere and resumed writes the same bytes as one that is not,
 * and what does not fit is refused by name. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "test_train_support.h"

#include <jansson.h>

#include "core/memory.h"
#include "formats/safetensors.h"
#include "support/allocator.h"

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

/* What a run's callback sees, and when it stops the run. */
typedef struct Watch {
    uint64_t cancel_at, steps;
    double losses[STEPS_MAX + 1], validations[STEPS_MAX + 1];
} Watch;

static int watch(void *user, const elman_step_report *report) {
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

static void training_begin(Training *t, const Setup *setup, size_t threads) {
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

static void training_end(Training *t) {
    elman_trainer_destroy(t->trainer);
    elman_model_destroy(t->model);
    elman_context_destroy(t->context);
}

static elman_status restore(Training *t, const char *path, elman_error *error) {
    elman_checkpoint *checkpoint = NULL;
    elman_status status = elman_checkpoint_open(t->context, path, &checkpoint, error);
    if (status == ELMAN_OK) status = elman_trainer_restore(t->trainer, checkpoint, error);
    elman_checkpoint_close(checkpoint);
    return status;
}

static elman_status run(Training *t, Watch *seen, elman_train_result *result, elman_error *error) {
    return elman_trainer_run_tokens(t->trainer, &t->data, seen != NULL ? watch : NULL, seen, result,
                                    error);
}

static char *read_file(const char *path, size_t *size) {
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

static void assert_same_file(const char *a, const char *b, uint64_t step) {
    size_t a_size, b_size;
    char *a_bytes = read_file(a, &a_size), *b_bytes = read_file(b, &b_size);
    if (a_size != b_size || memcmp(a_bytes, b_bytes, a_size) != 0)
        fail_msg("stopped after step %d: %s and %s differ", (int)step, a, b);
    free(a_bytes);
    free(b_bytes);
}

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

/* Writes a checkpoint of step 7 of the first setup. */
static void write_checkpoint(void) {
    Setup setup = lstm_with_dropout_and_adam;
    setup.options.checkpoint_path = CHECKPOINT;
    setup.options.checkpoint_seconds = -1.0;
    setup.options.validate_steps = 2;
    Training t;
    Watch seen = {.cancel_at = 9};
    training_begin(&t, &setup, 1);
    assert_int_equal(run(&t, &seen, NULL, NULL), ELMAN_ERR_CANCELLED);
    assert_int_equal(elman_model_save(t.model, "current.safetensors", NULL), ELMAN_OK);
    training_end(&t);
}

/* The setup that fits it. */
static Setup fitting_setup(void) {
    Setup setup = lstm_with_dropout_and_adam;
    setup.options.validate_steps = 2;
    return setup;
}

static void a_checkpoint_is_a_model_file(void **state) {
    (void)state;
    write_checkpoint();
    elman_context *context = make_context(1, NULL);
    elman_checkpoint *checkpoint = NULL;
    assert_int_equal(elman_checkpoint_open(context, CHECKPOINT, &checkpoint, NULL), ELMAN_OK);
    assert_int_equal(elman_checkpoint_step(checkpoint), 9);
    assert_string_equal(elman_checkpoint_digest(checkpoint), "abcdef");
    assert_string_equal(elman_checkpoint_description(checkpoint), "{\"name\":\"test\"}");
    elman_checkpoint_close(checkpoint);

    elman_model *model = NULL;
    assert_int_equal(elman_model_load(context, CHECKPOINT, &model, NULL), ELMAN_OK);
    assert_int_equal(elman_model_save(model, "loaded.safetensors", NULL), ELMAN_OK);
    assert_same_file("current.safetensors", "loaded.safetensors", 9);
    elman_model_destroy(model);

    elman_error error = {0};
    assert_int_equal(elman_checkpoint_open(context, "current.safetensors", &checkpoint, &error),
                     ELMAN_ERR_FORMAT);
    assert_non_null(strstr(error.message, "not a checkpoint"));
    assert_null(checkpoint);
    assert_int_equal(elman_checkpoint_open(context, "missing", &checkpoint, &error), ELMAN_ERR_IO);
    elman_context_destroy(context);
}

/* Restoring must fail, name `word`, and change nothing. */
static void expect_refused(const Setup *setup, const char *path, elman_status expected,
                           const char *word) {
    char before[DIGEST_TEXT_SIZE], after[DIGEST_TEXT_SIZE];
    elman_error error = {0};
    Training t;
    training_begin(&t, setup, 1);
    digest_weights(t.model, before);
    const elman_status status = restore(&t, path, &error);
    if (status != expected || strstr(error.message, word) == NULL)
        fail_msg("status %d, \"%s\", expected %d and %s", (int)status, error.message, (int)expected,
                 word);
    digest_weights(t.model, after);
    assert_string_equal(before, after);
    /* The trainer is as good as new. */
    assert_int_equal(run(&t, NULL, NULL, NULL), ELMAN_OK);
    training_end(&t);
}

static void other_options_are_refused_by_name(void **state) {
    (void)state;
    write_checkpoint();
    const Setup fitting = fitting_setup();
#define WITH(member, value)                                                                        \
    {                                                                                              \
        Setup setup = fitting;                                                                     \
        setup.options.member = (value);                                                            \
        expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, #member);                           \
    }
    WITH(optimizer, ELMAN_OPTIMIZER_ADAMW)
    WITH(learning_rate, 2e-2)
    WITH(momentum, 0.5)
    WITH(beta1, 0.8)
    WITH(beta2, 0.99)
    WITH(alpha, 0.5)
    WITH(epsilon, 1e-7)
    WITH(weight_decay, 0.1)
    WITH(clip_norm, 2)
    WITH(clip_value, 2)
    WITH(schedule, ELMAN_SCHEDULE_CONSTANT)
    WITH(warmup_steps, 4)
    WITH(schedule_steps, 10)
    WITH(schedule_factor, 0.5)
    WITH(seed, 6)
    WITH(window, 9)
    WITH(batch, 5)
    WITH(independent, 1)
    WITH(epochs, 4)
    WITH(max_steps, 40)
    WITH(patience, 1)
    WITH(validate_steps, 3)
#undef WITH
}

static void other_models_are_refused_by_name(void **state) {
    (void)state;
    write_checkpoint();
    Setup setup = fitting_setup();
    setup.shape.hidden = 8;
    expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, "hidden units 7");
    setup = fitting_setup();
    setup.shape.layers = 1;
    expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, "layers");
    setup = fitting_setup();
    setup.shape.dropout = 0.25f;
    expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, "dropout");
    setup = fitting_setup();
    setup.shape.cell = ELMAN_CELL_GRU;
    expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, "cell kind");
    setup = fitting_setup();
    setup.shape.learned_state = 0;
    expect_refused(&setup, CHECKPOINT, ELMAN_ERR_MISMATCH, "learned");
}

static void other_data_are_refused(void **state) {
    (void)state;
    write_checkpoint();
    const Setup setup = fitting_setup();
    elman_error error = {0};
    Training t;
    training_begin(&t, &setup, 1);
    assert_int_equal(restore(&t, CHECKPOINT, NULL), ELMAN_OK);
    t.data.digest = "abcdee";
    assert_int_equal(run(&t, NULL, NULL, &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "abcdef"));
    assert_non_null(strstr(error.message, "abcdee"));
    t.data.digest = "abcdef";
    t.data.valid_count--;
    assert_int_equal(run(&t, NULL, NULL, &error), ELMAN_ERR_MISMATCH);
    t.data.valid_count++;
    assert_int_equal(restore(&t, CHECKPOINT, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "fresh"));
    assert_int_equal(run(&t, NULL, NULL, NULL), ELMAN_OK);
    training_end(&t);
}

/* Copies the checkpoint to "edited", without the tensor `dropped` (NULL: with all), and with
 * `description` (NULL: its own) under the key. */
static void edit_checkpoint(const char *dropped, const char *description) {
    Memory memory;
    SafetensorsFile *file = NULL;
    memory_init(&memory, NULL);
    assert_int_equal(safetensors_open(&memory, CHECKPOINT, &file, NULL), ELMAN_OK);
    SafetensorsTensor tensors[128];
    SafetensorsPair pairs[8];
    size_t count = 0;
    const size_t pair_count = safetensors_metadata_count(file);
    assert_true(safetensors_count(file) <= 128 && pair_count <= 8);
    for (size_t i = 0; i < safetensors_count(file); i++) {
        safetensors_at(file, i, &tensors[count]);
        if (dropped == NULL || strcmp(tensors[count].name, dropped) != 0) count++;
    }
    assert_int_equal(count, safetensors_count(file) - (dropped != NULL));
    for (size_t i = 0; i < pair_count; i++) {
        pairs[i] = safetensors_metadata_at(file, i);
        if (description != NULL && strcmp(pairs[i].key, "elman_checkpoint") == 0)
            pairs[i].value = description;
    }
    assert_int_equal(safetensors_write(&memory, "edited", pairs, pair_count, tensors, count, NULL),
                     ELMAN_OK);
    safetensors_close(file);
}

static void missing_tensors_are_refused_by_name(void **state) {
    (void)state;
    write_checkpoint();
    const Setup setup = fitting_setup();
    static const char *const names[] = {"checkpoint.m.rnn.weight_ih_l0", "checkpoint.v.head.bias",
                                        "checkpoint.best.rnn.h0_l1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        edit_checkpoint(names[i], NULL);
        expect_refused(&setup, "edited", ELMAN_ERR_MISMATCH, names[i]);
    }
    /* Whether a state must be there is known with the data. */
    elman_error error = {0};
    Training t;
    edit_checkpoint("checkpoint.state", NULL);
    training_begin(&t, &setup, 1);
    assert_int_equal(restore(&t, "edited", NULL), ELMAN_OK);
    assert_int_equal(run(&t, NULL, NULL, &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "step 9"));
    training_end(&t);
}

/* The checkpoint's description, to be edited. */
static json_t *read_description(void) {
    Memory memory;
    SafetensorsFile *file = NULL;
    memory_init(&memory, NULL);
    assert_int_equal(safetensors_open(&memory, CHECKPOINT, &file, NULL), ELMAN_OK);
    json_t *object = json_loads(safetensors_metadata(file, "elman_checkpoint"), 0, NULL);
    assert_non_null(object);
    safetensors_close(file);
    return object;
}

static void expect_bad_description(json_t *object, elman_status status, const char *word) {
    const Setup setup = fitting_setup();
    char *text = json_dumps(object, 0);
    edit_checkpoint(NULL, text);
    expect_refused(&setup, "edited", status, word);
    free(text);
    json_decref(object);
}

static void bad_descriptions_are_refused_by_name(void **state) {
    (void)state;
    write_checkpoint();
    const Setup setup = fitting_setup();
    static const char *const keys[] = {"format_version", "step",        "epoch",       "position",
                                       "loss_sum",       "loss_count",  "best_loss",   "best_step",
                                       "best_epoch",     "train_count", "valid_count", "digest",
                                       "description",    "options"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *object = read_description();
        assert_int_equal(json_object_del(object, keys[i]), 0);
        expect_bad_description(object, ELMAN_ERR_FORMAT, keys[i]);
    }
    static const struct {
        const char *key;
        json_int_t value;
        elman_status status;
    } values[] = {{"format_version", 2, ELMAN_ERR_UNSUPPORTED},
                  {"step", -1, ELMAN_ERR_FORMAT},
                  {"best_step", 10, ELMAN_ERR_FORMAT},
                  {"best_epoch", 99, ELMAN_ERR_FORMAT},
                  {"source", 1, ELMAN_ERR_FORMAT}};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        json_t *object = read_description();
        json_object_set_new(object, values[i].key, json_integer(values[i].value));
        expect_bad_description(object, values[i].status, values[i].key);
    }
    static const char *const texts[] = {"", "[]", "{",
                                        "{\"format_version\":1,\"format_version\":1}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        edit_checkpoint(NULL, texts[i]);
        expect_refused(&setup, "edited", ELMAN_ERR_FORMAT, "elman_checkpoint");
    }
}

/* The longest description that is taken, of the characters that take the most room, can be read. */
static void long_descriptions(void **state) {
    (void)state;
    enum { MOST = 48 * 1024 };
    write_checkpoint();
    Setup setup = lstm_with_dropout_and_adam;
    Training t;
    char *text = malloc(MOST + 2);
    assert_non_null(text);
    memset(text, '\n', MOST);
    memcpy(text, "{}", 2);
    text[MOST] = '\0';
    setup.options.description = text;
    setup.options.checkpoint_path = "long.checkpoint";
    training_begin(&t, &setup, 1);
    Watch seen = {.cancel_at = 1};
    assert_int_equal(run(&t, &seen, NULL, NULL), ELMAN_ERR_CANCELLED);
    elman_checkpoint *checkpoint = NULL;
    assert_int_equal(elman_checkpoint_open(t.context, "long.checkpoint", &checkpoint, NULL),
                     ELMAN_OK);
    assert_string_equal(elman_checkpoint_description(checkpoint), text);
    elman_checkpoint_close(checkpoint);

    elman_error error = {0};
    elman_trainer *trainer = NULL;
    elman_train_options options = setup.options;
    options.struct_size = sizeof(options);
    text[MOST] = ' ';
    text[MOST + 1] = '\0';
    assert_int_equal(elman_trainer_create(t.model, &options, &trainer, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "description"));
    training_end(&t);
    free(text);

    text = calloc(1, 128 * 1024 + 2);
    assert_non_null(text);
    memset(text, ' ', 128 * 1024 + 1);
    edit_checkpoint(NULL, text);
    free(text);
    setup = fitting_setup();
    expect_refused(&setup, "edited", ELMAN_ERR_FORMAT, "expected at most 131072");
}

static void impossible_positions_are_refused(void **state) {
    (void)state;
    write_checkpoint();
    static const char *const keys[] = {"step", "position", "epoch"};
    static const json_int_t values[] = {0, 8, 1000, INT64_MAX};
    for (size_t i = 0; i < 12; i++) {
        const Setup setup = fitting_setup();
        elman_error error = {0};
        Training t;
        json_t *object = read_description();
        json_object_set_new(object, keys[i % 3], json_integer(values[i / 3]));
        json_object_set_new(object, "best_step", json_integer(0));
        json_object_set_new(object, "best_epoch", json_integer(0));
        char *text = json_dumps(object, 0);
        edit_checkpoint(NULL, text);
        training_begin(&t, &setup, 1);
        assert_int_equal(restore(&t, "edited", NULL), ELMAN_OK);
        assert_int_equal(run(&t, NULL, NULL, &error), ELMAN_ERR_MISMATCH);
        assert_non_null(strstr(error.message, "cannot be batch"));
        training_end(&t);
        free(text);
        json_decref(object);
    }
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
        cmocka_unit_test(a_checkpoint_is_a_model_file),
        cmocka_unit_test(other_options_are_refused_by_name),
        cmocka_unit_test(other_models_are_refused_by_name),
        cmocka_unit_test(other_data_are_refused),
        cmocka_unit_test(missing_tensors_are_refused_by_name),
        cmocka_unit_test(bad_descriptions_are_refused_by_name),
        cmocka_unit_test(long_descriptions),
        cmocka_unit_test(impossible_positions_are_refused),
        cmocka_unit_test(the_last_good_weights_are_kept),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_is_told),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(restored_after_a_run_without_memory),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
