/* A model or checkpoint as a reader sees it: for inspect and for the model card. */
#ifndef CLI_MODEL_VIEW_H
#define CLI_MODEL_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <elman/elman.h>

enum { VIEW_TEXT_MAX = 4096 };

typedef struct ModelView {
    const char *path;
    elman_context *context;
    const elman_model *model;
    elman_model_info info;
    bool unfinished; /* a checkpoint, taken after `step` */
    uint64_t step;
    json_t *training; /* the training summary, NULL when there is none */
} ModelView;

/* "one-hot characters", "characters through a table 64 wide", "rows of 3 numbers" */
const char *view_input(const ModelView *view, char text[VIEW_TEXT_MAX]);

/* "lstm, 256 units, dropout 0.1", and the same as a JSON object */
const char *view_layer(const ModelView *view, size_t index, char text[VIEW_TEXT_MAX]);
json_t *view_layer_json(const ModelView *view, size_t index);

/* "linear head, relu, 96 outputs at every step", and the stages as a JSON list */
const char *view_output(const ModelView *view, char text[VIEW_TEXT_MAX]);
json_t *view_stages_json(const ModelView *view);

/* "uniform, seed 1" */
const char *view_init(const ModelView *view, char text[VIEW_TEXT_MAX]);

/* What turns data into the input: "none", "text", "series", "classify" or "tag" */
const char *view_encoder(const ModelView *view, char text[VIEW_TEXT_MAX]);

/* "[1024, 96]" */
const char *view_shape(const elman_tensor *tensor, char text[VIEW_TEXT_MAX]);

/* The names of cells and initialisations, as the command's options call them. */
const char *view_cell_name(elman_cell cell);
const char *view_init_name(elman_init init);

/* From the training summary, cleaned for a terminal: a text ("" when it is missing), the names of
 * the data with commas between, a count or a loss in nats and bits ("unknown" when missing). */
const char *view_told(const ModelView *view, const char *key, const char *then,
                      char text[VIEW_TEXT_MAX]);
const char *view_data_names(const ModelView *view, char text[VIEW_TEXT_MAX]);
const char *view_count(const ModelView *view, const char *key, const char *then,
                       char text[VIEW_TEXT_MAX]);

/* The same with a noun: "1 epoch", "2,000 steps". */
const char *view_counted(const ModelView *view, const char *key, const char *then, const char *noun,
                         char text[VIEW_TEXT_MAX]);
const char *view_loss(const ModelView *view, const char *key, const char *then,
                      char text[VIEW_TEXT_MAX]);

/* Prints the model card, in Markdown. */
void card_print(const ModelView *view);

#endif
