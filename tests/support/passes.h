/* Networks described by one struct, made-up data for them, and all that a pass computes.
 *
 * A failure of the library fails the test that called. */
#ifndef SUPPORT_PASSES_H
#define SUPPORT_PASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>
#include <elman/network.h>
#include <elman/tape.h>

enum { ARRAYS_MAX = 96, STAGES_MAX = 5 };

/* All layers are alike, but for the dropout. */
typedef struct NetworkSpec {
    elman_input input;
    size_t inputs;    /* features, or the vocabulary */
    size_t embedding; /* its width, for ELMAN_INPUT_EMBEDDING */
    elman_cell cell;
    size_t layers, hidden;
    size_t projection; /* LSTM; 0: none */
    bool bidirectional, no_bias, learned_state;
    float dropout;                  /* between layers */
    float top_dropout;              /* behind the last */
    size_t outputs;                 /* of the head; 0: none */
    elman_stage stages[STAGES_MAX]; /* behind it; `outputs` of linear ones alone is read */
    size_t stage_count;
    bool head_no_bias;
    elman_output output;
    elman_cell_options plain; /* its members behind `dropout`, of the backward direction
                                 where there is one; with any, passes go forward only */
    elman_sharing sharing;    /* of the tapes that are opened for it */
} NetworkSpec;

static const elman_cell all_cells[] = {ELMAN_CELL_RNN, ELMAN_CELL_RNN_RELU, ELMAN_CELL_LSTM,
                                       ELMAN_CELL_GRU, ELMAN_CELL_GRU_RESET_BEFORE};
static const char *const all_isas[] = {"portable", "avx2", "avx512"};
enum { CELLS = 5, ISAS = 3 };

/* The cells, and behind them the LSTM with a projection. */
enum { CELL_KINDS = CELLS + 1 };

typedef enum LossKind { CROSS_ENTROPY, SQUARED_ERROR, GIVEN_GRADIENT } LossKind;

/* One batch for a network; unused arrays are NULL. Every array of targets is there. */
typedef struct Sample {
    size_t steps, rows;
    float *dense;    /* past a row's length: NaN */
    int32_t *tokens; /* past a row's length: -1 */
    size_t *lengths; /* 0, steps, and numbers between */
    float *state;
    int32_t *classes; /* some negative */
    float *values;    /* targets, or the gradient of the output */
} Sample;

/* One array [outer][rows][inner] that a pass computed; rows 0: [outer][inner], of no batch row. */
typedef struct Array {
    char name[64];
    size_t outer, rows, inner;
    float *data;
} Array;

/* Output, hidden (and cell) states of each layer and direction, final states, then the gradients:
 * of each tensor, of the initial states, of a dense input. */
typedef struct Pass {
    size_t count;
    Array arrays[ARRAYS_MAX];
    elman_loss loss;
} Pass;

/* `isa` NULL: the best; NULL when the processor lacks it. */
elman_context *open_context(const char *isa, size_t threads);

/* A built model; learned states, which start at zero, get values too. */
elman_model *random_model(elman_context *context, const NetworkSpec *spec, uint64_t seed);

/* The same, compiled. */
elman_network *random_network(elman_context *context, const NetworkSpec *spec, uint64_t seed);

/* Evenly spread numbers that are the same on every machine, from [-bound, bound). */
void random_floats(float *values, size_t count, float bound, uint64_t seed);

/* count * size zeroed bytes, never NULL; released with free. */
void *zeroed(size_t count, size_t size);

size_t spec_directions(const NetworkSpec *spec);

/* The width of h. */
size_t spec_width(const NetworkSpec *spec);

/* Makes a spec of kind number `kind`: its cell, and a projection of any width where that has one.
 * Of `hidden` there are at least 2 then. */
void spec_set_kind(NetworkSpec *spec, size_t kind, size_t turn);

/* Whether there is one output a row. */
bool spec_one_output(const NetworkSpec *spec);
size_t spec_outputs(const NetworkSpec *spec);
size_t spec_gates(const NetworkSpec *spec);

/* Whether its layers are plain, and makes them so: activations, clip, coupled gate and peepholes
 * that take turns. */
bool spec_plain(const NetworkSpec *spec);
void spec_make_plain(NetworkSpec *spec, size_t turn);

/* Gives it stages behind the head, which take turns. */
void spec_make_staged(NetworkSpec *spec, size_t turn);
const char *cell_name(elman_cell cell);

Sample random_sample(const NetworkSpec *spec, size_t steps, size_t rows, bool lengths, bool state,
                     uint64_t seed);
void sample_free(Sample *sample);
size_t sample_positions(const NetworkSpec *spec, const Sample *sample);

/* The sample as one that `training` (with dropout seed 5, pass 3) or not. */
elman_sequence sample_sequence(const Sample *sample, bool training);

elman_tape *open_tape(const elman_network *network, const NetworkSpec *spec, size_t steps,
                      size_t rows);

/* Forward, loss and backward on a tape of the network. */
Pass *run_tape(elman_tape *tape, const NetworkSpec *spec, const Sample *sample, LossKind loss);

/* The same on a tape of its own. */
Pass *run_pass(const elman_network *network, const NetworkSpec *spec, const Sample *sample,
               LossKind loss);
void pass_free(Pass *pass);

/* The array of that name; a failure when there is none. */
const Array *pass_array(const Pass *pass, const char *name);

/* All arrays and the loss have the same bits. */
void check_same_bits(const Pass *got, const Pass *want, const char *what);

#endif
