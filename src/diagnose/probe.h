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
    size_t distinct; /* positions that differ, where rows overlap; 0: unknown */
    bool both_ways;  /* a layer is bidirectional: outputs depend on what comes after them */
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

/* The streams of random numbers of RANDOM_DIAGNOSE that positions are drawn from. */
enum ProbeStream { PROBE_STREAM_GRADIENT = 1, PROBE_STREAM_CONTEXTS = 2 };

/* At most `rows` rows of the first batches of a source, as many as have a step; each of these
 * batches is asked for twice. Errors: ARGUMENT (batches that do not fit the model), DATA (there are
 * no rows), MEMORY, those of the source. Whatever the result, probe_release may follow. */
elman_status probe_read_source(Probe *probe, Memory *memory, const Structure *structure,
                               const elman_source *source, size_t rows, elman_error *error);

/* `rows` rows of `steps` tokens, spread evenly over `count`, the target of each being the next; of
 * short texts fewer, which overlap, and shorter ones. Errors: ARGUMENT (a token outside the
 * vocabulary), DATA (fewer than two tokens), MEMORY. */
elman_status probe_read_tokens(Probe *probe, Memory *memory, const Structure *structure,
                               const int32_t *tokens, size_t count, size_t rows, size_t steps,
                               elman_error *error);
void probe_release(Probe *probe, Memory *memory);

/* Whether row b has a step t, and whether its output is counted in the loss. */
bool probe_has(const Probe *probe, size_t t, size_t b);
bool probe_counts(const Probe *probe, size_t t, size_t b);

/* What the output weighs in the mean loss: its class's weight, or how many of its numbers count; 0:
 * it is not counted. */
double probe_weight(const Probe *probe, size_t t, size_t b);

/* Where the output stands among all outputs. */
size_t probe_place(const Probe *probe, size_t t, size_t b);

/* Draws at most `count` different outputs that are counted from row b, spread over those that have
 * `steps` steps before them, and as many behind them where outputs depend on those; in a row that
 * is too short for that over those of its last quarter, or of the middle. Returns how many there
 * are. */
size_t probe_draw(const Probe *probe, size_t b, size_t steps, uint64_t seed, uint32_t stream,
                  ProbePosition *positions, size_t count);

/* The same from each row, `of_row` at most; of more than `count` so many, evenly. `positions`:
 * [rows][of_row]. */
size_t probe_draw_all(const Probe *probe, size_t steps, uint64_t seed, uint32_t stream,
                      ProbePosition *positions, size_t of_row, size_t count);

/* A probe with a row for each position: the `steps` steps that end there, fewer where there are no
 * more before it, and its target alone. `structure` may have its output at the last step where that
 * of `probe` has it at every one. `probe`, whose class weights and quantiles it shares, must
 * outlive it. Errors: MEMORY; probe_release may follow. */
elman_status probe_cut(Probe *cut, Memory *memory, const Structure *structure, const Probe *probe,
                       const ProbePosition *positions, size_t count, size_t steps,
                       elman_error *error);

#endif
