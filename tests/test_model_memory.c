/* Each allocation of a model's life fails once: the call says so, leaks nothing, and leaves behind
 * what can be used or released. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/allocator.h"
#include "support/passes.h"
#include <elman/elman.h>

enum { STEPS = 3, ROWS = 2, TOKENS = 4, OUTPUTS = 4 };

static const char path[] = "memory.safetensors";

/* One life: model, file, network, tape, stream. Returns the first failure. */
typedef struct Life {
    elman_context *context;
    elman_vocabulary *vocabulary;
    elman_model *model, *loaded;
    elman_network *network;
    elman_tape *tape;
    elman_stream *stream, *clone;
} Life;

static elman_status build(Life *life, elman_cell cell, bool staged, elman_error *error) {
    static const int32_t characters[] = {'a', 'b', 'c'};
    const elman_init_options init = {.struct_size = sizeof init,
                                     .input = ELMAN_INIT_ORTHOGONAL,
                                     .recurrent = ELMAN_INIT_ORTHOGONAL};
    elman_status status;
    if ((status = elman_vocabulary_create(life->context, characters, 3, &life->vocabulary, error)))
        return status;
    if ((status = elman_model_create_tokens(life->context, TOKENS, 3, &life->model, error)))
        return status;
    for (size_t i = 0; i < 5; i++) elman_model_add_cell(life->model, cell, 3); /* grows its list */
    elman_model_add_linear(life->model, OUTPUTS, 0);
    for (size_t i = 0; i < 5 && staged; i++) {
        elman_model_add_activation(life->model, ELMAN_STAGE_TANH);
        elman_model_add_layer_norm(life->model, 1e-5f, 0);
        elman_model_add_linear(life->model, OUTPUTS, 0);
    }
    if ((status = elman_model_build(life->model, &init, error))) return status;
    if ((status = elman_model_set_vocabulary(life->model, life->vocabulary, error))) return status;
    return elman_model_set_training(life->model, "{\"loss\":1}", error);
}

static elman_status save_and_load(Life *life, elman_error *error) {
    elman_status status;
    if ((status = elman_model_save(life->model, path, error))) return status;
    if ((status = elman_model_load(life->context, path, &life->loaded, error))) return status;
    return elman_model_copy_weights(life->model, life->loaded, error);
}

static elman_status run(Life *life, bool staged, elman_error *error) {
    static const int32_t tokens[STEPS * ROWS] = {0, 1, 2, 3, 1, 2};
    static const int32_t targets[STEPS * ROWS] = {1, 2, 3, 0, -1, 1};
    const elman_tape_options options = {.struct_size = sizeof options, STEPS, ROWS, 0, 0};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = ROWS, .tokens = tokens};
    elman_loss loss;
    elman_status status;
    if ((status = elman_network_compile(life->model, &life->network, error))) return status;
    if ((status = elman_tape_create(life->network, &options, &life->tape, error))) return status;
    if ((status = elman_tape_forward(life->tape, &sequence, error))) return status;
    if ((status = elman_tape_cross_entropy(life->tape, targets, &loss, error))) return status;
    if (!staged && (status = elman_tape_backward(life->tape, NULL, error))) return status;
    if ((status = elman_stream_create(life->network, &life->stream, error))) return status;
    if ((status = elman_stream_step_token(life->stream, 1, NULL))) return status;
    return elman_stream_clone(life->stream, &life->clone, error);
}

static void end(Life *life) {
    elman_stream_destroy(life->clone);
    elman_stream_destroy(life->stream);
    elman_tape_destroy(life->tape);
    elman_network_destroy(life->network);
    elman_model_destroy(life->loaded);
    elman_model_destroy(life->model);
    elman_vocabulary_destroy(life->vocabulary);
    elman_context_destroy(life->context);
}

/* The calls come in this order: behind the first handle that is missing, none is set. */
static void check_handles(const Life *life) {
    const void *const handles[] = {life->vocabulary, life->model,  life->loaded, life->network,
                                   life->tape,       life->stream, life->clone};
    for (size_t i = 1; i < sizeof handles / sizeof *handles; i++)
        if (!handles[i - 1]) assert_null(handles[i]);
}

/* Allocation number `k` fails, and all after it. */
static elman_status live(elman_cell cell, bool staged, long k, CountingAllocator *counting) {
    *counting = (CountingAllocator){.allow = ALLOW_ALL};
    const elman_context_options options = {
        .struct_size = sizeof options, .allocator = counting_allocator(counting), .threads = 2};
    Life life = {0};
    elman_error error = {0};
    assert_int_equal(elman_context_create(&options, &life.context, NULL), ELMAN_OK);
    counting->allow = k;
    elman_status status = build(&life, cell, staged, &error);
    if (!status) status = save_and_load(&life, &error);
    if (!status) status = run(&life, staged, &error);
    check_handles(&life);
    if (status && (error.status != status || error.message[0] == '\0'))
        fail_msg("k=%ld: %s without a sentence", k, elman_status_name(status));
    end(&life);
    return status;
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    for (size_t c = 0; c < CELLS + 1; c++) {
        const elman_cell cell = all_cells[c % CELLS];
        const bool staged = c == CELLS;
        elman_status status = ELMAN_ERR_MEMORY;
        long k = 0;
        for (; status != ELMAN_OK; k++) {
            CountingAllocator counting;
            status = live(cell, staged, k, &counting);
            if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY)
                fail_msg("k=%ld: %s", k, elman_status_name(status));
            if (counting.live != 0) fail_msg("k=%ld: %ld blocks leaked", k, counting.live);
            assert_true(k < 1000);
        }
        print_message("%s%s: %ld allocations failed\n", cell_name(cell),
                      staged ? " with stages" : "", k - 1);
        assert_true(k > 30);
    }
}

/* A model whose build failed for want of memory can be built when there is some. */
static void build_can_be_tried_again(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {.struct_size = sizeof options,
                                           .allocator = counting_allocator(&counting)};
    const elman_init_options init = {.struct_size = sizeof init,
                                     .input = ELMAN_INIT_ORTHOGONAL,
                                     .recurrent = ELMAN_INIT_ORTHOGONAL};
    elman_context *context = NULL;
    elman_model *model = NULL;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    assert_int_equal(elman_model_create(context, 3, &model, NULL), ELMAN_OK);
    elman_model_add_cell(model, ELMAN_CELL_LSTM, 4);
    elman_status status = ELMAN_ERR_MEMORY;
    for (long k = 0; status != ELMAN_OK; k++) {
        counting.allow = k;
        status = elman_model_build(model, &init, NULL);
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        if (status) assert_int_equal(elman_model_tensor_count(model), 0);
    }
    elman_model_destroy(model);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

/* After its first pass a tape allocates nothing more. */
static void passes_allocate_nothing(void **state) {
    (void)state;
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {
        .struct_size = sizeof options, .allocator = counting_allocator(&counting), .threads = 2};
    elman_context *context = NULL;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    const NetworkSpec spec = {.inputs = 5,
                              .cell = ELMAN_CELL_GRU_RESET_BEFORE,
                              .layers = 2,
                              .hidden = 20,
                              .bidirectional = true,
                              .dropout = 0.5f,
                              .outputs = 3};
    elman_network *const network = random_network(context, &spec, 1);
    elman_tape *const tape = open_tape(network, &spec, 4, 3);
    Sample sample = random_sample(&spec, 4, 3, true, true, 1);
    const long before = counting.count;
    for (size_t i = 0; i < 3; i++) pass_free(run_tape(tape, &spec, &sample, (LossKind)i));
    assert_int_equal(counting.count, before);
    sample_free(&sample);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

/* ---- the JSON library's own allocations ---- */

static long json_count; /* allocations so far */
static long json_fails; /* this one fails, and, unless json_once, all behind it */
static bool json_once;

static void *json_allocate(size_t size) {
    const long number = json_count++;
    return number == json_fails || (number > json_fails && !json_once) ? NULL : malloc(size);
}

static long size_of_file(void) {
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    fclose(file);
    return size;
}

/* Saving, loading and setting the summary fail or do all of it: never a file or a model with
 * something missing. Reading may say FORMAT: jansson takes a string that it has no memory for as a
 * mistake; and its own reader fails an assertion when memory comes back, so that this is tried for
 * saving only. */
static void check_json_failures(elman_context *context, elman_model *model) {
    const long size = size_of_file();
    elman_model *loaded = NULL;
    elman_error error = {0};
    elman_status status;
    for (long k = 0, failures = 0; failures == k; k++) {
        json_count = 0;
        json_fails = k;
        if ((status = elman_model_save(model, path, NULL))) failures++;
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        assert_int_equal(size_of_file(), size);
    }
    json_once = false;
    for (long k = 0, failures = 0; failures == k; k++) {
        json_count = 0;
        json_fails = k;
        if ((status = elman_model_load(context, path, &loaded, &error))) failures++;
        if (status != ELMAN_OK && status != ELMAN_ERR_MEMORY && status != ELMAN_ERR_FORMAT)
            fail_msg("k=%ld: %s: %s", k, elman_status_name(status), error.message);
        assert_true((loaded != NULL) == (status == ELMAN_OK));
    }
    assert_string_equal(elman_model_training(loaded), elman_model_training(model));
    elman_model_destroy(loaded);
    for (long k = 0, failures = 0; failures == k; k++) {
        json_count = 0;
        json_fails = k;
        if ((status = elman_model_set_training(model, "{\"c\":[3,4]}", NULL))) failures++;
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY || status == ELMAN_ERR_FORMAT);
    }
    assert_string_equal(elman_model_training(model), "{\"c\":[3,4]}");
}

static void json_allocations_fail(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    NetworkSpec spec = {.inputs = 2, .cell = ELMAN_CELL_LSTM, .layers = 3, .hidden = 2};
    spec.plain.activations[0][1] = (elman_activation){ELMAN_ACTIVATION_AFFINE, 0.5f, 0.1f};
    spec.plain.clip = 3.0f;
    spec_make_staged(&spec, 4);
    spec.plain.peepholes = spec.plain.input_forget = 1;
    elman_model *const model = random_model(context, &spec, 1);
    for (int once = 0; once < 2; once++) {
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(elman_model_set_training(model, "{\"a\":[1,{\"b\":2.5}]}", NULL),
                         ELMAN_OK);
        assert_int_equal(elman_model_save(model, path, NULL), ELMAN_OK);
        json_once = once;
        json_set_alloc_funcs(json_allocate, free);
        check_json_failures(context, model);
    }
    json_set_alloc_funcs(malloc, free);
    elman_model_destroy(model);
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(build_can_be_tried_again),
        cmocka_unit_test(passes_allocate_nothing),
        cmocka_unit_test(json_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
