/* elman train text: from text files to a model that writes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "format.h"
#include "json.h"
#include "log.h"
#include "machine.h"
#include "message.h"
#include "progress.h"
#include "remember.h"
#include "signals.h"
#include "train_model.h"
#include "train_options.h"
#include <elman/elman.h>

/* Everything that one run holds. */
typedef struct Run {
    const Command *command;
    TrainOptions options;
    bool given[OPTIONS_MAX];
    Operands files;
    char *checkpoint_path;
    elman_error error; /* of the library, printed once at the end */

    elman_context *context;
    elman_checkpoint *checkpoint; /* NULL: a run from the beginning */
    json_t *description;          /* as in the checkpoint and the model */
    elman_text *text;
    elman_vocabulary *vocabulary;
    int32_t *tokens;
    size_t length, train_count;
    elman_model *model;
    elman_trainer *trainer;

    Log log;
    Progress progress;
    bool discard; /* the checkpoint is another run's, which --force gives up */
} Run;

/* What is written must not be what is read. */
static bool check_same_files(const Run *run) {
    const char *const written[] = {run->options.output, run->checkpoint_path, run->options.log};
    for (size_t w = 0; w < 3; w++) {
        for (size_t i = 0; written[w] && i < run->files.count; i++) {
            if (machine_same_file(written[w], run->files.names[i])) {
                message("%s: is the text to learn, it would be overwritten", written[w]);
                return false;
            }
        }
    }
    const char *log = run->options.log;
    for (size_t w = 0; log && w < 2; w++) {
        if (strcmp(log, written[w]) == 0 || machine_same_file(log, written[w])) {
            message("%s: is to be both the log and %s", log, w ? "the checkpoint" : "the model");
            return false;
        }
    }
    return machine_spares(log, run->options.init);
}

static bool check_paths(Run *run) {
    const size_t size = strlen(run->options.output) + sizeof(".checkpoint");
    run->checkpoint_path = malloc(size);
    if (!run->checkpoint_path) {
        message("no memory left");
        return false;
    }
    (void)snprintf(run->checkpoint_path, size, "%s.checkpoint", run->options.output);
    return check_same_files(run) && machine_can_replace(run->options.output) &&
           machine_can_replace(run->checkpoint_path) &&
           (!run->options.log || machine_can_append(run->options.log));
}

static bool read_checkpoint(Run *run) {
    const char *path = run->checkpoint_path;
    if (elman_checkpoint_open(run->context, path, &run->checkpoint, &run->error)) return false;
    const char *description = elman_checkpoint_description(run->checkpoint);
    run->description = description ? json_loads(description, 0, NULL) : NULL;
    if (!json_is_object(run->description)) {
        message("%s: holds no description of its run", path);
        return false;
    }
    return remember_restore(run->command->options, run->description, path, run->given,
                            &run->options);
}

/* Looks for what an earlier run has left. Returns true when this run shall go on; else *status is
 * the exit status. */
static bool find_earlier(Run *run, int *status) {
    const char *path = run->checkpoint_path, *output = run->options.output;
    const bool unfinished = machine_exists(path);
    *status = EXIT_FAILED;
    if (unfinished && run->options.resume) return read_checkpoint(run);
    if (unfinished && !run->options.force) {
        message("%s holds an unfinished run: go on with it by --resume, or start anew by --force",
                path);
        return false;
    }
    run->discard = unfinished;
    if (run->options.resume && machine_exists(output)) {
        message("%s is finished and has no checkpoint: nothing to do", output);
        *status = EXIT_DONE;
        return false;
    }
    if (run->options.resume) message("%s: no checkpoint, training starts at the beginning", path);
    return true;
}

/* "a.txt", or "the text of 3 files". */
static const char *files_name(const Run *run, char *text, size_t size) {
    if (run->files.count == 1) {
        (void)snprintf(text, size, "%s", run->files.names[0]);
    } else {
        (void)snprintf(text, size, "the text of %zu files", run->files.count);
    }
    return text;
}

static bool check_data(const Run *run) {
    char name[256];
    (void)files_name(run, name, sizeof(name));
    if (run->checkpoint) {
        const char *then = elman_checkpoint_digest(run->checkpoint);
        const char *now = elman_text_digest(run->text);
        if (!then || strcmp(then, now) != 0) {
            message("%s has the SHA-256 %s, but %s was started with %s", name, now,
                    run->checkpoint_path, then ? then : "other data");
            return false;
        }
    }
    const double rows = run->options.backpropagation ? 1.0 : (double)run->options.batch;
    const double needed = ((double)run->options.window + 1.0) * rows;
    if ((double)run->train_count < needed) {
        message("%s: %zu characters to learn from, too short for %.0f windows of %" PRIu64
                " and the character after each: expected %.0f or more",
                name, run->train_count, rows, run->options.window, needed);
        return false;
    }
    return true;
}

static bool load_data(Run *run) {
    if (elman_text_load(run->context, (const char *const *)run->files.names, run->files.count,
                        &run->text, &run->error)) {
        return false;
    }
    const int32_t *characters = elman_text_characters(run->text);
    run->length = elman_text_length(run->text);
    run->train_count = elman_text_split(run->text, run->options.valid);
    if (!check_data(run)) return false;
    if (elman_vocabulary_create(run->context, characters, run->train_count, &run->vocabulary,
                                &run->error)) {
        return false;
    }
    run->tokens = calloc(run->length, sizeof(*run->tokens));
    if (!run->tokens) {
        message("no memory for %zu tokens", run->length);
        return false;
    }
    (void)elman_vocabulary_encode(run->vocabulary, characters, run->length, run->tokens);
    return true;
}

static void describe(Run *run) {
    const RememberData data = {&run->files, run->text,        run->vocabulary,
                               run->tokens, run->train_count, run->options.valid};
    TrainOptions defaults;
    options_set_defaults(run->command->options, &defaults);
    if (!run->description) {
        run->description = remember_run(run->command->full_name, run->command->options,
                                        &run->options, &defaults, &data);
    }
}

static bool check_memory(const Run *run) {
    char needed[FORMAT_MAX], present[FORMAT_MAX];
    const size_t bytes = elman_model_training_bytes(run->model, (size_t)run->options.window,
                                                    (size_t)run->options.batch);
    const uint64_t available = machine_memory_available();
    if (available == 0 || bytes <= available) return true;
    message("%" PRIu64 " layers of %" PRIu64 " units, trained on %" PRIu64 " windows of %" PRIu64
            " characters, need %s%s of memory, but %s are present",
            run->options.layers, run->options.hidden, run->options.batch, run->options.window,
            bytes == SIZE_MAX ? "more than " : "", format_bytes((double)bytes, needed),
            format_bytes((double)available, present));
    return false;
}

/* Adds what the options ask for; errors wait for elman_model_build. */
static elman_status add_layers(Run *run, size_t vocabulary) {
    const TrainOptions *options = &run->options;
    elman_status status = elman_model_create_tokens(
        run->context, vocabulary, (size_t)options->embedding, &run->model, &run->error);
    if (!status) train_model_add_layers(run->model, options, vocabulary);
    return status;
}

static bool build_model(Run *run) {
    elman_init_options init;
    train_options_init(&run->options, &init);
    if (add_layers(run, elman_vocabulary_size(run->vocabulary)) || !check_memory(run) ||
        elman_model_build(run->model, &init, &run->error) ||
        elman_model_set_vocabulary(run->model, run->vocabulary, &run->error)) {
        return false;
    }
    return run->checkpoint || !run->options.init ||
           train_model_start_from(run->context, run->model, run->options.init, &run->error);
}

/* Puts the description into the model. */
static bool describe_model(Run *run) {
    char *text = json_print(run->description, JSON_COMPACT);
    const elman_status status = elman_model_set_training(run->model, text, &run->error);
    free(text);
    return !status;
}

static bool make_trainer(Run *run) {
    elman_train_options options;
    train_options_run(&run->options, &options);
    char *text = json_print(run->description, JSON_COMPACT);
    options.checkpoint_path = run->checkpoint_path;
    options.description = text;
    bool ok = !elman_trainer_create(run->model, &options, &run->trainer, &run->error);
    if (ok && run->checkpoint) {
        ok = !elman_trainer_restore(run->trainer, run->checkpoint, &run->error);
    }
    free(text);
    return ok;
}

static void say_start(const Run *run) {
    char name[256], all[FORMAT_MAX], train[FORMAT_MAX], valid[FORMAT_MAX], parameters[FORMAT_MAX];
    elman_model_info info;
    if (run->options.quiet) return;
    elman_model_describe(run->model, &info);
    const size_t threads = elman_context_threads(run->context);
    message("%s: %s characters, %zu different; %s to learn from, %s to validate",
            files_name(run, name, sizeof(name)), format_count(run->length, all),
            elman_vocabulary_size(run->vocabulary) - 1, format_count(run->train_count, train),
            format_count(run->length - run->train_count, valid));
    message("a model of %zu layer%s with %s parameters, %zu thread%s", info.layers,
            info.layers == 1 ? "" : "s", format_count(info.parameters, parameters), threads,
            threads == 1 ? "" : "s");
    if (run->checkpoint) {
        message("going on after step %" PRIu64, elman_checkpoint_step(run->checkpoint));
    }
}

static int on_step(void *user, const elman_step_report *report) {
    Run *run = user;
    progress_step(&run->progress, report);
    if (!log_step(&run->log, report)) return 1;
    return signals_received() != 0;
}

/* Says how to go on with a run that has ended before its time. */
static int say_interrupted(const Run *run, uint64_t steps) {
    const int signal = signals_received();
    message("stopped after step %" PRIu64 "; %s keeps the run, --resume goes on with it", steps,
            run->checkpoint_path);
    return signal ? EXIT_SIGNAL + signal : EXIT_FAILED;
}

static void say_result(const Run *run, double seconds) {
    const json_t *all = run->description;
    char time[FORMAT_MAX], valid[FORMAT_MAX * 2] = "";
    const double loss = json_look_number(all, "result", "validation_loss");
    if (run->options.quiet) return;
    if (isfinite(loss)) (void)snprintf(valid, sizeof(valid), ", validation %.4f", loss);
    message("%s is ready after %.0f steps and %s: loss %.4f%s, %.3f bits per character (counting "
            "characters: %.3f)",
            run->options.output, json_look_number(all, "result", "steps"),
            format_duration(seconds, time), json_look_number(all, "result", "train_loss"), valid,
            json_look_number(all, "result", "bits_per_character"),
            bits_from_nats(json_look_number(all, "baselines", "order_0")));
}

/* Saves the trained model and ends the run's life on disk. */
static int finish(Run *run, const elman_train_result *result, double seconds) {
    remember_result(run->description, result);
    if (!describe_model(run)) return EXIT_FAILED;
    if (elman_model_save(run->model, run->options.output, &run->error)) {
        message("%s", run->error.message);
        run->error.message[0] = '\0';
        return say_interrupted(run, result->steps);
    }
    (void)unlink(run->checkpoint_path);
    say_result(run, seconds);
    if (run->options.json) {
        json_put(run->description, "model", json_text(run->options.output));
        json_put(run->description, "seconds", json_finite(seconds));
        json_output(run->description);
    }
    return EXIT_DONE;
}

static int carry_out(Run *run) {
    elman_train_result result = {0};
    const size_t valid_count = run->length - run->train_count;
    const elman_token_data data = {
        .struct_size = sizeof(data),
        .train = run->tokens,
        .train_count = run->train_count,
        .valid = valid_count > 1 ? run->tokens + run->train_count : NULL,
        .valid_count = valid_count > 1 ? valid_count : 0,
        .digest = elman_text_digest(run->text),
    };
    const double start = machine_seconds();
    signals_watch();
    say_start(run);
    if (run->discard) (void)unlink(run->checkpoint_path);
    progress_start(&run->progress, run->options.quiet);
    const elman_status status =
        elman_trainer_run_tokens(run->trainer, &data, on_step, run, &result, &run->error);
    progress_clear(&run->progress);

    const bool begun = !status || run->progress.started;
    const bool logged = !begun || log_finish(&run->log);
    if (status == ELMAN_ERR_CANCELLED) {
        run->error.message[0] = '\0';
        return say_interrupted(run, result.steps);
    }
    if (status == ELMAN_ERR_NOT_FINITE) {
        message("%s; %s keeps the last good weights", run->error.message, run->checkpoint_path);
        run->error.message[0] = '\0';
    }
    if (status) return EXIT_FAILED;
    const int exit_status = finish(run, &result, machine_seconds() - start);
    return exit_status == EXIT_DONE && !logged ? EXIT_FAILED : exit_status;
}

static int train(Run *run) {
    int status;
    const elman_context_options options = {
        .struct_size = sizeof(options),
        .threads = run->options.threads ? (size_t)run->options.threads : elman_processor_count(),
    };
    if (!check_paths(run) || elman_context_create(&options, &run->context, &run->error)) {
        return EXIT_FAILED;
    }
    if (!find_earlier(run, &status)) return status;
    if (!load_data(run)) return EXIT_FAILED;
    describe(run);
    if (!build_model(run) || !describe_model(run) || !make_trainer(run)) return EXIT_FAILED;
    log_start(&run->log, run->options.log,
              run->checkpoint ? elman_checkpoint_step(run->checkpoint) : 0);
    if (!log_check(&run->log)) return EXIT_FAILED;
    return carry_out(run);
}

static void release(Run *run) {
    elman_trainer_destroy(run->trainer);
    elman_model_destroy(run->model);
    free(run->tokens);
    elman_vocabulary_destroy(run->vocabulary);
    elman_text_destroy(run->text);
    json_decref(run->description);
    elman_checkpoint_close(run->checkpoint);
    elman_context_destroy(run->context);
    free(run->checkpoint_path);
}

static int run_train_text(const Command *command, int count, char **arguments) {
    Run run = {.command = command};
    int status;
    if (!command_parse(command, count, arguments, &run.options, run.given, &run.files, &status)) {
        return status;
    }
    if (run.files.count == 0) {
        message_for(command->full_name, "no text was named: expected at least one file, or -");
        return EXIT_USAGE;
    }
    if (!run.options.output) {
        message_for(command->full_name, "no model file was named: expected -o MODEL");
        return EXIT_USAGE;
    }
    if (!train_options_check(command->full_name, &run.options)) return EXIT_USAGE;
    status = train(&run);
    if (status == EXIT_FAILED && run.error.message[0]) message("%s", run.error.message);
    release(&run);
    return status;
}

const Command command_train_text = {
    .name = "text",
    .run = run_train_text,
    .summary = "UTF-8 text, character by character",
    .full_name = "elman train text",
    .operands = "CORPUS... -o MODEL",
    .description =
        "Learns to predict the next character of a text: one or more UTF-8 files, or - for "
        "standard input, read one behind the other. The last tenth is kept apart and measures how "
        "well the model does on text that it has not seen; the weights that did best are kept.\n\n"
        "MODEL.checkpoint holds the unfinished run; it is written after each epoch, every minute, "
        "and when SIGINT or SIGTERM stops the run, and is removed at the end. --resume goes on "
        "with it and gives the same model, bit for bit, as a run without a break. With --resume "
        "only --threads, --log, --checkpoint-seconds, --quiet and --json may differ from what the "
        "run was started with.",
    .options = train_text_options,
};
