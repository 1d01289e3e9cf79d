/* The metadata string of a model file: JSON that says what the tensors mean. */
#ifndef MODEL_METADATA_H
#define MODEL_METADATA_H

#include "model/model.h"

struct json_t;

/* The string for a model, compact and with sorted keys, so that the same model gives the same
 * bytes; NULL when memory is lacking. Release with memory_release. */
char *metadata_write(const elman_model *model);

/* The text of a JSON value in that form. */
char *metadata_text(Memory *memory, const struct json_t *value);

/* Makes a model without weights, and its encoder without tensors, from the string;
 * *has_vocabulary tells whether the encoder has one. Errors: FORMAT, UNSUPPORTED, MEMORY. */
elman_status metadata_read(elman_context *context, const char *json, const char *name,
                           elman_model **model, bool *has_vocabulary, elman_error *error);

/* Parses text that must be a JSON object without duplicate keys. Errors: FORMAT, MEMORY; the
 * sentence begins with `what`. Release with json_decref. */
elman_status metadata_parse(const char *text, const char *what, struct json_t **object,
                            elman_error *error);

#endif
