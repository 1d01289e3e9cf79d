/* What people read beside the tensors of a model that was written for PyTorch. */
#ifndef CONVERT_PYTORCH_CODE_H
#define CONVERT_PYTORCH_CODE_H

#include <elman/convert.h>

/* Each writes the file at `path`, atomically. The model is one that pytorch_make_tensors has let
 * pass. Errors: IO, MEMORY. */

/* Python: a module that computes what the model does, and load(), which reads the tensors from the
 * file of the same name that ends in `extension` instead of .py. */
elman_status pytorch_write_code(const elman_model *model, const char *path, const char *extension,
                                elman_error *error);

/* config.json: the structure. */
elman_status pytorch_write_config(const elman_model *model, const char *path, elman_error *error);

/* README.md: a model card. */
elman_status pytorch_write_card(const elman_model *model, const elman_conversion_summary *proof,
                                const char *path, elman_error *error);

#endif
