/* The worked example of the guide to recurrent networks: its numbers, and its names for ours.
 *
 * The guide multiplies row vectors by its matrices. Ours multiply column vectors, as PyTorch's do,
 * so that W_xh and W_hh are kept transposed; W_hy is not. The guide has one bias, kept as bias_ih.
 */
#include <string.h>

#include "trace_view.h"

const float trace_guide_input[4] = {1, 2, 3, 4};
const float trace_guide_targets[2] = {1, 1};

const TraceSymbol trace_symbols[] = {
    {"x", "x_t", "input", false},
    {"l0.h0", "h_0", "the state before the first step", false},
    {"l0.a", "a_t", "x_t W_xh + h_(t-1) W_hh + b_h", false},
    {"l0.h", "h_t", "tanh(a_t)", false},
    {"y", "y_t", "h_t W_hy^T + b_y", false},
    {"loss_t", "L_t", "1/2 (y_t - 1)^2", false},
    {"loss", "L", "L_1 + L_2", false},
    {"dy", "dL/dy_t", "y_t - 1", false},
    {"l0.dh", "dL/dh_t", "dL/dy_t W_hy + dL/da_(t+1) W_hh^T", false},
    {"l0.da", "dL/da_t", "dL/dh_t (1 - h_t^2)", false},
    {"l0.dh0", "dL/dh_0", "dL/da_1 W_hh^T", false},
    {"dx", "dL/dx_t", "dL/da_t W_xh^T", false},
    {"share.rnn.weight_ih_l0", "dL/dW_xh, term t", "x_t^T dL/da_t", true},
    {"grad.rnn.weight_ih_l0", "dL/dW_xh", "the sum of its terms", true},
    {"share.rnn.weight_hh_l0", "dL/dW_hh, term t", "h_(t-1)^T dL/da_t", true},
    {"grad.rnn.weight_hh_l0", "dL/dW_hh", "the sum of its terms", true},
    {"share.rnn.bias_ih_l0", "dL/db_h, term t", "dL/da_t", false},
    {"grad.rnn.bias_ih_l0", "dL/db_h", "the sum of its terms", false},
    {"share.head.weight", "dL/dW_hy, term t", "dL/dy_t h_t", false},
    {"grad.head.weight", "dL/dW_hy", "the sum of its terms", false},
    {"share.head.bias", "dL/db_y, term t", "dL/dy_t", false},
    {"grad.head.bias", "dL/db_y", "the sum of its terms", false},
    {NULL, NULL, NULL, false},
};

const TraceSymbol *trace_symbol(const char *name) {
    for (const TraceSymbol *symbol = trace_symbols; symbol->name; symbol++) {
        if (strcmp(symbol->name, name) == 0) return symbol;
    }
    return NULL;
}

static void set(elman_model *model, const char *name, const float *values) {
    elman_tensor tensor;
    if (elman_model_find_tensor(model, name, &tensor, NULL) == ELMAN_OK) {
        memcpy(tensor.data, values, tensor.count * sizeof(*values));
    }
}

elman_status trace_guide_model(elman_context *context, elman_model **model, elman_error *error) {
    static const float w_xh[] = {0.1f, 0.4f, 0.2f, 0.5f, 0.3f, 0.6f};
    static const float w_hh[] = {0.7f, 0.1f, 0.4f, 0.8f, 0.2f, 0.5f, 0.9f, 0.3f, 0.6f};
    static const float w_hy[] = {0.1f, 0.2f, 0.3f}, b_h[] = {0.1f, 0.1f, 0.1f}, b_y[] = {0.1f};
    static const float zero[3] = {0};
    elman_status status = elman_model_create(context, 2, model, error);
    if (status) return status;
    elman_model_add_cell(*model, ELMAN_CELL_RNN, 3);
    elman_model_add_linear(*model, 1, 0);
    status = elman_model_build(*model, NULL, error);
    if (status) return status;
    set(*model, "rnn.weight_ih_l0", w_xh);
    set(*model, "rnn.weight_hh_l0", w_hh);
    set(*model, "rnn.bias_ih_l0", b_h);
    set(*model, "rnn.bias_hh_l0", zero);
    set(*model, "head.weight", w_hy);
    set(*model, "head.bias", b_y);
    return ELMAN_OK;
}
