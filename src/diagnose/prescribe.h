/* What helps: an option of the training command. */
#ifndef DIAGNOSE_PRESCRIBE_H
#define DIAGNOSE_PRESCRIBE_H

#include <jansson.h>

#include "diagnose/diagnosis.h"

/* How the model was trained, as far as it is told. */
typedef struct Training {
    json_t *told;          /* what the model tells; NULL: nothing */
    const json_t *options; /* of the command, in it */
    double rate, clip, dropout, forget_bias, layers, hidden, steps, patience;
    bool orthogonal; /* recurrent weights began so, or as the identity */
} Training;

/* Reads the JSON object of elman_model_training; NULL: nothing is told. */
Training prescribe_read_training(const char *json);
void prescribe_release_training(Training *training);

/* Fills in prescription, option and value of a finding whose other members are there. Errors:
 * MEMORY. */
elman_status prescribe(elman_diagnosis *diagnosis, const Training *training, elman_cell cell,
                       elman_finding *finding, elman_error *error);

#endif
