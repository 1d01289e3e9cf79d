/* Checkpoints as files: what is in them, and that what does not fit is refused by name. */
#include "test_checkpoint_support.h"

#include <jansson.h>

#include "core/memory.h"
#include "formats/safetensors.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_is_a_model_file),
        cmocka_unit_test(other_options_are_refused_by_name),
        cmocka_unit_test(other_models_are_refused_by_name),
        cmocka_unit_test(other_data_are_refused),
        cmocka_unit_test(missing_tensors_are_refused_by_name),
        cmocka_unit_test(bad_descriptions_are_refused_by_name),
        cmocka_unit_test(long_descriptions),
        cmocka_unit_test(impossible_positions_are_refused),
    };
    return cmocka_run_group_tests_name("checkpoint files", tests, NULL, NULL);
}
