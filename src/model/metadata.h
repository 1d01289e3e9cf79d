/* The metadata string of a model file: JSON that says what the tensors mean. */
#ifndef MODEL_METADATA_H
#define MODEL_METADATA_H

#include "model/model.h"

/* The string for a model, compact and with sorted keys, so that the same model gives the same
 * bytes; NULL when memory is lacking. Release with free. */
char *metadata_write(const elman_model *model);

/* Makes a model without weights from the string; *has_vocabulary tells whether the encoder is a
 * text's. Errors: FORMAT, UNSUPPORTED, MEMORY. */
elman_status metadata_read(elman_context *context, const char *json, const char *name,
                           elman_model **model, bool *has_vocabulary, elman_error *error);

#endif
