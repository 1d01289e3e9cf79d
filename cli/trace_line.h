/* Equations with numbers in them, wrapped at 80 columns, long sums cut in the middle. */
#ifndef CLI_TRACE_LINE_H
#define CLI_TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/export.h>

typedef struct TraceLine {
    size_t column;
    /* Of the sum that is being written: its terms, and how many are behind. */
    size_t terms, done;
    bool all; /* cut no sum */
} TraceLine;

enum { LINE_TERMS_MAX = 12, LINE_TERMS_FIRST = 7, LINE_TERMS_LAST = 4 };

/* Writes one piece, which is not broken; on a new line where it would pass column 80. */
void line_put(TraceLine *line, const char *format, ...) ELMAN_PRINTF(2, 3);

void line_end(TraceLine *line);

/* A sum of `terms` terms follows. */
void line_sum(TraceLine *line, size_t terms);

/* The next term: a product of `count` numbers. */
void line_term(TraceLine *line, const double *factors, size_t count);

/* A number in a product or a power: in parentheses when it is negative. */
const char *line_factor(double number, char text[40]);

#endif
