/* The forward pass as reference.h declares it, once for double and once for double complex.
 *
 * No include guard: each inclusion defines SCALAR, TYPE(name) and FUNCTION(name) anew. */

/* What a pass reads and derivatives are taken of. */
typedef struct TYPE(RefValues) {
    const SCALAR *parameters; /* [parameter_count] */
    const SCALAR *dense;      /* [T][B][I] of dense input; not read past a row's length */
    const SCALAR *initial;    /* [ref_state_count]; NULL: the learned states, or zeros */
} TYPE(RefValues);

/* One layer in one direction. Its arrays are in the order of the visits: visit s is at step s
 * forward and at step T - 1 - s in reverse. A visit past the row's length carries the state on. */
typedef struct TYPE(RefTrack) {
    SCALAR *hidden;       /* [T + 1][B][W], before visit s; initial state first, final last */
    SCALAR *cell;         /* [T + 1][B][H], LSTM */
    SCALAR *gates;        /* [T][B][G * H], activated, in the order of the weights */
    SCALAR *recurrent;    /* [T][B][G * H], W_hh h + b_hh; reset-before GRU: n from r * h */
    SCALAR *reset_hidden; /* [T][B][H], r * h of the reset-before GRU */
    SCALAR *unprojected;  /* [T][B][H], m of an LSTM with a projection */
} TYPE(RefTrack);

typedef struct TYPE(RefPass) {
    SCALAR *inputs[REF_LAYERS_MAX]; /* [T][B][I] that each layer sees, masks applied */
    TYPE(RefTrack) tracks[REF_LAYERS_MAX][2];
    SCALAR *features;    /* [P][F], the last layer's: what the head sees */
    SCALAR *output;      /* [P][O]; zero where positions do not count */
    SCALAR *final_state; /* [ref_state_count] */
} TYPE(RefPass);

/* Past a row's length its state is carried unchanged and outputs are zero; in reverse the row
 * starts at its last valid step. A bidirectional layer gives [forward, reverse]. The caller frees
 * the result with ref_pass_free. */
TYPE(RefPass) * FUNCTION(ref_forward)(const RefNetwork *network, const RefBatch *batch,
                                      const TYPE(RefValues) * values);
void FUNCTION(ref_pass_free)(TYPE(RefPass) * pass);

/* The loss of an output [P][O]; 0 when no position counts. */
SCALAR FUNCTION(ref_loss)(const RefNetwork *network, const RefBatch *batch, const RefTarget *target,
                          const SCALAR *output);
