/* elman diagnose: which of the troubles of recurrent networks a model has, and what helps. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "diagnose_data.h"
#include "diagnose_view.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include "prove.h"
#include "task_view.h"

#define OF(member)   .offset = offsetof(DiagnoseOptions, member)
#define COUNT(least) .type = OPTION_COUNT, .count_least = (least), .count_most = OPTION_COUNT_MAX

/* clang-format off */
static const Option options[] = {
    {.name = "log", OF(log), .type = OPTION_FILE, .value = "FILE",
     .help = "the log of the model's training (--log of elman train): its health is judged too"},
    {.name = "report", OF(report), .type = OPTION_FILE, .value = "FILE",
     .help = "write a page of HTML with all figures and pictures"},
    {.name = "prove", OF(prove), .type = OPTION_FLAG,
     .help = "train twice from the same seed, as before and as prescribed, and compare"},
    {.name = "steps", OF(prove_steps), COUNT(1), .value = "N",
     .unset = "those of the model's training, at most 3000",
     .help = "of both trainings of --prove"},
    {.name = "store", OF(store), .type = OPTION_FLAG,
     .help = "keep the horizons in the model, where elman inspect shows them"},
    {.name = "task", OF(task), .type = OPTION_TEXT, .word = elman_task_name, .value = "NAME",
     .unset = "the one that the model was trained on", .help = "diagnose on a synthetic task"},
    {.name = "length", OF(length), COUNT(1), .value = "T", .unset = "as in training",
     .help = "of the task's sequences"},
    {.name = "object", OF(object), .type = OPTION_TEXT, .value = "NAME",
     .help = "which of the data sets in an R file"},
    {.name = "window", OF(window), COUNT(1), .value = "N", .unset = "as in training",
     .help = "steps that the gradient flowed back through"},
    {.name = "lags", OF(lags), .type = OPTION_COUNT, .count_least = 1, .count_most = 4096,
     .value = "N", .unset = "twice the window, 50 at least, 400 at most",
     .help = "the greatest lag to look at"},
    {.name = "rows", OF(rows), .type = OPTION_COUNT, .count_least = 1, .count_most = 65536,
     .value = "N", .unset = "64, 256 where each has one output", .help = "sequences to look at"},
    {.name = "seed", OF(seed), .type = OPTION_COUNT, .count_most = OPTION_COUNT_MAX, .value = "N",
     .fallback = "1", .help = "of the places that are looked at"},
    {.name = "threads", OF(threads), .type = OPTION_COUNT, .count_least = 1, .count_most = 1024,
     .value = "N", .unset = "the CPUs available", .help = "the most threads to use"},
    {.name = "json", OF(json), .type = OPTION_FLAG, .help = "print all figures as JSON"},
    {.name = NULL},
};
/* clang-format on */

static const char *problem(const DiagnoseOptions *chosen, const Operands *operands) {
    if (operands->count == 0 && !chosen->log) return "no model was named, and no --log";
    if (operands->count == 0 && (chosen->store || chosen->prove || chosen->task))
        return "--store, --prove and --task need a model, none was named";
    if (chosen->prove_steps > 0 && !chosen->prove) return "--steps is for --prove";
    for (size_t i = 1; i < operands->count; i++)
        if (chosen->prove && strcmp(operands->names[i], "-") == 0)
            return "--prove reads the data several times: expected files, not standard input";
    return NULL;
}

/* Whether nothing that is read would be written over. */
static bool check_files(const DiagnoseOptions *chosen, const Operands *operands) {
    bool ok = machine_spares(chosen->report, chosen->log);
    for (size_t i = 0; i < operands->count && ok; i++)
        ok = machine_spares(chosen->report, operands->names[i]);
    if (ok && chosen->store) ok = machine_can_replace(operands->names[0]);
    return ok && (!chosen->report || machine_can_replace(chosen->report));
}

static bool write_report(const DiagnoseData *data, const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *const page = open_memstream(&text, &size);
    const elman_report_options names = {
        .struct_size = sizeof(names),
        .model_name = data->path ? base_name(data->path) : NULL,
        .data_name = data->name[0] ? base_name(data->name) : NULL,
    };
    elman_error error;
    bool ok = page != NULL;
    if (!ok) message("no memory for a report");
    if (ok && elman_diagnosis_report(data->diagnosis, &names, output_to_stream, page, &error)) {
        message("%s: %s", path, error.message);
        ok = false;
    }
    if (page && fclose(page) != 0) ok = false;
    ok = ok && machine_replace(path, text, size);
    free(text);
    return ok;
}

/* Puts {"diagnosis": ...} into what the model tells of its training. */
static bool store(DiagnoseData *data) {
    elman_error error;
    json_t *const told = data->training ? json_deep_copy(data->training) : json_object();
    if (!told) {
        message("no memory to store the diagnosis");
        return false;
    }
    json_put(told, "diagnosis", diagnose_json_brief(data->diagnosis));
    char *const text = json_print(told, JSON_COMPACT | JSON_SORT_KEYS | JSON_DIGITS);
    const bool ok = !elman_model_set_training(data->model, text, &error) &&
                    !elman_model_save(data->model, data->path, &error);
    if (!ok) message("%s: %s", data->path, error.message);
    free(text);
    json_decref(told);
    return ok;
}

static bool is_checkpoint(const char *path, elman_context *context) {
    elman_checkpoint *checkpoint = NULL;
    elman_error error;
    const bool is = !elman_checkpoint_open(context, path, &checkpoint, &error);
    elman_checkpoint_close(checkpoint);
    return is;
}

static bool keep(DiagnoseData *data, const DiagnoseOptions *chosen) {
    if (chosen->store && is_checkpoint(data->path, data->context)) {
        message("%s: is a checkpoint of an unfinished run, whose next step would lose what is "
                "stored: expected a model",
                data->path);
        return false;
    }
    return (!chosen->store || store(data)) &&
           (!chosen->report || write_report(data, chosen->report));
}

/* Everything is printed when all is known, so that JSON is one object. */
static int show(const DiagnoseOptions *chosen, json_t *figures, const json_t *proof, bool healthy) {
    if (chosen->json) {
        if (proof) json_put(figures, "proof", json_deep_copy(proof));
        json_output(figures);
    } else if (proof) {
        proof_print(proof);
    }
    return healthy ? EXIT_DONE : EXIT_VERDICT;
}

static int diagnose(const DiagnoseOptions *chosen, const Operands *operands) {
    DiagnoseData data;
    Proof proof = {0};
    json_t *figures = NULL, *report = NULL;
    bool ok = diagnose_data_open(&data, chosen, operands) && keep(&data, chosen), healthy = false;
    if (ok) {
        healthy = elman_diagnosis_finding(data.diagnosis, 0) == NULL;
        figures = diagnose_json(data.diagnosis);
        if (!chosen->json) diagnose_print(data.diagnosis, data.path, data.name);
        if (chosen->prove && !healthy) ok = proof_open(&proof, &data, chosen);
    }
    diagnose_data_close(&data);
    /* The model is closed: its threads do not outlive a fork. */
    if (ok && proof.option) ok = proof_run(&proof, chosen, operands, &report);
    const int status = ok ? show(chosen, figures, report, healthy) : EXIT_FAILED;
    proof_close(&proof);
    json_decref(report);
    json_decref(figures);
    return status;
}

static int run(const Command *command, int count, char **arguments) {
    DiagnoseOptions chosen;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &chosen, NULL, &operands, &status)) {
        return status;
    }
    const char *const wrong = problem(&chosen, &operands);
    if (wrong) {
        message_for(command->full_name, "%s", wrong);
        return EXIT_USAGE;
    }
    if (chosen.task && !task_known(command->full_name, chosen.task)) return EXIT_USAGE;
    return check_files(&chosen, &operands) ? diagnose(&chosen, &operands) : EXIT_FAILED;
}

const Command command_diagnose = {
    .name = "diagnose",
    .run = run,
    .summary = "tell what ails a model, and what helps",
    .full_name = "elman diagnose",
    .operands = "MODEL [DATA...]",
    .description =
        "Looks at a model at work on data and says whether its gradient vanishes or explodes, how "
        "far back it remembers and how far it makes use of that, whether its training window is "
        "too "
        "short, whether gates are stuck, units dead or the same, and, with the log of its "
        "training, "
        "whether that was sound. Each finding comes with its figures and with the option that "
        "addresses it.\n\n"
        "DATA are of the kind that the model was trained on; of a text that it learnt from the "
        "part "
        "is taken that was kept for validation. A model of a synthetic task needs none. Without a "
        "model, --log alone is judged.\n\n"
        "The exit status is 0 when nothing was found, 3 when something was, 1 when the diagnosis "
        "could not be made.",
    .options = options,
};
