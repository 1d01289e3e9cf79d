/* Rows of cells with named columns: what tables in text and R's data have in common. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"
#include "data/calendar.h"
#include "formats/rdata.h"
#include "formats/table.h"

enum { SOURCE_PLACE_MAX = 320, SOURCE_SCRATCH = 64 };

typedef struct Source {
    Memory *memory;
    char *name;   /* for messages */
    char **names; /* [columns] */
    size_t columns;
    size_t line; /* of the current row: its line in a text, its number in R's data */

    TableReader *table;
    TableRow row; /* of a text */

    RdataFile *file;  /* NULL: a text */
    RdataTable *data; /* its columns stand behind the times, when it is a series */
    char *scratch;    /* [SOURCE_SCRATCH]: a number of R's as text */
    bool is_series;   /* column 0 is "time", and all others belong to one set of series */
    TimeForm form;    /* of a series' times */
    int64_t start;    /* its first time: a month, a quarter or a number, counted from 0 */
    size_t frequency; /* steps of its cycle, when these are no months and no quarters; or 0 */
} Source;

/* Opens a file and reads the names of its columns; whatever the result, source_close may follow.
 * `object` is the one to read of an R file, or NULL. Errors: ARGUMENT (an object that is not
 * there), IO, FORMAT, UNSUPPORTED, DATA, MEMORY. */
elman_status source_open(Memory *memory, const char *path, const char *object, Source *source,
                         elman_error *error);
void source_close(Source *source);

/* Goes to the next row; the first call to the first one. *more is false behind the last. Errors:
 * IO, DATA (also a row that has more or fewer cells than there are columns), MEMORY. */
elman_status source_next(Source *source, bool *more, elman_error *error);

/* What a cell of the current row holds. */
bool source_is_missing(const Source *source, size_t column);
bool source_number(const Source *source, size_t column, double *value);
bool source_time(const Source *source, size_t column, int64_t *time, TimeForm *form);

/* Its text, without blanks around it; valid until the next call or the next row. */
TableField source_text(const Source *source, size_t column);

/* What is kept of a file must be UTF-8: models and forecasts hold it. */
bool source_is_utf8(TableField text);

/* "FILE:12", or "FILE, row 12" of R's data, for messages. */
void source_line(const Source *source, size_t line, char place[SOURCE_PLACE_MAX]);

/* "FILE:12, column y". */
void source_place(const Source *source, size_t line, size_t column, char place[SOURCE_PLACE_MAX]);

/* Reports what stands in a cell of the current row. */
elman_status source_refuse(const Source *source, size_t column, const char *expected,
                           elman_error *error);

/* For source.c: the same for R's data. */
bool source_is_rdata(const char *path);
elman_status source_open_rdata(const char *path, const char *object, Source *source,
                               elman_error *error);
bool source_rdata_is_missing(const Source *source, size_t column);
bool source_rdata_number(const Source *source, size_t column, double *value);
bool source_rdata_time(const Source *source, size_t column, int64_t *time, TimeForm *form);
TableField source_rdata_text(const Source *source, size_t column);

#endif
