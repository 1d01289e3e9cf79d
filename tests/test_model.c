/* Models: how they are built and what is refused, weights from another model, what a model keeps.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"
#include <elman/elman.h>

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static elman_tensor tensor_of(const elman_model *model, const char *name) {
    elman_tensor tensor = {0};
    elman_error error = {0};
    must(elman_model_find_tensor(model, name, &tensor, &error), &error);
    return tensor;
}

/* ---- building ---- */

static void names_and_shapes(void **state) {
    static const struct {
        const char *name;
        size_t rank, rows, columns;
    } want[] = {
        {"embedding.weight", 2, 7, 3},
        {"rnn.weight_ih_l0", 2, 20, 3},
        {"rnn.weight_hh_l0", 2, 20, 5},
        {"rnn.bias_ih_l0", 1, 20, 1},
        {"rnn.bias_hh_l0", 1, 20, 1},
        {"rnn.h0_l0", 1, 5, 1},
        {"rnn.c0_l0", 1, 5, 1},
        {"rnn.weight_ih_l0_reverse", 2, 20, 3},
        {"rnn.weight_hh_l0_reverse", 2, 20, 5},
        {"rnn.bias_ih_l0_reverse", 1, 20, 1},
        {"rnn.bias_hh_l0_reverse", 1, 20, 1},
        {"rnn.h0_l0_reverse", 1, 5, 1},
        {"rnn.c0_l0_reverse", 1, 5, 1},
        {"rnn.weight_ih_l1", 2, 12, 10},
        {"rnn.weight_hh_l1", 2, 12, 4},
        {"rnn.weight_ih_l2", 2, 24, 4},
        {"rnn.weight_hh_l2", 2, 24, 2},
        {"rnn.weight_hr_l2", 2, 2, 6},
        {"rnn.h0_l2", 1, 2, 1},
        {"rnn.c0_l2", 1, 6, 1},
        {"head.weight", 2, 6, 2},
        {"head.bias", 1, 6, 1},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = NULL;
    elman_error error = {0};
    must(elman_model_create_tokens(context, 7, 3, &model, &error), &error);
    elman_cell_options layer = {.struct_size = sizeof layer,
                                .cell = ELMAN_CELL_LSTM,
                                .hidden = 5,
                                .bidirectional = 1,
                                .learned_state = 1,
                                .dropout = 0.25f};
    elman_model_add_cell_options(model, &layer);
    layer = (elman_cell_options){
        .struct_size = sizeof layer, .cell = ELMAN_CELL_GRU, .hidden = 4, .no_bias = 1};
    elman_model_add_cell_options(model, &layer);
    layer = (elman_cell_options){.struct_size = sizeof layer,
                                 .cell = ELMAN_CELL_LSTM,
                                 .hidden = 6,
                                 .no_bias = 1,
                                 .learned_state = 1,
                                 .projection = 2};
    elman_model_add_cell_options(model, &layer);
    elman_model_add_linear(model, 6, 0);
    elman_model_set_output(model, ELMAN_OUTPUT_LAST_STEP);
    must(elman_model_build(model, NULL, &error), &error);
    size_t parameters = 0;
    assert_int_equal(elman_model_tensor_count(model), sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        elman_tensor tensor;
        must(elman_model_tensor(model, i, &tensor), &error);
        assert_string_equal(tensor.name, want[i].name);
        assert_true(tensor.rank == want[i].rank && tensor.shape[0] == want[i].rows &&
                    tensor.shape[1] == want[i].columns &&
                    tensor.count == want[i].rows * want[i].columns);
        assert_true((uintptr_t)tensor.data % 64 == 0);
        for (size_t k = tensor.count; k < (tensor.count + 15) / 16 * 16; k++)
            assert_true(tensor.data[k] == 0.0f);
        parameters += tensor.count;
    }
    elman_model_info info;
    elman_model_describe(model, &info);
    assert_true(info.input == ELMAN_INPUT_EMBEDDING && info.input_size == 7 && info.embedding == 3);
    assert_true(info.layers == 3 && info.outputs == 6 && info.has_head && !info.head_no_bias);
    assert_true(info.output == ELMAN_OUTPUT_LAST_STEP && info.parameters == parameters);
    elman_tensor tensor;
    assert_int_equal(elman_model_tensor(model, 22, &tensor), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_find_tensor(model, "rnn.bias_ih_l1", &tensor, &error),
                     ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "rnn.bias_ih_l1"));
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void add_unknown_cell(elman_model *model) {
    elman_model_add_cell(model, (elman_cell)17, 4);
}

static void add_no_units(elman_model *model) {
    elman_model_add_cell(model, ELMAN_CELL_GRU, 0);
}

static void add_too_many_units(elman_model *model) {
    elman_model_add_cell(model, ELMAN_CELL_GRU, SIZE_MAX / 2);
}

static void add_dropout(elman_model *model, float dropout) {
    const elman_cell_options layer = {
        .struct_size = sizeof layer, .cell = ELMAN_CELL_RNN, .hidden = 2, .dropout = dropout};
    elman_model_add_cell_options(model, &layer);
}

static void add_dropout_of_one(elman_model *model) {
    add_dropout(model, 1.0f);
}

static void add_negative_dropout(elman_model *model) {
    add_dropout(model, -0.5f);
}

static void add_dropout_of_nan(elman_model *model) {
    add_dropout(model, NAN);
}

static void add_projection(elman_model *model, elman_cell cell, size_t projection) {
    const elman_cell_options layer = {
        .struct_size = sizeof layer, .cell = cell, .hidden = 4, .projection = projection};
    elman_model_add_cell_options(model, &layer);
}

static void add_projection_of_a_gru(elman_model *model) {
    add_projection(model, ELMAN_CELL_GRU, 2);
}

static void add_projection_as_wide(elman_model *model) {
    add_projection(model, ELMAN_CELL_LSTM, 4);
}

static void add_cell_behind_head(elman_model *model) {
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
    elman_model_add_linear(model, 2, 0);
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
}

static void add_empty_head(elman_model *model) {
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
    elman_model_add_linear(model, 0, 0);
}

static void add_huge_head(elman_model *model) {
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
    elman_model_add_linear(model, SIZE_MAX / 2, 0);
}

static void set_unknown_output(elman_model *model) {
    elman_model_set_output(model, (elman_output)9);
}

static void add_short_options(elman_model *model) {
    const elman_cell_options layer = {.struct_size = 4, .cell = ELMAN_CELL_RNN, .hidden = 2};
    elman_model_add_cell_options(model, &layer);
}

/* The first failure is what build reports, whatever comes after it. */
static void builder_errors_stick(void **state) {
    static const struct {
        void (*mistake)(elman_model *);
        const char *message;
    } cases[] = {
        {add_unknown_cell, "unknown kind of cell"},
        {add_no_units, "at least 1 hidden unit"},
        {add_too_many_units, "does not fit"},
        {add_dropout_of_one, "dropout"},
        {add_negative_dropout, "dropout"},
        {add_dropout_of_nan, "dropout"},
        {add_projection_of_a_gru, "only an LSTM has a projection"},
        {add_projection_as_wide, "narrower"},
        {add_cell_behind_head, "cannot follow the head"},
        {add_empty_head, "at least 1 output"},
        {add_huge_head, "does not fit"},
        {set_unknown_output, "unknown kind of output"},
        {add_short_options, "struct_size"},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elman_model *model = NULL;
        elman_error error = {0};
        must(elman_model_create(context, 3, &model, &error), &error);
        cases[i].mistake(model);
        elman_model_add_cell(model, ELMAN_CELL_LSTM, 0); /* a later mistake */
        elman_model_add_cell(model, ELMAN_CELL_LSTM, 4);
        const elman_status status = elman_model_build(model, NULL, &error);
        if (status != ELMAN_ERR_ARGUMENT || !strstr(error.message, cases[i].message))
            fail_msg("%zu: %s: %s", i, elman_status_name(status), error.message);
        elman_network *network = NULL;
        assert_int_equal(elman_network_compile(model, &network, NULL), ELMAN_ERR_ARGUMENT);
        assert_null(network);
        elman_model_destroy(model);
    }
    elman_context_destroy(context);
}

static void other_refusals(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *model = NULL;
    elman_error error = {0};
    assert_int_equal(elman_model_create(context, 0, &model, &error), ELMAN_ERR_ARGUMENT);
    assert_null(model);
    assert_int_equal(elman_model_create_tokens(context, 0, 0, &model, &error), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_create_tokens(context, (size_t)1 << 31, 0, &model, &error),
                     ELMAN_ERR_ARGUMENT);
    must(elman_model_create(context, 2, &model, &error), &error);
    assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_ERR_ARGUMENT); /* no layer */
    must(elman_model_add_cell(model, ELMAN_CELL_RNN, 2), &error);
    must(elman_model_build(model, NULL, &error), &error);
    assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_ERR_ARGUMENT); /* again */
    assert_int_equal(elman_model_add_cell(model, ELMAN_CELL_RNN, 2), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_add_linear(model, 2, 0), ELMAN_ERR_ARGUMENT);
    assert_int_equal(elman_model_set_output(model, ELMAN_OUTPUT_LAST_STEP), ELMAN_ERR_ARGUMENT);
    elman_model_destroy(model);
    elman_model_destroy(NULL);

    /* Sizes that no memory holds fail before it is asked. */
    must(elman_model_create(context, SIZE_MAX, &model, &error), &error);
    elman_model_add_cell(model, ELMAN_CELL_LSTM, 1000);
    elman_model_info info;
    elman_model_describe(model, &info);
    assert_true(info.parameters == SIZE_MAX);
    assert_true(elman_model_training_bytes(model, 10, 10) == SIZE_MAX);
    assert_int_equal(elman_model_build(model, NULL, &error), ELMAN_ERR_MEMORY);
    elman_model_destroy(model);
    must(elman_model_create(context, 2, &model, &error), &error);
    elman_model_add_cell(model, ELMAN_CELL_LSTM, 1000);
    assert_true(elman_model_training_bytes(model, SIZE_MAX, 2) == SIZE_MAX);
    const size_t bytes = elman_model_training_bytes(model, 10, 10);
    assert_true(bytes > 4u * 4000 * 1002 && bytes < 100u * 4000 * 1002);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* A newer caller's struct is longer: zeros are fine, anything else is refused. An older caller's is
 * shorter. */
static void option_structs(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    struct {
        elman_cell_options known;
        size_t unknown;
    } newer = {{.struct_size = sizeof newer, .cell = ELMAN_CELL_GRU, .hidden = 3}, 0};
    elman_error error = {0};
    elman_model *model = NULL;
    must(elman_model_create(context, 2, &model, &error), &error);
    assert_int_equal(elman_model_add_cell_options(model, &newer.known), ELMAN_OK);
    newer.known.struct_size = offsetof(elman_cell_options, bidirectional);
    newer.known.bidirectional = 77; /* behind the end of an older caller's */
    assert_int_equal(elman_model_add_cell_options(model, &newer.known), ELMAN_OK);
    elman_cell_options layer;
    elman_model_layer(model, 1, &layer);
    assert_true(layer.struct_size == sizeof layer && layer.hidden == 3 && !layer.bidirectional);
    newer.known.struct_size = sizeof newer;
    newer.unknown = 1;
    assert_int_equal(elman_model_add_cell_options(model, &newer.known), ELMAN_ERR_ARGUMENT);
    elman_model_destroy(model);

    must(elman_model_create(context, 2, &model, &error), &error);
    elman_model_add_cell(model, ELMAN_CELL_GRU, 3);
    elman_init_options init = {.struct_size = 0};
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    init.struct_size = 100000;
    assert_int_equal(elman_model_build(model, &init, &error), ELMAN_ERR_ARGUMENT);
    init.struct_size = sizeof init;
    must(elman_model_build(model, &init, &error), &error);
    elman_model_init_options(model, &init);
    assert_true(init.struct_size == sizeof init);
    /* A second build changes nothing, nor what is said about the first. */
    const elman_init_options other = {.struct_size = sizeof other, .seed = 7};
    assert_int_equal(elman_model_build(model, &other, &error), ELMAN_ERR_ARGUMENT);
    elman_model_init_options(model, &init);
    assert_true(init.seed == 0);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* ---- weights from another model ---- */

/* `outputs` 0: one for each token. */
static elman_model *text_model_with_head(elman_context *context, const char *characters,
                                         size_t embedding, size_t outputs, uint64_t seed) {
    int32_t codes[16];
    elman_vocabulary *vocabulary = NULL;
    elman_error error = {0};
    const size_t count = strlen(characters);
    for (size_t i = 0; i < count; i++) codes[i] = characters[i];
    must(elman_vocabulary_create(context, codes, count, &vocabulary, &error), &error);
    const size_t size = elman_vocabulary_size(vocabulary);
    const NetworkSpec spec = {.input = embedding ? ELMAN_INPUT_EMBEDDING : ELMAN_INPUT_ONE_HOT,
                              .inputs = size,
                              .embedding = embedding,
                              .cell = ELMAN_CELL_GRU,
                              .layers = 1,
                              .hidden = 3,
                              .outputs = outputs ? outputs : size};
    elman_model *const model = random_model(context, &spec, seed);
    must(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    elman_vocabulary_destroy(vocabulary);
    return model;
}

static elman_model *text_model(elman_context *context, const char *characters, size_t embedding,
                               uint64_t seed) {
    return text_model_with_head(context, characters, embedding, 0, seed);
}

/* The numbers of one token in a tensor: a row, or the column of one-hot weights. */
static float token_number(const elman_model *model, const char *name, int32_t character, size_t i) {
    const elman_tensor tensor = tensor_of(model, name);
    int32_t token = 0;
    if (character >= 0)
        elman_vocabulary_encode(elman_model_vocabulary(model), &character, 1, &token);
    if (strcmp(name, "rnn.weight_ih_l0") == 0)
        return tensor.data[i * tensor.shape[1] + (size_t)token];
    return tensor.data[(size_t)token * tensor.shape[1] + i];
}

static void copy_follows_characters(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t embedding = 0; embedding < 5; embedding += 4) {
        elman_model *const from = text_model(context, "bdf", embedding, 1);
        elman_model *const to = text_model(context, "abcdz", embedding, 2);
        elman_model *const before = text_model(context, "abcdz", embedding, 2);
        elman_error error = {0};
        must(elman_model_copy_weights(to, from, &error), &error);
        const char *const names[] = {embedding ? "embedding.weight" : "rnn.weight_ih_l0",
                                     "head.weight", "head.bias"};
        static const int32_t characters[] = {-1, 'a', 'b', 'c', 'd', 'z'};
        for (size_t n = 0; n < 3; n++)
            for (size_t c = 0; c < 6; c++) {
                const int32_t character = characters[c];
                const bool known = character < 0 || character == 'b' || character == 'd';
                for (size_t i = 0; i < (n == 2 ? 1 : 3); i++)
                    assert_true(token_number(to, names[n], character, i) ==
                                token_number(known ? from : before, names[n], character, i));
            }
        const elman_tensor a = tensor_of(to, "rnn.weight_hh_l0");
        const elman_tensor b = tensor_of(from, "rnn.weight_hh_l0");
        assert_memory_equal(a.data, b.data, a.count * sizeof(float));
        elman_model_destroy(from);
        elman_model_destroy(to);
        elman_model_destroy(before);
    }
    elman_context_destroy(context);
}

static void copies_that_do_not_fit(void **state) {
    (void)state;
    const NetworkSpec spec = {
        .inputs = 3, .cell = ELMAN_CELL_GRU, .layers = 2, .hidden = 4, .outputs = 2};
    NetworkSpec others[9];
    static const char *const messages[] = {
        "weight_ih_l0 is 12 x 4",  "1 layers",   "is a lstm", "is a gru-reset-before",
        "rnn.weight_ih_l0 is 15",  "bias_ih_l0", "rnn.h0_l0", "head.weight is 3 x 4",
        "rnn.weight_ih_l0_reverse"};
    for (size_t i = 0; i < 9; i++) others[i] = spec;
    others[0].inputs = 4;
    others[1].layers = 1;
    others[2].cell = ELMAN_CELL_LSTM;
    others[3].cell = ELMAN_CELL_GRU_RESET_BEFORE;
    others[4].hidden = 5;
    others[5].no_bias = true;
    others[6].learned_state = true;
    others[7].outputs = 3;
    others[8].bidirectional = true;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = random_model(context, &spec, 1);
    elman_model *const before = random_model(context, &spec, 1);
    for (size_t i = 0; i < 9; i++) {
        elman_model *const other = random_model(context, &others[i], 2);
        elman_error error = {0};
        const elman_status status = elman_model_copy_weights(model, other, &error);
        if (status != ELMAN_ERR_MISMATCH || !strstr(error.message, messages[i]))
            fail_msg("%zu: %s: %s", i, elman_status_name(status), error.message);
        for (size_t k = 0; k < elman_model_tensor_count(model); k++) {
            elman_tensor a, b;
            elman_model_tensor(model, k, &a);
            elman_model_tensor(before, k, &b);
            assert_memory_equal(a.data, b.data, a.count * sizeof(float));
        }
        elman_model_destroy(other);
    }
    elman_model_destroy(model);
    elman_model_destroy(before);
    elman_context_destroy(context);
    (void)state;
}

/* A head with as many outputs as one of the vocabularies has tokens, but not the other's. */
static void heads_without_tokens(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const few = text_model_with_head(context, "abcdefghijklmno", 0, 5, 1);
    elman_model *const text = text_model(context, "mnop", 0, 2);
    elman_model *const five = text_model_with_head(context, "mnopqrst", 0, 5, 3);
    elman_model *const two = text_model_with_head(context, "abcdefghijklmno", 0, 2, 4);
    elman_error error = {0};
    assert_int_equal(elman_model_copy_weights(text, two, &error), ELMAN_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "head.weight is 2 x 3"));
    assert_int_equal(elman_model_copy_weights(two, text, &error), ELMAN_ERR_MISMATCH);
    must(elman_model_copy_weights(five, text, &error), &error);
    must(elman_model_copy_weights(text, few, &error), &error);
    static const char *const names[] = {"head.weight", "head.bias"};
    for (size_t i = 0; i < 2; i++) {
        const elman_tensor copied = tensor_of(text, names[i]), from = tensor_of(few, names[i]);
        assert_memory_equal(copied.data, from.data, from.count * sizeof(float));
    }
    elman_model_destroy(few);
    elman_model_destroy(text);
    elman_model_destroy(five);
    elman_model_destroy(two);
    elman_context_destroy(context);
}

/* ---- vocabulary and summary ---- */

static void what_a_model_keeps(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = text_model(context, "abc", 0, 1);
    elman_model *const other = text_model(context, "abcd", 0, 1);
    const NetworkSpec spec = {.inputs = 4, .cell = ELMAN_CELL_GRU, .layers = 1, .hidden = 4};
    elman_model *const dense = random_model(context, &spec, 1);
    elman_error error = {0};
    assert_int_equal(elman_model_set_vocabulary(model, elman_model_vocabulary(other), &error),
                     ELMAN_ERR_MISMATCH);
    assert_int_equal(elman_model_set_vocabulary(dense, elman_model_vocabulary(model), &error),
                     ELMAN_ERR_MISMATCH);
    assert_int_equal(elman_vocabulary_size(elman_model_vocabulary(model)), 4);
    assert_null(elman_model_vocabulary(dense));

    assert_null(elman_model_training(model));
    assert_int_equal(elman_model_set_training(model, "[1]", &error), ELMAN_ERR_FORMAT);
    assert_int_equal(elman_model_set_training(model, "{\"a\":1", &error), ELMAN_ERR_FORMAT);
    assert_int_equal(elman_model_set_training(model, "{\"a\":1,\"a\":1}", &error),
                     ELMAN_ERR_FORMAT);
    assert_null(elman_model_training(model));
    must(elman_model_set_training(model, "{\"b\": 2, \"a\": 1}", &error), &error);
    assert_string_equal(elman_model_training(model), "{\"a\":1,\"b\":2}");

    /* 48 KiB of text, and numbers that are short here and long in the file. */
    char *const json = zeroed(60000, 1);
    strcpy(json, "{\"a\":\"");
    memset(json + 6, 'x', 48 * 1024 - 8);
    strcpy(json + 6 + 48 * 1024 - 8, "\"}");
    must(elman_model_set_training(model, json, &error), &error);
    assert_int_equal(strlen(elman_model_training(model)), 48 * 1024);
    strcpy(json + 6 + 48 * 1024 - 8, "x\"}");
    assert_int_equal(elman_model_set_training(model, json, &error), ELMAN_ERR_ARGUMENT);
    strcpy(json, "{\"a\":[1");
    for (size_t i = 0; i < 8000; i++) memcpy(json + 7 + i * 6, ",1e300", 7);
    strcat(json, "]}");
    assert_int_equal(elman_model_set_training(model, json, &error), ELMAN_ERR_ARGUMENT);
    assert_int_equal(strlen(elman_model_training(model)), 48 * 1024);
    free(json);
    elman_model_destroy(model);
    elman_model_destroy(other);
    elman_model_destroy(dense);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_shapes),        cmocka_unit_test(builder_errors_stick),
        cmocka_unit_test(other_refusals),          cmocka_unit_test(option_structs),
        cmocka_unit_test(copy_follows_characters), cmocka_unit_test(copies_that_do_not_fit),
        cmocka_unit_test(heads_without_tokens),    cmocka_unit_test(what_a_model_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
