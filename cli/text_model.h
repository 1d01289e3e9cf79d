/* A model of text, read from its file and ready to run. */
#ifndef CLI_TEXT_MODEL_H
#define CLI_TEXT_MODEL_H

#include <stdbool.h>

#include <elman/elman.h>

typedef struct TextModel {
    const char *path;
    elman_context *context;
    elman_model *model;
    const elman_vocabulary *vocabulary; /* the model's */
    elman_network *network;
} TextModel;

/* Reads a model file or a checkpoint; false after a sentence. Whatever the result,
 * text_model_close may follow. */
bool text_model_open(TextModel *model, const char *path, size_t threads);

void text_model_close(TextModel *model);

#endif
