/* Lists of names in options. */
#include "names.h"

#include <stdbool.h>

/* Copies what a quote at `at` begins; returns what is behind it, NULL when it is not closed. */
static const char *take_quoted(const char *at, char **to) {
    for (at++; *at; at++) {
        if (*at == '"' && *++at != '"') return at;
        *(*to)++ = *at;
    }
    return NULL;
}

size_t names_cut(char *text, const char **names, size_t room) {
    const char *at = text;
    char *to = text;
    for (size_t count = 0; count < room; at++) {
        names[count] = to;
        if (*at == '"') {
            at = take_quoted(at, &to);
        } else {
            while (*at != '\0' && *at != ',') *to++ = *at++;
        }
        if (!at || to == names[count] || (*at != '\0' && *at != ',')) return 0;
        const bool ended = *at == '\0';
        *to++ = '\0';
        count++;
        if (ended) return count;
    }
    return 0;
}
