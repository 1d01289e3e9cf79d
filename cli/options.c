/* Reads options by their table. */
#include "options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "nearest.h"

enum { EXPECTED_MAX = 256 };

const void *option_value(const Option *option, const void *values) {
    return (const char *)values + option->offset;
}

void *option_place(const Option *option, void *values) {
    return (char *)values + option->offset;
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static bool read_count(const Option *option, const char *text, uint64_t *value) {
    uint64_t number = 0;
    if (*text == '\0') return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        const uint64_t digit = (uint64_t)(*text - '0');
        if (digit > option->count_most || number > (option->count_most - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *value = number;
    return number >= option->count_least;
}

static bool read_real(const Option *option, const char *text, double *value) {
    char *end;
    char rounded[40];
    if (*text == '\0' || text[strspn(text, "+-.eE0123456789")] != '\0') return false;
    /* The program never leaves the C locale, so the decimal sign is a point. */
    double number = strtod(text, &end);
    if (*end != '\0' || !isfinite(number)) return false;
    (void)snprintf(rounded, sizeof(rounded), "%.15g", number);
    number = strtod(rounded, NULL);
    if (number < option->real_least || number > option->real_most) return false;
    if (option->real_above && number == option->real_least) return false;
    if (option->real_below && number == option->real_most) return false;
    *value = number;
    return true;
}

static bool read_choice(const Option *option, const char *text, int *value) {
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(text, option->choices[i]) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool read_value(const Option *option, const char *text, void *place) {
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_COUNT:
        return read_count(option, text, place);
    case OPTION_REAL:
        return read_real(option, text, place);
    case OPTION_CHOICE:
        return read_choice(option, text, place);
    case OPTION_TEXT:
        *(const char **)place = text;
        return true;
    case OPTION_FILE:
        *(const char **)place = text;
        return *text != '\0';
    }
    return false;
}

void options_set_defaults(const Option *table, void *values) {
    for (const Option *option = table; option->name; option++) {
        void *place = option_place(option, values);
        switch (option->type) {
        case OPTION_FLAG:
            *(bool *)place = false;
            break;
        case OPTION_COUNT:
            *(uint64_t *)place = 0;
            break;
        case OPTION_REAL:
            *(double *)place = 0.0;
            break;
        case OPTION_CHOICE:
            *(int *)place = 0;
            break;
        case OPTION_TEXT:
        case OPTION_FILE:
            *(const char **)place = NULL;
            break;
        }
        if (option->fallback) (void)read_value(option, option->fallback, place);
    }
}

static void describe_choices(const Option *option, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; option->choices[i] && used < size; i++) {
        const char *between = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        const int length = snprintf(text + used, size - used, "%s%s", between, option->choices[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void describe_real(const Option *option, char *text, size_t size) {
    if (isinf(option->real_most)) {
        (void)snprintf(text, size,
                       option->real_above ? "a number above %g" : "a number, %g or more",
                       option->real_least);
    } else {
        (void)snprintf(text, size, "a number from %s%g to %s%g", option->real_above ? "above " : "",
                       option->real_least, option->real_below ? "below " : "", option->real_most);
    }
}

void option_describe_values(const Option *option, char *text, size_t size) {
    switch (option->type) {
    case OPTION_COUNT:
        if (option->count_most == OPTION_COUNT_MAX) {
            (void)snprintf(text, size, "a whole number, %" PRIu64 " or more", option->count_least);
        } else {
            (void)snprintf(text, size, "a whole number from %" PRIu64 " to %" PRIu64,
                           option->count_least, option->count_most);
        }
        break;
    case OPTION_REAL:
        describe_real(option, text, size);
        break;
    case OPTION_CHOICE:
        describe_choices(option, text, size);
        break;
    case OPTION_FILE:
        (void)snprintf(text, size, "the name of a file");
        break;
    case OPTION_TEXT:
        (void)snprintf(text, size, "a text");
        break;
    case OPTION_FLAG:
        (void)snprintf(text, size, "no value");
        break;
    }
}

bool option_print(const Option *option, const void *values, char *text, size_t size) {
    const void *place = option_value(option, values);
    switch (option->type) {
    case OPTION_FLAG:
        text[0] = '\0';
        return *(const bool *)place;
    case OPTION_COUNT:
        (void)snprintf(text, size, "%" PRIu64, *(const uint64_t *)place);
        return true;
    case OPTION_REAL:
        (void)snprintf(text, size, "%.15g", *(const double *)place);
        return true;
    case OPTION_CHOICE:
        (void)snprintf(text, size, "%s", option->choices[*(const int *)place]);
        return true;
    case OPTION_TEXT:
    case OPTION_FILE:
        break;
    }
    const char *given = *(const char *const *)place;
    if (!given) return false;
    (void)snprintf(text, size, "%s", option->type == OPTION_FILE ? base_name(given) : given);
    return true;
}

/* What stands in one argument: the option, and its value when it is in the same argument. */
static const Option *find_option(const Option *table, const char *argument, const char **value) {
    *value = NULL;
    for (const Option *option = table; option->name; option++) {
        if (argument[1] != '-') {
            if (option->letter && argument[1] == option->letter) {
                if (argument[2]) *value = argument + 2;
                return option;
            }
            continue;
        }
        const size_t length = strlen(option->name);
        if (strncmp(argument + 2, option->name, length) != 0) continue;
        if (argument[2 + length] == '\0') return option;
        if (argument[2 + length] == '=') {
            *value = argument + 2 + length + 1;
            return option;
        }
    }
    return NULL;
}

static void say_unknown(const char *command, const Option *table, const char *argument) {
    const char *names[OPTIONS_MAX + 1];
    char wanted[64];
    size_t count = 0;
    const char *start = argument + strspn(argument, "-");
    (void)snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(start, "="), start);
    for (const Option *option = table; option->name; option++) names[count++] = option->name;
    names[count++] = "help";
    const char *near = nearest(wanted, names, count);
    if (near) {
        message_for(command, "%s is no option, did you mean --%s?", argument, near);
    } else {
        message_for(command, "%s is no option, see %s --help", argument, command);
    }
}

/* Reads the option in arguments[*at] and moves *at to the last argument that it used. */
static OptionsResult read_option(const char *command, const Option *table, int count,
                                 char **arguments, int *at, void *values, bool *given) {
    const char *argument = arguments[*at], *value;
    char expected[EXPECTED_MAX];
    if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) return OPTIONS_HELP;
    const Option *option = find_option(table, argument, &value);
    if (!option) {
        say_unknown(command, table, argument);
        return OPTIONS_WRONG;
    }
    option_describe_values(option, expected, sizeof(expected));
    if (option->type == OPTION_FLAG) {
        if (value) {
            message_for(command, "--%s takes no value, found \"%s\"", option->name, value);
            return OPTIONS_WRONG;
        }
    } else if (!value) {
        if (++*at == count) {
            message_for(command, "--%s lacks its value: expected %s", option->name, expected);
            return OPTIONS_WRONG;
        }
        value = arguments[*at];
    }
    if (!read_value(option, value, option_place(option, values))) {
        message_for(command, "--%s is \"%s\", expected %s", option->name, value, expected);
        return OPTIONS_WRONG;
    }
    if (given) given[option - table] = true;
    return OPTIONS_READ;
}

OptionsResult options_parse(const char *command, const Option *table, int count, char **arguments,
                            void *values, bool *given, Operands *operands) {
    bool ended = false;
    operands->names = arguments;
    operands->count = 0;
    for (size_t i = 0; given && table[i].name; i++) given[i] = false;
    for (int at = 0; at < count; at++) {
        char *argument = arguments[at];
        if (ended || argument[0] != '-' || argument[1] == '\0') {
            operands->names[operands->count++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            ended = true;
        } else {
            const OptionsResult result =
                read_option(command, table, count, arguments, &at, values, given);
            if (result != OPTIONS_READ) return result;
        }
    }
    return OPTIONS_READ;
}
