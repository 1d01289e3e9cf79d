/* Networks that are converted to ONNX. */
#include "support/onnx_networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

NetworkSpec onnx_network(size_t index) {
    const elman_input input = (elman_input)(index / 10 % 3);
    NetworkSpec spec = {
        .input = input,
        .inputs = 3 + index % 7,
        .embedding = input == ELMAN_INPUT_EMBEDDING ? 2 + index % 4 : 0,
        .cell = all_cells[index % CELLS],
        .bidirectional = index / 5 % 2,
        .layers = 1 + index / 7 % 3,
        .hidden = 1 + index * 5 % 19,
        .no_bias = index / 30 % 3 == 0,
        .learned_state = index / 11 % 2,
        .outputs = index / 3 % 3 == 0 ? 0 : 1 + index % 5,
        .head_no_bias = index / 3 % 3 == 1,
        .output = (elman_output)(index / 60 % 4),
    };
    if (index < ONNX_FAST) return spec;
    if (index >= ONNX_PLAIN) {
        spec_make_staged(&spec, index / 3);
        return spec;
    }
    spec_make_plain(&spec, index / 5);
    /* Without bounds small differences grow from step to step. */
    if (spec.plain.clip > 2.0f) spec.plain.clip = 1.5f;
    return spec;
}

void save_model(const elman_model *model) {
    elman_error error = {0};
    if (elman_model_save(model, "model", &error)) fail_msg("%s", error.message);
}

elman_conversion *open_onnx(elman_context *context, const char *path) {
    const elman_convert_options options = {.struct_size = sizeof options, .to = ELMAN_CONVERT_ONNX};
    elman_conversion *conversion = NULL;
    elman_error error = {0};
    if (elman_conversion_open(context, path, &options, &conversion, &error))
        fail_msg("%s", error.message);
    return conversion;
}
