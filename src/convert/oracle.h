/* The other side of a proof: what the source itself computes, in double precision.
 *
 * An oracle reads the source's own tensors (or graph) and shares no code with src/cells, src/model
 * or the mapping, so that a mistake in one of them shows as a difference. */
#ifndef CONVERT_ORACLE_H
#define CONVERT_ORACLE_H

#include <stdbool.h>

#include "convert/probe_rows.h"

/* What one direction of one layer computed: h, or the c of an LSTM, at each step or in the end. */
typedef struct OracleTrack {
    size_t layer;
    bool reverse, cell;
    bool is_final;  /* after the direction's last step of each row */
    size_t width;   /* numbers */
    double *values; /* [steps][rows][width], behind a row's length anything; final: [rows][width] */
} OracleTrack;

/* What a tensor of the model has to be. */
typedef struct OracleWeight {
    char name[64];
    double *values; /* [count] */
    size_t count;
} OracleWeight;

typedef struct OracleAnswer {
    Memory *memory;
    OracleTrack *tracks;
    size_t track_count;
    bool is_partial;       /* the source does not show all of them */
    OracleWeight *weights; /* some or none */
    size_t weight_count;
    size_t outputs;  /* numbers of one output */
    bool one_output; /* a sequence has one: [rows][outputs]; else [steps][rows][outputs] */
    double *output;
} OracleAnswer;

typedef struct Oracle Oracle;

/* Computes the answer to a probe; oracle_answer_release may follow in any case. */
typedef elman_status (*OracleRun)(const Oracle *oracle, const ProbeRows *probe,
                                  OracleAnswer *answer, elman_error *error);

/* A kind of oracle keeps this as its first member. */
struct Oracle {
    OracleRun run;
};

void oracle_answer_release(OracleAnswer *answer);

#endif
