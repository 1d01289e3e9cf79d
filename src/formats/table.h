/* Tables in text, read record by record: CSV (RFC 4180 and what programs make of it), TSV, columns
 * between blanks. The file is never held as a whole. */
#ifndef FORMATS_TABLE_H
#define FORMATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

enum {
    TABLE_RECORD_MAX = 16 << 20, /* the most bytes of a record, without its line end */
    TABLE_FIELDS_MAX = 65536     /* the most fields of a record */
};

typedef struct TableOptions {
    /* What stands between fields, an ASCII character; ' ': any number of spaces and tabs, which do
     * not count at the ends of a line. 0: found out from the first records, among tab ; | , and
     * blanks: the one that gives most of them as many fields as the first, at least 2. A comma when
     * there is none; a tab for a name that ends in .tsv when the first record has one. */
    char delimiter;
    bool comments;     /* lines that begin with # are skipped */
    bool plain_quotes; /* a quote is a character like any other: no field is quoted */
    size_t block;      /* bytes read at a time; 0: 1 MiB. The records do not depend on it */
} TableOptions;

typedef struct TableField {
    const char *text; /* of a quoted field: what stands between its quotes, "" made one quote */
    size_t size;
    bool quoted;
} TableField;

typedef struct TableRow {
    const TableField *fields;
    size_t count; /* 0: there is no further record */
    size_t line;  /* where the record begins; the first line is 1 */
} TableRow;

typedef struct TableReader TableReader;

/* Opens a file, a pipe or, with "-", standard input. `options` may be NULL. A byte order mark of
 * UTF-8 is skipped. Errors: ARGUMENT (a delimiter that cannot be one), IO, DATA (UTF-16), MEMORY.
 * *reader is NULL then. */
elman_status table_open(Memory *memory, const char *path, const TableOptions *options,
                        TableReader **reader, elman_error *error);

/* The same for a table in memory, which must outlive the reader. `name` stands in messages. */
elman_status table_open_bytes(Memory *memory, const char *name, const void *bytes, size_t size,
                              const TableOptions *options, TableReader **reader,
                              elman_error *error);

/* NULL is legal. */
void table_close(TableReader *reader);

/* The table's name for messages: the path, or "standard input". */
const char *table_name(const TableReader *reader);

/* Reads the next record; *row is valid until the next call. Lines end with LF, CRLF or CR; the last
 * one need not. Lines that are empty or hold only blanks are no records. Fields keep the blanks
 * around them, except around quotes. A record may have any number of fields: comparing it with the
 * first is the caller's affair, as is a heading. A message begins with "NAME:LINE: ".
 *
 * After an error only table_close may follow. Errors: DATA (a quote that is not closed or has text
 * behind it, a zero byte, more than the limits above), IO, MEMORY. */
elman_status table_next(TableReader *reader, TableRow *row, elman_error *error);

/* Without the spaces and tabs around it. */
TableField table_trim(TableField field);

/* The double nearest to the decimal number in the field, whatever the locale; blanks around it do
 * not count. False for anything else: words, nan, inf, hexadecimal, a decimal comma, what is too
 * large for a double, more than DECIMAL_DOUBLE_MAX characters (core/decimal.h). */
bool table_number(TableField field, double *value);

/* Whether the field says that there is no value: nothing, NA, NaN, nan, null, NULL, N/A, "." or
 * "?", with or without quotes or blanks around it. */
bool table_is_missing(TableField field);

#endif
