/* Prints help, wrapped for 80 columns. */
#include "help.h"

#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 27, COMMAND_COLUMN = 14, TEXT_MAX = 512 };

/* Prints words from column `column` on, which the caller has reached, and wraps them. */
static void print_wrapped(FILE *stream, const char *text, int column) {
    int at = column;
    while (*text) {
        const int word = (int)strcspn(text, " \n");
        if (at > column && at + 1 + word > WIDTH) {
            (void)fprintf(stream, "\n%*s", column, "");
            at = column;
        }
        if (at > column) at += fprintf(stream, " ");
        at += fprintf(stream, "%.*s", word, text);
        text += word;
        if (strncmp(text, "\n\n", 2) == 0) {
            (void)fprintf(stream, "\n\n%*s", column, "");
            at = column;
        }
        text += strspn(text, " \n");
    }
    (void)fprintf(stream, "\n");
}

static void print_entry(FILE *stream, const char *name, const char *text, int column) {
    const int used = fprintf(stream, "  %s", name);
    if (used + 2 > column) {
        (void)fprintf(stream, "\n%*s", column, "");
    } else {
        (void)fprintf(stream, "%*s", column - used, "");
    }
    print_wrapped(stream, text, column);
}

const char *help_value_name(const Option *option) {
    return option->value ? option->value : "KIND";
}

void help_option_text(const Option *option, char *text, size_t size) {
    char choices[TEXT_MAX / 2] = "";
    if (option->type == OPTION_CHOICE) {
        choices[0] = ':';
        choices[1] = ' ';
        option_describe_values(option, choices + 2, sizeof(choices) - 2);
    }
    const char *standard = option->unset ? option->unset : option->fallback;
    if (standard) {
        (void)snprintf(text, size, "%s%s (default: %s)", option->help, choices, standard);
    } else {
        (void)snprintf(text, size, "%s%s", option->help, choices);
    }
}

static void print_option(FILE *stream, const Option *option) {
    char name[64], text[TEXT_MAX];
    const char letter[5] = {'-', option->letter, ',', ' ', '\0'};
    const bool valued = option->type != OPTION_FLAG;
    (void)snprintf(name, sizeof(name), "%s--%s%s%s", option->letter ? letter : "    ", option->name,
                   valued ? " " : "", valued ? help_value_name(option) : "");
    help_option_text(option, text, sizeof(text));
    print_entry(stream, name, text, OPTION_COLUMN);
}

static void print_table(FILE *stream, const Command *const *table) {
    for (size_t i = 0; table[i]; i++) {
        print_entry(stream, table[i]->name, table[i]->summary, COMMAND_COLUMN);
    }
}

void help_print_command(const Command *command, FILE *stream) {
    (void)fprintf(stream, "usage: %s%s%s%s\n\n", command->full_name, *command->operands ? " " : "",
                  command->operands, command->options ? " [options]" : "");
    print_wrapped(stream, command->description, 0);
    if (command->kinds) {
        (void)fprintf(stream, "\nKinds of data:\n");
        print_table(stream, command->kinds);
        (void)fprintf(stream, "\n%s KIND --help says more.\n", command->full_name);
        return;
    }
    (void)fprintf(stream, "\nOptions:\n");
    for (const Option *option = command->options; option && option->name; option++) {
        print_option(stream, option);
    }
    print_entry(stream, "-h, --help", "print this help", OPTION_COLUMN);
}

void help_print_program(FILE *stream) {
    (void)fprintf(stream, "usage: elman COMMAND [arguments]\n\n"
                          "Trains recurrent neural networks, shows what is in them, runs them.\n\n"
                          "Commands:\n");
    print_table(stream, commands);
    (void)fprintf(stream, "\nOptions:\n");
    print_entry(stream, "--version", "print the version", COMMAND_COLUMN);
    print_entry(stream, "-h, --help", "print this help", COMMAND_COLUMN);
    (void)fprintf(stream, "\nelman COMMAND --help says more about one of them.\n");
}
