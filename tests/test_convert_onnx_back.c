/* From Elman to ONNX and back: the model file has the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/files.h"
#include "model/model.h"
#include "support/onnx_networks.h"

#ifdef ELMAN_HAVE_ONNX

static void convert(elman_context *context, const char *from, const char *to,
                    elman_convert_format format, size_t network) {
    const elman_convert_options options = {.struct_size = sizeof options, .to = format};
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    if (elman_conversion_open(context, from, &options, &conversion, &error) ||
        elman_conversion_save(conversion, to, &error))
        fail_msg("network %zu: %s", network, error.message);
    elman_conversion_destroy(conversion);
}

static void check_same_files(const char *one, const char *other, size_t network) {
    const char *const paths[] = {one, other};
    unsigned char *bytes[2] = {NULL, NULL};
    size_t sizes[2];
    Memory memory;
    elman_error error = {0};
    memory_init(&memory, NULL);
    for (size_t i = 0; i < 2; i++)
        if (file_read(&memory, paths[i], SIZE_MAX, &bytes[i], &sizes[i], &error))
            fail_msg("%s", error.message);
    if (sizes[0] != sizes[1]) fail_msg("network %zu: %zu bytes, %zu", network, sizes[1], sizes[0]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    for (size_t i = 0; i < 2; i++) memory_release(&memory, bytes[i]);
}

/* Two linear stages, one right behind the other, come back as one. */
static bool has_folded_stages(const NetworkSpec *spec) {
    bool after_linear = spec->outputs > 0;
    for (size_t i = 0; i < spec->stage_count; i++) {
        const bool is_linear = spec->stages[i].kind == ELMAN_STAGE_LINEAR;
        if (after_linear && is_linear) return true;
        after_linear = is_linear;
    }
    return false;
}

static void round_trips(void **state) {
    (void)state;
    elman_context *const context = open_context(NULL, 1);
    for (size_t i = 0; i < ONNX_NETWORKS; i++) {
        const NetworkSpec spec = onnx_network(i);
        if (has_folded_stages(&spec)) continue;
        elman_model *const model = random_model(context, &spec, i);
        model->init = (elman_init_options){.struct_size = sizeof model->init}; /* no file tells */
        save_model(model);
        elman_model_destroy(model);
        convert(context, "model", "out.onnx", ELMAN_CONVERT_ONNX, i);
        convert(context, "out.onnx", "back", ELMAN_CONVERT_ELMAN, i);
        /* An RNN of ReLU with another activation is one of tanh with it. */
        const bool has_two_names = spec_plain(&spec) && spec.cell == ELMAN_CELL_RNN_RELU;
        if (!has_two_names) check_same_files("model", "back", i);
        convert(context, "back", "again.onnx", ELMAN_CONVERT_ONNX, i);
        check_same_files("out.onnx", "again.onnx", i);
        convert(context, "out.onnx", "straight.onnx", ELMAN_CONVERT_ONNX, i);
        check_same_files("out.onnx", "straight.onnx", i);
    }
    elman_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) {
    return 0;
}

#endif
