/* Weka's .arff files: numeric attributes are the steps of one feature; a relational attribute holds
 * a row of steps for each feature, as the archives of multivariate series use it. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"
#include "data/labelled.h"
#include "data/lines.h"

typedef enum ArffType { ARFF_NUMBER, ARFF_CLASS, ARFF_RELATION } ArffType;

typedef struct ArffFile {
    LabelledReading *reading;
    size_t line;
    ArffType *types; /* of the attributes: [count] */
    size_t count, capacity;
    size_t numbers, classes, relations; /* attributes of each type */
    size_t steps;                       /* attributes of the relation */
    bool in_relation, in_data;
    Names labels; /* that the attribute of classes lists */
    char *text;   /* a value without its quotes */
    size_t text_room;
    LabelledRow row; /* numbers of the sequence, [feature][step] for a relation */
    float *values;   /* [step][feature] */
    size_t value_capacity;
} ArffFile;

/* A value: what stands between its quotes, with escapes in it. */
typedef struct ArffValue {
    Span text;
    bool quoted;
} ArffValue;

static elman_status refuse(const ArffFile *file, const char *what, Span found,
                           const char *expected) {
    return fail(file->reading->error, ELMAN_ERR_FORMAT, "%s:%zu: %s \"%.*s\", expected %s",
                file->reading->name, file->line, what, span_shown(found), found.text, expected);
}

/* Cuts a value from the front of `rest`, up to `end`. */
static elman_status cut_value(const ArffFile *file, Span *rest, const char *ends,
                              ArffValue *value) {
    const Span from = *rest = span_trim(*rest);
    const char quote =
        from.size > 0 && (from.text[0] == '\'' || from.text[0] == '"') ? from.text[0] : '\0';
    size_t at = quote ? 1 : 0;
    for (; at < from.size; at++) {
        if (quote && from.text[at] == '\\' && at + 1 < from.size)
            at++;
        else if (quote ? from.text[at] == quote : strchr(ends, from.text[at]) != NULL)
            break;
    }
    if (quote && at >= from.size) return refuse(file, "no quote closes", from, "one");
    value->quoted = quote != '\0';
    value->text = span_trim((Span){from.text + (quote ? 1 : 0), at - (quote ? 1 : 0)});
    at += quote ? 1 : 0;
    *rest = span_trim((Span){from.text + at, from.size - at});
    return ELMAN_OK;
}

/* Takes the escapes out of a value; it is valid until the next one. */
static elman_status unescape(ArffFile *file, Span *text) {
    char *const room =
        memory_grow(file->reading->memory, file->text, 0, text->size + 1, &file->text_room, 1);
    if (!room) return labelled_no_memory(file->reading);
    file->text = room;
    size_t used = 0;
    for (size_t i = 0; i < text->size; i++) {
        if (text->text[i] == '\\' && i + 1 < text->size) i++;
        room[used++] = text->text[i];
    }
    *text = (Span){room, used};
    return ELMAN_OK;
}

/* The labels between braces. */
static elman_status read_classes(ArffFile *file, Span rest) {
    ArffValue value;
    size_t index;
    rest = span_trim((Span){rest.text + 1, rest.size - 1});
    for (;;) {
        elman_status status = cut_value(file, &rest, ",}", &value);
        if (!status) status = unescape(file, &value.text);
        if (status) return status;
        if (!names_add(&file->labels, value.text.text, value.text.size, &index))
            return labelled_no_memory(file->reading);
        if (rest.size > 0 && rest.text[0] == '}') return ELMAN_OK;
        if (rest.size == 0 || rest.text[0] != ',')
            return refuse(file, "the list of classes goes on with", rest, "a comma or a brace");
        rest = (Span){rest.text + 1, rest.size - 1};
    }
}

static elman_status add_attribute(ArffFile *file, ArffType type) {
    ArffType *const types = memory_grow(file->reading->memory, file->types, file->count, 1,
                                        &file->capacity, sizeof *types);
    if (!types) return labelled_no_memory(file->reading);
    file->types = types;
    types[file->count++] = type;
    file->numbers += type == ARFF_NUMBER;
    file->classes += type == ARFF_CLASS;
    file->relations += type == ARFF_RELATION;
    return ELMAN_OK;
}

static elman_status read_attribute(ArffFile *file, Span rest) {
    ArffValue name;
    Span words, word;
    elman_status status = cut_value(file, &rest, " \t{", &name);
    if (status) return status;
    words = rest;
    (void)span_word(&words, &word);
    if (span_is(word, "numeric") || span_is(word, "real") || span_is(word, "integer")) {
        if (!file->in_relation) return add_attribute(file, ARFF_NUMBER);
        file->steps++;
        return ELMAN_OK;
    }
    if (rest.size > 0 && rest.text[0] == '{' && !file->in_relation) {
        if (file->classes > 0)
            return refuse(file, "a second attribute with a list of classes is", name.text,
                          "one, the label");
        status = add_attribute(file, ARFF_CLASS);
        return status ? status : read_classes(file, rest);
    }
    if (span_is(word, "relational") && !file->in_relation) {
        file->in_relation = true;
        return add_attribute(file, ARFF_RELATION);
    }
    return refuse(file, "an attribute is of type", word,
                  file->in_relation ? "numeric" : "numeric, relational or a list of classes");
}

static elman_status check_header(const ArffFile *file) {
    const LabelledReading *const reading = file->reading;
    if (file->relations > 1 || (file->relations == 1) == (file->numbers > 0) ||
        (file->relations == 1 && file->steps == 0))
        return fail(
            reading->error, ELMAN_ERR_FORMAT,
            "%s:%zu: has %zu numeric and %zu relational attributes, expected numeric ones or "
            "one relational one that has some",
            reading->name, file->line, file->numbers, file->relations);
    if (file->classes == 0 && reading->options.need == ELMAN_LABELS_REQUIRED)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has no labels: no attribute lists classes", reading->name, file->line);
    return ELMAN_OK;
}

static elman_status read_header(ArffFile *file, Span line) {
    Span word;
    (void)span_word(&line, &word);
    if (span_is(word, "@attribute")) return read_attribute(file, line);
    if (span_is(word, "@end") && file->in_relation) {
        file->in_relation = false;
    } else if (span_is(word, "@data") && !file->in_relation) {
        file->in_data = true;
        return check_header(file);
    } else if (!span_is(word, "@relation")) {
        return refuse(file, "a line begins with", word, "@attribute, @end or @data");
    }
    return ELMAN_OK;
}

static elman_status add_number(ArffFile *file, Span text) {
    LabelledReading *const reading = file->reading;
    float number;
    if (text.size == 0 || !span_number(text, &number))
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: number %zu is \"%.*s\", expected a number or ?", reading->name,
                    file->line, file->row.count + 1, span_shown(text), text.text);
    return labelled_row_add(reading, &file->row, number);
}

/* The rows of a relation, each a feature, with a backslash and an n between them. */
static elman_status read_relation(ArffFile *file, Span rest) {
    elman_status status = ELMAN_OK;
    while (!status && rest.text) {
        Span row = rest, field;
        const size_t before = file->row.count;
        rest = (Span){NULL, 0};
        for (size_t i = 0; i + 1 < row.size && !rest.text; i++) {
            if (row.text[i] != '\\' || row.text[i + 1] != 'n') continue;
            rest = (Span){row.text + i + 2, row.size - i - 2};
            row.size = i;
        }
        while (!status && span_cut(&row, ',', &field)) status = add_number(file, span_trim(field));
        if (!status && file->row.count - before != file->steps)
            return fail(file->reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: a row of the relation has %zu numbers, expected %zu",
                        file->reading->name, file->line, file->row.count - before, file->steps);
    }
    return status;
}

static elman_status read_class(ArffFile *file, const ArffValue *value, int32_t *label) {
    Span text = value->text;
    size_t index;
    elman_status status = unescape(file, &text);
    if (status) return status;
    if ((value->quoted || !span_is(text, "?")) &&
        !names_find(&file->labels, text.text, text.size, &index))
        return refuse(file, "the label is", text, "one that its attribute lists");
    return labelled_find_label(file->reading, text.text, text.size, file->line, label);
}

/* Makes the rows of a relation steps; those at the end that lack all numbers do not count. */
static elman_status add_relation(ArffFile *file) {
    LabelledReading *const reading = file->reading;
    const size_t features = file->row.count / file->steps;
    const float *const rows = file->row.values;
    size_t length = 0;
    if (reading->data->features == 0) reading->data->features = features;
    if (features != reading->data->features)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: the relation has %zu rows, expected %zu as before", reading->name,
                    file->line, features, reading->data->features);
    float *const values = memory_grow(reading->memory, file->values, 0, file->row.count,
                                      &file->value_capacity, sizeof *values);
    if (!values) return labelled_no_memory(reading);
    file->values = values;
    for (size_t t = 0; t < file->steps; t++)
        for (size_t k = 0; k < features; k++) {
            const float number = rows[k * file->steps + t];
            values[t * features + k] = number;
            if (!isnan(number)) length = t + 1;
        }
    if (length == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: has no numbers, expected a sequence",
                    reading->name, file->line);
    for (size_t i = 0; !reading->options.interpolate && i < length * features; i++)
        if (isnan(values[i]))
            return fail(reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: number %zu of row %zu of the relation is missing", reading->name,
                        file->line, i / features + 1, i % features + 1);
    file->row.count = 0;
    const elman_status status = labelled_begin(reading, file->line);
    return status ? status : labelled_append(reading, values, length);
}

static elman_status read_values(ArffFile *file, Span rest, int32_t *label) {
    for (size_t i = 0; i < file->count; i++) {
        ArffValue value;
        elman_status status = cut_value(file, &rest, ",", &value);
        if (!status && file->types[i] == ARFF_NUMBER) status = add_number(file, value.text);
        if (!status && file->types[i] == ARFF_RELATION) status = read_relation(file, value.text);
        if (!status && file->types[i] == ARFF_CLASS) status = read_class(file, &value, label);
        if (status) return status;
        const bool more = rest.size > 0;
        if (more != (i + 1 < file->count) || (more && rest.text[0] != ','))
            return fail(file->reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: value %zu is followed by \"%.*s\", expected %s",
                        file->reading->name, file->line, i + 1, span_shown(rest), rest.text,
                        i + 1 < file->count ? "a comma and the next one" : "the end of the line");
        if (more) rest = (Span){rest.text + 1, rest.size - 1};
    }
    return ELMAN_OK;
}

static elman_status read_row(ArffFile *file, Span line) {
    LabelledReading *const reading = file->reading;
    int32_t label = -1;
    if (line.text[0] == '{')
        return fail(reading->error, ELMAN_ERR_UNSUPPORTED,
                    "%s:%zu: a row of sparse data, expected all values with commas between them",
                    reading->name, file->line);
    elman_status status = read_values(file, line, &label);
    if (!status)
        status = file->relations > 0 ? add_relation(file)
                                     : labelled_row_end(reading, &file->row, NULL, file->line);
    if (!status) reading->data->sequences[reading->data->count - 1].label = label;
    return status;
}

elman_status labelled_read_arff(LabelledReading *reading, const char *text, size_t size) {
    ArffFile file = {.reading = reading, .labels = {.memory = reading->memory}};
    Lines lines = lines_begin(text, size);
    elman_status status = ELMAN_OK;
    Span line;
    reading->data->kind = ELMAN_LABELLED_NUMBERS;
    reading->data->format = "arff";
    while (!status && lines_next(&lines, &line)) {
        line = span_trim(line);
        file.line = lines.line;
        if (line.size == 0 || line.text[0] == '%') continue;
        if (file.in_data) {
            status = read_row(&file, line);
            continue;
        }
        status = read_header(&file, line);
        /* A relation's rows are the features; there are as many as its first value has. */
        if (file.in_data && file.relations == 0)
            reading->data->features = reading->options.step_features;
    }
    if (!status && !file.in_data)
        status = fail(reading->error, ELMAN_ERR_FORMAT, "%s: has no line @data", reading->name);
    names_release(&file.labels);
    memory_release(reading->memory, file.types);
    memory_release(reading->memory, file.text);
    memory_release(reading->memory, file.row.values);
    memory_release(reading->memory, file.values);
    return status;
}
