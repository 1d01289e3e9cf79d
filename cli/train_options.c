/* The table of the options of `elman train text`, and their translation for the library. */
#include "train_options.h"

#include <string.h>

#include "message.h"
#include "train_option_groups.h"

/* In the order of the library's enumerations. */
const char *const train_cells[] = {"rnn", "rnn-relu", "lstm", "gru", "gru-reset-before", NULL};
const char *const train_optimizers[] = {"adam", "adamw", "sgd", "rmsprop", NULL};
const char *const train_schedules[] = {"constant", "step", "cosine", NULL};
static const char *const backpropagations[] = {"truncated", "full", NULL};
const char *const train_input_inits[] = {"uniform", "xavier", "orthogonal", NULL};
const char *const train_recurrent_inits[] = {"uniform", "xavier", "orthogonal", "identity", NULL};

/* A line or two for each option. */
/* clang-format off */
const Option train_text_options[] = {
    {.name = "output", .letter = 'o', AT(output), .type = OPTION_FILE, .value = "MODEL",
     .help = "where the model goes; it is replaced when training has ended"},

    TRAIN_OPTIONS_LAYERS("lstm", "256", "2"),
    {.name = "embedding", AT(embedding), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "width of a trained table of characters; 0: one-hot input"},
    TRAIN_OPTIONS_CELL(TRAIN_DROPOUT_BETWEEN),

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
    TRAIN_OPTIONS_OPTIMIZER("2e-3", "5", "0"),

    {.name = "valid", AT(valid), .type = OPTION_REAL, .value = "SHARE", .real_most = 1.0,
     .real_below = true, .fallback = "0.1", .remembered = true,
     .help = "share of the text, at its end, that is kept for validation"},
    {.name = "validate-every", AT(validate_every), COUNT(0), .value = "N", .fallback = "0",
     .remembered = true,
     .help = "validate every N steps too; 0: after each epoch only"},
    {.name = "patience", AT(patience), COUNT(0), .value = "N", .fallback = "0", .remembered = true,
     .help = "stop after N epochs without a lower validation loss; 0: never"},

    TRAIN_OPTIONS_START,

    TRAIN_OPTIONS_RUN,
    TRAIN_OPTIONS_CHECKPOINT,
    TRAIN_OPTIONS_SHOW,
    {.name = NULL},
};
/* clang-format on */

/* What of two options would have no effect beside each other, or no end; NULL: nothing. */
static const char *contradiction(const TrainOptions *options) {
    const bool lstm = ELMAN_CELL_RNN + options->cell == ELMAN_CELL_LSTM;
    if (options->epochs == 0 && options->max_steps == 0) {
        return "--epochs 0 needs --max-steps, else training has no end";
    }
    if (options->schedule == ELMAN_SCHEDULE_STEP && options->schedule_steps == 0) {
        return "--schedule step needs --schedule-steps, the steps between two falls";
    }
    if (options->schedule == ELMAN_SCHEDULE_CONSTANT && options->schedule_steps > 0) {
        return "--schedule-steps needs --schedule step or cosine: a constant rate never falls";
    }
    if (options->schedule == ELMAN_SCHEDULE_CONSTANT && options->schedule_factor > 0.0) {
        return "--schedule-factor needs --schedule step or cosine: a constant rate never falls";
    }
    if (options->momentum > 0.0 && options->optimizer <= ELMAN_OPTIMIZER_ADAMW) {
        return "--momentum is for --optimizer sgd and rmsprop: adam and adamw have their own";
    }
    if (options->recurrent_init == ELMAN_INIT_IDENTITY && options->cell > 1) {
        return "--recurrent-init identity is for the cells rnn and rnn-relu";
    }
    if (options->forget_bias != 0.0 && !lstm) {
        return "--forget-bias is for --cell lstm: no other cell has a forget gate";
    }
    if (options->forget_bias != 0.0 && options->no_bias) {
        return "--forget-bias needs biases, and --no-bias leaves them out: expected one";
    }
    if (options->projection > 0 && !lstm) {
        return "--projection is for --cell lstm: no other cell has one";
    }
    if (options->projection > 0 && options->projection >= options->hidden) {
        return "--projection makes the state narrower: expected less than --hidden";
    }
    if (options->projection > 0 && options->diagnose_every > 0) {
        return "--diagnose-every does not measure cells with --projection";
    }
    if (options->dropout > 0.0 && options->layers == 1 && !options->dropout_at_end) {
        return "--dropout acts between layers: expected --layers 2 or more";
    }
    return NULL;
}

bool train_options_agree(const char *command, const TrainOptions *options) {
    const char *problem = contradiction(options);
    if (problem) message_for(command, "%s", problem);
    return !problem;
}

bool train_options_check(const char *command, const TrainOptions *options) {
    const char *problem = NULL;
    if (options->output && strcmp(options->output, "-") == 0) {
        problem = "a model is no output for a pipe: expected -o MODEL, the name of a file";
    } else if (options->resume && options->force) {
        problem = "--resume goes on with a checkpoint and --force throws it away: expected one";
    } else if (options->diagnose_every > 0 && !options->log && !options->tensorboard) {
        problem = "--diagnose-every needs --log or --tensorboard, to write to";
    }
    if (problem) message_for(command, "%s", problem);
    return !problem && (options->resume || train_options_agree(command, options));
}

bool train_options_check_valid(const char *command, const TrainOptions *options) {
    const char *needs = options->patience > 0         ? "patience"
                        : options->validate_every > 0 ? "validate-every"
                                                      : NULL;
    if (!needs || options->valid > 0.0) return true;
    message_for(command, "--%s needs a validation part, found --valid 0", needs);
    return false;
}

void train_options_cell(const TrainOptions *options, bool last, elman_cell_options *cell) {
    *cell = (elman_cell_options){
        .struct_size = sizeof(*cell),
        .cell = (elman_cell)(ELMAN_CELL_RNN + options->cell),
        .hidden = (size_t)options->hidden,
        .bidirectional = options->bidirectional,
        .no_bias = options->no_bias,
        .learned_state = options->learned_state,
        .dropout = last && !options->dropout_at_end ? 0.0F : (float)options->dropout,
        .projection = (size_t)options->projection,
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
        .average = options->average,
    };
}
