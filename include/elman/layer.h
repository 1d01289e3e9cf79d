/* A layer: one recurrent layer by itself, for programs that have a network of their own around it,
 * and for measuring.
 *
 * It takes PyTorch's weights and gives y, the states, and with backward all gradients; there is no
 * embedding, head, loss or optimiser. The numbers are the bits that a model with this one layer
 * gives (elman/tape.h, elman/stream.h).
 *
 * Letters: T steps, B rows, I inputs, H hidden units, D directions (2 for a bidirectional layer,
 * else 1), G gates (RNN 1, LSTM 4 in the order i f g o, GRU 3 in the order r z n). Arrays are
 * row-major and time-first.
 *
 * A layer belongs to its context, whose threads its passes use; one thread at a time may use the
 * layers of one context. The context must outlive them. */
#ifndef ELMAN_LAYER_H
#define ELMAN_LAYER_H

#include <elman/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_layer elman_layer;

typedef struct elman_layer_options {
    size_t struct_size;      /* sizeof(elman_layer_options) */
    elman_cell_options cell; /* with its struct_size; no dropout, learned_state, projection
                                or peepholes */
    size_t inputs;           /* I, at least 1 */
    size_t steps;            /* the most steps that a pass will have */
    size_t batch;            /* the most rows */
    int forward_only;        /* non-zero: elman_layer_backward will not be called */
    int input_gradient;      /* non-zero: backward also computes the gradient of x */
} elman_layer_options;

/* The weights of one direction; biases of a layer without any are not looked at. */
typedef struct elman_layer_weights {
    const float *weight_ih; /* [G*H][I] */
    const float *weight_hh; /* [G*H][H] */
    const float *bias_ih;   /* [G*H]; NULL: zeros */
    const float *bias_hh;   /* [G*H]; NULL: zeros */
} elman_layer_weights;

/* Their gradients, in the same shapes; the biases' are NULL in a layer without any. The arrays are
 * the layer's, valid until its next pass. */
typedef struct elman_layer_gradients {
    const float *weight_ih, *weight_hh, *bias_ih, *bias_hh;
} elman_layer_gradients;

/* Rows of numbers inside a layer, until its next pass: row (t, b) of a pass of B rows is at
 * data + (t * B + b) * stride, and its first `width` numbers count. */
typedef struct elman_layer_rows {
    const float *data;
    size_t stride, width;
} elman_layer_rows;

/* Creates a layer; its weights start as elman_model_build starts them (seed 0). Errors: ARGUMENT,
 * MEMORY. */
ELMAN_API elman_status elman_layer_create(elman_context *context,
                                          const elman_layer_options *options, elman_layer **layer,
                                          elman_error *error);
/* NULL is legal. */
ELMAN_API void elman_layer_destroy(elman_layer *layer);

/* Copies the weights of `weights[D]` (the forward direction first) and packs them for the kernels.
 * Not between a forward pass and its backward pass. Errors: ARGUMENT (one of the matrices is NULL;
 * nothing has changed). */
ELMAN_API elman_status elman_layer_set_weights(elman_layer *layer,
                                               const elman_layer_weights *weights,
                                               elman_error *error);

/* Numbers in the state of B rows: for each direction h [B][H], then, for an LSTM, c [B][H]. */
ELMAN_API size_t elman_layer_state_size(const elman_layer *layer, size_t batch);

/* Runs the layer over sequence->dense, x [T][B][I], from sequence->state (NULL: zeros) for
 * sequence->lengths (NULL: all rows have T steps). `y` [T][B][D*H], the directions side by side,
 * and `state` receive copies; NULL: not wanted. Errors: ARGUMENT (shapes, tokens). */
ELMAN_API elman_status elman_layer_forward(elman_layer *layer, const elman_sequence *sequence,
                                           float *y, float *state, elman_error *error);

/* y of the last pass where it stands, without a copy. Past a row's length there is no telling what
 * it holds. */
ELMAN_API elman_layer_rows elman_layer_output(const elman_layer *layer);

/* Back through the last pass, from the gradient of y, `dy` [T][B][D*H]. `dx` [T][B][I] (of a layer
 * with input_gradient) and `dstate` (of the initial state) receive copies; NULL: not wanted. Once
 * for each forward pass. Errors: ARGUMENT (no forward pass, a layer that is forward_only, dx of one
 * without input_gradient), UNSUPPORTED (a cell that runs and is not trained). */
ELMAN_API elman_status elman_layer_backward(elman_layer *layer, const float *dy, float *dx,
                                            float *dstate, elman_error *error);

/* The gradients that the last backward pass left, of direction 0 or 1: without a copy. Errors:
 * ARGUMENT (a forward_only layer, no such direction). */
ELMAN_API elman_status elman_layer_weight_gradients(const elman_layer *layer, size_t direction,
                                                    elman_layer_gradients *gradients);

/* The gradient of x where it stands; data is NULL without input_gradient. */
ELMAN_API elman_layer_rows elman_layer_input_gradient(const elman_layer *layer);

/* ---- One sequence, a step at a time ---- */

/* Where the next step goes on from: a state of one row, NULL: zeros. Errors: UNSUPPORTED (a
 * bidirectional layer). */
ELMAN_API elman_status elman_layer_start(elman_layer *layer, const float *state,
                                         elman_error *error);

/* One step of one row: x [I] to y [H] (NULL: not wanted). It allocates nothing, takes no lock and
 * makes no system call. After elman_layer_start. Errors: ARGUMENT (it was not called). */
ELMAN_API elman_status elman_layer_step(elman_layer *layer, const float *x, float *y);

/* The state after the last step, of one row. After elman_layer_start. */
ELMAN_API void elman_layer_state(const elman_layer *layer, float *state);

#ifdef __cplusplus
}
#endif

#endif
