/* A model: which layers it has, and its weights under the names that PyTorch gives them.
 *
 *     input -> recurrent layers l0, l1, ... -> stages (optional) -> output
 *
 * Most models have one stage, a linear one: the head. What other systems put behind it, or in its
 * place, follows as further stages; a model with any of those runs and is not trained.
 *
 * A model is built in three moves: elman_model_create, the elman_model_add_... calls, and
 * elman_model_build, which allocates and initialises the weights. The add calls are sticky: the
 * first one that fails is what elman_model_build reports, so their results may be ignored.
 *
 * Tensors (float32, row-major; G = 1 for RNN, 4 for LSTM in the order i f g o, 3 for GRU in the
 * order r z n; H hidden units; P the width of h: H, or that of an LSTM's projection; F the width of
 * the layer's input):
 *
 *     embedding.weight       [vocabulary][embedding]
 *     rnn.weight_ih_l0       [G*H][F]      rnn.weight_hh_l0  [G*H][P]
 *     rnn.bias_ih_l0         [G*H]         rnn.bias_hh_l0    [G*H]
 *     rnn.weight_peephole_l0 [3*H]         an LSTM's peepholes, in the order i o f
 *     rnn.weight_hr_l0       [P][H]        an LSTM's projection
 *     rnn.h0_l0              [P]           rnn.c0_l0         [H]         learned initial states
 *     head.weight            [outputs][P]  head.bias         [outputs]
 *     stage1.weight, stage1.bias           of stage 1, 2, ... (and 0, where that is not the head):
 *                                          as the head's, or a layer normalisation's gain and bias
 *
 * The second layer's names end in _l1; those of the backward direction in _l0_reverse. A
 * bidirectional layer hands on its two directions side by side, forward first. */
#ifndef ELMAN_MODEL_H
#define ELMAN_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>
#include <elman/text.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_model elman_model;

typedef enum elman_input {
    ELMAN_INPUT_DENSE,    /* rows of float */
    ELMAN_INPUT_ONE_HOT,  /* tokens; the first layer's F is the vocabulary */
    ELMAN_INPUT_EMBEDDING /* tokens; the first layer's F is the embedding's width */
} elman_input;

typedef enum elman_cell {
    ELMAN_CELL_RNN = 1,         /* h' = tanh(W x + b + R h + b') (Elman, 1990) */
    ELMAN_CELL_RNN_RELU,        /* h' = max(0, W x + b + R h + b') */
    ELMAN_CELL_LSTM,            /* with forget gate; peepholes by option (Gers et al., 2000) */
    ELMAN_CELL_GRU,             /* reset gate after the product with R, as PyTorch and cuDNN */
    ELMAN_CELL_GRU_RESET_BEFORE /* reset gate before the product with R (Cho et al., 2014) */
} elman_cell;

typedef enum elman_output {
    ELMAN_OUTPUT_EVERY_STEP,
    ELMAN_OUTPUT_LAST_STEP, /* from each direction's state after its last valid step */
    ELMAN_OUTPUT_MEAN,      /* from the mean of the last layer's outputs over the valid steps */
    ELMAN_OUTPUT_MAX /* from the greatest of each of them (the first of equals); 0 with no steps */
} elman_output;

/* What turns the states of the last recurrent layer into the output: x of n numbers into y, at each
 * step that has an output. */
typedef enum elman_stage_kind {
    ELMAN_STAGE_LINEAR = 1, /* y = W x + b */
    ELMAN_STAGE_RELU,       /* y_i = max(0, x_i) */
    ELMAN_STAGE_TANH,
    ELMAN_STAGE_SIGMOID,
    ELMAN_STAGE_SOFTMAX,     /* y_i = e^x_i / sum over k of e^x_k, the largest x taken off first */
    ELMAN_STAGE_LOG_SOFTMAX, /* its logarithm */
    ELMAN_STAGE_LAYER_NORM   /* y_i = gain_i (x_i - mean) / sqrt(variance + epsilon) + bias_i, with
                                the mean of all x and that of (x - mean)^2 */
} elman_stage_kind;

typedef struct elman_stage {
    elman_stage_kind kind;
    size_t outputs; /* n of y */
    int no_bias;    /* LINEAR, LAYER_NORM */
    float epsilon;  /* LAYER_NORM */
} elman_stage;

typedef enum elman_init {
    ELMAN_INIT_UNIFORM,    /* U(-1/sqrt(H), 1/sqrt(H)): PyTorch's default */
    ELMAN_INIT_XAVIER,     /* U(-a, a), a = sqrt(6 / (fan_in + fan_out)) for each gate */
    ELMAN_INIT_ORTHOGONAL, /* random orthogonal rows or columns for each gate */
    ELMAN_INIT_IDENTITY    /* recurrent weights of an RNN only: the identity (Le et al., 2015) */
} elman_init;

/* Activations that a cell can have in place of its usual ones; ONNX's list, with its equations.
 * Those that take no alpha or beta have 0 there; the others take the numbers as they are. */
typedef enum elman_activation_kind {
    ELMAN_ACTIVATION_USUAL,      /* the cell's own: sigmoid for f, tanh (or ReLU) for g and h */
    ELMAN_ACTIVATION_RELU,       /* max(0, x) */
    ELMAN_ACTIVATION_TANH,       /* tanh(x) */
    ELMAN_ACTIVATION_SIGMOID,    /* 1 / (1 + e^-x) */
    ELMAN_ACTIVATION_AFFINE,     /* alpha x + beta */
    ELMAN_ACTIVATION_LEAKY_RELU, /* x, where x < 0 alpha x */
    ELMAN_ACTIVATION_THRESHOLDED_RELU, /* x where x >= alpha, else 0 */
    ELMAN_ACTIVATION_SCALED_TANH,      /* alpha tanh(beta x) */
    ELMAN_ACTIVATION_HARD_SIGMOID,     /* alpha x + beta, within 0 and 1 */
    ELMAN_ACTIVATION_ELU,              /* x, where x < 0 alpha (e^x - 1) */
    ELMAN_ACTIVATION_SOFTSIGN,         /* x / (1 + |x|) */
    ELMAN_ACTIVATION_SOFTPLUS          /* ln(1 + e^x) */
} elman_activation_kind;

typedef struct elman_activation {
    elman_activation_kind kind;
    float alpha, beta;
} elman_activation;

/* `activations`, `clip`, `input_forget` and `peepholes` make a layer plain, without a projection:
 * it runs, in tapes and in streams and with the same bits in both, but scalar and slowly, and is
 * not trained. All 0: the cell as it is. */
typedef struct elman_cell_options {
    size_t struct_size; /* sizeof(elman_cell_options) */
    elman_cell cell;
    size_t hidden;     /* units in each direction, at least 1 */
    int bidirectional; /* non-zero: a second set of weights reads the sequence from its end */
    int no_bias;       /* non-zero: no bias tensors */
    int learned_state; /* non-zero: the initial state is a parameter */
    float dropout;     /* [0, 1): chance that an output is dropped on its way to the next layer or
                          the head, in training only; the others are scaled by 1 / (1 - dropout) */
    /* By direction (forward, backward): f, g and h. RNN: f; GRU: f of the gates r and z, g of n;
     * LSTM: f of the gates i, f and o, g of the cell's input, h of its output. */
    elman_activation activations[2][3];
    float clip;        /* > 0: the inputs of all activations are held within -clip and clip */
    int input_forget;  /* non-zero: LSTM whose forget gate is 1 - i */
    int peepholes;     /* non-zero: LSTM whose gates i and f also see c, whose gate o sees c' */
    size_t projection; /* LSTM: the width of h = W_hr (o tanh(c)), which the gates, the next layer
                          and the head read (Sak et al., 2014; PyTorch's proj_size); at least 1 and
                          below `hidden`. 0: none, h = o tanh(c) */
} elman_cell_options;

/* How weights start. With XAVIER and ORTHOGONAL all biases start at 0; with IDENTITY too. */
typedef struct elman_init_options {
    size_t struct_size; /* sizeof(elman_init_options) */
    uint64_t seed;
    elman_init input;     /* weight_ih (not IDENTITY) */
    elman_init recurrent; /* weight_hh and weight_hr */
    float forget_bias;    /* LSTM: when not 0, bias_ih of the forget gate, bias_hh of it being 0 */
} elman_init_options;

/* One named tensor. The strings and the data belong to the model (or the tape) and live as long. */
typedef struct elman_tensor {
    const char *name;
    size_t rank;     /* 1 or 2 */
    size_t shape[2]; /* shape[1] is 1 when rank is 1 */
    size_t count;    /* elements */
    float *data;     /* row-major, 64-byte aligned, padded with zeros to a multiple of 16 */
} elman_tensor;

typedef struct elman_model_info {
    elman_input input;
    size_t input_size; /* features, or the vocabulary */
    size_t embedding;  /* width, 0 without one */
    size_t layers;     /* recurrent layers */
    size_t outputs;    /* width of the output */
    int has_head, head_no_bias;
    elman_output output;
    size_t parameters; /* numbers in all tensors together */
    size_t stages;     /* the head included */
} elman_model_info;

/* Starts a model whose input is rows of `features` numbers. */
ELMAN_API elman_status elman_model_create(elman_context *context, size_t features,
                                          elman_model **model, elman_error *error);

/* Starts a model whose input is tokens 0 <= token < vocabulary, seen as one-hot rows
 * (`embedding` 0) or looked up in a trained table of that width. */
ELMAN_API elman_status elman_model_create_tokens(elman_context *context, size_t vocabulary,
                                                 size_t embedding, elman_model **model,
                                                 elman_error *error);

/* Adds a recurrent layer with default options. */
ELMAN_API elman_status elman_model_add_cell(elman_model *model, elman_cell cell, size_t hidden);

/* Adds a recurrent layer. */
ELMAN_API elman_status elman_model_add_cell_options(elman_model *model,
                                                    const elman_cell_options *options);

/* Adds a stage y = W x + b. Behind the recurrent layers it is the head, behind other stages one
 * that is not trained. */
ELMAN_API elman_status elman_model_add_linear(elman_model *model, size_t outputs, int no_bias);

/* Adds a stage without numbers of its own: neither LINEAR nor LAYER_NORM. */
ELMAN_API elman_status elman_model_add_activation(elman_model *model, elman_stage_kind kind);

/* Adds a layer normalisation; `epsilon` at least 0, often 1e-5. Its gain starts at 1. */
ELMAN_API elman_status elman_model_add_layer_norm(elman_model *model, float epsilon, int no_bias);

/* Says at which steps there is an output; every step unless told. */
ELMAN_API elman_status elman_model_set_output(elman_model *model, elman_output output);

/* Allocates the weights and initialises them; `options` NULL: seed 0, uniform. Errors: ARGUMENT
 * (also those of the add calls), MEMORY. */
ELMAN_API elman_status elman_model_build(elman_model *model, const elman_init_options *options,
                                         elman_error *error);

/* Releases a model in any state. NULL is legal. */
ELMAN_API void elman_model_destroy(elman_model *model);

ELMAN_API void elman_model_describe(const elman_model *model, elman_model_info *info);

/* Layer `index` < info.layers as it was added, struct_size filled in. */
ELMAN_API void elman_model_layer(const elman_model *model, size_t index,
                                 elman_cell_options *options);

/* Stage `index` < info.stages, counted from 0. */
ELMAN_API void elman_model_stage(const elman_model *model, size_t index, elman_stage *stage);

/* How the weights were initialised. */
ELMAN_API void elman_model_init_options(const elman_model *model, elman_init_options *options);

/* The tensors of a built model, in the order in which they stand in its file. */
ELMAN_API size_t elman_model_tensor_count(const elman_model *model);
ELMAN_API elman_status elman_model_tensor(const elman_model *model, size_t index,
                                          elman_tensor *tensor);
ELMAN_API elman_status elman_model_find_tensor(const elman_model *model, const char *name,
                                               elman_tensor *tensor, elman_error *error);

/* Copies every weight from `source`, which must have the same tensors with the same shapes
 * (MISMATCH names the first that differs). Where both have a vocabulary, rows of tokens that only
 * one of them knows are left as they are and the others follow their characters. */
ELMAN_API elman_status elman_model_copy_weights(elman_model *model, const elman_model *source,
                                                elman_error *error);

/* What turns data into this model's input and its output back. The model keeps a copy. */
ELMAN_API elman_status elman_model_set_vocabulary(elman_model *model,
                                                  const elman_vocabulary *vocabulary,
                                                  elman_error *error);
ELMAN_API const elman_vocabulary *elman_model_vocabulary(const elman_model *model);

/* What else turns data into this model's input and its output back (scales, labels, calibration),
 * as the JSON object in its file, with the key "kind": "none", "text", "series", "classify" or
 * "tag". It lives as long as the model and until that is changed. */
ELMAN_API const char *elman_model_encoder(const elman_model *model);

/* The training summary: a JSON object (UTF-8) kept in the model file, with sorted keys and without
 * spaces, in which form it may have 48 KiB. NULL when there is none. Errors of set: FORMAT (no JSON
 * object), ARGUMENT (too long), MEMORY. */
ELMAN_API elman_status elman_model_set_training(elman_model *model, const char *json,
                                                elman_error *error);
ELMAN_API const char *elman_model_training(const elman_model *model);

/* Writes the model as a safetensors file: atomically, so that a failure leaves an existing file as
 * it was. The same model gives the same bytes. Errors: ARGUMENT (not built, or so many layers that
 * their description has more than 64 KiB), IO, MEMORY. */
ELMAN_API elman_status elman_model_save(const elman_model *model, const char *path,
                                        elman_error *error);

/* Reads a model file or a checkpoint (its current weights). Errors: IO, FORMAT, UNSUPPORTED (a
 * format_version or an encoder kind of a later release), MEMORY. */
ELMAN_API elman_status elman_model_load(elman_context *context, const char *path,
                                        elman_model **model, elman_error *error);

/* The bytes that training with `batch` rows of `steps` steps takes, but for some kilobytes;
 * SIZE_MAX when they do not fit into size_t: 4 for each number in
 *
 *     the weights, their gradients, two moments (Adam) and the best weights of a run;
 *     the packed weights: all of them, and for backward once more those of the head, of the
 *     recurrence and of each layer's input but a dense one's;
 *     the activations: for each layer, direction, step and row of H units (rounded up to 16) h, c
 *     (LSTM), the gates (4 H, RNN: H), tanh(c) (LSTM) or r h (GRU that resets before), o tanh(c)
 *     and the gradient of h (LSTM with a projection), for each layer the gradient of its output,
 *     and, where there are two directions, that once more and the output, and the dropout mask and
 *     the output where there is one; the input; the head's output and its gradient.
 *
 * What validation needs for passes of its own and a running mean of the weights (the option
 * `average`) are not in it. Works before elman_model_build. */
ELMAN_API size_t elman_model_training_bytes(const elman_model *model, size_t steps, size_t batch);

#ifdef __cplusplus
}
#endif

#endif
