/* Texts cut into lines, and lines into fields. */
#include "data/lines.h"

#include <math.h>
#include <string.h>

#include "core/decimal.h"

enum { SHOWN_MAX = 40 };

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

Lines lines_begin(const char *text, size_t size) {
    const size_t mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return (Lines){.at = text + mark, .end = text + size};
}

bool lines_next(Lines *lines, Span *line) {
    const char *at = lines->at;
    if (at == lines->end) return false;
    while (at < lines->end && *at != '\n' && *at != '\r') at++;
    *line = (Span){lines->at, (size_t)(at - lines->at)};
    if (at < lines->end && *at == '\r' && at + 1 < lines->end && at[1] == '\n') at++;
    lines->at = at < lines->end ? at + 1 : at;
    lines->line++;
    return true;
}

Span span_trim(Span span) {
    while (span.size > 0 && is_blank(span.text[0])) {
        span.text++;
        span.size--;
    }
    while (span.size > 0 && is_blank(span.text[span.size - 1])) span.size--;
    return span;
}

bool span_cut(Span *rest, char separator, Span *part) {
    if (!rest->text) return false;
    const char *const found = rest->size ? memchr(rest->text, separator, rest->size) : NULL;
    *part = *rest;
    if (found) {
        part->size = (size_t)(found - rest->text);
        rest->text = found + 1;
        rest->size -= part->size + 1;
    } else {
        *rest = (Span){NULL, 0};
    }
    return true;
}

bool span_word(Span *rest, Span *word) {
    *rest = span_trim(*rest);
    size_t size = 0;
    while (size < rest->size && !is_blank(rest->text[size])) size++;
    *word = (Span){rest->text, size};
    rest->text += size;
    rest->size -= size;
    return size > 0;
}

bool span_is(Span span, const char *word) {
    if (span.size != strlen(word)) return false;
    for (size_t i = 0; i < span.size; i++) {
        const char c = span.text[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != word[i]) return false;
    }
    return true;
}

int span_shown(Span span) {
    size_t size = span.size < SHOWN_MAX ? span.size : SHOWN_MAX;
    if (size < span.size)
        while (size > 0 && ((unsigned char)span.text[size] & 0xC0) == 0x80) size--;
    return (int)size;
}

bool span_number(Span span, float *value) {
    span = span_trim(span);
    if (span.size == 0 || span_is(span, "?") || span_is(span, "nan")) {
        *value = NAN;
        return true;
    }
    return decimal_read(span.text, span.size, value);
}
