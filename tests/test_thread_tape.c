/* Forward and backward passes with several threads, small enough for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/passes.h"

static Pass *run_with(size_t threads, const NetworkSpec *given, elman_sharing sharing,
                      LossKind loss) {
    NetworkSpec shared = *given;
    const NetworkSpec *const spec = &shared;
    shared.sharing = sharing;
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = random_network(context, spec, 1);
    Sample sample = random_sample(spec, 5, 9, true, false, 2);
    elman_tape *const tape = open_tape(network, spec, 5, 9);
    pass_free(run_tape(tape, spec, &sample, loss)); /* the second finds a tape that was used */
    Pass *const pass = run_tape(tape, spec, &sample, loss);
    elman_tape_destroy(tape);
    sample_free(&sample);
    elman_network_destroy(network);
    elman_context_destroy(context);
    return pass;
}

/* 9 rows, several panels, directions and layers: all of 8 workers have work in every phase. */
static void passes_in_threads(void **state) {
    static const size_t threads[] = {2, 3, 4, 8};
    (void)state;
    for (size_t i = 0; i < CELLS * 3; i++) {
        const elman_input input = (elman_input)(i % 3);
        const NetworkSpec spec = {
            .input = input,
            .inputs = 20,
            .embedding = input == ELMAN_INPUT_EMBEDDING ? 20 : 0,
            .cell = all_cells[i / 3],
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
        Pass *const one = run_with(1, &spec, ELMAN_SHARE_AUTO, loss);
        for (size_t k = 0; k < 2 * sizeof threads / sizeof *threads; k++) {
            const elman_sharing sharing = k % 2 ? ELMAN_SHARE_UNITS : ELMAN_SHARE_ROWS;
            char what[48];
            snprintf(what, sizeof what, "%zu threads, sharing %d", threads[k / 2], (int)sharing);
            Pass *const many = run_with(threads[k / 2], &spec, sharing, loss);
            check_same_bits(many, one, what);
            pass_free(many);
        }
        pass_free(one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_in_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
