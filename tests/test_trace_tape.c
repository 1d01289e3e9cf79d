/* What a tape kept of a batch; what tapes and traces refuse; every allocation of a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/trace.h>

/* A row of a batch keeps the bits that it has alone, at its own length. */
static void check_row(elman_tape *tape, elman_tape *alone, const NetworkSpec *spec,
                      const Sample *sample, size_t b, elman_kept what, size_t l, int reverse) {
    const bool of_h = what == ELMAN_KEPT_H || what == ELMAN_KEPT_H_BEFORE || what == ELMAN_KEPT_DH;
    const size_t n = of_h ? spec_width(spec) : spec->hidden, length = sample->lengths[b];
    float *const all = zeroed(sample->steps * sample->rows * n, sizeof *all);
    float *const one = zeroed(sample->steps * n, sizeof *one);
    elman_error error;
    assert_int_equal(elman_tape_kept(tape, l, reverse, what, all, &error), ELMAN_OK);
    assert_int_equal(elman_tape_kept(alone, l, reverse, what, one, &error), ELMAN_OK);
    for (size_t t = 0; t < sample->steps; t++)
        for (size_t u = 0; u < n; u++) {
            const float got = all[(t * sample->rows + b) * n + u];
            const float want = t < length ? one[t * n + u] : 0.0f;
            if (memcmp(&got, &want, sizeof got) != 0)
                fail_msg("array %d of row %zu at step %zu is %a, expected %a", (int)what, b, t,
                         (double)got, (double)want);
        }
    free(all);
    free(one);
}

static elman_tape *keeping_tape(const elman_network *network, size_t steps, size_t rows) {
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = steps, .batch = rows, .keep_gradients = 1};
    elman_tape *tape;
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    return tape;
}

static const elman_kept kept_forward[CELL_KINDS][5] = {
    {ELMAN_KEPT_H, ELMAN_KEPT_H_BEFORE},
    {ELMAN_KEPT_H, ELMAN_KEPT_H_BEFORE},
    {ELMAN_KEPT_I, ELMAN_KEPT_F, ELMAN_KEPT_G, ELMAN_KEPT_O, ELMAN_KEPT_C_BEFORE},
    {ELMAN_KEPT_R, ELMAN_KEPT_Z, ELMAN_KEPT_N, ELMAN_KEPT_NH},
    {ELMAN_KEPT_R, ELMAN_KEPT_Z, ELMAN_KEPT_N, ELMAN_KEPT_RH},
    {ELMAN_KEPT_H_BEFORE, ELMAN_KEPT_F, ELMAN_KEPT_M, ELMAN_KEPT_O, ELMAN_KEPT_C_BEFORE},
};
static const elman_kept kept_backward[CELL_KINDS][6] = {
    {ELMAN_KEPT_DH, ELMAN_KEPT_DA},
    {ELMAN_KEPT_DH, ELMAN_KEPT_DA},
    {ELMAN_KEPT_DH, ELMAN_KEPT_DC, ELMAN_KEPT_DA_I, ELMAN_KEPT_DA_F, ELMAN_KEPT_DA_G,
     ELMAN_KEPT_DA_O},
    {ELMAN_KEPT_DH, ELMAN_KEPT_DA_R, ELMAN_KEPT_DA_Z, ELMAN_KEPT_DA_N, ELMAN_KEPT_DA_NH},
    {ELMAN_KEPT_DH, ELMAN_KEPT_DA_R, ELMAN_KEPT_DA_Z, ELMAN_KEPT_DA_N, ELMAN_KEPT_DA_NH},
    {ELMAN_KEPT_DH, ELMAN_KEPT_DC, ELMAN_KEPT_DA_I, ELMAN_KEPT_DA_F, ELMAN_KEPT_DA_G,
     ELMAN_KEPT_DA_O},
};

/* Runs row b by itself, cut to its length. */
static elman_tape *run_alone(const elman_network *network, const NetworkSpec *spec,
                             const Sample *sample, size_t b, bool backward) {
    const size_t length = sample->lengths[b], inputs = spec->inputs, outputs = spec->outputs;
    elman_tape *const tape = keeping_tape(network, sample->steps, 1);
    float *const dense = zeroed(length * inputs, sizeof *dense);
    float *const gradient = zeroed(length * outputs, sizeof *gradient);
    for (size_t t = 0; t < length; t++) {
        memcpy(dense + t * inputs, sample->dense + (t * sample->rows + b) * inputs,
               inputs * sizeof *dense);
        memcpy(gradient + t * outputs, sample->values + (t * sample->rows + b) * outputs,
               outputs * sizeof *gradient);
    }
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = length, .batch = 1, .dense = dense};
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    if (backward) assert_int_equal(elman_tape_backward(tape, gradient, NULL), ELMAN_OK);
    free(dense);
    free(gradient);
    return tape;
}

static void rows_of_different_length(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    for (size_t i = 0; i < CELL_KINDS; i++) {
        NetworkSpec spec = {.input = ELMAN_INPUT_DENSE,
                            .inputs = 3,
                            .layers = 2,
                            .hidden = 17,
                            .bidirectional = true,
                            .outputs = 2};
        spec_set_kind(&spec, i, i);
        elman_network *const network = random_network(context, &spec, i);
        Sample sample = random_sample(&spec, 6, 4, true, false, i);
        sample.lengths[3] = 2;
        elman_tape *const tape = keeping_tape(network, 6, 4);
        const elman_sequence sequence = sample_sequence(&sample, false);
        /* Leaves NaN past each row's length, which must not be found there later. */
        elman_sequence longer = sequence;
        longer.lengths = NULL;
        assert_int_equal(elman_tape_forward(tape, &longer, NULL), ELMAN_OK);
        for (int backward = 0; backward < 2; backward++) {
            assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
            if (backward)
                assert_int_equal(elman_tape_backward(tape, sample.values, NULL), ELMAN_OK);
            for (size_t b = 0; b < 4; b++) {
                if (sample.lengths[b] == 0) continue;
                elman_tape *const alone = run_alone(network, &spec, &sample, b, backward);
                const elman_kept *const kept = backward ? kept_backward[i] : kept_forward[i];
                for (size_t k = 0; k < (backward ? 6 : 5); k++) {
                    if (k > 0 && kept[k] == ELMAN_KEPT_H) break;
                    for (size_t l = 0; l < 2; l++)
                        for (int reverse = 0; reverse < 2; reverse++)
                            check_row(tape, alone, &spec, &sample, b, kept[k], l, reverse);
                }
                elman_tape_destroy(alone);
            }
        }
        elman_tape_destroy(tape);
        sample_free(&sample);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* ---- refusals ---- */

static void refuses(elman_status status, const elman_error *error, const char *part) {
    assert_int_equal(status, ELMAN_ERR_ARGUMENT);
    if (!strstr(error->message, part)) fail_msg("%s: no \"%s\"", error->message, part);
}

static void what_is_not_kept(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const NetworkSpec spec = {.input = ELMAN_INPUT_DENSE,
                              .inputs = 2,
                              .cell = ELMAN_CELL_GRU_RESET_BEFORE,
                              .layers = 1,
                              .hidden = 3,
                              .outputs = 1};
    elman_network *const network = random_network(context, &spec, 1);
    const float x[2] = {1, 2}, one = 1;
    float out[3];
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = 1, .batch = 1, .dense = x};
    elman_tape *tape = keeping_tape(network, 1, 1);
    elman_error e;
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_H, out, &e), &e, "before a forward");
    refuses(elman_tape_layer_input(tape, 0, out, &e), &e, "before a forward");
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    refuses(elman_tape_kept(tape, 1, 0, ELMAN_KEPT_H, out, &e), &e, "no layer 1");
    refuses(elman_tape_kept(tape, 0, 1, ELMAN_KEPT_H, out, &e), &e, "that reads backward");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_I, out, &e), &e, "keeps no array");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_C, out, &e), &e, "keeps no array");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_TANH_C, out, &e), &e, "keeps no array");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_NH, out, &e), &e, "keeps no array");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_DA_N, out, &e), &e, "after backward");
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_DH, out, &e), &e, "after backward");
    refuses(elman_tape_layer_input(tape, 2, out, &e), &e, "no layer 2");
    assert_int_equal(elman_tape_backward(tape, &one, NULL), ELMAN_OK);
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_N, out, &e), &e, "in the gates' place");
    assert_int_equal(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_RH, out, &e), ELMAN_OK);
    elman_tape_destroy(tape);
    const elman_tape_options options = {
        .struct_size = sizeof options, .steps = 1, .batch = 1, .forward_only = 1};
    assert_int_equal(elman_tape_create(network, &options, &tape, NULL), ELMAN_OK);
    assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
    refuses(elman_tape_kept(tape, 0, 0, ELMAN_KEPT_N, out, &e), &e, "forward passes only");
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
}

static void wrong_traces(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const NetworkSpec spec = {
        .input = ELMAN_INPUT_DENSE, .inputs = 2, .cell = ELMAN_CELL_RNN, .layers = 1, .hidden = 3};
    elman_model *const model = random_model(context, &spec, 1);
    elman_model *unbuilt;
    const float x[4] = {1, 2, 3, 4};
    const size_t lengths[1] = {1};
    const int32_t classes[2] = {0, 3};
    elman_trace *trace = NULL;
    elman_error e;
    elman_sequence sequence = {.struct_size = sizeof sequence, .steps = 2, .batch = 1, .dense = x};
    elman_trace_options options = {.struct_size = sizeof options, .backward = 1};
    refuses(elman_trace_create(model, &sequence, &options, &trace, &e), &e, "need a loss");
    options.loss = ELMAN_TRACE_CROSS_ENTROPY;
    refuses(elman_trace_create(model, &sequence, &options, &trace, &e), &e, "lacks its targets");
    options.classes = classes;
    refuses(elman_trace_create(model, &sequence, &options, &trace, &e), &e, "target 3");
    options.loss = (elman_trace_loss)9;
    refuses(elman_trace_create(model, &sequence, &options, &trace, &e), &e, "no loss 9");
    sequence.steps = 0;
    refuses(elman_trace_create(model, &sequence, NULL, &trace, &e), &e, "one step");
    sequence.steps = 1;
    sequence.batch = 2;
    refuses(elman_trace_create(model, &sequence, NULL, &trace, &e), &e, "batch of 1");
    sequence.batch = 1;
    sequence.lengths = lengths;
    refuses(elman_trace_create(model, &sequence, NULL, &trace, &e), &e, "batch of 1");
    sequence.lengths = NULL;
    sequence.dense = NULL;
    refuses(elman_trace_create(model, &sequence, NULL, &trace, &e), &e, "dense rows");
    assert_null(trace);
    sequence.dense = x;
    assert_int_equal(elman_model_create(context, 2, &unbuilt, NULL), ELMAN_OK);
    refuses(elman_trace_create(unbuilt, &sequence, NULL, &trace, &e), &e, "not built");
    elman_model_destroy(unbuilt);
    assert_int_equal(elman_trace_create(model, &sequence, NULL, &trace, &e), ELMAN_OK);
    elman_trace_array array;
    refuses(elman_trace_find(trace, "l0.i", &array, &e), &e, "no array l0.i");
    assert_int_equal(elman_trace_at(trace, elman_trace_count(trace), &array), ELMAN_ERR_ARGUMENT);
    elman_trace_destroy(trace);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Every allocation fails once. */
static void no_memory(void **state) {
    (void)state;
    elman_status status = ELMAN_ERR_MEMORY;
    long failures = 0;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options given = {
            .struct_size = sizeof given, .threads = 1, .allocator = counting_allocator(&counting)};
        const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                                  .inputs = 4,
                                  .embedding = 0,
                                  .cell = k % 3 ? ELMAN_CELL_LSTM : ELMAN_CELL_GRU,
                                  .layers = 2,
                                  .hidden = 3,
                                  .projection = k % 3 == 1 ? 2 : 0,
                                  .bidirectional = true,
                                  .outputs = 4};
        elman_context *context;
        elman_trace *trace = NULL;
        assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
        elman_model *const model = random_model(context, &spec, 1);
        const int32_t tokens[2] = {1, 2}, classes[2] = {2, 3};
        const elman_sequence sequence = {
            .struct_size = sizeof sequence, .steps = 2, .batch = 1, .tokens = tokens};
        const elman_trace_options options = {.struct_size = sizeof options,
                                             .loss = ELMAN_TRACE_CROSS_ENTROPY,
                                             .classes = classes,
                                             .backward = 1};
        const long live = counting.live;
        counting.allow = k;
        status = elman_trace_create(model, &sequence, &options, &trace, NULL);
        failures += status != ELMAN_OK;
        assert_true(status == ELMAN_OK || (status == ELMAN_ERR_MEMORY && !trace));
        elman_trace_destroy(trace);
        assert_true(counting.live == live);
        counting.allow = ALLOW_ALL;
        elman_model_destroy(model);
        elman_context_destroy(context);
        assert_true(counting.live == 0);
    }
    assert_true(failures > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_different_length),
        cmocka_unit_test(what_is_not_kept),
        cmocka_unit_test(wrong_traces),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
