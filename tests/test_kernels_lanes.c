/* Products with several vectors in double, of every shape around a tile and on every instruction
 * set: the bits of plain sums, nothing written outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "reference/reference.h"
#include "support/guarded.h"
#include "support/passes.h"

enum { ROWS_MAX = 19, COLUMNS_MAX = 9, GAP = 3 };

static void check_shape(const Kernels *kernels, size_t rows, size_t columns) {
    const size_t stride = columns + GAP, outs = rows * LANES;
    double *const matrix = zeroed(rows * stride, sizeof *matrix);
    double *const vectors = zeroed(columns * LANES, sizeof *vectors);
    double *const out = zeroed(outs + LANES, sizeof *out);
    ref_fill(matrix, rows * stride, -1.0, 1.0, rows);
    ref_fill(vectors, columns * LANES, -1.0, 1.0, columns);
    for (size_t i = 0; i < outs + LANES; i++) out[i] = 7.0;
    const LanesProduct product = {matrix, stride, rows, columns, vectors, out};
    kernels->lanes_product(&product);
    for (size_t i = 0; i < outs + LANES; i++) {
        double want = i < outs ? 0.0 : 7.0;
        for (size_t c = 0; c < columns && i < outs; c++)
            want += matrix[i / LANES * stride + c] * vectors[c * LANES + i % LANES];
        if (memcmp(&out[i], &want, sizeof want) != 0)
            fail_msg("lanes_product/%s: %zu rows of %zu: [%zu] is %a, expected %a", kernels->name,
                     rows, columns, i, out[i], want);
    }
    free(matrix);
    free(vectors);
    free(out);
}

static void check_tier(const Kernels *kernels) {
    for (size_t rows = 0; rows <= ROWS_MAX; rows++)
        for (size_t columns = 0; columns <= COLUMNS_MAX; columns++)
            check_shape(kernels, rows, columns);
}

static void sums_have_the_same_bits(void **state) {
    (void)state;
    each_tier(check_tier);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_have_the_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
