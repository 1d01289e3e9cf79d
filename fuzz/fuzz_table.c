/* Fuzz target: the reader of tables. No input may crash it; fields lie within the text, and how
 * much is read at a time changes nothing. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "formats/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_field(TableField field) {
    const TableField trimmed = table_trim(field);
    double value;
    check(trimmed.text >= field.text && trimmed.text + trimmed.size <= field.text + field.size,
          "trimming keeps to the field");
    check(!memchr(field.text, '\0', field.size), "a field holds no zero byte");
    check(field.quoted || !memchr(field.text, '\n', field.size), "a line ends a field");
    const int is_number = table_number(field, &value);
    check(!is_number || isfinite(value), "a number is finite");
    check(!is_number || !table_is_missing(field), "a number is not missing");
}

/* Reads one record of each reader; both are the same. False at the end. */
static int compare(TableReader *const readers[2], size_t *sum, elman_error errors[2]) {
    TableRow rows[2];
    elman_status status[2];
    for (int i = 0; i < 2; i++) status[i] = table_next(readers[i], &rows[i], &errors[i]);
    check(status[0] == status[1], "both readers refuse or none");
    if (status[0]) {
        check(status[0] == ELMAN_ERR_DATA, "a refusal is about the data");
        check(strncmp(errors[0].message, "x:", 2) == 0, "a refusal starts with the name");
        check(strcmp(errors[0].message, errors[1].message) == 0, "both readers say the same");
        return 0;
    }
    check(rows[0].count == rows[1].count, "both records have as many fields");
    check(rows[0].count == 0 || rows[0].line == rows[1].line, "both records have the same line");
    for (size_t i = 0; i < rows[0].count; i++) {
        const TableField a = rows[0].fields[i], b = rows[1].fields[i];
        check(a.size == b.size && a.quoted == b.quoted && memcmp(a.text, b.text, a.size) == 0,
              "both fields are the same");
        check_field(a);
        *sum += a.size;
    }
    return rows[0].count > 0;
}

/* The first byte chooses options, the second a block size; the table follows. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char delimiters[] = {'\0', ',', ';', '\t', ' ', '|', 'a', '#'};
    if (size < 2) return 0;
    Budget budget = {.most = (size_t)8 << 20};
    const elman_allocator allocator = budget_allocator(&budget);
    TableOptions options = {.delimiter = delimiters[bytes[0] % 8],
                            .comments = (bytes[0] & 8) != 0,
                            .plain_quotes = (bytes[0] & 16) != 0};
    Memory memory;
    TableReader *readers[2];
    elman_error errors[2] = {{ELMAN_OK, ""}, {ELMAN_OK, ""}};
    elman_status status[2];
    size_t sum = 0;
    memory_init(&memory, &allocator);
    for (int i = 0; i < 2; i++) {
        options.block = i == 0 ? size : (size_t)bytes[1] % 32 + 1;
        status[i] =
            table_open_bytes(&memory, "x", bytes + 2, size - 2, &options, &readers[i], &errors[i]);
    }
    check(status[0] == status[1], "both readers open or none");
    check(status[0] == ELMAN_OK || strcmp(errors[0].message, errors[1].message) == 0,
          "both refusals are the same");
    if (status[0] == ELMAN_OK)
        while (compare(readers, &sum, errors)) continue;
    check(sum <= size, "fields do not overlap");
    for (int i = 0; i < 2; i++) table_close(readers[i]);
    budget_check(&budget);
    return 0;
}
