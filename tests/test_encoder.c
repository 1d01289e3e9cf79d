/* Encoders: what is set comes back from a model file and a checkpoint, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/encoder.h"
#include "model/metadata.h"
#include "support/allocator.h"
#include "support/passes.h"
#include <elman/elman.h>

enum { TENSORS = 7, FILE_MAX = 1 << 16 };

static const char path[] = "encoder.safetensors";

static const double doubles[2] = {0.1, -1e300};
static const float floats[6] = {1, 2, 3, 4, 5, 6};
static const int64_t longs[1] = {INT64_MIN};
static const int32_t integers[3] = {-1, 0, 7};
static const uint8_t bytes[5] = {'a', 0, 255, 'b', 0};

static const SafetensorsTensor tensors[TENSORS] = {
    {"encoder.bytes", SAFETENSORS_U8, 1, {5}, bytes, 5},
    {"encoder.floats", SAFETENSORS_F32, 2, {2, 3}, floats, 24},
    {"encoder.doubles", SAFETENSORS_F64, 1, {2}, doubles, 16},
    {"encoder.integers", SAFETENSORS_I32, 3, {3, 1, 1}, integers, 12},
    {"encoder.longs", SAFETENSORS_I64, 0, {0}, longs, 8},
    {"encoder.nothing", SAFETENSORS_F32, 2, {0, 9}, NULL, 0},
    {"encoder.scale.of a \xC3\xA9", SAFETENSORS_F32, 1, {1}, floats, 4},
};

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static elman_model *small_model(elman_context *context, bool tokens) {
    const NetworkSpec spec = {.input = tokens ? ELMAN_INPUT_EMBEDDING : ELMAN_INPUT_DENSE,
                              .inputs = 4,
                              .embedding = tokens ? 3 : 0,
                              .cell = ELMAN_CELL_GRU,
                              .layers = 1,
                              .hidden = 5,
                              .outputs = 2};
    return random_model(context, &spec, 3);
}

static void add_vocabulary(elman_context *context, elman_model *model) {
    static const int32_t characters[] = {'a', 'b', 'c'};
    elman_vocabulary *vocabulary = NULL;
    elman_error error = {0};
    must(elman_vocabulary_create(context, characters, 3, &vocabulary, &error), &error);
    must(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    elman_vocabulary_destroy(vocabulary);
}

static size_t read_file(const char *name, char content[FILE_MAX]) {
    FILE *const file = fopen(name, "rb");
    assert_non_null(file);
    const size_t size = fread(content, 1, FILE_MAX, file);
    fclose(file);
    return size;
}

static void check_tensors(const elman_model *model) {
    assert_int_equal(encoder_tensor_count(model), TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const SafetensorsTensor *const want = &tensors[i];
        SafetensorsTensor got;
        assert_true(encoder_tensor(model, want->name, &got));
        assert_string_equal(got.name, want->name);
        assert_true(got.type == want->type && got.rank == want->rank && got.bytes == want->bytes);
        for (size_t k = 0; k < want->rank; k++) assert_true(got.shape[k] == want->shape[k]);
        if (want->bytes > 0) assert_memory_equal(got.data, want->data, want->bytes);
        assert_true((uintptr_t)got.data % 8 == 0);
    }
    SafetensorsTensor none;
    assert_false(encoder_tensor(model, "encoder.vocabulary", &none));
}

/* The model's text is `head`, what its characters are when it has a vocabulary, and `tail`. */
static void check_text(const elman_model *model, const char *head, const char *tail) {
    char want[256];
    const bool unicode = strstr(elman_model_encoder(model), "unicode") != NULL;
    const char *characters = "";
    if (elman_model_vocabulary(model))
        characters = unicode ? "\"characters\":\"unicode\"," : "\"characters\":\"bytes\",";
    snprintf(want, sizeof want, "%s%s%s", head, characters, tail);
    assert_string_equal(elman_model_encoder(model), want);
}

static void round_trip(elman_context *context, const char *kind, bool tokens, bool vocabulary) {
    static char files[2][FILE_MAX];
    static const char head[] = "{\"a\":[1,0.10000000000000001],";
    char tail[64];
    elman_model *const model = small_model(context, tokens);
    elman_model *loaded = NULL;
    elman_error error = {0};
    snprintf(tail, sizeof tail, "\"kind\":\"%s\",\"z\":{}}", kind);
    must(encoder_set(model, kind, "{ \"z\": {}, \"a\": [1, 0.1], \"characters\": 7 }", tensors,
                     TENSORS, &error),
         &error);
    if (vocabulary) add_vocabulary(context, model);
    assert_string_equal(encoder_kind(model), kind);
    check_text(model, head, tail);
    must(elman_model_save(model, path, &error), &error);
    const size_t size = read_file(path, files[0]);
    must(elman_model_load(context, path, &loaded, &error), &error);
    assert_string_equal(encoder_kind(loaded), kind);
    assert_true((elman_model_vocabulary(loaded) != NULL) == vocabulary);
    check_text(loaded, head, tail);
    check_tensors(loaded);
    must(elman_model_save(loaded, path, &error), &error);
    assert_true(read_file(path, files[1]) == size);
    /* Tensors of one size of element stand in the order in which they were read. */
    assert_memory_equal(files[0], files[1], size);
    must(elman_model_copy_weights(loaded, model, &error), &error);
    check_tensors(loaded);
    elman_model_destroy(loaded);
    elman_model_destroy(model);
}

static void every_kind(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    round_trip(context, "series", false, false);
    round_trip(context, "classify", false, false);
    round_trip(context, "classify", true, false);
    round_trip(context, "classify", true, true);
    round_trip(context, "tag", false, false);
    round_trip(context, "tag", true, true);
    elman_context_destroy(context);
}

static void kinds_of_old(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = small_model(context, true);
    elman_error error = {0};
    SafetensorsTensor tensor;
    assert_string_equal(encoder_kind(model), "none");
    assert_string_equal(elman_model_encoder(model), "{\"kind\":\"none\"}");
    assert_false(encoder_tensor(model, "encoder.floats", &tensor));
    add_vocabulary(context, model);
    assert_string_equal(encoder_kind(model), "text");
    check_text(model, "{", "\"kind\":\"text\"}");
    must(encoder_set(model, "tag", "{}", NULL, 0, &error), &error);
    must(encoder_set(model, "classify", "{\"kind\":\"classify\"}", tensors, 1, &error), &error);
    assert_int_equal(encoder_tensor_count(model), 1);
    /* From itself. */
    encoder_tensor_at(model, 0, &tensor);
    must(encoder_set(model, encoder_kind(model), elman_model_encoder(model), &tensor, 1, &error),
         &error);
    assert_true(encoder_tensor(model, "encoder.bytes", &tensor));
    assert_memory_equal(tensor.data, bytes, sizeof bytes);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

static void in_a_checkpoint(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *loaded = NULL;
    elman_trainer *trainer = NULL;
    elman_checkpoint *checkpoint = NULL;
    elman_error error = {0};
    int32_t tokens[12];
    const elman_train_options options = {.struct_size = sizeof options,
                                         .learning_rate = 0.01,
                                         .window = 3,
                                         .batch = 2,
                                         .max_steps = 1,
                                         .checkpoint_path = path};
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 4,
                              .cell = ELMAN_CELL_GRU,
                              .layers = 1,
                              .hidden = 4};
    elman_model *const text = random_model(context, &spec, 3);
    add_vocabulary(context, text);
    must(encoder_set(text, "tag", "{\"labels\":[\"a\"]}", tensors, TENSORS, &error), &error);
    for (size_t i = 0; i < 12; i++) tokens[i] = (int32_t)(i % 4);
    const elman_token_data data = {.struct_size = sizeof data, .train = tokens, .train_count = 12};
    must(elman_trainer_create(text, &options, &trainer, &error), &error);
    must(elman_trainer_run_tokens(trainer, &data, NULL, NULL, NULL, &error), &error);
    elman_trainer_destroy(trainer);
    must(elman_model_load(context, path, &loaded, &error), &error);
    check_tensors(loaded);
    assert_string_equal(elman_model_encoder(loaded), elman_model_encoder(text));
    must(elman_checkpoint_open(context, path, &checkpoint, &error), &error);
    must(elman_trainer_create(loaded, &options, &trainer, &error), &error);
    must(elman_trainer_restore(trainer, checkpoint, &error), &error);
    check_tensors(loaded);
    elman_trainer_destroy(trainer);
    elman_checkpoint_close(checkpoint);
    elman_model_destroy(loaded);
    elman_model_destroy(text);
    elman_context_destroy(context);
}

static void refused(elman_model *model, const char *kind, const char *json,
                    const SafetensorsTensor *list, size_t count, elman_status want,
                    const char *fragment) {
    elman_error error = {0};
    const elman_status status = encoder_set(model, kind, json, list, count, &error);
    if (status != want || !strstr(error.message, fragment))
        fail_msg("%s: \"%s\", expected \"%s\"", elman_status_name(status), error.message, fragment);
    assert_string_equal(encoder_kind(model), "series");
    check_tensors(model);
}

static void refused_to_set(void **state) {
    static const SafetensorsTensor bad[] = {
        {"head.bias", SAFETENSORS_F32, 1, {1}, floats, 4},
        {"encoder.", SAFETENSORS_F32, 1, {1}, floats, 4},
        {"encoder.vocabulary", SAFETENSORS_I32, 1, {1}, integers, 4},
        {"encoder.x", SAFETENSORS_F16, 1, {1}, floats, 2},
        {"encoder.x", SAFETENSORS_TYPES, 1, {1}, floats, 4},
        {"encoder.x", SAFETENSORS_F32, 9, {1}, floats, 4},
        {"encoder.x", SAFETENSORS_F32, 1, {1}, floats, 8},
        {"encoder.x", SAFETENSORS_F32, 1, {1}, NULL, 4},
        {"encoder.x", SAFETENSORS_F32, 2, {SIZE_MAX, SIZE_MAX}, floats, 4},
    };
    static const char *const sentences[] = {"\"head.bias\" is no name",
                                            "\"encoder.\" is no name",
                                            "\"encoder.vocabulary\" is no name",
                                            "is F16 of rank 1",
                                            "is of an unknown type",
                                            "of rank 9",
                                            "has 8 bytes",
                                            "has 0 bytes",
                                            "has 4 bytes"};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = small_model(context, false);
    elman_model *const words = small_model(context, true);
    elman_error error = {0};
    SafetensorsTensor many[ENCODER_TENSORS_MAX + 1];
    char *const list = zeroed(ENCODER_JSON_MAX + 16, 1);
    must(encoder_set(model, "series", "{}", tensors, TENSORS, &error), &error);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(model, "tag", "{}", &bad[i], 1, ELMAN_ERR_ARGUMENT, sentences[i]);
    many[0] = many[1] = tensors[0];
    refused(model, "tag", "{}", many, 2, ELMAN_ERR_ARGUMENT, "given twice");
    refused(model, "tag", "{}", many, ENCODER_TENSORS_MAX + 1, ELMAN_ERR_ARGUMENT, "65 tensors");
    refused(model, "text", "{}", NULL, 0, ELMAN_ERR_ARGUMENT, "\"text\"");
    refused(model, "audio", "{}", NULL, 0, ELMAN_ERR_ARGUMENT, "\"audio\"");
    refused(model, "tag", "{\"kind\":\"series\"}", NULL, 0, ELMAN_ERR_ARGUMENT, "is not \"tag\"");
    refused(model, "tag", "{\"kind\":7}", NULL, 0, ELMAN_ERR_ARGUMENT, "is not \"tag\"");
    refused(model, "tag", "[]", NULL, 0, ELMAN_ERR_FORMAT, "not a JSON object");
    refused(model, "tag", "{", NULL, 0, ELMAN_ERR_FORMAT, "not a JSON object");
    strcpy(list, "{\"a\":\"");
    memset(list + 6, 'x', ENCODER_JSON_MAX);
    strcpy(list + 6 + ENCODER_JSON_MAX, "\"}");
    refused(model, "tag", list, NULL, 0, ELMAN_ERR_ARGUMENT, "at most 49152");
    assert_int_equal(encoder_set(words, "series", "{}", NULL, 0, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "reads tokens"));
    free(list);
    elman_model_destroy(words);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Writes the model's file with one more tensor, or with many. */
static void forge(elman_context *context, elman_model *model, const SafetensorsTensor *extra,
                  size_t count) {
    static char names[100][32];
    SafetensorsTensor list[120];
    size_t used = 0;
    elman_error error = {0};
    char *const json = metadata_write(model);
    const SafetensorsPair pair = {"elman", json};
    for (; used < elman_model_tensor_count(model); used++) {
        elman_tensor own;
        elman_model_tensor(model, used, &own);
        list[used] = (SafetensorsTensor){own.name, SAFETENSORS_F32,
                                         own.rank, {own.shape[0], own.shape[1]},
                                         own.data, own.count * sizeof(float)};
    }
    for (size_t i = 0; i < count; i++) {
        list[used] = *extra;
        if (count > 1) {
            snprintf(names[i], sizeof names[i], "encoder.%zu", i);
            list[used].name = names[i];
        }
        used++;
    }
    must(safetensors_write(&context->memory, path, &pair, 1, list, used, &error), &error);
    memory_release(&context->memory, json);
}

static void refused_in_a_file(void **state) {
    static const SafetensorsTensor half = {"encoder.x", SAFETENSORS_F16, 1, {2}, floats, 4};
    static const SafetensorsTensor empty = {"encoder.", SAFETENSORS_F32, 1, {1}, floats, 4};
    static const SafetensorsTensor bare = {"scale", SAFETENSORS_F32, 1, {1}, floats, 4};
    static const SafetensorsTensor words = {
        "encoder.vocabulary", SAFETENSORS_I32, 1, {4}, floats, 16};
    static const struct {
        const SafetensorsTensor *extra;
        size_t count;
        const char *message;
    } cases[] = {
        {&half, 1, "encoder.x is F16"},
        {&empty, 1, "\"encoder.\" is no name"},
        {&bare, 1, "scale does not belong"},
        {&words, 1, "encoder.vocabulary does not belong"},
        {&tensors[0], 65, "more than 64 tensors"},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = small_model(context, false);
    elman_model *loaded = NULL;
    elman_error error = {0};
    must(encoder_set(model, "series", "{\"scale\":2}", NULL, 0, &error), &error);
    forge(context, model, &tensors[0], 64);
    must(elman_model_load(context, path, &loaded, &error), &error);
    assert_int_equal(encoder_tensor_count(loaded), 64);
    elman_model_destroy(loaded);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forge(context, model, cases[i].extra, cases[i].count);
        assert_int_equal(elman_model_load(context, path, &loaded, &error), ELMAN_ERR_FORMAT);
        assert_null(loaded);
        if (!strstr(error.message, cases[i].message) || !strstr(error.message, path))
            fail_msg("\"%s\", expected \"%s\"", error.message, cases[i].message);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
}

/* Setting, saving and loading fail at every allocation, and leave what was there. */
static void each_allocation_fails_once(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    elman_model *loaded = NULL;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_model *const model = small_model(context, true);
    add_vocabulary(context, model);
    elman_status status = ELMAN_ERR_MEMORY;
    long k = 0;
    for (; status; k++) {
        counting.allow = k;
        status = encoder_set(model, "classify", "{\"labels\":[1]}", tensors, TENSORS, NULL);
        if (!status) status = elman_model_save(model, path, NULL);
        if (!status) status = elman_model_load(context, path, &loaded, NULL);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        assert_true((loaded != NULL) == (status == ELMAN_OK));
        assert_true(k < 1000);
    }
    counting.allow = ALLOW_ALL;
    print_message("%ld allocations failed\n", k - 1);
    assert_true(k > 20);
    check_tensors(loaded);
    elman_model_destroy(loaded);
    elman_model_destroy(model);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

static long json_left; /* allocations of the JSON library that succeed */

static void *json_allocate(size_t size) {
    return json_left-- > 0 ? malloc(size) : NULL;
}

static void json_allocations_fail(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_model *const model = small_model(context, true);
    add_vocabulary(context, model);
    must(encoder_set(model, "tag", "{\"old\":1}", NULL, 0, NULL), &(elman_error){0});
    json_set_alloc_funcs(json_allocate, free);
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status; k++) {
        json_left = k;
        status = encoder_set(model, "classify", "{\"labels\":[1,{\"a\":2}]}", tensors, 2, NULL);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY || status == ELMAN_ERR_FORMAT);
        assert_string_equal(encoder_kind(model), status ? "tag" : "classify");
        assert_true(k < 1000);
    }
    json_set_alloc_funcs(malloc, free);
    assert_non_null(strstr(elman_model_encoder(model), "\"labels\":[1,{\"a\":2}]"));
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(kinds_of_old),
        cmocka_unit_test(in_a_checkpoint),
        cmocka_unit_test(refused_to_set),
        cmocka_unit_test(refused_in_a_file),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(json_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
