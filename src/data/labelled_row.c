/* Sequences that a file has in one row, and UCR's files of nothing else. */
#include <math.h>

#include "core/fail.h"
#include "core/grow.h"
#include "data/labelled.h"
#include "data/lines.h"

elman_status labelled_row_add(const LabelledReading *reading, LabelledRow *row, float value) {
    float *const larger =
        memory_grow(reading->memory, row->values, row->count, 1, &row->capacity, sizeof *larger);
    if (!larger) return labelled_no_memory(reading);
    row->values = larger;
    row->values[row->count++] = value;
    return ELMAN_OK;
}

static elman_status check_row(const LabelledReading *reading, const LabelledRow *row,
                              const Names *columns, size_t line) {
    const size_t features = reading->data->features;
    if (row->count == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: has no numbers, expected a sequence",
                    reading->name, line);
    if (row->count % features != 0)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu numbers, expected a multiple of the %zu of a step",
                    reading->name, line, row->count, features);
    for (size_t i = 0; !reading->options.interpolate && i < row->count; i++) {
        if (!isnan(row->values[i])) continue;
        if (columns)
            return fail(reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: column \"%s\" has no number, though a later one has",
                        reading->name, line, names_text(columns, i));
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: number %zu is missing", reading->name,
                    line, i + 1);
    }
    return ELMAN_OK;
}

elman_status labelled_row_end(LabelledReading *reading, LabelledRow *row, const Names *columns,
                              size_t line) {
    while (row->count > 0 && isnan(row->values[row->count - 1])) row->count--;
    elman_status status = check_row(reading, row, columns, line);
    if (!status) status = labelled_begin(reading, line);
    if (!status)
        status = labelled_append(reading, row->values, row->count / reading->data->features);
    row->count = 0;
    return status;
}

/* The label, then numbers, with tabs between. */
static elman_status read_line(LabelledReading *reading, Span rest, size_t line, LabelledRow *row) {
    Span field, label;
    int32_t number = -1;
    (void)span_cut(&rest, '\t', &label);
    elman_status status = labelled_find_label(reading, label.text, label.size, line, &number);
    for (size_t i = 2; !status && span_cut(&rest, '\t', &field); i++) {
        float value;
        if (!span_number(field, &value))
            return fail(reading->error, ELMAN_ERR_DATA,
                        "%s:%zu: field %zu is \"%.*s\", expected a number", reading->name, line, i,
                        span_shown(field), field.text);
        status = labelled_row_add(reading, row, value);
    }
    if (!status) status = labelled_row_end(reading, row, NULL, line);
    if (!status) reading->data->sequences[reading->data->count - 1].label = number;
    return status;
}

elman_status labelled_read_ucr(LabelledReading *reading, const char *text, size_t size) {
    Lines lines = lines_begin(text, size);
    LabelledRow row = {NULL, 0, 0};
    elman_status status = ELMAN_OK;
    Span line;
    reading->data->kind = ELMAN_LABELLED_NUMBERS;
    reading->data->format = "ucr";
    reading->data->features = reading->options.step_features;
    while (!status && lines_next(&lines, &line)) {
        const Span inside = span_trim(line);
        if (inside.size == 0 || inside.text[0] == '#' || inside.text[0] == '%') continue;
        status = read_line(reading, line, lines.line, &row);
    }
    memory_release(reading->memory, row.values);
    return status;
}
