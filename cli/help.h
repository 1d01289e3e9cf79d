/* Help, from the tables of commands and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "command.h"

/* What `elman --help` says. */
void help_print_program(FILE *stream);

/* What `elman COMMAND --help` says. */
void help_print_command(const Command *command, FILE *stream);

/* The name of an option's value in help: "N", or "KIND" for a choice without a name of its own. */
const char *help_value_name(const Option *option);

/* An option's help with its values and default, as one sentence without a full stop. */
void help_option_text(const Option *option, char *text, size_t size);

#endif
