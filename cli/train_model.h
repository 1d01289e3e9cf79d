/* The model that a training command builds: its layers, and where its weights start. */
#ifndef CLI_TRAIN_MODEL_H
#define CLI_TRAIN_MODEL_H

#include <stdbool.h>

#include <elman/elman.h>

#include "train_options.h"

/* Adds the recurrent layers that the options describe and a head of `outputs` outputs. What fails
 * is reported by elman_model_build. */
void train_model_add_layers(elman_model *model, const TrainOptions *options, size_t outputs);

/* Copies the weights of the model file at `path`. */
bool train_model_start_from(elman_context *context, elman_model *model, const char *path,
                            elman_error *error);

#endif
