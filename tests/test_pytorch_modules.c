/* PyTorch's files with several recurrent modules and other tensors: what is taken, what is left
 * aside, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/files.h"
#include "support/allocator.h"
#include "support/passes.h"
#include "support/pytorch_files.h"
#include <elman/convert.h>

#define FILE_NAME "modules.safetensors"

enum { TENSORS_MAX = 32, MADE_NAME_MAX = 64 };

/* A file in the making. */
typedef struct File {
    SafetensorsTensor tensors[TENSORS_MAX];
    size_t count;
} File;

static void add(File *file, const char *name, size_t rows, size_t columns) {
    assert_in_range(file->count, 0, TENSORS_MAX - 1);
    file->tensors[file->count++] = made_tensor(name, rows, columns);
}

/* What somebody who translates may have saved. */
static File translator(void) {
    File file = {0};
    static const int64_t step = 7;
    add(&file, "encoder.embed.weight", 5, 2);
    add(&file, "encoder.lstm.weight_ih_l0", 12, 2);
    add(&file, "encoder.lstm.weight_hh_l0", 12, 3);
    add(&file, "encoder.norm.weight", 3, 0);
    add(&file, "decoder.embed.weight", 6, 2);
    add(&file, "decoder.lstm.weight_ih_l0", 12, 2);
    add(&file, "decoder.lstm.weight_hh_l0", 12, 3);
    add(&file, "decoder.fc.weight", 6, 3);
    add(&file, "decoder.fc.bias", 6, 0);
    add(&file, "step", 1, 0);
    file.tensors[file.count - 1].type = SAFETENSORS_I64;
    file.tensors[file.count - 1].data = &step;
    file.tensors[file.count - 1].bytes = sizeof step;
    return file;
}

/* Names that tell nothing about what belongs to what. */
static File flat(void) {
    File file = {0};
    add(&file, "first.weight_ih_l0", 3, 3);
    add(&file, "first.weight_hh_l0", 3, 3);
    add(&file, "second.weight_ih_l0", 12, 3);
    add(&file, "second.weight_hh_l0", 12, 4);
    add(&file, "emb1.weight", 5, 3);
    add(&file, "emb2.weight", 6, 3);
    add(&file, "out.weight", 2, 4);
    add(&file, "other.weight", 3, 4);
    return file;
}

static elman_conversion *open_file(elman_context *context, const File *file,
                                   const elman_convert_options *options) {
    elman_conversion *conversion = NULL;
    elman_conversion_summary summary;
    elman_error error = {0};
    write_tensors(file->tensors, file->count, FILE_NAME);
    if (elman_conversion_open(context, FILE_NAME, options, &conversion, &error))
        fail_msg("%s", error.message);
    elman_conversion_describe(conversion, &summary);
    assert_true(summary.proven);
    return conversion;
}

static bool takes(const elman_conversion *conversion, const char *source, const char *target) {
    elman_conversion_summary summary;
    elman_conversion_describe(conversion, &summary);
    for (size_t i = 0; i < summary.tensors; i++) {
        const elman_converted_tensor *const tensor = elman_conversion_tensor(conversion, i);
        if (strcmp(tensor->source, source) == 0) return strcmp(tensor->target, target) == 0;
    }
    return false;
}

static bool notes(const elman_conversion *conversion, const char *sentence) {
    elman_conversion_summary summary;
    elman_conversion_describe(conversion, &summary);
    for (size_t i = 0; i < summary.notes; i++)
        if (strcmp(elman_conversion_note(conversion, i), sentence) == 0) return true;
    return false;
}

static size_t tensors_of(const elman_conversion *conversion) {
    elman_conversion_summary summary;
    elman_conversion_describe(conversion, &summary);
    return summary.tensors;
}

/* ---- What is taken ---- */

static void one_of_two(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const File file = translator();
    elman_convert_options options = {.struct_size = sizeof options, .module = "encoder.lstm"};
    elman_conversion *conversion = open_file(context, &file, &options);
    assert_int_equal(tensors_of(conversion), 3);
    assert_true(takes(conversion, "encoder.embed.weight", "embedding.weight"));
    assert_true(takes(conversion, "encoder.lstm.weight_hh_l0", "rnn.weight_hh_l0"));
    assert_true(notes(conversion, "left aside: step, encoder.norm.weight, decoder.embed.weight, "
                                  "decoder.lstm.weight_ih_l0, decoder.lstm.weight_hh_l0, "
                                  "decoder.fc.weight, decoder.fc.bias"));
    elman_conversion_destroy(conversion);
    options.module = "decoder.lstm.";
    conversion = open_file(context, &file, &options);
    assert_int_equal(tensors_of(conversion), 5);
    assert_true(takes(conversion, "decoder.embed.weight", "embedding.weight"));
    assert_true(takes(conversion, "decoder.fc.bias", "head.bias"));
    assert_true(notes(conversion, "assumed: decoder.fc.weight is the weight of an nn.Linear behind "
                                  "the recurrent module: its shape fits"));
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

static void around_by_name(void **state) {
    (void)state;
    static const struct {
        const char *module, *embedding, *linear;
        size_t tensors;
        const char *taken, *target;
    } cases[] = {
        {"first", "emb1", "none", 3, "emb1.weight", "embedding.weight"},
        {"first", "emb2.weight", "emb1", 4, "emb1.weight", "head.weight"},
        {"first", "none", "none", 2, "first.weight_ih_l0", "rnn.weight_ih_l0"},
        {"first", "none", "emb2", 3, "emb2.weight", "head.weight"},
    };
    elman_context *const context = open_context(NULL, 1);
    const File file = flat();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const elman_convert_options options = {.struct_size = sizeof options,
                                               .module = cases[i].module,
                                               .embedding = cases[i].embedding,
                                               .linear = cases[i].linear};
        elman_conversion *const conversion = open_file(context, &file, &options);
        assert_int_equal(tensors_of(conversion), cases[i].tensors);
        if (!takes(conversion, cases[i].taken, cases[i].target))
            fail_msg("case %zu: %s is not %s", i, cases[i].taken, cases[i].target);
        elman_conversion_destroy(conversion);
    }
    elman_context_destroy(context);
}

/* A module without a name is called ".", and one that is alone needs no name. */
static void without_a_name(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    File file = {0};
    add(&file, "weight_ih_l0", 9, 3);
    add(&file, "weight_hh_l0", 9, 3);
    add(&file, "x.weight", 5, 3);
    elman_convert_options options = {.struct_size = sizeof options, .linear = "x"};
    elman_conversion *conversion = open_file(context, &file, &options);
    assert_true(takes(conversion, "x.weight", "head.weight"));
    elman_conversion_destroy(conversion);
    add(&file, "inner.weight_ih_l0", 9, 3);
    add(&file, "inner.weight_hh_l0", 9, 3);
    options = (elman_convert_options){
        .struct_size = sizeof options, .module = ".", .embedding = "none", .linear = "none"};
    conversion = open_file(context, &file, &options);
    assert_int_equal(tensors_of(conversion), 2);
    assert_true(takes(conversion, "weight_ih_l0", "rnn.weight_ih_l0"));
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

/* ---- One behind the other ---- */

static void stacked_kinds(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    const File file = flat();
    elman_conversion_summary summary;
    elman_convert_options options = {.struct_size = sizeof options,
                                     .module = "first,second",
                                     .embedding = "emb2",
                                     .linear = "out"};
    elman_conversion *conversion = open_file(context, &file, &options);
    elman_conversion_describe(conversion, &summary);
    assert_string_equal(summary.source, "nn.RNN and nn.GRU");
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

/* The golden network of that many layers as modules of one layer each, called lstm1, lstm2, ... */
static File taken_apart(const GoldenNetwork *golden, char names[][MADE_NAME_MAX]) {
    File file = {.count = golden->count};
    assert_in_range(golden->count, 1, TENSORS_MAX);
    for (size_t i = 0; i < golden->count; i++) {
        const char *const name = golden->parameters[i].name, *const layer = strstr(name, "_l");
        file.tensors[i] = golden->parameters[i];
        if (strncmp(name, "rnn.", 4) != 0) continue;
        snprintf(names[i], MADE_NAME_MAX, "lstm%d.%.*s_l0%s", layer[2] - '0' + 1,
                 (int)(layer - name - 4), name + 4, layer + 3);
        file.tensors[i].name = names[i];
    }
    return file;
}

static unsigned char *saved(const elman_conversion *conversion, size_t *size) {
    Memory memory;
    unsigned char *bytes = NULL;
    elman_error error = {0};
    memory_init(&memory, NULL);
    if (elman_conversion_save(conversion, "saved", &error) ||
        file_read(&memory, "saved", SIZE_MAX, &bytes, size, &error))
        fail_msg("%s", error.message);
    return bytes;
}

/* Modules of one layer each are the same network as one module of several. */
static void stacked_layers(void **state) {
    (void)state;
    Memory memory;
    SafetensorsFile *const source = golden_open(&memory);
    elman_context *const context = open_context(NULL, 1);
    static const struct {
        size_t network;
        const char *modules;
    } cases[] = {{6, "lstm1,lstm2"}, {18, "lstm1,lstm2"}, {22, "lstm1,lstm2,lstm3"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char names[TENSORS_MAX][MADE_NAME_MAX];
        const GoldenNetwork golden = golden_network(source, cases[i].network);
        const File apart = taken_apart(&golden, names);
        File whole = {.count = golden.count};
        memcpy(whole.tensors, golden.parameters, golden.count * sizeof *golden.parameters);
        const elman_convert_options options = {.struct_size = sizeof options,
                                               .module = cases[i].modules};
        elman_conversion *const one = open_file(context, &whole, NULL);
        elman_conversion *const several = open_file(context, &apart, &options);
        size_t sizes[2];
        unsigned char *const a = saved(one, &sizes[0]), *const b = saved(several, &sizes[1]);
        assert_int_equal(sizes[0], sizes[1]);
        assert_memory_equal(a, b, sizes[0]);
        assert_true(notes(several, "assumed: lstm2 reads what lstm1 hands on, with nothing between "
                                   "them, which a file does not tell"));
        memory_release(&memory, b);
        memory_release(&memory, a);
        elman_conversion_destroy(several);
        elman_conversion_destroy(one);
    }
    elman_context_destroy(context);
    safetensors_close(source);
}

/* ---- What is refused ---- */

static void check_refused(elman_context *context, const File *file,
                          const elman_convert_options *options, const char *sentence) {
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    write_tensors(file->tensors, file->count, FILE_NAME);
    const elman_status status =
        elman_conversion_open(context, FILE_NAME, options, &conversion, &error);
    assert_null(conversion);
    if ((status != ELMAN_ERR_UNSUPPORTED && status != ELMAN_ERR_ARGUMENT) ||
        !strstr(error.message, sentence))
        fail_msg("%s: status %d, %s", sentence, (int)status, error.message);
}

static void refused_choices(void **state) {
    (void)state;
    static const struct {
        const char *module, *embedding, *linear, *sentence;
    } cases[] = {
        {NULL, NULL, NULL, "has 2 recurrent modules (first, second): --module NAME takes one"},
        {"third", NULL, NULL, "has no recurrent module third, expected of first, second"},
        {"first,", NULL, NULL, "has no recurrent module , expected"},
        {"first,first", NULL, NULL, "the module first is named twice"},
        {"second,first", NULL, NULL,
         "first.weight_ih_l0 reads 3 numbers, the module before hands on 4"},
        {"first", NULL, "none", "emb1.weight and emb2.weight: either could be the nn.Embedding"},
        {"second", "emb1", NULL, "out.weight and other.weight: either could be the nn.Linear"},
        {"second", "out", NULL, "out.weight is 2 x 4, expected an embedding: [tokens][3]"},
        {"second", NULL, "emb1", "emb1.weight is 5 x 3, expected a linear layer: [outputs][4]"},
        {"first", "gone", NULL, "gone: is named, and is not in the file"},
        {"first", "first.weight_ih_l0", NULL, "first.weight_ih_l0: is no module's weight"},
    };
    elman_context *const context = open_context(NULL, 1);
    const File file = flat();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const elman_convert_options options = {.struct_size = sizeof options,
                                               .module = cases[i].module,
                                               .embedding = cases[i].embedding,
                                               .linear = cases[i].linear};
        check_refused(context, &file, &options, cases[i].sentence);
    }
    elman_context_destroy(context);
}

/* Without --module every tensor must have a place, and the sentence tells of it. */
static void refused_leftovers(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    File file = {0};
    elman_convert_options options = {.struct_size = sizeof options, .embedding = "none"};
    add(&file, "rnn.weight_ih_l0", 9, 2);
    add(&file, "rnn.weight_hh_l0", 9, 3);
    add(&file, "emb.weight", 5, 2);
    check_refused(context, &file, &options, "emb.weight: belongs to no");
    add(&file, "norm.weight", 3, 0);
    check_refused(context, &file, NULL, "--module NAME takes that module alone");
    options.module = "rnn";
    elman_conversion *const conversion = open_file(context, &file, &options);
    assert_true(notes(conversion, "left aside: emb.weight, norm.weight"));
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
}

/* Bounds that no file of sense meets. */
static void too_many(void **state) {
    (void)state;
    enum { MANY = 600 };
    static char names[2 * MANY][MADE_NAME_MAX];
    static SafetensorsTensor tensors[2 * MANY + 2];
    elman_context *const context = open_context(NULL, 1);
    elman_convert_options options = {.struct_size = sizeof options, .module = "r"};
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], MADE_NAME_MAX, "m%zu.weight", i);
        tensors[i] = made_tensor(names[i], 1, 1);
    }
    tensors[MANY] = made_tensor("r.weight_ih_l0", 1, 1);
    tensors[MANY + 1] = made_tensor("r.weight_hh_l0", 1, 1);
    write_tensors(tensors, MANY + 2, FILE_NAME);
    assert_int_equal(elman_conversion_open(context, FILE_NAME, &options, &conversion, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "more than 256 tensors could be"));
    options.embedding = options.linear = "none";
    assert_int_equal(elman_conversion_open(context, FILE_NAME, &options, &conversion, &error),
                     ELMAN_OK);
    elman_conversion_destroy(conversion);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], MADE_NAME_MAX, "a.module.number%zu.weight_ih_l0", i);
        tensors[i].name = names[i];
    }
    write_tensors(tensors, 60, FILE_NAME);
    assert_int_equal(elman_conversion_open(context, FILE_NAME, NULL, &conversion, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "has 60 recurrent modules (a.module.number0, "));
    assert_non_null(strstr(error.message, ", ...): --module NAME takes one"));
    write_tensors(tensors, MANY, FILE_NAME);
    assert_int_equal(elman_conversion_open(context, FILE_NAME, &options, &conversion, &error),
                     ELMAN_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "more than 64 recurrent modules"));
    elman_context_destroy(context);
}

/* ---- Memory ---- */

static elman_status convert_with(CountingAllocator *counting) {
    const elman_context_options lent = {.struct_size = sizeof lent,
                                        .allocator = counting_allocator(counting)};
    const elman_convert_options options = {.struct_size = sizeof options,
                                           .module = "first,second",
                                           .embedding = "emb1",
                                           .linear = "out"};
    elman_context *context = NULL;
    elman_conversion *conversion = NULL;
    elman_status status = elman_context_create(&lent, &context, NULL);
    if (!status) status = elman_conversion_open(context, FILE_NAME, &options, &conversion, NULL);
    elman_conversion_destroy(conversion);
    elman_context_destroy(context);
    return status;
}

static void every_allocation_fails_once(void **state) {
    (void)state;
    const File file = flat();
    elman_status status = ELMAN_ERR_MEMORY;
    write_tensors(file.tensors, file.count, FILE_NAME);
    for (long allow = 0; status; allow++) {
        CountingAllocator counting = {.allow = allow};
        status = convert_with(&counting);
        if (status && status != ELMAN_ERR_MEMORY) fail_msg("%ld: status %d", allow, (int)status);
        if (counting.live) fail_msg("%ld: %ld blocks leaked", allow, counting.live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two),
        cmocka_unit_test(around_by_name),
        cmocka_unit_test(without_a_name),
        cmocka_unit_test(stacked_kinds),
        cmocka_unit_test(stacked_layers),
        cmocka_unit_test(refused_choices),
        cmocka_unit_test(refused_leftovers),
        cmocka_unit_test(too_many),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
