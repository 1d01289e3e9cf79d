/* One order of arithmetic for every number, so that these give the same bits: a step and a
 * sequence, a row alone and in company, any number of threads, any instruction set, a token and its
 * one-hot row, a used tape and a new one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/tape.h"
#include "support/passes.h"
#include <elman/stream.h>

static const size_t hiddens[] = {1, 7, 16, 17, 24, 33, 100};
enum { HIDDENS = sizeof hiddens / sizeof *hiddens };

static bool forward_only; /* the networks of the moment */

/* A network of a kind of cell for turn number `turn`, its other options taken in turns. */
static NetworkSpec turn_spec(size_t kind, size_t turn) {
    const elman_input input = (elman_input)(turn % 3);
    NetworkSpec spec = {
        .input = input,
        .inputs = 3 + turn % 19,
        .embedding = input == ELMAN_INPUT_EMBEDDING ? 1 + turn % 18 : 0,
        .layers = 1 + turn / 3 % 3,
        .hidden = hiddens[turn % HIDDENS],
        .bidirectional = turn / 2 % 2,
        .no_bias = turn % 5 == 4,
        .learned_state = turn % 2,
        .dropout = turn % 3 == 1 ? 0.3f : 0.0f,
        .outputs = turn % 4 == 3 ? 0 : 2 + turn % 33,
        .output = (elman_output)(turn / 4 % 4),
    };
    const bool plain = forward_only && turn % 3 != 1;
    spec_set_kind(&spec, plain ? kind % CELLS : kind, turn);
    if (plain) spec_make_plain(&spec, turn);
    if (forward_only && turn % 3 != 0) spec_make_staged(&spec, turn);
    return spec;
}

/* Makes the networks of a test ones that run forward alone: plain cells, stages behind the head. */
static int begin_forward(void **state) {
    (void)state;
    forward_only = true;
    return 0;
}

static int end_forward(void **state) {
    (void)state;
    forward_only = false;
    return 0;
}

static void check_bits(const float *got, const float *want, size_t count, const char *what,
                       const NetworkSpec *spec) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0)
            fail_msg("%s, %s %zux%zu->%zu: number %zu is %a, expected %a", what,
                     cell_name(spec->cell), spec->layers, spec->hidden, spec_width(spec), i,
                     (double)got[i], (double)want[i]);
}

/* ---- step = sequence ---- */

static void check_steps(const elman_network *network, const NetworkSpec *spec) {
    enum { STEPS = 5, ROWS = 3 };
    const size_t outputs = spec_outputs(spec), states = elman_network_state_size(network, 1);
    Sample sample = random_sample(spec, STEPS, ROWS, false, false, 9);
    Pass *const pass = run_pass(network, spec, &sample, GIVEN_GRADIENT);
    float *const output = zeroed(outputs, sizeof *output);
    float *const state = zeroed(states, sizeof *state);
    for (size_t b = 0; b < ROWS; b++) {
        elman_stream *stream = NULL;
        assert_int_equal(elman_stream_create(network, &stream, NULL), ELMAN_OK);
        for (size_t t = 0; t < STEPS; t++) {
            const size_t at = t * ROWS + b;
            const elman_status status =
                sample.tokens ? elman_stream_step_token(stream, sample.tokens[at], output)
                              : elman_stream_step(stream, sample.dense + at * spec->inputs, output);
            assert_int_equal(status, ELMAN_OK);
            check_bits(output, pass_array(pass, "output")->data + at * outputs, outputs,
                       "step and sequence", spec);
        }
        elman_stream_save(stream, state);
        size_t offset = 0;
        for (size_t i = 0; i < pass->count; i++) {
            if (strncmp(pass->arrays[i].name, "final", 5) != 0) continue;
            const Array *const array = &pass->arrays[i];
            check_bits(state + offset, array->data + b * array->inner, array->inner, array->name,
                       spec);
            offset += array->inner;
        }
        assert_true(offset == states);
        elman_stream_destroy(stream);
    }
    free(output);
    free(state);
    pass_free(pass);
    sample_free(&sample);
}

static void step_is_sequence(void **state) {
    (void)state;
    for (size_t isa = 0; isa < ISAS; isa++) {
        elman_context *const context = open_context(all_isas[isa], 1);
        for (size_t i = 0; context && i < CELL_KINDS * HIDDENS * 9; i++) {
            const size_t turn = i / CELL_KINDS;
            NetworkSpec spec = turn_spec(i % CELL_KINDS, turn);
            spec.input = (elman_input)(turn / HIDDENS % 3);
            spec.embedding = spec.input == ELMAN_INPUT_EMBEDDING ? 1 + turn % 18 : 0;
            spec.layers = 1 + turn / HIDDENS / 3;
            spec.bidirectional = false;
            spec.output = ELMAN_OUTPUT_EVERY_STEP;
            spec.dropout = 0.0f;
            elman_network *const network = random_network(context, &spec, i);
            check_steps(network, &spec);
            elman_network_destroy(network);
        }
        elman_context_destroy(context);
    }
}

/* ---- rows ---- */

/* Row b of a batch, alone, with as many steps as it has. */
static Sample row_alone(const NetworkSpec *spec, const Sample *all, size_t b) {
    const size_t steps = all->lengths ? all->lengths[b] : all->steps, outputs = spec_outputs(spec);
    Sample row = random_sample(spec, steps, 1, false, false, 0);
    for (size_t t = 0; t < steps; t++) {
        const size_t at = t * all->rows + b;
        if (all->tokens) row.tokens[t] = all->tokens[at];
        if (all->dense)
            memcpy(row.dense + t * spec->inputs, all->dense + at * spec->inputs,
                   spec->inputs * sizeof(float));
        if (!spec_one_output(spec))
            memcpy(row.values + t * outputs, all->values + at * outputs, outputs * sizeof(float));
    }
    if (spec_one_output(spec))
        memcpy(row.values, all->values + b * outputs, outputs * sizeof(float));
    return row;
}

/* All arrays that belong to rows, for row b. */
static void check_row(const NetworkSpec *spec, const Pass *all, const Pass *alone, size_t b,
                      size_t steps) {
    assert_true(all->count == alone->count);
    for (size_t i = 0; i < all->count; i++) {
        const Array *const array = &all->arrays[i], *const row = &alone->arrays[i];
        const size_t inner = array->inner;
        if (array->rows == 0) continue;
        for (size_t t = 0; t < row->outer; t++)
            check_bits(array->data + (t * array->rows + b) * inner, row->data + t * inner, inner,
                       array->name, spec);
        for (size_t t = steps; t < array->outer && row->outer == steps; t++)
            for (size_t k = 0; k < inner; k++)
                assert_true(array->data[(t * array->rows + b) * inner + k] == 0.0f);
    }
}

/* Also with lengths, and beside a row of NaN, which changes nobody else's numbers. */
static void row_alone_is_row_in_company(void **state) {
    enum { STEPS = 6, ROWS = 7, POISONED = 4 };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * HIDDENS * 4; i++) {
        NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS);
        spec.dropout = 0.0f; /* its mask depends on the row's place */
        elman_network *const network = random_network(context, &spec, i);
        Sample all = random_sample(&spec, STEPS, ROWS, i / 2 % 2, false, i);
        for (size_t t = 0; all.dense && t < STEPS; t++)
            all.dense[(t * ROWS + POISONED) * spec.inputs] = t % 2 ? NAN : INFINITY;
        Pass *const together = run_pass(network, &spec, &all, GIVEN_GRADIENT);
        for (size_t b = 0; b < ROWS; b++) {
            const size_t steps = all.lengths ? all.lengths[b] : STEPS;
            if (steps == 0 || (all.dense && b == POISONED)) continue;
            Sample row = row_alone(&spec, &all, b);
            Pass *const alone = run_pass(network, &spec, &row, GIVEN_GRADIENT);
            check_row(&spec, together, alone, b, steps);
            pass_free(alone);
            sample_free(&row);
        }
        pass_free(together);
        sample_free(&all);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* ---- threads and instruction sets ---- */

/* One run of everything; NULL when the processor lacks the instruction set. */
static Pass *run_with(const char *isa, size_t threads, const NetworkSpec *spec, size_t turn) {
    elman_context *const context = open_context(isa, threads);
    if (!context) return NULL;
    elman_network *const network = random_network(context, spec, turn);
    Sample sample = random_sample(spec, 1 + turn % 9, 8 + turn % 6, turn % 2, turn % 3 == 0, turn);
    Pass *const pass = run_pass(network, spec, &sample, (LossKind)(turn % 3));
    sample_free(&sample);
    elman_network_destroy(network);
    elman_context_destroy(context);
    return pass;
}

/* At least 8 rows, so that every worker has some. */
static void any_number_of_threads(void **state) {
    static const size_t threads[] = {2, 3, 4, 8};
    (void)state;
    for (size_t i = 0; i < CELL_KINDS * HIDDENS * 2; i++) {
        NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS);
        Pass *const one = run_with(NULL, 1, &spec, i);
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
            char what[32];
            snprintf(what, sizeof what, "%zu threads", threads[k]);
            spec.sharing = (elman_sharing)((i + k) % 4);
            Pass *const many = run_with(NULL, threads[k], &spec, i);
            check_same_bits(many, one, what);
            pass_free(many);
        }
        pass_free(one);
    }
}

static void any_instruction_set(void **state) {
    (void)state;
    for (size_t i = 0; i < CELL_KINDS * HIDDENS * 6; i++) {
        const NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS);
        Pass *const portable = run_with("portable", 1, &spec, i);
        for (size_t isa = 1; isa < ISAS; isa++) {
            Pass *const pass = run_with(all_isas[isa], 1, &spec, i);
            if (!pass) continue;
            check_same_bits(pass, portable, all_isas[isa]);
            pass_free(pass);
        }
        pass_free(portable);
    }
}

/* ---- tokens, tapes, dropout ---- */

/* A dense model whose first layer sees one-hot rows, with the weights of a model of tokens. */
static elman_network *dense_twin(elman_context *context, const NetworkSpec *spec, uint64_t seed,
                                 NetworkSpec *dense) {
    elman_error error = {0};
    elman_network *network = NULL;
    *dense = *spec;
    dense->input = ELMAN_INPUT_DENSE;
    elman_model *const from = random_model(context, spec, seed);
    elman_model *const to = random_model(context, dense, seed + 1);
    for (size_t i = 0; i < elman_model_tensor_count(from); i++) {
        elman_tensor source, target;
        elman_model_tensor(from, i, &source);
        assert_int_equal(elman_model_find_tensor(to, source.name, &target, NULL), ELMAN_OK);
        assert_true(target.count == source.count);
        memcpy(target.data, source.data, source.count * sizeof(float));
    }
    if (elman_network_compile(to, &network, &error)) fail_msg("%s", error.message);
    elman_model_destroy(from);
    elman_model_destroy(to);
    return network;
}

static void token_is_one_hot_row(void **state) {
    enum { STEPS = 5, ROWS = 4 };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * HIDDENS * 2; i++) {
        NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS), dense;
        spec.input = ELMAN_INPUT_ONE_HOT;
        spec.inputs = i % 2 ? 300 : 19; /* more than one block of the gradient's columns */
        spec.embedding = 0;
        elman_network *const network = random_network(context, &spec, i);
        elman_network *const twin = dense_twin(context, &spec, i, &dense);
        Sample tokens = random_sample(&spec, STEPS, ROWS, i % 3 == 0, false, i);
        Sample rows = random_sample(&dense, STEPS, ROWS, i % 3 == 0, false, i);
        for (size_t at = 0; at < STEPS * ROWS; at++)
            for (size_t k = 0; k < spec.inputs; k++)
                rows.dense[at * spec.inputs + k] = tokens.tokens[at] == (int32_t)k ? 1.0f : 0.0f;
        Pass *const a = run_pass(network, &spec, &tokens, CROSS_ENTROPY);
        Pass *const b = run_pass(twin, &dense, &rows, CROSS_ENTROPY);
        assert_true(b->count == a->count + 1);
        free(b->arrays[--b->count].data); /* the gradient of the dense input comes last */
        check_same_bits(a, b, "token and one-hot row");
        pass_free(a);
        pass_free(b);
        sample_free(&tokens);
        sample_free(&rows);
        elman_network_destroy(network);
        elman_network_destroy(twin);
    }
    elman_context_destroy(context);
}

/* A pass leaves nothing behind that a later, smaller one could see. */
static void used_tape_is_new_tape(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 2);
    for (size_t i = 0; i < CELL_KINDS * HIDDENS * 2; i++) {
        const NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS);
        elman_network *const network = random_network(context, &spec, i);
        elman_tape *const tape = open_tape(network, &spec, 9, 6);
        Sample large = random_sample(&spec, 9, 6, false, true, i);
        for (size_t k = 0; large.dense && k < 9 * 6 * spec.inputs; k += 7) large.dense[k] = NAN;
        pass_free(run_tape(tape, &spec, &large, SQUARED_ERROR));
        for (size_t steps = 1; steps < 9; steps += 3) {
            Sample small = random_sample(&spec, steps, 6 - steps / 2, steps > 1, steps > 4, steps);
            Pass *const used = run_tape(tape, &spec, &small, CROSS_ENTROPY);
            Pass *const fresh = run_pass(network, &spec, &small, CROSS_ENTROPY);
            check_same_bits(used, fresh, "used tape");
            pass_free(used);
            pass_free(fresh);
            sample_free(&small);
        }
        sample_free(&large);
        elman_tape_destroy(tape);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* Weights moved with the carried state: one window of 6 steps is two of 3. */
static void carried_state_continues(void **state) {
    enum { STEPS = 6, ROWS = 3 };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * HIDDENS; i++) {
        NetworkSpec spec = turn_spec(i % CELL_KINDS, i / CELL_KINDS);
        spec.bidirectional = false;
        spec.output = ELMAN_OUTPUT_EVERY_STEP;
        spec.dropout = 0.0f;
        elman_network *const network = random_network(context, &spec, i);
        Sample whole = random_sample(&spec, STEPS, ROWS, false, false, i);
        Pass *const want = run_pass(network, &spec, &whole, GIVEN_GRADIENT);
        float *const carried = zeroed(elman_network_state_size(network, ROWS), sizeof *carried);
        elman_tape *const tape = open_tape(network, &spec, STEPS, ROWS);
        const Array *const output = pass_array(want, "output");
        float *const got = zeroed(STEPS * ROWS * output->inner, sizeof *got);
        for (size_t first = 0; first < STEPS; first += STEPS / 2) {
            elman_sequence part = sample_sequence(&whole, false);
            part.steps = STEPS / 2;
            part.state = first ? carried : NULL;
            if (part.dense) part.dense += first * ROWS * spec.inputs;
            if (part.tokens) part.tokens += first * ROWS;
            assert_int_equal(elman_tape_forward(tape, &part, NULL), ELMAN_OK);
            elman_tape_output(tape, got + first * ROWS * output->inner);
            elman_tape_state(tape, carried);
        }
        check_bits(got, output->data, STEPS * ROWS * output->inner, "two windows", &spec);
        free(got);
        free(carried);
        elman_tape_destroy(tape);
        pass_free(want);
        sample_free(&whole);
        elman_network_destroy(network);
    }
    elman_context_destroy(context);
}

/* Outside training dropout is not there; in training the mask depends on what names it, alone. */
static void dropout_only_in_training(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS; i++) {
        NetworkSpec spec = turn_spec(i, 3);
        spec.layers = 2;
        spec.dropout = spec.top_dropout = 0.5f;
        const size_t count = 4 * 3 * spec_outputs(&spec);
        elman_network *const dropping = random_network(context, &spec, 1);
        elman_tape *const tape = open_tape(dropping, &spec, 4, 3);
        Sample sample = random_sample(&spec, 4, 3, false, false, 1);
        float *const got = zeroed(4 * count, sizeof *got);
        for (size_t k = 0; k < 4; k++) {
            elman_sequence sequence = sample_sequence(&sample, k > 0);
            sequence.dropout_pass = k == 3 ? 4 : 3;
            assert_int_equal(elman_tape_forward(tape, &sequence, NULL), ELMAN_OK);
            elman_tape_output(tape, got + k * count);
        }
        spec.dropout = spec.top_dropout = 0.0f;
        elman_network *const keeping = random_network(context, &spec, 1);
        Pass *const want = run_pass(keeping, &spec, &sample, GIVEN_GRADIENT);
        const Array *const output = pass_array(want, "output");
        const size_t bytes = output->outer * output->rows * output->inner * sizeof *got;
        assert_memory_equal(got, output->data, bytes);
        assert_memory_equal(got + count, got + 2 * count, bytes);
        assert_memory_not_equal(got, got + count, bytes);
        assert_memory_not_equal(got + count, got + 3 * count, bytes);
        pass_free(want);
        free(got);
        sample_free(&sample);
        elman_tape_destroy(tape);
        elman_network_destroy(keeping);
        elman_network_destroy(dropping);
    }
    elman_context_destroy(context);
}

/* Over 2^18 draws the share of zeros has a standard deviation of 0.001 at most. */
static void dropout_masks(void **state) {
    enum { WIDTH = 64, ROWS = 4096 };
    static const float rates[] = {0.1f, 0.5f, 0.9f};
    float mask[WIDTH], other[WIDTH];
    (void)state;
    for (size_t r = 0; r < 3; r++) {
        size_t dropped = 0;
        for (size_t row = 0; row < ROWS; row++) {
            dropout_mask(kernels_select(NULL), 1, 2, 0, row, rates[r], WIDTH, mask);
            for (size_t i = 0; i < WIDTH; i++) {
                assert_true(mask[i] == 0.0f || mask[i] == 1.0f / (1.0f - rates[r]));
                dropped += mask[i] == 0.0f;
            }
        }
        assert_true(fabs((double)dropped / (WIDTH * ROWS) - (double)rates[r]) < 0.005);
    }
    const struct {
        uint64_t seed, pass;
        size_t layer, index;
    } names[] = {{1, 2, 0, 3}, {2, 2, 0, 3}, {1, 3, 0, 3}, {1, 2, 1, 3}, {1, 2, 0, 4}};
    dropout_mask(kernels_select(NULL), 1, 2, 0, 3, 0.5f, WIDTH, mask);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dropout_mask(kernels_select(NULL), names[i].seed, names[i].pass, names[i].layer,
                     names[i].index, 0.5f, WIDTH, other);
        assert_true((memcmp(mask, other, sizeof mask) == 0) == (i == 0));
    }
}

#define FORWARD_TEST(test)                                                                         \
    { "forward only, " #test, test, begin_forward, end_forward, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_is_sequence),        cmocka_unit_test(row_alone_is_row_in_company),
        cmocka_unit_test(any_number_of_threads),   cmocka_unit_test(any_instruction_set),
        cmocka_unit_test(token_is_one_hot_row),    cmocka_unit_test(used_tape_is_new_tape),
        cmocka_unit_test(carried_state_continues), cmocka_unit_test(dropout_only_in_training),
        cmocka_unit_test(dropout_masks),           FORWARD_TEST(step_is_sequence),
        FORWARD_TEST(row_alone_is_row_in_company), FORWARD_TEST(any_number_of_threads),
        FORWARD_TEST(any_instruction_set),         FORWARD_TEST(used_tape_is_new_tape),
        FORWARD_TEST(carried_state_continues),     FORWARD_TEST(dropout_only_in_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
