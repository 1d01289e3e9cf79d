/* Labelled sequences: opens a file, finds out its format, and answers for what was read. */
#include "data/labelled.h"

#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/options.h"
#include "data/lines.h"
#include "formats/rdata_inflate.h"

#define LABELLED_FILE_MAX ((size_t)1 << 32) /* bytes */

typedef elman_status (*LabelledReader)(LabelledReading *reading, const char *text, size_t size);

/* The first line that is neither empty nor a comment of .ts or .arff. */
static Span first_line(const char *text, size_t size) {
    Lines lines = lines_begin(text, size);
    Span line;
    while (lines_next(&lines, &line)) {
        line = span_trim(line);
        if (line.size > 0 && line.text[0] != '#' && line.text[0] != '%') return line;
    }
    return (Span){text, 0};
}

/* UCR: numbers with tabs between them, two at least. */
static bool is_ucr(Span line) {
    Span field;
    size_t count = 0;
    float value;
    for (; span_cut(&line, '\t', &field); count++)
        if (!span_number(field, &value) || (count == 0 && span_trim(field).size == 0)) return false;
    return count >= 2;
}

static LabelledReader find_reader(const LabelledReading *reading, const char *text, size_t size) {
    if (reading->options.kind == ELMAN_LABELLED_TOKENS) return labelled_read_tokens;
    if (reading->options.kind == ELMAN_LABELLED_TEXT) return labelled_read_table;
    Span line = first_line(text, size), word;
    if (line.size > 0 && line.text[0] == '@') {
        (void)span_word(&line, &word);
        return span_is(word, "@relation") || span_is(word, "@attribute") ? labelled_read_arff
                                                                         : labelled_read_ts;
    }
    return is_ucr(line) ? labelled_read_ucr : labelled_read_table;
}

static elman_status check_options(const elman_labelled_options *options, elman_error *error) {
    if (options->kind < ELMAN_LABELLED_ANY || options->kind > ELMAN_LABELLED_TOKENS)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_labelled_options: kind is %d, expected one "
                    "of elman_labelled_kind",
                    (int)options->kind);
    if (options->need < ELMAN_LABELS_REQUIRED || options->need > ELMAN_LABELS_IGNORED)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_labelled_options: need is %d, expected one "
                    "of elman_label_need",
                    (int)options->need);
    if (options->kind == ELMAN_LABELLED_NUMBERS && options->text)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "a column of texts (\"%s\") was named, but numbers "
                    "were asked for",
                    options->text);
    return ELMAN_OK;
}

/* The model's labels, in its order. */
static elman_status take_labels(LabelledReading *reading) {
    for (size_t i = 0; reading->options.labels && i < reading->options.label_count; i++) {
        const char *const label = reading->options.labels[i];
        size_t index;
        if (!names_add(&reading->data->labels, label, strlen(label), &index))
            return labelled_no_memory(reading);
        if (index < i)
            return fail(reading->error, ELMAN_ERR_ARGUMENT, "the label \"%s\" is given twice",
                        label);
    }
    return ELMAN_OK;
}

static elman_status begin(elman_context *context, const char *name,
                          const elman_labelled_options *options, LabelledReading *reading,
                          elman_error *error) {
    Memory *const memory = &context->memory;
    *reading = (LabelledReading){.memory = memory, .name = name, .error = error};
    elman_status status = options_read(&reading->options, sizeof reading->options, options,
                                       "elman_labelled_options", error);
    if (!status) status = check_options(&reading->options, error);
    if (status) return status;
    if (reading->options.step_features == 0) reading->options.step_features = 1;
    reading->data = memory_allocate(memory, sizeof *reading->data);
    if (!reading->data) return labelled_no_memory(reading);
    reading->data->memory = *memory;
    Names *const names[] = {&reading->data->tokens, &reading->data->ids, &reading->data->labels,
                            &reading->data->columns};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        names[i]->memory = &reading->data->memory;
    return take_labels(reading);
}

/* What gzip packed is unpacked first. */
static elman_status read_bytes(LabelledReading *reading, const unsigned char *bytes, size_t size) {
    const RdataPlace place = {.file = reading->name};
    unsigned char *unpacked = NULL;
    elman_status status = ELMAN_OK;
    if (size >= 3 && memcmp(bytes, "\x1F\x8B\x08", 3) == 0) {
        status = rdata_inflate(reading->memory, &place, bytes, size, size, &unpacked, &size,
                               reading->error);
        bytes = unpacked;
    }
    if (!status) {
        const char *const text = (const char *)bytes;
        status = find_reader(reading, text, size)(reading, text, size);
    }
    if (!status) status = labelled_finish(reading);
    memory_release(reading->memory, unpacked);
    return status;
}

/* Standard input or a file, R's read by their own reader. */
static elman_status read_path(LabelledReading *reading, const char *path) {
    unsigned char *bytes = NULL;
    size_t size;
    if (labelled_is_r(path)) return labelled_read_r(reading, path);
    elman_status status = file_read(reading->memory, strcmp(path, "-") == 0 ? "/dev/stdin" : path,
                                    LABELLED_FILE_MAX, &bytes, &size, reading->error);
    if (!status) status = read_bytes(reading, bytes, size);
    memory_release(reading->memory, bytes);
    return status;
}

elman_status elman_labelled_load(elman_context *context, const char *path,
                                 const elman_labelled_options *options, elman_labelled **out,
                                 elman_error *error) {
    const bool standard = strcmp(path, "-") == 0;
    LabelledReading reading;
    *out = NULL;
    elman_status status =
        begin(context, standard ? "standard input" : path, options, &reading, error);
    if (!status) status = read_path(&reading, path);
    if (status)
        elman_labelled_destroy(reading.data);
    else
        *out = reading.data;
    return status;
}

elman_status elman_labelled_from_memory(elman_context *context, const char *name, const void *bytes,
                                        size_t size, const elman_labelled_options *options,
                                        elman_labelled **out, elman_error *error) {
    LabelledReading reading;
    *out = NULL;
    elman_status status = begin(context, name, options, &reading, error);
    if (!status) status = read_bytes(&reading, bytes, size);
    if (status)
        elman_labelled_destroy(reading.data);
    else
        *out = reading.data;
    return status;
}

void elman_labelled_destroy(elman_labelled *data) {
    if (!data) return;
    Memory memory = data->memory;
    names_release(&data->tokens);
    names_release(&data->ids);
    names_release(&data->labels);
    names_release(&data->columns);
    void *const blocks[] = {data->sequences,    data->values,      data->text,
                            data->steps,        data->step_labels, data->text_column,
                            data->label_column, data->id_column,   data};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) memory_release(&memory, blocks[i]);
}

elman_labelled_kind elman_labelled_get_kind(const elman_labelled *data) {
    return data->kind;
}

const char *elman_labelled_format(const elman_labelled *data) {
    return data->format;
}

size_t elman_labelled_count(const elman_labelled *data) {
    return data->count;
}

size_t elman_labelled_length(const elman_labelled *data, size_t index) {
    return data->sequences[index].length;
}

size_t elman_labelled_features(const elman_labelled *data) {
    return data->features;
}

const float *elman_labelled_values(const elman_labelled *data, size_t index) {
    if (data->kind != ELMAN_LABELLED_NUMBERS) return NULL;
    return data->values + data->sequences[index].first * data->features;
}

const char *elman_labelled_text(const elman_labelled *data, size_t index) {
    return data->kind == ELMAN_LABELLED_TEXT ? data->text + data->sequences[index].first : NULL;
}

const char *elman_labelled_token(const elman_labelled *data, size_t index, size_t step) {
    if (data->kind != ELMAN_LABELLED_TOKENS) return NULL;
    return names_text(&data->tokens, (size_t)data->steps[data->sequences[index].first + step]);
}

int elman_labelled_has_labels(const elman_labelled *data) {
    return data->has_labels;
}

int32_t elman_labelled_label(const elman_labelled *data, size_t index) {
    return data->sequences[index].label;
}

const int32_t *elman_labelled_labels(const elman_labelled *data, size_t index) {
    if (data->kind != ELMAN_LABELLED_TOKENS) return NULL;
    return data->step_labels + data->sequences[index].first;
}

size_t elman_labelled_label_count(const elman_labelled *data) {
    return data->labels.count;
}

const char *elman_labelled_label_name(const elman_labelled *data, size_t label) {
    return names_text(&data->labels, label);
}

const char *elman_labelled_id(const elman_labelled *data, size_t index) {
    return names_text(&data->ids, index);
}

size_t elman_labelled_line(const elman_labelled *data, size_t index) {
    return data->sequences[index].line;
}

const char *elman_labelled_text_column(const elman_labelled *data) {
    return data->text_column;
}

const char *elman_labelled_label_column(const elman_labelled *data) {
    return data->label_column;
}

const char *elman_labelled_id_column(const elman_labelled *data) {
    return data->id_column;
}

size_t elman_labelled_column_count(const elman_labelled *data) {
    return data->columns.count;
}

const char *elman_labelled_column(const elman_labelled *data, size_t column) {
    return names_text(&data->columns, column);
}

const char *elman_labelled_digest(const elman_labelled *data) {
    return data->digest;
}
