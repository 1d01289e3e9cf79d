/* Pictures in memory, for the tests of diagrams. Included after cmocka.h. */
#ifndef DIAGRAM_SHEET_H
#define DIAGRAM_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that grows. */
typedef struct Sheet {
    char *text;
    size_t size;
} Sheet;

static inline int sheet_write(void *user, const char *bytes, size_t size) {
    Sheet *const sheet = user;
    char *const longer = realloc(sheet->text, sheet->size + size + 1);
    if (!longer) return 1;
    memcpy(longer + sheet->size, bytes, size);
    sheet->text = longer;
    sheet->size += size;
    longer[sheet->size] = '\0';
    return 0;
}

/* Tags nest, attributes are quoted, nothing stands after the root. */
static inline void check_xml(const char *name, const char *text) {
    char open[16][16];
    size_t depth = 0;
    const char *at = text;
    while ((at = strchr(at, '<')) != NULL) {
        const char *const end = strchr(at, '>');
        if (!end) fail_msg("%s: a tag without an end", name);
        size_t quotes = 0;
        for (const char *c = at; c < end; c++) quotes += *c == '"';
        if (quotes % 2 != 0) fail_msg("%s: a quote without its partner: %.40s", name, at);
        const bool closing = at[1] == '/';
        const size_t length = strcspn(at + 1 + closing, " />");
        assert_true(length < sizeof(open[0]));
        if (closing) {
            assert_true(depth > 0);
            depth--;
            if (strlen(open[depth]) != length || strncmp(open[depth], at + 2, length) != 0) {
                fail_msg("%s: %s ends as %.20s", name, open[depth], at);
            }
        } else if (end[-1] != '/') {
            assert_true(depth < 16);
            (void)snprintf(open[depth++], sizeof(open[0]), "%.*s", (int)length, at + 1);
        }
        at = end + 1;
        if (depth == 0) break;
    }
    assert_int_equal(depth, 0);
    assert_string_equal(at, "\n");
}

#endif
