/* Profiles: named phases, that together are the whole time, and only while one is on. */
#include <string.h>
#include <time.h>

#include "test_train_support.h"

enum { STEPS = 20, ROWS = 8 };

static const ModelShape shape = {.cell = ELMAN_CELL_LSTM, .hidden = 48, .layers = 2};

static void every_phase_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < ELMAN_PHASE_COUNT; i++) {
        const char *const name = elman_phase_name((elman_phase)i);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int j = 0; j < i; j++) assert_string_not_equal(name, elman_phase_name((elman_phase)j));
    }
    assert_null(elman_phase_name(ELMAN_PHASE_COUNT));
}

static double now(void) {
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double sum(const double seconds[ELMAN_PHASE_COUNT]) {
    double total = 0.0;
    for (size_t i = 0; i < ELMAN_PHASE_COUNT; i++) {
        assert_true(seconds[i] >= 0.0);
        total += seconds[i];
    }
    return total;
}

static void take_steps(elman_trainer *trainer, size_t count) {
    int32_t tokens[(STEPS + 1) * ROWS];
    make_tokens(tokens, (STEPS + 1) * ROWS, 0);
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = ROWS, .tokens = tokens};
    const elman_targets targets = {
        .struct_size = sizeof targets, .loss = ELMAN_LOSS_CROSS_ENTROPY, .classes = tokens + ROWS};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(elman_trainer_step(trainer, &sequence, &targets, NULL, NULL, NULL),
                         ELMAN_OK);
}

/* The phases lie side by side in time: together they are what lies between start and stop. */
static void check_profile(elman_context *context, elman_trainer *trainer) {
    static const elman_phase some[] = {ELMAN_PHASE_PACK, ELMAN_PHASE_LOSS, ELMAN_PHASE_MEASURE,
                                       ELMAN_PHASE_OPTIMIZER};
    double seconds[ELMAN_PHASE_COUNT], again[ELMAN_PHASE_COUNT];
    const double before = now();
    elman_profile_start(context);
    const double begun = now();
    take_steps(trainer, 3);
    const double ended = now();
    elman_profile_stop(context);
    const double after = now();
    elman_profile_read(context, seconds);
    const double rounding = 1e-6; /* nanoseconds summed up in double */
    assert_true(sum(seconds) >= ended - begun - rounding);
    assert_true(sum(seconds) <= after - before + rounding);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) assert_true(seconds[some[i]] > 0.0);

    take_steps(trainer, 1);
    elman_profile_read(context, again);
    assert_memory_equal(seconds, again, sizeof seconds);
    const double restarted = now();
    elman_profile_start(context);
    elman_profile_read(context, again);
    assert_true(sum(again) <= now() - restarted + rounding);
    elman_profile_stop(context);
}

static void phases_are_the_whole_time(void **state) {
    (void)state;
    const elman_train_options options = {.struct_size = sizeof options, .learning_rate = 1e-2};
    for (size_t threads = 1; threads <= 3; threads++) {
        double seconds[ELMAN_PHASE_COUNT];
        elman_trainer *trainer = NULL;
        elman_context *const context = make_context(threads, NULL);
        elman_model *const model = make_model(context, &shape, 1);
        elman_error error = {0};
        if (elman_trainer_create(model, &options, &trainer, &error)) fail_msg("%s", error.message);
        take_steps(trainer, 1);
        elman_profile_read(context, seconds);
        assert_true(sum(seconds) == 0.0); /* never started */
        check_profile(context, trainer);
        elman_trainer_destroy(trainer);
        elman_model_destroy(model);
        elman_context_destroy(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phase_has_a_name_of_its_own),
        cmocka_unit_test(phases_are_the_whole_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
