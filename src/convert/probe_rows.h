/* What both sides of a proof read: rows of numbers or tokens, of different length. */
#ifndef CONVERT_PROBE_ROWS_H
#define CONVERT_PROBE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include <elman/model.h>
#include <elman/rows.h>

#include "core/memory.h"

typedef struct ProbeRows {
    Memory *memory;
    size_t steps, rows;
    size_t features; /* numbers of one step, or the vocabulary */
    size_t *lengths; /* [rows], each at least 1 */
    float *dense;    /* [steps][rows][features]; NULL: tokens */
    int32_t *tokens; /* [steps][rows]; NULL: numbers */
    float *state;    /* the initial one, as elman/network.h lays it out; NULL: the model's own */
} ProbeRows;

/* Random rows that the model can read, always the same ones: normal numbers, or tokens; of
 * different lengths or of all steps. probe_rows_close may follow in any case. Errors: MEMORY. */
elman_status probe_rows_open_random(ProbeRows *probe, const elman_model *model, size_t steps,
                                    size_t rows, bool has_lengths, elman_error *error);

/* The rows of an array. Errors: MISMATCH (not for this model), DATA (a number that is not finite, a
 * token outside the vocabulary), MEMORY. */
elman_status probe_rows_open_array(ProbeRows *probe, const elman_model *model,
                                   const elman_array *array, elman_error *error);

void probe_rows_close(ProbeRows *probe);

#endif
