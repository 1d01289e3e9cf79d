/* Transposition, on which packing rests, of every shape and on every instruction set: each number
 * in its place, nothing read or written outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "support/guarded.h"
#include "support/passes.h"

enum { COLUMNS_MAX = 35, GAP = 3 };

/* The input ends where its block ends, so that the address sanitizer sees a read behind it. */
static void check_shape(const Kernels *kernels, size_t rows, size_t columns) {
    const size_t in_row = columns + GAP, out_row = PANEL * (1 + columns % 3);
    const size_t count = (rows - 1) * in_row + columns;
    float *const in = zeroed(count, sizeof(float));
    random_floats(in, count, 1.0f, rows * 100 + columns);
    Guarded out = guarded((columns - 1) * out_row + PANEL);
    for (size_t i = 0; i < out.count; i++) out.data[i] = 7.0f;
    const Transpose transpose = {
        .rows = rows,
        .columns = columns,
        .in = in,
        .in_row = in_row,
        .out = out.data,
        .out_row = out_row,
    };
    kernels->transpose(&transpose);
    check_guards(&out, "transpose");
    for (size_t i = 0; i < out.count; i++) {
        const size_t k = i / out_row, l = i % out_row;
        const float want = l >= PANEL ? 7.0f : l < rows ? in[l * in_row + k] : 0.0f;
        if (memcmp(&out.data[i], &want, sizeof want) != 0)
            fail_msg("transpose/%s: %zu rows of %zu: [%zu][%zu] is %g, expected %g", kernels->name,
                     rows, columns, k, l, (double)out.data[i], (double)want);
    }
    release(&out);
    free(in);
}

static void check_tier(const Kernels *kernels) {
    for (size_t rows = 1; rows <= PANEL; rows++)
        for (size_t columns = 1; columns <= COLUMNS_MAX; columns++)
            check_shape(kernels, rows, columns);
}

static void every_number_takes_its_place(void **state) {
    (void)state;
    each_tier(check_tier);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_number_takes_its_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
