/* The worked example of the guide to recurrent networks: one tanh cell with 3 hidden units reads
 * two steps of 2 numbers; then the gradients of the loss 1/2 (y_t - 1)^2, summed over both steps.
 *
 * The guide multiplies row vectors by its matrices. Elman, like PyTorch, multiplies matrices by
 * column vectors, so W_xh and W_hh are written down transposed; W_hy is not. */
#include <stdio.h>
#include <string.h>

#include <elman/elman.h>

enum { STEPS = 2, INPUTS = 2, HIDDEN = 3 };

static void set(elman_model *model, const char *name, const float *values) {
    elman_tensor tensor;
    if (elman_model_find_tensor(model, name, &tensor, NULL) == ELMAN_OK)
        memcpy(tensor.data, values, tensor.count * sizeof *values);
}

/* Prints a gradient as the guide lays it out: with `transposed`, columns become rows. */
static void print_gradient(const elman_tape *tape, const char *name, const char *symbol,
                           int transposed) {
    elman_tensor gradient;
    if (elman_tape_find_gradient(tape, name, &gradient, NULL)) return;
    const size_t rows = gradient.shape[transposed], columns = gradient.shape[!transposed];
    for (size_t row = 0; row < rows; row++) {
        printf("%-8s", row == 0 ? symbol : "");
        for (size_t column = 0; column < columns; column++) {
            const size_t at = transposed ? column * rows + row : row * columns + column;
            printf(" %16.9e", (double)gradient.data[at]);
        }
        printf("\n");
    }
}

int main(void) {
    static const float x[STEPS * INPUTS] = {1, 2, 3, 4};
    static const float w_xh[] = {0.1f, 0.4f, 0.2f, 0.5f, 0.3f, 0.6f};
    static const float w_hh[] = {0.7f, 0.1f, 0.4f, 0.8f, 0.2f, 0.5f, 0.9f, 0.3f, 0.6f};
    static const float w_hy[] = {0.1f, 0.2f, 0.3f}, b_h[] = {0.1f, 0.1f, 0.1f}, b_y[] = {0.1f};
    static const float zero[HIDDEN] = {0};
    elman_context *context = NULL;
    elman_model *model = NULL;
    elman_network *network = NULL;
    elman_tape *tape = NULL;
    elman_error error = {0};
    int exit_code = 1;

    if (elman_context_create(NULL, &context, &error)) goto done;
    if (elman_model_create(context, INPUTS, &model, &error)) goto done;
    elman_model_add_cell(model, ELMAN_CELL_RNN, HIDDEN);
    elman_model_add_linear(model, 1, 0);
    if (elman_model_build(model, NULL, &error)) goto done;
    set(model, "rnn.weight_ih_l0", w_xh);
    set(model, "rnn.weight_hh_l0", w_hh);
    set(model, "rnn.bias_ih_l0", b_h);
    set(model, "rnn.bias_hh_l0", zero); /* the guide has one bias, PyTorch's layout two */
    set(model, "head.weight", w_hy);
    set(model, "head.bias", b_y);

    const elman_tape_options options = {.struct_size = sizeof options, .steps = STEPS, .batch = 1};
    const elman_sequence sequence = {
        .struct_size = sizeof sequence, .steps = STEPS, .batch = 1, .dense = x};
    if (elman_network_compile(model, &network, &error)) goto done;
    if (elman_tape_create(network, &options, &tape, &error)) goto done;
    if (elman_tape_forward(tape, &sequence, &error)) goto done;

    float h[STEPS][HIDDEN], y[STEPS], dy[STEPS], loss = 0;
    elman_tape_hidden(tape, 0, 0, h[0]);
    elman_tape_output(tape, y);
    for (int t = 0; t < STEPS; t++) {
        printf("h_%d       %.9f %.9f %.9f\n", t + 1, (double)h[t][0], (double)h[t][1],
               (double)h[t][2]);
        printf("y_%d       %.9f\n", t + 1, (double)y[t]);
        dy[t] = y[t] - 1;
        loss += dy[t] * dy[t] / 2;
    }
    printf("loss      %.9f\n\n", (double)loss);

    if (elman_tape_backward(tape, dy, &error)) goto done;
    print_gradient(tape, "rnn.weight_ih_l0", "dW_xh", 1);
    print_gradient(tape, "rnn.weight_hh_l0", "dW_hh", 1);
    print_gradient(tape, "rnn.bias_ih_l0", "db_h", 1);
    print_gradient(tape, "head.weight", "dW_hy", 0);
    print_gradient(tape, "head.bias", "db_y", 0);
    exit_code = 0;
done:
    if (exit_code) fprintf(stderr, "guide: %s\n", error.message);
    elman_tape_destroy(tape);
    elman_network_destroy(network);
    elman_model_destroy(model);
    elman_context_destroy(context);
    return exit_code;
}
