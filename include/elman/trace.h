/* A trace: every number of one pass over one sequence, as named arrays.
 *
 * Forward, for each layer and direction (l0, l1, ...; l0_reverse) and each step:
 *
 *     x, or token      the input; l1.x, head.x where it is not the h of the layer below (for a
 *                      pooled output, head.x [1] is the mean or the greatest of its h)
 *     l0.h0, l0.c0     [hidden] the state before the first step read; with a projection h has its
 *                      width
 *     l0.a             RNN: the argument of tanh or max(0, .)
 *     l0.a_i l0.i ...  LSTM: arguments and values of i f g o, then l0.c, l0.tanh_c; l0.m (with a
 *                      projection)
 *     l0.a_r l0.r ...  GRU: of r z n; also l0.nx, l0.nh (reset-after), l0.rh (reset-before)
 *     l0.h             the new state
 *     y, p             the output, [outputs]; its softmax, for cross-entropy
 *     loss_t, loss     the loss of each output, and in all [1]
 *
 * Backward, where L is the loss in all:
 *
 *     dy, l0.dh, l0.dc     dL/dy, dL/dh, dL/dc at each step, on all ways to L together; l0.dm
 *     l0.da, l0.da_i ...   dL/da; l0.da_nh: of what R_n gives
 *     l0.dh0, l0.dc0, dx   of the initial state and of the input
 *     grad.NAME            of the model's tensor of that name, in its shape
 *     share.NAME           [steps][...] each step's term of grad.NAME, the sum over t
 *
 * The numbers are those that training computes, bit for bit; what no kernel keeps (a, nx, p) is
 * computed again by the same operations (docs/arithmetic.md). A share is the exact product of two
 * floats, in double. Adding the shares of steps 0, 1, ... to 0, each sum rounded to float once,
 * gives the bits of grad.NAME. */
#ifndef ELMAN_TRACE_H
#define ELMAN_TRACE_H

#include <elman/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_trace elman_trace;

typedef enum elman_trace_loss {
    ELMAN_TRACE_NO_LOSS,
    ELMAN_TRACE_CROSS_ENTROPY,      /* -log softmax(y)[class], the mean over the counted outputs */
    ELMAN_TRACE_MEAN_SQUARED_ERROR, /* (y - value)^2, the mean over all numbers */
    ELMAN_TRACE_HALF_SQUARES        /* 1/2 (y - value)^2, the sum over all numbers */
} elman_trace_loss;

typedef struct elman_trace_options {
    size_t struct_size; /* sizeof(elman_trace_options) */
    elman_trace_loss loss;
    const int32_t *classes; /* for cross-entropy: [steps], or [1] for one output a sequence;
                               negative: not counted */
    const float *values;    /* for the others: laid out as the output */
    int backward;           /* non-zero: with gradients; needs a loss */
    int no_shares;          /* non-zero: without share.NAME, which take 8 bytes for each weight
                               and step */
} elman_trace_options;

typedef enum elman_trace_type {
    ELMAN_TRACE_FLOAT,
    ELMAN_TRACE_DOUBLE,
    ELMAN_TRACE_INT32
} elman_trace_type;

/* One array of a trace, which owns what it points to. */
typedef struct elman_trace_array {
    const char *name;
    const char *equation; /* what it is, in one line of ASCII */
    elman_trace_type type;
    int steps; /* non-zero: shape[0] counts steps, or outputs */
    size_t rank, shape[3], count;
    const void *data; /* row-major */
} elman_trace_array;

/* Runs the model over `sequence`, whose batch must be 1 and have no lengths. Errors: ARGUMENT (what
 * does not fit the model), MEMORY. */
ELMAN_API elman_status elman_trace_create(const elman_model *model, const elman_sequence *sequence,
                                          const elman_trace_options *options, elman_trace **trace,
                                          elman_error *error);
ELMAN_API void elman_trace_destroy(elman_trace *trace);

/* The arrays, in the order in which they are computed. Errors: ARGUMENT (none there). */
ELMAN_API size_t elman_trace_count(const elman_trace *trace);
ELMAN_API elman_status elman_trace_at(const elman_trace *trace, size_t index,
                                      elman_trace_array *array);
ELMAN_API elman_status elman_trace_find(const elman_trace *trace, const char *name,
                                        elman_trace_array *array, elman_error *error);

/* Writes all arrays to an .npz file for numpy.load, atomically. Errors: IO, UNSUPPORTED (4 GiB or
 * more), MEMORY. */
ELMAN_API elman_status elman_trace_save(const elman_trace *trace, const char *path,
                                        elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
