/* The rows of a file as numbers, in the order of the file. */
#ifndef DATA_SERIES_ROWS_H
#define DATA_SERIES_ROWS_H

#include "data/names.h"
#include "data/series_columns.h"

/* 2^shift rows, in one block that begins with the times. */
typedef struct RowChunk {
    int64_t *times;    /* [rows] */
    double *targets;   /* [rows][targets] */
    float *covariates; /* [rows][known + past] */
    uint32_t *series;  /* [rows]: index of the id */
} RowChunk;

/* From `row` on, each row takes one line. */
typedef struct LineRun {
    size_t row, line;
} LineRun;

typedef struct SeriesRows {
    Memory *memory;
    size_t targets, covariates; /* numbers of a row */
    RowChunk *chunks;
    size_t chunk_count, chunk_capacity;
    unsigned shift;
    size_t count;
    TimeForm form;
    bool in_order;              /* the rows of an id stand together, with ascending times */
    Names ids;                  /* with the rows that have each; without a column of ids: one, "" */
    size_t last;                /* the id of the row before */
    Names words;                /* texts of the static columns */
    size_t statics, *constants; /* [ids][statics]: which of them, from the id's first row on */
    size_t constant_capacity;
    LineRun *runs;
    size_t run_count, run_capacity;
} SeriesRows;

/* Reads the source from its current row to its end. Numbers that are missing are NaN; with
 * ELMAN_MISSING_REFUSE they are allowed only where a series may have ended: a missing target (and
 * past covariates beside it) where there are known covariates. Without a column of times these are
 * 1, 2, 3, ... for each id. Whatever the result, series_rows_release may follow. Errors: IO, DATA,
 * MEMORY. */
elman_status series_rows_read(Source *source, const SeriesColumns *columns, elman_missing missing,
                              SeriesRows *rows, elman_error *error);
void series_rows_release(SeriesRows *rows);

/* The line of a row. */
size_t series_rows_line(const SeriesRows *rows, size_t row);

static inline size_t row_place(const SeriesRows *rows, size_t row) {
    return row & (((size_t)1 << rows->shift) - 1);
}

static inline int64_t row_time(const SeriesRows *rows, size_t row) {
    return rows->chunks[row >> rows->shift].times[row_place(rows, row)];
}

static inline uint32_t row_series(const SeriesRows *rows, size_t row) {
    return rows->chunks[row >> rows->shift].series[row_place(rows, row)];
}

/* [targets] */
static inline double *row_targets(const SeriesRows *rows, size_t row) {
    return rows->chunks[row >> rows->shift].targets + row_place(rows, row) * rows->targets;
}

/* [known + past] */
static inline float *row_covariates(const SeriesRows *rows, size_t row) {
    return rows->chunks[row >> rows->shift].covariates + row_place(rows, row) * rows->covariates;
}

/* The text of a static column for an id. */
static inline const char *row_constant(const SeriesRows *rows, size_t id, size_t column) {
    return names_text(&rows->words, rows->constants[id * rows->statics + column]);
}

#endif
