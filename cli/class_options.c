/* The options of `elman train classify` and `elman train tag`, and what they mean for the library.
 */
#include "class_options.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "names.h"
#include "train_option_groups.h"

#define OF(member) .offset = offsetof(ClassOptions, member)

/* In the order of the library's enumerations; pools without ELMAN_OUTPUT_EVERY_STEP. */
static const char *const units[] = {"char", "word", NULL};
static const char *const pools[] = {"last", "mean", "max", NULL};
static const char *const scalings[] = {"standard", "none", NULL};

/* A line or two for each option. */
/* clang-format off */
#define CLASS_OUTPUT                                                                              \
    {.name = "output", .letter = 'o', AT(output), .type = OPTION_FILE, .value = "MODEL",          \
     .help = "where the model goes; it is replaced when training has ended"}

#define CLASS_WORDS(min_default)                                                                  \
    {.name = "min-count", OF(min_count), COUNT(1), .value = "N", .fallback = min_default,         \
     .remembered = true,                                                                          \
     .help = "words that occur less often among what is learnt from are unknown"},                \
    {.name = "max-words", OF(max_words), COUNT(0), .value = "N", .fallback = "0",                 \
     .remembered = true,                                                                          \
     .help = "know the N most frequent words only; 0: any number"}

#define CLASS_LENGTH(help_text)                                                                   \
    {.name = "max-length", OF(max_length), .type = OPTION_COUNT, .count_most = INT32_MAX,         \
     .value = "STEPS", .fallback = "0", .remembered = true,                                       \
     .help = help_text}

#define CLASS_WEIGHTS                                                                             \
    {.name = "class-weights", OF(weights), .type = OPTION_TEXT, .value = "WEIGHTS",               \
     .unset = "none", .remembered = true,                                                         \
     .help = "how much each label counts in the loss: none, balanced (rare ones count more), or " \
             "LABEL=NUMBER with commas between, 1 for labels that are not named"}

#define CLASS_LAYERS(embedding_default, bidirectional_help)                                       \
    TRAIN_OPTIONS_LAYERS("lstm", "64", "1"),                                                      \
    {.name = "bidirectional", AT(bidirectional), .type = OPTION_FLAG, .remembered = true,         \
     .help = bidirectional_help},                                                                 \
    {.name = "embedding", AT(embedding), COUNT(0), .value = "N", .fallback = embedding_default,   \
     .remembered = true,                                                                          \
     .help = "width of a trained table of characters or words; 0: one-hot input"},                \
    TRAIN_OPTIONS_CELL(                                                                           \
        "share of a layer's outputs dropped on their way to the next layer or to the labels")

#define CLASS_RUN(epochs_default, valid_help)                                                     \
    {.name = "batch", AT(batch), COUNT(1), .value = "N", .fallback = "32", .remembered = true,    \
     .help = "sequences in one step"},                                                            \
    {.name = "epochs", AT(epochs), COUNT(0), .value = "N", .fallback = epochs_default,            \
     .remembered = true,                                                                          \
     .help = "passes over what is learnt from; 0: until --max-steps"},                            \
    {.name = "max-steps", AT(max_steps), COUNT(0), .value = "N", .fallback = "0",                 \
     .remembered = true,                                                                          \
     .help = "stop after so many steps; 0: when all epochs are done"},                            \
    TRAIN_OPTIONS_OPTIMIZER("2e-3", "5", "0"),                                                         \
    {.name = "valid", AT(valid), .type = OPTION_REAL, .value = "SHARE", .real_most = 1.0,         \
     .real_below = true, .fallback = "0.1", .remembered = true,                                   \
     .help = valid_help},                                                                         \
    {.name = "valid-last", OF(valid_last), .type = OPTION_FLAG, .remembered = true,               \
     .help = "the validation part is the last of the data instead"},                              \
    {.name = "valid-file", OF(valid_file), .type = OPTION_FILE, .value = "FILE",                  \
     .remembered = true,                                                                          \
     .help = "validate on another file, and learn from all of DATA"},                             \
    {.name = "validate-every", AT(validate_every), COUNT(0), .value = "N", .fallback = "0",       \
     .remembered = true,                                                                          \
     .help = "validate every N steps too; 0: after each epoch only"},                             \
    {.name = "patience", AT(patience), COUNT(0), .value = "N", .fallback = "0",                   \
     .remembered = true,                                                                          \
     .help = "stop after N epochs without a lower validation loss; 0: never"},                    \
    TRAIN_OPTIONS_START,                                                                          \
    TRAIN_OPTIONS_RUN,                                                                            \
    TRAIN_OPTIONS_CHECKPOINT,                                                                     \
    TRAIN_OPTIONS_SHOW

const Option train_classify_options[] = {
    CLASS_OUTPUT,

    {.name = "text", OF(text), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,
     .unset = "text where there is one",
     .help = "the column of texts"},
    {.name = "label", OF(label), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,
     .unset = "label where there is one",
     .help = "the column of labels"},
    {.name = "id", OF(id), .type = OPTION_TEXT, .value = "COLUMN", .remembered = true,
     .unset = "id where its values repeat",
     .help = "numbers: the rows with the same id are the steps of one sequence"},
    {.name = "columns", OF(columns), .type = OPTION_TEXT, .value = "NAMES", .remembered = true,
     .unset = "all that hold numbers alone",
     .help = "numbers: the columns to read, with commas between"},
    {.name = "step-features", OF(step_features), COUNT(1), .value = "N", .fallback = "1",
     .remembered = true,
     .help = "numbers, a sequence a row: so many columns are one step"},
    {.name = "interpolate", OF(interpolate), .type = OPTION_FLAG, .remembered = true,
     .help = "fill in missing numbers from their neighbours instead of refusing them"},
    {.name = "object", OF(object), .type = OPTION_TEXT, .value = "NAME", .remembered = true,
     .help = "which of the data sets in an R file"},
    {.name = "tokens", OF(unit), CHOICE(units), .fallback = "word", .remembered = true,
     .help = "texts: read characters or words"},
    {.name = "keep-case", OF(keep_case), .type = OPTION_FLAG, .remembered = true,
     .help = "words that differ in case are different"},
    CLASS_WORDS("2"),
    CLASS_LENGTH("cut longer sequences at their end; 0: never"),
    {.name = "scaling", OF(scaling), CHOICE(scalings), .fallback = "standard", .remembered = true,
     .help = "numbers: less the mean, over the standard deviation of what is learnt from"},
    CLASS_WEIGHTS,
    {.name = "pool", OF(pool), CHOICE(pools), .fallback = "max", .remembered = true,
     .help = "what the label is read from: the last state, or the mean or the greatest of all"},
    CLASS_LAYERS("32", "read each sequence from its end too"),
    CLASS_RUN("20", "share of the data that is kept for validation: as many of each label"),
    {.name = NULL},
};

const Option train_tag_options[] = {
    CLASS_OUTPUT,
    CLASS_WORDS("1"),
    {.name = "no-endings", OF(no_endings), .type = OPTION_FLAG, .remembered = true,
     .help = "all unknown words are the same, however they end"},
    CLASS_LENGTH("learn from the first steps of longer sentences only; 0: from all"),
    CLASS_WEIGHTS,
    CLASS_LAYERS("64", "read each sentence from its end too"),
    CLASS_RUN("10", "share of the sentences that is kept for validation"),
    {.name = NULL},
};
/* clang-format on */

bool class_options_check(const char *command, const ClassOptions *options) {
    TrainOptions train = options->train;
    if (options->valid_file && options->valid_last) {
        message_for(command, "--valid-last is for a part of DATA, and --valid-file for another "
                             "file: expected one of them");
        return false;
    }
    /* A file is a validation part, whatever the share says. */
    if (options->valid_file) train.valid = 0.5;
    return train_options_check(command, &train);
}

/* The names of --columns; false after a sentence. */
static bool read_columns(const char *columns, ClassReading *reading) {
    const size_t room = strlen(columns) / 2 + 1;
    reading->text = strdup(columns);
    reading->names = calloc(room, sizeof(*reading->names));
    if (!reading->text || !reading->names) {
        message("no memory for the names of columns");
        return false;
    }
    reading->labelled.columns = reading->names;
    reading->labelled.column_count = names_cut(reading->text, reading->names, room);
    if (reading->labelled.column_count > 0) return true;
    message("--columns is \"%s\", expected names with commas between, and quotes around those that "
            "have a comma themselves",
            columns);
    return false;
}

bool class_reading_create(const ClassOptions *options, bool tagger, ClassReading *reading) {
    *reading =
        (ClassReading){.labelled = {.struct_size = sizeof(reading->labelled),
                                    .kind = tagger ? ELMAN_LABELLED_TOKENS : ELMAN_LABELLED_ANY}};
    if (tagger) return true;
    reading->labelled.text = options->text;
    reading->labelled.label = options->label;
    reading->labelled.id = options->id;
    reading->labelled.step_features = (size_t)options->step_features;
    reading->labelled.interpolate = options->interpolate;
    reading->labelled.object = options->object;
    return !options->columns || read_columns(options->columns, reading);
}

void class_reading_release(ClassReading *reading) {
    free(reading->names);
    free(reading->text);
}

void class_options_classifier(const ClassOptions *options, elman_classifier_options *classifier) {
    *classifier = (elman_classifier_options){
        .struct_size = sizeof(*classifier),
        .unit = (elman_text_unit)options->unit,
        .keep_case = options->keep_case,
        .min_count = options->min_count,
        .max_words = (size_t)options->max_words,
        .no_endings = options->no_endings,
        .max_length = (size_t)options->max_length,
        .no_scaling = options->scaling == 1,
        .valid = options->valid_file ? 0.0 : options->train.valid,
        .valid_last = options->valid_last,
        .seed = options->train.seed,
    };
}

/* Takes "LABEL=NUMBER"; false after a sentence. */
static bool read_weight(const char *text, const elman_labelled *data, double *weights) {
    const char *equals = strrchr(text, '=');
    const size_t labels = elman_labelled_label_count(data);
    if (!equals) {
        message("--class-weights: \"%s\", expected none, balanced or LABEL=NUMBER", text);
        return false;
    }
    char *end;
    const size_t size = (size_t)(equals - text);
    const double weight = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !(weight > 0.0 && weight <= 1e30)) {
        message("--class-weights: \"%s\", expected a number above 0 behind the label", text);
        return false;
    }
    for (size_t i = 0; i < labels; i++) {
        const char *label = elman_labelled_label_name(data, i);
        if (strncmp(label, text, size) != 0 || label[size]) continue;
        weights[i] = weight;
        return true;
    }
    message("--class-weights: no label of the data is called \"%.*s\"", (int)size, text);
    return false;
}

/* Takes "LABEL=NUMBER,LABEL=NUMBER"; false after a sentence. */
static bool read_weights(const char *given, const elman_labelled *data, double *weights) {
    const size_t room = strlen(given) / 2 + 1;
    char *text = strdup(given);
    const char **each = calloc(room, sizeof(*each));
    const size_t count = text && each ? names_cut(text, each, room) : 0;
    bool ok = count > 0;
    if (!text || !each) {
        message("no memory for --class-weights");
    } else if (!ok) {
        message("--class-weights: \"%s\", expected none, balanced or LABEL=NUMBER", given);
    }
    for (size_t i = 0; ok && i < count; i++) ok = read_weight(each[i], data, weights);
    free(each);
    free(text);
    return ok;
}

bool class_weights_read(const ClassOptions *options, const elman_labelled *data,
                        elman_classifier_options *classifier, double **weights) {
    const char *given = options->weights;
    const size_t labels = elman_labelled_label_count(data);
    *weights = NULL;
    if (!given || strcmp(given, "none") == 0) return true;
    if (strcmp(given, "balanced") == 0) {
        classifier->weighting = ELMAN_WEIGHTING_BALANCED;
        return true;
    }
    *weights = calloc(labels + 1, sizeof(**weights));
    if (!*weights) {
        message("no memory for the weights of %zu labels", labels);
        return false;
    }
    for (size_t i = 0; i < labels; i++) (*weights)[i] = 1.0;
    if (!read_weights(given, data, *weights)) return false;
    classifier->weighting = ELMAN_WEIGHTING_GIVEN;
    classifier->class_weights = *weights;
    classifier->class_weight_count = labels;
    return true;
}
