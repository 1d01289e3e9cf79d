/* Arrays between guards, for kernels that must not write outside, and what tests of kernels share.
 */
#include "support/guarded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/passes.h"

enum { GUARD = 16 };

static const uint32_t guard_bits = 0xdeadbeef;

Guarded guarded(size_t count) {
    Guarded g = {NULL, NULL, count};
    const size_t floats = (count + 2 * GUARD + 15) / 16 * 16;
    g.block = aligned_alloc(64, floats * sizeof *g.block);
    assert_non_null(g.block);
    for (size_t i = 0; i < floats; i++) memcpy(&g.block[i], &guard_bits, sizeof guard_bits);
    g.data = g.block + GUARD;
    memset(g.data, 0, count * sizeof *g.data);
    return g;
}

static bool is_guard(const float *x) {
    return memcmp(x, &guard_bits, sizeof guard_bits) == 0;
}

void check_guards(const Guarded *array, const char *what) {
    for (size_t i = 1; i <= GUARD; i++)
        if (!is_guard(array->data - i) || !is_guard(array->data + array->count + i - 1))
            fail_msg("%s: written outside its array", what);
}

void release(Guarded *array) {
    free(array->block);
    *array = (Guarded){0};
}

void release_all(Guarded *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) release(&arrays[i]);
}

void check_like(const float *got, const float *want, size_t count, const char *what,
                const char *tier) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("%s/%s: [%zu] is %a, expected %a", what, tier, i, (double)got[i],
                     (double)want[i]);
}

void each_tier(void (*check)(const Kernels *)) {
    for (size_t i = 0; i < ISAS; i++) {
        const Kernels *const kernels = kernels_select(all_isas[i]);
        if (kernels) check(kernels);
    }
}
