/* What the recurrent cells have in common: a layer's direction run over time, forward and back.
 *
 * Arrays are time-first. A "state array" [steps + 1][batch][padded] holds the states between steps,
 * so that slot t is before step t in the forward direction; the backward direction reads the same
 * slots from the end. `padded` is the number of hidden units rounded up to whole panels of 16;
 * padding units have zero weights and stay out of everything. h has as many numbers as there are
 * hidden units but in a cell with a projection: `padded` is that width rounded up wherever an array
 * holds h or its gradient.
 *
 * Workers share a run in one of three ways. By rows, which are independent of each other: they need
 * not meet inside the time loop, but each reads all weights. By panels of units, where rows are few
 * or the weights too many for one processor's cache: they meet at every step. Or one worker takes
 * all of a run, some steps at a time, while others do so with other runs. The bits are the same
 * in any case. */
#ifndef CELLS_CELL_H
#define CELLS_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context/profile.h"
#include "core/pool.h"
#include "kernels/kernels.h"

enum { CELL_GATES_MAX = 4, CELL_PEEPHOLES = 3 };

typedef struct CellRun CellRun;

/* What a worker has of a run. */
typedef enum CellSharing {
    CELL_ROWS,   /* some rows, at all steps */
    CELL_PANELS, /* some panels, in all rows; of products over all steps: some of all rows */
    CELL_WHOLE   /* everything */
} CellSharing;

/* One worker's share of a run. */
typedef struct CellShare {
    size_t worker, workers;
    CellSharing sharing;
    Pool *pool;          /* where workers meet; read when they share panels */
    const float **start; /* [batch] scratch of this worker */
} CellShare;

/* One kind of cell. */
typedef struct Cell {
    const char *name;
    size_t gates;       /* blocks of weight rows: weight_hh is [gates*hidden][hidden] */
    size_t slots;       /* numbers kept for each unit and step */
    size_t input_slot;  /* first of `gates` slots whose gradients belong to weight_ih */
    size_t hidden_slot; /* first of `gates` slots whose gradients belong to weight_hh */
    unsigned char input_order[CELL_GATES_MAX];  /* packed gate -> block of weight_ih */
    unsigned char hidden_order[CELL_GATES_MAX]; /* packed gate -> block of weight_hh */
    unsigned char slot_input[CELL_GATES_MAX];   /* slot -> block of bias_ih; 255: none */
    unsigned char slot_hidden[CELL_GATES_MAX];  /* slot -> block of bias_hh; 255: none */
    bool cell_state;                            /* has c beside h */
    bool needs_scratch;   /* forward needs gates and extra even when nothing is kept */
    bool keeps_extra;     /* backward needs CellForward.extra */
    bool projected;       /* h = W_hr m, narrower than the m of the hidden units */
    size_t leading_gates; /* packed w_hh: the first so many gates interleaved, then the rest */
    void (*project)(const Kernels *kernels, const Projection *projection); /* NULL: in forward */
    void (*forward)(const CellForward *step, const CellRun *run, const CellShare *share);
    StepKernel (*step_kernel)(const Kernels *kernels); /* of a stream's step */
    /* NULL: there is no way back.
     * Back through one step for some rows and panels: replaces the kept gates by the gradients of
     * the pre-activations and dh by the gradient of the state before. */
    void (*backward)(const CellBackward *step, const CellRun *run, const CellShare *share);
    /* The gradient of c' of one row, for the step's panels, as backward will compute it, given that
     * of h'. NULL: there is no c, or backward keeps it itself. */
    void (*cell_gradient)(const CellBackward *step, size_t row, const float *dh, float *dc);
} Cell;

extern const Cell cell_rnn_tanh, cell_rnn_relu, cell_lstm, cell_gru, cell_gru_reset_before;
extern const Cell cell_lstm_projected;

/* With what those lack, forward only; see plain.h. */
extern const Cell cell_plain_rnn, cell_plain_lstm, cell_plain_gru, cell_plain_gru_reset_before;

typedef struct CellShape {
    const Cell *cell;
    size_t inputs, hidden;
    size_t panels;       /* of 16 hidden units */
    size_t width;        /* of h: `hidden`, or a projection's outputs */
    size_t width_panels; /* of 16 numbers of h */
    bool tokens;         /* the input is a token, looked up in a table */
    bool peepholes;
    const struct PlainCell *plain; /* what a plain cell computes in this direction */
} CellShape;

/* Packed weights of one direction. */
typedef struct CellWeights {
    float *start;     /* [panels][slots][16]: the biases */
    float *table;     /* tokens: [inputs][panels][slots][16]: biases plus the token's weights */
    float *w_ih;      /* dense: packed, of `inputs` columns */
    float *w_hh;      /* packed, of `width` columns: the leading gates, then the rest */
    float *h0, *c0;   /* [padded]: the initial state */
    float *peephole;  /* [3][padded]: i o f */
    float *w_hr;      /* projected: a Product's, `hidden` rows */
    float *w_ih_back; /* dense, for the gradient of x: a Product's, panels*gates*16 rows */
    float *w_hh_back; /* for the gradient of h, likewise */
    float *w_hr_back; /* for the gradient of m: a Product's, `width` rows */
} CellWeights;

/* A model's weights of one direction; NULL for those that it lacks. */
typedef struct CellTensors {
    const float *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_hr, *h0, *c0, *peephole;
} CellTensors;

/* The floats of each part, in the order of CellWeights, but for the last ones, which backward alone
 * needs; false when a product does not fit. */
enum { CELL_PARTS = 8 };
bool cell_weights_sizes(const CellShape *shape, size_t sizes[CELL_PARTS]);

/* The floats of w_ih_back (0 for tokens), w_hh_back and w_hr_back. */
enum { CELL_BACK_PARTS = 3 };
bool cell_back_sizes(const CellShape *shape, size_t sizes[CELL_BACK_PARTS]);

/* A matrix [outputs][inputs] packed for products both ways. */
typedef struct PackedMatrix {
    size_t inputs, outputs;
    float *w;      /* a Product's, inputs rows */
    float *w_back; /* a Product's, outputs rows; NULL: not wanted */
} PackedMatrix;

/* Packs one panel of outputs; `matrix` NULL: w is there, w_back follows from it. */
void pack_matrix(const Kernels *kernels, const PackedMatrix *packed, const float *matrix,
                 size_t panel);

/* Packs one panel of hidden units, all but what backward needs. */
void cell_pack(const Kernels *kernels, const CellShape *shape, const CellTensors *tensors,
               const CellWeights *weights, size_t panel);

/* Of the parts that backward needs, packs those that are not NULL, from one packed panel. */
void cell_pack_back(const Kernels *kernels, const CellShape *shape, const CellWeights *weights,
                    size_t panel);

/* One direction of a layer over one batch. */
struct CellRun {
    const CellShape *shape;
    const CellWeights *weights;
    const Kernels *kernels;
    elman_context *context; /* whose profile the phases are counted in */
    bool reverse;
    size_t steps, batch;
    const size_t *lengths; /* [batch] or NULL */

    const float *x; /* dense: row (t, b) at x + (t*batch + b)*x_row */
    size_t x_row;
    const int32_t *tokens; /* [steps][batch] */

    float *h, *c;    /* state arrays; slot `cell_first` holds the initial state */
    bool c_in_place; /* c has but one slot, which each step overwrites */
    float *gates;    /* [panels][steps][batch][slots*16] (RNN: [steps][batch][panels*16]) */
    float *extra;    /* [steps][batch][padded] */
    float *pre;      /* without gates: as they, for cell_chunk steps; not read for tokens */
    float *m;        /* projected: [steps][batch][padded]; without gates as many slots as c has */

    const float *dy; /* gradient of the outputs: row (t, b) at dy + (t*batch + b)*dy_row */
    size_t dy_row;
    float *dh, *dc; /* [batch][padded]: gradients of the state; in: of the final one */
    float *kept_dh; /* [steps][batch][padded]: gradients of h' and c' at every step; NULL: not */
    float *kept_dc; /* kept. A projected cell needs that of h' */
    float *scratch; /* [batch][padded], for the GRU that resets before; projected: of m */
    const float *zeros; /* as many as the widest row of h or x has, padded */
};

/* The slot of a state array before step t and after it, the initial and the final slot. */
size_t cell_slot_before(const CellRun *run, size_t t);
size_t cell_slot_after(const CellRun *run, size_t t);
size_t cell_slot_first(const CellRun *run);
size_t cell_slot_last(const CellRun *run);

/* The floats of a row of h, and of one of c or of anything else of the hidden units. */
static inline size_t cell_h_row(const CellShape *shape) {
    return shape->width_panels * PANEL;
}

static inline size_t cell_unit_row(const CellShape *shape) {
    return shape->panels * PANEL;
}

/* Where h and c of a slot lie. */
float *cell_h(const CellRun *run, size_t slot);
float *cell_c(const CellRun *run, size_t slot);

/* Where m of a step's rows lies, in a projected cell. */
float *cell_m(const CellRun *run, const CellForward *step);

/* Strides of `gates`. */
size_t cell_gates_row(const CellRun *run);
size_t cell_gates_panel(const CellRun *run);

/* The steps whose inputs are projected at a time: so many that the weights are read but once for
 * some hundred rows, so few that what was computed is still in the cache when it is read. */
size_t cell_chunk(size_t batch);

/* What of a run is a worker's: rows [begin, end) and panels, of the hidden units or of h. */
void cell_share_rows(const CellShare *share, size_t batch, size_t *begin, size_t *end);
void cell_share_panels(const CellShare *share, size_t panels, size_t *begin, size_t *end);

/* When panels are shared: returns when all workers have called it. */
void cell_meet(const CellShare *share);

/* Steps [begin, end). */
typedef struct StepRange {
    size_t begin, end;
} StepRange;

/* Runs a share over some steps, in the direction's order, from the state that h and c hold where
 * they begin. When panels are shared all of it is there when this returns. */
void cell_forward(const CellRun *run, StepRange steps, const CellShare *share);

/* Back through some steps: gates become gradients of the pre-activations, dh and dc, of the state
 * after them, those of the state before. Past a row's length its gates become zeros. When panels
 * are shared the gates of all are there when this returns. */
void cell_backward(const CellRun *run, StepRange steps, const CellShare *share);

/* The gradient of x at some steps, added to dx or put in its place: row (t, b) at
 * dx + (t*batch + b)*dx_row; dx_row is the inputs rounded up to whole panels. After cell_backward.
 */
void cell_input_gradient(const CellRun *run, StepRange steps, float *dx, size_t dx_row, bool add,
                         const CellShare *share);

/* A share of a product over rows [steps][batch]: `product` without steps and rows, its arrays being
 * those of step 0. */
void cell_product(const Kernels *kernels, Product product, StepRange steps, size_t batch,
                  const CellShare *share);

/* dh += the recurrent product's part of the gradient of h for `step`, over packed gates
 * [slot, slot + gates) with the packed matrix w (a part of w_hh_back). For the cells. */
void cell_hidden_gradient(const CellBackward *step, const CellRun *run, float *out, size_t slot,
                          size_t gates, const float *w);

#endif
