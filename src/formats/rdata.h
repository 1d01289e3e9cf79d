/* R's own data files: .rda and .RData (named objects), .rds (one object), and the pairs .rdx + .rdb
 * in which packages keep their data sets.
 *
 * Format: "R Internals", sections 1.8 (serialization formats) and 1.14 (lazy loading). */
#ifndef FORMATS_RDATA_H
#define FORMATS_RDATA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

/* The most bytes that a file, and what is compressed in it, may have. */
#define RDATA_BYTES_MAX ((size_t)1 << 30)

typedef struct RdataFile RdataFile;

/* What a column's values are, and where they stand. */
typedef enum RdataType {
    RDATA_LOGICAL, /* numbers: 0 or 1 */
    RDATA_INTEGER, /* numbers: whole */
    RDATA_REAL,    /* numbers */
    RDATA_DATE,    /* numbers: days since 1970-01-01 */
    RDATA_TIME,    /* numbers: seconds since 1970-01-01 00:00 UTC; `zone` tells how R prints them */
    RDATA_FACTOR,  /* numbers: which of the levels, from 1 on */
    RDATA_TEXT,    /* texts */
    RDATA_OTHER    /* neither: a list, complex numbers, ... have a name alone */
} RdataType;

typedef struct RdataColumn {
    const char *name;
    RdataType type;
    const double *numbers;     /* [rows]; NaN where R has NA or NaN */
    const char *const *texts;  /* [rows]; NULL where R has NA */
    const char *const *levels; /* [level_count], of a factor; none is NULL */
    size_t level_count;
    const char *zone; /* of a time, such as "America/Chicago"; "" when R had none */
} RdataColumn;

/* The form in which R had an object. */
typedef enum RdataForm { RDATA_VECTOR, RDATA_MATRIX, RDATA_FRAME } RdataForm;

/* One object as a table. All texts are UTF-8 and end with a zero byte. */
typedef struct RdataTable {
    RdataForm form;
    size_t rows, column_count;
    const RdataColumn *columns;
    const char *const *row_names; /* [rows], or NULL when the rows have none */
    bool is_series;               /* R's ts (one column) or mts (several) */
    double start, end, frequency; /* of a series, in R's units: years for 4 and 12 a year, ... */
} RdataTable;

/* Opens `path`: a file in any of the forms, or the .rdx, the .rdb or the common stem of a pair.
 * Errors: IO, FORMAT, DATA (too long), UNSUPPORTED (bzip2, R's text form, ...), MEMORY. */
elman_status rdata_open(Memory *memory, const char *path, RdataFile **file, elman_error *error);

/* The same for the bytes of one file, which must outlive it. `name` stands in messages. */
elman_status rdata_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                         RdataFile **file, elman_error *error);

/* The same for the bytes of a pair: the index (.rdx), which may go afterwards, and the database
 * (.rdb), which must stay. */
elman_status rdata_parse_pair(Memory *memory, const char *name, const void *index,
                              size_t index_size, const void *database, size_t database_size,
                              RdataFile **file, elman_error *error);

/* NULL is legal. Tables stay. */
void rdata_close(RdataFile *file);

/* The objects in the order of the file. An .rds file has one, named "". */
size_t rdata_count(const RdataFile *file);
const char *rdata_name(const RdataFile *file, size_t index);

/* Errors: ARGUMENT (no object has that name; the sentence tells which there are). */
elman_status rdata_find(const RdataFile *file, const char *name, size_t *index, elman_error *error);

/* Makes a table of an object: a data frame (a matrix in it becomes several columns), a matrix, a
 * series or a vector. A column without a name is called as R would: V1, V2, ..., and the column of
 * a vector like the object, or "x". The index of a zoo or xts object is no column. Errors: FORMAT,
 * DATA (lengths that contradict each other), UNSUPPORTED (another kind of object), MEMORY. */
elman_status rdata_table(const RdataFile *file, size_t index, RdataTable **table,
                         elman_error *error);

/* NULL is legal. */
void rdata_table_release(RdataTable *table);

/* What R would print as text: a text, or a factor's level; NULL where it is missing, and for a
 * column of any other type. */
const char *rdata_text(const RdataColumn *column, size_t row);

#endif
