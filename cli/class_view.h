/* How well labels are predicted, as JSON and for people. */
#ifndef CLI_CLASS_VIEW_H
#define CLI_CLASS_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <elman/elman.h>

/* {"count", "right", "accuracy", "macro_f1", "log_loss", "majority", "labels", "confusion"} and, of
 * a tagger, "per_word" and "spans". `whole`: with "labels" and "confusion". */
json_t *class_describe_score(const elman_classifier *classifier, const elman_class_score *score,
                             bool whole);

/* A table of all of it. `name` stands for the data. */
void class_print_score(FILE *file, const char *name, const elman_classifier *classifier,
                       const elman_class_score *score);

/* One line: "accuracy 96.3 % (always \"3\": 10.2 %), macro F1 0.962, log loss 0.1423". */
void class_print_summary(FILE *file, const elman_classifier *classifier,
                         const elman_class_score *score);

/* A label without what could steer a terminal, shortened to so many characters; the text is the
 * caller's. */
enum { CLASS_NAME_MAX = 128 };
const char *class_label_name(const char *label, size_t characters, char text[CLASS_NAME_MAX]);

#endif
