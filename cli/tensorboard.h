/* The event files of a run, which TensorBoard opens. */
#ifndef CLI_TENSORBOARD_H
#define CLI_TENSORBOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <elman/diagnose.h>

typedef struct Tensorboard {
    const char *folder; /* NULL: none is written */
    uint64_t done;      /* steps of a run that goes on */
    char *path;         /* of the file; NULL: not yet opened */
    FILE *stream;
    bool failed; /* a sentence has been printed */
} Tensorboard;

/* Prepares for a file in `folder` (NULL: none) that the first step opens. `done`: steps that an
 * earlier part of the run has written; what it wrote of later ones is taken back. */
void tensorboard_start(Tensorboard *board, const char *folder, uint64_t done);

/* Whether `folder` is a folder, or nothing that is in its way; false after a sentence. */
bool tensorboard_check(const char *folder);

/* Appends what is known of a step: its report, a diagnosis (NULL: none) and how the weights of a
 * model are spread (NULL: not now). Returns false, after a sentence, when that fails. */
bool tensorboard_step(Tensorboard *board, const elman_step_report *report,
                      const elman_diagnosis *diagnosis, const elman_model *weights);

/* Ends the file. */
bool tensorboard_finish(Tensorboard *board);

#endif
