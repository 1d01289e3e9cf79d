/* Runs over a source's batches: the same bits at any thread count and after any kill, validation
 * and early stopping, errors of the source, refusals. */
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_train_support.h"

#include "core/random.h"
#include "support/allocator.h"

#define CHECKPOINT "source.checkpoint"
#define MODEL      "source.safetensors"

enum { STEPS = 6, ROWS = 4, FEATURES = 2, WORDS = 9, CLASSES = 3, BATCHES = 4, VALIDATION = 1000 };

/* A made-up task and what its source hands out. */
typedef struct Task {
    bool classify;
    size_t calls, validations;
    size_t fail_at;       /* this call of `batch` fails; 0: none */
    size_t fail_validate; /* this validation */
    size_t nan_at;        /* this validation has no loss */
    bool own_state;       /* the batches come with a state */
    float dense[STEPS * ROWS * FEATURES], numbers[ROWS], state[64];
    int32_t tokens[STEPS * ROWS], classes[ROWS];
    size_t lengths[ROWS];
} Task;

static float draw(uint64_t batch, uint64_t position) {
    return (float)random_uniform(7, RANDOM_SAMPLE, (uint32_t)batch, position);
}

/* Regression: the sum of the first features. Classification: which of CLASSES words comes most
 * often; the others mean nothing. */
static void fill(Task *task, uint64_t number, elman_batch *batch) {
    const size_t steps = STEPS - number % 2, rows = ROWS - number % 3 % 2;
    for (size_t b = 0; b < rows; b++) {
        size_t counts[CLASSES] = {0};
        task->lengths[b] = 1 + (size_t)(draw(number, b) * (float)steps);
        task->numbers[b] = 0.0f;
        task->classes[b] = 0;
        for (size_t t = 0; t < steps; t++) {
            const size_t at = t * rows + b;
            const float value = draw(number, 100 + at);
            task->tokens[at] = (int32_t)(value * WORDS);
            task->dense[FEATURES * at] = value - 0.5f;
            task->dense[FEATURES * at + 1] = draw(number, 200 + at);
            if (t >= task->lengths[b]) continue;
            task->numbers[b] += value - 0.5f;
            if (task->tokens[at] < CLASSES) counts[task->tokens[at]]++;
        }
        for (size_t c = 1; c < CLASSES; c++)
            if (counts[c] > counts[task->classes[b]]) task->classes[b] = (int32_t)c;
    }
    batch->sequence.steps = steps;
    batch->sequence.batch = rows;
    batch->sequence.lengths = task->lengths;
    batch->sequence.dense = task->classify ? NULL : task->dense;
    batch->sequence.tokens = task->classify ? task->tokens : NULL;
    if (task->own_state) batch->sequence.state = task->state;
    batch->targets.loss = task->classify ? ELMAN_LOSS_CROSS_ENTROPY : ELMAN_LOSS_MSE;
    batch->targets.classes = task->classify ? task->classes : NULL;
    batch->targets.numbers = task->classify ? NULL : task->numbers;
}

static elman_status sentence(elman_error *error, elman_status status, const char *text) {
    if (error) {
        error->status = status;
        (void)snprintf(error->message, sizeof(error->message), "%s", text);
    }
    return status;
}

static elman_status give(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                         elman_error *error) {
    Task *task = user;
    assert_true(epoch >= 1 && position < BATCHES);
    if (++task->calls == task->fail_at)
        return sentence(error, ELMAN_ERR_DATA, "data.csv:17: the line is cut off");
    fill(task, epoch * 100 + position, batch);
    return ELMAN_OK;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    Task *task = user, own = {.classify = task->classify};
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = STEPS, .batch = ROWS, .forward_only = 1};
    elman_batch batch = {.struct_size = sizeof(batch),
                         .sequence = {.struct_size = sizeof(batch.sequence)},
                         .targets = {.struct_size = sizeof(batch.targets)}};
    elman_tape *tape = NULL;
    double sum = 0.0;
    task->validations++;
    if (task->validations == task->nan_at) return ELMAN_OK;
    if (task->validations == task->fail_validate)
        return sentence(error, ELMAN_ERR_IO, "valid.csv: gone");
    elman_status status = elman_tape_create(network, &options, &tape, error);
    for (uint64_t k = 0; status == ELMAN_OK && k < 5; k++) {
        fill(&own, VALIDATION + k, &batch);
        status = elman_tape_forward(tape, &batch.sequence, error);
        if (status == ELMAN_OK) status = elman_tape_loss(tape, &batch.targets, loss, error);
        sum += loss->mean;
    }
    loss->mean = sum / 5;
    elman_tape_destroy(tape);
    return status;
}

/* A context, a model, a trainer and a source; NULL where memory is short. */
typedef struct Training {
    elman_context *context;
    elman_model *model;
    elman_trainer *trainer;
    Task task;
    elman_source source;
    elman_train_result result;
} Training;

static const elman_train_options usual = {.learning_rate = 0.02,
                                          .clip_norm = 1,
                                          .schedule = ELMAN_SCHEDULE_COSINE,
                                          .seed = 5,
                                          .epochs = 5,
                                          .validate_steps = 3};

static elman_status make(Training *t, bool classify, elman_error *error) {
    const elman_init_options init = {.struct_size = sizeof(init), .seed = 8};
    const elman_cell_options cell = {.struct_size = sizeof(cell),
                                     .cell = classify ? ELMAN_CELL_GRU : ELMAN_CELL_LSTM,
                                     .hidden = 18,
                                     .bidirectional = classify,
                                     .dropout = 0.1f};
    elman_status status = classify
                              ? elman_model_create_tokens(t->context, WORDS, 5, &t->model, error)
                              : elman_model_create(t->context, FEATURES, &t->model, error);
    if (status) return status;
    elman_model_add_cell_options(t->model, &cell);
    elman_model_add_linear(t->model, classify ? CLASSES : 1, 0);
    elman_model_set_output(t->model, classify ? ELMAN_OUTPUT_MEAN : ELMAN_OUTPUT_LAST_STEP);
    return elman_model_build(t->model, &init, error);
}

static elman_status begin_in(Training *t, elman_context *context, bool classify,
                             elman_train_options options, elman_error *error) {
    *t = (Training){.context = context, .task = {.classify = classify}};
    options.struct_size = sizeof(options);
    t->source = (elman_source){.struct_size = sizeof(t->source),
                               .user = &t->task,
                               .batches = BATCHES,
                               .batch = give,
                               .validate = validate,
                               .digest = "abc"};
    const elman_status status = make(t, classify, error);
    return status ? status : elman_trainer_create(t->model, &options, &t->trainer, error);
}

static void begin(Training *t, size_t threads, bool classify, elman_train_options options) {
    elman_error error = {0};
    if (begin_in(t, make_context(threads, NULL), classify, options, &error))
        fail_msg("%s", error.message);
    t->source.user = &t->task;
}

static void end(Training *t) {
    elman_trainer_destroy(t->trainer);
    elman_model_destroy(t->model);
    elman_context_destroy(t->context);
}

static elman_status restore(Training *t, elman_error *error) {
    elman_checkpoint *checkpoint = NULL;
    elman_status status = elman_checkpoint_open(t->context, CHECKPOINT, &checkpoint, error);
    if (!status) status = elman_trainer_restore(t->trainer, checkpoint, error);
    elman_checkpoint_close(checkpoint);
    return status;
}

static elman_status run(Training *t, elman_step_function callback, void *user, elman_error *error) {
    return elman_trainer_run(t->trainer, &t->source, callback, user, &t->result, error);
}

static void must_run(Training *t) {
    elman_error error = {0};
    if (run(t, NULL, NULL, &error)) fail_msg("%s", error.message);
}

static size_t read_file(const char *path, char bytes[1 << 17]) {
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, 1 << 17, file);
    (void)fclose(file);
    return size;
}

static void same_bits_at_any_thread_count(void **state) {
    (void)state;
    for (int classify = 0; classify < 2; classify++) {
        char digests[3][DIGEST_TEXT_SIZE];
        elman_train_result results[3];
        for (size_t threads = 1; threads <= 3; threads++) {
            Training t;
            elman_train_options options = usual;
            /* Runs over tokens alone look at these. */
            options.window = threads;
            options.batch = 2 * threads;
            options.independent = threads == 2;
            begin(&t, threads, classify, options);
            must_run(&t);
            digest_weights(t.model, digests[threads - 1]);
            results[threads - 1] = t.result;
            end(&t);
        }
        for (size_t i = 1; i < 3; i++) {
            assert_string_equal(digests[i], digests[0]);
            assert_true(results[i].train_loss == results[0].train_loss);
            assert_true(results[i].validation_loss == results[0].validation_loss);
            assert_true(results[i].best_step == results[0].best_step);
        }
        assert_int_equal(results[0].stop, ELMAN_STOP_FINISHED);
        assert_int_equal(results[0].steps, 5 * BATCHES);
        assert_int_equal(results[0].epochs, 5);
    }
}

/* Both tasks are learnt, far below what a constant gives: 0.25 (the variance) and ln 3. */
static void it_learns(void **state) {
    static const double reached[] = {0.05, 0.8};
    (void)state;
    for (int classify = 0; classify < 2; classify++) {
        Training t;
        elman_train_options options = usual;
        options.epochs = 150;
        begin(&t, 1, classify, options);
        must_run(&t);
        print_message("validation loss %.4f\n", t.result.validation_loss);
        assert_true(t.result.validation_loss < reached[classify]);
        end(&t);
    }
}

/* ---- stopped and resumed ---- */

static uint64_t stop_at;

static int stop(void *user, const elman_step_report *report) {
    (void)user;
    return report->step == stop_at;
}

static int die(void *user, const elman_step_report *report) {
    (void)user;
    if (report->step == stop_at) raise(SIGKILL);
    return 0;
}

/* Trains from the checkpoint, if there is one, and saves the model. */
static void train(bool classify, bool killed) {
    Training t;
    elman_train_options options = usual;
    elman_error error = {0};
    options.checkpoint_path = CHECKPOINT;
    options.epochs = 3;
    begin(&t, 1 + stop_at % 3, classify, options);
    elman_status status = access(CHECKPOINT, F_OK) == 0 ? restore(&t, &error) : ELMAN_OK;
    if (!status) status = run(&t, killed ? die : stop, NULL, &error);
    if (!status) status = elman_model_save(t.model, MODEL, &error);
    if (status && status != ELMAN_ERR_CANCELLED) fail_msg("%s", error.message);
    assert_true((status == ELMAN_ERR_CANCELLED) == (stop_at > 0 && stop_at < 3 * BATCHES));
    end(&t);
}

static void killed_child(bool classify) {
    const pid_t child = fork();
    int status;
    assert_true(child >= 0);
    if (child == 0) {
        train(classify, true);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void stopped_or_killed_anywhere(void **state) {
    static char want[2][1 << 17], got[1 << 17];
    static const char *const files[] = {CHECKPOINT, MODEL};
    size_t sizes[2];
    (void)state;
    for (int classify = 0; classify < 2; classify++) {
        stop_at = 0;
        (void)remove(CHECKPOINT);
        train(classify, false);
        for (size_t i = 0; i < 2; i++) sizes[i] = read_file(files[i], want[i]);
        for (uint64_t step = 1; step < 3 * BATCHES; step++)
            for (int kill = 0; kill < 2; kill++) {
                (void)remove(CHECKPOINT);
                (void)remove(MODEL);
                stop_at = step;
                if (kill)
                    killed_child(classify);
                else
                    train(classify, false);
                stop_at = 0;
                train(classify, false);
                for (size_t i = 0; i < 2; i++) {
                    assert_true(read_file(files[i], got) == sizes[i]);
                    assert_memory_equal(got, want[i], sizes[i]);
                }
            }
    }
    (void)remove(CHECKPOINT);
}

/* ---- validation ---- */

static void the_lowest_loss_is_kept(void **state) {
    (void)state;
    Training t;
    elman_train_options options = usual;
    elman_network *network = NULL;
    elman_loss loss;
    options.learning_rate = 0.3;
    options.schedule = ELMAN_SCHEDULE_CONSTANT;
    options.epochs = 100;
    options.patience = 2;
    begin(&t, 2, false, options);
    must_run(&t);
    assert_int_equal(t.result.stop, ELMAN_STOP_PATIENCE);
    assert_true(t.result.epochs < 100 && t.result.best_step < t.result.steps);
    assert_int_equal(elman_network_compile(t.model, &network, NULL), ELMAN_OK);
    assert_int_equal(validate(&t.task, network, &loss, NULL), ELMAN_OK);
    assert_true(loss.mean == t.result.validation_loss);
    elman_network_destroy(network);
    end(&t);
    /* Without validation the last weights stay, and patience means nothing. */
    options.epochs = 3;
    begin(&t, 2, false, options);
    t.source.validate = NULL;
    must_run(&t);
    assert_int_equal(t.result.stop, ELMAN_STOP_FINISHED);
    assert_true(isnan(t.result.validation_loss) && t.result.best_step == t.result.steps);
    assert_int_equal(t.task.validations, 0);
    end(&t);
}

static void expect(Training *t, elman_status want, const char *fragment) {
    elman_error error = {0};
    const elman_status status = run(t, NULL, NULL, &error);
    if (status != want || !strstr(error.message, fragment))
        fail_msg("%s: \"%s\", expected \"%s\"", elman_status_name(status), error.message, fragment);
}

/* The run ends with a checkpoint from which it can go on. */
static void a_validation_without_a_number(void **state) {
    (void)state;
    Training t;
    char whole[DIGEST_TEXT_SIZE], resumed[DIGEST_TEXT_SIZE];
    elman_train_options options = usual;
    elman_error error = {0};
    options.checkpoint_path = CHECKPOINT;
    options.checkpoint_seconds = -1;
    begin(&t, 1, true, options);
    must_run(&t);
    digest_weights(t.model, whole);
    end(&t);
    (void)remove(CHECKPOINT);
    begin(&t, 1, true, options);
    t.task.nan_at = 3;
    expect(&t, ELMAN_ERR_NOT_FINITE, "step 6: the validation loss is not finite");
    end(&t);
    begin(&t, 1, true, options);
    assert_int_equal(restore(&t, &error), ELMAN_OK);
    must_run(&t);
    digest_weights(t.model, resumed);
    end(&t);
    assert_string_equal(resumed, whole);
    (void)remove(CHECKPOINT);
}

/* ---- errors ---- */

static void errors_of_the_source_are_passed_on(void **state) {
    (void)state;
    char whole[DIGEST_TEXT_SIZE], again[DIGEST_TEXT_SIZE];
    Training t;
    begin(&t, 1, false, usual);
    must_run(&t);
    digest_weights(t.model, whole);
    end(&t);
    for (size_t call = 1; call <= 5 * BATCHES; call += 3) {
        begin(&t, 1, false, usual);
        t.task.fail_at = call;
        expect(&t, ELMAN_ERR_DATA, "data.csv:17: the line is cut off");
        assert_int_equal(t.task.calls, call);
        must_run(&t); /* with the batch it failed at */
        digest_weights(t.model, again);
        assert_string_equal(again, whole);
        end(&t);
    }
    begin(&t, 1, false, usual);
    t.task.fail_validate = 2;
    expect(&t, ELMAN_ERR_IO, "valid.csv: gone");
    end(&t);
    begin(&t, 1, false, usual);
    t.task.own_state = true;
    expect(&t, ELMAN_ERR_ARGUMENT, "a state of its own");
    end(&t);
    /* A batch of tokens for a model of numbers. */
    begin(&t, 1, false, usual);
    t.task.classify = true;
    expect(&t, ELMAN_ERR_ARGUMENT, "dense rows");
    end(&t);
}

static void not_a_number_in_a_batch(void **state) {
    (void)state;
    Training t;
    elman_train_options options = usual;
    options.checkpoint_path = CHECKPOINT;
    options.learning_rate = 1e38;
    options.schedule = ELMAN_SCHEDULE_CONSTANT;
    options.optimizer = ELMAN_OPTIMIZER_SGD;
    options.clip_norm = 0;
    begin(&t, 1, false, options);
    expect(&t, ELMAN_ERR_NOT_FINITE, "step ");
    assert_int_equal(access(CHECKPOINT, F_OK), 0);
    end(&t);
    (void)remove(CHECKPOINT);
}

static elman_status no_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                             elman_error *error) {
    (void)user, (void)epoch, (void)position, (void)error;
    batch->sequence.struct_size = 0;
    return ELMAN_OK;
}

static void refused(void **state) {
    (void)state;
    Training t;
    elman_train_options endless = usual;
    endless.epochs = 0;
    begin(&t, 1, false, endless);
    expect(&t, ELMAN_ERR_ARGUMENT, "nothing would end the run");
    end(&t);
    begin(&t, 1, false, usual);
    t.source.batches = 0;
    expect(&t, ELMAN_ERR_ARGUMENT, "no batches");
    t.source.batches = BATCHES;
    t.source.batch = NULL;
    expect(&t, ELMAN_ERR_ARGUMENT, "no batches");
    t.source.batch = no_batch;
    expect(&t, ELMAN_ERR_ARGUMENT, "elman_sequence");
    t.source.struct_size = 0;
    expect(&t, ELMAN_ERR_ARGUMENT, "elman_source");
    end(&t);
    begin(&t, 1, false, usual);
    t.source.digest = "two words";
    expect(&t, ELMAN_ERR_ARGUMENT, "elman_trainer_run: the digest");
    end(&t);
    begin(&t, 1, false, usual);
    elman_batch batch = {.sequence.struct_size = sizeof(batch.sequence),
                         .targets.struct_size = sizeof(batch.targets)};
    elman_trainer *stepped = NULL;
    elman_train_options plain = {.struct_size = sizeof(plain), .learning_rate = 0.1, .epochs = 1};
    fill(&t.task, 1, &batch);
    assert_int_equal(elman_trainer_create(t.model, &plain, &stepped, NULL), ELMAN_OK);
    assert_int_equal(elman_trainer_step(stepped, &batch.sequence, &batch.targets, NULL, NULL, NULL),
                     ELMAN_OK);
    assert_int_equal(elman_trainer_run(stepped, &t.source, NULL, NULL, NULL, NULL),
                     ELMAN_ERR_ARGUMENT);
    elman_trainer_destroy(stepped);
    must_run(&t);
    assert_int_equal(
        elman_trainer_step(t.trainer, &batch.sequence, &batch.targets, NULL, NULL, NULL),
        ELMAN_ERR_ARGUMENT);
    end(&t);
}

/* What a run that goes on must have in common with the one that began. */
static void other_data(void **state) {
    (void)state;
    Training t;
    elman_train_options options = usual;
    elman_error error = {0};
    options.checkpoint_path = CHECKPOINT;
    for (int restored = 0; restored < 2; restored++) {
        begin(&t, 1, false, options);
        stop_at = 5;
        assert_int_equal(run(&t, stop, NULL, &error), ELMAN_ERR_CANCELLED);
        if (restored) {
            end(&t);
            begin(&t, 1, false, options);
            assert_int_equal(restore(&t, &error), ELMAN_OK);
        }
        t.source.digest = "abd";
        expect(&t, ELMAN_ERR_MISMATCH, "was abc, now it is abd");
        t.source.digest = "abc";
        t.source.batches++;
        expect(&t, ELMAN_ERR_MISMATCH, "begun with 4 batches an epoch and a validation");
        t.source.batches--;
        t.source.validate = NULL;
        expect(&t, ELMAN_ERR_MISMATCH, "there is none");
        t.source.validate = validate;
        must_run(&t);
        end(&t);
    }
    (void)remove(CHECKPOINT);
}

static void tokens_are_another_source(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_GRU, .hidden = 5, .layers = 1};
    const elman_train_options options = {.struct_size = sizeof(options),
                                         .learning_rate = 0.01,
                                         .window = 4,
                                         .batch = 2,
                                         .epochs = 2,
                                         .checkpoint_path = CHECKPOINT};
    int32_t tokens[40];
    elman_error error = {0};
    elman_trainer *trainer = NULL;
    Training t = {.context = make_context(1, NULL)};
    t.model = make_model(t.context, &shape, 1);
    t.source = (elman_source){.struct_size = sizeof(t.source), .batches = 40, .batch = no_batch};
    make_tokens(tokens, 40, 0);
    const elman_token_data data = {.struct_size = sizeof(data), .train = tokens, .train_count = 40};
    assert_int_equal(elman_trainer_create(t.model, &options, &trainer, NULL), ELMAN_OK);
    stop_at = 3;
    assert_int_equal(elman_trainer_run_tokens(trainer, &data, stop, NULL, NULL, NULL),
                     ELMAN_ERR_CANCELLED);
    elman_trainer_destroy(trainer);
    assert_int_equal(elman_trainer_create(t.model, &options, &t.trainer, NULL), ELMAN_OK);
    assert_int_equal(restore(&t, &error), ELMAN_OK);
    expect(&t, ELMAN_ERR_MISMATCH, "begun over tokens, now it is over batches of a source");
    end(&t);
    (void)remove(CHECKPOINT);
}

/* ---- memory ---- */

static elman_status live(Training *t, elman_context *context, elman_error *error) {
    elman_train_options options = usual;
    options.checkpoint_path = CHECKPOINT;
    options.epochs = 1;
    elman_status status = begin_in(t, context, true, options, error);
    t->source.user = &t->task;
    if (status) return status;
    stop_at = 2;
    status = run(t, stop, NULL, error);
    if (status != ELMAN_ERR_CANCELLED) return status;
    elman_trainer_destroy(t->trainer);
    t->trainer = NULL;
    options.struct_size = sizeof(options);
    status = elman_trainer_create(t->model, &options, &t->trainer, error);
    if (!status) status = restore(t, error);
    return status ? status : run(t, NULL, NULL, error);
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long k = 0;
    for (; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof(options),
                                               .allocator = counting_allocator(&counting)};
        elman_context *context = NULL;
        elman_error error = {0};
        Training t = {0};
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        counting.allow = k;
        status = live(&t, context, &error);
        if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY)
            fail_msg("k=%ld: %s: %s", k, elman_status_name(status), error.message);
        assert_true(status == ELMAN_OK || error.message[0] != '\0');
        end(&t);
        if (counting.live != 0) fail_msg("k=%ld: %ld blocks leaked", k, counting.live);
        assert_true(k < 2000);
    }
    print_message("%ld allocations failed\n", k - 1);
    assert_true(k > 50);
    (void)remove(CHECKPOINT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_at_any_thread_count),
        cmocka_unit_test(it_learns),
        cmocka_unit_test(stopped_or_killed_anywhere),
        cmocka_unit_test(the_lowest_loss_is_kept),
        cmocka_unit_test(a_validation_without_a_number),
        cmocka_unit_test(errors_of_the_source_are_passed_on),
        cmocka_unit_test(not_a_number_in_a_batch),
        cmocka_unit_test(refused),
        cmocka_unit_test(other_data),
        cmocka_unit_test(tokens_are_another_source),
        cmocka_unit_test(each_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
