/* Groups of options that every kind of training has, for the tables of the kinds. */
#ifndef CLI_TRAIN_OPTION_GROUPS_H
#define CLI_TRAIN_OPTION_GROUPS_H

#include <math.h>
#include <stddef.h>

#include "train_options.h"

/* In the order of the library's enumerations; defined in train_options.c. */
extern const char *const train_cells[], *const train_optimizers[], *const train_schedules[];
extern const char *const train_input_inits[], *const train_recurrent_inits[];

/* A group's offsets are those of TrainOptions, which must come first in the struct of a kind that
 * has more. Static tables can be joined by macros alone. */
#define AT(member)    .offset = offsetof(TrainOptions, member)
#define COUNT(least)  .type = OPTION_COUNT, .count_least = (least), .count_most = OPTION_COUNT_MAX
#define REAL(least)   .type = OPTION_REAL, .real_least = (least), .real_most = INFINITY
#define CHOICE(names) .type = OPTION_CHOICE, .choices = (names)

/* clang-format off */
#define TRAIN_OPTIONS_LAYERS(cell_default, hidden_default, layers_default)                        \
    {.name = "cell", AT(cell), CHOICE(train_cells), .fallback = cell_default, .remembered = true, \
     .help = "recurrent cell"},                                                                   \
    {.name = "hidden", AT(hidden), COUNT(1), .value = "N", .fallback = hidden_default,            \
     .remembered = true,                                                                          \
     .help = "units of each layer"},                                                              \
    {.name = "layers", AT(layers), .type = OPTION_COUNT, .count_least = 1,                        \
     .count_most = 1000, .value = "N", .fallback = layers_default, .remembered = true,            \
     .help = "recurrent layers"}

/* `dropout_help`: which outputs are dropped. */
#define TRAIN_OPTIONS_CELL(dropout_help)                                                          \
    {.name = "projection", AT(projection), COUNT(0), .value = "N", .fallback = "0",               \
     .remembered = true, .later = true,                                                           \
     .help = "width to which an LSTM's state h is projected, below --hidden; 0: not projected"},  \
    {.name = "learned-state", AT(learned_state), .type = OPTION_FLAG, .remembered = true,         \
     .help = "train the initial state too"},                                                      \
    {.name = "no-bias", AT(no_bias), .type = OPTION_FLAG, .remembered = true,                     \
     .help = "cells without biases"},                                                             \
    {.name = "dropout", AT(dropout), .type = OPTION_REAL, .value = "P", .real_most = 1.0,         \
     .real_below = true, .fallback = "0", .remembered = true,                                     \
     .help = dropout_help}
#define TRAIN_DROPOUT_BETWEEN "share of a layer's outputs dropped on their way to the next layer"

/* What single steps have as well. */
#define TRAIN_OPTIONS_STEPS(lr_default, clip_default)                                             \
    {.name = "optimizer", AT(optimizer), CHOICE(train_optimizers), .fallback = "adam",            \
     .remembered = true,                                                                          \
     .help = "how gradients change weights"},                                                     \
    {.name = "lr", AT(learning_rate), REAL(0.0), .real_above = true, .value = "RATE",             \
     .fallback = lr_default, .remembered = true,                                                  \
     .help = "learning rate"},                                                                    \
    {.name = "momentum", AT(momentum), .type = OPTION_REAL, .value = "M", .real_most = 1.0,       \
     .real_below = true, .fallback = "0", .remembered = true,                                     \
     .help = "of sgd and rmsprop"},                                                               \
    {.name = "weight-decay", AT(weight_decay), REAL(0.0), .value = "W", .fallback = "0",          \
     .remembered = true,                                                                          \
     .help = "pulls weights towards 0"},                                                          \
    {.name = "schedule", AT(schedule), CHOICE(train_schedules), .fallback = "constant",           \
     .remembered = true,                                                                          \
     .help = "how the learning rate changes"},                                                    \
    {.name = "schedule-steps", AT(schedule_steps), COUNT(0), .value = "N", .fallback = "0",       \
     .remembered = true,                                                                          \
     .help = "steps between two falls of the step schedule; length of the cosine one, 0: the "    \
             "whole run"},                                                                        \
    {.name = "schedule-factor", AT(schedule_factor), .type = OPTION_REAL, .value = "F",           \
     .real_most = 1.0, .fallback = "0", .unset = "0.1 for step, 0 for cosine", .remembered = true,\
     .help = "what the rate is multiplied by at each fall, or in the end"},                       \
    {.name = "warmup", AT(warmup), COUNT(0), .value = "N", .fallback = "0", .remembered = true,   \
     .help = "first steps, over which the rate grows to its full value"},                         \
    {.name = "clip", AT(clip), REAL(0.0), .value = "NORM", .fallback = clip_default,              \
     .remembered = true,                                                                          \
     .help = "the most that the norm of all gradients may be; 0: any"},                           \
    {.name = "clip-value", AT(clip_value), REAL(0.0), .value = "LIMIT", .fallback = "0",          \
     .remembered = true,                                                                          \
     .help = "the most that one gradient may be; 0: any"}

#define TRAIN_OPTIONS_OPTIMIZER(lr_default, clip_default, average_default)                        \
    TRAIN_OPTIONS_STEPS(lr_default, clip_default),                                                \
    {.name = "average", AT(average), .type = OPTION_REAL, .value = "D", .real_most = 1.0,         \
     .real_below = true, .fallback = average_default, .remembered = true, .later = true,        \
     .help = "share of the past in a running mean of the weights, which is what is kept; 0: none"}

#define TRAIN_OPTIONS_START                                                                       \
    {.name = "seed", AT(seed), COUNT(0), .value = "N", .fallback = "1", .remembered = true,       \
     .help = "the same seed gives the same model, bit for bit, at any --threads"},                \
    {.name = "init", AT(init), .type = OPTION_FILE, .value = "MODEL", .remembered = true,         \
     .help = "start from the weights of a model of the same structure"},                          \
    {.name = "input-init", AT(input_init), CHOICE(train_input_inits), .fallback = "uniform",      \
     .remembered = true,                                                                          \
     .help = "first weights from the input"},                                                     \
    {.name = "recurrent-init", AT(recurrent_init), CHOICE(train_recurrent_inits),                 \
     .fallback = "uniform", .remembered = true,                                                   \
     .help = "first weights from the state before; identity: rnn and rnn-relu only"},             \
    {.name = "forget-bias", AT(forget_bias), .type = OPTION_REAL, .value = "B",                   \
     .real_least = -1000.0, .real_most = 1000.0, .fallback = "0", .remembered = true,             \
     .help = "first bias of the forget gate of an LSTM; 0: drawn like the others"}

#define TRAIN_OPTIONS_RUN                                                                         \
    {.name = "threads", AT(threads), .type = OPTION_COUNT, .count_least = 1, .count_most = 1024,  \
     .value = "N", .unset = "the CPUs available",                                                 \
     .help = "the most threads to use"},                                                          \
    {.name = "log", AT(log), .type = OPTION_FILE, .value = "FILE",                                \
     .help = "write a line of JSON for each step"},                                               \
    {.name = "tensorboard", AT(tensorboard), .type = OPTION_FILE, .value = "FOLDER",              \
     .help = "write event files there, which TensorBoard opens"},                                 \
    {.name = "diagnose-every", AT(diagnose_every), COUNT(0), .value = "N", .fallback = "0",       \
     .help = "every N steps diagnose the weights, for --log and --tensorboard; 0: never"}

#define TRAIN_OPTIONS_CHECKPOINT                                                                  \
    {.name = "checkpoint-seconds", AT(checkpoint_seconds), REAL(0.0), .value = "S",               \
     .fallback = "60",                                                                            \
     .help = "the longest time between two checkpoints; 0: one after every step"},                \
    {.name = "resume", AT(resume), .type = OPTION_FLAG,                                           \
     .help = "go on from MODEL.checkpoint with the options that are stored there"},               \
    {.name = "force", AT(force), .type = OPTION_FLAG,                                             \
     .help = "start anew although there is an unfinished MODEL.checkpoint"}

#define TRAIN_OPTIONS_SHOW                                                                        \
    {.name = "quiet", .letter = 'q', AT(quiet), .type = OPTION_FLAG,                              \
     .help = "no progress, only errors"},                                                         \
    {.name = "json", AT(json), .type = OPTION_FLAG,                                               \
     .help = "print a summary as JSON"}
/* clang-format on */

#endif
