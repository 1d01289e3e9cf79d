/* elman classify and elman tag: labels for sequences, and for each of their steps. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "class_view.h"
#include "command.h"
#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "output.h"
#include <elman/elman.h>

typedef struct ApplyOptions {
    const char *output, *text, *label, *id, *object;
    bool interpolate, probabilities, score, json, quiet;
    uint64_t threads;
} ApplyOptions;

#define OF(member) .offset = offsetof(ApplyOptions, member)

/* clang-format off */
#define APPLY_OUTPUT                                                                              \
    {.name = "output", .letter = 'o', OF(output), .type = OPTION_FILE, .value = "FILE",           \
     .unset = "standard output", .help = "where the result goes"}

#define APPLY_SHOW                                                                                \
    {.name = "score", OF(score), .type = OPTION_FLAG,                                             \
     .help = "print how often the labels of DATA are found, instead of the labels"},              \
    {.name = "json", OF(json), .type = OPTION_FLAG,                                               \
     .help = "print as JSON, the score included"},                                                \
    {.name = "quiet", .letter = 'q', OF(quiet), .type = OPTION_FLAG,                              \
     .help = "no score on standard error"},                                                       \
    {.name = "threads", OF(threads), .type = OPTION_COUNT, .count_least = 1, .count_most = 1024,  \
     .value = "N", .unset = "the CPUs available",                                                 \
     .help = "the most threads to use"}

static const Option classify_options[] = {
    APPLY_OUTPUT,
    {.name = "text", OF(text), .type = OPTION_TEXT, .value = "COLUMN",
     .unset = "as in training", .help = "the column of texts"},
    {.name = "label", OF(label), .type = OPTION_TEXT, .value = "COLUMN",
     .unset = "as in training, where there is one",
     .help = "the column of labels to compare with"},
    {.name = "id", OF(id), .type = OPTION_TEXT, .value = "COLUMN", .unset = "as in training",
     .help = "numbers: the rows with the same id are the steps of one sequence"},
    {.name = "object", OF(object), .type = OPTION_TEXT, .value = "NAME",
     .help = "which of the data sets in an R file"},
    {.name = "interpolate", OF(interpolate), .type = OPTION_FLAG,
     .help = "fill in missing numbers from their neighbours instead of refusing them"},
    {.name = "probabilities", OF(probabilities), .type = OPTION_FLAG,
     .help = "print the probability of every label, a column each"},
    APPLY_SHOW,
    {.name = NULL},
};

static const Option tag_options[] = {
    APPLY_OUTPUT,
    {.name = "probabilities", OF(probabilities), .type = OPTION_FLAG,
     .help = "print the probability of the label, as a third column"},
    APPLY_SHOW,
    {.name = NULL},
};
/* clang-format on */

/* Everything that one call holds. */
typedef struct Job {
    const ApplyOptions *options;
    bool tagger;
    const char *model_path, *data_path, *data_name;
    elman_context *context;
    elman_model *model;
    elman_classifier *classifier;
    elman_classifier_info info;
    elman_network *network;
    elman_labelled *data;
    elman_prediction *prediction;
    elman_class_score *score; /* NULL: the data have no labels */
} Job;

static bool failed(const elman_error *error) {
    message("%s", error->message);
    return false;
}

static bool open_model(Job *job) {
    elman_error error;
    const elman_context_options options = {
        .struct_size = sizeof(options),
        .threads = job->options->threads ? (size_t)job->options->threads : elman_processor_count(),
    };
    if (elman_context_create(&options, &job->context, &error) ||
        elman_model_load(job->context, job->model_path, &job->model, &error)) {
        return failed(&error);
    }
    if (elman_classifier_open(job->context, job->model, &job->classifier, &error)) {
        message("%s: %s", job->model_path, error.message);
        return false;
    }
    elman_classifier_describe(job->classifier, &job->info);
    if ((job->info.tagger != 0) != job->tagger) {
        message("%s: was trained to %s: see elman %s", job->model_path,
                job->tagger ? "classify whole sequences" : "tag each step",
                job->tagger ? "classify" : "tag");
        return false;
    }
    return !elman_network_compile(job->model, &job->network, &error) || failed(&error);
}

static bool predict(Job *job) {
    const ApplyOptions *options = job->options;
    const elman_labelled_options reading = {
        .struct_size = sizeof(reading),
        .text = options->text,
        .label = options->label,
        .id = options->id,
        .object = options->object,
        .interpolate = options->interpolate,
        .need = options->label || options->score ? ELMAN_LABELS_REQUIRED : ELMAN_LABELS_OPTIONAL,
    };
    elman_error error;
    if (elman_classifier_load(job->classifier, job->data_path, &reading, &job->data, &error) ||
        elman_classifier_predict(job->classifier, job->network, job->data, &job->prediction,
                                 &error)) {
        return failed(&error);
    }
    return !elman_labelled_has_labels(job->data) ||
           !elman_class_score_create(job->classifier, job->data, job->prediction, &job->score,
                                     &error) ||
           failed(&error);
}

/* A field of CSV: in quotes where it needs them. */
static void print_field(FILE *file, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        (void)fprintf(file, "%s", text);
        return;
    }
    (void)fputc('"', file);
    for (const char *c = text; *c; c++) (void)fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
    (void)fputc('"', file);
}

static void print_rows(const Job *job, FILE *file) {
    const size_t labels = job->info.labels;
    const bool all = job->options->probabilities;
    const char *id = elman_labelled_id_column(job->data);
    print_field(file, id ? id : "id");
    (void)fprintf(file, ",label,probability");
    for (size_t k = 0; all && k < labels; k++) {
        (void)fputc(',', file);
        print_field(file, elman_classifier_label(job->classifier, k));
    }
    (void)fputc('\n', file);
    for (size_t i = 0; i < elman_labelled_count(job->data); i++) {
        const float *probabilities = elman_prediction_probabilities(job->prediction, i);
        const size_t label = elman_prediction_label(job->prediction, i, 0);
        print_field(file, elman_labelled_id(job->data, i));
        (void)fputc(',', file);
        print_field(file, elman_classifier_label(job->classifier, label));
        (void)fprintf(file, ",%.6f", (double)probabilities[label]);
        for (size_t k = 0; all && k < labels; k++) {
            (void)fprintf(file, ",%.6f", (double)probabilities[k]);
        }
        (void)fputc('\n', file);
    }
}

static void print_sentences(const Job *job, FILE *file) {
    const size_t labels = job->info.labels;
    for (size_t i = 0; i < elman_labelled_count(job->data); i++) {
        const float *probabilities = elman_prediction_probabilities(job->prediction, i);
        if (i > 0) (void)fputc('\n', file);
        for (size_t step = 0; step < elman_labelled_length(job->data, i); step++) {
            const size_t label = elman_prediction_label(job->prediction, i, step);
            (void)fprintf(file, "%s\t%s", elman_labelled_token(job->data, i, step),
                          elman_classifier_label(job->classifier, label));
            if (job->options->probabilities) {
                (void)fprintf(file, "\t%.6f", (double)probabilities[step * labels + label]);
            }
            (void)fputc('\n', file);
        }
    }
}

static json_t *describe_sequence(const Job *job, size_t index) {
    const float *probabilities = elman_prediction_probabilities(job->prediction, index);
    const size_t label = elman_prediction_label(job->prediction, index, 0);
    json_t *object = json_object(), *every = json_object();
    json_put(object, "id", json_text(elman_labelled_id(job->data, index)));
    json_put(object, "label", json_text(elman_classifier_label(job->classifier, label)));
    json_put(object, "probability", json_finite((double)probabilities[label]));
    for (size_t k = 0; k < job->info.labels; k++) {
        json_put(every, elman_classifier_label(job->classifier, k),
                 json_finite((double)probabilities[k]));
    }
    json_put(object, "probabilities", every);
    return object;
}

static json_t *describe_sentence(const Job *job, size_t index) {
    const float *probabilities = elman_prediction_probabilities(job->prediction, index);
    json_t *sentence = json_array();
    for (size_t step = 0; step < elman_labelled_length(job->data, index); step++) {
        const size_t label = elman_prediction_label(job->prediction, index, step);
        json_t *token = json_object();
        json_put(token, "token", json_text(elman_labelled_token(job->data, index, step)));
        json_put(token, "label", json_text(elman_classifier_label(job->classifier, label)));
        json_put(token, "probability",
                 json_finite((double)probabilities[step * job->info.labels + label]));
        json_append(sentence, token);
    }
    return sentence;
}

static void print_json(const Job *job, FILE *file) {
    json_t *object = json_object(), *list = json_array();
    json_put(object, "model", json_text(job->model_path));
    json_put(object, "data", json_text(job->data_name));
    for (size_t i = 0; !job->options->score && i < elman_labelled_count(job->data); i++) {
        json_append(list, job->tagger ? describe_sentence(job, i) : describe_sequence(job, i));
    }
    if (job->options->score) {
        json_decref(list);
    } else {
        json_put(object, job->tagger ? "sentences" : "sequences", list);
    }
    json_put(object, "score",
             job->score ? class_describe_score(job->classifier, job->score, true) : json_null());
    char *text = json_print(object, JSON_INDENT(2));
    (void)fprintf(file, "%s\n", text);
    free(text);
    json_decref(object);
}

static void print_result(const Job *job, FILE *file) {
    if (job->options->json) {
        print_json(job, file);
    } else if (job->options->score) {
        class_print_score(file, job->data_name, job->classifier, job->score);
    } else if (job->tagger) {
        print_sentences(job, file);
    } else {
        print_rows(job, file);
    }
}

static bool write_result(const Job *job) {
    const char *path = job->options->output;
    char *bytes = NULL;
    size_t size = 0;
    bool ok = true;
    FILE *file = open_memstream(&bytes, &size);
    if (file) print_result(job, file);
    if (!file || fclose(file) != 0) {
        message("no memory for the result");
        ok = false;
    } else if (path && strcmp(path, "-") != 0) {
        ok = machine_replace(path, bytes, size);
    } else {
        output_write(bytes, size);
    }
    free(bytes);
    return ok;
}

/* What there is to say besides the result. */
static void say_rest(const Job *job) {
    char count[FORMAT_MAX];
    const size_t tokens = elman_prediction_tokens(job->prediction);
    const size_t unknown = elman_prediction_unknown(job->prediction);
    if (job->options->quiet) return;
    if (elman_prediction_cut(job->prediction) > 0) {
        message("%s: %s sequences are longer than %zu steps, of which the rest was not read",
                job->data_name, format_count(elman_prediction_cut(job->prediction), count),
                job->info.max_length);
    }
    if (unknown * 5 > tokens) {
        message("%s: %.1f %% of the tokens are unknown to the model", job->data_name,
                100.0 * (double)unknown / (double)tokens);
    }
    if (job->score && !job->options->score && !job->options->json) {
        class_print_score(stderr, job->data_name, job->classifier, job->score);
    }
}

static void close_job(Job *job) {
    elman_class_score_destroy(job->score);
    elman_prediction_destroy(job->prediction);
    elman_labelled_destroy(job->data);
    elman_network_destroy(job->network);
    elman_classifier_destroy(job->classifier);
    elman_model_destroy(job->model);
    elman_context_destroy(job->context);
}

static int apply(const Command *command, int count, char **arguments, bool tagger) {
    ApplyOptions options = {0};
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &options, NULL, &operands, &status)) {
        return status;
    }
    if (operands.count != 2) {
        message_for(command->full_name, "expected a model and one file of data: MODEL DATA");
        return EXIT_USAGE;
    }
    if (options.score && options.probabilities) {
        message_for(command->full_name, "--probabilities are of the labels, which --score does not "
                                        "print: expected one of them");
        return EXIT_USAGE;
    }
    const char *data = operands.names[1];
    Job job = {
        .options = &options,
        .tagger = tagger,
        .model_path = operands.names[0],
        .data_path = data,
        .data_name = strcmp(data, "-") == 0 ? "standard input" : data,
    };
    const bool ok = machine_spares(options.output, job.model_path) &&
                    machine_spares(options.output, data) && open_model(&job) && predict(&job) &&
                    write_result(&job);
    if (ok) say_rest(&job);
    close_job(&job);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static int run_classify(const Command *command, int count, char **arguments) {
    return apply(command, count, arguments, false);
}

static int run_tag(const Command *command, int count, char **arguments) {
    return apply(command, count, arguments, true);
}

const Command command_classify = {
    .name = "classify",
    .run = run_classify,
    .summary = "say which label each text or sequence of numbers has",
    .full_name = "elman classify",
    .operands = "MODEL DATA",
    .description =
        "Prints CSV: the id of each sequence of DATA (the number of its row where it has none), "
        "its most probable label, and the probability of that. DATA has the form that `elman train "
        "classify` was given, with or without labels; - is standard input, MODEL may be a "
        "checkpoint.\n\n"
        "Where DATA has labels, the score goes to standard error: accuracy, macro F1 (the mean of "
        "the labels' F1), log loss, the figures of each label and what was taken for what, beside "
        "the accuracy of always saying the label that was most frequent in training.",
    .options = classify_options,
};

const Command command_tag = {
    .name = "tag",
    .run = run_tag,
    .summary = "label each token of sentences",
    .full_name = "elman tag",
    .operands = "MODEL DATA",
    .description =
        "Prints each token of DATA with its label behind a tab, and an empty line between "
        "sentences. DATA has a token a line, with or without a label in the last column; - is "
        "standard input, MODEL may be a checkpoint.\n\n"
        "Where DATA has labels, the score goes to standard error: accuracy, the F1 of spans where "
        "labels mark some, the figures of each label, beside the accuracy of always saying the "
        "label that was most frequent in training, and of saying each word's most frequent one.",
    .options = tag_options,
};
