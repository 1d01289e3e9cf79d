/* Recurrent networks in double precision, written from the equations: what Elman is tested against.
 *
 * Plain loops over plain arrays; nothing here is shared with the library. One forward pass is
 * written for two scalar types, double and double complex: with a parameter moved by i * 1e-30 the
 * imaginary part of the loss is the derivative, free of cancellation (Squire and Trapp, "Using
 * complex variables to estimate derivatives of real functions", SIAM Review 40(1), 1998). The
 * backward pass is written by hand.
 *
 * Letters: T steps, B batch rows, I inputs, V vocabulary, E embedding, H hidden units, W the width
 * of h (H, or that of an LSTM's projection), G gates (RNN 1, GRU 3, LSTM 4), D directions,
 * F = D * W features of the last layer, O outputs, P positions (T * B, or B when there is one
 * output a row). All arrays are row-major and time first.
 *
 * A programming error fails an assert, lack of memory aborts. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REF_LAYERS_MAX = 4, REF_TENSORS_MAX = 60, REF_NAME_MAX = 40 };

/* The equations, with x the input, h and c the state, ' marking the new state, s the logistic
 * function, juxtaposition W x the matrix product and * the product by elements:
 *
 *     RNN    h' = f(W_ih x + b_ih + W_hh h + b_hh), f = tanh or max(0, .)
 *     LSTM   i, f, o = s(W_ih x + b_ih + W_hh h + b_hh), g = tanh(likewise), order i f g o
 *            c' = f * c + i * g, m = o * tanh(c'), h' = m, with a projection W_hr m
 *     GRU    r, z = s(W_ih x + b_ih + W_hh h + b_hh), order r z n
 *            reset after:   n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
 *            reset before:  n = tanh(W_in x + b_in + W_hn (r * h) + b_hn)
 *            h' = (1 - z) * n + z * h */
typedef enum RefCell {
    REF_RNN_TANH,
    REF_RNN_RELU,
    REF_LSTM,
    REF_GRU_RESET_AFTER,
    REF_GRU_RESET_BEFORE
} RefCell;

typedef enum RefInput {
    REF_DENSE,    /* real features [T][B][I] */
    REF_ONE_HOT,  /* tokens [T][B]; the first layer sees a one at the token, I = V */
    REF_EMBEDDING /* tokens [T][B]; the first layer sees the token's row of [V][E], I = E */
} RefInput;

/* What the output is made of; but for the first, there is one a row. */
typedef enum RefOutput {
    REF_EVERY_STEP,
    REF_LAST_STEP, /* each direction's final state */
    REF_MEAN,      /* the mean of the last layer's states over the row's steps */
    REF_MAX        /* the greatest of each of them; of equal ones the first takes the gradient */
} RefOutput;

/* In place of the s and tanh above; ONNX's equations. */
typedef enum RefFunction {
    REF_USUAL,
    REF_RELU,             /* x > 0 ? x : 0 */
    REF_TANH,             /* tanh(x) */
    REF_SIGMOID,          /* s(x) */
    REF_AFFINE,           /* alpha x + beta */
    REF_LEAKY_RELU,       /* x >= 0 ? x : alpha x */
    REF_THRESHOLDED_RELU, /* x >= alpha ? x : 0 */
    REF_SCALED_TANH,      /* alpha tanh(beta x) */
    REF_HARD_SIGMOID,     /* alpha x + beta, at least 0 and at most 1 */
    REF_ELU,              /* x >= 0 ? x : alpha (e^x - 1) */
    REF_SOFTSIGN,         /* x / (1 + |x|) */
    REF_SOFTPLUS          /* ln(1 + e^x) */
} RefFunction;

typedef struct RefActivation {
    RefFunction function;
    double alpha, beta;
} RefActivation;

/* What a cell may have beyond the equations above; with any of it there is no backward pass. */
typedef struct RefPlain {
    RefActivation activations[2][3]; /* by direction: of the gates, of n or g, of c' */
    double clip;                     /* above 0: bounds the arguments of all activations */
    bool input_forget;               /* f = 1 - i */
    bool peepholes;                  /* i and f also see c, o sees c', through [3 * H]: i o f */
} RefPlain;

typedef struct RefLayer {
    RefCell cell;
    size_t hidden;
    bool bidirectional;
    bool bias;
    bool learned_initial; /* h0 [W] (and c0 [H]) are parameters, shared by all rows */
    size_t projection;    /* W, of an LSTM; 0: none */
    RefPlain plain;
} RefLayer;

typedef struct RefTensor {
    char name[REF_NAME_MAX];
    size_t rank;
    size_t shape[2];
    size_t offset; /* of its first element in the flat array of all parameters */
    size_t count;
} RefTensor;

/* The parameters of one layer in one direction. */
typedef enum RefSlot {
    REF_WEIGHT_IH, /* [G * H][I] */
    REF_WEIGHT_HH, /* [G * H][W] */
    REF_BIAS_IH,   /* [G * H] */
    REF_BIAS_HH,   /* [G * H] */
    REF_WEIGHT_HR, /* [W][H], of a projection */
    REF_H0,        /* [W] */
    REF_C0,        /* [H], LSTM */
    REF_PEEPHOLE,  /* [3 * H], LSTM */
    REF_SLOTS
} RefSlot;

#define REF_ABSENT SIZE_MAX /* the offset of a tensor that the network does not have */

/* The caller fills in the description and calls ref_network_layout, which derives the rest. */
typedef struct RefNetwork {
    RefInput input;
    size_t inputs;    /* I of dense input, V of tokens */
    size_t embedding; /* E, for REF_EMBEDDING */
    size_t layer_count;
    RefLayer layers[REF_LAYERS_MAX];
    size_t outputs; /* O of the linear head; 0: no head, the output is the last layer's */
    bool head_bias;
    RefOutput output;

    size_t tensor_count;
    RefTensor tensors[REF_TENSORS_MAX];
    size_t parameter_count;
    size_t embedding_weight, head_weight, head_bias_offset;
    size_t offsets[REF_LAYERS_MAX][2][REF_SLOTS];
} RefNetwork;

/* What a pass reads and no derivative is taken of. */
typedef struct RefBatch {
    size_t steps, rows;
    const size_t *lengths; /* [B], each 0..T; NULL: every row has T steps */
    const int32_t *tokens; /* [T][B]; not read past a row's length */
    /* masks[l]: [T][B][D * W] factors on the output of layer l before layer l + 1 reads it (so a
     * dropout mask holds 0 and 1 / (1 - rate)), or NULL. */
    const double *masks[REF_LAYERS_MAX];
} RefBatch;

typedef enum RefLossKind {
    REF_MEAN_SQUARED_ERROR, /* mean of (output - value)^2 over all counted elements */
    REF_CROSS_ENTROPY,      /* mean of -log softmax(output)[class] over counted positions */
    REF_WEIGHTED_SUM        /* sum of output * value: its output gradient is `values` */
} RefLossKind;

/* Positions past a row's length, and the one position of a row of length 0, never count. */
typedef struct RefTarget {
    RefLossKind kind;
    const double *values;   /* [P][O] */
    const int32_t *classes; /* [P]; negative: the position is not counted */
} RefTarget;

/* Derives tensors and offsets from the description. */
void ref_network_layout(RefNetwork *network);

size_t ref_gates(RefCell cell);
size_t ref_directions(const RefNetwork *network, size_t layer);
size_t ref_layer_inputs(const RefNetwork *network, size_t layer);
size_t ref_layer_width(const RefNetwork *network, size_t layer);    /* W */
size_t ref_layer_features(const RefNetwork *network, size_t layer); /* D * W */
size_t ref_output_width(const RefNetwork *network);                 /* O, or F without a head */
size_t ref_positions(const RefNetwork *network, const RefBatch *batch);

/* Whether step t of the row lies within its length. */
bool ref_step_counts(const RefBatch *batch, size_t step, size_t row);
/* Whether output position p, of ref_positions, belongs to a step that exists. */
bool ref_position_counts(const RefNetwork *network, const RefBatch *batch, size_t position);

/* States of all layers are one flat array: by layer, by direction (forward, reverse), hidden
 * [B][W], then for the LSTM cell [B][H]. */
size_t ref_state_count(const RefNetwork *network, size_t rows);
size_t ref_state_hidden(const RefNetwork *network, size_t rows, size_t layer, size_t direction);
size_t ref_state_cell(const RefNetwork *network, size_t rows, size_t layer, size_t direction);

/* count zeroed elements of the given size, never NULL. The caller frees them. */
void *ref_allocate(size_t count, size_t size);
/* Numbers spread evenly over [low, high), the same for the same seed on every machine. */
void ref_fill(double *values, size_t count, double low, double high, uint64_t seed);

#define SCALAR         double
#define TYPE(name)     name
#define FUNCTION(name) name
#include "pass_template.h"
#undef SCALAR
#undef TYPE
#undef FUNCTION

#define SCALAR         double complex
#define TYPE(name)     name##Complex
#define FUNCTION(name) name##_complex
#include "pass_template.h"
#undef SCALAR
#undef TYPE
#undef FUNCTION

/* Where ref_backward puts derivatives of the loss. NULL: not wanted. */
typedef struct RefGradients {
    double *parameters; /* [parameter_count] */
    double *dense;      /* [T][B][I] of dense input; zero past a row's length */
    double *initial;    /* [ref_state_count], of the initial state of every row */
} RefGradients;

/* d loss / d output [P][O], zero where positions do not count. */
void ref_loss_gradient(const RefNetwork *network, const RefBatch *batch, const RefTarget *target,
                       const double *output, double *gradient);

/* Backpropagation through time. `pass` comes from ref_forward with the same first three. */
void ref_backward(const RefNetwork *network, const RefBatch *batch, const RefValues *values,
                  const RefPass *pass, const RefTarget *target, const RefGradients *gradients);

#endif
