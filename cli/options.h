/* Command-line options: one table for each subcommand yields parsing, help, the manual page, shell
 * completion and what is remembered of a run. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_MAX = 64 };

/* Above every number that an option takes; as `count_most` it means no upper limit. */
#define OPTION_COUNT_MAX ((uint64_t)INT64_MAX)

typedef enum OptionType {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint64_t */
    OPTION_REAL,   /* double, rounded to 15 significant digits so that it prints as it was given */
    OPTION_CHOICE, /* int: the index in `choices` */
    OPTION_TEXT,   /* const char *, NULL unless given */
    OPTION_FILE    /* const char *, not empty, NULL unless given */
} OptionType;

/* The index-th word that may stand somewhere; NULL behind the last. */
typedef const char *(*OptionWord)(size_t index);

typedef struct Option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* 0: none */
    OptionType type;
    size_t offset;        /* of its value in the subcommand's struct */
    const char *value;    /* what help calls the value; NULL for flags and choices */
    const char *fallback; /* the default as one would type it; NULL: 0, false or NULL */
    const char *unset;    /* what help says of the default instead */
    const char *help;     /* no capital, no full stop */
    uint64_t count_least, count_most;
    double real_least, real_most; /* INFINITY: no upper limit */
    bool real_above, real_below;  /* the limits themselves are excluded */
    const char *const *choices;   /* ends with NULL */
    OptionWord word;              /* what shells offer for a text; NULL: nothing */
    bool remembered; /* part of what makes the result: kept in checkpoints and models */
    bool later;      /* checkpoints of earlier releases lack it: their runs had the fallback */
} Option;

/* The arguments that are no options, in order. */
typedef struct Operands {
    char **names;
    size_t count;
} Operands;

typedef enum OptionsResult { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG } OptionsResult;

/* Puts the defaults into `values`. */
void options_set_defaults(const Option *table, void *values);

/* Reads --name VALUE, --name=VALUE, -l VALUE, -h and --help; "--" ends the options. Operands are
 * moved to the front of `arguments`. A mistake is told on stderr in one sentence. */
OptionsResult options_parse(const char *command, const Option *table, int count, char **arguments,
                            void *values, bool *given, Operands *operands);

/* "a whole number from 1 to 10", "rnn, lstm or gru". */
void option_describe_values(const Option *option, char *text, size_t size);

/* The value as one would type it; false for a flag that is off and for what was not given. A file
 * is named without its folder. */
bool option_print(const Option *option, const void *values, char *text, size_t size);

/* Where an option's value stands. */
const void *option_value(const Option *option, const void *values);
void *option_place(const Option *option, void *values);

/* The part of a path behind the last slash. */
const char *base_name(const char *path);

#endif
