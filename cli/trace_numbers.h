/* The arrays of a trace and the weights of its model, cell by cell. */
#ifndef CLI_TRACE_NUMBERS_H
#define CLI_TRACE_NUMBERS_H

#include "trace_line.h"
#include "trace_view.h"

enum { GATES_MAX = 4, PREFIX_MAX = 48 };

/* One layer and direction; NULL: it has no such array. Arrays over time are [steps][hidden]. */
typedef struct CellNumbers {
    elman_cell kind;
    size_t hidden, inputs, gates;
    bool reverse;
    char prefix[PREFIX_MAX]; /* of symbols: "" when there is one cell, else "l0." */
    const char *letters;     /* of the gates, in the order of the weights' blocks; "" for an RNN */
    const float *x;          /* [steps][inputs], or: */
    const int32_t *tokens;   /* [steps] */
    const float *w, *r, *b_ih, *b_hh;
    const float *h0, *c0, *h, *c, *tanh_c, *rh, *nx, *nh;
    const float *a[GATES_MAX], *gate[GATES_MAX];
    const float *dh, *dc, *dh0, *dc0;
    const float *ih[GATES_MAX], *hh[GATES_MAX]; /* gradients of what W x and R h give */
} CellNumbers;

typedef struct TraceNumbers {
    const TraceView *view;
    size_t steps, layers, outputs;
    CellNumbers *cells;    /* [layer][direction] */
    size_t *directions;    /* [layer] */
    const float *features; /* what the head reads, or the output */
    size_t width;          /* of features */
    const float *head, *head_bias;
    const float *y, *p, *dy, *dx;
    const double *loss_t, *loss;
    TraceLine line;
} TraceNumbers;

/* The step that cell reads as number `i`, from 0. */
size_t numbers_step(const TraceNumbers *numbers, const CellNumbers *cell, size_t i);

/* Number u of the state (h of h0, or c of c0) before step t. */
double numbers_before(const TraceNumbers *numbers, const CellNumbers *cell, const float *states,
                      const float *initial, size_t t, size_t u);

/* The share of h after step t in what is pooled from it: 1 / steps, or 1 at the first step where
 * the number is at its greatest and 0 elsewhere. */
double numbers_pool_share(const TraceNumbers *numbers, const CellNumbers *cell, size_t t, size_t u);

void explain_forward(TraceNumbers *numbers);
void explain_loss(TraceNumbers *numbers);
void explain_backward(TraceNumbers *numbers);
void explain_gradients(TraceNumbers *numbers);

#endif
