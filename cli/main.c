/* The command elman: finds the subcommand and runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "help.h"
#include "message.h"
#include "nearest.h"
#include "output.h"
#include <elman/version.h>

const Command *const commands[] = {
    &command_train,      /* fits a model to data */
    &command_eval,       /* measures a model on data */
    &command_classify,   /* labels sequences */
    &command_tag,        /* labels the steps of sequences */
    &command_forecast,   /* tells what follows a series */
    &command_backtest,   /* measures forecasts on the past */
    &command_run,        /* computes a model's output for an array */
    &command_generate,   /* lets a model write */
    &command_inspect,    /* shows what is in a model file */
    &command_trace,      /* shows every number of a pass */
    &command_diagram,    /* draws a model or its gates */
    &command_diagnose,   /* tells what ails a model, and what helps */
    &command_convert,    /* converts models from and to PyTorch */
    &command_bench,      /* measures the library's speed */
    &command_man,        /* this program's manual page */
    &command_completion, /* completion for shells */
    &command_help,       /* help on a command */
    NULL,
};

const Command *command_find(const Command *const *table, const char *name) {
    for (size_t i = 0; table[i]; i++) {
        if (strcmp(table[i]->name, name) == 0) return table[i];
    }
    return NULL;
}

int command_unknown(const Command *const *table, const char *before, const char *what,
                    const char *name) {
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (; table[count]; count++) names[count] = table[count]->name;
    const char *near = nearest(name, names, count);
    if (near) {
        message_for(before, "%s is no %s, did you mean %s?", name, what, near);
    } else {
        message_for(before, "%s is no %s, see %s --help", name, what, before);
    }
    return EXIT_USAGE;
}

bool command_parse(const Command *command, int count, char **arguments, void *values, bool *given,
                   Operands *operands, int *status) {
    static const Option none[] = {{.name = NULL}};
    const Option *table = command->options ? command->options : none;
    options_set_defaults(table, values);
    switch (options_parse(command->full_name, table, count, arguments, values, given, operands)) {
    case OPTIONS_READ:
        return true;
    case OPTIONS_HELP:
        help_print_command(command, stdout);
        *status = EXIT_DONE;
        return false;
    case OPTIONS_WRONG:
        break;
    }
    *status = EXIT_USAGE;
    return false;
}

static int run_help(const Command *command, int count, char **arguments) {
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, NULL, NULL, &operands, &status)) return status;
    const Command *const *table = commands;
    const Command *found = NULL;
    for (size_t i = 0; i < operands.count; i++) {
        found = table ? command_find(table, operands.names[i]) : NULL;
        if (!found) {
            return command_unknown(table ? table : commands, command->full_name, "command",
                                   operands.names[i]);
        }
        table = found->kinds;
    }
    if (found) {
        help_print_command(found, stdout);
    } else {
        help_print_program(stdout);
    }
    return EXIT_DONE;
}

/* Asked for one after the other, up to NULL. */
static const char *command_name(size_t index) {
    return commands[index] ? commands[index]->name : NULL;
}

const Command command_help = {
    .name = "help",
    .run = run_help,
    .summary = "print help on a command",
    .full_name = "elman help",
    .operands = "[COMMAND [KIND]]",
    .operand = command_name,
    .description = "Prints the help of a command, or the list of all commands.",
};

/* Without them the next file opened would become standard output. What is opened here fails when it
 * is used the wrong way. */
static void open_missing_streams(void) {
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        if (fcntl(descriptor, F_GETFD) != -1) continue;
        (void)open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
    }
}

static int run(int count, char **arguments) {
    if (count < 2) {
        help_print_program(stderr);
        return EXIT_USAGE;
    }
    const char *name = arguments[1];
    if (strcmp(name, "--version") == 0) {
        output_print("elman %s\n", elman_version_string());
        return EXIT_DONE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help_print_program(stdout);
        return EXIT_DONE;
    }
    const Command *command = command_find(commands, name);
    if (!command) return command_unknown(commands, "elman", "command", name);
    return command->run(command, count - 2, arguments + 2);
}

int main(int argc, char **argv) {
    open_missing_streams();
    /* Both come back as errors of write, EPIPE and EFBIG. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    return output_finish(run(argc, argv));
}
