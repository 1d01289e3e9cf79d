/* What is known while the roles of PyTorch's tensors are found. */
#ifndef CONVERT_PYTORCH_READING_H
#define CONVERT_PYTORCH_READING_H

#include "convert/conversion.h"

enum { SPELLED_MAX = SAFETENSORS_NAME_MAX + 64, RECURRENT_MAX = 64 };

typedef struct Reading {
    elman_conversion *conversion;
    const TensorList *source;
    PytorchRoles *roles;
    bool *used;                           /* [source->count] */
    const char *recurrent[RECURRENT_MAX]; /* the first weight of each recurrent module */
    size_t recurrent_count;
    size_t width;  /* numbers that the first of the chosen modules reads at a step */
    size_t handed; /* numbers that the last of them hands on */
    elman_error *error;
} Reading;

/* Fails with "FILE: NAME: WHY". */
elman_status pytorch_refuse(const Reading *r, const char *name, const char *why);

/* Whether other tensors than those chosen may be left aside. */
bool pytorch_leaves_aside(const Reading *r);

/* Whether a tensor holds numbers that become floats. */
bool pytorch_is_number(const SafetensorsTensor *tensor);

/* Whether of the recurrent modules a chosen one is as near to `name` as any other: shares as many
 * dotted parts of it, from the first on. */
bool pytorch_is_near(const Reading *r, const char *name);

/* Chooses the embedding and the linear layer around the recurrent modules. */
elman_status pytorch_read_around(Reading *r);

#endif
