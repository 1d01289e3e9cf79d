/* Streams: saved, loaded, cloned and reset states; no allocation in a step; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/stream.h>

enum { STEPS = 6, INPUTS = 4 };

static NetworkSpec stream_spec(elman_cell cell, elman_input input) {
    return (NetworkSpec){
        .input = input,
        .inputs = INPUTS,
        .embedding = input == ELMAN_INPUT_EMBEDDING ? 3 : 0,
        .cell = cell,
        .layers = 2,
        .hidden = 21,
        .learned_state = true,
        .outputs = 5,
    };
}

static elman_stream *open_stream(const elman_network *network) {
    elman_stream *stream = NULL;
    elman_error error = {0};
    if (elman_stream_create(network, &stream, &error)) fail_msg("%s", error.message);
    return stream;
}

/* One step with the t-th input of a fixed sequence. */
static void step(elman_stream *stream, const NetworkSpec *spec, size_t t, float *output) {
    float x[INPUTS];
    if (spec->input == ELMAN_INPUT_DENSE) {
        random_floats(x, INPUTS, 1.0f, t);
        assert_int_equal(elman_stream_step(stream, x, output), ELMAN_OK);
    } else {
        assert_int_equal(elman_stream_step_token(stream, (int32_t)(t * 5 % INPUTS), output),
                         ELMAN_OK);
    }
}

/* Steps [from, to); outputs one behind the other. */
static void steps(elman_stream *stream, const NetworkSpec *spec, size_t from, size_t to,
                  float *outputs) {
    for (size_t t = from; t < to; t++) step(stream, spec, t, outputs + t * spec->outputs);
}

static void check_states(const elman_network *network, const NetworkSpec *spec) {
    const size_t size = elman_network_state_size(network, 1), bytes = size * sizeof(float);
    const size_t half = STEPS / 2, outputs = STEPS * spec->outputs;
    float *const state = zeroed(size, sizeof *state), *const other = zeroed(size, sizeof *other);
    float *const want = zeroed(outputs, sizeof *want), *const got = zeroed(outputs, sizeof *got);
    float *const rest = got + half * spec->outputs, *const want_rest = want + half * spec->outputs;
    const size_t rest_bytes = (STEPS - half) * spec->outputs * sizeof *got;
    elman_stream *const stream = open_stream(network),
                        *clone = NULL, *const loaded = open_stream(network);
    assert_true(size == 2 * spec->hidden * (spec->cell == ELMAN_CELL_LSTM ? 2 : 1));
    steps(stream, spec, 0, half, want);
    elman_stream_save(stream, state);
    assert_int_equal(elman_stream_clone(stream, &clone, NULL), ELMAN_OK);
    steps(stream, spec, half, STEPS, want);

    steps(clone, spec, half, STEPS, got);
    assert_memory_equal(rest, want_rest, rest_bytes);
    steps(loaded, spec, 0, STEPS, got); /* somewhere else */
    elman_stream_load(loaded, state);
    elman_stream_save(loaded, other);
    assert_memory_equal(state, other, bytes);
    memset(got, 0, outputs * sizeof *got);
    steps(loaded, spec, half, STEPS, got);
    assert_memory_equal(rest, want_rest, rest_bytes);
    elman_stream_save(stream, state);
    elman_stream_save(loaded, other);
    assert_memory_equal(state, other, bytes);
    elman_stream_reset(loaded);
    steps(loaded, spec, 0, STEPS, got);
    assert_memory_equal(got, want, outputs * sizeof *got);

    elman_stream_destroy(stream);
    elman_stream_destroy(clone);
    elman_stream_destroy(loaded);
    free(state);
    free(other);
    free(want);
    free(got);
}

static void save_load_clone_reset(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELLS * 3; i++) {
        const NetworkSpec spec = stream_spec(all_cells[i / 3], (elman_input)(i % 3));
        elman_network *const network = random_network(context, &spec, i);
        check_states(network, &spec);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* The model's learned initial state, or zeros. */
static void initial_state(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (int learned = 0; learned < 2; learned++) {
        NetworkSpec spec = stream_spec(ELMAN_CELL_LSTM, ELMAN_INPUT_DENSE);
        spec.learned_state = learned;
        elman_model *const model = random_model(context, &spec, 3);
        elman_network *network = NULL;
        assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_OK);
        elman_stream *const stream = open_stream(network);
        float got[4 * 21];
        static const char *const names[] = {"rnn.h0_l0", "rnn.c0_l0", "rnn.h0_l1", "rnn.c0_l1"};
        elman_stream_save(stream, got);
        for (size_t i = 0; i < 4; i++) {
            elman_tensor tensor;
            const elman_status found = elman_model_find_tensor(model, names[i], &tensor, NULL);
            assert_true((found == ELMAN_OK) == learned);
            for (size_t k = 0; k < 21; k++)
                assert_true(got[i * 21 + k] == (learned ? tensor.data[k] : 0.0f));
        }
        elman_stream_destroy(stream);
        elman_network_destroy(network);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

/* Without an output the state goes on the same; without a head the output is the hidden state. */
static void outputs_are_optional(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELLS; i++) {
        NetworkSpec spec = stream_spec(all_cells[i], ELMAN_INPUT_ONE_HOT);
        spec.outputs = 0;
        elman_network *const network = random_network(context, &spec, 1);
        elman_stream *const silent = open_stream(network), *const loud = open_stream(network);
        float output[21], states[2][4 * 21];
        for (size_t t = 0; t < STEPS; t++) {
            step(silent, &spec, t, NULL);
            step(loud, &spec, t, output);
        }
        const size_t size = elman_network_state_size(network, 1);
        elman_stream_save(silent, states[0]);
        elman_stream_save(loud, states[1]);
        assert_memory_equal(states[0], states[1], size * sizeof(float));
        assert_memory_equal(output, states[1] + size / 2, sizeof output);
        elman_stream_destroy(silent);
        elman_stream_destroy(loud);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

static void refusals(void **state) {
    (void)state;
    static const float x[INPUTS] = {0.5f};
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < 3; i++) {
        const NetworkSpec spec = stream_spec(ELMAN_CELL_GRU, (elman_input)i);
        elman_network *const network = random_network(context, &spec, 1);
        elman_stream *const stream = open_stream(network);
        float before[2 * 21], after[2 * 21], output[5];
        step(stream, &spec, 0, output);
        elman_stream_save(stream, before);
        if (spec.input == ELMAN_INPUT_DENSE) {
            assert_int_equal(elman_stream_step_token(stream, 0, output), ELMAN_ERR_ARGUMENT);
        } else {
            assert_int_equal(elman_stream_step(stream, x, output), ELMAN_ERR_ARGUMENT);
            assert_int_equal(elman_stream_step_token(stream, -1, output), ELMAN_ERR_ARGUMENT);
            assert_int_equal(elman_stream_step_token(stream, INPUTS, output), ELMAN_ERR_ARGUMENT);
            assert_int_equal(elman_stream_step_token(stream, INT32_MAX, output),
                             ELMAN_ERR_ARGUMENT);
            assert_int_equal(elman_stream_step_token(stream, INT32_MIN, output),
                             ELMAN_ERR_ARGUMENT);
        }
        elman_stream_save(stream, after);
        assert_memory_equal(before, after, sizeof before);
        elman_stream_destroy(stream);
        elman_network_destroy(network);
    }
    NetworkSpec both_ways = stream_spec(ELMAN_CELL_GRU, ELMAN_INPUT_DENSE);
    both_ways.bidirectional = true;
    elman_network *const network = random_network(context, &both_ways, 1);
    elman_stream *stream = (elman_stream *)&both_ways; /* must be set to NULL */
    elman_error error = {0};
    assert_int_equal(elman_stream_create(network, &stream, &error), ELMAN_ERR_UNSUPPORTED);
    assert_null(stream);
    assert_non_null(strstr(error.message, "bidirectional"));
    elman_network_destroy(network);
    for (int i = 0; i < 2; i++) {
        NetworkSpec pooled = stream_spec(ELMAN_CELL_GRU, ELMAN_INPUT_DENSE);
        pooled.output = i ? ELMAN_OUTPUT_MAX : ELMAN_OUTPUT_MEAN;
        elman_network *const other = random_network(context, &pooled, 1);
        assert_int_equal(elman_stream_create(other, &stream, &error), ELMAN_ERR_UNSUPPORTED);
        assert_null(stream);
        assert_non_null(strstr(error.message, i ? "maximum over all" : "mean over all"));
        elman_network_destroy(other);
    }
    elman_stream_destroy(NULL);
    elman_context_destroy(context);
}

/* Neither a step nor save, load or reset allocates. */
static void steps_allocate_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < CELLS * 3; i++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options options = {.struct_size = sizeof options,
                                               .allocator = counting_allocator(&counting)};
        const NetworkSpec spec = stream_spec(all_cells[i / 3], (elman_input)(i % 3));
        elman_context *context = NULL;
        assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
        elman_network *const network = random_network(context, &spec, 1);
        elman_stream *const stream = open_stream(network);
        float output[5], saved[4 * 21];
        const long before = counting.count;
        for (size_t t = 0; t < 100; t++) step(stream, &spec, t, t % 3 ? output : NULL);
        elman_stream_save(stream, saved);
        elman_stream_load(stream, saved);
        elman_stream_reset(stream);
        assert_int_equal(counting.count, before);
        elman_stream_destroy(stream);
        elman_network_destroy(network);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(save_load_clone_reset),  cmocka_unit_test(initial_state),
        cmocka_unit_test(outputs_are_optional),   cmocka_unit_test(refusals),
        cmocka_unit_test(steps_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
