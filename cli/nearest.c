/* Edit distance between names. */
#include "nearest.h"

#include <string.h>

enum { LENGTH_MAX = 31 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal
 * string alignment); LENGTH_MAX + 1 when one of them is longer than LENGTH_MAX. */
static size_t distance(const char *a, const char *b) {
    size_t rows[LENGTH_MAX + 1][LENGTH_MAX + 1];
    const size_t m = strlen(a), n = strlen(b);
    if (m > LENGTH_MAX || n > LENGTH_MAX) return LENGTH_MAX + 1;
    for (size_t j = 0; j <= n; j++) rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        rows[i][0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            size_t cost = least(replaced, least(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost = least(cost, rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = cost;
        }
    }
    return rows[m][n];
}

const char *nearest(const char *wanted, const char *const *names, size_t count) {
    const size_t length = strlen(wanted);
    const char *best = NULL;
    size_t best_cost = length / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        /* Half a name is a common slip, and far from the whole one. */
        const int begins = length >= 3 && strncmp(wanted, names[i], length) == 0;
        const size_t cost = begins ? 1 : distance(wanted, names[i]);
        if (cost < best_cost && cost < length) {
            best = names[i];
            best_cost = cost;
        }
    }
    return best;
}
