/* The sequences that a diagnosis looks at. */
#ifndef DIAGNOSE_PROBE_H
#define DIAGNOSE_PROBE_H

#include "core/memory.h"
#include "model/structure.h"
#include <elman/train.h>

typedef struct Probe {
    elman_sequence sequence; /* all rows, from the initial state, without dropout */
    elman_targets targets;
    size_t width; /* numbers of a target; 1 for classes */
    bool one_output;
    /* What the two point to. */
    float *dense, *numbers, *scales, *class_weights;
    int32_t *tokens, *classes;
    size_t *lengths;
    double *quantiles;
} Probe;

/* An output: that of `row` after step `step`, which comes last where there is one output a
 * sequence. */
typedef struct ProbePosition {
    size_t row, step;
} ProbePosition;

/* At most `rows` rows of the first batches of a source, as many as have a step. Errors: DATA (there
 * are none), MEMORY, those of the source. Whatever the result, probe_release may follow. */
elman_status probe_read_source(Probe *probe, Memory *memory, const Structure *structure,
                               const elman_source *source, size_t rows, elman_error *error);

/* `rows` rows of `steps` tokens, spread evenly over `count`, the target of each being the next; of
 * short texts fewer or shorter ones. Errors: ARGUMENT (a token outside the vocabulary), DATA
 * (fewer than two tokens), MEMORY. */
elman_status probe_read_tokens(Probe *probe, Memory *memory, const Structure *structure,
                               const int32_t *tokens, size_t count, size_t rows, size_t steps,
                               elman_error *error);
void probe_release(Probe *probe, Memory *memory);

/* Whether row b has a step t, and whether its output is counted in the loss. */
bool probe_has(const Probe *probe, size_t t, size_t b);
bool probe_counts(const Probe *probe, size_t t, size_t b);

/* A probe with a row for each position: the `steps` steps that end there, fewer where there are no
 * more before it, and its target alone. */
elman_status probe_cut(Probe *cut, Memory *memory, const Structure *structure, const Probe *probe,
                       const ProbePosition *positions, size_t count, size_t steps,
                       elman_error *error);

#endif
