/* What is remembered of a run: its options, data and outcome, as the JSON object that stands in
 * checkpoints and models. */
#ifndef CLI_REMEMBER_H
#define CLI_REMEMBER_H

#include <jansson.h>

#include "options.h"
#include <elman/text.h>
#include <elman/train.h>

/* The text of a run, as it is described. */
typedef struct RememberData {
    const Operands *files;
    const elman_text *text;
    const elman_vocabulary *vocabulary;
    const int32_t *tokens; /* of the whole text */
    size_t train_count;    /* how many of them are for training */
    double valid;          /* the share that was asked for */
} RememberData;

/* {"command", "options"} */
json_t *remember_options(const char *name, const Option *table, const void *values,
                         const void *defaults, const Operands *operands);

/* {"command", "options", "data", "split", "baselines"}: no times, thread counts or paths. `values`
 * and `table` are those of the command `name`, `defaults` what the table sets. */
json_t *remember_run(const char *name, const Option *table, const void *values,
                     const void *defaults, const RememberData *data);

/* Adds "result" to a description, and returns it for more to be put in. */
json_t *remember_result(json_t *description, const elman_train_result *result);

/* A number of a result with six decimals: more would say nothing, and the last digits of log differ
 * between C libraries. */
json_t *remember_number(double number);

/* Puts the remembered options into `values`, except those that were given, which must be the same;
 * false after a sentence that names the first that is not. Those of a later release may be
 * missing. Texts are then those of `description`. `path` is where they come from. */
bool remember_restore(const Option *table, const json_t *description, const char *path,
                      const bool *given, void *values);

#endif
