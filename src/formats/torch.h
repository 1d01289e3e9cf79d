/* What torch.save writes of a state dict: a zip archive with a pickle that names tensors, and the
 * numbers of each storage. Nothing in it is executed.
 *
 * Source: torch/serialization.py and torch/_utils.py (2.x). */
#ifndef FORMATS_TORCH_H
#define FORMATS_TORCH_H

#include "formats/pickle.h"
#include "formats/safetensors.h"
#include "formats/zip_read.h"

typedef struct TorchFile {
    Memory *memory;
    unsigned char *own_bytes; /* NULL: the caller's */
    ZipArchive archive;
    Pickle pickle;
    SafetensorsTensor *tensors; /* [count]; their names are blocks of their own */
    size_t count, capacity;
} TorchFile;

/* Whether the file begins as one of torch.save does. Errors: IO. */
elman_status torch_recognise(const char *path, bool *is, elman_error *error);

/* Reads the file. The tensors of nested dictionaries have the keys with dots between as names;
 * whatever else the dictionaries hold is left aside. Errors: IO, FORMAT, UNSUPPORTED (by name),
 * DATA (4 GiB or more), MEMORY. */
elman_status torch_open(Memory *memory, const char *path, TorchFile **file, elman_error *error);

/* The same of bytes, which must outlive the result; `name` stands in messages. */
elman_status torch_parse(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                         TorchFile **file, elman_error *error);

/* NULL is legal. */
void torch_close(TorchFile *file);

#endif
