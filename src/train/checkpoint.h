/* Checkpoints: a model file with the state of a run beside the weights.
 *
 * Beside the model's own tensors stand, of the same shapes, `checkpoint.NAME.` + tensor for each
 * moment of the optimiser (m, v, velocity, square), `checkpoint.best.` + tensor once a validation
 * loss is known, `checkpoint.average.` + tensor where a running mean is kept, and
 * `checkpoint.state`, the carried state, between windows that carry one. The metadata's key
 * `elman_checkpoint` is a JSON object with the rest. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "formats/safetensors.h"
#include "train/trainer.h"

#define CHECKPOINT_KEY     "elman_checkpoint"
#define CHECKPOINT_PREFIX  "checkpoint."
#define CHECKPOINT_BEST    "best"
#define CHECKPOINT_AVERAGE "average"
#define CHECKPOINT_STATE   "checkpoint.state"

enum {
    CHECKPOINT_VERSION = 1,
    CHECKPOINT_TEXT_MAX = 128 * 1024 /* bytes of that object: an escaped description and the rest */
};

/* Writes the run's checkpoint to options.checkpoint_path. Errors: IO, MEMORY. */
elman_status checkpoint_write(const elman_trainer *trainer, elman_error *error);

/* A checkpoint from a file that was read, which it takes over, also on failure. `path` is the
 * file's name. Errors: FORMAT, UNSUPPORTED, MEMORY. */
elman_status checkpoint_from_file(elman_context *context, SafetensorsFile *file, const char *path,
                                  elman_checkpoint **checkpoint, elman_error *error);

#endif
