/* elman train: which kind of data it is. */
#include "command.h"
#include "help.h"
#include "output.h"

#include <stddef.h>

static const Command *const kinds[] = {&command_train_text, &command_train_series,
                                       &command_train_task, &command_train_classify,
                                       &command_train_tag,  NULL};

static int run(const Command *command, int count, char **arguments) {
    const Command *kind = count > 0 ? command_find(kinds, arguments[0]) : NULL;
    if (kind) return kind->run(kind, count - 1, arguments + 1);

    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, NULL, NULL, &operands, &status)) return status;
    if (operands.count > 0) {
        return command_unknown(kinds, command->full_name, "kind of data", operands.names[0]);
    }
    help_print_command(command, stderr);
    return EXIT_USAGE;
}

const Command command_train = {
    .name = "train",
    .run = run,
    .summary = "fit a model to data",
    .full_name = "elman train",
    .operands = "KIND DATA... -o MODEL",
    .description = "Trains a recurrent network and writes it to a model file.",
    .kinds = kinds,
};
