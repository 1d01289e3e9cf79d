/* When passes whose workers meet often give way to others, without a clock: from counts alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/lateness.h"

/* Passes until one has meetings again. */
static size_t stretch(Lateness *lateness) {
    size_t passes = 0;
    while (lateness_apart(lateness)) passes++;
    return passes;
}

static void nothing_late(void **state) {
    Lateness lateness = {0};
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        assert_false(lateness_apart(&lateness));
        lateness_note(&lateness, 0);
    }
}

static void one_late_meeting_is_forgiven(void **state) {
    Lateness lateness = {0};
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        lateness_note(&lateness, 1);
        for (size_t k = 0; k < LATE_SCORE; k++) lateness_note(&lateness, 0);
        assert_false(lateness_apart(&lateness));
    }
}

static void several_are_not(void **state) {
    Lateness twice = {0}, again = {0};
    (void)state;
    lateness_note(&twice, 2);
    assert_int_equal(stretch(&twice), LATE_PAUSE);
    lateness_note(&again, 1);
    lateness_note(&again, 0);
    assert_int_equal(stretch(&again), 0);
    lateness_note(&again, 1);
    assert_int_equal(stretch(&again), LATE_PAUSE);
    /* What led to the stretch is forgotten after it. */
    lateness_note(&again, 1);
    assert_int_equal(stretch(&again), 0);
}

/* While all goes on being late, passes with meetings become rare; then they come back. */
static void stretches_grow_and_shrink(void **state) {
    Lateness lateness = {0};
    (void)state;
    for (size_t want = LATE_PAUSE; want <= LATE_PAUSE_MAX; want *= 2) {
        lateness_note(&lateness, 100);
        assert_int_equal(stretch(&lateness), want);
    }
    lateness_note(&lateness, SIZE_MAX);
    assert_int_equal(stretch(&lateness), LATE_PAUSE_MAX);
    for (size_t i = 0; i < 2 * LATE_PAUSE_MAX; i++) lateness_note(&lateness, 0);
    lateness_note(&lateness, 100);
    assert_int_equal(stretch(&lateness), LATE_PAUSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_late),
        cmocka_unit_test(one_late_meeting_is_forgiven),
        cmocka_unit_test(several_are_not),
        cmocka_unit_test(stretches_grow_and_shrink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
