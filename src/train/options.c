/* Reads the options of training, and writes them as JSON for a checkpoint. */
#include "train/options.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"

typedef enum OptionKind {
    OPTION_REAL,
    OPTION_NEW_REAL, /* of a later release than checkpoints: 0 is not written */
    OPTION_COUNT,
    OPTION_SIZE,
    OPTION_CHOICE
} OptionKind;

/* One member of elman_train_options. */
typedef struct OptionField {
    const char *name;
    OptionKind kind;
    size_t offset;
    const char *const *choices; /* CHOICE: the names of 0, 1, ... */
} OptionField;

static const char *const optimizers[] = {"adam", "adamw", "sgd", "rmsprop"};
static const char *const schedules[] = {"constant", "step", "cosine"};
static const char *const batchings[] = {"truncated", "independent"};

/* Everything but what the caller may change between two parts of a run. */
static const OptionField fields[] = {
    {"optimizer", OPTION_CHOICE, offsetof(elman_train_options, optimizer), optimizers},
    {"learning_rate", OPTION_REAL, offsetof(elman_train_options, learning_rate), NULL},
    {"momentum", OPTION_REAL, offsetof(elman_train_options, momentum), NULL},
    {"beta1", OPTION_REAL, offsetof(elman_train_options, beta1), NULL},
    {"beta2", OPTION_REAL, offsetof(elman_train_options, beta2), NULL},
    {"alpha", OPTION_REAL, offsetof(elman_train_options, alpha), NULL},
    {"epsilon", OPTION_REAL, offsetof(elman_train_options, epsilon), NULL},
    {"weight_decay", OPTION_REAL, offsetof(elman_train_options, weight_decay), NULL},
    {"clip_norm", OPTION_REAL, offsetof(elman_train_options, clip_norm), NULL},
    {"clip_value", OPTION_REAL, offsetof(elman_train_options, clip_value), NULL},
    {"schedule", OPTION_CHOICE, offsetof(elman_train_options, schedule), schedules},
    {"warmup_steps", OPTION_COUNT, offsetof(elman_train_options, warmup_steps), NULL},
    {"schedule_steps", OPTION_COUNT, offsetof(elman_train_options, schedule_steps), NULL},
    {"schedule_factor", OPTION_REAL, offsetof(elman_train_options, schedule_factor), NULL},
    {"seed", OPTION_COUNT, offsetof(elman_train_options, seed), NULL},
    {"window", OPTION_SIZE, offsetof(elman_train_options, window), NULL},
    {"batch", OPTION_SIZE, offsetof(elman_train_options, batch), NULL},
    {"independent", OPTION_CHOICE, offsetof(elman_train_options, independent), batchings},
    {"epochs", OPTION_COUNT, offsetof(elman_train_options, epochs), NULL},
    {"max_steps", OPTION_COUNT, offsetof(elman_train_options, max_steps), NULL},
    {"patience", OPTION_COUNT, offsetof(elman_train_options, patience), NULL},
    {"validate_steps", OPTION_COUNT, offsetof(elman_train_options, validate_steps), NULL},
    {"average", OPTION_NEW_REAL, offsetof(elman_train_options, average), NULL},
};
enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const void *field_of(const elman_train_options *options, const OptionField *field) {
    return (const char *)options + field->offset;
}

static bool is_left_out(const elman_train_options *options, const OptionField *field) {
    return field->kind == OPTION_NEW_REAL && *(const double *)field_of(options, field) == 0.0;
}

static void set_defaults(elman_train_options *options) {
    if (options->beta1 == 0.0) options->beta1 = 0.9;
    if (options->beta2 == 0.0) options->beta2 = 0.999;
    if (options->alpha == 0.0) options->alpha = 0.99;
    if (options->epsilon == 0.0) options->epsilon = 1e-8;
    if (options->schedule == ELMAN_SCHEDULE_STEP && options->schedule_factor == 0.0)
        options->schedule_factor = 0.1;
    if (options->window == 0) options->window = 100;
    if (options->batch == 0) options->batch = 32;
    options->independent = options->independent != 0;
}

/* A range that a real option must lie in. */
typedef struct OptionRange {
    const char *name;
    double value, low, high; /* low <= value < high */
    const char *expected;
} OptionRange;

static elman_status check_ranges(const elman_train_options *o, elman_error *error) {
    const OptionRange ranges[] = {
        {"learning_rate", o->learning_rate, DBL_MIN, FLT_MAX, "a number above 0"},
        {"momentum", o->momentum, 0.0, 1.0, "0 <= momentum < 1"},
        {"beta1", o->beta1, 0.0, 1.0, "0 <= beta1 < 1"},
        {"beta2", o->beta2, 0.0, 1.0, "0 <= beta2 < 1"},
        {"alpha", o->alpha, 0.0, 1.0, "0 <= alpha < 1"},
        {"epsilon", o->epsilon, FLT_MIN, FLT_MAX, "a number of at least 1.2e-38"},
        {"weight_decay", o->weight_decay, 0.0, FLT_MAX, "0 or more"},
        {"clip_norm", o->clip_norm, 0.0, FLT_MAX, "0 (no clipping) or more"},
        {"clip_value", o->clip_value, 0.0, FLT_MAX, "0 (no clipping) or more"},
        {"schedule_factor", o->schedule_factor, 0.0, FLT_MAX, "0 or more"},
        {"average", o->average, 0.0, 1.0, "0 <= average < 1"},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (!(ranges[i].value >= ranges[i].low && ranges[i].value < ranges[i].high))
            return fail(error, ELMAN_ERR_ARGUMENT, "elman_train_options: %s is %g, expected %s",
                        ranges[i].name, ranges[i].value, ranges[i].expected);
    return ELMAN_OK;
}

static bool is_json_object(const char *text) {
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const bool object = json_is_object(value);
    json_decref(value);
    return object;
}

elman_status train_options_read(elman_train_options *options, const elman_train_options *given,
                                elman_error *error) {
    elman_status status =
        options_read(options, sizeof(*options), given, "elman_train_options", error);
    if (status != ELMAN_OK) return status;
    set_defaults(options);
    if ((unsigned)options->optimizer > ELMAN_OPTIMIZER_RMSPROP)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: optimizer is %d, expected 0 to 3",
                    (int)options->optimizer);
    if ((unsigned)options->schedule > ELMAN_SCHEDULE_COSINE)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: schedule is %d, expected 0 to 2", (int)options->schedule);
    if (options->schedule == ELMAN_SCHEDULE_STEP && options->schedule_steps == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: schedule_steps is 0, a step schedule needs its period");
    if (options->description != NULL && !is_json_object(options->description))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: description is not a JSON object");
    if (options->description != NULL && strlen(options->description) > DESCRIPTION_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_train_options: description has %zu bytes, expected at most %d",
                    strlen(options->description), DESCRIPTION_MAX);
    return check_ranges(options, error);
}

/* JSON's integers here have 63 bits: a larger number becomes a string. */
static json_t *count_to_json(uint64_t count) {
    if (count <= INT64_MAX) return json_integer((json_int_t)count);
    return json_sprintf("%llu", (unsigned long long)count);
}

static json_t *field_to_json(const elman_train_options *options, const OptionField *field) {
    const void *at = field_of(options, field);
    switch (field->kind) {
    case OPTION_REAL:
    case OPTION_NEW_REAL:
        return json_real(*(const double *)at);
    case OPTION_CHOICE:
        return json_string(field->choices[*(const int *)at]);
    case OPTION_SIZE:
        return count_to_json(*(const size_t *)at);
    case OPTION_COUNT:
        break;
    }
    return count_to_json(*(const uint64_t *)at);
}

json_t *train_options_to_json(const elman_train_options *options) {
    json_t *object = json_object();
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (is_left_out(options, &fields[i])) continue;
        if (json_object_set_new(object, fields[i].name, field_to_json(options, &fields[i])) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The value as a person would write it, cut to fit. */
static void value_text(const json_t *value, char text[64]) {
    if (json_is_string(value)) {
        (void)snprintf(text, 64, "%s", json_string_value(value));
        return;
    }
    const size_t size = json_dumpb(value, text, 63, JSON_ENCODE_ANY);
    text[size < 63 ? size : 63] = '\0';
}

elman_status train_options_compare(const elman_train_options *options, const json_t *stored,
                                   const char *name, elman_error *error) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; status == ELMAN_OK && i < FIELD_COUNT; i++) {
        const json_t *then = json_object_get(stored, fields[i].name);
        if (then == NULL && is_left_out(options, &fields[i])) continue;
        json_t *now = field_to_json(options, &fields[i]);
        if (now == NULL) {
            status = fail(error, ELMAN_ERR_MEMORY, "%s: no memory to compare options", name);
        } else if (!json_equal(now, then)) {
            char now_text[64], then_text[64];
            value_text(now, now_text);
            const bool none = fields[i].kind == OPTION_NEW_REAL;
            (void)snprintf(then_text, sizeof(then_text), "%s", none ? "0" : "missing");
            if (then != NULL) value_text(then, then_text);
            status = fail(error, ELMAN_ERR_MISMATCH, "%s: its run has %s %s, this one %s", name,
                          fields[i].name, then_text, now_text);
        }
        json_decref(now);
    }
    return status;
}
