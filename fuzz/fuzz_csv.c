/* Fuzz target: the reader of tables of numbers. No input may crash it; what it accepts must be a
 * table that the text has room for. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void parse(const uint8_t *bytes, size_t size, char separator) {
    Memory memory;
    CsvTable table;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, NULL);
    const elman_status status =
        csv_parse(&memory, "x", (const char *)bytes, size, separator, &table, &error);
    if (status != ELMAN_OK) {
        check(status == ELMAN_ERR_DATA, "a refusal is about the data");
        check(strncmp(error.message, "x: ", 3) == 0, "a refusal starts with the file's name");
        return;
    }
    check(table.rows >= 1 && table.columns >= 1, "a table has a cell");
    check(table.rows <= size && table.columns <= size / table.rows,
          "each number takes at least one byte of the text");
    /* A sanitizer stops here when the table is shorter than it says. */
    volatile const float last = table.values[table.rows * table.columns - 1];
    (void)last;
    memory_release(&memory, table.values);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    parse(bytes, size, '\n');
    parse(bytes, size, ';');
    return 0;
}
