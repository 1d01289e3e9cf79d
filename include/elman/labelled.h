/* Labelled sequences from files: texts or sequences of numbers with one label each, and sentences
 * with a label for each token.
 *
 * What is read, with ".gz" behind it or without, "-" being standard input:
 *
 *     texts     CSV or TSV with a column of texts and one of labels; a data frame of R's (.rda,
 *               .rds, .rdx with .rdb)
 *     numbers   CSV or TSV, long form: a row for each step; the rows of one id are a sequence, in
 *               the file's order, and have one label. Wide form: a row for each sequence, its
 *               columns being the steps; missing numbers at the end make it shorter. A first line
 *               of numbers alone is data: the columns are then called 1, 2, 3, ...
 *               The archives' formats: sktime's and aeon's .ts, Weka's .arff with numeric or
 *               relational attributes, UCR .tsv (the label first, numbers after tabs, no heading)
 *     tokens    a token a line, its label in the line's last column (tabs or blanks between), an
 *               empty line between sentences. Lines at a sentence's start that begin with "# ", and
 *               -DOCSTART- lines, are skipped. Lines of one column are tokens without labels
 *
 * Formats are told apart by what the file holds; R's files by the end of their name. A label is any
 * text; blanks around it do not count. */
#ifndef ELMAN_LABELLED_H
#define ELMAN_LABELLED_H

#include <stddef.h>
#include <stdint.h>

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_labelled elman_labelled;

typedef enum elman_labelled_kind {
    ELMAN_LABELLED_ANY,     /* in options: texts or numbers, as the file shows */
    ELMAN_LABELLED_TEXT,    /* one text, one label */
    ELMAN_LABELLED_NUMBERS, /* steps of numbers, one label */
    ELMAN_LABELLED_TOKENS   /* steps of tokens, each with its label */
} elman_labelled_kind;

/* What to make of sequences whose label the file does not have: refuse them, take them along
 * without, or never look for one (a first column of UCR numbers is skipped even so). A column of
 * labels may then be missing altogether; single labels may be empty or "?". */
typedef enum elman_label_need {
    ELMAN_LABELS_REQUIRED,
    ELMAN_LABELS_OPTIONAL,
    ELMAN_LABELS_IGNORED
} elman_label_need;

/* The options that name columns are for CSV, TSV and data frames alone. */
typedef struct elman_labelled_options {
    size_t struct_size;       /* sizeof(elman_labelled_options) */
    elman_labelled_kind kind; /* TOKENS must be asked for */
    const char *text;         /* the column of texts. NULL: "text" where there is one; in a table of
                                 two columns without numbers, the one that holds no labels */
    const char *label;        /* the column of labels. NULL: "label" where there is one, else, where
                                 labels are required, the last one of two columns or of a table
                                 without heading */
    const char *id; /* numbers: the column of ids, which makes it the long form. NULL: "id",
                       which makes it so where one of its values occurs twice */
    const char *const *columns; /* [column_count] numbers: the columns to take, in that order. None:
                                   all others that hold numbers alone */
    size_t column_count;
    size_t step_features; /* numbers, wide form and UCR: each step takes so many columns; 0: 1 */
    int interpolate;      /* numbers: zero: a missing one is refused, with its place; non-zero: a
                             straight line between its neighbours replaces it, the nearest number
                             at the ends */
    elman_label_need need;
    const char *const *labels; /* [label_count] the labels of a model, in its order: others are
                                  refused by name. NULL: those of the file, sorted by their values
                                  where all are numbers, else by their bytes */
    size_t label_count;
    const char *object; /* of an R file that holds several data frames: the one to read */
} elman_labelled_options;

/* Reads a file of at most 4 GiB; `options` NULL: all defaults. Errors: IO, ARGUMENT (options that
 * make no sense), FORMAT and DATA (with file and line), UNSUPPORTED (time stamps in .ts, sparse
 * .arff, R data that cannot be read), MISMATCH (a label that is not in options.labels, with its
 * line), MEMORY. */
ELMAN_API elman_status elman_labelled_load(elman_context *context, const char *path,
                                           const elman_labelled_options *options,
                                           elman_labelled **data, elman_error *error);

/* The same from memory, but for R files; `name` stands in messages. */
ELMAN_API elman_status elman_labelled_from_memory(elman_context *context, const char *name,
                                                  const void *bytes, size_t size,
                                                  const elman_labelled_options *options,
                                                  elman_labelled **data, elman_error *error);
ELMAN_API void elman_labelled_destroy(elman_labelled *data);

/* TEXT, NUMBERS or TOKENS. */
ELMAN_API elman_labelled_kind elman_labelled_get_kind(const elman_labelled *data);

/* "csv", "csv-long", "csv-wide", "ts", "arff", "ucr", "r", "tokens". */
ELMAN_API const char *elman_labelled_format(const elman_labelled *data);

/* How many sequences there are, at least 1. */
ELMAN_API size_t elman_labelled_count(const elman_labelled *data);

/* The steps of a sequence, at least 1: of numbers, or tokens. Of a text: its bytes, which may be 0.
 */
ELMAN_API size_t elman_labelled_length(const elman_labelled *data, size_t index);

/* Numbers a step has; 0 for texts and tokens. */
ELMAN_API size_t elman_labelled_features(const elman_labelled *data);

/* Numbers: [length][features], finite. NULL for the others. */
ELMAN_API const float *elman_labelled_values(const elman_labelled *data, size_t index);

/* Text: valid UTF-8 of elman_labelled_length bytes without NUL, and a NUL behind them. NULL for the
 * others. */
ELMAN_API const char *elman_labelled_text(const elman_labelled *data, size_t index);

/* Tokens: the one at `step`, valid UTF-8, never empty. NULL for the others. */
ELMAN_API const char *elman_labelled_token(const elman_labelled *data, size_t index, size_t step);

/* Whether at least one sequence has its label. */
ELMAN_API int elman_labelled_has_labels(const elman_labelled *data);

/* Text, numbers: which label, -1 where there is none. */
ELMAN_API int32_t elman_labelled_label(const elman_labelled *data, size_t index);

/* Tokens: [length] which label each has, -1 where there is none. NULL for the others. */
ELMAN_API const int32_t *elman_labelled_labels(const elman_labelled *data, size_t index);

/* The labels: options.labels, or those that occur. */
ELMAN_API size_t elman_labelled_label_count(const elman_labelled *data);
ELMAN_API const char *elman_labelled_label_name(const elman_labelled *data, size_t label);

/* What the file calls a sequence: its id in the long form, else its number from 1 on. */
ELMAN_API const char *elman_labelled_id(const elman_labelled *data, size_t index);

/* The line where it begins, 1 for the first; for R files its row. */
ELMAN_API size_t elman_labelled_line(const elman_labelled *data, size_t index);

/* The columns that were read, for reading another file in the same way; NULL: there is none. */
ELMAN_API const char *elman_labelled_text_column(const elman_labelled *data);
ELMAN_API const char *elman_labelled_label_column(const elman_labelled *data);
ELMAN_API const char *elman_labelled_id_column(const elman_labelled *data);

/* The columns of numbers, of CSV, TSV and data frames; of the others none. */
ELMAN_API size_t elman_labelled_column_count(const elman_labelled *data);
ELMAN_API const char *elman_labelled_column(const elman_labelled *data, size_t column);

/* SHA-256 of what was read (labels, ids, numbers, texts), in hex. */
ELMAN_API const char *elman_labelled_digest(const elman_labelled *data);

#ifdef __cplusplus
}
#endif

#endif
