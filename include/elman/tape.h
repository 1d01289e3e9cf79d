/* A tape: one forward pass over a batch of sequences, with what backpropagation through time needs.
 *
 * Arrays are time-first: [steps][batch][features]. Rows may have different lengths: past its length
 * a row's state stays as it was, its outputs are 0 and it takes no part in loss or gradients; what
 * the input holds there is not looked at beyond being read. */
#ifndef ELMAN_TAPE_H
#define ELMAN_TAPE_H

#include <elman/loss.h>
#include <elman/network.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_tape elman_tape;

/* How the context's threads share the way through the layers. It changes no bits. A network with a
 * plain layer is shared by rows, whatever is asked for. Where the choice is free and threads that
 * meet often were late, as they are while another program has one of their processors, the tape's
 * next passes are shared by rows or not at all. */
typedef enum elman_sharing {
    ELMAN_SHARE_AUTO,  /* as an estimate of the time says: one of the others, or one thread alone */
    ELMAN_SHARE_ROWS,  /* each has rows of the batch */
    ELMAN_SHARE_UNITS, /* each has hidden units, in all rows; they meet at every step */
    ELMAN_SHARE_LAYERS /* each has neighbouring layers, and is some steps behind the one that has
                          those below; the two directions of a layer go on at once */
} elman_sharing;

typedef struct elman_tape_options {
    size_t struct_size; /* sizeof(elman_tape_options) */
    size_t steps;       /* the most steps a pass will have */
    size_t batch;       /* the most rows */
    int forward_only;   /* non-zero: elman_tape_backward will not be called */
    int input_gradient; /* non-zero: backward also computes the gradient of a dense input */
    int keep_gradients; /* non-zero: backward keeps the gradients of h and c at every step */
    elman_sharing sharing;
} elman_tape_options;

/* One batch. */
typedef struct elman_sequence {
    size_t struct_size;    /* sizeof(elman_sequence) */
    size_t steps, batch;   /* 1 to what the tape was made for */
    const float *dense;    /* [steps][batch][features], for models with dense input */
    const int32_t *tokens; /* [steps][batch], for models with token input */
    const size_t *lengths; /* [batch], each 0 to steps; NULL: all rows have all steps */
    const float *state;    /* as elman_network_state_size lays it out; NULL: the learned initial
                              state where the model has one, zeros elsewhere */
    int training;          /* non-zero: dropout is applied */
    uint64_t dropout_seed; /* with dropout_pass names the mask: the same two, the same mask */
    uint64_t dropout_pass;
} elman_sequence;

typedef struct elman_loss {
    double mean;  /* over what was counted; 0 when nothing was */
    size_t count; /* positions, or numbers for MSE, MAE and HUBER */
} elman_loss;

/* Errors: ARGUMENT, MEMORY. The network must outlive the tape. */
ELMAN_API elman_status elman_tape_create(const elman_network *network,
                                         const elman_tape_options *options, elman_tape **tape,
                                         elman_error *error);
ELMAN_API void elman_tape_destroy(elman_tape *tape);

/* Runs the network over a batch. Errors: ARGUMENT (shapes, a token outside the vocabulary, a
 * length above steps). */
ELMAN_API elman_status elman_tape_forward(elman_tape *tape, const elman_sequence *sequence,
                                          elman_error *error);

/* What the last forward pass computed. `output` is [steps][batch][outputs], or [batch][outputs]
 * for a model with one output a sequence; `hidden` and `cell` (LSTM only) are
 * [steps][batch][hidden], of a layer with a projection `hidden` is [steps][batch][projection];
 * `state` is the final state. A forward_only tape has of c the final one alone: elman_tape_cell
 * then gives NaN. */
ELMAN_API void elman_tape_output(const elman_tape *tape, float *output);
ELMAN_API void elman_tape_hidden(const elman_tape *tape, size_t layer, int reverse, float *hidden);
ELMAN_API void elman_tape_cell(const elman_tape *tape, size_t layer, int reverse, float *cell);
ELMAN_API void elman_tape_state(const elman_tape *tape, float *state);

/* Computes a loss of the last forward pass and prepares its gradient for elman_tape_backward.
 * Cross-entropy: targets [steps][batch] ([batch] for one output a sequence), negative ones are
 * ignored. Mean squared error: targets laid out as the output, NaN ones are ignored. Errors:
 * ARGUMENT. */
ELMAN_API elman_status elman_tape_cross_entropy(elman_tape *tape, const int32_t *targets,
                                                elman_loss *loss, elman_error *error);
ELMAN_API elman_status elman_tape_mean_squared_error(elman_tape *tape, const float *targets,
                                                     elman_loss *loss, elman_error *error);

/* Any loss of elman/loss.h, prepared in the same way; the two above are shorthands. The mean is
 * over what was counted: positions, or numbers for MSE, MAE and HUBER; with class weights the sum
 * of the weights. Errors: ARGUMENT (also an output of the wrong width, a target that makes no
 * sense: a class outside the outputs, an infinite number, a negative count). */
ELMAN_API elman_status elman_tape_loss(elman_tape *tape, const elman_targets *targets,
                                       elman_loss *loss, elman_error *error);

/* Backpropagation through time: from the gradient with respect to the output (laid out as the
 * output; NULL: of the loss computed last) to those of all weights, which replace the ones before.
 * Once for each forward pass: it overwrites the activations. Errors: ARGUMENT (no forward pass, no
 * loss, a forward_only tape), UNSUPPORTED (a model that runs and is not trained). */
ELMAN_API elman_status elman_tape_backward(elman_tape *tape, const float *output_gradient,
                                           elman_error *error);

/* The gradient of tensor `index` (the order and shape of elman_model_tensor). */
ELMAN_API elman_status elman_tape_gradient(const elman_tape *tape, size_t index,
                                           elman_tensor *gradient);
ELMAN_API elman_status elman_tape_find_gradient(const elman_tape *tape, const char *name,
                                                elman_tensor *gradient, elman_error *error);

/* The gradients with respect to the initial state and to the input [steps][batch][features]: the
 * dense one of a tape with input_gradient, or the rows that an embedding looked up. */
ELMAN_API void elman_tape_state_gradient(const elman_tape *tape, float *gradient);
ELMAN_API void elman_tape_input_gradient(const elman_tape *tape, float *gradient);

/* ---- What a pass kept, for views of one's own (elman/trace.h is one) ---- */

/* Arrays [steps][batch][hidden] of one layer and direction, 0 past a row's length; with a
 * projection H, H_BEFORE and DH are [steps][batch][projection]. Letters are those of the cell's
 * equations: h, c before a step, h', c' after it,
 *
 *     RNN   h' = tanh or max(0, .) of a
 *     LSTM  i, f, o = sigmoid(a_i, a_f, a_o), g = tanh(a_g), c' = f c + i g, h' = o tanh(c')
 *           with a projection: h' = W_hr m, m = o tanh(c')
 *     GRU   r, z = sigmoid(a_r, a_z), n = tanh(a_n), h' = (1 - z) n + z h
 *           reset after:  a_n = W_n x + b_n + r nh, nh = R_n h + b'_n
 *           reset before: a_n = W_n x + b_n + R_n (r h) + b'_n
 *
 * and DA_I is the gradient of the loss with respect to a_i. Backward puts the gradients in the
 * place of the gates: I to NH can be read until then, DH to DA_NH from then on, the others always.
 */
typedef enum elman_kept {
    ELMAN_KEPT_H,        /* h' */
    ELMAN_KEPT_H_BEFORE, /* h */
    ELMAN_KEPT_C,        /* LSTM: c'; this and the next not on a forward_only tape */
    ELMAN_KEPT_C_BEFORE, /* LSTM: c */
    ELMAN_KEPT_TANH_C,   /* LSTM: tanh(c') */
    ELMAN_KEPT_RH,       /* GRU reset-before: r h */
    ELMAN_KEPT_I,        /* LSTM */
    ELMAN_KEPT_F,
    ELMAN_KEPT_G,
    ELMAN_KEPT_O,
    ELMAN_KEPT_R, /* GRU */
    ELMAN_KEPT_Z,
    ELMAN_KEPT_N,
    ELMAN_KEPT_NH, /* reset-after */
    ELMAN_KEPT_DH, /* keep_gradients: of h', from above and from the steps behind together */
    ELMAN_KEPT_DC, /* keep_gradients, LSTM: of c', likewise */
    ELMAN_KEPT_DA, /* RNN */
    ELMAN_KEPT_DA_I,
    ELMAN_KEPT_DA_F,
    ELMAN_KEPT_DA_G,
    ELMAN_KEPT_DA_O,
    ELMAN_KEPT_DA_R,
    ELMAN_KEPT_DA_Z,
    ELMAN_KEPT_DA_N,
    ELMAN_KEPT_DA_NH, /* of nh (reset-after), of R_n (r h) + b'_n (reset-before) */
    ELMAN_KEPT_M      /* LSTM with a projection: m, not on a forward_only tape */
} elman_kept;

/* Copies one of them. Errors: ARGUMENT (no such layer, a cell that has no such array, a time at
 * which it is not there, a tape that does not keep it), UNSUPPORTED (of a model that is not
 * trained: gates and their gradients). */
ELMAN_API elman_status elman_tape_kept(const elman_tape *tape, size_t layer, int reverse,
                                       elman_kept what, float *values, elman_error *error);

/* What layer `layer` read, [steps][batch][features]; `layer` = the number of layers: what the head
 * read, [steps][batch] or [batch] rows. Dropout is applied. Errors: ARGUMENT (one-hot input). */
ELMAN_API elman_status elman_tape_layer_input(const elman_tape *tape, size_t layer, float *input,
                                              elman_error *error);

/* What the loss computed last is made of: of each position of the output its loss, times its
 * class's weight or summed over its numbers (0: not counted), and the gradient of the mean with
 * respect to the output, laid out as the output. Until backward. */
ELMAN_API void elman_tape_losses(const elman_tape *tape, double *losses);
ELMAN_API void elman_tape_output_gradient(const elman_tape *tape, float *gradient);

#ifdef __cplusplus
}
#endif

#endif
