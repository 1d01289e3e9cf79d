/* elman eval: how well a model predicts a text, or does a synthetic task. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "eval_task.h"
#include "format.h"
#include "json.h"
#include "message.h"
#include "output.h"
#include "task_view.h"
#include "text_model.h"
#include "text_part.h"

typedef struct EvalOptions {
    int part;
    const char *task;
    uint64_t length, test, seed;
    double dynamic;
    bool json;
    uint64_t threads;
} EvalOptions;

enum { PART_ALL, PART_TRAIN, PART_VALID };
static const char *const parts[] = {"all", "train", "valid", NULL};

static const Option options[] = {
    {.name = "part",
     .offset = offsetof(EvalOptions, part),
     .type = OPTION_CHOICE,
     .choices = parts,
     .fallback = "all",
     .value = "PART",
     .help = "of the text that the model was trained on: what it learnt from, or what was kept "
             "apart"},
    {.name = "dynamic",
     .offset = offsetof(EvalOptions, dynamic),
     .type = OPTION_REAL,
     .real_most = INFINITY,
     .real_above = true,
     .value = "RATE",
     .unset = "the weights stay as they are",
     .help = "dynamic evaluation: go on learning from the text at this rate while scoring it, some "
             "0.0003"},
    {.name = "task",
     .offset = offsetof(EvalOptions, task),
     .type = OPTION_TEXT,
     .word = elman_task_name,
     .value = "NAME",
     .help = "measure on a synthetic task instead of a text"},
    {.name = "length",
     .offset = offsetof(EvalOptions, length),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = OPTION_COUNT_MAX,
     .value = "T",
     .unset = "the task's usual length",
     .help = "of the task's sequences"},
    {.name = "test",
     .offset = offsetof(EvalOptions, test),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "1000",
     .help = "how many of the task's sequences"},
    {.name = "seed",
     .offset = offsetof(EvalOptions, seed),
     .type = OPTION_COUNT,
     .count_most = OPTION_COUNT_MAX,
     .value = "N",
     .fallback = "1",
     .help = "of the task's sequences"},
    {.name = "threads",
     .offset = offsetof(EvalOptions, threads),
     .type = OPTION_COUNT,
     .count_least = 1,
     .count_most = 1024,
     .value = "N",
     .unset = "the CPUs available",
     .help = "the most threads to use"},
    {.name = "json",
     .offset = offsetof(EvalOptions, json),
     .type = OPTION_FLAG,
     .help = "print the result as JSON"},
    {.name = NULL},
};

/* Finds the part in what the model tells of its training; false after a sentence, also when the
 * text is not the one that was split. */
static bool find_part(const TextModel *model, const elman_text *text, const char *name, int part,
                      TextPart *range) {
    *range = text_part_whole(text);
    if (part == PART_ALL) return true;
    const char *told = elman_model_training(model->model);
    json_t *training = told ? json_loads(told, 0, NULL) : NULL;
    const char *digest = json_look_text(training, "data", "sha256");
    const double train = json_look_number(training, "split", "train");
    const bool found = text_part_is_known(training, text);
    if (found) {
        *range = part == PART_TRAIN ? text_part_train(training) : text_part_valid(training, text);
    } else if (*digest == '\0' || !(train >= 0.0)) {
        message("%s: does not tell how its text was split", model->path);
    } else if (strcmp(digest, elman_text_digest(text)) != 0) {
        const json_t *names = json_look(training, "data", "names");
        const char *first = json_string_value(json_array_get(names, 0));
        message("%s: is not the text that %s was trained on (%s, SHA-256 %s)", name, model->path,
                first ? first : "without a name", digest);
    } else {
        message("%s: claims to have learnt from %.0f of %zu characters", model->path, train,
                elman_text_length(text));
    }
    json_decref(training);
    return found;
}

static void print_result(const EvalOptions *chosen, const elman_loss *loss, size_t unknown) {
    const double bits = bits_from_nats(loss->mean), perplexity = exp(loss->mean);
    char count[FORMAT_MAX];
    if (chosen->json) {
        json_t *object = json_object();
        json_put(object, "loss", json_finite(loss->mean));
        json_put(object, "bits_per_character", json_finite(bits));
        json_put(object, "perplexity", json_finite(perplexity));
        json_put(object, "count", json_count(loss->count));
        json_put(object, "unknown", json_count(unknown));
        json_output(object);
        json_decref(object);
        return;
    }
    output_print("loss                %.6f nats\n", loss->mean);
    output_print("bits per character  %.6f\n", bits);
    output_print("perplexity          %.4f\n", perplexity);
    output_print("characters scored   %s\n", format_count(loss->count, count));
    output_print("unknown to model    %s\n", format_count(unknown, count));
}

static elman_status evaluate(const TextModel *model, const int32_t *tokens, size_t count,
                             double rate, elman_loss *loss, elman_error *error) {
    const elman_dynamic_options dynamic = {.struct_size = sizeof(dynamic), .learning_rate = rate};
    return rate > 0.0
               ? elman_evaluate_tokens_dynamic(model->model, tokens, count, &dynamic, loss, error)
               : elman_evaluate_tokens(model->network, tokens, count, loss, error);
}

static bool score(const TextModel *model, const EvalOptions *chosen, const Operands *files) {
    const char *name = files->count == 1 ? files->names[0] : "the text of these files";
    elman_error error;
    elman_text *text = NULL;
    int32_t *tokens = NULL;
    elman_loss loss;
    TextPart range;
    bool ok = false;
    if (elman_text_load(model->context, (const char *const *)files->names, files->count, &text,
                        &error)) {
        message("%s", error.message);
        goto done;
    }
    if (!find_part(model, text, name, chosen->part, &range)) goto done;
    if (range.count < 2) {
        message("%s: %zu characters to score, expected two or more", name, range.count);
        goto done;
    }
    tokens = calloc(range.count, sizeof(*tokens));
    if (!tokens) {
        message("no memory for %zu tokens", range.count);
        goto done;
    }
    (void)elman_vocabulary_encode(model->vocabulary, elman_text_characters(text) + range.from,
                                  range.count, tokens);
    if (evaluate(model, tokens, range.count, chosen->dynamic, &loss, &error)) {
        message("%s: %s", model->path, error.message);
        goto done;
    }
    size_t unknown = 0;
    for (size_t i = 1; i < range.count; i++) unknown += tokens[i] == ELMAN_TOKEN_UNKNOWN;
    ok = isfinite(loss.mean);
    if (ok) {
        print_result(chosen, &loss, unknown);
    } else {
        message("%s: gives a loss of %g, its weights are not usable", model->path, loss.mean);
    }

done:
    free(tokens);
    elman_text_destroy(text);
    return ok;
}

static size_t threads_of(const EvalOptions *chosen) {
    return chosen->threads ? (size_t)chosen->threads : elman_processor_count();
}

static bool is_given(const bool *given, const char *name) {
    for (size_t i = 0; options[i].name; i++) {
        if (given[i] && strcmp(options[i].name, name) == 0) return true;
    }
    return false;
}

static bool given_for_task(const bool *given) {
    return is_given(given, "length") || is_given(given, "test") || is_given(given, "seed");
}

static int run_task(const Command *command, const EvalOptions *chosen, const bool *given,
                    const Operands *operands) {
    if (operands->count != 1) {
        message_for(command->full_name, "%zu files were named, expected a model beside --task",
                    operands->count);
        return EXIT_USAGE;
    }
    if (is_given(given, "part") || is_given(given, "dynamic")) {
        message_for(command->full_name, "--part and --dynamic are for texts, found beside --task");
        return EXIT_USAGE;
    }
    if (!task_known(command->full_name, chosen->task)) return EXIT_USAGE;
    const elman_task_options task = {
        .struct_size = sizeof(task),
        .name = chosen->task,
        .length = (size_t)chosen->length,
        .seed = chosen->seed,
    };
    const bool ok = eval_task(operands->names[0], &task, (size_t)chosen->test, threads_of(chosen),
                              chosen->json);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static int run(const Command *command, int count, char **arguments) {
    EvalOptions chosen;
    Operands operands;
    TextModel model;
    int status;
    bool given[OPTIONS_MAX];
    if (!command_parse(command, count, arguments, &chosen, given, &operands, &status)) {
        return status;
    }
    if (chosen.task) return run_task(command, &chosen, given, &operands);
    if (given_for_task(given)) {
        message_for(command->full_name, "--length, --test and --seed are for --task");
        return EXIT_USAGE;
    }
    if (operands.count < 2) {
        message_for(command->full_name, "%s was named: expected a model and a text",
                    operands.count == 0 ? "nothing" : "no text");
        return EXIT_USAGE;
    }
    const size_t threads = threads_of(&chosen);
    const Operands files = {operands.names + 1, operands.count - 1};
    const bool ok =
        text_model_open(&model, operands.names[0], threads) && score(&model, &chosen, &files);
    text_model_close(&model);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const Command command_eval = {
    .name = "eval",
    .run = run,
    .summary = "measure how well a model predicts a text or does a task",
    .full_name = "elman eval",
    .operands = "MODEL DATA... | MODEL --task NAME",
    .description =
        "Reads the text as one stream from the zero state and scores every character after the "
        "first, unknown ones included. The figure does not depend on batches, windows or threads. "
        "MODEL may be a checkpoint. With --dynamic the model learns from what it has just scored, "
        "32 characters at a time, as compressors do; the file stays as it is.\n\n"
        "With --task it measures a model of elman train task on sequences that it has not seen, of "
        "any length.",
    .options = options,
};
