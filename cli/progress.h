/* How a run gets on, on stderr: a bar on a terminal, a line now and then elsewhere. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <elman/train.h>

typedef struct Progress {
    const char *unit; /* what is predicted, in the plural */
    bool quiet;
    bool terminal;
    bool colour;         /* on a terminal, unless NO_COLOR is set */
    bool drawn;          /* a bar stands on the last line */
    double shown;        /* when something was printed last */
    uint64_t shown_step; /* which one that was */
    double loss;         /* running mean; the same for the two below */
    double speed;        /* of those, a second */
    double pace;         /* seconds a step */
    bool started;        /* the running means have their first value */
    double validation;   /* loss of the last validation, NaN before */
} Progress;

void progress_start(Progress *progress, const char *unit, bool quiet);

/* After each step. */
void progress_step(Progress *progress, const elman_step_report *report);

/* Takes the bar away, so that a message can follow. */
void progress_clear(Progress *progress);

#endif
