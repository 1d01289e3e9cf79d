/* The running mean of the weights: what it is, where it goes, and that a run which is stopped or
 * killed anywhere ends with the bytes of one that is not. */
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_train_support.h"

#include "support/allocator.h"

#define CHECKPOINT "average.checkpoint"

enum {
    WINDOW = 6,
    ROWS = 4,
    BATCHES = 5,
    STEPS = 20, /* the share of the past goes from 2/11 to `average` and stays there */
    TOKENS = 170,
    VALID = 30,
    WEIGHTS_MAX = 4096
};

static const ModelShape small = {
    .cell = ELMAN_CELL_LSTM, .hidden = 7, .layers = 2, .dropout = 0.3f, .learned_state = 1};

static const elman_train_options usual = {.struct_size = sizeof(usual),
                                          .learning_rate = 1e-2,
                                          .clip_norm = 1,
                                          .seed = 5,
                                          .window = 8,
                                          .batch = 4,
                                          .max_steps = STEPS,
                                          .validate_steps = 3,
                                          .checkpoint_seconds = -1.0,
                                          .average = 0.6};

/* The weights of a model, one tensor behind the other. */
typedef struct Weights {
    float values[WEIGHTS_MAX];
    size_t count;
} Weights;

static void read_weights(const elman_model *model, Weights *weights) {
    weights->count = 0;
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        assert_true(weights->count + tensor.count <= WEIGHTS_MAX);
        memcpy(weights->values + weights->count, tensor.data, tensor.count * sizeof(float));
        weights->count += tensor.count;
    }
}

static void write_weights(elman_model *model, const Weights *weights) {
    size_t at = 0;
    for (size_t i = 0; i < elman_model_tensor_count(model); i++) {
        elman_tensor tensor;
        assert_int_equal(elman_model_tensor(model, i, &tensor), ELMAN_OK);
        memcpy(tensor.data, weights->values + at, tensor.count * sizeof(float));
        at += tensor.count;
    }
}

static void assert_same_weights(const Weights *a, const Weights *b) {
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
}

/* A source of windows of a text, and a second trainer that takes the same steps one by one. */
typedef struct Steps {
    int32_t tokens[TOKENS], valid[VALID];
    int32_t inputs[WINDOW * ROWS], targets[WINDOW * ROWS];
    elman_model *model, *other, *mean_model; /* of the run, of the steps, for the mean */
    elman_trainer *single;
    Weights mean[STEPS + 1]; /* recomputed; [0]: before the first step */
    size_t rising_from;      /* from this validation on the losses are made to rise; 0: none */
    size_t validations;
    uint64_t cancel_at;
} Steps;

static elman_status give(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                         elman_error *error) {
    Steps *s = user;
    (void)error;
    for (size_t t = 0; t < WINDOW; t++)
        for (size_t b = 0; b < ROWS; b++) {
            const size_t at = (size_t)(epoch * 7 + position * 11) + b * 23 + t;
            s->inputs[t * ROWS + b] = s->tokens[at];
            s->targets[t * ROWS + b] = s->tokens[at + 1];
        }
    batch->sequence.steps = WINDOW;
    batch->sequence.batch = ROWS;
    batch->sequence.tokens = s->inputs;
    batch->targets.loss = ELMAN_LOSS_CROSS_ENTROPY;
    batch->targets.classes = s->targets;
    return ELMAN_OK;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    Steps *s = user;
    const elman_status status = elman_evaluate_tokens(network, s->valid, VALID, loss, error);
    s->validations++;
    if (s->rising_from > 0 && s->validations >= s->rising_from)
        loss->mean = 100.0 + (double)s->validations;
    return status;
}

/* Takes step `step` alone, and works out the mean from its weights. */
static void follow(Steps *s, uint64_t step) {
    elman_batch batch = {.struct_size = sizeof(batch),
                         .sequence = {.struct_size = sizeof(batch.sequence)},
                         .targets = {.struct_size = sizeof(batch.targets)}};
    Weights now;
    (void)give(s, (step - 1) / BATCHES + 1, (step - 1) % BATCHES, &batch, NULL);
    assert_int_equal(
        elman_trainer_step(s->single, &batch.sequence, &batch.targets, NULL, NULL, NULL), ELMAN_OK);
    read_weights(s->other, &now);
    double share = (double)(step + 1) / (double)(step + 10);
    if (share > usual.average) share = usual.average;
    s->mean[step].count = now.count;
    for (size_t i = 0; i < now.count; i++)
        s->mean[step].values[i] = (float)(share * (double)s->mean[step - 1].values[i] +
                                          (1.0 - share) * (double)now.values[i]);
}

/* The loss of the recomputed mean of that step. */
static double mean_loss(Steps *s, uint64_t step) {
    elman_network *network = NULL;
    elman_loss loss = {0};
    write_weights(s->mean_model, &s->mean[step]);
    assert_int_equal(elman_network_compile(s->mean_model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_evaluate_tokens(network, s->valid, VALID, &loss, NULL), ELMAN_OK);
    elman_network_destroy(network);
    return loss.mean;
}

static int compare_step(void *user, const elman_step_report *report) {
    Steps *s = user;
    Weights run, single;
    follow(s, report->step);
    /* Whatever was validated, the run goes on with the weights of its steps. */
    read_weights(s->model, &run);
    read_weights(s->other, &single);
    assert_same_weights(&run, &single);
    if (report->validated && s->rising_from == 0)
        assert_true(report->validation_loss == mean_loss(s, report->step));
    return report->step == s->cancel_at;
}

static elman_status run_beside(Steps *s, bool validated, elman_train_result *result) {
    elman_context *context = make_context(1, NULL);
    elman_trainer *trainer = NULL;
    const elman_source source = {.struct_size = sizeof(source),
                                 .user = s,
                                 .batches = BATCHES,
                                 .batch = give,
                                 .validate = validated ? validate : NULL};
    Weights kept, single;
    make_tokens(s->tokens, TOKENS, 0);
    make_tokens(s->valid, VALID, 1);
    s->model = make_model(context, &small, 7);
    s->other = make_model(context, &small, 7);
    s->mean_model = make_model(context, &small, 8);
    assert_int_equal(elman_trainer_create(s->model, &usual, &trainer, NULL), ELMAN_OK);
    assert_int_equal(elman_trainer_create(s->other, &usual, &s->single, NULL), ELMAN_OK);
    read_weights(s->model, &s->mean[0]);
    const elman_status status = elman_trainer_run(trainer, &source, compare_step, s, result, NULL);
    read_weights(s->model, &kept);
    read_weights(s->other, &single);
    assert_same_weights(&kept,
                        status == ELMAN_ERR_CANCELLED ? &single : &s->mean[result->best_step]);
    elman_trainer_destroy(s->single);
    elman_trainer_destroy(trainer);
    elman_model_destroy(s->mean_model);
    elman_model_destroy(s->other);
    elman_model_destroy(s->model);
    elman_context_destroy(context);
    return status;
}

static Steps steps;

static void the_mean_is_kept(void **state) {
    (void)state;
    elman_train_result result;
    steps = (Steps){0};
    assert_int_equal(run_beside(&steps, false, &result), ELMAN_OK);
    assert_int_equal(result.best_step, STEPS);
}

static void the_mean_is_validated(void **state) {
    (void)state;
    elman_train_result result;
    steps = (Steps){0};
    assert_int_equal(run_beside(&steps, true, &result), ELMAN_OK);
    assert_true(steps.validations >= STEPS / 3);
}

static void the_best_mean_is_kept(void **state) {
    (void)state;
    elman_train_result result;
    steps = (Steps){.rising_from = 3};
    assert_int_equal(run_beside(&steps, true, &result), ELMAN_OK);
    assert_true(result.best_step > 0 && result.best_step <= 5);
}

static void a_cancelled_run_leaves_its_last_step(void **state) {
    (void)state;
    for (int validated = 0; validated < 2; validated++) {
        elman_train_result result;
        steps = (Steps){.cancel_at = 9};
        assert_int_equal(run_beside(&steps, validated != 0, &result), ELMAN_ERR_CANCELLED);
    }
}

/* A run over tokens. */
typedef struct Training {
    elman_context *context;
    elman_model *model;
    elman_trainer *trainer;
    int32_t train[TOKENS], valid[VALID];
    elman_token_data data;
} Training;

static void begin(Training *t, const elman_train_options *options, size_t threads, bool validated) {
    t->context = make_context(threads, NULL);
    t->model = make_model(t->context, &small, 7);
    assert_int_equal(elman_trainer_create(t->model, options, &t->trainer, NULL), ELMAN_OK);
    make_tokens(t->train, TOKENS, 0);
    make_tokens(t->valid, VALID, 1);
    t->data = (elman_token_data){.struct_size = sizeof(t->data),
                                 .train = t->train,
                                 .train_count = TOKENS,
                                 .valid = t->valid,
                                 .valid_count = validated ? VALID : 0,
                                 .digest = "abcdef"};
}

static void end(Training *t) {
    elman_trainer_destroy(t->trainer);
    elman_model_destroy(t->model);
    elman_context_destroy(t->context);
}

static elman_status restore(Training *t, elman_error *error) {
    elman_checkpoint *checkpoint = NULL;
    elman_status status = elman_checkpoint_open(t->context, CHECKPOINT, &checkpoint, error);
    if (status == ELMAN_OK) status = elman_trainer_restore(t->trainer, checkpoint, error);
    elman_checkpoint_close(checkpoint);
    return status;
}

static int stop_at(void *user, const elman_step_report *report) {
    return report->step == *(const uint64_t *)user;
}

static int kill_at(void *user, const elman_step_report *report) {
    if (report->step == *(const uint64_t *)user) raise(SIGKILL);
    return 0;
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s is missing", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    char *bytes = malloc(*size);
    assert_non_null(bytes);
    rewind(file);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    (void)fclose(file);
    return bytes;
}

static void assert_same_file(const char *a, const char *b) {
    size_t a_size, b_size;
    char *a_bytes = read_file(a, &a_size), *b_bytes = read_file(b, &b_size);
    if (a_size != b_size || memcmp(a_bytes, b_bytes, a_size) != 0) fail_msg("%s, %s differ", a, b);
    free(a_bytes);
    free(b_bytes);
}

/* Finishes the run, from a checkpoint if there is one, and saves its model. */
static void finish(const elman_train_options *options, size_t threads, bool validated, bool resumed,
                   const char *path) {
    Training t;
    elman_error error = {0};
    begin(&t, options, threads, validated);
    if (resumed && restore(&t, &error) != ELMAN_OK) fail_msg("%s", error.message);
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, NULL, NULL),
                     ELMAN_OK);
    assert_int_equal(elman_model_save(t.model, path, NULL), ELMAN_OK);
    end(&t);
}

static void stopped_at_every_step(void **state) {
    (void)state;
    for (int validated = 0; validated < 2; validated++) {
        elman_train_options options = usual;
        options.checkpoint_path = CHECKPOINT;
        finish(&options, 1, validated, false, "whole.safetensors");
        assert_int_equal(rename(CHECKPOINT, "whole.checkpoint"), 0);
        for (uint64_t step = 1; step < STEPS; step++) {
            Training t;
            begin(&t, &options, 1, validated);
            assert_int_equal(
                elman_trainer_run_tokens(t.trainer, &t.data, stop_at, &step, NULL, NULL),
                ELMAN_ERR_CANCELLED);
            end(&t);
            finish(&options, 1 + step % 3, validated, true, "resumed.safetensors");
            assert_same_file("whole.safetensors", "resumed.safetensors");
            assert_same_file("whole.checkpoint", CHECKPOINT);
            /* The checkpoint of the last step gives the same once more. */
            finish(&options, 1, validated, true, "resumed.safetensors");
            assert_same_file("whole.safetensors", "resumed.safetensors");
        }
    }
}

static void killed_at_every_step(void **state) {
    (void)state;
    elman_train_options options = usual;
    options.checkpoint_path = CHECKPOINT;
    options.checkpoint_seconds = 0.0;
    finish(&options, 1, true, false, "whole.safetensors");
    for (uint64_t step = 1; step <= STEPS; step++) {
        int status;
        unlink(CHECKPOINT);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            Training t;
            begin(&t, &options, 1, true);
            (void)elman_trainer_run_tokens(t.trainer, &t.data, kill_at, &step, NULL, NULL);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        finish(&options, 2, true, step > 1, "resumed.safetensors");
        assert_same_file("whole.safetensors", "resumed.safetensors");
    }
}

static void write_checkpoint(double average) {
    uint64_t step = 7;
    elman_train_options options = usual;
    Training t;
    options.checkpoint_path = CHECKPOINT;
    options.average = average;
    begin(&t, &options, 1, true);
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, stop_at, &step, NULL, NULL),
                     ELMAN_ERR_CANCELLED);
    end(&t);
}

static void expect_refused(double average, const char *word) {
    elman_train_options options = usual;
    elman_error error = {0};
    Training t;
    options.average = average;
    begin(&t, &options, 1, true);
    assert_int_equal(restore(&t, &error), ELMAN_ERR_MISMATCH);
    if (strstr(error.message, word) == NULL) fail_msg("\"%s\", expected %s", error.message, word);
    end(&t);
}

/* The first place of a text in the checkpoint's bytes; NULL: none. */
static char *find(char *bytes, size_t size, const char *text) {
    const size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, text, length) == 0) return bytes + i;
    return NULL;
}

static void other_averages_are_refused(void **state) {
    (void)state;
    write_checkpoint(0.5);
    expect_refused(0.75, "average 0.5, this one 0.75");
    expect_refused(0.0, "average 0.5, this one 0.0");

    size_t size;
    char *bytes = read_file(CHECKPOINT, &size);
    char *name = find(bytes, size, "checkpoint.average.");
    assert_non_null(name);
    name[strlen("checkpoint.")] = 'X';
    FILE *file = fopen(CHECKPOINT, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    expect_refused(0.5, "no tensor checkpoint.average.");

    write_checkpoint(0.0);
    expect_refused(0.5, "average 0, this one 0.5");
    bytes = read_file(CHECKPOINT, &size);
    assert_null(find(bytes, size, "average"));
    free(bytes);
}

static void shares_out_of_range_are_refused(void **state) {
    static const double shares[] = {1.0, 1.5, -0.1, NAN};
    (void)state;
    elman_context *context = make_context(1, NULL);
    elman_model *model = make_model(context, &small, 1);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        elman_train_options options = usual;
        elman_trainer *trainer = NULL;
        elman_error error = {0};
        options.average = shares[i];
        assert_int_equal(elman_trainer_create(model, &options, &trainer, &error),
                         ELMAN_ERR_ARGUMENT);
        assert_non_null(strstr(error.message, "average"));
        assert_null(trainer);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Tensors of several chunks, so that every thread has some. */
static void same_bits_at_any_thread_count(void **state) {
    static const ModelShape large = {.cell = ELMAN_CELL_LSTM, .hidden = 72, .layers = 2};
    char digests[3][DIGEST_TEXT_SIZE];
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        Training t;
        begin(&t, &usual, threads, true);
        elman_trainer_destroy(t.trainer);
        elman_model_destroy(t.model);
        t.model = make_model(t.context, &large, 2);
        assert_int_equal(elman_trainer_create(t.model, &usual, &t.trainer, NULL), ELMAN_OK);
        assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, NULL, NULL),
                         ELMAN_OK);
        digest_weights(t.model, digests[threads - 1]);
        end(&t);
    }
    assert_string_equal(digests[1], digests[0]);
    assert_string_equal(digests[2], digests[0]);
}

/* Trains two steps, writes a checkpoint, restores it and finishes. */
static elman_status train_with(CountingAllocator *counting) {
    static const ModelShape tiny = {.cell = ELMAN_CELL_RNN, .hidden = 2, .layers = 1};
    static int32_t tokens[60];
    const elman_context_options context_options = {.struct_size = sizeof(context_options),
                                                   .allocator = counting_allocator(counting)};
    elman_train_options options = usual;
    elman_context *context = NULL;
    options.window = 5;
    options.batch = 2;
    options.max_steps = 3;
    options.checkpoint_path = CHECKPOINT;
    make_tokens(tokens, 60, 0);
    const elman_token_data data = {.struct_size = sizeof(data),
                                   .train = tokens,
                                   .train_count = 60,
                                   .valid = tokens,
                                   .valid_count = 5};
    elman_status status = elman_context_create(&context_options, &context, NULL);
    for (int part = 0; status == ELMAN_OK && part < 2; part++) {
        uint64_t stop = part == 0 ? 2 : 0;
        elman_trainer *trainer = NULL;
        elman_checkpoint *checkpoint = NULL;
        elman_model *model = make_model(context, &tiny, 1);
        status = model == NULL ? ELMAN_ERR_MEMORY
                               : elman_trainer_create(model, &options, &trainer, NULL);
        if (status == ELMAN_OK && part == 1) {
            status = elman_checkpoint_open(context, CHECKPOINT, &checkpoint, NULL);
            if (status == ELMAN_OK) status = elman_trainer_restore(trainer, checkpoint, NULL);
        }
        if (status == ELMAN_OK)
            status = elman_trainer_run_tokens(trainer, &data, stop_at, &stop, NULL, NULL);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_kept),
        cmocka_unit_test(the_mean_is_validated),
        cmocka_unit_test(the_best_mean_is_kept),
        cmocka_unit_test(a_cancelled_run_leaves_its_last_step),
        cmocka_unit_test(stopped_at_every_step),
        cmocka_unit_test(killed_at_every_step),
        cmocka_unit_test(other_averages_are_refused),
        cmocka_unit_test(shares_out_of_range_are_refused),
        cmocka_unit_test(same_bits_at_any_thread_count),
        cmocka_unit_test(each_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("average", tests, NULL, NULL);
}
