/* Training health from logs that are made up: every figure has a known answer. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "support/allocator.h"
#include <elman/diagnose.h>

enum { STEPS = 600, GROUPS = 3 };

typedef struct Made {
    elman_log_step steps[STEPS];
    double ratios[STEPS][GROUPS];
    elman_log log;
} Made;

static double noise(uint64_t seed, size_t i) {
    return random_normal(seed, RANDOM_TASK, 0, i);
}

/* A loss that falls from 4 to 1.5 with a scatter of 0.05, as those of texts do. */
static void make(Made *made, uint64_t seed) {
    memset(made, 0, sizeof(*made));
    for (size_t i = 0; i < STEPS; i++) {
        made->steps[i] = (elman_log_step){
            .step = i + 1,
            .loss = 1.5 + 2.5 * exp(-(double)i / 60.0) + 0.05 * noise(seed, i),
            .learning_rate = 1e-3,
            .gradient_norm = 0.5,
            .validation_loss = NAN,
            .update_ratio = made->ratios[i],
            .predicted = 3200.0,
        };
        for (size_t g = 0; g < GROUPS; g++) made->ratios[i][g] = (double)(g + 1) * 1e-3;
    }
    made->log = (elman_log){.struct_size = sizeof(elman_log),
                            .steps = made->steps,
                            .count = STEPS,
                            .update_ratio_count = GROUPS,
                            .clip_norm = 1.0};
}

static elman_context *context;

/* Sums of a few hundred numbers of about 1: 600 roundings of 2^-53 at most. */
static void assert_near(double got, double want) {
    if (!(fabs(got - want) <= 600.0 * 0x1p-53 * fabs(want)))
        fail_msg("%.17g, not %.17g", got, want);
}

static elman_training_health health_of(const elman_log *log, elman_diagnosis **diagnosis) {
    elman_error error = {0};
    if (elman_diagnose_log(context, log, diagnosis, &error)) fail_msg("%s", error.message);
    return *elman_diagnosis_health(*diagnosis);
}

static size_t spikes_of(const elman_log *log) {
    elman_diagnosis *diagnosis;
    const size_t count = health_of(log, &diagnosis).spike_count;
    elman_diagnosis_destroy(diagnosis);
    return count;
}

static int begin(void **state) {
    const elman_context_options options = {.struct_size = sizeof(options), .threads = 1};
    (void)state;
    return (int)elman_context_create(&options, &context, NULL);
}

static int end(void **state) {
    (void)state;
    elman_context_destroy(context);
    return 0;
}

static void losses_are_means_of_tenths(void **state) {
    (void)state;
    static Made made;
    elman_diagnosis *diagnosis;
    make(&made, 1);
    for (size_t i = 0; i < 60; i++) made.steps[i].loss = 4.0 + (double)(i % 2);
    for (size_t i = 540; i < STEPS; i++) made.steps[i].loss = 1.0 + (double)(i % 2);
    made.steps[7].loss = NAN; /* one of the odd ones: 5 */
    const elman_training_health health = health_of(&made.log, &diagnosis);
    assert_int_equal(health.steps, STEPS);
    assert_near(health.first_loss, (30.0 * 4.0 + 29.0 * 5.0) / 59.0);
    assert_near(health.last_loss, 1.5);
    assert_true(isnan(health.best_validation) && isnan(health.last_validation));
    assert_true(isnan(health.gap) && isnan(health.clip_factor));
    assert_true(health.clipped == 0.0);
    assert_int_equal(health.best_step, 0);
    assert_null(health.not_finite);
    elman_diagnosis_destroy(diagnosis);
}

static void clipping_is_measured_where_it_fired(void **state) {
    (void)state;
    static Made made;
    elman_diagnosis *diagnosis;
    make(&made, 2);
    for (size_t i = 0; i < 150; i++) {
        made.steps[4 * i].clipped = 1;
        made.steps[4 * i].gradient_norm = i < 76 ? 3.0 : 8.0;
    }
    made.log.clip_norm = 2.0;
    elman_training_health health = health_of(&made.log, &diagnosis);
    assert_true(health.clipped == 0.25);
    assert_true(health.clip_factor == 1.5);
    elman_diagnosis_destroy(diagnosis);
    made.log.clip_norm = 0.0; /* by value alone */
    health = health_of(&made.log, &diagnosis);
    assert_true(health.clipped == 0.25 && isnan(health.clip_factor));
    elman_diagnosis_destroy(diagnosis);
}

static void update_ratios_are_those_of_the_last_half(void **state) {
    (void)state;
    static Made made;
    elman_diagnosis *diagnosis;
    make(&made, 3);
    for (size_t i = 0; i < 300; i++) made.ratios[i][1] = 1e3;
    for (size_t i = 0; i < 300; i++) made.ratios[300 + i][1] = (double)i;
    made.ratios[450][2] = NAN;
    const elman_training_health health = health_of(&made.log, &diagnosis);
    assert_int_equal(health.group_count, GROUPS);
    assert_true(health.update_ratio[0].median == 1e-3);
    /* 0 to 299: as numpy.quantile, 299 times the level. */
    assert_near(health.update_ratio[1].low, 74.75);
    assert_near(health.update_ratio[1].median, 149.5);
    assert_near(health.update_ratio[1].high, 224.25);
    assert_true(health.update_ratio[2].high == 3e-3);
    elman_diagnosis_destroy(diagnosis);
}

static void spikes_are_found_at_their_steps(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        static Made made;
        elman_diagnosis *diagnosis;
        make(&made, seed);
        made.steps[100].loss = 40.0; /* alone, and beyond all that was learnt */
        for (size_t i = 0; i < 8; i++) made.steps[300 + i].loss += 1.6 - 0.1 * (double)i;
        made.steps[500].loss += 1.0; /* alone: a hard batch */
        made.steps[599].loss += 1.0; /* the last: nothing after it says otherwise */
        const elman_training_health health = health_of(&made.log, &diagnosis);
        assert_int_equal(health.spike_count, 3);
        assert_int_equal(health.spikes[0], 101);
        assert_int_equal(health.spikes[1], 301);
        assert_int_equal(health.spikes[2], 600);
        elman_diagnosis_destroy(diagnosis);
    }
}

/* Far outside the scatter of 0.05, and lasting, but little beside what was learnt, or beside a loss
 * of the 50 before. */
static void what_rises_little_is_no_spike(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        static Made made;
        make(&made, seed);
        for (size_t i = 0; i < 8; i++) made.steps[300 + i].loss = 1.5 + 0.35;
        assert_int_equal(spikes_of(&made.log), 0);
        make(&made, seed);
        made.steps[480].loss += 1.0;
        for (size_t i = 0; i < 8; i++) made.steps[500 + i].loss += 1.2;
        assert_int_equal(spikes_of(&made.log), 0);
        made.steps[480].loss -= 1.0;
        assert_int_equal(spikes_of(&made.log), 1);
    }
}

/* Noise of several kinds, none of which is a spike: two logs of a hundred may look like it.
 */
static void healthy_noise_has_no_spikes(void **state) {
    (void)state;
    static Made made;
    size_t alarms[4] = {0};
    for (uint64_t seed = 0; seed < 100; seed++) {
        make(&made, seed);
        alarms[0] += spikes_of(&made.log) > 0;
        /* A loss that stays at its floor. */
        for (size_t i = 0; i < STEPS; i++) made.steps[i].loss = 0.17 + 0.02 * noise(seed, i);
        alarms[1] += spikes_of(&made.log) > 0;
        /* Errors with a heavy tail: log-normal. */
        for (size_t i = 0; i < STEPS; i++) made.steps[i].loss = exp(0.5 * noise(seed, i));
        alarms[2] += spikes_of(&made.log) > 0;
        /* Every 40th step has 3 % of the predictions, and six times the scatter. */
        make(&made, seed);
        for (size_t i = 39; i < STEPS; i += 40) {
            made.steps[i].predicted = 96.0;
            made.steps[i].loss += 0.28 * noise(seed + 1000, i);
        }
        alarms[3] += spikes_of(&made.log) > 0;
    }
    for (size_t k = 0; k < 4; k++)
        if (alarms[k] > 2) fail_msg("noise %zu: %zu alarms in 100", k, alarms[k]);
}

static void a_log_that_is_short_has_no_spikes(void **state) {
    (void)state;
    static Made made;
    make(&made, 4);
    made.log.count = 12;
    made.steps[11].loss = 1e6;
    assert_int_equal(spikes_of(&made.log), 0);
    made.log.count = 1;
    assert_int_equal(spikes_of(&made.log), 0);
}

static void validation_and_plateau(void **state) {
    (void)state;
    static Made made;
    elman_diagnosis *diagnosis;
    make(&made, 5);
    static const double losses[] = {2.0, 1.8, 1.6, 1.5, 1.4995, 1.61};
    for (size_t i = 0; i < 6; i++) made.steps[100 * i + 99].validation_loss = losses[i];
    elman_training_health health = health_of(&made.log, &diagnosis);
    assert_true(health.best_validation == 1.4995 && health.last_validation == 1.61);
    assert_int_equal(health.best_step, 500);
    assert_true(health.gap == 1.61 - health.last_loss);
    assert_int_equal(health.plateau, 1); /* 0.03 % are no progress */
    elman_diagnosis_destroy(diagnosis);
    made.steps[499].validation_loss = 1.49;
    health = health_of(&made.log, &diagnosis);
    assert_int_equal(health.plateau, 0);
    elman_diagnosis_destroy(diagnosis);

    /* Without validation the loss decides. */
    for (size_t i = 0; i < STEPS; i++) {
        made.steps[i].validation_loss = NAN;
        made.steps[i].loss = 2.0 - 1e-3 * (double)i;
    }
    health = health_of(&made.log, &diagnosis);
    assert_int_equal(health.plateau, 0);
    elman_diagnosis_destroy(diagnosis);
    for (size_t i = 200; i < STEPS; i++) made.steps[i].loss = 1.8 - 1e-6 * (double)i;
    health = health_of(&made.log, &diagnosis);
    assert_int_equal(health.plateau, 1);
    elman_diagnosis_destroy(diagnosis);
}

static void what_ended_the_run_is_kept(void **state) {
    (void)state;
    char sentence[] = "step 601: rnn.weight_hh_l1 (forget gate) holds a number that is not finite";
    static Made made;
    elman_diagnosis *diagnosis;
    make(&made, 6);
    made.log.not_finite = sentence;
    made.log.not_finite_step = 601;
    made.log.count = 0; /* no step before it */
    const elman_training_health health = health_of(&made.log, &diagnosis);
    sentence[0] = '-';
    assert_string_equal(health.not_finite + 1, sentence + 1);
    assert_int_equal(health.not_finite[0], 's');
    assert_int_equal(health.not_finite_step, 601);
    assert_int_equal(health.steps, 0);
    assert_true(isnan(health.first_loss));
    elman_diagnosis_destroy(diagnosis);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static Made made;
    make(&made, 7);
    made.steps[100].loss = 40.0;
    made.log.not_finite = "the loss is not finite";
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {
            .struct_size = sizeof(options),
            .allocator = counting_allocator(&counting),
            .threads = 1,
        };
        elman_context *counted;
        elman_diagnosis *diagnosis;
        assert_int_equal(elman_context_create(&options, &counted, NULL), ELMAN_OK);
        const long before = counting.live;
        counting.allow = counting.count + k;
        status = elman_diagnose_log(counted, &made.log, &diagnosis, NULL);
        if (status) {
            assert_int_equal(status, ELMAN_ERR_MEMORY);
            assert_null(diagnosis);
        }
        elman_diagnosis_destroy(diagnosis);
        assert_int_equal(counting.live, before);
        elman_context_destroy(counted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_means_of_tenths),
        cmocka_unit_test(clipping_is_measured_where_it_fired),
        cmocka_unit_test(update_ratios_are_those_of_the_last_half),
        cmocka_unit_test(spikes_are_found_at_their_steps),
        cmocka_unit_test(what_rises_little_is_no_spike),
        cmocka_unit_test(healthy_noise_has_no_spikes),
        cmocka_unit_test(a_log_that_is_short_has_no_spikes),
        cmocka_unit_test(validation_and_plateau),
        cmocka_unit_test(what_ended_the_run_is_kept),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
