/* elman train classify and elman train tag: from labelled sequences to a model that labels others.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "class_options.h"
#include "class_view.h"
#include "command.h"
#include "format.h"
#include "json.h"
#include "machine.h"
#include "message.h"
#include "remember.h"
#include "session.h"
#include "train_model.h"
#include <elman/elman.h>

enum { LABELS_JUDGED = 20 }; /* fewer sequences may well have a label each */

/* Everything that one run holds. */
typedef struct Run {
    ClassOptions options;
    bool given[OPTIONS_MAX];
    Session session;
    bool tagger;
    char *files[2]; /* DATA, and the file to validate on */
    ClassReading reading;
    elman_labelled *data, *valid;
    double *weights;
    elman_classifier *classifier;
    elman_classifier_info info;
    elman_classifier_source *source;
    elman_source view; /* of the source */
} Run;

/* Reads the file to validate on, with the labels and columns of the data. */
static bool load_valid(Run *run) {
    Session *session = &run->session;
    if (!run->options.valid_file) return true;
    elman_labelled_options options = run->reading.labelled;
    const size_t count = elman_labelled_label_count(run->data);
    const char **labels = calloc(count + 1, sizeof(*labels));
    if (!labels) {
        message("no memory for %zu labels", count);
        return false;
    }
    for (size_t i = 0; i < count; i++) labels[i] = elman_labelled_label_name(run->data, i);
    options.labels = labels;
    options.label_count = count;
    const elman_status status = elman_labelled_load(session->context, run->options.valid_file,
                                                    &options, &run->valid, &session->error);
    free(labels);
    return !status;
}

static bool load_data(Run *run) {
    Session *session = &run->session;
    if (!class_reading_create(&run->options, run->tagger, &run->reading)) return false;
    return !elman_labelled_load(session->context, run->files[0], &run->reading.labelled, &run->data,
                                &session->error) &&
           load_valid(run);
}

/* Refuses numbers, or ids, that were taken for labels: labels occur again and again. */
static bool check_labels(const Run *run) {
    const size_t count = elman_labelled_count(run->data);
    const size_t labels = elman_labelled_label_count(run->data);
    if (run->tagger || count < LABELS_JUDGED || labels <= count / 2) return true;
    message("%s: has %zu different labels in %zu sequences, expected labels that occur again and "
            "again",
            run->files[0], labels, count);
    return false;
}

static bool make_classifier(Run *run) {
    Session *session = &run->session;
    const TrainOptions *train = &run->options.train;
    elman_classifier_options options;
    class_options_classifier(&run->options, &options);
    session->error.message[0] = '\0'; /* what it may say is printed there */
    if (!check_labels(run) ||
        !class_weights_read(&run->options, run->data, &options, &run->weights)) {
        return false;
    }
    if (elman_classifier_create(session->context, run->data, run->valid, &options, &run->classifier,
                                &session->error) ||
        elman_classifier_source_create(run->classifier, run->data, run->valid, (size_t)train->batch,
                                       train->seed, &run->source, &session->error)) {
        session_name_file(session);
        return false;
    }
    elman_classifier_describe(run->classifier, &run->info);
    run->view = elman_classifier_source_view(run->source);
    return session_check_digest(session, run->files[0], run->view.digest);
}

static void describe(Run *run) {
    static const char *const kinds[] = {"any", "text", "numbers", "tokens"};
    Session *session = &run->session;
    const elman_classifier_info *info = &run->info;
    if (session->description) return;
    ClassOptions defaults = {0};
    options_set_defaults(session->command->options, &defaults);
    json_t *all =
        remember_options(session->command->full_name, session->command->options, &run->options,
                         &defaults, &(Operands){.names = run->files, .count = 1});
    json_t *data = json_object(), *names = json_array(), *split = json_object();
    for (size_t i = 0; i < session->files.count; i++) {
        const char *name = run->files[i];
        json_append(names, json_text(strcmp(name, "-") == 0 ? "standard input" : base_name(name)));
    }
    json_put(data, "files", json_count(session->files.count));
    json_put(data, "names", names);
    json_put(data, "kind", json_text(kinds[info->kind]));
    json_put(data, "format", json_text(elman_labelled_format(run->data)));
    json_put(data, "sequences", json_count(info->train + info->valid));
    json_put(data, "labels", json_count(info->labels));
    json_put(data, "sha256", json_text(run->view.digest));
    json_put(split, "train", json_count(info->train));
    json_put(split, "valid", json_count(info->valid));
    json_put(all, "data", data);
    json_put(all, "split", split);
    session->description = all;
}

static bool build_model(Run *run) {
    Session *session = &run->session;
    const ClassOptions *options = &run->options;
    const elman_classifier_info *info = &run->info;
    const elman_output pooled = (elman_output)(ELMAN_OUTPUT_LAST_STEP + options->pool);
    const elman_status status =
        info->features > 0
            ? elman_model_create(session->context, info->features, &session->model, &session->error)
            : elman_model_create_tokens(session->context, info->vocabulary,
                                        (size_t)options->train.embedding, &session->model,
                                        &session->error);
    if (status) return false;
    train_model_add_layers(session->model, &options->train, info->labels);
    (void)elman_model_set_output(session->model, run->tagger ? ELMAN_OUTPUT_EVERY_STEP : pooled);
    const size_t batch =
        options->train.batch < info->train ? (size_t)options->train.batch : info->train;
    return session_check_memory(session, batch, info->longest) && session_build_model(session) &&
           !elman_classifier_store(run->classifier, session->model, &session->error);
}

static void say_data(const Run *run) {
    const elman_classifier_info *info = &run->info;
    char train[FORMAT_MAX], valid[FORMAT_MAX], longest[FORMAT_MAX], what[2 * FORMAT_MAX];
    char count[FORMAT_MAX];
    if (info->features > 0) {
        (void)snprintf(what, sizeof(what), "%s number%s a step",
                       format_count(info->features, count), info->features == 1 ? "" : "s");
    } else {
        (void)snprintf(what, sizeof(what), "%s %s", format_count(info->words, count),
                       info->characters ? "characters" : "words");
    }
    message("%s: %zu labels, %s; %s sequences of at most %s steps to learn from, %s to validate",
            run->files[0], info->labels, what, format_count(info->train, train),
            format_count(info->longest, longest), format_count(info->valid, valid));
    const char *text = elman_labelled_text_column(run->data);
    const char *label = elman_labelled_label_column(run->data);
    if (text && label) {
        message("texts stand in the column \"%s\", labels in the column \"%s\"", text, label);
    }
    if (info->cut > 0) {
        message("%s sequences were longer and are cut to %zu steps", format_count(info->cut, count),
                info->max_length);
    }
    if (info->unknown_share > 0.0) {
        message("%.1f %% of the validation part's %s are unknown", 100.0 * info->unknown_share,
                info->characters ? "characters" : "words");
    }
}

/* Scores the weights that are kept on the validation part, into the description. */
static bool score(Run *run) {
    Session *session = &run->session;
    elman_network *network = NULL;
    elman_class_score *result = NULL;
    if (run->info.valid == 0) return true;
    const bool ok = !elman_network_compile(session->model, &network, &session->error) &&
                    !elman_classifier_source_score(run->source, network, &result, &session->error);
    if (ok) {
        json_put((json_t *)json_object_get(session->description, "result"), "valid",
                 class_describe_score(run->classifier, result, false));
        if (!run->options.train.quiet) {
            (void)fprintf(stderr, "elman: validation part: ");
            class_print_summary(stderr, run->classifier, result);
        }
    }
    elman_class_score_destroy(result);
    elman_network_destroy(network);
    return ok;
}

static void say_result(const Run *run, double seconds) {
    const json_t *all = run->session.description;
    char time[FORMAT_MAX], valid[FORMAT_MAX * 2] = "";
    const double loss = json_look_number(all, "result", "validation_loss");
    if (run->options.train.quiet) return;
    if (isfinite(loss)) (void)snprintf(valid, sizeof(valid), ", validation %.4f", loss);
    message("%s is ready after %.0f steps and %s: loss %.4f%s", run->options.train.output,
            json_look_number(all, "result", "steps"), format_duration(seconds, time),
            json_look_number(all, "result", "train_loss"), valid);
}

static int carry_out(Run *run) {
    Session *session = &run->session;
    elman_train_result result = {0};
    const double start = machine_seconds();
    if (!run->options.train.quiet) say_data(run);
    session_say_model(session);
    const elman_source valid = elman_classifier_source_valid(run->source);
    int status = session_train(session, &run->view, &valid, NULL, &result);
    const double seconds = machine_seconds() - start;
    if (status != EXIT_DONE) return status;
    (void)remember_result(session->description, &result);
    if (!score(run)) return EXIT_FAILED;
    status = session_save(session, result.steps);
    if (status != EXIT_DONE) return status;
    say_result(run, seconds);
    if (run->options.train.json) {
        json_put(session->description, "model", json_text(run->options.train.output));
        json_put(session->description, "seconds", json_finite(seconds));
        json_output(session->description);
    }
    return session->unwatched ? EXIT_FAILED : EXIT_DONE;
}

/* A checkpoint does not know where the file to validate on is. */
static bool check_valid_file(const Run *run) {
    const Session *session = &run->session;
    const char *then = json_look_text(session->description, "options", "valid-file");
    if (!session->checkpoint || !*then || run->options.valid_file) return true;
    message("%s was started with --valid-file %s: expected it again", session->checkpoint_path,
            then);
    return false;
}

static int train(Run *run) {
    int status;
    if (!session_open(&run->session, &status)) return status;
    if (!check_valid_file(run)) return EXIT_FAILED;
    if (!load_data(run) || !make_classifier(run)) return EXIT_FAILED;
    describe(run);
    if (!build_model(run) || !session_make_trainer(&run->session)) return EXIT_FAILED;
    return carry_out(run);
}

static void release(Run *run) {
    elman_classifier_source_destroy(run->source);
    elman_classifier_destroy(run->classifier);
    free(run->weights);
    elman_labelled_destroy(run->valid);
    elman_labelled_destroy(run->data);
    class_reading_release(&run->reading);
}

static int run_train(const Command *command, int count, char **arguments, bool tagger) {
    Run run = {.tagger = tagger, .session = {.command = command, .unit = "steps"}};
    Session *session = &run.session;
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, &run.options, run.given, &operands, &status)) {
        return status;
    }
    if (operands.count != 1) {
        message_for(command->full_name, "%zu files of data were named, expected one, or -",
                    operands.count);
        return EXIT_USAGE;
    }
    if (!run.options.train.output) {
        message_for(command->full_name, "no model file was named: expected -o MODEL");
        return EXIT_USAGE;
    }
    run.options.train.dropout_at_end = true;
    if (!class_options_check(command->full_name, &run.options)) return EXIT_USAGE;
    run.files[0] = operands.names[0];
    run.files[1] = (char *)run.options.valid_file;
    session->files = (Operands){.names = run.files, .count = run.files[1] ? 2 : 1};
    session->values = &run.options;
    session->options = &run.options.train;
    session->given = run.given;
    status = train(&run);
    if (status == EXIT_FAILED && session->error.message[0]) message("%s", session->error.message);
    release(&run);
    session_close(session);
    return status;
}

static int run_train_classify(const Command *command, int count, char **arguments) {
    return run_train(command, count, arguments, false);
}

static int run_train_tag(const Command *command, int count, char **arguments) {
    return run_train(command, count, arguments, true);
}

const Command command_train_classify = {
    .name = "classify",
    .run = run_train_classify,
    .summary = "texts or sequences of numbers, each with a label",
    .full_name = "elman train classify",
    .operands = "DATA -o MODEL",
    .description =
        "Learns to tell which label a sequence has. DATA is a CSV or TSV table with a text and a "
        "label a row; a table of numbers with a label, a sequence a row, or, with --id, a step a "
        "row; a .ts, .arff or UCR .tsv file; or a data frame in one of R's files (.rda, .rds, "
        ".rdx). It may be packed by gzip; - is standard input.\n\n"
        "A tenth of the sequences of each label is kept apart and measures how well the model does "
        "on what it has not seen; the weights of the lowest loss there are kept. `elman classify` "
        "labels other data.\n\n"
        "MODEL.checkpoint holds the unfinished run, and --resume goes on with it, as with `elman "
        "train text`.",
    .options = train_classify_options,
};

const Command command_train_tag = {
    .name = "tag",
    .run = run_train_tag,
    .summary = "sentences, with a label for each word",
    .full_name = "elman train tag",
    .operands = "DATA -o MODEL",
    .description =
        "Learns the label of every token of a sentence. DATA has a token a line, its label behind "
        "a tab or blanks in the last column, and an empty line between sentences (as the CoNLL "
        "tasks have them); - is standard input.\n\n"
        "A tenth of the sentences is kept apart and measures how well the model does on what it "
        "has not seen; the weights of the lowest loss there are kept. Where labels mark spans (O "
        "and B-, I-, E-, S- with a type), spans are scored too. `elman tag` labels other "
        "sentences.\n\n"
        "MODEL.checkpoint holds the unfinished run, and --resume goes on with it, as with `elman "
        "train text`.",
    .options = train_tag_options,
};
