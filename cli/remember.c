/* Describes a run, and goes back to what was described. */
#include "remember.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "message.h"

enum { FILES_NAMED = 20, VALUE_MAX = 512 };

/* The value as one would type it, of any length; NULL for a flag that is off and for what was not
 * given. */
static const char *value_word(const Option *option, const void *values, char text[VALUE_MAX]) {
    if (option->type == OPTION_TEXT) return *(const char *const *)option_value(option, values);
    return option_print(option, values, text, VALUE_MAX) ? text : NULL;
}

static json_t *value_to_json(const Option *option, const void *values) {
    const void *place = option_value(option, values);
    char text[VALUE_MAX];
    switch (option->type) {
    case OPTION_FLAG:
        return json_boolean(*(const bool *)place);
    case OPTION_COUNT:
        return json_count(*(const uint64_t *)place);
    case OPTION_REAL:
        return json_real(*(const double *)place);
    case OPTION_CHOICE:
    case OPTION_TEXT:
    case OPTION_FILE:
        break;
    }
    const char *word = value_word(option, values, text);
    return word ? json_text(word) : json_null();
}

/* The other way; false when `value` is of another type. A text is that of `value`, which must live
 * as long; what a file was called is not needed. */
static bool value_from_json(const Option *option, const json_t *value, void *values) {
    void *place = option_place(option, values);
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)place = json_is_true(value);
        return json_is_boolean(value);
    case OPTION_COUNT:
        *(uint64_t *)place = (uint64_t)json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case OPTION_REAL:
        *(double *)place = json_number_value(value);
        return json_is_number(value);
    case OPTION_CHOICE:
        for (int i = 0; json_is_string(value) && option->choices[i]; i++) {
            *(int *)place = i;
            if (strcmp(option->choices[i], json_string_value(value)) == 0) return true;
        }
        return false;
    case OPTION_TEXT:
        *(const char **)place = json_string_value(value);
        return json_is_string(value) || json_is_null(value);
    case OPTION_FILE:
        break;
    }
    return value != NULL;
}

static bool refuse(const Option *option, const json_t *now, const json_t *then, const char *path) {
    char *now_text = json_print(now, JSON_ENCODE_ANY);
    char *then_text = json_print(then, JSON_ENCODE_ANY);
    message("--%s is %s, but %s was started with %s", option->name, now_text, path, then_text);
    free(now_text);
    free(then_text);
    return false;
}

bool remember_restore(const Option *table, const json_t *description, const char *path,
                      const bool *given, void *values) {
    for (const Option *option = table; option->name; option++) {
        if (!option->remembered) continue;
        const json_t *then = json_look(description, "options", option->name);
        if (given[option - table] && then) {
            json_t *now = value_to_json(option, values);
            const bool same = json_equal(now, then) || refuse(option, now, then, path);
            json_decref(now);
            if (!same) return false;
        } else if (!then && option->later) {
            continue; /* if it was given, the library compares */
        } else if (!value_from_json(option, then, values)) {
            message("%s: holds no valid value for --%s", path, option->name);
            return false;
        }
    }
    return true;
}

/* One word of a shell's command line. */
static void print_word(FILE *stream, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+./,:=@%";
    if (*word && word[strspn(word, plain)] == '\0') {
        (void)fprintf(stream, " %s", word);
        return;
    }
    (void)fprintf(stream, " '");
    for (; *word; word++) (void)fprintf(stream, *word == '\'' ? "'\\''" : "%c", *word);
    (void)fprintf(stream, "'");
}

/* The command line that asks for these options: those that differ from the defaults. */
static json_t *command_line(const char *name, const Option *table, const void *values,
                            const void *defaults, const Operands *files) {
    char value_text[VALUE_MAX], standard_text[VALUE_MAX], *line = NULL;
    size_t size;
    FILE *stream = open_memstream(&line, &size);
    if (!stream) return json_null();
    (void)fprintf(stream, "%s", name);
    for (size_t i = 0; i < files->count && i < FILES_NAMED; i++) {
        print_word(stream, base_name(files->names[i]));
    }
    if (files->count > FILES_NAMED) (void)fprintf(stream, " ...");
    for (const Option *option = table; option->name; option++) {
        const char *value = value_word(option, values, value_text);
        if (!option->remembered || !value) continue;
        const char *standard = value_word(option, defaults, standard_text);
        if (standard && strcmp(value, standard) == 0) continue;
        (void)fprintf(stream, " --%s", option->name);
        if (option->type != OPTION_FLAG) print_word(stream, value);
    }
    json_t *text = fclose(stream) == 0 ? json_text(line) : json_null();
    free(line);
    return text;
}

static json_t *describe_options(const Option *table, const void *values) {
    json_t *options = json_object();
    for (const Option *option = table; option->name; option++) {
        if (option->remembered) json_put(options, option->name, value_to_json(option, values));
    }
    return options;
}

static json_t *describe_data(const RememberData *data) {
    json_t *object = json_object(), *names = json_array();
    for (size_t i = 0; i < data->files->count && i < FILES_NAMED; i++) {
        const char *name = data->files->names[i];
        json_append(names, json_text(strcmp(name, "-") == 0 ? "standard input" : base_name(name)));
    }
    json_put(object, "files", json_count(data->files->count));
    json_put(object, "names", names);
    json_put(object, "bytes", json_count(elman_text_bytes(data->text)));
    json_put(object, "characters", json_count(elman_text_length(data->text)));
    json_put(object, "sha256", json_text(elman_text_digest(data->text)));
    return object;
}

json_t *remember_number(double number) {
    char text[64];
    (void)snprintf(text, sizeof(text), "%.6f", number);
    return json_finite(strtod(text, NULL));
}

/* What one gets without a network, in nats: each character by its share of the training part (plus
 * one for each token), measured on the validation part where there is one, and by equal shares. */
static json_t *describe_baselines(const RememberData *data) {
    const size_t kinds = elman_vocabulary_size(data->vocabulary);
    const size_t length = elman_text_length(data->text);
    const size_t from = length - data->train_count > 1 ? data->train_count : 0;
    json_t *baselines = json_object();
    double nats = 0.0;
    double *counts = calloc(kinds, sizeof(*counts));
    if (counts) {
        for (size_t i = 0; i < data->train_count; i++) counts[data->tokens[i]] += 1.0;
        const double all = (double)data->train_count + (double)kinds;
        for (size_t i = from + 1; i < length; i++) {
            nats += log(all / (counts[data->tokens[i]] + 1.0));
        }
        nats /= (double)(length - from - 1);
    }
    json_put(baselines, "order_0", counts && length > 1 ? remember_number(nats) : json_null());
    json_put(baselines, "uniform", remember_number(log((double)kinds)));
    free(counts);
    return baselines;
}

json_t *remember_options(const char *name, const Option *table, const void *values,
                         const void *defaults, const Operands *operands) {
    json_t *description = json_object();
    json_put(description, "command", command_line(name, table, values, defaults, operands));
    json_put(description, "options", describe_options(table, values));
    return description;
}

json_t *remember_run(const char *name, const Option *table, const void *values,
                     const void *defaults, const RememberData *data) {
    json_t *description = remember_options(name, table, values, defaults, data->files);
    json_t *split = json_object();
    json_put(description, "data", describe_data(data));
    json_put(split, "train", json_count(data->train_count));
    json_put(split, "valid", json_count(elman_text_length(data->text) - data->train_count));
    json_put(split, "share", json_real(data->valid));
    json_put(description, "split", split);
    json_put(description, "baselines", describe_baselines(data));
    return description;
}

json_t *remember_result(json_t *description, const elman_train_result *result) {
    static const char *const stops[] = {"finished", "patience", "cancelled"};
    json_t *object = json_object();
    const double valid = result->validation_loss;
    json_put(object, "stop", json_text(stops[result->stop]));
    json_put(object, "steps", json_count(result->steps));
    json_put(object, "epochs", json_count(result->epochs));
    json_put(object, "best_step", json_count(result->best_step));
    json_put(object, "train_loss", remember_number(result->train_loss));
    json_put(object, "validation_loss", isfinite(valid) ? remember_number(valid) : json_null());
    json_put(description, "result", object);
    return object;
}
