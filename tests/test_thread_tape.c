/* Forward and backward passes with several threads, small enough for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/passes.h"

static Pass *run_with(size_t threads, const NetworkSpec *given, size_t rows, elman_sharing sharing,
                      LossKind loss) {
    NetworkSpec shared = *given;
    const NetworkSpec *const spec = &shared;
    shared.sharing = sharing;
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = random_network(context, spec, 1);
    Sample sample = random_sample(spec, 5, rows, rows > 1, false, 2);
    elman_tape *const tape = open_tape(network, spec, 5, rows);
    pass_free(run_tape(tape, spec, &sample, loss)); /* the second finds a tape that was used */
    Pass *const pass = run_tape(tape, spec, &sample, loss);
    elman_tape_destroy(tape);
    sample_free(&sample);
    elman_network_destroy(network);
    elman_context_destroy(context);
    return pass;
}

/* Several panels, directions and layers. */
static void check_rows(size_t rows) {
    static const size_t threads[] = {2, 3, 4, 8};
    for (size_t i = 0; i < CELL_KINDS * 3; i++) {
        const elman_input input = (elman_input)(i % 3);
        NetworkSpec spec = {
            .input = input,
            .inputs = 20,
            .embedding = input == ELMAN_INPUT_EMBEDDING ? 20 : 0,
            .layers = 2,
            .hidden = 40,
            .bidirectional = i % 2,
            .learned_state = true,
            .dropout = 0.2f,
            .top_dropout = 0.2f,
            .outputs = 30,
            .output = (elman_output)(i % 4),
        };
        const LossKind loss = (LossKind)(i % 3);
        spec_set_kind(&spec, i / 3, i);
        Pass *const one = run_with(1, &spec, rows, ELMAN_SHARE_AUTO, loss);
        for (size_t k = 0; k < 3 * sizeof threads / sizeof *threads; k++) {
            const elman_sharing sharing = (elman_sharing)(ELMAN_SHARE_ROWS + k % 3);
            char what[48];
            snprintf(what, sizeof what, "%zu threads, sharing %d", threads[k / 3], (int)sharing);
            Pass *const many = run_with(threads[k / 3], &spec, rows, sharing, loss);
            check_same_bits(many, one, what);
            pass_free(many);
        }
        pass_free(one);
    }
}

/* All of 8 workers have work in every phase. */
static void nine_rows_in_threads(void **state) {
    (void)state;
    check_rows(9);
}

/* Shared by rows, all but one have none. */
static void one_row_in_threads(void **state) {
    (void)state;
    check_rows(1);
}

enum { KEPT_STEPS = 4, KEPT_ROWS = 2, KEPT_UNITS = 40, KEPT = KEPT_STEPS * KEPT_ROWS * KEPT_UNITS };

/* The gradients of h' and c' at every step of the first of two layers of an LSTM. */
static void keep_gradients(size_t threads, elman_sharing sharing, float dh[KEPT], float dc[KEPT]) {
    const NetworkSpec spec = {
        .inputs = 20, .cell = ELMAN_CELL_LSTM, .layers = 2, .hidden = KEPT_UNITS, .outputs = 3};
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = KEPT_STEPS,
                                        .batch = KEPT_ROWS,
                                        .input_gradient = 1,
                                        .keep_gradients = 1,
                                        .sharing = sharing};
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = random_network(context, &spec, 1);
    Sample sample = random_sample(&spec, KEPT_STEPS, KEPT_ROWS, false, false, 2);
    elman_tape *tape;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    pass_free(run_tape(tape, &spec, &sample, (LossKind)0));
    assert_int_equal(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_DH, dh, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_DC, dc, NULL), ELMAN_OK);
    elman_tape_destroy(tape);
    sample_free(&sample);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void kept_gradients_in_threads(void **state) {
    float dh[2][KEPT], dc[2][KEPT];
    (void)state;
    keep_gradients(1, ELMAN_SHARE_AUTO, dh[0], dc[0]);
    for (size_t threads = 2; threads <= 4; threads++)
        for (int sharing = ELMAN_SHARE_ROWS; sharing <= ELMAN_SHARE_LAYERS; sharing++) {
            keep_gradients(threads, (elman_sharing)sharing, dh[1], dc[1]);
            assert_memory_equal(dh[1], dh[0], sizeof dh[0]);
            assert_memory_equal(dc[1], dc[0], sizeof dc[0]);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nine_rows_in_threads),
                                       cmocka_unit_test(one_row_in_threads),
                                       cmocka_unit_test(kept_gradients_in_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
