/* Passes whose layers are shared: the bits of one thread, in stacks of every height, with chunks of
 * steps that divide them and that do not, small enough for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"

static const size_t thread_counts[] = {2, 3, 4, 8};

/* Of a tape that keeps nothing for backward: output and final state. */
static Pass *run_forward_only(const elman_network *network, const NetworkSpec *spec,
                              const Sample *sample, const Pass *like) {
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = sample->steps,
                                        .batch = sample->rows,
                                        .forward_only = 1,
                                        .sharing = spec->sharing};
    const elman_sequence sequence = sample_sequence(sample, true);
    elman_tape *tape = NULL;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    const Array *const output = &like->arrays[0];
    Pass *const pass = zeroed(1, sizeof *pass);
    pass->count = 1;
    pass->arrays[0] = *output;
    pass->arrays[0].data = zeroed(output->outer * output->rows * output->inner, sizeof(float));
    elman_tape_output(tape, pass->arrays[0].data);
    elman_tape_destroy(tape);
    return pass;
}

typedef struct Both {
    Pass *whole, *forward_only;
} Both;

static Both run_with(size_t threads, const NetworkSpec *spec, size_t turn) {
    static const size_t steps[] = {23, 1, 3, 40}, rows[] = {1, 2, 5};
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = random_network(context, spec, turn);
    Sample sample =
        random_sample(spec, steps[turn % 4], rows[turn % 3], turn / 2 % 2, turn / 3 % 2, turn);
    Both both;
    both.whole = run_pass(network, spec, &sample, (LossKind)(turn % 3));
    both.forward_only = run_forward_only(network, spec, &sample, both.whole);
    sample_free(&sample);
    elman_network_destroy(network);
    elman_context_destroy(context);
    return both;
}

static void both_free(Both both) {
    pass_free(both.whole);
    pass_free(both.forward_only);
}

static void check_spec(NetworkSpec spec, size_t turn) {
    const Both one = run_with(1, &spec, turn);
    spec.sharing = ELMAN_SHARE_LAYERS;
    for (size_t k = 0; k < sizeof thread_counts / sizeof *thread_counts; k++) {
        const Both many = run_with(thread_counts[k], &spec, turn);
        char what[64];
        snprintf(what, sizeof what, "turn %zu, %zu threads", turn, thread_counts[k]);
        check_same_bits(many.whole, one.whole, what);
        one.forward_only->loss = many.forward_only->loss;
        check_same_bits(many.forward_only, one.forward_only, what);
        both_free(many);
    }
    both_free(one);
}

static NetworkSpec turn_spec(size_t turn, size_t layers, bool bidirectional) {
    const elman_input input = (elman_input)(turn / 5 % 3);
    NetworkSpec spec = {
        .input = input,
        .inputs = 20,
        .embedding = input == ELMAN_INPUT_EMBEDDING ? 20 : 0,
        .layers = layers,
        .hidden = turn % 2 ? 40 : 17,
        .bidirectional = bidirectional,
        .learned_state = turn % 3 > 0,
        .dropout = turn % 2 ? 0.2f : 0.0f,
        .top_dropout = turn % 5 < 2 ? 0.2f : 0.0f,
        .outputs = turn % 7 < 5 ? 6 : 0,
        .output = (elman_output)(turn % 4),
    };
    spec_set_kind(&spec, turn % CELL_KINDS, turn);
    return spec;
}

static void stacks(void **state) {
    (void)state;
    for (size_t turn = 0; turn < 60; turn++) check_spec(turn_spec(turn, 1 + turn % 5, false), turn);
}

static void directions(void **state) {
    (void)state;
    for (size_t turn = 0; turn < 30; turn++)
        check_spec(turn_spec(turn, 1 + turn / 5 % 2, true), turn);
}

/* ---- stacks with layers of both kinds ---- */

enum { STEPS = 19, ROWS = 3, INPUTS = 12, HIDDEN = 20, LAYERS = 6, FLOATS = 60000 };
enum { OUTPUT = STEPS * ROWS * 2 * (HIDDEN + LAYERS - 1) };

/* Layers 2 and 5 have two directions. */
static elman_network *mixed_network(elman_context *context) {
    const elman_init_options init = {.struct_size = sizeof init, .seed = 3};
    elman_model *model = NULL;
    elman_network *network = NULL;
    assert_int_equal(elman_model_create(context, INPUTS, &model, NULL), ELMAN_OK);
    for (size_t l = 0; l < LAYERS; l++) {
        const elman_cell_options options = {.struct_size = sizeof options,
                                            .cell = all_cells[l % CELLS],
                                            .hidden = HIDDEN + l,
                                            .bidirectional = l % 3 == 2,
                                            .dropout = l % 2 ? 0.3f : 0.0f};
        elman_model_add_cell_options(model, &options);
    }
    assert_int_equal(elman_model_build(model, &init, NULL), ELMAN_OK);
    assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
    elman_model_destroy(model);
    return network;
}

/* The output and all gradients, one after the other; returns how many numbers those are. */
static size_t run_mixed(size_t threads, float *numbers) {
    static float dense[STEPS * ROWS * INPUTS], gradient[STEPS * ROWS * 2 * (HIDDEN + LAYERS)];
    static const size_t lengths[ROWS] = {STEPS, 0, 7};
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = STEPS,
                                        .batch = ROWS,
                                        .input_gradient = 1,
                                        .sharing = ELMAN_SHARE_LAYERS};
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = STEPS,
                                     .batch = ROWS,
                                     .dense = dense,
                                     .lengths = lengths,
                                     .training = 1,
                                     .dropout_seed = 8};
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = mixed_network(context);
    elman_tape *tape = NULL;
    elman_tensor tensor;
    random_floats(dense, sizeof dense / sizeof *dense, 1.0f, 1);
    random_floats(gradient, sizeof gradient / sizeof *gradient, 1.0f, 2);
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_backward(tape, gradient, NULL), ELMAN_OK);
    elman_tape_output(tape, numbers);
    size_t count = OUTPUT;
    elman_tape_input_gradient(tape, numbers + count);
    count += STEPS * ROWS * INPUTS;
    for (size_t i = 0; elman_tape_gradient(tape, i, &tensor) == ELMAN_OK; i++) {
        assert_true(count + tensor.count <= FLOATS);
        memcpy(numbers + count, tensor.data, tensor.count * sizeof(float));
        count += tensor.count;
    }
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
    return count;
}

static void mixed_stacks(void **state) {
    static float one[FLOATS], many[FLOATS];
    const size_t count = run_mixed(1, one);
    (void)state;
    for (size_t k = 0; k < sizeof thread_counts / sizeof *thread_counts; k++) {
        assert_int_equal(run_mixed(thread_counts[k], many), count);
        assert_memory_equal(many, one, count * sizeof *one);
    }
}

/* By rows, a worker whose rows are short is layers ahead of the others. Passes that keep nothing,
 * of layers whose pre-activations are of different width. */
static void run_by_rows(size_t threads, float *output) {
    static float dense[STEPS * ROWS * INPUTS];
    static const size_t lengths[ROWS] = {STEPS, STEPS, 0};
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = STEPS,
                                        .batch = ROWS,
                                        .forward_only = 1,
                                        .sharing = ELMAN_SHARE_ROWS};
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = STEPS,
                                     .batch = ROWS,
                                     .dense = dense,
                                     .lengths = lengths};
    elman_context *const context = open_context(NULL, threads);
    elman_network *const network = mixed_network(context);
    elman_tape *tape = NULL;
    random_floats(dense, sizeof dense / sizeof *dense, 1.0f, 1);
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    for (size_t pass = 0; pass < 50; pass++) {
        assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
        elman_tape_output(tape, output + (pass > 0 ? OUTPUT : 0));
        if (pass > 0) assert_memory_equal(output + OUTPUT, output, OUTPUT * sizeof *output);
    }
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void mixed_stacks_by_rows(void **state) {
    static float one[2 * OUTPUT], many[2 * OUTPUT];
    (void)state;
    run_by_rows(1, one);
    for (size_t threads = 2; threads <= 3; threads++) {
        run_by_rows(threads, many);
        assert_memory_equal(many, one, OUTPUT * sizeof *one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_stacks_by_rows),
        cmocka_unit_test(stacks),
        cmocka_unit_test(directions),
        cmocka_unit_test(mixed_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
