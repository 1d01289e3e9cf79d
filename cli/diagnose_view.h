/* A diagnosis for people and as JSON. */
#ifndef CLI_DIAGNOSE_VIEW_H
#define CLI_DIAGNOSE_VIEW_H

#include <jansson.h>

#include "model_view.h"
#include <elman/diagnose.h>

/* `model` and `data` are names, or NULL and "". */
void diagnose_print(const elman_diagnosis *diagnosis, const char *model, const char *data);

/* All figures: see docs/diagnose.md. */
json_t *diagnose_json(const elman_diagnosis *diagnosis);

/* What is kept in the model: {"memory_horizon", "used_horizon", "decay", "findings"}. */
json_t *diagnose_json_brief(const elman_diagnosis *diagnosis);

/* What elman diagnose --store has left in a model, in one line; "" when it has not. */
const char *diagnose_stored(const ModelView *view, char text[VIEW_TEXT_MAX]);

/* "34.2 steps", "more than 200 steps" (looked at), "not measured". */
const char *diagnose_horizon(double horizon, size_t most, char text[64]);

/* The same from what diagnose_json_brief made; `most` is the key of what was looked at. */
const char *diagnose_horizon_kept(const json_t *kept, const char *key, const char *most,
                                  char text[64]);

#endif
