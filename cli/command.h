/* What a subcommand consists of; the table of all of them is in main.c. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "options.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_VERDICT = 3, /* it ran, and what it was asked to judge is not as it should be */
    EXIT_SIGNAL = 128 /* plus the signal's number */
};

typedef struct Command Command;

struct Command {
    const char *name;
    /* `arguments` are those behind the command's name, which may be reordered. Returns the exit
     * status. */
    int (*run)(const Command *command, int count, char **arguments);
    const char *summary;         /* one line, no full stop */
    const char *full_name;       /* "elman train text" */
    const char *operands;        /* "MODEL DATA..." */
    OptionWord operand;          /* the words that may be operands; NULL: files */
    const char *description;     /* paragraphs, with an empty line between */
    const Option *options;       /* ends with a name of NULL; NULL: none */
    const Command *const *kinds; /* what `elman NAME` distinguishes further; ends with NULL */
};

/* All subcommands; ends with NULL. */
extern const Command *const commands[];

/* The command of that name in a table, or NULL. */
const Command *command_find(const Command *const *table, const char *name);

/* Says that `name` is in no table, with the nearest that is; returns EXIT_USAGE. `what` is
 * "command" or "kind of data". */
int command_unknown(const Command *const *table, const char *before, const char *what,
                    const char *name);

/* Parses the arguments into `values` (a struct that the options' offsets point into). Returns true
 * when the command shall go on; else *status is its exit status: help was printed, or a mistake
 * named. `given` [OPTIONS_MAX] (or NULL) tells which options were on the command line. */
bool command_parse(const Command *command, int count, char **arguments, void *values, bool *given,
                   Operands *operands, int *status);

extern const Command command_train;
extern const Command command_train_text;
extern const Command command_train_task;
extern const Command command_train_series;
extern const Command command_train_classify;
extern const Command command_train_tag;
extern const Command command_eval;
extern const Command command_run;
extern const Command command_forecast;
extern const Command command_backtest;
extern const Command command_classify;
extern const Command command_tag;
extern const Command command_generate;
extern const Command command_inspect;
extern const Command command_trace;
extern const Command command_diagram;
extern const Command command_diagnose;
extern const Command command_convert;
extern const Command command_bench;
extern const Command command_man;
extern const Command command_completion;
extern const Command command_help;

#endif
