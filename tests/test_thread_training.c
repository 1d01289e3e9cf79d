/* The same seed gives the same weights, whatever the number of threads and the instruction set. */
#include <stdbool.h>
#include <stdio.h>

#include "test_train_support.h"

enum { ROWS = 9, WINDOW = 4, STEPS = 3 };

/* Trains a small model and returns the digest of its weights; false without that instruction set.
 */
static bool train(const ModelShape *shape, elman_optimizer optimizer, size_t threads,
                  const char *isa, char digest[DIGEST_TEXT_SIZE]) {
    static int32_t tokens[ROWS * (WINDOW * STEPS + 1)];
    const size_t count = sizeof(tokens) / sizeof(tokens[0]);
    const elman_context_options context_options = {
        .struct_size = sizeof(context_options), .threads = threads, .isa = isa};
    const elman_train_options options = {.struct_size = sizeof(options),
                                         .optimizer = optimizer,
                                         .learning_rate = 1e-2,
                                         .momentum = 0.5,
                                         .clip_norm = 0.5,
                                         .seed = 11,
                                         .window = WINDOW,
                                         .batch = ROWS,
                                         .max_steps = STEPS};
    make_tokens(tokens, count, 0);
    const elman_token_data data = {.struct_size = sizeof(data),
                                   .train = tokens,
                                   .train_count = count,
                                   .valid = tokens,
                                   .valid_count = 20};
    elman_context *context = NULL;
    elman_trainer *trainer = NULL;
    elman_error error = {0};
    elman_status status = elman_context_create(&context_options, &context, &error);
    if (status == ELMAN_ERR_UNSUPPORTED) return false;
    assert_int_equal(status, ELMAN_OK);
    elman_model *model = make_model(context, shape, 2);
    status = elman_trainer_create(model, &options, &trainer, &error);
    if (status == ELMAN_OK)
        status = elman_trainer_run_tokens(trainer, &data, NULL, NULL, NULL, &error);
    if (status != ELMAN_OK) fail_msg("%zu threads, %s: %s", threads, isa, error.message);
    digest_weights(model, digest);
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return true;
}

static void check(const ModelShape *shape, elman_optimizer optimizer) {
    static const size_t threads[] = {1, 2, 3, 4, 8};
    static const char *const sets[] = {"portable", "avx2", "avx512"};
    char expected[DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];
    assert_true(train(shape, optimizer, 1, "portable", expected));
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < 5; i++) {
            if (!train(shape, optimizer, threads[i], sets[s], digest)) break;
            if (strcmp(digest, expected) != 0)
                fail_msg("%zu threads, %s: other bits than one thread in portable C", threads[i],
                         sets[s]);
        }
}

/* Nine rows and nine panels of units: every one of eight workers has some of both, and chunks of
 * weights. */
static void lstm_with_dropout_and_adam(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 136, .layers = 1, .dropout = 0.2f};
    check(&shape, ELMAN_OPTIMIZER_ADAM);
}

static void gru_with_rmsprop(void **state) {
    (void)state;
    const ModelShape shape = {
        .cell = ELMAN_CELL_GRU, .hidden = 37, .layers = 2, .learned_state = 1};
    check(&shape, ELMAN_OPTIMIZER_RMSPROP);
}

static void rnn_with_sgd(void **state) {
    (void)state;
    const ModelShape shape = {.cell = ELMAN_CELL_RNN, .hidden = 64, .layers = 3};
    check(&shape, ELMAN_OPTIMIZER_SGD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm_with_dropout_and_adam),
        cmocka_unit_test(gru_with_rmsprop),
        cmocka_unit_test(rnn_with_sgd),
    };
    return cmocka_run_group_tests_name("thread_training", tests, NULL, NULL);
}
