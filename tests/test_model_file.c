/* Model files: what is saved comes back, the same model gives the same bytes, and each reason for
 * refusing a file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "context/context.h"
#include "formats/safetensors.h"
#include "support/allocator.h"
#include "support/passes.h"
#include <elman/model.h>

static const char path[] = "model.safetensors";

static void must(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

/* The whole file, *size bytes. */
static char *read_all(const char *name, size_t *size) {
    FILE *const file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    char *const bytes = zeroed(*size + 1, 1);
    rewind(file);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_all(const char *name, const char *bytes, size_t size) {
    FILE *const file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void check_same_model(const elman_model *a, const elman_model *b) {
    elman_model_info info[2];
    elman_init_options init[2];
    elman_model_describe(a, &info[0]);
    elman_model_describe(b, &info[1]);
    assert_memory_equal(&info[0], &info[1], sizeof info[0]);
    for (size_t i = 0; i < info[0].stages; i++) {
        elman_stage stage[2];
        elman_model_stage(a, i, &stage[0]);
        elman_model_stage(b, i, &stage[1]);
        assert_true(stage[0].kind == stage[1].kind && stage[0].outputs == stage[1].outputs);
        assert_true(stage[0].no_bias == stage[1].no_bias && stage[0].epsilon == stage[1].epsilon);
    }
    for (size_t l = 0; l < info[0].layers; l++) {
        elman_cell_options layer[2];
        elman_model_layer(a, l, &layer[0]);
        elman_model_layer(b, l, &layer[1]);
        assert_true(layer[0].struct_size == layer[1].struct_size);
        assert_true(layer[0].cell == layer[1].cell && layer[0].hidden == layer[1].hidden);
        assert_true(!layer[0].bidirectional == !layer[1].bidirectional);
        assert_true(!layer[0].no_bias == !layer[1].no_bias);
        assert_true(!layer[0].learned_state == !layer[1].learned_state);
        assert_true(layer[0].dropout == layer[1].dropout);
        assert_true(layer[0].clip == layer[1].clip);
        assert_true(!layer[0].input_forget == !layer[1].input_forget);
        assert_true(!layer[0].peepholes == !layer[1].peepholes);
        assert_memory_equal(layer[0].activations, layer[1].activations,
                            sizeof layer[0].activations);
        assert_true(layer[0].projection == layer[1].projection);
    }
    elman_model_init_options(a, &init[0]);
    elman_model_init_options(b, &init[1]);
    assert_true(init[0].struct_size == init[1].struct_size && init[0].seed == init[1].seed);
    assert_true(init[0].input == init[1].input && init[0].recurrent == init[1].recurrent);
    assert_true(init[0].forget_bias == init[1].forget_bias);
    assert_true(elman_model_tensor_count(a) == elman_model_tensor_count(b));
    for (size_t i = 0; i < elman_model_tensor_count(a); i++) {
        elman_tensor x, y;
        elman_model_tensor(a, i, &x);
        elman_model_tensor(b, i, &y);
        assert_string_equal(x.name, y.name);
        assert_true(x.rank == y.rank && x.shape[0] == y.shape[0] && x.shape[1] == y.shape[1]);
        assert_memory_equal(x.data, y.data, x.count * sizeof(float));
    }
}

static void round_trip(elman_context *context, const NetworkSpec *spec, uint64_t seed) {
    elman_error error = {0};
    elman_model *loaded = NULL;
    size_t sizes[3];
    char *files[3];
    elman_model *const model = random_model(context, spec, seed);
    must(elman_model_save(model, path, &error), &error);
    files[0] = read_all(path, &sizes[0]);
    must(elman_model_save(model, path, &error), &error);
    files[1] = read_all(path, &sizes[1]);
    must(elman_model_load(context, path, &loaded, &error), &error);
    check_same_model(model, loaded);
    must(elman_model_save(loaded, path, &error), &error);
    files[2] = read_all(path, &sizes[2]);
    for (size_t i = 1; i < 3; i++) {
        assert_true(sizes[i] == sizes[0]);
        assert_memory_equal(files[i], files[0], sizes[0]);
    }
    for (size_t i = 0; i < 3; i++) free(files[i]);
    elman_model_destroy(model);
    elman_model_destroy(loaded);
}

static void every_structure(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < CELL_KINDS * 3 * 32; i++) {
        const size_t turn = i / (CELL_KINDS * 3);
        const elman_input input = (elman_input)(i / CELL_KINDS % 3);
        NetworkSpec spec = {
            .input = input,
            .inputs = 2 + turn % 7,
            .embedding = input == ELMAN_INPUT_EMBEDDING ? 1 + turn % 5 : 0,
            .layers = 1 + turn % 3,
            .hidden = 1 + turn % 19,
            .bidirectional = turn & 1,
            .no_bias = turn & 2,
            .learned_state = turn & 4,
            .dropout = turn & 8 ? 0.1f : 0.0f,
            .outputs = turn & 16 ? 3 : 0,
            .head_no_bias = turn & 1,
            .output = (elman_output)(turn / 2 % 4),
        };
        spec_set_kind(&spec, i % CELL_KINDS, turn);
        if (i % 4 == 3 && !spec.projection) spec_make_plain(&spec, turn);
        if (i % 3 == 2) spec_make_staged(&spec, turn);
        round_trip(context, &spec, UINT64_MAX - i);
    }
    elman_context_destroy(context);
}

/* Vocabulary, training summary and every way of initialising. */
static void everything_else(void **state) {
    static const int32_t characters[] = {'e', 'l', 'm', 'a', 'n', 0xFC, 'a', 0xE9};
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_error error = {0};
    elman_vocabulary *vocabulary = NULL;
    must(elman_vocabulary_create(context, characters, 8, &vocabulary, &error), &error);
    const size_t size = elman_vocabulary_size(vocabulary);
    for (int i = 0; i < 4; i++) {
        const elman_init_options init = {.struct_size = sizeof init,
                                         .seed = (uint64_t)i << 61,
                                         .input = (elman_init)(i % 3),
                                         .recurrent = (elman_init)i,
                                         .forget_bias = i < 3 ? 0.1f * (float)i : 0.0f};
        const elman_cell cell = i == ELMAN_INIT_IDENTITY ? ELMAN_CELL_RNN_RELU : ELMAN_CELL_LSTM;
        elman_model *model = NULL, *loaded = NULL;
        must(elman_model_create_tokens(context, size, 2, &model, &error), &error);
        elman_model_add_cell(model, cell, 3);
        must(elman_model_build(model, &init, &error), &error);
        must(elman_model_set_vocabulary(model, vocabulary, &error), &error);
        must(elman_model_set_training(model, "{ \"loss\": 0.1, \"a\": [1, \"\\u00e9\"] }", &error),
             &error);
        must(elman_model_save(model, path, &error), &error);
        must(elman_model_load(context, path, &loaded, &error), &error);
        check_same_model(model, loaded);
        assert_string_equal(elman_model_training(loaded), elman_model_training(model));
        const elman_vocabulary *const kept = elman_model_vocabulary(loaded);
        assert_true(kept && elman_vocabulary_size(kept) == size);
        for (size_t t = 0; t < size; t++)
            assert_int_equal(elman_vocabulary_character(kept, (int32_t)t),
                             elman_vocabulary_character(vocabulary, (int32_t)t));
        elman_model_destroy(model);
        elman_model_destroy(loaded);
    }
    elman_vocabulary_destroy(vocabulary);
    elman_context_destroy(context);
}

/* ---- refusals ---- */

/* A file made from a good one: `from` in its metadata replaced by `to`, and its tensors changed. */
typedef struct Forgery {
    const char *from, *to;
    const char *without;   /* this tensor left out */
    const char *misshapen; /* this one with its shape transposed */
    SafetensorsTensor *extra;
    bool no_metadata;
} Forgery;

static char *replaced(const char *text, const char *from, const char *to) {
    const char *const at = strstr(text, from);
    if (!at) fail_msg("%s is not in %s", from, text);
    const size_t head = (size_t)(at - text);
    char *const result = zeroed(strlen(text) + strlen(to) + 1, 1);
    memcpy(result, text, head);
    strcpy(result + head, to);
    strcat(result, at + strlen(from));
    return result;
}

static void forge(elman_context *context, const char *bytes, size_t size, const Forgery *forgery) {
    SafetensorsTensor tensors[40];
    SafetensorsFile *file = NULL;
    elman_error error = {0};
    size_t count = 0;
    must(safetensors_parse(&context->memory, "good", bytes, size, &file, &error), &error);
    for (size_t i = 0; i < safetensors_count(file); i++) {
        SafetensorsTensor *const tensor = &tensors[count];
        safetensors_at(file, i, tensor);
        if (forgery->without && strcmp(tensor->name, forgery->without) == 0) continue;
        if (forgery->misshapen && strcmp(tensor->name, forgery->misshapen) == 0) {
            const size_t rows = tensor->shape[0];
            tensor->shape[0] = tensor->shape[1];
            tensor->shape[1] = rows;
        }
        count++;
    }
    if (forgery->extra) tensors[count++] = *forgery->extra;
    char *const metadata =
        replaced(safetensors_metadata(file, "elman"), forgery->from ? forgery->from : "",
                 forgery->to ? forgery->to : "");
    const SafetensorsPair pair = {"elman", metadata};
    must(safetensors_write(&context->memory, path, &pair, forgery->no_metadata ? 0 : 1, tensors,
                           count, &error),
         &error);
    free(metadata);
    safetensors_close(file);
}

/* A file of a model with text, one LSTM layer of 5 units and a head. */
static char *good_file(elman_context *context, size_t *size) {
    static const int32_t characters[] = {'a', 'b', 'c'};
    elman_vocabulary *vocabulary = NULL;
    elman_error error = {0};
    const NetworkSpec spec = {.input = ELMAN_INPUT_ONE_HOT,
                              .inputs = 4,
                              .cell = ELMAN_CELL_LSTM,
                              .layers = 1,
                              .hidden = 5,
                              .outputs = 4};
    elman_model *const model = random_model(context, &spec, 7);
    must(elman_vocabulary_create(context, characters, 3, &vocabulary, &error), &error);
    must(elman_model_set_vocabulary(model, vocabulary, &error), &error);
    must(elman_model_save(model, path, &error), &error);
    elman_vocabulary_destroy(vocabulary);
    elman_model_destroy(model);
    return read_all(path, size);
}

static void check_refusal(elman_context *context, elman_status want, const char *fragment) {
    elman_model *model = (elman_model *)&context; /* must be set to NULL */
    elman_error error = {0};
    const elman_status status = elman_model_load(context, path, &model, &error);
    assert_null(model);
    if (status != want || !strstr(error.message, fragment) || !strstr(error.message, path))
        fail_msg("%s: \"%s\", expected %s and \"%s\"", elman_status_name(status), error.message,
                 elman_status_name(want), fragment);
}

static void refused_metadata(void **state) {
    static const struct {
        const char *from, *to;
        elman_status status;
        const char *message;
    } cases[] = {
        {"\"lstm\"", "\"transformer\"", ELMAN_ERR_UNSUPPORTED, "unknown cell \"transformer\""},
        {"\"format_version\":1", "\"format_version\":3", ELMAN_ERR_UNSUPPORTED, "format_version 3"},
        {"\"format_version\":1", "\"format_version\":0", ELMAN_ERR_FORMAT, "format_version"},
        {"\"format_version\":1", "\"format_version\":\"1\"", ELMAN_ERR_FORMAT, "format_version"},
        {"\"format_version\":1,", "", ELMAN_ERR_FORMAT, "format_version"},
        {"\"kind\":\"text\"", "\"kind\":\"series\"", ELMAN_ERR_FORMAT, "have no characters"},
        {"\"encoder\":{", "\"encoder\":{\"kind\":\"series\"},\"was\":{", ELMAN_ERR_FORMAT,
         "the model reads tokens"},
        {"\"encoder\":{", "\"encoder\":{\"kind\":\"tag\"},\"was\":{", ELMAN_ERR_FORMAT,
         "encoder.vocabulary does not belong"},
        {"\"encoder\":{", "\"encoder\":{\"kind\":\"tag\",\"characters\":7},\"was\":{",
         ELMAN_ERR_FORMAT, "\"characters\""},
        {"\"kind\":\"text\"", "\"kind\":7", ELMAN_ERR_FORMAT, "\"kind\""},
        {"\"kind\":\"text\"", "\"kind\":\"audio\"", ELMAN_ERR_UNSUPPORTED, "\"audio\""},
        {"\"kind\":\"text\"", "\"kind\":\"video\"", ELMAN_ERR_UNSUPPORTED, "\"video\""},
        {"\"kind\":\"text\"", "\"kind\":\"smell\"", ELMAN_ERR_FORMAT, "\"smell\""},
        {"\"kind\":\"text\"", "\"kind\":\"none\"", ELMAN_ERR_FORMAT, "encoder.vocabulary"},
        {"\"encoder\"", "\"was\"", ELMAN_ERR_FORMAT, "\"kind\""},
        {"\"characters\":\"", "\"characters\":\"runic ", ELMAN_ERR_UNSUPPORTED, "\"runic "},
        {"\"characters\":\"", "\"was\":\"", ELMAN_ERR_FORMAT, "\"characters\""},
        {"\"hidden\":5", "\"hidden\":5,\"projection\":2", ELMAN_ERR_FORMAT,
         "expected F32 of rank 2, 20 x 2"},
        {"\"hidden\":5", "\"hidden\":5,\"projection\":5", ELMAN_ERR_FORMAT, "narrower"},
        {"\"hidden\":5", "\"hidden\":5,\"projection\":-2", ELMAN_ERR_FORMAT, "\"projection\""},
        {"\"hidden\":5", "\"hidden\":0", ELMAN_ERR_FORMAT, "at least 1 hidden unit"},
        {"\"hidden\":5", "\"hidden\":-5", ELMAN_ERR_FORMAT, "\"hidden\""},
        {"\"hidden\":5", "\"hidden\":5.0", ELMAN_ERR_FORMAT, "\"hidden\""},
        {"\"hidden\":5", "\"hidden\":\"5\"", ELMAN_ERR_FORMAT, "\"hidden\""},
        {"\"hidden\":5", "\"hidden\":1000000000000", ELMAN_ERR_FORMAT, "larger model"},
        {"\"hidden\":5", "\"hidden\":9223372036854775807", ELMAN_ERR_FORMAT, "does not fit"},
        {"\"hidden\":5", "\"hidden\":9223372036854775808", ELMAN_ERR_FORMAT, "too big"},
        {"\"hidden\":5", "\"hidden\":4", ELMAN_ERR_FORMAT, "expected F32 of rank"},
        {"\"hidden\":5", "\"hidden\":6", ELMAN_ERR_FORMAT, "larger model"},
        {"\"hidden\":5,", "", ELMAN_ERR_FORMAT, "\"hidden\""},
        {"\"bias\":true,\"bidirectional\"", "\"bias\":1,\"bidirectional\"", ELMAN_ERR_FORMAT,
         "\"bias\""},
        {"\"bidirectional\":false", "\"bidirectional\":null", ELMAN_ERR_FORMAT, "bidirectional"},
        {"\"bidirectional\":false", "\"bidirectional\":true", ELMAN_ERR_FORMAT, "larger model"},
        {"\"learned_state\":false", "\"learned_state\":true", ELMAN_ERR_FORMAT, "larger model"},
        {"\"learned_state\":false", "\"learned_state\":0", ELMAN_ERR_FORMAT, "learned_state"},
        {"\"dropout\":0.0", "\"dropout\":1.0", ELMAN_ERR_FORMAT, "dropout"},
        {"\"dropout\":0.0", "\"dropout\":-0.1", ELMAN_ERR_FORMAT, "dropout"},
        {"\"dropout\":0.0", "\"dropout\":1e300", ELMAN_ERR_FORMAT, "dropout"},
        {"\"dropout\":0.0", "\"dropout\":\"none\"", ELMAN_ERR_FORMAT, "dropout"},
        {"\"hidden\":5", "\"clip\":true,\"hidden\":5", ELMAN_ERR_FORMAT, "\"clip\""},
        {"\"hidden\":5", "\"clip\":-1,\"hidden\":5", ELMAN_ERR_FORMAT, "a clip must be"},
        {"\"hidden\":5", "\"clip\":1e300,\"hidden\":5", ELMAN_ERR_FORMAT, "a clip must be"},
        {"\"hidden\":5", "\"peepholes\":1,\"hidden\":5", ELMAN_ERR_FORMAT, "\"peepholes\""},
        {"\"hidden\":5", "\"peepholes\":true,\"hidden\":5", ELMAN_ERR_FORMAT, "larger model"},
        {"\"hidden\":5", "\"input_forget\":null,\"hidden\":5", ELMAN_ERR_FORMAT, "input_forget"},
        {"\"hidden\":5", "\"activations\":{},\"hidden\":5", ELMAN_ERR_FORMAT, "\"activations\""},
        {"\"hidden\":5", "\"activations\":[[null,null]],\"hidden\":5", ELMAN_ERR_FORMAT,
         "\"activations\" is not a list of 3"},
        {"\"hidden\":5", "\"activations\":[[null,null,null],[]],\"hidden\":5", ELMAN_ERR_FORMAT,
         "each of 1 directions"},
        {"\"hidden\":5", "\"activations\":[[7,null,null]],\"hidden\":5", ELMAN_ERR_FORMAT,
         "\"kind\""},
        {"\"hidden\":5", "\"activations\":[[{\"kind\":\"gelu\"},null,null]],\"hidden\":5",
         ELMAN_ERR_UNSUPPORTED, "unknown activation \"gelu\""},
        {"\"hidden\":5", "\"activations\":[[{\"kind\":\"elu\"},null,null]],\"hidden\":5",
         ELMAN_ERR_FORMAT, "\"alpha\""},
        {"\"hidden\":5",
         "\"activations\":[[{\"kind\":\"affine\",\"alpha\":1,\"beta\":1e300},null,null]],"
         "\"hidden\":5",
         ELMAN_ERR_FORMAT, "not a finite number"},
        {"\"layers\":[", "\"layers\":{},\"was\":[", ELMAN_ERR_FORMAT, "\"layers\""},
        {"\"layers\":[{", "\"layers\":[],\"was\":[{", ELMAN_ERR_FORMAT, "\"layers\""},
        {"\"layers\":[{", "\"layers\":[{},{", ELMAN_ERR_FORMAT, "\"cell\""},
        {"\"layers\":[{", "\"layers\":[7,{", ELMAN_ERR_FORMAT, "\"cell\""},
        {"\"head\":{", "\"stages\":{},\"head\":{", ELMAN_ERR_FORMAT, "\"stages\" is not a list"},
        {"\"head\":{", "\"stages\":[7],\"head\":{", ELMAN_ERR_FORMAT, "\"kind\""},
        {"\"head\":{", "\"stages\":[{\"kind\":\"gelu\"}],\"head\":{", ELMAN_ERR_UNSUPPORTED,
         "unknown stage \"gelu\""},
        {"\"head\":{", "\"stages\":[{\"kind\":\"linear\",\"bias\":true}],\"head\":{",
         ELMAN_ERR_FORMAT, "\"outputs\""},
        {"\"head\":{",
         "\"stages\":[{\"kind\":\"relu\"},{\"kind\":\"linear\",\"bias\":true,\"outputs\":0}],"
         "\"head\":{",
         ELMAN_ERR_FORMAT, "stage 2: the head needs at least 1 output"},
        {"\"head\":{",
         "\"stages\":[{\"kind\":\"linear\",\"bias\":true,\"outputs\":1000000}],\"head\":{",
         ELMAN_ERR_FORMAT, "larger model"},
        {"\"head\":{", "\"stages\":[{\"kind\":\"layer-norm\",\"epsilon\":1}],\"head\":{",
         ELMAN_ERR_FORMAT, "\"bias\""},
        {"\"head\":{", "\"stages\":[{\"kind\":\"layer-norm\",\"bias\":true}],\"head\":{",
         ELMAN_ERR_FORMAT, "\"epsilon\""},
        {"\"head\":{",
         "\"stages\":[{\"kind\":\"layer-norm\",\"bias\":true,\"epsilon\":-1}],\"head\":{",
         ELMAN_ERR_FORMAT, "stage 1: the epsilon"},
        {"\"head\":{", "\"head\":null,\"was\":{", ELMAN_ERR_FORMAT, "head."},
        {"\"head\":{", "\"was\":{", ELMAN_ERR_FORMAT, "\"outputs\""},
        {"\"outputs\":4", "\"outputs\":0", ELMAN_ERR_FORMAT, "at least 1 output"},
        {"\"outputs\":4", "\"outputs\":9223372036854775807", ELMAN_ERR_FORMAT, "does not fit"},
        {"\"outputs\":4", "\"outputs\":3", ELMAN_ERR_FORMAT, "head."},
        {"\"input\":\"one-hot\"", "\"input\":\"dense\"", ELMAN_ERR_FORMAT, "dense"},
        {"\"input\":\"one-hot\"", "\"input\":\"embedding\"", ELMAN_ERR_FORMAT, "\"embedding\""},
        {"\"input\":\"one-hot\"", "\"input\":\"pictures\"", ELMAN_ERR_FORMAT, "\"pictures\""},
        {"\"embedding\":0", "\"embedding\":2", ELMAN_ERR_FORMAT, "\"embedding\""},
        {"\"input_size\":4", "\"input_size\":0", ELMAN_ERR_FORMAT, "vocabulary of 0"},
        {"\"input_size\":4", "\"input_size\":3", ELMAN_ERR_FORMAT, "rnn.weight_ih_l0"},
        {"\"input_size\":4", "\"input_size\":2147483648", ELMAN_ERR_FORMAT, "2147483648"},
        {"\"input_size\":4", "\"input_size\":2147483647", ELMAN_ERR_FORMAT, "larger model"},
        {"\"output\":\"every-step\"", "\"output\":\"sometimes\"", ELMAN_ERR_FORMAT,
         "\"sometimes\""},
        {"\"seed\":\"7\"", "\"seed\":7", ELMAN_ERR_FORMAT, "\"seed\""},
        {"\"seed\":\"7\"", "\"seed\":\"\"", ELMAN_ERR_FORMAT, "\"seed\""},
        {"\"seed\":\"7\"", "\"seed\":\"-7\"", ELMAN_ERR_FORMAT, "\"seed\""},
        {"\"seed\":\"7\"", "\"seed\":\"18446744073709551616\"", ELMAN_ERR_FORMAT, "\"seed\""},
        {"\"forget_bias\":0.0", "\"forget_bias\":1e39", ELMAN_ERR_FORMAT, "forget_bias"},
        {"\"forget_bias\":0.0", "\"forget_bias\":null", ELMAN_ERR_FORMAT, "forget_bias"},
        {"\"recurrent\":\"uniform\"", "\"recurrent\":\"magic\"", ELMAN_ERR_FORMAT, "\"magic\""},
        {"\"input\":\"uniform\"", "\"input\":\"identity\"", ELMAN_ERR_FORMAT, "\"identity\""},
        {"\"training\":null", "\"training\":[]", ELMAN_ERR_FORMAT, "\"training\""},
        {",\"training\":null", "", ELMAN_ERR_FORMAT, "\"training\""},
        {"\"training\":null", "\"training\":null,\"training\":null", ELMAN_ERR_FORMAT,
         "not a JSON object"},
        {"{\"encoder\"", "[{\"encoder\"", ELMAN_ERR_FORMAT, "not a JSON object"},
        {"{\"encoder\"", "{\"encoder", ELMAN_ERR_FORMAT, "not a JSON object"},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    size_t size;
    char *const good = good_file(context, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Forgery forgery = {.from = cases[i].from, .to = cases[i].to};
        forge(context, good, size, &forgery);
        check_refusal(context, cases[i].status, cases[i].message);
    }
    free(good);
    elman_context_destroy(context);
}

static void refused_tensors(void **state) {
    static const int32_t numbers[] = {-1, 'a', 'b', 'c'};
    static const int32_t unsorted[] = {-1, 'b', 'a', 'c'};
    static const double doubles[4] = {0};
    SafetensorsTensor extra = {"head.extra", SAFETENSORS_F32, 1, {4}, numbers, 16};
    SafetensorsTensor bias = {"head.bias", SAFETENSORS_F64, 1, {4}, doubles, 32};
    SafetensorsTensor square = {"head.bias", SAFETENSORS_F32, 2, {2, 2}, numbers, 16};
    SafetensorsTensor deep = {"head.bias", SAFETENSORS_F32, 3, {4, 1, 1}, numbers, 16};
    SafetensorsTensor column = {"head.bias", SAFETENSORS_F32, 2, {4, 1}, numbers, 16};
    SafetensorsTensor aside = {"checkpoint.x", SAFETENSORS_F32, 1, {4}, numbers, 16};
    SafetensorsTensor mixed = {"encoder.vocabulary", SAFETENSORS_I32, 1, {4}, unsorted, 16};
    SafetensorsTensor few = {"encoder.vocabulary", SAFETENSORS_I32, 1, {3}, numbers, 12};
    SafetensorsTensor real = {"encoder.vocabulary", SAFETENSORS_F32, 1, {4}, numbers, 16};
    const struct {
        Forgery forgery;
        const char *message;
    } cases[] = {
        {{.without = "head.bias"}, "tensor head.bias is missing"},
        {{.without = "head.weight"}, "larger model"},
        {{.without = "encoder.vocabulary"}, "encoder.vocabulary"},
        {{.without = "head.bias", .extra = &extra}, "head.extra"},
        {{.extra = &extra}, "tensor head.extra does not belong"},
        {{.misshapen = "head.weight"}, "tensor head.weight"},
        {{.misshapen = "rnn.weight_ih_l0"}, "tensor rnn.weight_ih_l0"},
        {{.without = "head.bias", .extra = &bias}, "tensor head.bias is F64"},
        {{.without = "head.bias", .extra = &square}, "rank 2"},
        {{.without = "head.bias", .extra = &deep}, "rank 3"},
        {{.without = "head.bias", .extra = &column}, "rank 2"},
        {{.without = "head.bias", .extra = &aside}, "tensor head.bias is missing"},
        {{.without = "encoder.vocabulary", .extra = &mixed}, "entry 2"},
        {{.without = "encoder.vocabulary", .extra = &few}, "encoder.vocabulary"},
        {{.without = "encoder.vocabulary", .extra = &real}, "encoder.vocabulary"},
        {{.no_metadata = true}, "no metadata key \"elman\""},
    };
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    size_t size;
    char *const good = good_file(context, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forge(context, good, size, &cases[i].forgery);
        check_refusal(context, ELMAN_ERR_FORMAT, cases[i].message);
    }
    /* Checkpoints add tensors of their own. */
    elman_model *model = NULL;
    elman_error error = {0};
    const Forgery checkpoint = {.extra = &aside};
    forge(context, good, size, &checkpoint);
    must(elman_model_load(context, path, &model, &error), &error);
    elman_model_destroy(model);
    free(good);
    elman_context_destroy(context);
}

/* Every prefix of a good file. */
static void refused_prefixes(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    size_t size;
    char *const good = good_file(context, &size);
    for (size_t length = 0; length < size; length += length < 1000 ? 1 : 13) {
        write_all(path, good, length);
        check_refusal(context, ELMAN_ERR_FORMAT, "");
    }
    assert_int_equal(remove(path), 0);
    check_refusal(context, ELMAN_ERR_IO, "");
    free(good);
    elman_context_destroy(context);
}

/* Describing a huge model costs no memory. */
static void huge_model_in_a_tiny_file(void **state) {
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"hidden\":5", "\"hidden\":100000"},
        {"\"hidden\":5", "\"hidden\":1000000000"},
        {"\"outputs\":4", "\"outputs\":1000000000"},
        {"\"input_size\":4", "\"input_size\":2000000000"},
    };
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    size_t size;
    char *const good = good_file(context, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Forgery forgery = {.from = cases[i].from, .to = cases[i].to};
        forge(context, good, size, &forgery);
        counting.peak = counting.bytes;
        const size_t before = counting.bytes;
        check_refusal(context, ELMAN_ERR_FORMAT, "larger model");
        assert_true(counting.peak - before < 100000);
        assert_true(counting.bytes == before);
    }
    free(good);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

/* A description of 600 layers, the numbers of which one tensor of bytes has room for. */
static void many_layers_in_a_small_file(void **state) {
    static const char layer[] =
        "{\"bias\":true,\"bidirectional\":true,\"cell\":\"rnn\",\"dropout\":0,"
        "\"hidden\":1,\"learned_state\":true},";
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    size_t size;
    char *const good = good_file(context, &size);
    char *const layers = zeroed(601 * sizeof layer, 1);
    strcpy(layers, "\"layers\":[");
    for (size_t i = 0; i < 600; i++) strcat(layers + i * (sizeof layer - 1), layer);
    char *const bytes = zeroed(40000, 1);
    SafetensorsTensor lump = {"lump", SAFETENSORS_U8, 1, {40000}, bytes, 40000};
    const Forgery forgery = {.from = "\"layers\":[", .to = layers, .extra = &lump};
    forge(context, good, size, &forgery);
    counting.peak = counting.bytes;
    const size_t before = counting.bytes;
    check_refusal(context, ELMAN_ERR_FORMAT, "larger model");
    assert_true(counting.peak - before < 500000); /* the file has 105000 bytes */
    free(bytes);
    free(layers);
    free(good);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

/* What could not be read back is not written. */
static void refused_to_save(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    elman_error error = {0};
    elman_model *model = NULL;
    must(elman_model_create(context, 1, &model, &error), &error);
    assert_int_equal(elman_model_save(model, path, &error), ELMAN_ERR_ARGUMENT);
    for (size_t i = 0; i < 800; i++) elman_model_add_cell(model, ELMAN_CELL_RNN, 1);
    must(elman_model_build(model, NULL, &error), &error);
    remove(path);
    assert_int_equal(elman_model_save(model, path, &error), ELMAN_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "65536"));
    assert_null(fopen(path, "rb"));
    assert_int_equal(elman_model_save(model, "no/such/folder", &error), ELMAN_ERR_ARGUMENT);
    elman_model_destroy(model);
    const NetworkSpec spec = {.inputs = 2, .cell = ELMAN_CELL_GRU, .layers = 1, .hidden = 3};
    model = random_model(context, &spec, 1);
    assert_int_equal(elman_model_save(model, "no/such/folder", &error), ELMAN_ERR_IO);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_structure),
        cmocka_unit_test(everything_else),
        cmocka_unit_test(refused_metadata),
        cmocka_unit_test(refused_tensors),
        cmocka_unit_test(refused_prefixes),
        cmocka_unit_test(huge_model_in_a_tiny_file),
        cmocka_unit_test(many_layers_in_a_small_file),
        cmocka_unit_test(refused_to_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
