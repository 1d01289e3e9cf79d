/* What a set of labelled sequences holds, see elman/labelled.h, and how the readers of the formats
 * fill it. */
#ifndef DATA_LABELLED_H
#define DATA_LABELLED_H

#include <stdbool.h>

#include "context/context.h"
#include "data/names.h"
#include <elman/labelled.h>

typedef struct LabelledSequence {
    size_t first;  /* numbers, tokens: of its steps; text: of its bytes */
    size_t length; /* steps; text: bytes */
    size_t line;
    int32_t label;
} LabelledSequence;

struct elman_labelled {
    Memory memory;
    elman_labelled_kind kind;
    const char *format;
    LabelledSequence *sequences; /* [count] */
    size_t count;
    size_t features;
    float *values;        /* NUMBERS: [steps][features] */
    char *text;           /* TEXT: a zero byte follows each */
    Names tokens;         /* TOKENS: the distinct ones */
    int32_t *steps;       /* TOKENS: [steps] */
    int32_t *step_labels; /* TOKENS: [steps] */
    Names ids;            /* one for each sequence */
    Names labels;
    bool has_labels;
    Names columns;
    char *text_column, *label_column, *id_column;
    char digest[65];
};

/* Sequences while they are read. */
typedef struct LabelledReading {
    Memory *memory;
    const char *name;               /* of the file, for messages */
    elman_labelled_options options; /* step_features is at least 1 */
    elman_labelled *data;
    size_t sequence_capacity;
    size_t used; /* numbers in data->values, bytes of data->text, or data->steps */
    size_t capacity, label_capacity;
    elman_error *error;
} LabelledReading;

/* Fails with "no memory". */
elman_status labelled_no_memory(const LabelledReading *reading);

/* Begins the next sequence, whose steps, or bytes, follow. */
elman_status labelled_begin(LabelledReading *reading, size_t line);

/* Appends steps to the last sequence: [count][features], NaN for what is missing and to be
 * interpolated. */
elman_status labelled_append(LabelledReading *reading, const float *values, size_t count);

/* Makes the text of the last sequence. Errors: DATA (no UTF-8, with NUL), MEMORY. */
elman_status labelled_append_text(LabelledReading *reading, const char *text, size_t size);

/* Appends a token with its label (-1: none). Errors: as labelled_append_text. */
elman_status labelled_append_token(LabelledReading *reading, const char *token, size_t size,
                                   int32_t label, size_t line);

/* Finds the number of a label; -1: there is none, which is allowed. Errors: DATA (none, where it is
 * required; no UTF-8), MISMATCH (another than the model's), MEMORY. */
elman_status labelled_find_label(LabelledReading *reading, const char *text, size_t size,
                                 size_t line, int32_t *label);

/* Names the last sequence. */
elman_status labelled_set_id(LabelledReading *reading, const char *text, size_t size);

/* A sequence that a file has in one row: its numbers, NaN for what is missing. */
typedef struct LabelledRow {
    float *values; /* released with memory_release */
    size_t count, capacity;
} LabelledRow;

/* Appends a number to the row. */
elman_status labelled_row_add(const LabelledReading *reading, LabelledRow *row, float value);

/* Makes the row a sequence of steps of as many numbers as options.step_features says, and empties
 * it. Missing numbers at its end make it shorter; `columns` (NULL: "number 1" and so on) names the
 * others in messages. Errors: DATA (no number, a missing one, part of a step), MEMORY. */
elman_status labelled_row_end(LabelledReading *reading, LabelledRow *row, const Names *columns,
                              size_t line);

/* A copy of `size` bytes as a string; NULL when there is no memory. */
char *labelled_copy(const LabelledReading *reading, const char *text, size_t size);

/* The readers, each of a whole file. Errors: FORMAT, DATA, UNSUPPORTED, MISMATCH, MEMORY. */
elman_status labelled_read_table(LabelledReading *reading, const char *text, size_t size);
elman_status labelled_read_ucr(LabelledReading *reading, const char *text, size_t size);
elman_status labelled_read_ts(LabelledReading *reading, const char *text, size_t size);
elman_status labelled_read_arff(LabelledReading *reading, const char *text, size_t size);
elman_status labelled_read_tokens(LabelledReading *reading, const char *text, size_t size);

/* Whether a path is called like R's data files, and reading one, with labelled_finish. Errors: IO
 * besides. */
bool labelled_is_r(const char *path);
elman_status labelled_read_r(LabelledReading *reading, const char *path);

/* Fills in what follows from the rest once all is read: numbers between, ids, the order of the
 * labels, the digest. Errors: DATA (no sequence; nothing to interpolate from), MEMORY. */
elman_status labelled_finish(LabelledReading *reading);

#endif
