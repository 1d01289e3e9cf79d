/* Runs over tokens: batches, learning, validation, early stopping, cancellation. */
#include <math.h>
#include <stdio.h>

#include "test_train_support.h"

#include "core/memory.h"
#include "train/batches.h"

static void truncated_batches_cover_every_stream(void **state) {
    (void)state;
    enum { COUNT = 3 * 17 + 2, WINDOW = 5, ROWS = 3 }; /* 17 tokens a row: windows 5 5 5 1 */
    const elman_train_options options = {.window = WINDOW, .batch = ROWS};
    int32_t text[COUNT];
    for (int32_t i = 0; i < COUNT; i++) text[i] = i;
    Memory memory;
    Batches batches;
    memory_init(&memory, NULL);
    assert_int_equal(batches_init(&batches, &memory, &options, text, COUNT, NULL), ELMAN_OK);
    assert_int_equal(batches.per_epoch, 4);
    for (size_t k = 0; k < 4; k++) {
        elman_sequence sequence = {0};
        const int32_t *targets = batches_get(&batches, 9, k, &sequence);
        assert_int_equal(sequence.steps, k < 3 ? WINDOW : 1);
        assert_int_equal(sequence.batch, ROWS);
        assert_null(sequence.lengths);
        for (size_t t = 0; t < sequence.steps; t++)
            for (size_t r = 0; r < ROWS; r++) {
                const int32_t expected = (int32_t)(r * 17 + k * WINDOW + t);
                assert_int_equal(sequence.tokens[t * ROWS + r], expected);
                assert_int_equal(targets[t * ROWS + r], expected + 1);
            }
    }
    batches_release(&batches, &memory);
}

/* Counts how often each input is seen in an epoch; `order` gets the windows' starts. */
static void read_epoch(Batches *batches, uint64_t epoch, int *seen, int32_t *order) {
    size_t windows = 0;
    for (size_t k = 0; k < batches->per_epoch; k++) {
        elman_sequence sequence = {0};
        const int32_t *targets = batches_get(batches, epoch, k, &sequence);
        for (size_t r = 0; r < sequence.batch; r++) {
            const size_t length = sequence.lengths ? sequence.lengths[r] : sequence.steps;
            order[windows++] = sequence.tokens[r];
            for (size_t t = 0; t < sequence.steps; t++) {
                const int32_t token = sequence.tokens[t * sequence.batch + r];
                const int32_t target = targets[t * sequence.batch + r];
                if (t >= length) {
                    assert_int_equal(target, -1);
                    continue;
                }
                assert_int_equal(token, sequence.tokens[r] + (int32_t)t);
                assert_int_equal(target, token + 1);
                seen[token]++;
            }
        }
    }
    assert_int_equal(windows, batches->windows);
}

static void independent_windows_are_a_permutation(void **state) {
    (void)state;
    enum { COUNT = 48, WINDOW = 5, WINDOWS = 10 }; /* 47 inputs: nine windows of 5, one of 2 */
    int32_t text[COUNT], orders[4][WINDOWS];
    for (int32_t i = 0; i < COUNT; i++) text[i] = i;
    Memory memory;
    memory_init(&memory, NULL);
    for (size_t rows = 1; rows <= 12; rows++) {
        const elman_train_options options = {
            .window = WINDOW, .batch = rows, .independent = 1, .seed = 3};
        Batches batches;
        assert_int_equal(batches_init(&batches, &memory, &options, text, COUNT, NULL), ELMAN_OK);
        assert_int_equal(batches.windows, WINDOWS);
        static const uint64_t epochs[4] = {1, 2, 3, 1};
        for (size_t e = 0; e < 4; e++) {
            int seen[COUNT] = {0};
            read_epoch(&batches, epochs[e], seen, orders[e]);
            for (size_t i = 0; i < COUNT; i++) assert_int_equal(seen[i], i + 1 < COUNT);
        }
        assert_memory_equal(orders[0], orders[3], sizeof(orders[0]));
        assert_memory_not_equal(orders[0], orders[1], sizeof(orders[0]));
        assert_memory_not_equal(orders[1], orders[2], sizeof(orders[0]));
        batches_release(&batches, &memory);
    }
}

static void expect_too_short(elman_train_options options, size_t count, const char *needed) {
    static int32_t text[64];
    elman_error error = {0};
    Memory memory;
    Batches batches;
    memory_init(&memory, NULL);
    assert_int_equal(batches_init(&batches, &memory, &options, text, count, &error),
                     ELMAN_ERR_DATA);
    if (strstr(error.message, needed) == NULL)
        fail_msg("\"%s\" does not say %s", error.message, needed);
    batches_release(&batches, &memory);
}

static void too_short_says_how_much_is_needed(void **state) {
    (void)state;
    expect_too_short((elman_train_options){.window = 10, .batch = 4}, 43, "has 43 characters");
    expect_too_short((elman_train_options){.window = 10, .batch = 4}, 43, "needs 44");
    expect_too_short((elman_train_options){.window = 10, .batch = 4, .independent = 1}, 10,
                     "needs 11");
    expect_too_short((elman_train_options){.window = 10, .batch = 4}, 0, "needs 44");
}

/* A run, ready to be started. */
typedef struct Training {
    elman_context *context;
    elman_model *model;
    elman_trainer *trainer;
    int32_t train[1200], valid[400];
    elman_token_data data;
} Training;

static void training_begin(Training *t, const ModelShape *shape, elman_train_options options,
                           size_t train_count, size_t valid_count) {
    elman_error error = {0};
    options.struct_size = sizeof(options);
    t->context = make_context(1, NULL);
    t->model = make_model(t->context, shape, 7);
    if (elman_trainer_create(t->model, &options, &t->trainer, &error) != ELMAN_OK)
        fail_msg("%s", error.message);
    make_tokens(t->train, train_count, 0);
    make_tokens(t->valid, valid_count, 0);
    t->data = (elman_token_data){.struct_size = sizeof(t->data),
                                 .train = t->train,
                                 .train_count = train_count,
                                 .valid = valid_count > 0 ? t->valid : NULL,
                                 .valid_count = valid_count,
                                 .digest = "0123"};
}

static void training_end(Training *t) {
    elman_trainer_destroy(t->trainer);
    elman_model_destroy(t->model);
    elman_context_destroy(t->context);
}

static double evaluate(const elman_model *model, const int32_t *tokens, size_t count) {
    elman_network *network = NULL;
    elman_loss loss;
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_evaluate_tokens(network, tokens, count, &loss, NULL), ELMAN_OK);
    assert_int_equal(loss.count, count - 1);
    elman_network_destroy(network);
    return loss.mean;
}

static void each_cell_learns_a_tiny_text(void **state) {
    (void)state;
    static const elman_cell cells[] = {ELMAN_CELL_RNN, ELMAN_CELL_RNN_RELU, ELMAN_CELL_LSTM,
                                       ELMAN_CELL_GRU, ELMAN_CELL_GRU_RESET_BEFORE};
    for (size_t i = 0; i < 2 * sizeof(cells) / sizeof(cells[0]); i++) {
        const ModelShape shape = {.cell = cells[i / 2], .hidden = 24, .layers = 1};
        Training t;
        training_begin(&t, &shape,
                       (elman_train_options){.learning_rate = 2e-2,
                                             .clip_norm = 5,
                                             .window = 24,
                                             .batch = 6,
                                             .independent = (int)(i % 2),
                                             .max_steps = 150},
                       600, 0);
        elman_train_result result;
        const double before = evaluate(t.model, t.train, 300);
        assert_true(before > 2.0);
        assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, &result, NULL),
                         ELMAN_OK);
        const double after = evaluate(t.model, t.train, 300);
        if (!(after < 0.3 && result.train_loss < 0.5))
            fail_msg("cell %d: loss %g on the text, %g in training", (int)cells[i / 2], after,
                     result.train_loss);
        assert_int_equal(result.stop, ELMAN_STOP_FINISHED);
        assert_int_equal(result.steps, 150);
        assert_true(isnan(result.validation_loss));
        assert_int_equal(result.best_step, 150);
        training_end(&t);
    }
}

/* The run must do what its user would do by hand with elman_trainer_step: bit for bit. */
static void a_run_is_its_steps(void **state) {
    (void)state;
    enum { ROWS = 3, WINDOW = 8, EPOCHS = 2, COUNT = 100 }; /* 33 tokens a row, 32 inputs */
    const ModelShape shape = {
        .cell = ELMAN_CELL_LSTM, .hidden = 9, .layers = 2, .dropout = 0.3f, .learned_state = 1};
    const elman_train_options options = {
        .learning_rate = 1e-2, .seed = 5, .window = WINDOW, .batch = ROWS, .epochs = EPOCHS};
    char expected[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];
    Training t;
    training_begin(&t, &shape, options, COUNT, 0);
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, NULL, NULL),
                     ELMAN_OK);
    digest_weights(t.model, got);
    training_end(&t);

    training_begin(&t, &shape, options, COUNT, 0);
    float carried[512];
    int32_t inputs[WINDOW * ROWS], targets[WINDOW * ROWS];
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (size_t begin = 0; begin < 32; begin += WINDOW) {
            for (size_t s = 0; s < WINDOW; s++)
                for (size_t r = 0; r < ROWS; r++) {
                    inputs[s * ROWS + r] = t.train[r * 33 + begin + s];
                    targets[s * ROWS + r] = t.train[r * 33 + begin + s + 1];
                }
            const elman_sequence sequence = {.struct_size = sizeof(sequence),
                                             .steps = WINDOW,
                                             .batch = ROWS,
                                             .tokens = inputs,
                                             .state = begin > 0 ? carried : NULL};
            const elman_targets next = {.struct_size = sizeof(next), .classes = targets};
            assert_int_equal(elman_trainer_step(t.trainer, &sequence, &next, carried, NULL, NULL),
                             ELMAN_OK);
        }
    digest_weights(t.model, expected);
    assert_string_equal(got, expected);
    training_end(&t);
}

/* What a callback saw. */
typedef struct Seen {
    uint64_t steps, epoch, validated, cancel_at;
    double first_loss, last_loss, lowest_validation;
    uint64_t lowest_step;
} Seen;

static int watch(void *user, const elman_step_report *report) {
    Seen *seen = user;
    assert_int_equal(report->step, seen->steps + 1);
    assert_true(report->epoch == seen->epoch || report->epoch == seen->epoch + 1);
    assert_true(report->seconds >= 0.0 && report->predicted > 0 && isfinite(report->loss));
    seen->steps = report->step;
    seen->epoch = report->epoch;
    if (seen->steps == 1) seen->first_loss = report->loss;
    seen->last_loss = report->loss;
    if (report->validated) {
        if (seen->validated++ == 0 || report->validation_loss < seen->lowest_validation) {
            seen->lowest_validation = report->validation_loss;
            seen->lowest_step = report->step;
        }
        assert_true(report->best_validation_loss == seen->lowest_validation);
    }
    return report->step == seen->cancel_at;
}

static void early_stopping_keeps_the_best_weights(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_GRU, .hidden = 16, .layers = 1};
    Training t;
    training_begin(
        &t, &shape,
        (elman_train_options){
            .learning_rate = 3e-2, .window = 20, .batch = 4, .epochs = 100, .patience = 3},
        500, 200);
    /* Another text: the better the first is known, the worse this one is predicted. */
    make_tokens(t.valid, 200, 4);
    Seen seen = {0};
    elman_train_result result;
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, watch, &seen, &result, NULL),
                     ELMAN_OK);
    assert_int_equal(result.stop, ELMAN_STOP_PATIENCE);
    assert_int_equal(result.steps, seen.steps);
    assert_int_equal(result.epochs, seen.epoch);
    assert_int_equal(seen.validated, seen.epoch);
    assert_int_equal(result.best_step, seen.lowest_step);
    const uint64_t per_epoch = seen.steps / seen.epoch;
    assert_int_equal(seen.steps, result.best_step + 3 * per_epoch);
    assert_true(result.validation_loss == seen.lowest_validation);
    assert_true(evaluate(t.model, t.valid, 200) == result.validation_loss);
    /* The end is the end: a second call changes nothing. */
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, watch, &seen, &result, NULL),
                     ELMAN_OK);
    assert_int_equal(result.steps, seen.steps);
    assert_true(evaluate(t.model, t.valid, 200) == result.validation_loss);
    training_end(&t);
}

static void the_last_step_is_validated(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_RNN, .hidden = 8, .layers = 1};
    Training t;
    training_begin(
        &t, &shape,
        (elman_train_options){
            .learning_rate = 1e-2, .window = 10, .batch = 4, .max_steps = 17, .validate_steps = 6},
        400, 50); /* 10 steps an epoch: validation after 6, 10, 12, 17 */
    Seen seen = {0};
    elman_train_result result;
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, watch, &seen, &result, NULL),
                     ELMAN_OK);
    assert_int_equal(seen.validated, 4);
    assert_int_equal(result.steps, 17);
    assert_int_equal(result.epochs, 1);
    assert_true(evaluate(t.model, t.valid, 50) == result.validation_loss);
    training_end(&t);
}

static void a_callback_cancels(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_RNN, .hidden = 8, .layers = 1};
    const elman_train_options options = {
        .learning_rate = 1e-2, .window = 10, .batch = 4, .epochs = 2};
    char whole[DIGEST_TEXT_SIZE], parts[DIGEST_TEXT_SIZE];
    Training t;
    training_begin(&t, &shape, options, 400, 0);
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, NULL, NULL),
                     ELMAN_OK);
    digest_weights(t.model, whole);
    training_end(&t);

    training_begin(&t, &shape, options, 400, 0);
    elman_error error = {0};
    elman_train_result result;
    Seen seen = {.cancel_at = 13};
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, watch, &seen, &result, &error),
                     ELMAN_ERR_CANCELLED);
    assert_int_equal(result.stop, ELMAN_STOP_CANCELLED);
    assert_int_equal(result.steps, 13);
    assert_int_equal(result.epochs, 1);
    assert_non_null(strstr(error.message, "step 13"));
    /* In the same process a run goes on as if nothing had been. */
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, watch, &seen, &result, NULL),
                     ELMAN_OK);
    assert_int_equal(result.steps, 20);
    assert_int_equal(result.epochs, 2);
    digest_weights(t.model, parts);
    assert_string_equal(whole, parts);
    training_end(&t);
}

/* One stream and one long pass of a tape compute the same losses; only their sum differs. */
static void evaluation_agrees_with_a_tape(void **state) {
    (void)state;
    enum { COUNT = 120 };
    const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 12, .layers = 2, .dropout = 0.5f};
    elman_context *context = make_context(1, NULL);
    elman_model *model = make_model(context, &shape, 3);
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    int32_t tokens[COUNT];
    elman_loss loss;
    make_tokens(tokens, COUNT, 2);
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = COUNT - 1, .batch = 1, .forward_only = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = COUNT - 1, .batch = 1, .tokens = tokens};
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_cross_entropy(tape, tokens + 1, &loss, NULL), ELMAN_OK);
    const double mean = evaluate(model, tokens, COUNT);
    /* 119 additions of positive numbers in double, each way. */
    assert_true(fabs(mean - loss.mean) <= 240 * 0x1p-53 * mean);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void expect_refused(Training *t, elman_status status, const char *word) {
    elman_error error = {0};
    assert_int_equal(elman_trainer_run_tokens(t->trainer, &t->data, NULL, NULL, NULL, &error),
                     status);
    if (strstr(error.message, word) == NULL)
        fail_msg("\"%s\" does not say %s", error.message, word);
}

static void refuses_data_that_cannot_be_used(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_RNN, .hidden = 8, .layers = 1};
    Training t;
    training_begin(&t, &shape,
                   (elman_train_options){.learning_rate = 1e-2, .window = 10, .batch = 4}, 400, 0);
    expect_refused(&t, ELMAN_ERR_ARGUMENT, "epochs and max_steps");
    training_end(&t);

    training_begin(
        &t, &shape,
        (elman_train_options){.learning_rate = 1e-2, .window = 10, .batch = 4, .epochs = 1}, 400,
        100);
    t.data.train_count = 43;
    expect_refused(&t, ELMAN_ERR_DATA, "needs 44");
    t.data.train_count = 400;
    t.train[399] = VOCABULARY;
    expect_refused(&t, ELMAN_ERR_ARGUMENT, "token 399 of the training part is 11");
    t.train[399] = 0;
    t.valid[5] = -1;
    expect_refused(&t, ELMAN_ERR_ARGUMENT, "token 5 of the validation part is -1");
    t.data.valid_count = 1;
    expect_refused(&t, ELMAN_ERR_DATA, "1 character");
    t.data.valid_count = 0;
    t.data.digest = "not plain";
    expect_refused(&t, ELMAN_ERR_ARGUMENT, "digest");
    t.data.digest = NULL;
    assert_int_equal(elman_trainer_run_tokens(t.trainer, &t.data, NULL, NULL, NULL, NULL),
                     ELMAN_OK);
    t.data.train_count = 399;
    expect_refused(&t, ELMAN_ERR_MISMATCH, "400 characters");
    /* A trainer that runs takes no steps of the caller's. */
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence), .steps = 1, .batch = 1, .tokens = t.train};
    const elman_targets targets = {.struct_size = sizeof(targets), .classes = t.train};
    assert_int_equal(elman_trainer_step(t.trainer, &sequence, &targets, NULL, NULL, NULL),
                     ELMAN_ERR_ARGUMENT);
    training_end(&t);
}

static void refuses_models_that_cannot_predict(void **state) {
    (void)state;
    elman_context *context = make_context(1, NULL);
    const elman_cell_options both = {
        .struct_size = sizeof(both), .cell = ELMAN_CELL_GRU, .hidden = 4, .bidirectional = 1};
    const elman_train_options options = {
        .struct_size = sizeof(options), .learning_rate = 1.0, .epochs = 1};
    static const char *const words[] = {"bidirectional", "one output", "numbers"};
    static const int32_t tokens[4000];
    const elman_token_data data = {
        .struct_size = sizeof(data), .train = tokens, .train_count = 4000};
    for (size_t i = 0; i < 3; i++) {
        elman_model *model = NULL;
        elman_trainer *trainer = NULL;
        elman_error error = {0};
        if (i < 2)
            elman_model_create_tokens(context, 5, 3, &model, NULL);
        else
            elman_model_create(context, 5, &model, NULL);
        if (i == 0)
            elman_model_add_cell_options(model, &both);
        else
            elman_model_add_cell(model, ELMAN_CELL_GRU, 4);
        elman_model_add_linear(model, i == 1 ? 4 : 5, 0);
        assert_int_equal(elman_model_build(model, NULL, NULL), ELMAN_OK);
        assert_int_equal(elman_trainer_create(model, &options, &trainer, NULL), ELMAN_OK);
        assert_int_equal(elman_trainer_run_tokens(trainer, &data, NULL, NULL, NULL, &error),
                         ELMAN_ERR_ARGUMENT);
        if (strstr(error.message, words[i]) == NULL)
            fail_msg("\"%s\" does not say %s", error.message, words[i]);
        elman_trainer_destroy(trainer);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_batches_cover_every_stream),
        cmocka_unit_test(independent_windows_are_a_permutation),
        cmocka_unit_test(too_short_says_how_much_is_needed),
        cmocka_unit_test(each_cell_learns_a_tiny_text),
        cmocka_unit_test(a_run_is_its_steps),
        cmocka_unit_test(early_stopping_keeps_the_best_weights),
        cmocka_unit_test(the_last_step_is_validated),
        cmocka_unit_test(a_callback_cancels),
        cmocka_unit_test(evaluation_agrees_with_a_tape),
        cmocka_unit_test(refuses_data_that_cannot_be_used),
        cmocka_unit_test(refuses_models_that_cannot_predict),
    };
    return cmocka_run_group_tests_name("train_run", tests, NULL, NULL);
}
