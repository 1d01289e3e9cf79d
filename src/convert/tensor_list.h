/* The named tensors of another system, as its file has them. */
#ifndef CONVERT_TENSOR_LIST_H
#define CONVERT_TENSOR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/safetensors.h"
#include "formats/torch.h"
#include <elman/model.h>

typedef struct TensorList {
    Memory *memory;
    TorchFile *torch;           /* likewise */
    SafetensorsFile *file;      /* what `tensors` point into; NULL: the caller's */
    SafetensorsTensor *tensors; /* [count] */
    uint32_t *by_name;          /* [count], indices in the order of the names */
    size_t count;
} TensorList;

/* Lists the tensors of `file`, which the source takes over. tensor_list_close may follow in any
 * case. Errors: MEMORY. */
elman_status tensor_list_open_file(TensorList *source, Memory *memory, SafetensorsFile *file,
                                   elman_error *error);

/* The same of a file of torch.save; `name` stands in messages. Errors: FORMAT (one name twice),
 * MEMORY. */
elman_status tensor_list_open_torch(TensorList *source, Memory *memory, TorchFile *torch,
                                    const char *name, elman_error *error);

/* Lists the tensors of a built model, whose weights must outlive the source. Errors: MEMORY. */
elman_status tensor_list_open_model(TensorList *source, const elman_model *model,
                                    elman_error *error);

void tensor_list_close(TensorList *source);

/* The tensor of that name, or NULL. */
const SafetensorsTensor *tensor_list_find(const TensorList *source, const char *name);

/* The value of the file's metadata for `key`, or NULL. */
const char *tensor_list_metadata(const TensorList *source, const char *key);

#endif
