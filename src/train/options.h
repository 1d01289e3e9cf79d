/* The options of training: defaults, limits, and which of them decide the arithmetic. */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include <jansson.h>

#include <elman/train.h>

enum { DESCRIPTION_MAX = 48 * 1024 }; /* bytes */

/* Fills `options` from the caller's struct, puts in the defaults and checks the ranges. The strings
 * stay the caller's. Errors: ARGUMENT. */
elman_status train_options_read(elman_train_options *options, const elman_train_options *given,
                                elman_error *error);

/* The options that the bits of a run depend on, as a JSON object; NULL when memory is short. */
json_t *train_options_to_json(const elman_train_options *options);

/* Whether `stored`, from train_options_to_json, says what `options` says. Errors: MISMATCH names
 * the first option that differs, with both values; `name` stands for the file. MEMORY. */
elman_status train_options_compare(const elman_train_options *options, const json_t *stored,
                                   const char *name, elman_error *error);

#endif
