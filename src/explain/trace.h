/* How a trace is put together; see elman/trace.h. */
#ifndef EXPLAIN_TRACE_H
#define EXPLAIN_TRACE_H

#include "model/model.h"
#include <elman/trace.h>

enum { TRACE_NAME_MAX = 96 };

struct elman_trace {
    Memory memory;
    elman_trace_array *arrays;
    char (*names)[TRACE_NAME_MAX];
    size_t count, capacity;
};

/* A gate of a cell; the gates stand in the order of the blocks of its weights. */
typedef struct TraceGate {
    const char *letter;        /* "" for an RNN */
    elman_kept kept, gradient; /* the activated gate, and the gradient of its argument */
    const char *argument, *value, *backward; /* equations */
} TraceGate;

/* One layer and direction: arrays of the trace. Sums over [steps] later go over these. */
typedef struct TraceCell {
    const Cell *cell;
    const TraceGate *gates;
    char prefix[40]; /* "l0." */
    size_t layer, hidden, inputs;
    size_t width; /* of h: `hidden` but with a projection */
    bool reverse;
    const float *x;                  /* [steps][inputs], or */
    const int32_t *tokens;           /* [steps] */
    const float *h0, *h;             /* [width], [steps][width] */
    const float *rh;                 /* [steps][hidden]: GRU reset-before */
    const float *m, *dh;             /* [steps][hidden], [steps][width]: with a projection */
    const float *ih[CELL_GATES_MAX]; /* [steps][hidden] gradients that weight_ih's blocks get */
    const float *hh[CELL_GATES_MAX]; /* and weight_hh's */
} TraceCell;

/* While a trace is made. */
typedef struct TraceBuild {
    elman_trace *trace;
    const elman_model *model;
    const Structure *structure;
    elman_tape *tape;
    const elman_sequence *sequence;
    elman_trace_options options;
    size_t steps, positions, outputs;
    TraceCell *cells;      /* [layer][direction] */
    const float *features; /* [positions][inputs of the head] */
    float *y, *dy;         /* [positions][outputs] */
    float *scratch;        /* [steps][the most hidden units] */
    elman_error *error;
} TraceBuild;

/* Adds a zeroed array; `rank` numbers of shape follow from s0, s1, s2. NULL: no memory. */
void *trace_add(TraceBuild *build, elman_trace_type type, const char *equation, int steps,
                size_t rank, const size_t shape[3], const char *format, ...) ELMAN_PRINTF(7, 8);

/* The same for floats: [width], or [steps][width], or [positions][width]. */
float *trace_add_row(TraceBuild *build, size_t width, const char *equation, const char *prefix,
                     const char *name);
float *trace_add_steps(TraceBuild *build, size_t steps, size_t width, const char *equation,
                       const char *prefix, const char *name);

elman_status trace_no_memory(const TraceBuild *build);

/* An array that the tape kept, as one of the trace; NULL: no memory. */
float *trace_add_kept(TraceBuild *build, const TraceCell *cell, elman_kept what,
                      const char *equation, const char *name);

/* h before step t. */
const float *trace_before(const TraceBuild *build, const TraceCell *cell, size_t t);

/* The tensor of the model with that role, or NULL. */
const elman_tensor *trace_tensor(const TraceBuild *build, TensorRole role, size_t layer,
                                 bool reverse);

/* The parts of elman_trace_create, in order. */
elman_status trace_forward(TraceBuild *build);
elman_status trace_loss(TraceBuild *build);
elman_status trace_backward(TraceBuild *build);
elman_status trace_shares(TraceBuild *build);

#endif
