/* A diagnosis in the making. */
#include "support/diagnosing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"

static void check(elman_status status, const elman_error *error) {
    if (status) fail_msg("%s: %s", elman_status_name(status), error->message);
}

static elman_diagnosis *open_diagnosis(const elman_model *model) {
    const Structure *const structure = &model->structure;
    elman_diagnosis *const diagnosis = zeroed(1, sizeof *diagnosis);
    diagnosis->memory = model->context->memory;
    diagnosis->layers = zeroed(2 * structure->layer_count, sizeof *diagnosis->layers);
    for (size_t l = 0; l < structure->layer_count; l++)
        for (size_t r = 0; r < structure_directions(structure, l); r++)
            diagnosis->layers[diagnosis->summary.layer_count++] =
                (elman_layer_diagnosis){.layer = l,
                                        .reverse = (int)r,
                                        .cell = structure->layers[l].cell,
                                        .hidden = structure->layers[l].hidden};
    return diagnosis;
}

DiagnosingCase open_diagnosing(const elman_model *model, const elman_sequence *sequence,
                               size_t lags) {
    DiagnosingCase made = {.d = {.context = model->context,
                                 .model = model,
                                 .options = {.lags = lags, .seed = 7},
                                 .probe = {.sequence = *sequence, .width = 1}}};
    const elman_tape_options options = {.struct_size = sizeof options,
                                        .steps = sequence->steps,
                                        .batch = sequence->batch,
                                        .keep_gradients = 1};
    elman_error error = {0};
    made.lengths = zeroed(sequence->batch, sizeof *made.lengths);
    for (size_t b = 0; b < sequence->batch; b++)
        made.lengths[b] = sequence->lengths ? sequence->lengths[b] : sequence->steps;
    made.d.probe.lengths = made.lengths;
    made.classes = zeroed(sequence->steps * sequence->batch, sizeof *made.classes);
    made.d.probe.targets = (elman_targets){.struct_size = sizeof made.d.probe.targets,
                                           .loss = ELMAN_LOSS_CROSS_ENTROPY,
                                           .classes = made.classes};
    check(elman_network_compile(model, &made.d.network, &error), &error);
    check(elman_tape_create(made.d.network, &options, &made.d.tape, &error), &error);
    made.d.diagnosis = open_diagnosis(model);
    return made;
}

void close_diagnosing(DiagnosingCase *made) {
    elman_diagnosis *const diagnosis = made->d.diagnosis;
    Memory memory = diagnosis->memory;
    for (size_t i = 0; i < diagnosis->block_count; i++)
        memory_release(&memory, diagnosis->blocks[i]);
    memory_release(&memory, diagnosis->blocks);
    free(diagnosis->layers);
    free(diagnosis);
    elman_tape_destroy(made->d.tape);
    elman_network_destroy(made->d.network);
    free(made->classes);
    free(made->lengths);
}

void fail_each_allocation_of_part(elman_status (*measure)(Diagnosing *d, elman_error *error),
                                  const NetworkSpec *even, const NetworkSpec *odd) {
    elman_status status = ELMAN_ERR_MEMORY;
    long failures = 0;
    for (long k = 0; status != ELMAN_OK; k++) {
        CountingAllocator counting = {.allow = ALLOW_ALL};
        const elman_context_options given = {
            .struct_size = sizeof given, .threads = 2, .allocator = counting_allocator(&counting)};
        elman_context *context;
        assert_int_equal(elman_context_create(&given, &context, NULL), ELMAN_OK);
        elman_model *const model = random_model(context, k % 2 ? odd : even, 1);
        const float dense[4 * 3] = {1, 2, 3, 4};
        const elman_sequence sequence = {
            .struct_size = sizeof sequence, .steps = 4, .batch = 1, .dense = dense};
        elman_error error = {0};
        const long before = counting.live;
        assert_true((k % 2 ? odd : even)->inputs * sequence.steps <= sizeof dense / sizeof *dense);
        DiagnosingCase made = open_diagnosing(model, &sequence, 10);
        counting.allow = k;
        status = measure(&made.d, &error);
        counting.allow = ALLOW_ALL;
        assert_true(status == ELMAN_OK || status == ELMAN_ERR_MEMORY);
        if (status) assert_true(strlen(error.message) > 0);
        failures += status != ELMAN_OK;
        close_diagnosing(&made);
        assert_int_equal(counting.live, before);
        elman_model_destroy(model);
        elman_context_destroy(context);
        assert_int_equal(counting.live, 0);
    }
    assert_true(failures > 20);
}

void fail_each_allocation_of_diagnosis(elman_status (*diagnose)(const elman_model *model,
                                                                elman_diagnosis **diagnosis),
                                       const NetworkSpec *spec) {
    CountingAllocator counting = {.allow = ALLOW_ALL};
    const elman_context_options options = {
        .struct_size = sizeof options, .threads = 1, .allocator = counting_allocator(&counting)};
    elman_context *context = NULL;
    elman_status status = ELMAN_ERR_MEMORY;
    assert_int_equal(elman_context_create(&options, &context, NULL), ELMAN_OK);
    elman_model *const model = random_model(context, spec, 6);
    const long live = counting.live;
    for (long k = 0; status; k++) {
        elman_diagnosis *diagnosis = NULL;
        counting.allow = k;
        status = diagnose(model, &diagnosis);
        if (status && (status != ELMAN_ERR_MEMORY || diagnosis))
            fail_msg("allocation %ld: status %d", k, (int)status);
        elman_diagnosis_destroy(diagnosis);
        if (counting.live != live)
            fail_msg("allocation %ld: %ld blocks are left", k, counting.live - live);
    }
    counting.allow = ALLOW_ALL;
    elman_model_destroy(model);
    elman_context_destroy(context);
    assert_int_equal(counting.live, 0);
}

elman_tensor tensor_of(const elman_model *model, const char *name) {
    elman_tensor tensor = {0};
    elman_error error = {0};
    check(elman_model_find_tensor(model, name, &tensor, &error), &error);
    return tensor;
}
