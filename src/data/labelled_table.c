/* Labelled sequences from CSV and TSV. */
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "data/labelled_frame.h"
#include "formats/table.h"

/* A table in memory, which is read twice. `frame` comes first. */
typedef struct TextTable {
    Frame frame;
    const char *text;
    size_t size;
    TableReader *reader;
    TableRow row;
    char **headings; /* [frame.columns] */
} TextTable;

static elman_status open_reader(TextTable *table) {
    const LabelledReading *const reading = table->frame.reading;
    table_close(table->reader);
    table->reader = NULL;
    return table_open_bytes(reading->memory, reading->name, table->text, table->size, NULL,
                            &table->reader, reading->error);
}

static elman_status next_row(Frame *frame) {
    TextTable *const table = (TextTable *)frame;
    const elman_status status = table_next(table->reader, &table->row, frame->reading->error);
    if (status) return status;
    frame->line = table->row.count > 0 ? table->row.line : 0;
    if (frame->line != 0 && table->row.count != frame->columns)
        return fail(frame->reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu fields, expected %zu as in the first line",
                    frame->reading->name, frame->line, table->row.count, frame->columns);
    return ELMAN_OK;
}

static elman_status rewind_table(Frame *frame) {
    const elman_status status = open_reader((TextTable *)frame);
    return status || !frame->has_headings ? status : next_row(frame);
}

static FrameValue number_at(Frame *frame, size_t column, double *value) {
    const TableField field = ((const TextTable *)frame)->row.fields[column];
    if (table_number(field, value)) return FRAME_NUMBER;
    return table_is_missing(field) ? FRAME_MISSING : FRAME_WORDS;
}

static Span text_at(Frame *frame, size_t column) {
    const TableField field = ((const TextTable *)frame)->row.fields[column];
    return (Span){field.text ? field.text : "", field.size};
}

/* A first line of numbers alone is no heading. */
static bool is_heading(const TableRow *row) {
    size_t numbers = 0;
    for (size_t i = 0; i < row->count; i++) {
        double value;
        if (!row->fields[i].quoted && table_number(row->fields[i], &value))
            numbers++;
        else if (row->fields[i].quoted || !table_is_missing(row->fields[i]))
            return true;
    }
    return numbers == 0;
}

static elman_status read_headings(TextTable *table) {
    Frame *const frame = &table->frame;
    const LabelledReading *const reading = frame->reading;
    elman_status status = open_reader(table);
    if (!status) status = table_next(table->reader, &table->row, reading->error);
    if (status) return status;
    if (table->row.count == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s: is empty, expected labelled sequences",
                    reading->name);
    table->headings =
        memory_allocate_array(reading->memory, table->row.count, sizeof *table->headings);
    if (!table->headings) return labelled_no_memory(reading);
    frame->headings = (const char *const *)table->headings;
    frame->columns = table->row.count;
    frame->has_headings = is_heading(&table->row);
    for (size_t i = 0; i < frame->columns; i++) {
        char number[24];
        const int size = snprintf(number, sizeof number, "%zu", i + 1);
        const TableField field = table_trim(table->row.fields[i]);
        table->headings[i] = frame->has_headings ? labelled_copy(reading, field.text, field.size)
                                                 : labelled_copy(reading, number, (size_t)size);
        if (!table->headings[i]) return labelled_no_memory(reading);
    }
    return ELMAN_OK;
}

elman_status labelled_read_table(LabelledReading *reading, const char *text, size_t size) {
    TextTable table = {.frame = {.reading = reading,
                                 .rewind = rewind_table,
                                 .next = next_row,
                                 .number = number_at,
                                 .text = text_at},
                       .text = text,
                       .size = size};
    elman_status status = read_headings(&table);
    if (!status) status = labelled_read_frame(&table.frame);
    for (size_t i = 0; table.headings && i < table.frame.columns; i++)
        memory_release(reading->memory, table.headings[i]);
    memory_release(reading->memory, table.headings);
    table_close(table.reader);
    return status;
}
