/* Tables of plain numbers in text: values with commas between, one row a line. */
#ifndef FORMATS_CSV_H
#define FORMATS_CSV_H

#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

typedef struct CsvTable {
    size_t rows, columns; /* at least 1 each */
    float *values;        /* [rows][columns]; release it with memory_release */
} CsvTable;

/* Reads `size` bytes of text. Rows end with `separator` ('\n': a carriage return before it is
 * dropped too), which the last one need not have; blanks around a number do not count. There are no
 * quotes, comments or headings, and all rows have as many numbers as the first. `name` stands in
 * messages, which tell line and column (row and column for another separator). Errors: DATA,
 * MEMORY. */
elman_status csv_parse(Memory *memory, const char *name, const char *text, size_t size,
                       char separator, CsvTable *table, elman_error *error);

#endif
