/* Fuzz target: the reader of R's data files. No input may crash it, leak, or make it allocate more
 * than the input warrants; what it accepts must be consistent. An input that begins with "PAIR" is
 * the two bytes of its index' length, the index, the database. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "core/utf8.h"
#include "formats/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { RATIO = 64, COMPRESSED_RATIO = 64 * 8192, ALWAYS = 96 << 20 /* what sequences may take */ };

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_text(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        const size_t length = utf8_length(text, left);
        check(length > 0, "every text is UTF-8");
        text += length;
        left -= length;
    }
}

static void check_column(const RdataColumn *column, size_t rows) {
    check_text(column->name);
    check_text(column->zone);
    for (size_t i = 0; i < column->level_count; i++) check_text(column->levels[i]);
    if (column->type == RDATA_OTHER) return;
    for (size_t i = 0; i < rows; i++) {
        const char *const text = rdata_text(column, i);
        if (text) check_text(text);
        if (column->type == RDATA_TEXT) continue;
        const double number = column->numbers[i];
        const int is_whole = column->type == RDATA_INTEGER || column->type == RDATA_LOGICAL ||
                             column->type == RDATA_FACTOR;
        check(!is_whole || isnan(number) || number == floor(number), "an integer is whole");
        check(column->type != RDATA_FACTOR || isnan(number) ||
                  (number >= 1 && number <= (double)column->level_count),
              "a factor's number is one of its levels");
    }
}

static void check_table(const RdataFile *file, size_t index) {
    RdataTable *table;
    elman_error error = {ELMAN_OK, ""};
    if (rdata_table(file, index, &table, &error)) {
        check(table == NULL && strncmp(error.message, "x: ", 3) == 0, "a refusal names the file");
        return;
    }
    for (size_t i = 0; i < table->column_count; i++) check_column(&table->columns[i], table->rows);
    for (size_t i = 0; table->row_names && i < table->rows; i++)
        if (table->row_names[i]) check_text(table->row_names[i]);
    check(!table->is_series || table->frequency > 0, "a series has a frequency");
    rdata_table_release(table);
}

static elman_status parse(Memory *memory, const uint8_t *bytes, size_t size, RdataFile **file,
                          elman_error *error) {
    const size_t header = 6;
    if (size < header || memcmp(bytes, "PAIR", 4) != 0)
        return rdata_parse(memory, "x", bytes, size, file, error);
    size_t index = (size_t)bytes[4] << 8 | bytes[5];
    if (index > size - header) index = size - header;
    return rdata_parse_pair(memory, "x", bytes + header, index, bytes + header + index,
                            size - header - index, file, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const int is_plain = size > 0 && (bytes[0] == 'X' || bytes[0] == 'R');
    Budget budget = {(is_plain ? RATIO : COMPRESSED_RATIO) * size + ALWAYS, 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    RdataFile *file = NULL;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, &allocator);
    if (parse(&memory, bytes, size, &file, &error)) {
        check(file == NULL && strncmp(error.message, "x: ", 3) == 0, "a refusal names the file");
    } else {
        for (size_t i = 0; i < rdata_count(file); i++) {
            check_text(rdata_name(file, i));
            check_table(file, i);
        }
    }
    rdata_close(file);
    budget_check(&budget);
    return 0;
}
