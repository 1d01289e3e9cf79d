/* The table of the options of `elman train text`, and their translation for the library. */
#include "train_options.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "message.h"

/* In the order of the library's enumerations. */
static const char *const cells[] = {"rnn", "rnn-relu", "lstm", "gru", "gru-reset-before", NULL};
static const char *const optimizers[] = {"adam", "adamw", "sgd", "rmsprop", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};
static const char *const backpropagations[] = {"truncated", "full", NULL};
static const char *const input_inits[] = {"uniform", "xavier", "orthogonal", NULL};
static const char *const recurrent_inits[] = {"uniform", "xavier", "orthogonal", "identity", NULL};

#define AT(member)    .offset = offsetof(TrainOptions, member)
#define COUNT(least)  .type = OPTION_COUNT, .count_least = (least), .count_most = OPTION_COUNT_MAX
#define REAL(least)   .type = OPTION_REAL, .real_least = (least), .real_most = INFINITY
#define CHOICE(names) .type = OPTION_CHOICE, .choices = (names)

/* A line or two for each option. */
/* clang-format off */
const Option train_text_options[] = {
    {.name = "output", .letter = 'o', AT(output), .type = OPTION_FILE, .value = "MODEL",
     .help = "where the model goes; it is replaced when training has ended"},

    {.name = "cell", AT(cell), CHOICE(cells), .fallback = "lstm", .remembered = true,
     .help = "recurrent cell"},
    {.name = "hidden", AT(hidden), COUNT(1), .value = "N", .fallback = "256", .remembered = true,
     .help = "units of each layer"},
    {.name = "layers", AT(layers), .type = OPTION_COUNT, .count_least = 1,
     .count_most = 1000, .value = "N", .fallback = "2", .remembered = true,
     .help = "recurrent layers"},
    {.name = "embedding", AT(embedding), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "width of a trained table of characters; 0: one-hot input"},
    {.name = "learned-state", AT(learned_state), .type = OPTION_FLAG, .remembered = true,
     .help = "train the initial state too"},
    {.name = "no-bias", AT(no_bias), .type = OPTION_FLAG, .remembered = true,
     .help = "cells without biases"},
    {.name = "dropout", AT(dropout), .type = OPTION_REAL, .value = "P", .real_most = 1.0,
     .real_below = true, .fallback = "0", .remembered = true,
     .help = "share of a layer's outputs dropped on their way to the next layer"},

    {.name = "window", AT(window), COUNT(1), .value = "N", .fallback = "100", .remembered = true,
     .help = "characters that the gradient flows back through"},
    {.name = "batch", AT(batch), COUNT(1), .value = "N", .fallback = "32", .remembered = true,
     .help = "windows in one step"},
    {.name = "bptt", AT(backpropagation), CHOICE(backpropagations), .fallback = "truncated",
     .remembered = true,
     .help = "read the text in order and carry the state from window to window, or take windows in "
             "random order, each from the initial state"},
    {.name = "epochs", AT(epochs), COUNT(0), .value = "N", .fallback = "10", .remembered = true,
     .help = "passes over the training part; 0: until --max-steps"},
    {.name = "max-steps", AT(max_steps), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "stop after so many steps; 0: when all epochs are done"},
    {.name = "optimizer", AT(optimizer), CHOICE(optimizers), .fallback = "adam", .remembered = true,
     .help = "how gradients change weights"},
    {.name = "lr", AT(learning_rate), REAL(0.0), .real_above = true, .value = "RATE",
     .fallback = "2e-3", .remembered = true,
     .help = "learning rate"},
    {.name = "momentum", AT(momentum), .type = OPTION_REAL, .value = "M", .real_most = 1.0,
     .real_below = true, .fallback = "0", .remembered = true,
     .help = "of sgd and rmsprop"},
    {.name = "weight-decay", AT(weight_decay), REAL(0.0), .value = "W", .fallback = "0",
     .remembered = true,
     .help = "pulls weights towards 0"},
    {.name = "schedule", AT(schedule), CHOICE(schedules), .fallback = "constant",
     .remembered = true,
     .help = "how the learning rate changes"},
    {.name = "schedule-steps", AT(schedule_steps), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "steps between two falls of the step schedule; length of the cosine one, 0: the whole "
             "run"},
    {.name = "schedule-factor", AT(schedule_factor), .type = OPTION_REAL, .value = "F",
     .real_most = 1.0, .fallback = "0", .unset = "0.1 for step, 0 for cosine", .remembered = true,
     .help = "what the rate is multiplied by at each fall, or in the end"},
    {.name = "warmup", AT(warmup), COUNT(0), .value = "N", .fallback = "0", .remembered = true,
     .help = "first steps, over which the rate grows to its full value"},
    {.name = "clip", AT(clip), REAL(0.0), .value = "NORM", .fallback = "5", .remembered = true,
     .help = "the most that the norm of all gradients may be; 0: any"},
    {.name = "clip-value", AT(clip_value), REAL(0.0), .value = "LIMIT", .fallback = "0",
     .remembered = true,
     .help = "the most that one gradient may be; 0: any"},

    {.name = "valid", AT(valid), .type = OPTION_REAL, .value = "SHARE", .real_most = 1.0,
     .real_below = true, .fallback = "0.1", .remembered = true,
     .help = "share of the text, at its end, that is kept for validation"},
    {.name = "validate-every", AT(validate_every), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "validate every N steps too; 0: after each epoch only"},
    {.name = "patience", AT(patience), COUNT(0), .value = "N", .fallback = "0", .remembered = true,
     .help = "stop after N epochs without a lower validation loss; 0: never"},

    {.name = "seed", AT(seed), COUNT(0), .value = "N", .fallback = "1", .remembered = true,
     .help = "the same seed gives the same model, bit for bit, at any --threads"},
    {.name = "init", AT(init), .type = OPTION_FILE, .value = "MODEL", .remembered = true,
     .help = "start from the weights of a model of the same structure"},
    {.name = "input-init", AT(input_init), CHOICE(input_inits), .fallback = "uniform",
     .remembered = true,
     .help = "first weights from the input"},
    {.name = "recurrent-init", AT(recurrent_init), CHOICE(recurrent_inits), .fallback = "uniform",
     .remembered = true,
     .help = "first weights from the state before; identity: rnn and rnn-relu only"},
    {.name = "forget-bias", AT(forget_bias), .type = OPTION_REAL, .value = "B",
     .real_least = -1000.0, .real_most = 1000.0, .fallback = "0", .remembered = true,
     .help = "first bias of the forget gate of an LSTM; 0: drawn like the others"},

    {.name = "threads", AT(threads), .type = OPTION_COUNT, .count_least = 1, .count_most = 1024,
     .value = "N", .unset = "the CPUs available",
     .help = "the most threads to use"},
    {.name = "log", AT(log), .type = OPTION_FILE, .value = "FILE",
     .help = "write a line of JSON for each step"},
    {.name = "checkpoint-seconds", AT(checkpoint_seconds), REAL(0.0), .value = "S",
     .fallback = "60",
     .help = "the longest time between two checkpoints; 0: one after every step"},
    {.name = "resume", AT(resume), .type = OPTION_FLAG,
     .help = "go on from MODEL.checkpoint with the options that are stored there"},
    {.name = "force", AT(force), .type = OPTION_FLAG,
     .help = "start anew although there is an unfinished MODEL.checkpoint"},
    {.name = "quiet", .letter = 'q', AT(quiet), .type = OPTION_FLAG,
     .help = "no progress, only errors"},
    {.name = "json", AT(json), .type = OPTION_FLAG,
     .help = "print a summary as JSON"},
    {.name = NULL},
};
/* clang-format on */

bool train_options_check(const char *command, const TrainOptions *options) {
    const char *problem = NULL;
    if (!options->output) {
        problem = "no model file was named: expected -o MODEL";
    } else if (options->resume && options->force) {
        problem = "--resume goes on with a checkpoint and --force throws it away: expected one";
    } else if (options->epochs == 0 && options->max_steps == 0) {
        problem = "--epochs 0 needs --max-steps, else training has no end";
    } else if (options->schedule == ELMAN_SCHEDULE_STEP && options->schedule_steps == 0) {
        problem = "--schedule step needs --schedule-steps, the steps between two falls";
    } else if (options->patience > 0 && options->valid == 0.0) {
        problem = "--patience needs a validation part, found --valid 0";
    } else if (options->validate_every > 0 && options->valid == 0.0) {
        problem = "--validate-every needs a validation part, found --valid 0";
    } else if (options->recurrent_init == ELMAN_INIT_IDENTITY && options->cell > 1) {
        problem = "--recurrent-init identity is for the cells rnn and rnn-relu";
    }
    if (problem) message_for(command, "%s", problem);
    return !problem;
}

void train_options_cell(const TrainOptions *options, bool last, elman_cell_options *cell) {
    *cell = (elman_cell_options){
        .struct_size = sizeof(*cell),
        .cell = (elman_cell)(ELMAN_CELL_RNN + options->cell),
        .hidden = (size_t)options->hidden,
        .no_bias = options->no_bias,
        .learned_state = options->learned_state,
        .dropout = last ? 0.0F : (float)options->dropout,
    };
}

void train_options_init(const TrainOptions *options, elman_init_options *init) {
    *init = (elman_init_options){
        .struct_size = sizeof(*init),
        .seed = options->seed,
        .input = (elman_init)options->input_init,
        .recurrent = (elman_init)options->recurrent_init,
        .forget_bias = (float)options->forget_bias,
    };
}

void train_options_run(const TrainOptions *options, elman_train_options *run) {
    *run = (elman_train_options){
        .struct_size = sizeof(*run),
        .optimizer = (elman_optimizer)options->optimizer,
        .learning_rate = options->learning_rate,
        .momentum = options->momentum,
        .weight_decay = options->weight_decay,
        .clip_norm = options->clip,
        .clip_value = options->clip_value,
        .schedule = (elman_schedule)options->schedule,
        .warmup_steps = options->warmup,
        .schedule_steps = options->schedule_steps,
        .schedule_factor = options->schedule_factor,
        .seed = options->seed,
        .window = (size_t)options->window,
        .batch = (size_t)options->batch,
        .independent = options->backpropagation,
        .epochs = options->epochs,
        .max_steps = options->max_steps,
        .patience = options->patience,
        .validate_steps = options->validate_every,
        .checkpoint_seconds = options->checkpoint_seconds,
    };
}
