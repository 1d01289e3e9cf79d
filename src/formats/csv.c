/* Reads tables of plain numbers. */
#include "formats/csv.h"

#include <stdbool.h>
#include <string.h>

#include "core/decimal.h"
#include "core/fail.h"

typedef struct CsvParser {
    const char *name, *unit; /* what a row is called */
    const char *at, *end;
    char separator;
    CsvTable *table;
} CsvParser;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* The text up to the next comma or the end of the row, without blanks around it. */
static size_t next_field(CsvParser *parser, const char **field) {
    const char *end = parser->at;
    while (end < parser->end && *end != ',' && *end != parser->separator) end++;
    const char *from = parser->at, *to = end;
    while (from < to && is_blank(*from)) from++;
    while (to > from && is_blank(to[-1])) to--;
    parser->at = end;
    *field = from;
    return (size_t)(to - from);
}

static elman_status parse_row(CsvParser *parser, size_t row, elman_error *error) {
    CsvTable *const table = parser->table;
    for (size_t column = 0;; column++) {
        const char *field;
        const size_t length = next_field(parser, &field);
        const bool more = parser->at < parser->end && *parser->at == ',';
        float value;
        if (length == 0 && column == 0 && !more)
            return fail(error, ELMAN_ERR_DATA, "%s: %s %zu is empty, expected numbers",
                        parser->name, parser->unit, row + 1);
        if (!decimal_read(field, length, &value))
            return fail(error, ELMAN_ERR_DATA,
                        "%s: %s %zu, column %zu: found \"%.*s\"%s, expected a number", parser->name,
                        parser->unit, row + 1, column + 1, length > 40 ? 40 : (int)length, field,
                        length > 40 ? "..." : "");
        if (row > 0 && column == table->columns)
            return fail(error, ELMAN_ERR_DATA,
                        "%s: %s %zu has more than %zu numbers, expected as many as in %s 1",
                        parser->name, parser->unit, row + 1, table->columns, parser->unit);
        table->values[row * table->columns + column] = value;
        if (more) {
            parser->at++;
            continue;
        }
        if (row == 0) table->columns = column + 1;
        if (column + 1 < table->columns)
            return fail(error, ELMAN_ERR_DATA, "%s: %s %zu has %zu numbers, expected %zu",
                        parser->name, parser->unit, row + 1, column + 1, table->columns);
        return ELMAN_OK;
    }
}

static bool ends(const CsvParser *parser) {
    const char *at = parser->at;
    while (at < parser->end && (is_blank(*at) || *at == '\n')) at++;
    return at == parser->end;
}

elman_status csv_parse(Memory *memory, const char *name, const char *text, size_t size,
                       char separator, CsvTable *table, elman_error *error) {
    static const char mark[] = "\xEF\xBB\xBF"; /* which some programs write before UTF-8 */
    CsvParser parser = {.name = name,
                        .unit = separator == '\n' ? "line" : "row",
                        .at = text,
                        .end = text + size,
                        .separator = separator,
                        .table = table};
    size_t cells = 1;
    elman_status status;
    if (size >= 3 && memcmp(text, mark, 3) == 0) parser.at += 3;
    for (const char *c = parser.at; c < parser.end; c++) cells += *c == ',' || *c == separator;
    *table = (CsvTable){0};
    if (ends(&parser))
        return fail(error, ELMAN_ERR_DATA, "%s: is empty, expected rows of numbers", name);
    table->values = memory_allocate_array(memory, cells, sizeof *table->values);
    if (!table->values) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its numbers", name);
    do {
        if ((status = parse_row(&parser, table->rows, error))) {
            memory_release(memory, table->values);
            *table = (CsvTable){0};
            return status;
        }
        table->rows++;
        if (parser.at < parser.end) parser.at++;
    } while (!ends(&parser));
    return ELMAN_OK;
}
