/* The options of `elman train text`. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "options.h"
#include <elman/train.h>

typedef struct TrainOptions {
    const char *output;

    int cell;
    uint64_t hidden, layers, embedding, projection;
    bool bidirectional, learned_state, no_bias;
    double dropout;
    bool dropout_at_end; /* also between the last layer and the head */

    uint64_t window, batch;
    int backpropagation;
    uint64_t epochs, max_steps;
    int optimizer;
    double learning_rate, momentum, weight_decay;
    int schedule;
    uint64_t schedule_steps;
    double schedule_factor;
    uint64_t warmup;
    double clip, clip_value, average;

    double valid;
    uint64_t validate_every, patience;

    uint64_t seed;
    const char *init;
    int input_init, recurrent_init;
    double forget_bias;

    uint64_t threads;
    const char *log, *tensorboard;
    uint64_t diagnose_every;
    double checkpoint_seconds;
    bool resume, force, quiet, json;
} TrainOptions;

extern const Option train_text_options[];

/* Whether the options go together; false after a sentence. `command` stands before it. With
 * --resume most of them may come from a checkpoint: without one train_options_agree follows. */
bool train_options_check(const char *command, const TrainOptions *options);
bool train_options_agree(const char *command, const TrainOptions *options);

/* The same of those that need a validation part, for kinds where --valid is a share. */
bool train_options_check_valid(const char *command, const TrainOptions *options);

/* The same for the library. */
void train_options_cell(const TrainOptions *options, bool last, elman_cell_options *cell);
void train_options_init(const TrainOptions *options, elman_init_options *init);
void train_options_run(const TrainOptions *options, elman_train_options *run);

#endif
