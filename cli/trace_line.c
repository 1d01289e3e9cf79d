/* Writes equations with numbers in them. */
#include "trace_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

enum { LINE_WIDTH = 80, LINE_INDENT = 6, PIECE_MAX = 512 };

void line_put(TraceLine *line, const char *format, ...) {
    char piece[PIECE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    size_t length = strlen(piece);
    const char *from = piece;
    if (line->column > LINE_INDENT && line->column + length > LINE_WIDTH) {
        output_print("\n%*s", LINE_INDENT, "");
        line->column = LINE_INDENT;
        while (*from == ' ') {
            from++;
            length--;
        }
    }
    output_print("%s", from);
    line->column += length;
}

void line_end(TraceLine *line) {
    output_print("\n");
    line->column = 0;
}

void line_sum(TraceLine *line, size_t terms) {
    line->terms = terms;
    line->done = 0;
    if (terms == 0) line_put(line, " 0");
}

const char *line_factor(double number, char text[40]) {
    (void)snprintf(text, 40, number < 0.0 ? "(%.7g)" : "%.7g", number + 0.0);
    return text;
}

void line_term(TraceLine *line, const double *factors, size_t count) {
    const size_t index = line->done++;
    const bool cut = !line->all && line->terms > LINE_TERMS_MAX;
    const bool negative = factors[0] < 0.0;
    char text[40], piece[PIECE_MAX];
    size_t used = 0;
    if (cut && index >= LINE_TERMS_FIRST && index < line->terms - LINE_TERMS_LAST) {
        if (index == LINE_TERMS_FIRST) {
            line_put(line, " + ... (%zu more)", line->terms - LINE_TERMS_FIRST - LINE_TERMS_LAST);
        }
        return;
    }
    used += (size_t)snprintf(piece, sizeof(piece), "%s%.7g",
                             index == 0 ? negative ? " -" : " "
                             : negative ? " - "
                                        : " + ",
                             fabs(factors[0]));
    for (size_t i = 1; i < count; i++) {
        used += (size_t)snprintf(piece + used, sizeof(piece) - used, "*%s",
                                 line_factor(factors[i], text));
    }
    line_put(line, "%s", piece);
}
