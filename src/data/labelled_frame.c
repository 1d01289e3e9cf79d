/* Labelled sequences from tables: which column holds what, then the texts or numbers themselves. */
#include "data/labelled_frame.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/grow.h"

enum { LIST_MAX = 200 }; /* bytes of a list in a message */

#define NO_COLUMN SIZE_MAX

/* Which column holds what. */
typedef struct Roles {
    Frame *frame;
    FrameValue *first; /* [columns] the first value of each that is not missing */
    bool ids_repeat;
    size_t text, label, id; /* NO_COLUMN: none */
    size_t *numbers;        /* [number_count] */
    size_t number_count;
} Roles;

static size_t find_column(const Frame *frame, const char *name) {
    size_t column = 0;
    while (column < frame->columns && strcmp(frame->headings[column], name) != 0) column++;
    return column < frame->columns ? column : NO_COLUMN;
}

/* The headings, for a message. */
static void list_columns(const Frame *frame, char list[LIST_MAX]) {
    size_t used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < frame->columns; i++) {
        if (used + strlen(frame->headings[i]) + sizeof ", ..." > LIST_MAX) {
            (void)snprintf(list + used, LIST_MAX - used, ", ...");
            return;
        }
        used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s", i > 0 ? ", " : "",
                                 frame->headings[i]);
    }
}

static elman_status ask_for(const Frame *frame, const char *what) {
    char list[LIST_MAX];
    list_columns(frame, list);
    return fail(frame->reading->error, ELMAN_ERR_DATA,
                "%s: which column holds the %s must be said; there are: %s", frame->reading->name,
                what, list);
}

/* The column that was asked for; NO_COLUMN for NULL. */
static elman_status demand_column(const Frame *frame, const char *name, size_t *column) {
    char list[LIST_MAX];
    *column = name ? find_column(frame, name) : NO_COLUMN;
    if (!name || *column != NO_COLUMN) return ELMAN_OK;
    list_columns(frame, list);
    return fail(frame->reading->error, ELMAN_ERR_DATA,
                "%s: has no column \"%s\", expected one of: %s", frame->reading->name, name, list);
}

/* Finds the first value of each column, and whether ids repeat. */
static elman_status look(Roles *roles) {
    Frame *const frame = roles->frame;
    Names ids = {.memory = frame->reading->memory};
    size_t open = frame->columns;
    const bool watch = roles->id != NO_COLUMN && !frame->reading->options.id;
    elman_status status = frame->rewind(frame);
    for (size_t i = 0; i < frame->columns; i++) roles->first[i] = FRAME_MISSING;
    while (!status && (open > 0 || (watch && !roles->ids_repeat))) {
        if ((status = frame->next(frame)) || frame->line == 0) break;
        for (size_t i = 0; i < frame->columns && open > 0; i++) {
            double value;
            if (roles->first[i] != FRAME_MISSING) continue;
            roles->first[i] = frame->number(frame, i, &value);
            open -= roles->first[i] != FRAME_MISSING;
        }
        if (!watch || roles->ids_repeat) continue;
        const Span id = frame->text(frame, roles->id);
        size_t index;
        if (!names_add(&ids, id.text, id.size, &index))
            status = labelled_no_memory(frame->reading);
        else
            roles->ids_repeat = ids.entries[index].added > 1;
    }
    names_release(&ids);
    return status;
}

static elman_status choose_label(Roles *roles) {
    Frame *const frame = roles->frame;
    const elman_labelled_options *const options = &frame->reading->options;
    roles->label = find_column(frame, options->label ? options->label : "label");
    if (roles->label != NO_COLUMN || options->need != ELMAN_LABELS_REQUIRED) return ELMAN_OK;
    if (options->label) return demand_column(frame, options->label, &roles->label);
    if (frame->columns != 2 && (frame->has_headings || frame->columns < 2))
        return ask_for(frame, "labels");
    roles->label = frame->columns - 1;
    return ELMAN_OK;
}

/* The only column that holds no labels; NO_COLUMN: there are several. */
static size_t only_other(const Roles *roles) {
    const size_t others = roles->frame->columns - (roles->label != NO_COLUMN);
    return others == 1 ? (roles->label == 0 ? 1 : 0) : NO_COLUMN;
}

/* Whether the sequences are texts, and where they are. */
static elman_status choose_text(Roles *roles) {
    Frame *const frame = roles->frame;
    const elman_labelled_options *const options = &frame->reading->options;
    const bool free =
        options->kind == ELMAN_LABELLED_ANY && options->column_count == 0 && !options->id;
    elman_status status = demand_column(frame, options->text, &roles->text);
    if (status || roles->text != NO_COLUMN) return status;
    if (options->kind != ELMAN_LABELLED_TEXT && !free) return ELMAN_OK;
    roles->text = find_column(frame, "text");
    if (roles->text == roles->label) roles->text = NO_COLUMN;
    if (roles->text != NO_COLUMN) return ELMAN_OK;
    const size_t other = only_other(roles);
    if (options->kind == ELMAN_LABELLED_TEXT) {
        if (other == NO_COLUMN) return ask_for(frame, "texts");
        roles->text = other;
    } else if (other != NO_COLUMN && roles->first[other] == FRAME_WORDS) {
        roles->text = other;
    }
    return ELMAN_OK;
}

/* The columns of numbers: those asked for, or all that begin with one and hold nothing else. */
static elman_status choose_numbers(Roles *roles) {
    Frame *const frame = roles->frame;
    const elman_labelled_options *const options = &frame->reading->options;
    elman_labelled *const data = frame->reading->data;
    for (size_t i = 0; i < options->column_count; i++) {
        const elman_status status = demand_column(frame, options->columns[i], &roles->numbers[i]);
        if (status) return status;
        roles->number_count++;
    }
    for (size_t i = 0; options->column_count == 0 && i < frame->columns; i++)
        if (i != roles->label && i != roles->id && roles->first[i] == FRAME_NUMBER)
            roles->numbers[roles->number_count++] = i;
    for (size_t i = 0; i < roles->number_count; i++) {
        const size_t column = roles->numbers[i];
        const char *const name = frame->headings[column];
        size_t index;
        if (column == roles->label || column == roles->id)
            return fail(frame->reading->error, ELMAN_ERR_ARGUMENT,
                        "column \"%s\" cannot hold numbers of the sequence and its %s", name,
                        column == roles->label ? "label" : "id");
        if (!names_add(&data->columns, name, strlen(name), &index))
            return labelled_no_memory(frame->reading);
        if (index != i)
            return fail(frame->reading->error, ELMAN_ERR_DATA,
                        "%s: two columns of numbers are called \"%s\"", frame->reading->name, name);
    }
    if (roles->number_count == 0)
        return fail(frame->reading->error, ELMAN_ERR_DATA,
                    "%s: no column holds numbers, expected texts or numbers with labels",
                    frame->reading->name);
    return ELMAN_OK;
}

static elman_status keep_name(const Frame *frame, size_t column, char **name) {
    if (column == NO_COLUMN) return ELMAN_OK;
    *name = labelled_copy(frame->reading, frame->headings[column], strlen(frame->headings[column]));
    return *name ? ELMAN_OK : labelled_no_memory(frame->reading);
}

static elman_status choose(Roles *roles) {
    Frame *const frame = roles->frame;
    const elman_labelled_options *const options = &frame->reading->options;
    elman_labelled *const data = frame->reading->data;
    const size_t numbers = options->column_count > 0 ? options->column_count : frame->columns;
    roles->first =
        memory_allocate_array(frame->reading->memory, frame->columns, sizeof *roles->first);
    roles->numbers = memory_allocate_array(frame->reading->memory, numbers, sizeof *roles->numbers);
    if (!roles->first || !roles->numbers) return labelled_no_memory(frame->reading);
    elman_status status = choose_label(roles);
    if (!status) status = demand_column(frame, options->id, &roles->id);
    if (!status && !options->id) roles->id = find_column(frame, "id");
    if (!status) status = look(roles);
    if (!status) status = choose_text(roles);
    if (!status && roles->text == NO_COLUMN) status = choose_numbers(roles);
    if (status) return status;
    const size_t *const taken[] = {&roles->text, &roles->id};
    for (size_t i = 0; i < 2; i++)
        if (*taken[i] != NO_COLUMN && *taken[i] == roles->label)
            return fail(frame->reading->error, ELMAN_ERR_ARGUMENT,
                        "column \"%s\" cannot hold the %s and the labels",
                        frame->headings[roles->label], i == 0 ? "texts" : "ids");
    status = keep_name(frame, roles->text, &data->text_column);
    if (!status) status = keep_name(frame, roles->label, &data->label_column);
    return status;
}

static elman_status row_label(const Roles *roles, int32_t *label) {
    Frame *const frame = roles->frame;
    *label = -1;
    if (roles->label == NO_COLUMN) return ELMAN_OK;
    const Span text = frame->text(frame, roles->label);
    return labelled_find_label(frame->reading, text.text, text.size, frame->line, label);
}

static elman_status row_id(const Roles *roles, Span *id) {
    Frame *const frame = roles->frame;
    *id = span_trim(frame->text(frame, roles->id));
    if (id->size > 0) return ELMAN_OK;
    return fail(frame->reading->error, ELMAN_ERR_DATA, "%s:%zu: the id is missing",
                frame->reading->name, frame->line);
}

/* A number of the current row; NaN for a missing one. */
static elman_status row_number(const Roles *roles, size_t column, float *value) {
    Frame *const frame = roles->frame;
    double number = (double)NAN;
    const FrameValue found = frame->number(frame, column, &number);
    *value = found == FRAME_NUMBER ? (float)number : NAN;
    if (found == FRAME_MISSING || (found == FRAME_NUMBER && isfinite(*value))) return ELMAN_OK;
    const Span text = frame->text(frame, column);
    return fail(frame->reading->error, ELMAN_ERR_DATA,
                "%s:%zu: column \"%s\" is \"%.*s\", expected a number of float's range",
                frame->reading->name, frame->line, frame->headings[column], span_shown(text),
                text.text ? text.text : "");
}

static elman_status read_text(const Roles *roles) {
    Frame *const frame = roles->frame;
    int32_t label;
    const Span text = frame->text(frame, roles->text);
    if (!text.text)
        return fail(frame->reading->error, ELMAN_ERR_DATA, "%s:%zu: the text is missing",
                    frame->reading->name, frame->line);
    elman_status status = row_label(roles, &label);
    if (!status) status = labelled_begin(frame->reading, frame->line);
    if (!status) status = labelled_append_text(frame->reading, text.text, text.size);
    if (!status) frame->reading->data->sequences[frame->reading->data->count - 1].label = label;
    return status;
}

static elman_status read_wide(const Roles *roles, LabelledRow *row) {
    Frame *const frame = roles->frame;
    LabelledReading *const reading = frame->reading;
    int32_t label;
    Span id = {NULL, 0};
    elman_status status = row_label(roles, &label);
    if (!status && roles->id != NO_COLUMN) status = row_id(roles, &id);
    for (size_t i = 0; !status && i < roles->number_count; i++) {
        float value;
        status = row_number(roles, roles->numbers[i], &value);
        if (!status) status = labelled_row_add(reading, row, value);
    }
    if (!status) status = labelled_row_end(reading, row, &reading->data->columns, frame->line);
    if (!status && id.size > 0) status = labelled_set_id(reading, id.text, id.size);
    if (!status) reading->data->sequences[reading->data->count - 1].label = label;
    return status;
}

/* The rows of the long form in the file's order. */
typedef struct LongRows {
    LabelledRow numbers; /* [rows][features] */
    int32_t *owner;      /* [rows] the sequence of each */
    size_t count, capacity;
} LongRows;

/* The sequence of the current row, which is begun where it is a new one. */
static elman_status find_sequence(const Roles *roles, size_t *index) {
    Frame *const frame = roles->frame;
    LabelledReading *const reading = frame->reading;
    elman_labelled *const data = reading->data;
    int32_t label;
    Span id;
    elman_status status = row_id(roles, &id);
    if (!status) status = row_label(roles, &label);
    if (status) return status;
    if (!names_find(&data->ids, id.text, id.size, index)) {
        *index = data->count;
        status = labelled_begin(reading, frame->line);
        if (!status) status = labelled_set_id(reading, id.text, id.size);
        if (!status) data->sequences[*index].label = label;
        return status;
    }
    const LabelledSequence *const sequence = &data->sequences[*index];
    if (label == sequence->label) return ELMAN_OK;
    return fail(reading->error, ELMAN_ERR_DATA,
                "%s:%zu: the label of \"%.*s\" is \"%s\", expected \"%s\" as in line %zu",
                reading->name, frame->line, span_shown(id), id.text,
                label < 0 ? "" : names_text(&data->labels, (size_t)label),
                sequence->label < 0 ? "" : names_text(&data->labels, (size_t)sequence->label),
                sequence->line);
}

static elman_status read_long(const Roles *roles, LongRows *rows) {
    Frame *const frame = roles->frame;
    LabelledReading *const reading = frame->reading;
    size_t index;
    elman_status status = find_sequence(roles, &index);
    for (size_t i = 0; !status && i < roles->number_count; i++) {
        float value;
        status = row_number(roles, roles->numbers[i], &value);
        if (!status && isnan(value) && !reading->options.interpolate)
            status = fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: column \"%s\" has no number",
                          reading->name, frame->line, frame->headings[roles->numbers[i]]);
        if (!status) status = labelled_row_add(reading, &rows->numbers, value);
    }
    if (status) return status;
    int32_t *const owner =
        memory_grow(reading->memory, rows->owner, rows->count, 1, &rows->capacity, sizeof *owner);
    if (!owner) return labelled_no_memory(reading);
    rows->owner = owner;
    rows->owner[rows->count++] = (int32_t)index;
    reading->data->sequences[index].length++;
    return ELMAN_OK;
}

/* Brings together the rows of each sequence. */
static elman_status gather(LabelledReading *reading, const LongRows *rows) {
    elman_labelled *const data = reading->data;
    const size_t features = data->features;
    size_t first = 0;
    data->values = memory_allocate_array(reading->memory, rows->numbers.count, sizeof(float));
    if (!data->values) return labelled_no_memory(reading);
    for (size_t i = 0; i < data->count; i++) {
        data->sequences[i].first = first;
        first += data->sequences[i].length;
        data->sequences[i].length = 0;
    }
    for (size_t r = 0; r < rows->count; r++) {
        LabelledSequence *const sequence = &data->sequences[rows->owner[r]];
        memcpy(data->values + (sequence->first + sequence->length++) * features,
               rows->numbers.values + r * features, features * sizeof(float));
    }
    return ELMAN_OK;
}

static elman_status read_rows(const Roles *roles) {
    Frame *const frame = roles->frame;
    LabelledReading *const reading = frame->reading;
    elman_labelled *const data = reading->data;
    const bool is_text = roles->text != NO_COLUMN;
    const bool is_long =
        !is_text && roles->id != NO_COLUMN && (reading->options.id || roles->ids_repeat);
    LabelledRow row = {NULL, 0, 0};
    LongRows rows = {{NULL, 0, 0}, NULL, 0, 0};
    data->kind = is_text ? ELMAN_LABELLED_TEXT : ELMAN_LABELLED_NUMBERS;
    if (!data->format) data->format = is_text ? "csv" : is_long ? "csv-long" : "csv-wide";
    if (!is_text) data->features = is_long ? roles->number_count : reading->options.step_features;
    elman_status status = is_long ? keep_name(frame, roles->id, &data->id_column) : ELMAN_OK;
    if (!status) status = frame->rewind(frame);
    while (!status && !(status = frame->next(frame)) && frame->line != 0)
        status = is_text   ? read_text(roles)
                 : is_long ? read_long(roles, &rows)
                           : read_wide(roles, &row);
    if (!status && is_long) status = gather(reading, &rows);
    memory_release(reading->memory, row.values);
    memory_release(reading->memory, rows.numbers.values);
    memory_release(reading->memory, rows.owner);
    return status;
}

elman_status labelled_read_frame(Frame *frame) {
    Roles roles = {.frame = frame, .text = NO_COLUMN, .label = NO_COLUMN, .id = NO_COLUMN};
    elman_status status = choose(&roles);
    if (!status) status = read_rows(&roles);
    memory_release(frame->reading->memory, roles.first);
    memory_release(frame->reading->memory, roles.numbers);
    return status;
}
