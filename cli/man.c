/* elman man: the manual page of the whole command, from the tables. */
#include <string.h>

#include "command.h"
#include "help.h"
#include "output.h"
#include <elman/version.h>

enum { HELP_MAX = 512 };

/* Text for roff: a line must not start with a control character, and - is a hyphen unless it is
 * escaped. An empty line becomes a paragraph. */
static void print_text(const char *text) {
    for (const char *c = text; *c; c++) {
        if (*c == '\\') {
            output_print("\\e");
        } else if (*c == '-') {
            output_print("\\-");
        } else if (*c == '\n' && c[1] == '\n') {
            output_print("\n.PP\n");
            c++;
        } else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n')) {
            output_print("\\&%c", *c);
        } else {
            output_write(c, 1);
        }
    }
}

static void print_option(const Option *option) {
    char text[HELP_MAX];
    output_print(".TP\n");
    if (option->letter) output_print("\\fB\\-%c\\fR, ", option->letter);
    output_print("\\fB\\-\\-");
    print_text(option->name);
    output_print("\\fR");
    if (option->type != OPTION_FLAG) output_print(" \\fI%s\\fR", help_value_name(option));
    output_print("\n");
    help_option_text(option, text, sizeof(text));
    print_text(text);
    output_print("\n");
}

static void print_command(const Command *command) {
    if (command->kinds) {
        for (size_t i = 0; command->kinds[i]; i++) print_command(command->kinds[i]);
        return;
    }
    output_print(".SS ");
    print_text(command->full_name);
    if (*command->operands) {
        output_print(" ");
        print_text(command->operands);
    }
    output_print("\n");
    print_text(command->description);
    output_print("\n");
    for (const Option *option = command->options; option && option->name; option++) {
        print_option(option);
    }
}

static void print_files(void) {
    output_print(
        ".SH EXIT STATUS\n"
        ".TP\n.B 0\nDone.\n"
        ".TP\n.B 1\nFailed; a sentence on standard error says why.\n"
        ".TP\n.B 2\nThe command line makes no sense.\n"
        ".TP\n.BR 130 \", \" 143\nStopped by SIGINT or SIGTERM, after a checkpoint (train text) or "
        "with the model written (train task).\n"
        ".TP\n.B 141\nThe reader of standard output went away.\n");
    output_print(
        ".SH ENVIRONMENT\n"
        ".TP\n.B ELMAN_ISA\nportable, avx2 or avx512 instead of the best instructions that "
        "the processor has.\n"
        ".TP\n.B NO_COLOR\nWhen set and not empty, no colours on a terminal.\n");
    output_print(".SH FILES\n"
                 ".TP\n.I MODEL\nA model file in the safetensors format.\n"
                 ".TP\n.I MODEL.checkpoint\nA run that has not ended.\n");
}

static int run(const Command *command, int count, char **arguments) {
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, NULL, NULL, &operands, &status)) return status;
    output_print(".TH ELMAN 1 \"\" \"elman %s\" \"User Commands\"\n", elman_version_string());
    output_print(".SH NAME\nelman \\- train, inspect and run recurrent neural networks\n");
    output_print(".SH SYNOPSIS\n.B elman\n.I COMMAND\n[arguments]\n");
    output_print(".SH DESCRIPTION\nTrains recurrent neural networks (Elman RNN, LSTM and GRU), "
                 "shows what is in them and runs them. Results go to standard output, progress and "
                 "messages to standard error.\n");
    output_print(".SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++) print_command(commands[i]);
    print_files();
    return EXIT_DONE;
}

const Command command_man = {
    .name = "man",
    .run = run,
    .summary = "print the manual page",
    .full_name = "elman man",
    .operands = "",
    .description = "Prints the manual page of elman in roff; to read it: elman man | man -l -",
};
