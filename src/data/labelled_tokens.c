/* Sentences with a token a line and its label in the last column, as those of CoNLL's tasks. */
#include <string.h>

#include "core/fail.h"
#include "data/labelled.h"
#include "data/lines.h"

/* A line's first and last column, and how many it has. */
typedef struct TokenLine {
    Span token, label;
    size_t columns;
} TokenLine;

/* Tabs stand between columns where there is one, else blanks do. */
static TokenLine split(Span line) {
    const bool tabs = line.size > 0 && memchr(line.text, '\t', line.size) != NULL;
    TokenLine result = {{NULL, 0}, {NULL, 0}, 0};
    Span column;
    while (tabs ? span_cut(&line, '\t', &column) : span_word(&line, &column)) {
        if (result.columns++ == 0) result.token = span_trim(column);
        result.label = column;
    }
    return result;
}

static bool is_skipped(Span line, bool starts) {
    static const char document[] = "-DOCSTART-";
    if (line.size >= sizeof document - 1 && memcmp(line.text, document, sizeof document - 1) == 0)
        return true;
    return starts && line.size > 0 && line.text[0] == '#' &&
           (line.size == 1 || line.text[1] == ' ');
}

/* The place and number of columns of the first token. */
typedef struct FirstToken {
    size_t line, columns;
} FirstToken;

static elman_status check_columns(const LabelledReading *reading, const TokenLine *tokens,
                                  size_t line, FirstToken *first) {
    if (first->columns == 0) *first = (FirstToken){line, tokens->columns};
    if (tokens->columns != first->columns)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has %zu columns, expected %zu as in "
                    "line %zu",
                    reading->name, line, tokens->columns, first->columns, first->line);
    if (tokens->columns == 1 && reading->options.need == ELMAN_LABELS_REQUIRED)
        return fail(reading->error, ELMAN_ERR_DATA,
                    "%s:%zu: has one column, expected a token and its label", reading->name, line);
    if (tokens->token.size == 0)
        return fail(reading->error, ELMAN_ERR_DATA, "%s:%zu: the token is missing", reading->name,
                    line);
    return ELMAN_OK;
}

elman_status labelled_read_tokens(LabelledReading *reading, const char *text, size_t size) {
    Lines lines = lines_begin(text, size);
    FirstToken first = {0, 0};
    bool starts = true;
    elman_status status = ELMAN_OK;
    Span line;
    reading->data->kind = ELMAN_LABELLED_TOKENS;
    reading->data->format = "tokens";
    while (!status && lines_next(&lines, &line)) {
        int32_t label = -1;
        if (span_trim(line).size == 0) {
            starts = true;
            continue;
        }
        if (is_skipped(line, starts)) continue;
        const TokenLine tokens = split(line);
        status = check_columns(reading, &tokens, lines.line, &first);
        if (!status && tokens.columns > 1)
            status = labelled_find_label(reading, tokens.label.text, tokens.label.size, lines.line,
                                         &label);
        if (!status && starts) status = labelled_begin(reading, lines.line);
        if (!status)
            status = labelled_append_token(reading, tokens.token.text, tokens.token.size, label,
                                           lines.line);
        starts = false;
    }
    return status;
}
