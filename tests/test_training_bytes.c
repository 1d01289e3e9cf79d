/* elman_model_training_bytes against what training allocates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/train.h>

enum { STEPS = 40, ROWS = 12 };

/* The context, names, lists of chunks: what the sum leaves out. */
static const size_t small = 32 * 1024;

/* The most bytes during two steps of a trainer, and the weights of a run's best. */
static size_t bytes_taken(const NetworkSpec *spec, size_t *formula) {
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {
        .struct_size = sizeof options, .allocator = counting_allocator(&counting), .threads = 2};
    const elman_train_options training = {.struct_size = sizeof training, .learning_rate = 1e-3};
    elman_context *context = NULL;
    elman_trainer *trainer = NULL;
    elman_model_info info;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_model *const model = random_model(context, spec, 1);
    elman_model_describe(model, &info);
    *formula = elman_model_training_bytes(model, STEPS, ROWS);
    assert_int_equal(elman_trainer_create(model, &training, &trainer, NULL), ELMAN_OK);
    Sample sample = random_sample(spec, STEPS, ROWS, false, false, 1);
    const elman_sequence sequence = sample_sequence(&sample, true);
    const elman_targets targets = {
        .struct_size = sizeof targets, .loss = ELMAN_LOSS_CROSS_ENTROPY, .classes = sample.classes};
    for (int i = 0; i < 2; i++)
        assert_int_equal(elman_trainer_step(trainer, &sequence, &targets, NULL, NULL, NULL),
                         ELMAN_OK);
    sample_free(&sample);
    elman_trainer_destroy(trainer);
    elman_model_destroy(model);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
    return counting.peak + info.parameters * sizeof(float);
}

static void the_sum_is_what_is_taken(void **state) {
    (void)state;
    static const NetworkSpec specs[] = {
        {.inputs = 24, .cell = ELMAN_CELL_GRU, .layers = 1, .hidden = 64, .outputs = 2},
        {.input = ELMAN_INPUT_ONE_HOT,
         .inputs = 96,
         .cell = ELMAN_CELL_LSTM,
         .layers = 2,
         .hidden = 70,
         .outputs = 96},
        {.input = ELMAN_INPUT_EMBEDDING,
         .inputs = 50,
         .embedding = 20,
         .cell = ELMAN_CELL_RNN,
         .layers = 2,
         .hidden = 48,
         .dropout = 0.5f,
         .outputs = 50},
        {.inputs = 80,
         .cell = ELMAN_CELL_LSTM,
         .layers = 3,
         .hidden = 56,
         .bidirectional = true,
         .outputs = 32},
        {.inputs = 9,
         .cell = ELMAN_CELL_GRU_RESET_BEFORE,
         .layers = 2,
         .hidden = 40,
         .learned_state = true,
         .top_dropout = 0.2f,
         .outputs = 5,
         .output = ELMAN_OUTPUT_MEAN},
        {.inputs = 20,
         .cell = ELMAN_CELL_LSTM,
         .layers = 2,
         .hidden = 90,
         .projection = 25,
         .bidirectional = true,
         .outputs = 5},
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        size_t formula;
        const size_t taken = bytes_taken(&specs[i], &formula);
        if (taken + small < formula || taken > formula + small)
            fail_msg("structure %zu takes %zu bytes, said to be %zu", i, taken, formula);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_sum_is_what_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
