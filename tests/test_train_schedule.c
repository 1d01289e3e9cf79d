/* Learning rates at points where they are known, and the options' defaults and limits. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/options.h"
#include "train/schedule.h"

static void assert_close(double got, double expected, double ulps) {
    if (!(fabs(got - expected) <= ulps * DBL_EPSILON * fabs(expected)))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static void powers(void **state) {
    (void)state;
    assert_true(schedule_power(0.5, 0) == 1.0);
    assert_true(schedule_power(0.5, 10) == 0x1p-10);
    assert_true(schedule_power(3.0, 33) == 5559060566555523.0);
    assert_close(schedule_power(0.999, 100000), pow(0.999, 100000.0), 1e5);
}

static void constant_and_warm_up(void **state) {
    (void)state;
    const elman_train_options options = {.learning_rate = 0.5, .warmup_steps = 4};
    assert_true(schedule_rate(&options, 1, 0) == 0.125);
    assert_true(schedule_rate(&options, 2, 0) == 0.25);
    assert_true(schedule_rate(&options, 4, 0) == 0.5);
    assert_true(schedule_rate(&options, 5, 0) == 0.5);
    assert_true(schedule_rate(&options, 1000, 0) == 0.5);
}

static void step_after_warm_up(void **state) {
    (void)state;
    const elman_train_options options = {.learning_rate = 2.0,
                                         .schedule = ELMAN_SCHEDULE_STEP,
                                         .warmup_steps = 2,
                                         .schedule_steps = 3,
                                         .schedule_factor = 0.5};
    static const double expected[] = {1, 2, 2, 2, 2, 1, 1, 1, 0.5, 0.5, 0.5, 0.25};
    for (uint64_t step = 1; step <= sizeof(expected) / sizeof(expected[0]); step++)
        assert_true(schedule_rate(&options, step, 0) == expected[step - 1]);
}

static void cosine_with_a_length(void **state) {
    (void)state;
    const elman_train_options options = {.learning_rate = 1.0,
                                         .schedule = ELMAN_SCHEDULE_COSINE,
                                         .schedule_steps = 12,
                                         .schedule_factor = 0.25};
    assert_true(schedule_rate(&options, 1, 0) == 1.0);
    assert_close(schedule_rate(&options, 5, 0), 0.25 + 0.75 * 0.75, 4); /* cos 60 degrees */
    assert_close(schedule_rate(&options, 7, 0), 0.25 + 0.75 * 0.5, 4);  /* 90 */
    assert_close(schedule_rate(&options, 9, 0), 0.25 + 0.75 * 0.25, 4); /* 120 */
    assert_true(schedule_rate(&options, 13, 0) == 0.25);
    assert_true(schedule_rate(&options, 99, 0) == 0.25);
}

static void cosine_over_the_run(void **state) {
    (void)state;
    const elman_train_options options = {
        .learning_rate = 3.0, .schedule = ELMAN_SCHEDULE_COSINE, .warmup_steps = 10};
    const double pi = acos(-1.0);
    double before = 4.0;
    for (uint64_t step = 11; step <= 1010; step++) {
        const double rate = schedule_rate(&options, step, 1010);
        const double expected = 1.5 + 1.5 * cos(pi * (double)(step - 11) / 1000.0);
        if (!(fabs(rate - expected) <= 4 * DBL_EPSILON) || !(rate < before))
            fail_msg("step %d: got %.17g, expected %.17g", (int)step, rate, expected);
        before = rate;
    }
    assert_true(schedule_rate(&options, 1011, 1010) == 0.0);
    /* A run that is over before the warm-up is. */
    assert_true(schedule_rate(&options, 5, 5) == 1.5);
}

static void defaults(void **state) {
    (void)state;
    elman_error error;
    elman_train_options options;
    const elman_train_options given = {.struct_size = sizeof(given), .learning_rate = 1e-3};
    assert_int_equal(train_options_read(&options, &given, &error), ELMAN_OK);
    assert_true(options.beta1 == 0.9 && options.beta2 == 0.999 && options.alpha == 0.99);
    assert_true(options.epsilon == 1e-8);
    assert_int_equal(options.window, 100);
    assert_int_equal(options.batch, 32);
}

static void refuses_each_option_out_of_range(void **state) {
    (void)state;
    const struct {
        const char *name;
        elman_train_options options;
    } cases[] = {
        {"learning_rate", {.learning_rate = 0.0}},
        {"learning_rate", {.learning_rate = -1.0}},
        {"learning_rate", {.learning_rate = NAN}},
        {"learning_rate", {.learning_rate = INFINITY}},
        {"momentum", {.learning_rate = 1.0, .momentum = 1.0}},
        {"beta1", {.learning_rate = 1.0, .beta1 = 1.0}},
        {"beta2", {.learning_rate = 1.0, .beta2 = -0.1}},
        {"alpha", {.learning_rate = 1.0, .alpha = 1.5}},
        {"epsilon", {.learning_rate = 1.0, .epsilon = 1e-50}},
        {"weight_decay", {.learning_rate = 1.0, .weight_decay = -1.0}},
        {"clip_norm", {.learning_rate = 1.0, .clip_norm = NAN}},
        {"clip_value", {.learning_rate = 1.0, .clip_value = -1.0}},
        {"schedule_factor", {.learning_rate = 1.0, .schedule_factor = -1.0}},
        {"schedule_steps", {.learning_rate = 1.0, .schedule = ELMAN_SCHEDULE_STEP}},
        {"schedule", {.learning_rate = 1.0, .schedule = (elman_schedule)3}},
        {"description", {.learning_rate = 1.0, .description = "[1]"}},
        {"description", {.learning_rate = 1.0, .description = "{\"a\":1,\"a\":2}"}},
        {"optimizer", {.learning_rate = 1.0, .optimizer = (elman_optimizer)4}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        elman_error error = {0};
        elman_train_options options, given = cases[i].options;
        given.struct_size = sizeof(given);
        assert_int_equal(train_options_read(&options, &given, &error), ELMAN_ERR_ARGUMENT);
        if (strstr(error.message, cases[i].name) == NULL)
            fail_msg("\"%s\" does not name %s", error.message, cases[i].name);
    }
}

/* Writes the options as JSON, changes one and reads them back. */
static void options_survive_json_exactly(void **state) {
    (void)state;
    elman_error error = {0};
    elman_train_options options = {.learning_rate = 1.0 / 3.0,
                                   .momentum = 0.1,
                                   .epsilon = DBL_MIN,
                                   .seed = UINT64_MAX,
                                   .window = 7,
                                   .epochs = INT64_MAX};
    json_t *object = train_options_to_json(&options);
    char *text = json_dumps(object, 0);
    json_t *again = json_loads(text, 0, NULL);
    assert_non_null(again);
    assert_int_equal(train_options_compare(&options, again, "file", &error), ELMAN_OK);
    options.learning_rate = nextafter(options.learning_rate, 1.0);
    assert_int_equal(train_options_compare(&options, again, "file", &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "learning_rate 0.33333333333333331"));
    options.learning_rate = 1.0 / 3.0;
    options.seed--;
    assert_int_equal(train_options_compare(&options, again, "file", &error), ELMAN_ERR_MISMATCH);
    assert_non_null(
        strstr(error.message, "seed 18446744073709551615, this one 18446744073709551614"));
    json_decref(again);
    json_decref(object);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers),
        cmocka_unit_test(constant_and_warm_up),
        cmocka_unit_test(step_after_warm_up),
        cmocka_unit_test(cosine_with_a_length),
        cmocka_unit_test(cosine_over_the_run),
        cmocka_unit_test(defaults),
        cmocka_unit_test(refuses_each_option_out_of_range),
        cmocka_unit_test(options_survive_json_exactly),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
