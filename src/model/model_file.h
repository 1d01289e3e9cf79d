/* Model files: a safetensors file whose metadata says what the tensors mean. */
#ifndef MODEL_MODEL_FILE_H
#define MODEL_MODEL_FILE_H

#include "formats/safetensors.h"
#include "model/model.h"

/* The format_version of a file: the second one where the model has what releases before it would
 * pass over. */
enum { MODEL_FORMAT_FIRST = 1, MODEL_FORMAT_VERSION = 2, MODEL_METADATA_MAX = 64 * 1024 };

/* Tensors and metadata that a checkpoint adds to its model's; the names begin with "checkpoint.".
 */
typedef struct ModelExtras {
    const SafetensorsTensor *tensors;
    size_t tensor_count;
    const SafetensorsPair *metadata;
    size_t metadata_count;
} ModelExtras;

/* elman_model_save with more in the file; `extras` may be NULL. */
elman_status model_save_with(const elman_model *model, const char *path, const ModelExtras *extras,
                             elman_error *error);

/* Makes a model from a file that has been read; `name` stands in messages. Tensors whose names
 * begin with "checkpoint." are left aside. Errors: FORMAT, UNSUPPORTED, MEMORY. */
elman_status model_from_file(elman_context *context, const SafetensorsFile *file, const char *name,
                             elman_model **model, elman_error *error);

#endif
