/* Which column of a file is what. */
#ifndef DATA_SERIES_COLUMNS_H
#define DATA_SERIES_COLUMNS_H

#include "data/source.h"
#include <elman/series.h>

#define COLUMN_NONE SIZE_MAX

/* Some columns of a source, by index. */
typedef struct ColumnList {
    size_t *columns; /* [count] */
    size_t count;
} ColumnList;

typedef struct SeriesColumns {
    size_t time, id; /* or COLUMN_NONE */
    ColumnList targets, known, past, statics;
} SeriesColumns;

/* Finds the columns that `options` names, and those that it leaves to be found out, for which it
 * looks at the source's current row, the first. Without `target` none is looked for. Whatever the
 * result, series_columns_release may follow. Errors: DATA, MEMORY. */
elman_status series_columns_find(const Source *source, const elman_series_options *options,
                                 bool target, SeriesColumns *columns, elman_error *error);
void series_columns_release(Memory *memory, SeriesColumns *columns);

#endif
