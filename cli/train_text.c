/* elman train text: from text files to a model that writes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "remember.h"
#include "session.h"
#include "train_model.h"
#include "train_options.h"
#include <elman/elman.h>

/* Everything that one run holds. */
typedef struct Run {
    TrainOptions options;
    bool given[OPTIONS_MAX];
    Session session;
    elman_text *text;
    elman_vocabulary *vocabulary;
    int32_t *tokens;
    size_t length, train_count;
} Run;

static bool check_data(const Run *run) {
    char name[256];
    (void)session_files_name(&run->session, "text", name, sizeof(name));
    if (!session_check_digest(&run->session, name, elman_text_digest(run->text))) return false;
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
    Session *session = &run->session;
    if (elman_text_load(session->context, (const char *const *)session->files.names,
                        session->files.count, &run->text, &session->error)) {
        return false;
    }
    const int32_t *characters = elman_text_characters(run->text);
    run->length = elman_text_length(run->text);
    run->train_count = elman_text_split(run->text, run->options.valid);
    if (!check_data(run)) return false;
    if (elman_vocabulary_create(session->context, characters, run->train_count, &run->vocabulary,
                                &session->error)) {
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
    Session *session = &run->session;
    const RememberData data = {&session->files, run->text,        run->vocabulary,
                               run->tokens,     run->train_count, run->options.valid};
    TrainOptions defaults;
    options_set_defaults(session->command->options, &defaults);
    if (!session->description) {
        session->description = remember_run(session->command->full_name, session->command->options,
                                            &run->options, &defaults, &data);
    }
}

static bool build_model(Run *run) {
    Session *session = &run->session;
    const TrainOptions *options = &run->options;
    const size_t vocabulary = elman_vocabulary_size(run->vocabulary);
    if (elman_model_create_tokens(session->context, vocabulary, (size_t)options->embedding,
                                  &session->model, &session->error)) {
        return false;
    }
    train_model_add_layers(session->model, options, vocabulary);
    return session_check_memory(session, (size_t)options->batch, (size_t)options->window) &&
           session_build_model(session) &&
           !elman_model_set_vocabulary(session->model, run->vocabulary, &session->error);
}

static void say_start(const Run *run) {
    char name[256], all[FORMAT_MAX], train[FORMAT_MAX], valid[FORMAT_MAX];
    if (!run->options.quiet) {
        message("%s: %s characters, %zu different; %s to learn from, %s to validate",
                session_files_name(&run->session, "text", name, sizeof(name)),
                format_count(run->length, all), elman_vocabulary_size(run->vocabulary) - 1,
                format_count(run->train_count, train),
                format_count(run->length - run->train_count, valid));
    }
    session_say_model(&run->session);
}

static void say_result(const Run *run, double seconds) {
    const json_t *all = run->session.description;
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

static int carry_out(Run *run) {
    Session *session = &run->session;
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
    say_start(run);
    int status = session_train(session, NULL, NULL, &data, &result);
    const double seconds = machine_seconds() - start;
    if (status != EXIT_DONE) return status;
    const double loss =
        isfinite(result.validation_loss) ? result.validation_loss : result.train_loss;
    json_put(remember_result(session->description, &result), "bits_per_character",
             remember_number(bits_from_nats(loss)));
    status = session_save(session, result.steps);
    if (status != EXIT_DONE) return status;
    say_result(run, seconds);
    if (run->options.json) {
        json_put(session->description, "model", json_text(run->options.output));
        json_put(session->description, "seconds", json_finite(seconds));
        json_output(session->description);
    }
    return session->unwatched ? EXIT_FAILED : EXIT_DONE;
}

static int train(Run *run) {
    int status;
    if (!session_open(&run->session, &status)) return status;
    if (!load_data(run)) return EXIT_FAILED;
    describe(run);
    if (!build_model(run) || !session_make_trainer(&run->session)) return EXIT_FAILED;
    return carry_out(run);
}

static int run_train_text(const Command *command, int count, char **arguments) {
    Run run = {.session = {.command = command, .unit = "characters"}};
    Session *session = &run.session;
    int status;
    if (!command_parse(command, count, arguments, &run.options, run.given, &session->files,
                       &status)) {
        return status;
    }
    session->values = &run.options;
    session->options = &run.options;
    session->given = run.given;
    if (session->files.count == 0) {
        message_for(command->full_name, "no text was named: expected at least one file, or -");
        return EXIT_USAGE;
    }
    if (!run.options.output) {
        message_for(command->full_name, "no model file was named: expected -o MODEL");
        return EXIT_USAGE;
    }
    if (!train_options_check(command->full_name, &run.options) ||
        !train_options_check_valid(command->full_name, &run.options)) {
        return EXIT_USAGE;
    }
    status = train(&run);
    if (status == EXIT_FAILED && session->error.message[0]) message("%s", session->error.message);
    free(run.tokens);
    elman_vocabulary_destroy(run.vocabulary);
    elman_text_destroy(run.text);
    session_close(session);
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
        "only --threads, --log, --tensorboard, --diagnose-every, --checkpoint-seconds, --quiet and "
        "--json may differ from what the run was started with.",
    .options = train_text_options,
};
