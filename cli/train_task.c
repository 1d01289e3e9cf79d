/* elman train task: from a synthetic task to a model, and how well it does. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "json.h"
#include "log.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "remember.h"
#include "signals.h"
#include "task_options.h"
#include "task_view.h"
#include "train_model.h"
#include <elman/elman.h>

/* Everything that one run holds. */
typedef struct Run {
    const Command *command;
    TaskOptions options;
    Operands names;
    elman_error error; /* of the library, printed once at the end */

    elman_context *context;
    elman_task *task;
    elman_task_info info;
    elman_task_batch batch;
    elman_model *model, *best; /* being trained; with the weights that did best */
    elman_trainer *trainer;
    json_t *description; /* as in the model */

    Log log;
    Progress progress;
    uint64_t step, best_step; /* done; of the best weights */
    double best_loss;
    const char *stop; /* why training ended */
} Run;

static bool check_paths(const Run *run) {
    const char *output = run->options.train.output, *log = run->options.train.log;
    if (output && log && (strcmp(log, output) == 0 || machine_same_file(log, output))) {
        message("%s: is to be both the log and the model", log);
        return false;
    }
    return machine_spares(log, run->options.train.init) &&
           (!output || machine_can_replace(output)) && (!log || machine_can_append(log));
}

static bool check_memory(const Run *run) {
    char needed[FORMAT_MAX], present[FORMAT_MAX];
    const TrainOptions *options = &run->options.train;
    const size_t bytes =
        elman_model_training_bytes(run->model, run->info.steps, (size_t)options->batch);
    const uint64_t available = machine_memory_available();
    if (available == 0 || bytes <= available) return true;
    message("%" PRIu64 " layers of %" PRIu64 " units, trained on %" PRIu64
            " sequences of %zu steps, need %s%s of memory, but %s are present",
            options->layers, options->hidden, options->batch, run->info.steps,
            bytes == SIZE_MAX ? "more than " : "", format_bytes((double)bytes, needed),
            format_bytes((double)available, present));
    return false;
}

/* A model for the task; errors of the add calls wait for elman_model_build. */
static elman_status begin_model(Run *run, elman_model **model) {
    const elman_task_info *info = &run->info;
    const TrainOptions *options = &run->options.train;
    elman_status status =
        info->input == ELMAN_INPUT_DENSE
            ? elman_model_create(run->context, info->input_size, model, &run->error)
            : elman_model_create_tokens(run->context, info->input_size, 0, model, &run->error);
    if (status) return status;
    train_model_add_layers(*model, options, info->outputs);
    (void)elman_model_set_output(*model, info->output);
    return status;
}

static bool build_models(Run *run) {
    elman_init_options init;
    train_options_init(&run->options.train, &init);
    if (begin_model(run, &run->model) || !check_memory(run) ||
        elman_model_build(run->model, &init, &run->error) || begin_model(run, &run->best) ||
        elman_model_build(run->best, &init, &run->error)) {
        return false;
    }
    return !run->options.train.init ||
           train_model_start_from(run->context, run->model, run->options.train.init, &run->error);
}

static bool make_batch(Run *run) {
    const elman_task_info *info = &run->info;
    const size_t batch = (size_t)run->options.train.batch;
    /* The trainer's memory, which was found to be present, is many times that of a batch. */
    const size_t positions = info->steps * batch;
    run->batch = (elman_task_batch){.struct_size = sizeof(run->batch), .batch = batch};
    run->batch.lengths = calloc(batch, sizeof(*run->batch.lengths));
    run->batch.dense = calloc(positions * info->input_size, sizeof(*run->batch.dense));
    run->batch.tokens = calloc(positions, sizeof(*run->batch.tokens));
    run->batch.classes = calloc(positions, sizeof(*run->batch.classes));
    run->batch.numbers = calloc(positions, sizeof(*run->batch.numbers));
    if (run->batch.lengths && run->batch.dense && run->batch.tokens && run->batch.classes &&
        run->batch.numbers) {
        return true;
    }
    message("no memory for %zu sequences of %zu steps", batch, info->steps);
    return false;
}

static void say_start(const Run *run) {
    char parameters[FORMAT_MAX];
    elman_model_info info;
    if (run->options.train.quiet) return;
    elman_model_describe(run->model, &info);
    const size_t threads = elman_context_threads(run->context);
    message("%s, T = %zu; a model of %zu layer%s with %s parameters, %zu thread%s", run->info.name,
            run->info.length, info.layers, info.layers == 1 ? "" : "s",
            format_count(info.parameters, parameters), threads, threads == 1 ? "" : "s");
}

static bool measure(Run *run, const elman_model *model, elman_task_part part, uint64_t sequences,
                    elman_task_score *score) {
    elman_network *network = NULL;
    const bool ok =
        !elman_network_compile(model, &network, &run->error) &&
        !elman_task_evaluate(run->task, network, part, (size_t)sequences, score, &run->error);
    elman_network_destroy(network);
    return ok;
}

/* Measures the model of this step, and keeps its weights when they are the best so far. */
static bool check(Run *run, elman_step_report *report) {
    elman_task_score score;
    if (!measure(run, run->model, ELMAN_TASK_VALID, run->options.valid, &score)) return false;
    if (score.loss < run->best_loss) {
        if (elman_model_copy_weights(run->best, run->model, &run->error)) return false;
        run->best_loss = score.loss;
        run->best_step = run->step;
    }
    report->validated = 1;
    report->validation_loss = score.loss;
    report->best_validation_loss = run->best_loss;
    if (score.loss <= run->options.target) run->stop = "target";
    return true;
}

static bool take_step(Run *run) {
    const elman_task_batch *batch = &run->batch;
    elman_step_report report;
    if (elman_task_generate(run->task, ELMAN_TASK_TRAIN, run->step * batch->batch, &run->batch,
                            &run->error)) {
        return false;
    }
    const elman_sequence sequence = {
        .struct_size = sizeof(sequence),
        .steps = batch->steps,
        .batch = batch->batch,
        .dense = run->info.input == ELMAN_INPUT_DENSE ? batch->dense : NULL,
        .tokens = run->info.input == ELMAN_INPUT_DENSE ? NULL : batch->tokens,
        .lengths = batch->lengths,
    };
    const elman_targets targets = {
        .struct_size = sizeof(targets),
        .loss = run->info.classes ? ELMAN_LOSS_CROSS_ENTROPY : ELMAN_LOSS_MSE,
        .classes = batch->classes,
        .numbers = batch->numbers,
    };
    if (elman_trainer_step(run->trainer, &sequence, &targets, NULL, &report, &run->error)) {
        return false;
    }
    run->step++;
    report.total_steps = run->options.train.max_steps;
    if (run->step == report.total_steps) run->stop = "finished";
    if (signals_received()) run->stop = "interrupted";
    if ((run->stop || run->step % run->options.check_every == 0) && !check(run, &report)) {
        return false;
    }
    progress_step(&run->progress, &report);
    return log_step(&run->log, &report);
}

static void say_result(const Run *run, double seconds) {
    char time[FORMAT_MAX];
    if (run->options.train.quiet) return;
    message("%s%sended after %" PRIu64 " steps and %s (%s); the weights are those of step %" PRIu64,
            run->options.train.output ? run->options.train.output : "",
            run->options.train.output ? ": " : "", run->step, format_duration(seconds, time),
            run->stop, run->best_step);
}

static void print_result(Run *run, double seconds) {
    json_t *all = run->description;
    if (run->options.train.json) {
        if (run->options.train.output) {
            json_put(all, "model", json_text(run->options.train.output));
        }
        json_put(all, "seconds", json_finite(seconds));
        json_output(all);
    } else {
        task_print(json_look(all, "task", NULL), json_look(all, "result", "test"));
    }
}

/* Measures the best weights once more, on sequences that played no part, and saves them. */
static bool finish(Run *run, double seconds) {
    elman_task_score score;
    if (!measure(run, run->best, ELMAN_TASK_TEST, run->options.test, &score)) return false;
    json_t *result = json_object();
    json_put(result, "stop", json_text(run->stop));
    json_put(result, "steps", json_count(run->step));
    json_put(result, "best_step", json_count(run->best_step));
    json_put(result, "validation_loss", json_finite(run->best_loss));
    json_put(result, "test", task_describe_score(&score, (size_t)run->options.test));
    json_put(run->description, "result", result);
    if (run->options.train.output) {
        char *text = json_print(run->description, JSON_COMPACT);
        const bool saved = !elman_model_set_training(run->best, text, &run->error) &&
                           !elman_model_save(run->best, run->options.train.output, &run->error);
        free(text);
        if (!saved) return false;
    }
    say_result(run, seconds);
    print_result(run, seconds);
    return true;
}

static int carry_out(Run *run) {
    const double start = machine_seconds();
    bool ok = true;
    run->best_loss = INFINITY;
    signals_watch();
    say_start(run);
    log_start(&run->log, run->options.train.log, 0);
    progress_start(&run->progress, "targets", run->options.train.quiet);
    while (ok && !run->stop) ok = take_step(run);
    progress_clear(&run->progress);
    if (!log_finish(&run->log) || !ok) return EXIT_FAILED;
    if (!finish(run, machine_seconds() - start)) return EXIT_FAILED;
    const int signal = signals_received();
    return signal ? EXIT_SIGNAL + signal : EXIT_DONE;
}

static int train(Run *run, elman_task_options *task_options) {
    const TrainOptions *options = &run->options.train;
    const elman_context_options context_options = {
        .struct_size = sizeof(context_options),
        .threads = options->threads ? (size_t)options->threads : elman_processor_count(),
    };
    elman_train_options train_options;
    TaskOptions defaults = {0};
    if (!check_paths(run) || elman_context_create(&context_options, &run->context, &run->error)) {
        return EXIT_FAILED;
    }
    if (run->options.final_only && strcmp(task_options->name, "parity") != 0) {
        message_for(run->command->full_name, "%s: --final is for parity alone", task_options->name);
        return EXIT_USAGE;
    }
    if (elman_task_create(run->context, task_options, &run->task, &run->error)) {
        const bool usage = run->error.status == ELMAN_ERR_ARGUMENT;
        if (!usage) return EXIT_FAILED;
        message_for(run->command->full_name, "%s", run->error.message);
        return EXIT_USAGE;
    }
    elman_task_describe(run->task, &run->info);
    options_set_defaults(run->command->options, &defaults);
    run->description = remember_options(run->command->full_name, run->command->options,
                                        &run->options, &defaults, &run->names);
    json_put(run->description, "task", task_describe(&run->info));
    task_options_run(&run->options, &train_options);
    if (!build_models(run) || !make_batch(run) ||
        elman_trainer_create(run->model, &train_options, &run->trainer, &run->error)) {
        return EXIT_FAILED;
    }
    return carry_out(run);
}

static void release(Run *run) {
    free(run->batch.numbers);
    free(run->batch.classes);
    free(run->batch.tokens);
    free(run->batch.dense);
    free(run->batch.lengths);
    elman_trainer_destroy(run->trainer);
    elman_model_destroy(run->best);
    elman_model_destroy(run->model);
    json_decref(run->description);
    elman_task_destroy(run->task);
    elman_context_destroy(run->context);
}

static int run_train_task(const Command *command, int count, char **arguments) {
    Run run = {.command = command};
    elman_task_options task_options;
    int status;
    if (!command_parse(command, count, arguments, &run.options, NULL, &run.names, &status)) {
        return status;
    }
    if (run.names.count != 1) {
        message_for(command->full_name, "%zu tasks were named, expected one", run.names.count);
        return EXIT_USAGE;
    }
    if (!task_known(command->full_name, run.names.names[0]) ||
        !task_options_check(command->full_name, &run.options)) {
        return EXIT_USAGE;
    }
    task_options_task(&run.options, run.names.names[0], &task_options);
    status = train(&run, &task_options);
    if (status == EXIT_FAILED && run.error.message[0]) message("%s", run.error.message);
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
        "SIGINT and SIGTERM end training early: the result is measured and the model written all "
        "the same.",
    .options = train_task_options,
};
