/* What a model holds; see elman/model.h. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>

#include "context/context.h"
#include "model/structure.h"
#include <elman/model.h>

enum { MODEL_TRAINING_MAX = 48 * 1024 }; /* bytes of the training summary */

typedef struct Encoder Encoder;

struct elman_model {
    elman_context *context;
    Structure structure;
    elman_error failure; /* the first of the add calls; its status is ELMAN_OK before */
    elman_init_options init;
    bool built;
    TensorSet weights;
    elman_vocabulary *vocabulary;
    Encoder *encoder; /* NULL: none, or a text's, which is the vocabulary */
    char *training;
};

/* Checks the structure and allocates zeroed weights: elman_model_build without the values. */
elman_status model_allocate(elman_model *model, elman_error *error);

/* Fills all tensors as model->init says. */
elman_status model_initialise(elman_model *model, elman_error *error);

#endif
