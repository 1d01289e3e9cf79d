/* The arithmetic of Elman: pointers and counts, no allocation, no errors, no logging.
 *
 * Every function exists once for each instruction set, compiled from the same source over vec.h,
 * and gives the same bits on all of them (docs/arithmetic.md). All arrays of floats are 64-byte
 * aligned at the start of each vector of 16 unless said otherwise; counts that are "padded" are
 * multiples of 16. Arrays may not overlap unless said otherwise.
 *
 * Hidden units come in panels of 16. A packed weight matrix of K columns is [panels][K][gates][16]:
 * one panel holds all that 16 units need, in the order in which a product reads it. With one gate
 * four panels lie side by side, [panels / 4][K][4][16], so that a tile of them reads one stream;
 * the last four are there whether they are used or not. */
#ifndef ELMAN_KERNELS_KERNELS_H
#define ELMAN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANEL = 16 };

/* Rows of lines of 16 floats that will be needed soon: a product brings some of them nearer while
 * it computes, in order, and moves past them. */
typedef struct Ahead {
    const float *at, *end; /* the next line; the end of its row */
    size_t row, skip;      /* floats from row to row, from the end of a row to the next */
    const float *last;     /* the end of the last row: there are none when `end` is beyond it */
} Ahead;

/* `rows` rows of `columns` floats, `row` apart. */
static inline Ahead ahead_rows(const float *first, size_t row, size_t rows, size_t columns) {
    const size_t width = (columns + PANEL - 1) / PANEL * PANEL;
    return (Ahead){first, first + width, row, row - width, first + (rows - 1) * row + width};
}

/* The same of several kinds, in the order in which they are needed. */
typedef struct AheadList {
    Ahead rows[4];
    size_t count, at;
} AheadList;

/* The weights of a Product: its panels in groups of GROUP_PANELS, one group after the other, each
 * [K][panels of the group][16], so that a tile of as many units reads one stream from end to end.
 * Where the panels are no multiple, the last two groups share what is left of them evenly. */
enum { GROUP_PANELS = 4 };

typedef struct PanelGroup {
    size_t first, count;
} PanelGroup;

/* The group of one of `panels` panels. */
static inline PanelGroup panel_group(size_t panels, size_t panel) {
    const size_t whole = panels / GROUP_PANELS * GROUP_PANELS;
    const size_t shared = whole == panels || whole == 0 ? whole : whole - GROUP_PANELS;
    if (panel < shared) return (PanelGroup){panel / GROUP_PANELS * GROUP_PANELS, GROUP_PANELS};
    const size_t left = panels - shared, half = whole == 0 ? left : (left + 1) / 2;
    if (panel < shared + half) return (PanelGroup){shared, half};
    return (PanelGroup){shared + half, left - half};
}

/* Where a panel of a group begins in a matrix of K rows; they are group.count * 16 apart. */
static inline size_t panel_offset(PanelGroup group, size_t panel, size_t rows) {
    return (group.first * rows + panel - group.first) * PANEL;
}

/* The panels side by side in a packed weight matrix. */
static inline size_t packed_together(size_t gates) {
    return gates == 1 ? GROUP_PANELS : 1;
}

/* The floats from column to column. */
static inline size_t packed_column(size_t gates) {
    return packed_together(gates) * gates * PANEL;
}

/* Where a panel begins in a packed matrix of so many columns; for the number of panels, rounded up
 * to whole groups, the floats of all. */
static inline size_t packed_offset(size_t gates, size_t columns, size_t panel) {
    const size_t together = packed_together(gates);
    return panel / together * columns * packed_column(gates) + panel % together * PANEL;
}

/* Panels rounded up to whole groups. */
static inline size_t packed_panels(size_t gates, size_t panels) {
    const size_t together = packed_together(gates);
    return (panels + together - 1) / together * together;
}

/* out[s*out_step + r*out_row + p*16 + l] =
 *     start + sum over block, k of a[s*a_step + r*a_row + block*a_block + k] * w of p, l in row
 *                                                                              block*inner + k
 *
 * for steps s, rows r, panels p from panel_begin to panel_end and lanes l; one chain of fused
 * multiply-adds, block and k ascending. */
typedef struct Product {
    size_t steps, rows;            /* rows of each step */
    size_t panels;                 /* of the weights */
    size_t panel_begin, panel_end; /* those that are computed */
    size_t blocks, inner;
    const float *a; /* any alignment */
    size_t a_step, a_row, a_block;
    const float *w;
    const float *bias; /* [panels*16]: where the chains start; NULL: they start from out */
    float *out;
    size_t out_step, out_row;
    bool descending;  /* groups of panels from the last to the first. Every other time: the product
                         then begins with the weights that the one before has left in the cache */
    AheadList *ahead; /* NULL: none */
} Product;

/* c[i*c_row + v*16 + l] += sum over k of a[k*a_row + i] * b[k*b_row + v*16 + l]
 *
 * for i < inputs, v < vectors, lanes l; one chain, k ascending, that starts from c. */
typedef struct OuterProduct {
    size_t steps; /* k */
    size_t inputs, vectors;
    const float *a; /* any alignment */
    size_t a_row;
    const float *b;
    size_t b_row;
    float *c;
    size_t c_row;
    Ahead *ahead;
} OuterProduct;

/* Rows cut into blocks of `width` columns, each block's rows together: row k, column i goes to
 * out[(i/width*rows + k)*width + i%width]. */
typedef struct ColumnBlocks {
    size_t rows, columns;
    const float *in; /* any alignment */
    size_t in_row;
    size_t width; /* a multiple of 16 */
    float *out;
} ColumnBlocks;

/* out[(index[k] - first)*out_row + i] += in[k*in_row + i] for i < columns, k ascending, where
 * 0 <= index[k] - first < count. */
typedef struct RowSums {
    size_t rows, columns;
    const int32_t *index; /* [rows], negative: none */
    size_t first, count;
    const float *in; /* any alignment */
    size_t in_row;
    float *out; /* any alignment */
    size_t out_row;
} RowSums;

/* out[k*out_row + l] = in[l*in_row + k] for k < columns and l < rows; 0 for rows <= l < 16. */
typedef struct Transpose {
    size_t rows; /* at most 16 */
    size_t columns;
    const float *in; /* any alignment */
    size_t in_row;
    float *out;
    size_t out_row;
} Transpose;

/* One time step of a cell for some rows and panels: the products with x and h and the activations,
 * in registers.
 *
 * `start[r]` points to [slots][16] of panel 0, panels lie `start_panel` apart: what row r's
 * pre-activations start from: the biases, the gathered row of a token, or a Projection of
 * x. Then come the products over x (inputs ascending) and over h. */
typedef struct CellForward {
    size_t rows;
    size_t panels;                 /* of all units */
    size_t panel_begin, panel_end; /* those that are computed */
    bool descending; /* from the last to the first. Every other step: it then begins with the
                        weights that the one before read last and that are still in the cache */
    const float *const *start; /* may be the gates themselves */
    size_t start_panel;
    const float *x; /* [rows] rows of x_row floats, any alignment; not read when inputs is 0 */
    size_t x_row, inputs;
    const float *w_ih; /* packed, of `inputs` columns */
    const float *h;    /* [rows][h_row]: the state before; 0 in padding units */
    size_t h_row, hidden;
    const float *w_hh; /* packed, of `hidden` columns */
    float *h_next;     /* [rows][h_row]; vectors that are wholly padding are left as they are */
    const float *c;    /* LSTM: the cell state before and after, [rows][h_row] */
    float *c_next;
    float *gates; /* what backward needs: row r, panel p at gates + r*gates_row +
                     p*gates_panel, [slots][16]; NULL: not kept */
    size_t gates_row, gates_panel;
    float *extra;   /* LSTM: tanh(c_next), GRU reset-before: r * h; [rows][h_row]. That GRU
                       always needs it, and its gates
                       too; the LSTM when gates are kept */
    size_t columns; /* LSTM with a projection: of w_hh, the width of h. What goes to h_next is then
                       o tanh(c_next), which is to be projected; its rows, and those of c, c_next
                       and extra, are `hidden` numbers, padded */
} CellForward;

/* What the pre-activations of many steps start from: for steps s, rows r and the panels given,
 *
 *     out[s*out_step + r*out_row + p*out_panel + slot*16 + l] = start + W x
 *
 * the products in the chains that CellForward continues. */
typedef struct Projection {
    size_t steps, rows; /* rows of each step */
    size_t hidden;
    size_t panel_begin, panel_end;
    const float *start;           /* [panels][slots][16] */
    const float *x;               /* any alignment */
    size_t x_step, x_row, inputs; /* at least 1 */
    const float *w_ih;            /* packed, of `inputs` columns */
    float *out;                   /* vectors of padding units are left as they are */
    size_t out_step, out_row, out_panel;
} Projection;

/* One time step of one row, of which nothing is kept: what a stream runs. Only the hidden units
 * rounded up to whole vectors are written; what lies behind them in h_next, c and scratch must be
 * zeros beforehand. */
typedef struct CellStep {
    const float *start; /* [panels][slots][16]: the biases, or the gathered row of a token */
    const float *x;     /* [inputs], any alignment */
    size_t inputs;
    const float *w_ih; /* packed, of `inputs` columns */
    const float *h;    /* [padded]: the state before */
    size_t hidden;
    const float *w_hh; /* as in CellForward */
    float *h_next;     /* [padded]: the state after */
    float *c;          /* [padded], LSTM: the cell state, replaced */
    float *scratch;    /* [3][padded], GRU reset-before; [padded], LSTM with a projection */
    size_t columns;    /* LSTM with a projection: of h, instead of `hidden` */
    const float *w_hr; /* likewise: a Product's, `hidden` rows */
    bool descending;   /* units from the last to the first. Every other step: it then begins with
                          the weights that the step before has left in the cache */
    /* What the cells of src/cells/plain.c read besides; kernels do not. */
    const struct PlainCell *plain;
    const float *peephole;
} CellStep;

typedef void (*StepKernel)(const CellStep *step);

/* One time step back for some rows and panels: from the gradients of h' and c' to those of the
 * pre-activations, which replace the kept gates, and to the part of the gradient of h that does not
 * pass through the recurrent product. */
typedef struct CellBackward {
    size_t rows, hidden;
    size_t panel_begin, panel_end;
    bool descending;  /* of the products that follow */
    AheadList *ahead; /* likewise */
    float *gates;     /* 0 afterwards in padding units */
    size_t gates_row, gates_panel;
    const float *dy; /* [rows][dy_row] gradient from above, NULL: none */
    size_t dy_row;
    float *dh;      /* [rows][h_row]: gradient of h' from the step after in, partial one of h out */
    float *dc;      /* [rows][h_row], LSTM: of c' in, of c out */
    const float *h; /* [rows][h_row]: before the step (GRU) */
    const float *h_next; /* after the step (RNN) */
    const float *c;      /* before the step (LSTM) */
    const float *extra;  /* LSTM: tanh(c'); GRU reset-before, second part: gradient of r * h */
    size_t h_row;
} CellBackward;

/* mask[i] = 0 where number i of a stream is below the threshold, else `kept`. The numbers are those
 * of Philox4x32-10, four to a block, from the block at `position` on (core/random.h). */
typedef struct DropoutMask {
    size_t count; /* of any size */
    uint64_t seed;
    uint32_t purpose, stream;
    uint64_t position;
    uint32_t threshold;
    float kept;
    float *mask;
} DropoutMask;

/* The numbers of step t = 1, 2, ... of an optimiser, each rounded once from double. */
typedef struct AdamStep {
    float factor;        /* of the gradient */
    float rate;          /* learning rate / (1 - beta1^t) */
    float root;          /* 1 / sqrt(1 - beta2^t) */
    float beta1, rest1;  /* rest1 = 1 - beta1 */
    float beta2, rest2;  /* rest2 = 1 - beta2 */
    float epsilon;       /* above 0 */
    float decay, shrink; /* Adam: decay, 1; AdamW: 0, 1 - learning rate * decay */
} AdamStep;

typedef struct SgdStep {
    float factor; /* of the gradient */
    float rate, momentum, decay;
} SgdStep;

typedef struct RmspropStep {
    float factor; /* of the gradient */
    float rate;
    float alpha, rest; /* rest = 1 - alpha */
    float epsilon;     /* above 0 */
    float momentum, decay;
} RmspropStep;

/* Sums of squares over the weights of one update. */
typedef struct UpdateSums {
    double change;  /* of new - old */
    double weights; /* of the new ones */
} UpdateSums;

/* What the loss of one row is made of: loss = natural_logarithm(sum) - logit. */
typedef struct SoftmaxRow {
    double sum;   /* of exp(logits - their maximum) */
    double logit; /* of the target, minus the maximum */
} SoftmaxRow;

/* out [rows][LANES] = matrix [rows][columns], its rows `stride` apart, times vectors
 * [columns][LANES], in double: element c of vector k at [c * LANES + k]. Each number is a sum over
 * the columns, ascending, from 0; products and sums are rounded. `out` may not overlap the others.
 */
enum { LANES = 8 };
typedef struct LanesProduct {
    const double *matrix;
    size_t stride, rows, columns;
    const double *vectors;
    double *out;
} LanesProduct;

typedef struct Kernels {
    const char *name;

    void (*product)(const Product *product);
    void (*outer_product)(const OuterProduct *product);
    void (*column_blocks)(const ColumnBlocks *blocks);
    void (*sum_rows)(const RowSums *sums);
    void (*transpose)(const Transpose *transpose);
    void (*lanes_product)(const LanesProduct *product);

    /* Slots of a panel and their order:
     *   RNN  1: a                 LSTM 4: i f g o
     *   GRU  4: nx r z nh         (pre-activation parts from x and h of n; nh is kept as such)
     * Gates in packed weights: LSTM i f g o; GRU w_ih n r z, w_hh r z n. */
    void (*rnn_tanh_forward)(const CellForward *step);
    void (*rnn_relu_forward)(const CellForward *step);
    void (*lstm_forward)(const CellForward *step);
    void (*lstmp_forward)(const CellForward *step); /* with a projection, which is to follow */
    void (*gru_forward)(const CellForward *step);
    /* w_hh: a packed matrix of the gates r z, then one of n. First r and z, then, once all panels
     * have done that, n and h'. */
    void (*gru_reset_before_forward)(const CellForward *step);
    void (*gru_reset_before_forward2)(const CellForward *step);

    /* For cells with 1, 3 and 4 gates in w_ih, and 1, 4 and 4 slots. */
    void (*project1)(const Projection *projection);
    void (*project3)(const Projection *projection);
    void (*project4)(const Projection *projection);

    void (*rnn_tanh_backward)(const CellBackward *step);
    void (*rnn_relu_backward)(const CellBackward *step);
    void (*lstm_backward)(const CellBackward *step);
    void (*gru_backward)(const CellBackward *step);
    void (*gru_reset_before_backward)(const CellBackward *step);  /* n and z */
    void (*gru_reset_before_backward2)(const CellBackward *step); /* r, given extra */

    /* Element-wise over padded counts; y may be x. */
    void (*exp)(size_t padded, const float *x, float *y);
    void (*tanh)(size_t padded, const float *x, float *y);
    void (*sigmoid)(size_t padded, const float *x, float *y);
    void (*add)(size_t padded, const float *x, float *y); /* y += x */

    void (*dropout_mask)(const DropoutMask *mask);

    /* Softmax cross-entropy of one row of `count` logits (the array is padded):
     * -log p[target] = log(sum) - logit. With `gradient` (padded) also writes
     * (p - onehot(target)) * scale, and zeros after `count`. The sum is NaN when a logit is NaN or
     * +infinity or all are -infinity. */
    SoftmaxRow (*cross_entropy)(size_t count, const float *logits, size_t target, float scale,
                                float *gradient);

    /* Sums in double over 16 lanes and a fixed tree. */
    double (*sum_of_squares)(size_t padded, const float *x);

    /* Optimisers, over padded counts; the equations stand in update_body.h. Weights, m, v, square
     * and velocity are updated in place; the weights from before take the place of the gradient.
     * A velocity that is NULL: no momentum. Padding that is 0 stays 0. */
    UpdateSums (*adam)(size_t padded, float *w, float *m, float *v, float *gradient,
                       const AdamStep *step);
    UpdateSums (*sgd)(size_t padded, float *w, float *velocity, float *gradient,
                      const SgdStep *step);
    UpdateSums (*rmsprop)(size_t padded, float *w, float *square, float *velocity, float *gradient,
                          const RmspropStep *step);

    void (*clip)(size_t padded, float limit, float *x); /* to [-limit, limit]; NaN stays NaN */

    /* A stream's step, gates and slots as above. */
    StepKernel rnn_tanh_step, rnn_relu_step, lstm_step, lstmp_step, gru_step, gru_before_step;
} Kernels;

/* The kernels for an instruction set: "portable", "avx2", "avx512", or NULL for the best that this
 * processor has. NULL when it is unknown or the processor lacks it. */
const Kernels *kernels_select(const char *isa);

#endif
