/* What a model of series forecasts, from what, and how well, for people. */
#ifndef CLI_SERIES_VIEW_H
#define CLI_SERIES_VIEW_H

#include <stdbool.h>

#include "model_view.h"

/* Whether the model's data are series. */
bool series_view_is(const ModelView *view);

/* Lines of at most 80 columns, as far as names allow: what is forecast, from which inputs and
 * columns. */
void series_view_print(const ModelView *view);

/* How it was trained, and its errors on the validation part beside those of a naive forecast. */
void series_view_print_training(const ModelView *view);

#endif
