/* elman completion: what shells need to complete the command's words, from the tables. */
#include <string.h>

#include "command.h"
#include "help.h"
#include "message.h"
#include "output.h"

enum { HELP_MAX = 512 };

static const char *shell_name(size_t index) {
    static const char *const shells[] = {"bash", "zsh", "fish"};
    return index < sizeof(shells) / sizeof(*shells) ? shells[index] : NULL;
}

/* The commands that have options: those of the table, or their kinds. */
typedef void (*CommandPrinter)(const Command *command);

static void for_each_command(CommandPrinter print) {
    for (size_t i = 0; commands[i]; i++) {
        const Command *const *kinds = commands[i]->kinds;
        if (!kinds) print(commands[i]);
        for (size_t k = 0; kinds && kinds[k]; k++) print(kinds[k]);
    }
}

static void print_names(const Command *const *table) {
    for (size_t i = 0; table[i]; i++) output_print("%s%s", i > 0 ? " " : "", table[i]->name);
}

static void print_words(OptionWord word) {
    for (size_t i = 0; word(i); i++) output_print("%s%s", i > 0 ? " " : "", word(i));
}

/* Those that an option's value may be; false where it may be anything. */
static bool print_values(const Option *option, const char *before, const char *after) {
    if (option->type != OPTION_CHOICE && !option->word) return false;
    output_print("%s", before);
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        output_print("%s%s", i > 0 ? " " : "", option->choices[i]);
    }
    if (option->word) print_words(option->word);
    output_print("%s", after);
    return true;
}

static bool takes_value(const Option *option) {
    return option->type != OPTION_FLAG;
}

static void print_bash_command(const Command *command) {
    /* "elman train text" is looked up as "train text". */
    output_print("    '%s')\n        case $previous in\n", command->full_name + strlen("elman "));
    for (const Option *option = command->options; option && option->name; option++) {
        if (!takes_value(option)) continue;
        output_print("        --%s", option->name);
        if (option->letter) output_print("|-%c", option->letter);
        output_print(") ");
        if (!print_values(option, "words='", "' ;;\n")) {
            output_print(option->type == OPTION_FILE ? ";;\n" : "return ;;\n");
        }
    }
    output_print("        *) words='");
    for (const Option *option = command->options; option && option->name; option++) {
        output_print("--%s ", option->name);
    }
    output_print("--help'");
    if (command->operand) {
        output_print("\n            [[ $current == -* ]] || { files=; words='");
        print_words(command->operand);
        output_print("'; }");
    }
    output_print(" ;;\n        esac ;;\n");
}

static void print_bash(void) {
    output_print(
        "# Completion of elman for bash; written by elman completion bash.\n"
        "_elman() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local command=${COMP_WORDS[1]} words='' files=yes\n"
        "    COMPREPLY=()\n");
    for (size_t i = 0; commands[i]; i++) {
        if (!commands[i]->kinds) continue;
        output_print("    if [[ $command == %s ]]; then\n"
                     "        if [[ $COMP_CWORD -eq 2 ]]; then command=''; words='",
                     commands[i]->name);
        print_names(commands[i]->kinds);
        output_print("'; else command=\"%s ${COMP_WORDS[2]}\"; fi\n    fi\n", commands[i]->name);
    }
    output_print("    if [[ $COMP_CWORD -eq 1 ]]; then command=''; words='");
    print_names(commands);
    output_print(" --version --help'; fi\n"
                 "    [[ -n $words ]] && files=\n"
                 "    case $command in\n");
    for_each_command(print_bash_command);
    output_print(
        "    esac\n"
        "    if [[ -n $words && ( -z $files || $current == -* || $previous == --* ) ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
        "    fi\n"
        "    if [[ -n $files && ${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then\n"
        "        compopt -o filenames\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
        "    fi\n"
        "}\n"
        "complete -F _elman elman\n");
}

/* For text between single quotes in which a backslash, a colon or a bracket has a meaning. */
static void print_quoted(const char *text, const char *escaped) {
    for (; *text; text++) {
        if (*text == '\'') {
            output_print("'\\''");
        } else if (strchr(escaped, *text)) {
            output_print("\\%c", *text);
        } else {
            output_write(text, 1);
        }
    }
}

static void print_zsh_option(const Option *option) {
    char text[HELP_MAX];
    help_option_text(option, text, sizeof(text));
    output_print("            '");
    if (option->letter) {
        output_print("(-%c --%s)'{-%c,--%s}'", option->letter, option->name, option->letter,
                     option->name);
    } else {
        output_print("--%s", option->name);
    }
    output_print("[");
    print_quoted(text, "[]:\\");
    output_print("]");
    if (takes_value(option)) output_print(":%s:", help_value_name(option));
    if (!print_values(option, "(", ")") && option->type == OPTION_FILE) output_print("_files");
    output_print("' \\\n");
}

static void print_zsh_command(const Command *command) {
    output_print("    '%s')\n        _arguments \\\n", command->full_name + strlen("elman "));
    for (const Option *option = command->options; option && option->name; option++) {
        print_zsh_option(option);
    }
    output_print("            '(-h --help)'{-h,--help}'[print help]' \\\n");
    if (command->operand) {
        output_print("            '1:%s:(", command->operands);
        print_words(command->operand);
        output_print(")' ;;\n");
    } else {
        output_print("            '*:file:_files' ;;\n");
    }
}

static void print_zsh_names(const Command *const *table) {
    for (size_t i = 0; table[i]; i++) {
        output_print(" '%s:", table[i]->name);
        print_quoted(table[i]->summary, ":\\");
        output_print("'");
    }
}

static void print_zsh(void) {
    output_print("#compdef elman\n"
                 "# Completion of elman for zsh; written by elman completion zsh.\n"
                 "_elman() {\n"
                 "    local command=$words[2]\n"
                 "    local -a names\n"
                 "    if (( CURRENT == 2 )); then\n        names=(");
    print_zsh_names(commands);
    output_print(" )\n        _describe command names\n        return\n    fi\n");
    for (size_t i = 0; commands[i]; i++) {
        if (!commands[i]->kinds) continue;
        output_print("    if [[ $command == %s ]]; then\n"
                     "        if (( CURRENT == 3 )); then\n            names=(",
                     commands[i]->name);
        print_zsh_names(commands[i]->kinds);
        output_print(" )\n            _describe kind names\n            return\n        fi\n"
                     "        command=\"$command $words[3]\"\n"
                     "        shift words\n        (( CURRENT-- ))\n    fi\n");
    }
    output_print("    shift words\n    (( CURRENT-- ))\n    case $command in\n");
    for_each_command(print_zsh_command);
    output_print("    esac\n}\n_elman \"$@\"\n");
}

/* Every word of the command must have been typed. */
static void print_fish_condition(const Command *command) {
    char name[HELP_MAX];
    (void)snprintf(name, sizeof(name), "%s", command->full_name + strlen("elman "));
    output_print("complete -c elman -n '");
    for (char *word = strtok(name, " "); word; word = strtok(NULL, " ")) {
        output_print("%s__fish_seen_subcommand_from %s", word == name ? "" : "; and ", word);
    }
    output_print("'");
}

static void print_fish_text(const char *text) {
    output_print(" -d '");
    for (; *text; text++) output_print(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    output_print("'\n");
}

static void print_fish_command(const Command *command) {
    if (command->operand) {
        print_fish_condition(command);
        output_print(" -f -a '");
        print_words(command->operand);
        output_print("'\n");
    }
    for (const Option *option = command->options; option && option->name; option++) {
        char text[HELP_MAX];
        print_fish_condition(command);
        output_print(" -l %s", option->name);
        if (option->letter) output_print(" -s %c", option->letter);
        if (!print_values(option, " -x -a '", "'") && takes_value(option)) {
            output_print(option->type == OPTION_FILE ? " -r -F" : " -x");
        }
        help_option_text(option, text, sizeof(text));
        print_fish_text(text);
    }
}

static void print_fish_name(const Command *command) {
    output_print("' -a %s", command->name);
    print_fish_text(command->summary);
}

static void print_fish(void) {
    output_print("# Completion of elman for fish; written by elman completion fish.\n");
    for (size_t i = 0; commands[i]; i++) {
        output_print("complete -c elman -f -n '__fish_use_subcommand");
        print_fish_name(commands[i]);
        const Command *const *kinds = commands[i]->kinds;
        for (size_t k = 0; kinds && kinds[k]; k++) {
            output_print("complete -c elman -f -n '__fish_seen_subcommand_from %s; and not "
                         "__fish_seen_subcommand_from ",
                         commands[i]->name);
            print_names(kinds);
            print_fish_name(kinds[k]);
        }
    }
    output_print("complete -c elman -n __fish_use_subcommand -l version -d 'print the version'\n"
                 "complete -c elman -s h -l help -d 'print help'\n");
    for_each_command(print_fish_command);
}

static int run(const Command *command, int count, char **arguments) {
    Operands operands;
    int status;
    if (!command_parse(command, count, arguments, NULL, NULL, &operands, &status)) return status;
    const char *shell = operands.count == 1 ? operands.names[0] : "";
    if (strcmp(shell, "bash") == 0) {
        print_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        print_zsh();
    } else if (strcmp(shell, "fish") == 0) {
        print_fish();
    } else {
        message_for(command->full_name,
                    "\"%s\" is no shell that is known: expected bash, zsh or "
                    "fish",
                    shell);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

const Command command_completion = {
    .name = "completion",
    .run = run,
    .summary = "print completion for bash, zsh or fish",
    .full_name = "elman completion",
    .operands = "bash|zsh|fish",
    .operand = shell_name,
    .description = "Prints what makes a shell complete the words of elman; for bash: "
                   "source <(elman completion bash)",
};
