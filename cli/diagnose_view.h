/* A diagnosis for people and as JSON. */
#ifndef CLI_DIAGNOSE_VIEW_H
#define CLI_DIAGNOSE_VIEW_H

#include <jansson.h>

#include <elman/diagnose.h>

/* `model` and `data` are names, or NULL and "". */
void diagnose_print(const elman_diagnosis *diagnosis, const char *model, const char *data);

/* All figures: see docs/diagnose.md. */
json_t *diagnose_json(const elman_diagnosis *diagnosis);

/* What is kept in the model: {"memory_horizon", "used_horizon", "decay", "findings"}. */
json_t *diagnose_json_brief(const elman_diagnosis *diagnosis);

/* "34.2 steps", "more than 200 steps" (looked at), "not measured". */
const char *diagnose_horizon(double horizon, size_t most, char text[64]);

#endif
