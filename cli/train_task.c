/* elman train task: from a synthetic task to a model, and how well it does. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "remember.h"
#include "session.h"
#include "task_options.h"
#include "task_source.h"
#include "task_view.h"
#include "train_model.h"
#include <elman/elman.h>

/* Everything that one run holds. */
typedef struct Run {
    TaskOptions options;
    bool given[OPTIONS_MAX];
    Operands names;
    Session session;
    elman_task *task;
    elman_task_info info;
    TaskSource source, valid; /* valid: what is diagnosed on the way */
} Run;

static bool check_memory(Run *run) {
    char needed[FORMAT_MAX], present[FORMAT_MAX];
    const TrainOptions *options = &run->options.train;
    const size_t bytes =
        elman_model_training_bytes(run->session.model, run->info.steps, (size_t)options->batch);
    const uint64_t available = machine_memory_available();
    if (available == 0 || bytes <= available) return true;
    message("%" PRIu64 " layers of %" PRIu64 " units, trained on %" PRIu64
            " sequences of %zu steps, need %s%s of memory, but %s are present",
            options->layers, options->hidden, options->batch, run->info.steps,
            bytes == SIZE_MAX ? "more than " : "", format_bytes((double)bytes, needed),
            format_bytes((double)available, present));
    return false;
}

/* Errors of the add calls wait for elman_model_build. */
static bool build_model(Run *run) {
    Session *session = &run->session;
    const elman_task_info *info = &run->info;
    const elman_status status =
        info->input == ELMAN_INPUT_DENSE
            ? elman_model_create(session->context, info->input_size, &session->model,
                                 &session->error)
            : elman_model_create_tokens(session->context, info->input_size, 0, &session->model,
                                        &session->error);
    if (status) return false;
    train_model_add_layers(session->model, &run->options.train, info->outputs);
    (void)elman_model_set_output(session->model, info->output);
    return check_memory(run) && session_build_model(session);
}

static void say_start(const Run *run) {
    if (!run->options.train.quiet) message("%s, T = %zu", run->info.name, run->info.length);
    session_say_model(&run->session);
}

static bool measure(Run *run, elman_task_part part, uint64_t sequences, elman_task_score *score) {
    Session *session = &run->session;
    elman_network *network = NULL;
    const bool ok =
        !elman_network_compile(session->model, &network, &session->error) &&
        !elman_task_evaluate(run->task, network, part, (size_t)sequences, score, &session->error);
    elman_network_destroy(network);
    return ok;
}

/* Whether the checkpoint's step had already reached --target: what was left to do is the result. */
static bool was_at_target(Run *run, bool *reached, elman_train_result *result) {
    elman_task_score score;
    *reached = false;
    if (!run->session.checkpoint) return true;
    const uint64_t step = elman_checkpoint_step(run->session.checkpoint);
    if (step == 0 || step % run->options.train.validate_every != 0) return true;
    if (!measure(run, ELMAN_TASK_VALID, run->options.valid, &score)) return false;
    *reached = run->options.target > 0.0 && score.loss <= run->options.target;
    *result = (elman_train_result){.steps = step, .validation_loss = score.loss, .best_step = step};
    return true;
}

/* Trains until the steps are done or a measured loss is at --target, whose weights are then both
 * the last and the best. */
static int learn(Run *run, elman_train_result *result, const char **stop) {
    Session *session = &run->session;
    const elman_source source = task_source_view(&run->source, run->options.train.max_steps);
    const elman_source valid =
        task_source_view(&run->valid, run->options.valid / run->valid.batch.batch);
    bool reached;
    if (!was_at_target(run, &reached, result)) return EXIT_FAILED;
    session->target = run->options.target;
    session->endless = true;
    const int status = reached ? EXIT_DONE : session_train(session, &source, &valid, NULL, result);
    *stop = reached || session->at_target ? "target" : "finished";
    return status;
}

static void say_result(const Run *run, const elman_train_result *result, const char *stop,
                       double seconds) {
    const char *output = run->options.train.output;
    char time[FORMAT_MAX];
    if (run->options.train.quiet) return;
    message("%s%sended after %" PRIu64 " steps and %s (%s); the weights are those of step %" PRIu64,
            output ? output : "", output ? ": " : "", result->steps, format_duration(seconds, time),
            stop, result->best_step);
}

static void print_result(const Run *run, double seconds) {
    const TrainOptions *options = &run->options.train;
    json_t *all = run->session.description;
    if (options->json) {
        if (options->output) json_put(all, "model", json_text(options->output));
        json_put(all, "seconds", json_finite(seconds));
        json_output(all);
    } else {
        task_print(json_look(all, "task", NULL), json_look(all, "result", "test"));
    }
}

/* Measures the best weights once more, on sequences that played no part, and saves them. */
static int carry_out(Run *run) {
    Session *session = &run->session;
    elman_train_result result = {0};
    elman_task_score score;
    const char *stop;
    const double start = machine_seconds();
    say_start(run);
    int status = learn(run, &result, &stop);
    const double seconds = machine_seconds() - start;
    if (status != EXIT_DONE) return status;
    if (!measure(run, ELMAN_TASK_TEST, run->options.test, &score)) return EXIT_FAILED;
    json_t *object = json_object();
    json_put(object, "stop", json_text(stop));
    json_put(object, "steps", json_count(result.steps));
    json_put(object, "best_step", json_count(result.best_step));
    json_put(object, "validation_loss", json_finite(result.validation_loss));
    json_put(object, "test", task_describe_score(&score, (size_t)run->options.test));
    json_put(session->description, "result", object);
    if (run->options.train.output) status = session_save(session, result.steps);
    if (status != EXIT_DONE) return status;
    say_result(run, &result, stop, seconds);
    print_result(run, seconds);
    return session->unwatched ? EXIT_FAILED : EXIT_DONE;
}

static void describe(Run *run) {
    Session *session = &run->session;
    TaskOptions defaults = {0};
    if (session->description) return;
    options_set_defaults(session->command->options, &defaults);
    session->description = remember_options(session->command->full_name, session->command->options,
                                            &run->options, &defaults, &run->names);
    json_put(session->description, "task", task_describe(&run->info));
}

/* A checkpoint goes on with its own task. */
static bool check_name(const Run *run) {
    const Session *session = &run->session;
    const char *name = run->names.names[0];
    if (!session->checkpoint) return true;
    const char *then = json_look_text(session->description, "task", "name");
    if (strcmp(then, name) == 0) return true;
    message("the task is %s, but %s was started with %s", name, session->checkpoint_path,
            *then ? then : "none");
    return false;
}

static int train(Run *run) {
    Session *session = &run->session;
    elman_task_options task_options;
    int status;
    if (!session_open(session, &status)) return status;
    if (!check_name(run)) return EXIT_FAILED;
    task_options_task(&run->options, run->names.names[0], &task_options);
    if (elman_task_create(session->context, &task_options, &run->task, &session->error)) {
        const bool usage = session->error.status == ELMAN_ERR_ARGUMENT;
        if (!usage) return EXIT_FAILED;
        message_for(session->command->full_name, "%s", session->error.message);
        return EXIT_USAGE;
    }
    elman_task_describe(run->task, &run->info);
    describe(run);
    /* The trainer's memory, which was found to be present, is many times that of a batch. */
    if (!build_model(run) ||
        !task_source_open(&run->source, run->task, ELMAN_TASK_TRAIN,
                          (size_t)run->options.train.batch, (size_t)run->options.valid) ||
        !task_source_open(&run->valid, run->task, ELMAN_TASK_VALID, WATCH_ROWS, 0) ||
        !session_make_trainer(session)) {
        return EXIT_FAILED;
    }
    return carry_out(run);
}

static void release(Run *run) {
    task_source_close(&run->valid);
    task_source_close(&run->source);
    elman_task_destroy(run->task);
    session_close(&run->session);
}

static int run_train_task(const Command *command, int count, char **arguments) {
    Run run = {.session = {.command = command, .unit = "targets"}};
    Session *session = &run.session;
    int status;
    if (!command_parse(command, count, arguments, &run.options, run.given, &run.names, &status)) {
        return status;
    }
    session->values = &run.options;
    session->options = &run.options.train;
    session->given = run.given;
    if (run.names.count != 1) {
        message_for(command->full_name, "%zu tasks were named, expected one", run.names.count);
        return EXIT_USAGE;
    }
    const char *name = run.names.names[0];
    if (!task_known(command->full_name, name) ||
        !task_options_check(command->full_name, name, &run.options)) {
        return EXIT_USAGE;
    }
    status = train(&run);
    if (status == EXIT_FAILED && session->error.message[0]) message("%s", session->error.message);
    release(&run);
    return status;
}

const Command command_train_task = {
    .name = "task",
    .run = run_train_task,
    .summary = "a synthetic task whose answer is known",
    .full_name = "elman train task",
    .operands = "NAME",
    .operand = elman_task_name,
    .description =
        "Learns adding, copy, parity, temporal-order, temporal-order-3, dyck, mackey-glass or "
        "sine. Every step sees new sequences. The result is the loss of the best weights on "
        "sequences that were kept apart, beside the floor: the loss of a predictor that learns "
        "nothing.\n\n"
        "With -o, MODEL.checkpoint holds the unfinished run, and --resume goes on with it, as with "
        "`elman train text`; without, nothing is kept of a run that SIGINT or SIGTERM stops.",
    .options = train_task_options,
};
