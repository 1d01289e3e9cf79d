/* What a model that classifies or tags tells apart, and how well, for people. */
#ifndef CLI_LABELS_VIEW_H
#define CLI_LABELS_VIEW_H

#include <stdbool.h>

#include "model_view.h"

/* Whether the model was made to classify or to tag. */
bool labels_view_is(const ModelView *view);

/* The labels, and what is read. */
void labels_view_print(const ModelView *view);

/* The labels as an array of {"name", "count"}, null where there are none. */
json_t *labels_view_json(const ModelView *view);

/* How it was trained, and its figures on the validation part beside those of simple guesses. */
void labels_view_print_training(const ModelView *view);

#endif
