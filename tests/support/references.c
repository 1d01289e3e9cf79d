/* The double-precision reference of a described network. */
#include "support/references.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static RefCell reference_cell(elman_cell cell) {
    switch (cell) {
    case ELMAN_CELL_RNN:
        return REF_RNN_TANH;
    case ELMAN_CELL_RNN_RELU:
        return REF_RNN_RELU;
    case ELMAN_CELL_LSTM:
        return REF_LSTM;
    case ELMAN_CELL_GRU:
        return REF_GRU_RESET_AFTER;
    case ELMAN_CELL_GRU_RESET_BEFORE:
        return REF_GRU_RESET_BEFORE;
    }
    abort();
}

/* Both list the activations in the same order. */
static RefPlain reference_plain(const elman_cell_options *options) {
    RefPlain plain = {.clip = (double)options->clip,
                      .input_forget = options->input_forget,
                      .peepholes = options->peepholes};
    for (size_t i = 0; i < 6; i++) {
        const elman_activation from = options->activations[i / 3][i % 3];
        plain.activations[i / 3][i % 3] =
            (RefActivation){(RefFunction)from.kind, (double)from.alpha, (double)from.beta};
    }
    return plain;
}

RefNetwork reference_network(const NetworkSpec *spec) {
    static const RefInput inputs[] = {
        [ELMAN_INPUT_DENSE] = REF_DENSE,
        [ELMAN_INPUT_ONE_HOT] = REF_ONE_HOT,
        [ELMAN_INPUT_EMBEDDING] = REF_EMBEDDING,
    };
    static const RefOutput outputs[] = {
        [ELMAN_OUTPUT_EVERY_STEP] = REF_EVERY_STEP,
        [ELMAN_OUTPUT_LAST_STEP] = REF_LAST_STEP,
        [ELMAN_OUTPUT_MEAN] = REF_MEAN,
        [ELMAN_OUTPUT_MAX] = REF_MAX,
    };
    RefNetwork network = {
        .input = inputs[spec->input],
        .inputs = spec->inputs,
        .embedding = spec->embedding,
        .layer_count = spec->layers,
        .outputs = spec->outputs,
        .head_bias = !spec->head_no_bias,
        .output = outputs[spec->output],
    };
    for (size_t l = 0; l < spec->layers; l++)
        network.layers[l] = (RefLayer){reference_cell(spec->cell),   spec->hidden,
                                       spec->bidirectional,          !spec->no_bias,
                                       spec->learned_state,          spec->projection,
                                       reference_plain(&spec->plain)};
    ref_network_layout(&network);
    return network;
}

double *widen(const float *values, size_t count) {
    if (!values) return NULL;
    double *const wide = zeroed(count, sizeof *wide);
    for (size_t i = 0; i < count; i++) wide[i] = (double)values[i];
    return wide;
}

double *reference_parameters(const RefNetwork *network, const elman_model *model) {
    double *const parameters = zeroed(network->parameter_count, sizeof *parameters);
    assert_int_equal(elman_model_tensor_count(model), network->tensor_count);
    for (size_t i = 0; i < network->tensor_count; i++) {
        const RefTensor *const want = &network->tensors[i];
        elman_tensor tensor;
        elman_model_tensor(model, i, &tensor);
        assert_string_equal(tensor.name, want->name);
        assert_int_equal(tensor.rank, want->rank);
        assert_int_equal(tensor.shape[0], want->shape[0]);
        if (want->rank == 2) assert_int_equal(tensor.shape[1], want->shape[1]);
        for (size_t k = 0; k < want->count; k++)
            parameters[want->offset + k] = (double)tensor.data[k];
    }
    return parameters;
}
