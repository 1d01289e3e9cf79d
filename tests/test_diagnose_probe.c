/* The sequences that a diagnosis looks at: rows of texts and of sources, positions drawn from them,
 * what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/probe.h"
#include "model/model.h"
#include "support/passes.h"

enum { VOCABULARY = 1000, TOKENS = 900 };

static const NetworkSpec text_spec = {.input = ELMAN_INPUT_ONE_HOT,
                                      .inputs = VOCABULARY,
                                      .cell = ELMAN_CELL_RNN,
                                      .layers = 1,
                                      .hidden = 4,
                                      .outputs = VOCABULARY};

/* Token i of the text is i. */
static Probe read_text(const elman_model *model, size_t count, size_t rows, size_t steps) {
    int32_t tokens[TOKENS];
    Probe probe;
    for (size_t i = 0; i < count; i++) tokens[i] = (int32_t)i;
    assert_int_equal(probe_read_tokens(&probe, &model->context->memory, &model->structure, tokens,
                                       count, rows, steps, NULL),
                     ELMAN_OK);
    return probe;
}

/* From the first token to the last, evenly, each step's target being the next token. */
static void check_rows(const Probe *probe, size_t count, size_t rows, size_t steps) {
    const size_t last = count - 1 - steps;
    assert_int_equal(probe->sequence.batch, rows);
    assert_int_equal(probe->sequence.steps, steps);
    for (size_t b = 0; b < rows; b++) {
        const size_t first = rows > 1 ? b * last / (rows - 1) : 0;
        assert_int_equal(probe->lengths[b], steps);
        for (size_t t = 0; t < steps; t++) {
            assert_int_equal(probe->tokens[t * rows + b], first + t);
            assert_int_equal(probe->classes[t * rows + b], first + t + 1);
        }
    }
}

static void texts(void **state) {
    static const struct {
        size_t count, rows, steps, want_rows, want_steps;
    } cases[] = {
        {TOKENS, 8, 100, 8, 100}, /* one after the other: 900 tokens are nearly 9 rows */
        {TOKENS, 1, 100, 1, 100}, {TOKENS, 64, 100, 64, 100}, /* which overlap */
        {201, 64, 100, 15, 100}, /* at most 7 steps apart: 100 / 7 + 1 */
        {101, 64, 100, 6, 75},   /* three quarters of 100, 5 steps apart */
        {2, 64, 100, 1, 1},       {3, 64, 100, 1, 2},
        {4, 64, 100, 1, 3},       {5, 64, 100, 2, 3},
    };
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &text_spec, 1);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Probe probe = read_text(model, cases[i].count, cases[i].rows, cases[i].steps);
        check_rows(&probe, cases[i].count, cases[i].want_rows, cases[i].want_steps);
        probe_release(&probe, &context->memory);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void refused_texts(void **state) {
    const int32_t tokens[] = {1, VOCABULARY, 2}, negative[] = {1, 2, -1};
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = random_model(context, &text_spec, 1);
    elman_error error;
    Probe probe;
    Memory *const memory = &context->memory;
    (void)state;
    assert_int_equal(probe_read_tokens(&probe, memory, &model->structure, tokens, 3, 4, 4, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "elman_diagnose_tokens: token 1 is 1000, expected 0 to 999");
    assert_int_equal(
        probe_read_tokens(&probe, memory, &model->structure, negative, 3, 4, 4, &error),
        ELMAN_ERR_ARGUMENT);
    assert_string_equal(error.message, "elman_diagnose_tokens: token 2 is -1, expected 0 to 999");
    assert_int_equal(probe_read_tokens(&probe, memory, &model->structure, tokens, 1, 4, 4, &error),
                     ELMAN_ERR_DATA);
    assert_string_equal(error.message, "there are 1 characters to look at, expected at least 2");
    elman_model_destroy(model);

    NetworkSpec spec = text_spec;
    spec.outputs = 3;
    model = random_model(context, &spec, 1);
    assert_int_equal(probe_read_tokens(&probe, memory, &model->structure, tokens, 1, 4, 4, &error),
                     ELMAN_ERR_ARGUMENT);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- Positions ---- */

static void check_drawn(const Probe *probe, const ProbePosition *drawn, size_t count, size_t first,
                        size_t end) {
    for (size_t i = 0; i < count; i++) {
        assert_in_range(drawn[i].step, first, end - 1);
        assert_true(probe_counts(probe, drawn[i].step, drawn[i].row));
        if (i > 0) assert_true(drawn[i].step > drawn[i - 1].step);
    }
}

/* Different, counted, with as many steps before them as can be, and one in each part. */
static void drawn(void **state) {
    enum { STEPS = 100, MOST = 40 };
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &text_spec, 1);
    Probe probe = read_text(model, TOKENS, 4, STEPS);
    ProbePosition at[MOST], other[MOST];
    (void)state;
    assert_int_equal(probe_draw(&probe, 2, 60, 5, 1, at, MOST), MOST);
    check_drawn(&probe, at, MOST, 60, STEPS);
    for (size_t i = 0; i < MOST; i++) {
        assert_int_equal(at[i].row, 2);
        /* All 40 of the 40 that there are. */
        assert_int_equal(at[i].step, 60 + i);
    }
    assert_int_equal(probe_draw(&probe, 2, 60, 5, 1, at, 4), 4);
    for (size_t i = 0; i < 4; i++) assert_in_range(at[i].step, 60 + 10 * i, 69 + 10 * i);
    assert_int_equal(probe_draw(&probe, 2, 60, 6, 1, other, 4), 4);
    assert_memory_not_equal(at, other, 4 * sizeof *at);
    assert_int_equal(probe_draw(&probe, 2, 60, 5, 2, other, 4), 4);
    assert_memory_not_equal(at, other, 4 * sizeof *at);
    /* Too few steps before any: the last quarter of 0 to 99. */
    assert_int_equal(probe_draw(&probe, 1, 400, 5, 1, at, MOST), 25);
    check_drawn(&probe, at, 25, 75, STEPS);
    /* On both sides. */
    probe.both_ways = true;
    assert_int_equal(probe_draw(&probe, 1, 400, 5, 1, at, MOST), 26);
    check_drawn(&probe, at, 26, 37, 63);
    probe.both_ways = false;
    /* Those that count are elsewhere, then nowhere. */
    for (size_t t = 0; t < STEPS; t++)
        if (t != 3 && t != 20) probe.classes[t * 4 + 1] = -1;
    assert_int_equal(probe_draw(&probe, 1, 60, 5, 1, at, MOST), 2);
    assert_int_equal(at[0].step, 3);
    assert_int_equal(at[1].step, 20);
    probe.classes[3 * 4 + 1] = probe.classes[20 * 4 + 1] = -1;
    assert_int_equal(probe_draw(&probe, 1, 60, 5, 1, at, MOST), 0);
    /* The other three rows have ten each. */
    assert_int_equal(probe_draw_all(&probe, 60, 5, 1, at, 10, MOST), 30);
    assert_int_equal(probe_draw_all(&probe, 60, 5, 1, at, 10, 6), 6);
    for (size_t i = 0; i < 6; i++) assert_int_equal(at[i].row, i / 2 == 0 ? 0 : i / 2 + 1);
    probe_release(&probe, &context->memory);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- Sources ---- */

typedef struct Batches {
    elman_batch batch[2];
    size_t asked;
} Batches;

static elman_status get_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                              elman_error *error) {
    Batches *const batches = user;
    (void)error;
    assert_int_equal(epoch, 1);
    batches->asked++;
    *batch = batches->batch[position];
    return ELMAN_OK;
}

enum { INPUTS = 2 };

static const float dense[3 * 3 * INPUTS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float numbers[3 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static Batches make_batches(const size_t *lengths) {
    const elman_batch batch = {
        .struct_size = sizeof batch,
        .sequence = {.struct_size = sizeof batch.sequence,
                     .steps = 2,
                     .batch = 3,
                     .dense = dense,
                     .lengths = lengths},
        .targets = {.struct_size = sizeof batch.targets,
                    .loss = ELMAN_LOSS_MSE,
                    .numbers = numbers},
    };
    return (Batches){.batch = {batch, batch}};
}

static elman_status read_source(const elman_model *model, Batches *batches, size_t rows,
                                Probe *probe, elman_error *error) {
    const elman_source source = {
        .struct_size = sizeof source, .user = batches, .batches = 2, .batch = get_batch};
    batches->asked = 0;
    return probe_read_source(probe, &model->context->memory, &model->structure, &source, rows,
                             error);
}

static elman_model *dense_model(elman_context *context) {
    const NetworkSpec spec = {
        .inputs = INPUTS, .cell = ELMAN_CELL_RNN, .layers = 1, .hidden = 4, .outputs = 1};
    return random_model(context, &spec, 1);
}

/* The first rows that have a step, and no more batches than it takes. */
static void sources(void **state) {
    static const size_t lengths[] = {2, 0, 1};
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = dense_model(context);
    Batches batches = make_batches(lengths);
    Probe probe;
    (void)state;
    assert_int_equal(read_source(model, &batches, 2, &probe, NULL), ELMAN_OK);
    assert_int_equal(batches.asked, 2);
    assert_int_equal(probe.sequence.batch, 2);
    assert_int_equal(probe.sequence.steps, 2);
    const float want[2 * 2 * INPUTS] = {1, 2, 5, 6, 7, 8, 0, 0};
    assert_memory_equal(probe.dense, want, sizeof want);
    assert_true(probe.numbers[0] == 1.0f && probe.numbers[1] == 3.0f && probe.numbers[2] == 4.0f);
    assert_true(probe_has(&probe, 0, 1) && !probe_has(&probe, 1, 1) && !probe_counts(&probe, 1, 1));
    probe_release(&probe, &context->memory);

    assert_int_equal(read_source(model, &batches, 100, &probe, NULL), ELMAN_OK);
    assert_int_equal(batches.asked, 4);
    assert_int_equal(probe.sequence.batch, 4);
    probe_release(&probe, &context->memory);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void check_refused(const elman_model *model, Batches batches, elman_status want,
                          const char *sentence) {
    elman_error error = {0};
    Probe probe;
    assert_int_equal(read_source(model, &batches, 100, &probe, &error), want);
    assert_string_equal(error.message, sentence);
    probe_release(&probe, &model->context->memory);
}

static void refused_sources(void **state) {
    static const size_t none[] = {0, 0, 0}, beyond[] = {1, 3, 0};
    static const int32_t tokens[3 * 3];
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = dense_model(context);
    Batches batches = make_batches(NULL);
    (void)state;
    check_refused(model, make_batches(none), ELMAN_ERR_DATA,
                  "the data hold no sequence with a step, expected 1");
    check_refused(model, make_batches(beyond), ELMAN_ERR_ARGUMENT,
                  "elman_diagnose_source: row 1 of batch 0 has length 3 of 2 steps");
    batches.batch[1].targets.loss = ELMAN_LOSS_MAE;
    check_refused(model, batches, ELMAN_ERR_ARGUMENT,
                  "elman_diagnose_source: a batch has the loss mae, the first one mse");
    batches = make_batches(NULL);
    batches.batch[0].sequence.dense = NULL;
    batches.batch[0].sequence.tokens = tokens;
    check_refused(model, batches, ELMAN_ERR_ARGUMENT,
                  "elman_diagnose_source: the model reads rows of numbers, batch 0 has none");
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),   cmocka_unit_test(refused_texts),   cmocka_unit_test(drawn),
        cmocka_unit_test(sources), cmocka_unit_test(refused_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
