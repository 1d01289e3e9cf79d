/* A training run of any kind of data. */
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "remember.h"
#include "signals.h"
#include "train_model.h"

/* What is written must not be what is read. */
static bool check_same_files(const Session *session) {
    const TrainOptions *options = session->options;
    const char *const written[] = {options->output, session->checkpoint_path, options->log};
    for (size_t w = 0; w < 3; w++) {
        for (size_t i = 0; written[w] && i < session->files.count; i++) {
            if (machine_same_file(written[w], session->files.names[i])) {
                message("%s: is the data to learn, it would be overwritten", written[w]);
                return false;
            }
        }
    }
    const char *log = options->log;
    for (size_t w = 0; log && w < 2 && written[w]; w++) {
        if (strcmp(log, written[w]) == 0 || machine_same_file(log, written[w])) {
            message("%s: is to be both the log and %s", log, w ? "the checkpoint" : "the model");
            return false;
        }
    }
    return machine_spares(log, options->init);
}

static bool name_checkpoint(Session *session) {
    const size_t size = strlen(session->options->output) + sizeof(".checkpoint");
    session->checkpoint_path = malloc(size);
    if (!session->checkpoint_path) {
        message("no memory left");
        return false;
    }
    (void)snprintf(session->checkpoint_path, size, "%s.checkpoint", session->options->output);
    return true;
}

static bool check_paths(Session *session) {
    const TrainOptions *options = session->options;
    const char *output = options->output;
    if (output && !name_checkpoint(session)) return false;
    const char *const others[] = {output, session->checkpoint_path, options->log};
    return check_same_files(session) &&
           (!output ||
            (machine_can_replace(output) && machine_can_replace(session->checkpoint_path))) &&
           watch_check_paths(options, others, 3);
}

static bool read_checkpoint(Session *session) {
    const char *path = session->checkpoint_path;
    if (elman_checkpoint_open(session->context, path, &session->checkpoint, &session->error)) {
        return false;
    }
    const char *description = elman_checkpoint_description(session->checkpoint);
    session->description = description ? json_loads(description, 0, NULL) : NULL;
    if (!json_is_object(session->description)) {
        message("%s: holds no description of its run", path);
        return false;
    }
    return remember_restore(session->command->options, session->description, path, session->given,
                            session->values);
}

/* Looks for what an earlier run has left. */
static bool find_earlier(Session *session, int *status) {
    const TrainOptions *options = session->options;
    const char *path = session->checkpoint_path;
    const bool unfinished = path && machine_exists(path);
    *status = EXIT_FAILED;
    if (!path) return true;
    if (unfinished && options->resume) return read_checkpoint(session);
    if (unfinished && !options->force) {
        message("%s holds an unfinished run: go on with it by --resume, or start anew by --force",
                path);
        return false;
    }
    session->discard = unfinished;
    if (options->resume && machine_exists(options->output)) {
        message("%s is finished and has no checkpoint: nothing to do", options->output);
        *status = EXIT_DONE;
        return false;
    }
    if (!options->resume) return true;
    if (!train_options_agree(session->command->full_name, options)) {
        *status = EXIT_USAGE;
        return false;
    }
    message("%s: no checkpoint, training starts at the beginning", path);
    return true;
}

bool session_open(Session *session, int *status) {
    const TrainOptions *options = session->options;
    const elman_context_options context = {
        .struct_size = sizeof(context),
        .threads = options->threads ? (size_t)options->threads : elman_processor_count(),
    };
    *status = EXIT_FAILED;
    return check_paths(session) &&
           !elman_context_create(&context, &session->context, &session->error) &&
           find_earlier(session, status);
}

void session_name_file(Session *session) {
    const char *name = session->files.names[0];
    char sentence[ELMAN_MESSAGE_MAX];
    (void)snprintf(sentence, sizeof(sentence), "%s", session->error.message);
    (void)snprintf(session->error.message, sizeof(session->error.message), "%s: %.*s",
                   strcmp(name, "-") == 0 ? "standard input" : name, ELMAN_MESSAGE_MAX / 2,
                   sentence);
}

void session_close(Session *session) {
    elman_trainer_destroy(session->trainer);
    elman_model_destroy(session->model);
    json_decref(session->description);
    elman_checkpoint_close(session->checkpoint);
    elman_context_destroy(session->context);
    free(session->checkpoint_path);
}

bool session_check_digest(const Session *session, const char *name, const char *digest) {
    if (!session->checkpoint) return true;
    const char *then = elman_checkpoint_digest(session->checkpoint);
    if (then && strcmp(then, digest) == 0) return true;
    message("%s has the SHA-256 %s, but %s was started with %s", name, digest,
            session->checkpoint_path, then ? then : "other data");
    return false;
}

bool session_check_memory(const Session *session, size_t batch, size_t steps) {
    char needed[FORMAT_MAX], present[FORMAT_MAX];
    const TrainOptions *options = session->options;
    const size_t bytes = elman_model_training_bytes(session->model, steps, batch);
    const uint64_t available = machine_memory_available();
    if (available == 0 || bytes <= available) return true;
    message("%" PRIu64 " layer%s of %" PRIu64 " units, trained on %zu windows of %zu %s, need %s%s "
            "of memory, but %s are present",
            options->layers, options->layers == 1 ? "" : "s", options->hidden, batch, steps,
            session->unit, bytes == SIZE_MAX ? "more than " : "",
            format_bytes((double)bytes, needed), format_bytes((double)available, present));
    return false;
}

bool session_build_model(Session *session) {
    elman_init_options init;
    train_options_init(session->options, &init);
    return !elman_model_build(session->model, &init, &session->error);
}

/* Puts the description into the model. */
static bool describe_model(Session *session) {
    char *text = json_print(session->description, JSON_COMPACT);
    const elman_status status = elman_model_set_training(session->model, text, &session->error);
    free(text);
    return !status;
}

/* Takes over the weights that --init names; a checkpoint has later ones. */
static bool start_from(Session *session) {
    const char *path = session->options->init;
    return session->checkpoint || !path ||
           train_model_start_from(session->context, session->model, path, &session->error);
}

bool session_make_trainer(Session *session) {
    elman_train_options options;
    if (!start_from(session) || !describe_model(session)) return false;
    train_options_run(session->options, &options);
    char *text = json_print(session->description, JSON_COMPACT);
    options.checkpoint_path = session->checkpoint_path;
    options.description = text;
    bool ok = !elman_trainer_create(session->model, &options, &session->trainer, &session->error);
    if (ok && session->checkpoint) {
        ok = !elman_trainer_restore(session->trainer, session->checkpoint, &session->error);
    }
    free(text);
    return watch_start(&session->watch, session->options, session->model,
                       session->checkpoint ? elman_checkpoint_step(session->checkpoint) : 0) &&
           ok;
}

void session_say_model(const Session *session) {
    char parameters[FORMAT_MAX];
    elman_model_info info;
    if (session->options->quiet) return;
    elman_model_describe(session->model, &info);
    const size_t threads = elman_context_threads(session->context);
    message("a model of %zu layer%s with %s parameters, %zu thread%s", info.layers,
            info.layers == 1 ? "" : "s", format_count(info.parameters, parameters), threads,
            threads == 1 ? "" : "s");
    if (session->checkpoint) {
        message("going on after step %" PRIu64, elman_checkpoint_step(session->checkpoint));
    }
}

void session_show_progress(Session *session) {
    progress_start(&session->progress, session->unit, session->options->quiet);
}

int session_stops(void *user, const elman_step_report *report) {
    Session *session = user;
    progress_step(&session->progress, report);
    return signals_received() != 0;
}

static int on_step(void *user, const elman_step_report *report) {
    Session *session = user;
    elman_step_report shown = *report;
    if (session->endless) shown.epoch = 0;
    progress_step(&session->progress, &shown);
    if (!watch_step(&session->watch, &shown)) return 1;
    session->at_target =
        session->target > 0.0 && report->validated && report->validation_loss <= session->target;
    return session->at_target || signals_received() != 0;
}

int session_say_stopped(const Session *session, uint64_t steps) {
    const int signal = signals_received();
    if (session->checkpoint_path && machine_exists(session->checkpoint_path)) {
        message("stopped after step %" PRIu64 "; %s keeps the run, --resume goes on with it", steps,
                session->checkpoint_path);
    } else {
        message("stopped after step %" PRIu64, steps);
    }
    return signal ? EXIT_SIGNAL + signal : EXIT_FAILED;
}

int session_train(Session *session, const elman_source *source, const elman_source *valid,
                  const elman_token_data *tokens, elman_train_result *result) {
    signals_watch();
    if (session->discard) (void)unlink(session->checkpoint_path);
    session_show_progress(session);
    session->watch.tokens = tokens;
    session->watch.source = valid && valid->batches > 0 ? valid : source;
    elman_status status = source ? elman_trainer_run(session->trainer, source, on_step, session,
                                                     result, &session->error)
                                 : elman_trainer_run_tokens(session->trainer, tokens, on_step,
                                                            session, result, &session->error);
    progress_clear(&session->progress);
    elman_not_finite where;
    if (status == ELMAN_ERR_NOT_FINITE && elman_trainer_not_finite(session->trainer, &where)) {
        (void)watch_not_finite(&session->watch, session->error.message, &where);
    }
    const bool begun = !status || session->progress.started;
    session->unwatched = !watch_finish(&session->watch, begun);
    if (status == ELMAN_ERR_CANCELLED && session->at_target) status = ELMAN_OK;
    if (status == ELMAN_ERR_CANCELLED) {
        session->error.message[0] = '\0';
        return session_say_stopped(session, result->steps);
    }
    if (status == ELMAN_ERR_NOT_FINITE && session->checkpoint_path) {
        message("%s; %s keeps the last good weights", session->error.message,
                session->checkpoint_path);
        session->error.message[0] = '\0';
    }
    return status ? EXIT_FAILED : EXIT_DONE;
}

int session_save(Session *session, uint64_t steps) {
    if (!describe_model(session)) return EXIT_FAILED;
    if (elman_model_save(session->model, session->options->output, &session->error)) {
        message("%s", session->error.message);
        session->error.message[0] = '\0';
        return session_say_stopped(session, steps);
    }
    (void)unlink(session->checkpoint_path);
    return EXIT_DONE;
}

const char *session_files_name(const Session *session, const char *what, char *text, size_t size) {
    if (session->files.count == 1) {
        (void)snprintf(text, size, "%s", session->files.names[0]);
    } else {
        (void)snprintf(text, size, "the %s of %zu files", what, session->files.count);
    }
    return text;
}
