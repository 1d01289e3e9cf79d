/* The table of the options of `elman train task`, and their translation for the library. */
#include "task_options.h"

#include <string.h>

#include "message.h"
#include "train_option_groups.h"

#define OF(member) .offset = offsetof(TaskOptions, member)

/* A line or two for each option. */
/* clang-format off */
const Option train_task_options[] = {
    {.name = "output", .letter = 'o', AT(output), .type = OPTION_FILE, .value = "MODEL",
     .help = "where the model goes; without it only the result is printed"},

    {.name = "length", OF(length), COUNT(1), .value = "T", .unset = "the task's usual length",
     .remembered = true,
     .help = "how long sequences are"},
    {.name = "min-length", OF(shortest), COUNT(0), .value = "T", .fallback = "0",
     .remembered = true,
     .help = "train on sequences of any length from this one to --length; 0: all have --length"},
    {.name = "final", OF(final_only), .type = OPTION_FLAG, .remembered = true,
     .help = "parity: learn from the parity of the whole sequence alone"},

    TRAIN_OPTIONS_LAYERS("gru", "128", "1"),
    TRAIN_OPTIONS_CELL(TRAIN_DROPOUT_BETWEEN),

    {.name = "batch", AT(batch), COUNT(1), .value = "N", .fallback = "32", .remembered = true,
     .help = "sequences in one step, which are never seen again"},
    {.name = "max-steps", AT(max_steps), COUNT(1), .value = "N", .fallback = "2000",
     .remembered = true,
     .help = "steps to train for"},
    TRAIN_OPTIONS_STEPS("1e-3", "1"),

    {.name = "check-every", AT(validate_every), COUNT(1), .value = "N", .fallback = "100",
     .remembered = true,
     .help = "measure every N steps; the weights that did best are kept"},
    {.name = "valid", OF(valid), COUNT(1), .value = "N", .fallback = "256", .remembered = true,
     .help = "sequences, set apart, to measure on while training"},
    {.name = "target", OF(target), REAL(0.0), .value = "LOSS", .fallback = "0", .remembered = true,
     .help = "stop when a measured loss is this or less; 0: never"},
    {.name = "test", OF(test), COUNT(1), .value = "N", .fallback = "1000", .remembered = true,
     .help = "other sequences, set apart, that the result is measured on"},

    TRAIN_OPTIONS_START,

    TRAIN_OPTIONS_RUN,
    TRAIN_OPTIONS_CHECKPOINT,
    TRAIN_OPTIONS_SHOW,
    {.name = NULL},
};
/* clang-format on */

bool task_options_check(const char *command, const char *name, const TaskOptions *options) {
    const TrainOptions *train = &options->train;
    const char *needs = train->resume ? "resume" : train->force ? "force" : NULL;
    if (needs && !train->output) {
        message_for(command, "--%s needs -o MODEL: without it nothing is kept of a run", needs);
        return false;
    }
    if (options->final_only && strcmp(name, "parity") != 0) {
        message_for(command, "%s: --final is for parity alone", name);
        return false;
    }
    return train_options_check(command, train);
}

void task_options_task(const TaskOptions *options, const char *name, elman_task_options *task) {
    *task = (elman_task_options){
        .struct_size = sizeof(*task),
        .name = name,
        .length = (size_t)options->length,
        .shortest = (size_t)options->shortest,
        .final_only = options->final_only,
        .seed = options->train.seed,
    };
}
