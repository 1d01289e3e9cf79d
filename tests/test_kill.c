/* A run that is killed by SIGKILL, at every step and at every system call that a checkpoint makes,
 * and then resumed gives the bytes of the model that an uninterrupted run gives. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_train_support.h"

#include "core/files.h"

#define CHECKPOINT "kill-test.checkpoint"
#define MODEL      "kill-test.safetensors"

enum { STEPS = 12, TOKENS = 400, CALLS_MAX = 1000 };

/* When the process ends itself. */
static uint64_t kill_step;
static size_t kill_call, calls;

static int kill_at_step(void *user, const elman_step_report *report) {
    (void)user;
    if (report->step == kill_step) raise(SIGKILL);
    return 0;
}

static void count_call(void) {
    if (++calls == kill_call) raise(SIGKILL);
}

static int counted_open(const char *path, int flags, mode_t mode) {
    count_call();
    return open(path, flags, mode);
}

static ssize_t counted_write(int descriptor, const void *bytes, size_t size) {
    count_call();
    return write(descriptor, bytes, size);
}

static int counted_fsync(int descriptor) {
    count_call();
    return fsync(descriptor);
}

static int counted_close(int descriptor) {
    count_call();
    return close(descriptor);
}

static int counted_rename(const char *from, const char *to) {
    count_call();
    return rename(from, to);
}

/* Trains from the start or from the checkpoint, saves the model; the child's whole life. */
static bool train(void) {
    static int32_t tokens[TOKENS], valid[60];
    const ModelShape shape = {ELMAN_CELL_LSTM, 9, 2, 0.25f, 1};
    const elman_train_options options = {.struct_size = sizeof(options),
                                         .learning_rate = 0.01,
                                         .clip_norm = 1.0,
                                         .seed = 3,
                                         .window = 11,
                                         .batch = 6,
                                         .max_steps = STEPS,
                                         .checkpoint_path = CHECKPOINT};
    elman_context *const context = make_context(2, NULL);
    elman_model *const model = make_model(context, &shape, 5);
    elman_trainer *trainer = NULL;
    elman_checkpoint *checkpoint = NULL;
    elman_train_result result;
    elman_error error = {0};
    make_tokens(tokens, TOKENS, 0);
    make_tokens(valid, 60, 1);
    const elman_token_data data = {sizeof(data), tokens, TOKENS, valid, 60, "digest"};
    elman_status status = elman_trainer_create(model, &options, &trainer, &error);
    if (!status && access(CHECKPOINT, F_OK) == 0) {
        status = elman_checkpoint_open(context, CHECKPOINT, &checkpoint, &error);
        if (!status) status = elman_trainer_restore(trainer, checkpoint, &error);
    }
    if (!status)
        status = elman_trainer_run_tokens(trainer, &data, kill_at_step, NULL, &result, &error);
    if (!status) status = elman_model_save(model, MODEL, &error);
    if (status) fprintf(stderr, "%s\n", error.message);
    elman_checkpoint_close(checkpoint);
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return status == ELMAN_OK;
}

/* Runs `train` in a process of its own; returns true when it came to its end, false when it was
 * killed. */
static bool finishes(void) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(train() ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return false;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static void digest_model(char text[DIGEST_TEXT_SIZE]) {
    Memory memory;
    unsigned char *bytes = NULL;
    size_t size = 0;
    Digest digest;
    memory_init(&memory, NULL);
    assert_int_equal(file_read(&memory, MODEL, SIZE_MAX / 2, &bytes, &size, NULL), ELMAN_OK);
    digest_begin(&digest);
    digest_update(&digest, bytes, size);
    digest_end(&digest, text);
    memory_release(&memory, bytes);
}

static void forget(void) {
    unlink(CHECKPOINT);
    unlink(MODEL);
}

static void start_over(char whole[DIGEST_TEXT_SIZE]) {
    kill_step = 0;
    kill_call = 0;
    forget();
    assert_true(finishes());
    digest_model(whole);
    forget();
}

static void resume_and_compare(const char *whole) {
    char resumed[DIGEST_TEXT_SIZE];
    kill_step = 0;
    kill_call = 0;
    assert_true(finishes());
    digest_model(resumed);
    assert_string_equal(resumed, whole);
    forget();
}

static void killed_at_every_step(void **state) {
    (void)state;
    char whole[DIGEST_TEXT_SIZE];
    start_over(whole);
    for (uint64_t step = 1; step <= STEPS; step++) {
        kill_step = step;
        assert_false(finishes());
        resume_and_compare(whole);
    }
}

static void killed_at_every_call(void **state) {
    (void)state;
    char whole[DIGEST_TEXT_SIZE];
    size_t kills = 0;
    start_over(whole);
    FileOperations counted = *file_operations();
    counted.open = counted_open;
    counted.write = counted_write;
    counted.fsync = counted_fsync;
    counted.close = counted_close;
    counted.rename = counted_rename;
    file_operations_set(&counted);
    /* Every third call: its place in the checkpoint differs from one to the next. */
    for (size_t call = 1; call < CALLS_MAX; call += 3) {
        kill_call = call;
        if (finishes()) break;
        kills++;
        resume_and_compare(whole);
    }
    file_operations_set(NULL);
    assert_true(kills > STEPS);
    forget();
}

/* A killed process leaves its temporary file; the tests' folder goes away with it. */
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_step),
        cmocka_unit_test(killed_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
