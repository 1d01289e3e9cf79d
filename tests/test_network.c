/* Compiled networks: what they hold, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/network.h"
#include "support/allocator.h"
#include "support/passes.h"

enum { STEPS = 5, ROWS = 3 };

static elman_tape *make_tape(const elman_network *network, bool forward_only, bool input_gradient) {
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = STEPS,
                                        .batch = ROWS,
                                        .forward_only = forward_only,
                                        .input_gradient = input_gradient};
    elman_tape *tape = NULL;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    return tape;
}

/* What only backward reads is there once a tape needs it, not before. */
static void backward_parts_are_made_when_they_are_needed(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    const NetworkSpec spec = {
        .inputs = 5, .cell = ELMAN_CELL_GRU, .layers = 2, .hidden = 20, .outputs = 3};
    elman_network *const network = random_network(context, &spec, 1);
    const CellWeights *const first = &network->layers[0][0].weights;
    const CellWeights *const second = &network->layers[1][0].weights;

    elman_tape_destroy(make_tape(network, true, false));
    assert_null(network->back.data);
    assert_true(!first->w_hh_back && !second->w_ih_back && !network->head.w_back);

    elman_tape_destroy(make_tape(network, false, false));
    assert_true(first->w_hh_back && second->w_ih_back && second->w_hh_back && network->head.w_back);
    assert_null(first->w_ih_back);

    elman_tape_destroy(make_tape(network, false, true));
    assert_non_null(first->w_ih_back);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

/* The input's gradient of a tape that comes after one without it, and of one that comes first. */
static void late_parts_are_the_same(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    for (size_t c = 0; c < CELLS; c++) {
        const NetworkSpec spec = {.inputs = 19,
                                  .cell = all_cells[c],
                                  .layers = 2,
                                  .hidden = 37,
                                  .bidirectional = c % 2,
                                  .outputs = 18};
        Sample sample = random_sample(&spec, STEPS, ROWS, true, true, 1);
        elman_network *const late = random_network(context, &spec, 1);
        elman_network *const early = random_network(context, &spec, 1);
        elman_tape_destroy(make_tape(late, false, false));
        Pass *const got = run_pass(late, &spec, &sample, CROSS_ENTROPY);
        Pass *const want = run_pass(early, &spec, &sample, CROSS_ENTROPY);
        check_same_bits(got, want, cell_name(all_cells[c]));
        pass_free(want);
        pass_free(got);
        elman_network_destroy(early);
        elman_network_destroy(late);
        sample_free(&sample);
    }
    elman_context_destroy(context);
}

/* The memory for the input's gradient fails: a tape without it still finds packed weights. */
static void what_fitted_is_packed(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    const NetworkSpec spec = {
        .inputs = 5, .cell = ELMAN_CELL_LSTM, .layers = 1, .hidden = 20, .outputs = 3};
    elman_context *context = NULL;
    elman_error error = {0};
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_network *const network = random_network(context, &spec, 1);
    counting.allow = 1;
    assert_int_equal(network_prepare_backward(network, true, &error), ELMAN_ERR_MEMORY);
    assert_int_equal(error.status, ELMAN_ERR_MEMORY);
    assert_non_null(network->layers[0][0].weights.w_hh_back);
    assert_null(network->layers[0][0].weights.w_ih_back);
    assert_true(network->layers[0][0].weights.w_hh_back[0] != 0.0f);
    counting.allow = 0;
    assert_int_equal(network_prepare_backward(network, false, NULL), ELMAN_OK);
    counting.allow = ALLOW_ALL;
    assert_int_equal(network_prepare_backward(network, true, NULL), ELMAN_OK);
    elman_network_destroy(network);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backward_parts_are_made_when_they_are_needed),
        cmocka_unit_test(late_parts_are_the_same),
        cmocka_unit_test(what_fitted_is_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
