/* Texts cut into lines, and lines into fields. */
#ifndef DATA_LINES_H
#define DATA_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* A part of a text. */
typedef struct Span {
    const char *text;
    size_t size;
} Span;

/* What is still to be read. */
typedef struct Lines {
    const char *at, *end;
    size_t line; /* of the line that lines_next gave; 0: none yet */
} Lines;

/* Begins a text; a byte order mark of UTF-8 is skipped. */
Lines lines_begin(const char *text, size_t size);

/* The next line without its end (LF, CRLF or CR). False: there is none. */
bool lines_next(Lines *lines, Span *line);

/* Without the spaces and tabs around it. */
Span span_trim(Span span);

/* What stands before the first `separator`, which is removed from `rest` with it. False once
 * nothing is left; an empty text has one empty part. Start with rest->text set. */
bool span_cut(Span *rest, char separator, Span *part);

/* The next word between spaces and tabs; false: there is none. */
bool span_word(Span *rest, Span *word);

/* Whether it is `word`, in letters of either case; `word` has small ones. */
bool span_is(Span span, const char *word);

/* The bytes to print with "%.*s" in a message: not too many, and whole characters. */
int span_shown(Span span);

/* A finite float, or what stands for a missing one ("?", "NaN", nothing), which becomes NaN. False
 * for anything else. */
bool span_number(Span span, float *value);

#endif
