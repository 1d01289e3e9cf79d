/* What is written down while a model is trained: the log, event files, brief diagnoses. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <stdbool.h>

#include "log.h"
#include "tensorboard.h"
#include "train_options.h"

enum { WATCH_ROWS = 16 }; /* sequences that a brief diagnosis looks at */

typedef struct Watch {
    const TrainOptions *options;
    const elman_model *model;
    const elman_token_data *tokens; /* what is diagnosed: these, or */
    const elman_source *source;
    Log log;
    Tensorboard board;
    uint64_t epoch; /* of the step before; 0: none */
    bool failed;    /* a sentence has been printed */
} Watch;

/* Whether the files can be written, and are none of the `count` others (NULL: no file); false after
 * a sentence. */
bool watch_check_paths(const TrainOptions *options, const char *const *others, size_t count);

/* Begins to watch the training of a model, `done` steps of which are in a checkpoint. False, after
 * a sentence, when the log is no log. */
bool watch_start(Watch *watch, const TrainOptions *options, const elman_model *model,
                 uint64_t done);

/* Writes down a step. False, after a sentence, when that fails: the run shall stop. */
bool watch_step(Watch *watch, const elman_step_report *report);

/* The same of the end of a run that met a number which is not finite. */
bool watch_not_finite(Watch *watch, const char *sentence, const elman_not_finite *where);

/* Ends log and event file. `begun`: the run has taken a step, or could have. */
bool watch_finish(Watch *watch, bool begun);

#endif
