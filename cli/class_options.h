/* The options of `elman train classify` and `elman train tag`. */
#ifndef CLI_CLASS_OPTIONS_H
#define CLI_CLASS_OPTIONS_H

#include "train_options.h"
#include <elman/classify.h>

typedef struct ClassOptions {
    TrainOptions train; /* first, for the groups of options */
    const char *text, *label, *id, *columns, *object;
    uint64_t step_features;
    bool interpolate;
    const char *valid_file;
    bool valid_last;
    int unit, scaling, pool;
    bool keep_case, no_endings;
    uint64_t min_count, max_words, max_length;
    const char *weights;
} ClassOptions;

extern const Option train_classify_options[], train_tag_options[];

/* Whether the options go together; false after a sentence. `command` stands before it. */
bool class_options_check(const char *command, const ClassOptions *options);

/* For reading: column names taken apart. class_reading_release may follow in any case. */
typedef struct ClassReading {
    elman_labelled_options labelled;
    char *text; /* options->columns, with zero bytes for the commas */
    const char **names;
} ClassReading;
bool class_reading_create(const ClassOptions *options, bool tagger, ClassReading *reading);
void class_reading_release(ClassReading *reading);

/* The weights of the labels as --class-weights gives them, for elman_classifier_options. False
 * after a sentence. `weights` [labels] is to be released with free. */
bool class_weights_read(const ClassOptions *options, const elman_labelled *data,
                        elman_classifier_options *classifier, double **weights);

/* The same for the library. */
void class_options_classifier(const ClassOptions *options, elman_classifier_options *classifier);

#endif
