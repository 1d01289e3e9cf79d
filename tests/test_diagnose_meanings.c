/* What the units do, on units that were made to do it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/diagnosis.h"
#include "support/allocator.h"
#include "support/passes.h"

enum { HIDDEN = 8 };

static void check(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

/* A diagnosis in the making, over a sequence that the test gives. */
typedef struct Case {
    elman_model *model;
    Diagnosing d;
    size_t lengths[3];
} Case;

static void open_case(Case *made, elman_model *model, const elman_sequence *sequence) {
    elman_error error = {0};
    *made = (Case){.model = model,
                   .d = {.context = model->context, .model = model, .probe.sequence = *sequence}};
    for (size_t b = 0; b < sequence->batch; b++)
        made->lengths[b] = sequence->lengths ? sequence->lengths[b] : sequence->steps;
    made->d.probe.lengths = made->lengths;
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = sequence->steps,
                                        .batch = sequence->batch,
                                        .keep_gradients = 1};
    check(elman_network_compile(model, &made->d.network, &error), &error);
    check(elman_tape_create(made->d.network, &options, &made->d.tape, &error), &error);
    elman_diagnosis *const diagnosis = zeroed(1, sizeof *diagnosis);
    diagnosis->memory = model->context->memory;
    diagnosis->layers = diagnosis_keep(diagnosis, 2, sizeof *diagnosis->layers);
    const Structure *const structure = &model->structure;
    diagnosis->summary.layer_count = structure_directions(structure, 0);
    for (size_t r = 0; r < diagnosis->summary.layer_count; r++)
        diagnosis->layers[r] = (elman_layer_diagnosis){
            .reverse = (int)r, .cell = structure->layers[0].cell, .hidden = HIDDEN};
    made->d.diagnosis = diagnosis;
}

static void close_case(Case *made) {
    elman_diagnosis *const diagnosis = made->d.diagnosis;
    Memory memory = diagnosis->memory;
    for (size_t i = 0; i < diagnosis->block_count; i++)
        memory_release(&memory, diagnosis->blocks[i]);
    memory_release(&memory, diagnosis->blocks);
    free(diagnosis);
    elman_tape_destroy(made->d.tape);
    elman_network_destroy(made->d.network);
}

/* The meaning of that event; a failure when there is none. */
static const elman_unit_meaning *meaning_of(const elman_layer_diagnosis *layer, const char *event) {
    for (size_t i = 0; i < layer->meaning_count; i++)
        if (strcmp(layer->meanings[i].event, event) == 0) return &layer->meanings[i];
    fail_msg("no unit for \"%s\"", event);
    return NULL;
}

static void check_meaning(const elman_layer_diagnosis *layer, const char *event, size_t unit,
                          double least) {
    const elman_unit_meaning *const meaning = meaning_of(layer, event);
    if (meaning->unit != unit || !(meaning->correlation * (least < 0 ? -1 : 1) >= fabs(least)))
        fail_msg("%s: unit %zu at %g, expected unit %zu at %g", event, meaning->unit,
                 meaning->correlation, unit, least);
}

static float *weights(elman_model *model, const char *name) {
    elman_tensor tensor;
    elman_error error = {0};
    check(elman_model_find_tensor(model, name, &tensor, &error), &error);
    return tensor.data;
}

/* ReLU units without a bias, all weights 0. */
static elman_model *blank_model(elman_context *context, elman_input input, size_t inputs) {
    const NetworkSpec spec = {.input = input,
                              .inputs = inputs,
                              .cell = ELMAN_CELL_RNN_RELU,
                              .layers = 1,
                              .hidden = HIDDEN,
                              .no_bias = true,
                              .outputs = inputs};
    elman_model *const model = random_model(context, &spec, 1);
    memset(weights(model, "rnn.weight_ih_l0"), 0, HIDDEN * inputs * sizeof(float));
    memset(weights(model, "rnn.weight_hh_l0"), 0, HIDDEN * HIDDEN * sizeof(float));
    return model;
}

static const char passage[] =
    "In 1990 Elman wrote a page. “Words in time,” he said, “have 2 sides.”\n"
    "He showed 29 of them; none is LOST.\n"
    "The “old” net read 27354 words, one by one, and 10 units “saw” 4 nouns!\n"
    "Is it so? It is, on 3 pages of “1990” and 8 of 1991.\n";

/* The vocabulary of the passage and its tokens. */
static elman_vocabulary *read_passage(elman_context *context, int32_t **tokens, size_t *count) {
    elman_text *text = NULL;
    elman_vocabulary *vocabulary = NULL;
    elman_error error = {0};
    check(elman_text_from_memory(context, "passage", passage, sizeof passage - 1, &text, &error),
          &error);
    *count = elman_text_length(text);
    *tokens = zeroed(*count, sizeof **tokens);
    check(
        elman_vocabulary_create(context, elman_text_characters(text), *count, &vocabulary, &error),
        &error);
    (void)elman_vocabulary_encode(vocabulary, elman_text_characters(text), *count, *tokens);
    elman_text_destroy(text);
    return vocabulary;
}

/* Unit 0: spaces. 1: position in the line. 2: between typographic quotes. 3: digits. 4: capitals,
 * a large number. 5: all but line ends, small. 6 and 7: dead, nearly. */
static void plant_text_units(elman_model *model, const elman_vocabulary *vocabulary) {
    const size_t size = elman_vocabulary_size(vocabulary);
    float *const w = weights(model, "rnn.weight_ih_l0"); /* [HIDDEN][size] */
    float *const r = weights(model, "rnn.weight_hh_l0");
    r[1 * HIDDEN + 1] = r[2 * HIDDEN + 2] = 1.0F;
    for (size_t k = 1; k < size; k++) {
        const int32_t character = elman_vocabulary_character(vocabulary, (int32_t)k);
        w[0 * size + k] = character == ' ';
        w[1 * size + k] = character == '\n' ? -1e6F : 0.25F;
        w[2 * size + k] = character == 0x201C ? 0.5F : character == 0x201D ? -0.5F : 0.0F;
        w[3 * size + k] = character >= '0' && character <= '9';
        w[4 * size + k] = character >= 'A' && character <= 'Z' ? 1000.0F : 0.0F;
        w[5 * size + k] = character == '\n' ? 0.0F : 0.125F;
        w[6 * size + k] = character == '.' ? 1e-5F : 0.0F;
    }
}

static void text_units_are_found(void **state) {
    elman_context *const context = *state;
    int32_t *tokens;
    size_t count;
    elman_error error = {0};
    Case made;
    elman_vocabulary *const vocabulary = read_passage(context, &tokens, &count);
    elman_model *const model =
        blank_model(context, ELMAN_INPUT_ONE_HOT, elman_vocabulary_size(vocabulary));
    check(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    plant_text_units(model, vocabulary);
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = count, .batch = 1, .tokens = tokens};
    open_case(&made, model, &sequence);
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    const elman_layer_diagnosis *const layer = &made.d.diagnosis->layers[0];
    const double exact = 1.0 - 1e-12; /* what these units hold are floats without rounding */
    check_meaning(layer, "space", 0, exact);
    check_meaning(layer, "position in line", 1, exact);
    check_meaning(layer, "inside quotes", 2, exact);
    check_meaning(layer, "digit", 3, exact);
    check_meaning(layer, "capital", 4, exact);
    check_meaning(layer, "line end", 5, -exact);
    for (size_t i = 0; i < layer->meaning_count; i++) {
        const elman_unit_meaning *const meaning = &layer->meanings[i];
        assert_in_range(meaning->unit, 0, 5);
        assert_true(fabs(meaning->correlation) >= 0.3);
        if (i > 0) assert_true(fabs(meaning[-1].correlation) >= fabs(meaning->correlation));
    }
    close_case(&made);
    elman_model_destroy(model);
    elman_vocabulary_destroy(vocabulary);
    free(tokens);
}

static void the_passage_is_kept(void **state) {
    elman_context *const context = *state;
    int32_t *tokens, read[1000];
    size_t count;
    float h[1000];
    elman_error error = {0};
    Case made;
    elman_vocabulary *const vocabulary = read_passage(context, &tokens, &count);
    elman_model *const model =
        blank_model(context, ELMAN_INPUT_ONE_HOT, elman_vocabulary_size(vocabulary));
    check(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    plant_text_units(model, vocabulary);
    /* Two rows, of which the first is the shorter. */
    const size_t steps = count / 2, lengths[] = {steps - 7, steps};
    int32_t *const rows = zeroed(2 * steps, sizeof *rows);
    for (size_t t = 0; t < steps; t++) {
        rows[2 * t] = tokens[t];
        rows[2 * t + 1] = tokens[steps + t];
    }
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = steps,
                                     .batch = 2,
                                     .tokens = rows,
                                     .lengths = lengths};
    open_case(&made, model, &sequence);
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    assert_int_equal(elman_diagnosis_passage(made.d.diagnosis, 0, 0, read, h, 1000), steps - 7);
    for (size_t t = 0; t < steps - 7; t++) {
        char text[5];
        assert_int_equal(read[t], tokens[t]);
        (void)elman_vocabulary_decode(vocabulary, tokens[t], text);
        assert_string_equal(made.d.diagnosis->passage_labels[t], text);
        assert_true(h[t] == (strcmp(text, " ") == 0 ? 1.0F : 0.0F));
    }
    assert_int_equal(elman_diagnosis_passage(made.d.diagnosis, 0, HIDDEN, read, h, 1000), 0);
    close_case(&made);
    elman_model_destroy(model);
    elman_vocabulary_destroy(vocabulary);
    free(rows);
    free(tokens);
}

static void tokens_without_characters_are_events(void **state) {
    enum { STEPS = 60, KINDS = 5 };
    elman_error error = {0};
    Case made;
    int32_t tokens[STEPS];
    elman_model *const model = blank_model(*state, ELMAN_INPUT_ONE_HOT, KINDS);
    for (size_t t = 0; t < STEPS; t++) tokens[t] = (int32_t)(t * t % 7 % KINDS);
    weights(model, "rnn.weight_ih_l0")[2 * KINDS + 4] = 0.5F;
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 1, .tokens = tokens};
    open_case(&made, model, &sequence);
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    check_meaning(&made.d.diagnosis->layers[0], "token 4", 2, 1.0 - 1e-12);
    assert_null(made.d.diagnosis->passage_labels);
    assert_non_null(made.d.diagnosis->passage_tokens);
    close_case(&made);
    elman_model_destroy(model);
}

/* Unit 1 holds input 2, unit 4 counts the steps, unit 6 holds what is left of input 0 below 0. What
 * lies behind a row's end is not looked at. */
static void numbers_and_time_are_found(void **state) {
    enum { STEPS = 40, ROWS = 3, NUMBERS = 4 };
    static const size_t lengths[ROWS] = {STEPS, STEPS - 15, 1};
    static const char *const names[NUMBERS] = {"lag 1", NULL, "hour <sine>", "one"};
    elman_error error = {0};
    Case made;
    float dense[STEPS * ROWS * NUMBERS];
    elman_model *const model = blank_model(*state, ELMAN_INPUT_DENSE, NUMBERS);
    float *const w = weights(model, "rnn.weight_ih_l0");
    w[1 * NUMBERS + 2] = 2.0F;
    w[4 * NUMBERS + 3] = 1.0F;
    w[6 * NUMBERS + 0] = -1.0F;
    weights(model, "rnn.weight_hh_l0")[4 * HIDDEN + 4] = 1.0F;
    random_floats(dense, STEPS * ROWS * NUMBERS, 1.0F, 3);
    for (size_t i = 0; i < STEPS * ROWS; i++) {
        const bool there = i / ROWS < lengths[i % ROWS];
        dense[i * NUMBERS] = there ? -fabsf(dense[i * NUMBERS]) : NAN;
        dense[i * NUMBERS + 2] = there ? 1000.0F + dense[i * NUMBERS + 2] : NAN;
        dense[i * NUMBERS + 3] = there ? 1.0F : NAN;
    }
    const elman_sequence sequence = {.struct_size = sizeof sequence,
                                     .steps = STEPS,
                                     .batch = ROWS,
                                     .dense = dense,
                                     .lengths = lengths};
    open_case(&made, model, &sequence);
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    const elman_layer_diagnosis *const layer = &made.d.diagnosis->layers[0];
    check_meaning(layer, "input 0", 6, -(1.0 - 1e-12));
    check_meaning(layer, "input 2", 1, 1.0 - 1e-12);
    check_meaning(layer, "time", 4, 1.0 - 1e-12);
    assert_int_equal(layer->meaning_count, 3); /* not the constant, nor the number nobody reads */
    assert_null(made.d.diagnosis->passage_tokens);
    close_case(&made);
    open_case(&made, model, &sequence);
    made.d.options.inputs = names;
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    check_meaning(&made.d.diagnosis->layers[0], "lag 1", 6, -(1.0 - 1e-12));
    check_meaning(&made.d.diagnosis->layers[0], "hour <sine>", 1, 1.0 - 1e-12);
    close_case(&made);
    elman_model_destroy(model);
}

/* Against the definition, in two passes: |r| differs by no more than what rounding n products of
 * numbers near 1 can give, some n 2^-53 over variances of some hundredths. */
static void correlations_follow_the_definition(void **state) {
    enum { STEPS = 300, NUMBERS = 3 };
    const NetworkSpec spec = {.inputs = NUMBERS,
                              .cell = ELMAN_CELL_LSTM,
                              .layers = 1,
                              .hidden = HIDDEN,
                              .bidirectional = true,
                              .outputs = 1};
    elman_error error = {0};
    Case made;
    float dense[STEPS * NUMBERS], h[STEPS * HIDDEN];
    elman_model *const model = random_model(*state, &spec, 4);
    random_floats(dense, STEPS * NUMBERS, 1.0F, 5);
    for (size_t i = 0; i < STEPS * NUMBERS; i++) dense[i] *= 8.0F;
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 1, .dense = dense};
    open_case(&made, model, &sequence);
    check(diagnosis_measure_meanings(&made.d, &error), &error);
    for (int reverse = 0; reverse < 2; reverse++) {
        const elman_layer_diagnosis *const layer = &made.d.diagnosis->layers[reverse];
        elman_tape_hidden(made.d.tape, 0, reverse, h);
        assert_true(layer->meaning_count > 0);
        for (size_t i = 0; i < layer->meaning_count; i++) {
            const elman_unit_meaning *const meaning = &layer->meanings[i];
            const size_t input = (size_t)(meaning->event[strlen("input ")] - '0');
            double mean_h = 0.0, mean_x = 0.0, hh = 0.0, xx = 0.0, hx = 0.0;
            for (size_t t = 0; t < STEPS; t++) {
                mean_h += (double)h[t * HIDDEN + meaning->unit] / STEPS;
                mean_x += (double)dense[t * NUMBERS + input] / STEPS;
            }
            for (size_t t = 0; t < STEPS; t++) {
                const double y = (double)h[t * HIDDEN + meaning->unit] - mean_h;
                const double x = (double)dense[t * NUMBERS + input] - mean_x;
                hh += y * y;
                xx += x * x;
                hx += y * x;
            }
            assert_true(fabs(meaning->correlation - hx / sqrt(hh * xx)) < 1e-10);
        }
    }
    close_case(&made);
    elman_model_destroy(model);
}

static void no_memory_is_said(void **state) {
    enum { STEPS = 20 };
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {
        .struct_size = sizeof options, .threads = 1, .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    elman_error error = {0};
    check(elman_context_create(&options, &context, &error), &error);
    int32_t *tokens;
    size_t count;
    elman_vocabulary *const vocabulary = read_passage(context, &tokens, &count);
    elman_model *const model =
        blank_model(context, ELMAN_INPUT_ONE_HOT, elman_vocabulary_size(vocabulary));
    check(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    plant_text_units(model, vocabulary);
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 1, .tokens = tokens};
    elman_status status = ELMAN_ERR_MEMORY;
    long allowed = 0;
    for (; status; allowed++) {
        Case made;
        open_case(&made, model, &sequence);
        const long live = counting.live, kept = (long)made.d.diagnosis->block_count;
        counting.allow = allowed;
        status = diagnosis_measure_meanings(&made.d, &error);
        counting.allow = ALLOW_ALL;
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        /* What is left is the diagnosis' own; its list of blocks may have begun. */
        assert_in_range(counting.live - live - ((long)made.d.diagnosis->block_count - kept), 0, 1);
        close_case(&made);
    }
    assert_true(allowed > 8);
    elman_model_destroy(model);
    elman_vocabulary_destroy(vocabulary);
    free(tokens);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

static int create_context(void **state) {
    *state = open_context(NULL, 1);
    return 0;
}

static int destroy_context(void **state) {
    elman_context_destroy(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_units_are_found),
        cmocka_unit_test(the_passage_is_kept),
        cmocka_unit_test(tokens_without_characters_are_events),
        cmocka_unit_test(numbers_and_time_are_found),
        cmocka_unit_test(correlations_follow_the_definition),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, create_context, destroy_context);
}
