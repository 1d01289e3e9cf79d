/* The .ts files of sktime and aeon: a header of @ lines, then a sequence a line, its dimensions
 * with colons between them and its label behind the last. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include "data/labelled.h"
#include "data/lines.h"

/* What the header says. */
typedef struct TsFile {
    LabelledReading *reading;
    size_t line;
    size_t dimensions; /* 0: not said */
    size_t length;     /* of all; 0: not said */
    bool classes_said, has_classes;
    bool in_data;
    Names classes;   /* none: not said */
    float *values;   /* of one sequence: [dimension][length] */
    size_t capacity; /* of both */
    float *steps;    /* [length][dimension] */
    size_t step_capacity;
} TsFile;

static elman_status refuse(const TsFile *file, const char *what, Span found, const char *expected) {
    return fail(file->reading->error, ELMAN_ERR_FORMAT, "%s:%zu: %s is \"%.*s\", expected %s",
                file->reading->name, file->line, what, span_shown(found), found.text, expected);
}

static elman_status read_flag(const TsFile *file, const char *what, Span rest, bool *flag) {
    Span word;
    (void)span_word(&rest, &word);
    *flag = span_is(word, "true");
    return *flag || span_is(word, "false") ? ELMAN_OK : refuse(file, what, word, "true or false");
}

static elman_status read_count(const TsFile *file, const char *what, Span rest, size_t *count) {
    const Span word = span_trim(rest);
    size_t value = 0;
    for (size_t i = 0; i < word.size; i++) {
        if (word.text[i] < '0' || word.text[i] > '9' || i > 8)
            return refuse(file, what, word, "a whole number");
        value = value * 10 + (size_t)(word.text[i] - '0');
    }
    if (value == 0) return refuse(file, what, word, "a whole number above 0");
    *count = value;
    return ELMAN_OK;
}

static elman_status read_classes(TsFile *file, Span rest) {
    Span word;
    elman_status status = read_flag(file, "@classLabel", rest, &file->has_classes);
    (void)span_word(&rest, &word);
    file->classes_said = true;
    while (!status && file->has_classes && span_word(&rest, &word)) {
        size_t index;
        if (!names_add(&file->classes, word.text, word.size, &index))
            return labelled_no_memory(file->reading);
    }
    return status;
}

/* What does not matter here is passed over, as a reader of this format does. */
static elman_status read_header(TsFile *file, Span line) {
    elman_error *const error = file->reading->error;
    elman_status status = ELMAN_OK;
    bool flag = false;
    Span word;
    (void)span_word(&line, &word);
    if (span_is(word, "@timestamps")) {
        status = read_flag(file, "@timeStamps", line, &flag);
        if (!status && flag)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s:%zu: the numbers have time stamps, expected @timeStamps false",
                        file->reading->name, file->line);
    } else if (span_is(word, "@univariate")) {
        status = read_flag(file, "@univariate", line, &flag);
        if (flag) file->dimensions = 1;
    } else if (span_is(word, "@dimensions") || span_is(word, "@dimension")) {
        status = read_count(file, "@dimensions", line, &file->dimensions);
    } else if (span_is(word, "@serieslength")) {
        status = read_count(file, "@seriesLength", line, &file->length);
    } else if (span_is(word, "@classlabel")) {
        status = read_classes(file, line);
    } else if (span_is(word, "@targetlabel")) {
        status = read_flag(file, "@targetLabel", line, &flag);
        if (!status && flag)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s:%zu: each sequence has a number to predict (@targetLabel), expected "
                        "@classLabel",
                        file->reading->name, file->line);
    } else if (span_is(word, "@data")) {
        file->in_data = true;
    } else if (word.size == 0 || word.text[0] != '@') {
        status = refuse(file, "a line before @data", word, "one that begins with @");
    }
    return status;
}

/* Once @data is reached. */
static elman_status check_header(const TsFile *file) {
    if (!file->classes_said)
        return fail(file->reading->error, ELMAN_ERR_FORMAT,
                    "%s:%zu: @data comes before @classLabel", file->reading->name, file->line);
    if (!file->has_classes && file->reading->options.need == ELMAN_LABELS_REQUIRED)
        return fail(file->reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: the sequences have no labels (@classLabel false)", file->reading->name,
                    file->line);
    return ELMAN_OK;
}

/* Appends one dimension to file->values, behind those of `used` numbers. */
static elman_status read_dimension(TsFile *file, Span part, size_t dimension, size_t used,
                                   size_t *length) {
    LabelledReading *const reading = file->reading;
    Span field;
    *length = 0;
    while (span_cut(&part, ',', &field)) {
        float *const larger = memory_grow(reading->memory, file->values, used + *length, 1,
                                          &file->capacity, sizeof *larger);
        if (!larger) return labelled_no_memory(reading);
        file->values = larger;
        float *const value = &larger[used + *length];
        if (span_trim(field).size == 0 || !span_number(field, value))
            return fail(reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: number %zu of dimension %zu is \"%.*s\", expected a number or ?",
                        reading->name, file->line, *length + 1, dimension + 1, span_shown(field),
                        field.text);
        if (isnan(*value) && !reading->options.interpolate)
            return fail(reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: number %zu of dimension %zu is missing", reading->name, file->line,
                        *length + 1, dimension + 1);
        (*length)++;
    }
    return ELMAN_OK;
}

/* Makes the numbers [dimensions][length] a sequence. */
static elman_status add_sequence(TsFile *file, size_t dimensions, size_t length, int32_t label) {
    LabelledReading *const reading = file->reading;
    reading->data->features = dimensions;
    float *const steps = memory_grow(reading->memory, file->steps, 0, dimensions * length,
                                     &file->step_capacity, sizeof *steps);
    if (!steps) return labelled_no_memory(reading);
    file->steps = steps;
    for (size_t k = 0; k < dimensions; k++)
        for (size_t t = 0; t < length; t++)
            steps[t * dimensions + k] = file->values[k * length + t];
    elman_status status = labelled_begin(reading, file->line);
    if (!status) status = labelled_append(reading, steps, length);
    if (!status) reading->data->sequences[reading->data->count - 1].label = label;
    return status;
}

static elman_status read_label(TsFile *file, Span text, int32_t *label) {
    size_t index;
    text = span_trim(text);
    if (file->classes.count > 0 && text.size > 0 && !span_is(text, "?") &&
        !names_find(&file->classes, text.text, text.size, &index))
        return refuse(file, "the label", text, "one of those of @classLabel");
    return labelled_find_label(file->reading, text.text, text.size, file->line, label);
}

static elman_status check_shape(const TsFile *file, size_t dimensions, size_t length) {
    const LabelledReading *const reading = file->reading;
    const size_t others = reading->data->features;
    if (dimensions == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: has a label and no numbers",
                    reading->name, file->line);
    if (file->dimensions != 0 && dimensions != file->dimensions)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu dimensions, expected %zu as the header says", reading->name,
                    file->line, dimensions, file->dimensions);
    if (others != 0 && dimensions != others)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu dimensions, expected %zu as before", reading->name, file->line,
                    dimensions, others);
    if (file->length != 0 && length != file->length)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu steps, expected %zu as @seriesLength says", reading->name,
                    file->line, length, file->length);
    return ELMAN_OK;
}

static elman_status read_sequence(TsFile *file, Span rest) {
    size_t dimensions = 0, length = 0;
    int32_t label = -1;
    Span part;
    elman_status status = ELMAN_OK;
    while (!status && span_cut(&rest, ':', &part)) {
        size_t steps;
        if (!rest.text && file->has_classes) {
            status = read_label(file, part, &label);
            break;
        }
        status = read_dimension(file, part, dimensions, dimensions * length, &steps);
        if (!status && dimensions > 0 && steps != length)
            return fail(file->reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: dimension %zu has %zu steps, expected %zu as dimension 1 has",
                        file->reading->name, file->line, dimensions + 1, steps, length);
        length = steps;
        dimensions++;
    }
    if (!status) status = check_shape(file, dimensions, length);
    if (!status) status = add_sequence(file, dimensions, length, label);
    return status;
}

elman_status labelled_read_ts(LabelledReading *reading, const char *text, size_t size) {
    TsFile file = {.reading = reading, .classes = {.memory = reading->memory}};
    Lines lines = lines_begin(text, size);
    elman_status status = ELMAN_OK;
    Span line;
    reading->data->kind = ELMAN_LABELLED_NUMBERS;
    reading->data->format = "ts";
    while (!status && lines_next(&lines, &line)) {
        line = span_trim(line);
        file.line = lines.line;
        if (line.size == 0 || line.text[0] == '#' || line.text[0] == '%') continue;
        if (file.in_data) {
            status = read_sequence(&file, line);
        } else {
            status = read_header(&file, line);
            if (!status && file.in_data) status = check_header(&file);
        }
    }
    if (!status && !file.in_data)
        status = fail(reading->error, ELMAN_ERR_FORMAT, "%s: has no line @data", reading->name);
    names_release(&file.classes);
    memory_release(reading->memory, file.values);
    memory_release(reading->memory, file.steps);
    return status;
}
