/* The model that a training command builds. */
#include "train_model.h"

#include <stdio.h>

void train_model_add_layers(elman_model *model, const TrainOptions *options, size_t outputs) {
    for (uint64_t layer = 0; layer < options->layers; layer++) {
        elman_cell_options cell;
        train_options_cell(options, layer + 1 == options->layers, &cell);
        if (elman_model_add_cell_options(model, &cell)) break;
    }
    (void)elman_model_add_linear(model, outputs, 0);
}

bool train_model_start_from(elman_context *context, elman_model *model, const char *path,
                            elman_error *error) {
    elman_model *source = NULL;
    const bool read = !elman_model_load(context, path, &source, error);
    const bool ok = read && !elman_model_copy_weights(model, source, error);
    if (read && !ok) {
        /* The library knows the source by no name. */
        const elman_error plain = *error;
        const size_t size = sizeof(error->message);
        if (snprintf(error->message, size, "%s: %s", path, plain.message) < 0) *error = plain;
    }
    elman_model_destroy(source);
    return ok;
}
