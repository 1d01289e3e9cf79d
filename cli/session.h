/* A training run of any kind of data: what an earlier run has left, the model, the log, progress,
 * signals, and what is saved at the end. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <jansson.h>
#include <stdbool.h>

#include "command.h"
#include "progress.h"
#include "train_options.h"
#include "watch.h"
#include <elman/elman.h>

typedef struct Session {
    const Command *command;
    void *values;                /* the kind's options, */
    const TrainOptions *options; /* which begin with these */
    const bool *given;           /* [OPTIONS_MAX] */
    Operands files;              /* what is read: "-" is standard input */
    const char *unit;            /* what is predicted, in the plural: "characters", "values" */

    elman_error error; /* of the library, printed once at the end */
    elman_context *context;
    char *checkpoint_path;        /* NULL without --output: nothing is kept of the run */
    elman_checkpoint *checkpoint; /* NULL: a run from the beginning */
    json_t *description;          /* as in the checkpoint and the model; NULL before it is made */
    elman_model *model;
    elman_trainer *trainer;

    Watch watch;
    Progress progress;
    double target;  /* stop at a validation loss of this or less; 0: never */
    bool at_target; /* it was reached */
    bool endless;   /* every batch is new: progress and log have no epochs */
    bool unwatched; /* log or event file could not be written to the end: the run shall end as
                       failed */
    bool discard;   /* the checkpoint is another run's, which --force gives up */
} Session;

/* Checks what will be written, creates the context and looks for what an earlier run has left: with
 * --resume its options are put into `values`. True when the run shall go on; else *status is the
 * exit status. Whatever the result, session_close may follow. */
bool session_open(Session *session, int *status);
void session_close(Session *session);

/* Puts the name of the first file before the library's sentence about what is in it. */
void session_name_file(Session *session);

/* Whether data of that digest are those that the checkpoint was begun with; false after a sentence.
 * `name` stands for the data. */
bool session_check_digest(const Session *session, const char *name, const char *digest);

/* Whether training session->model on so many rows of so many steps fits into memory; false after a
 * sentence. The model need not be built. */
bool session_check_memory(const Session *session, size_t batch, size_t steps);

/* Builds session->model, which has its layers. */
bool session_build_model(Session *session);

/* Starts from the weights that --init names, puts the description into the model and makes the
 * trainer, where the checkpoint has left it. The model's data (vocabulary, encoder) must be set. */
bool session_make_trainer(Session *session);

/* One line about model and threads, unless --quiet. */
void session_say_model(const Session *session);

/* Trains on a source, or on tokens where `source` is NULL. `valid`: the validation part of a source
 * as batches, which are diagnosed in the place of those of the source (NULL, or without batches:
 * they are not). Returns EXIT_DONE with `result` filled in when the run has ended; else the exit
 * status. */
int session_train(Session *session, const elman_source *source, const elman_source *valid,
                  const elman_token_data *tokens, elman_train_result *result);

/* Further training of the same run: begins to show progress anew, and an elman_step_function
 * (`user` is the session) that shows it and stops at a signal. */
void session_show_progress(Session *session);
int session_stops(void *user, const elman_step_report *report);

/* Says how to go on with a run that has ended before its time, and returns the exit status. */
int session_say_stopped(const Session *session, uint64_t steps);

/* Saves the model with the description, to which "result" has been added, and removes the
 * checkpoint. Returns the exit status. */
int session_save(Session *session, uint64_t steps);

/* "a.txt", or "the text of 3 files" where `what` is "text". */
const char *session_files_name(const Session *session, const char *what, char *text, size_t size);

#endif
