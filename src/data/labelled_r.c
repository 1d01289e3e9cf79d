/* Labelled sequences from R's data frames. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "data/labelled_frame.h"
#include "formats/rdata.h"

enum { LIST_MAX = 200 }; /* bytes of the names in a message */

/* `frame` comes first. */
typedef struct RFrame {
    Frame frame;
    RdataTable *table;
    char number[32]; /* the text of a number */
} RFrame;

static elman_status rewind_rows(Frame *frame) {
    frame->line = 0;
    return ELMAN_OK;
}

static elman_status next_row(Frame *frame) {
    const RdataTable *const table = ((const RFrame *)frame)->table;
    frame->line = frame->line < table->rows ? frame->line + 1 : 0;
    return ELMAN_OK;
}

static FrameValue number_at(Frame *frame, size_t column, double *value) {
    const RdataColumn *const values = &((const RFrame *)frame)->table->columns[column];
    const size_t row = frame->line - 1;
    if (values->type == RDATA_TEXT || values->type == RDATA_FACTOR)
        return rdata_text(values, row) ? FRAME_WORDS : FRAME_MISSING;
    if (values->type == RDATA_OTHER) return FRAME_WORDS;
    if (isnan(values->numbers[row])) return FRAME_MISSING;
    *value = values->numbers[row];
    return FRAME_NUMBER;
}

/* With a point whatever the locale. */
static Span print_number(RFrame *frame, const RdataColumn *column, double value) {
    if (column->type == RDATA_LOGICAL) {
        const char *const text = value != 0.0 ? "TRUE" : "FALSE";
        return (Span){text, strlen(text)};
    }
    const int printed = snprintf(frame->number, sizeof frame->number, "%.15g", value);
    size_t size = 0;
    for (int i = 0; i < printed; i++) {
        const char c = frame->number[i];
        if (strchr("0123456789+-einfEINF", c))
            frame->number[size++] = c;
        else if (size > 0 && frame->number[size - 1] != '.')
            frame->number[size++] = '.';
    }
    return (Span){frame->number, size};
}

static Span text_at(Frame *frame, size_t column) {
    RFrame *const self = (RFrame *)frame;
    const RdataColumn *const values = &self->table->columns[column];
    double number;
    const FrameValue value = number_at(frame, column, &number);
    if (value == FRAME_NUMBER) return print_number(self, values, number);
    const char *const text = value == FRAME_WORDS && values->type != RDATA_OTHER
                                 ? rdata_text(values, frame->line - 1)
                                 : NULL;
    return (Span){text, text ? strlen(text) : 0};
}

static elman_status choose_object(const LabelledReading *reading, const RdataFile *file,
                                  size_t *index) {
    const size_t count = rdata_count(file);
    char list[LIST_MAX] = "";
    size_t used = 0;
    *index = 0;
    if (reading->options.object)
        return rdata_find(file, reading->options.object, index, reading->error);
    if (count == 1) return ELMAN_OK;
    for (size_t i = 0; i < count; i++) {
        const char *const name = rdata_name(file, i);
        const bool fits = used + strlen(name) + sizeof ", ..." <= sizeof list;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "",
                                 fits ? name : "...");
        if (!fits) break;
    }
    return fail(reading->error, ELMAN_ERR_DATA,
                "%s: holds %zu objects, and which is to be read must be said: %s", reading->name,
                count, list);
}

static elman_status read_table(LabelledReading *reading, RdataTable *table) {
    RFrame frame = {.frame = {.reading = reading,
                              .columns = table->column_count,
                              .has_headings = true,
                              .rewind = rewind_rows,
                              .next = next_row,
                              .number = number_at,
                              .text = text_at},
                    .table = table};
    const char **const headings =
        memory_allocate_array(reading->memory, table->column_count, sizeof *headings);
    if (!headings) return labelled_no_memory(reading);
    for (size_t i = 0; i < table->column_count; i++) headings[i] = table->columns[i].name;
    frame.frame.headings = headings;
    reading->data->format = "r";
    const elman_status status = labelled_read_frame(&frame.frame);
    memory_release(reading->memory, headings);
    return status;
}

bool labelled_is_r(const char *path) {
    static const char *const endings[] = {".rda", ".rdata", ".rds", ".rdx", ".rdb"};
    const char *const ending = strrchr(path, '.');
    if (!ending) return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (span_is((Span){ending, strlen(ending)}, endings[i])) return true;
    return false;
}

elman_status labelled_read_r(LabelledReading *reading, const char *path) {
    RdataFile *file = NULL;
    RdataTable *table = NULL;
    size_t index = 0;
    elman_status status = rdata_open(reading->memory, path, &file, reading->error);
    if (!status) status = choose_object(reading, file, &index);
    if (!status) status = rdata_table(file, index, &table, reading->error);
    if (!status) status = read_table(reading, table);
    if (!status) status = labelled_finish(reading);
    rdata_table_release(table);
    rdata_close(file);
    return status;
}
