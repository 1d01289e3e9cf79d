/* The products of every instruction set: exactly in whole numbers and within Higham's bound in real
 * ones, nothing read or written outside, NaN and infinity passed on, the same bits on every set.
 *
 * With ELMAN_FULL=1 or --full at every combination of sizes. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "support/guarded.h"
#include "support/passes.h"

enum { SIZE_MAX_TESTED = 67, PANELS_MAX_TESTED = 9 };
static bool full;

/* An array that ends where its block ends, so that the address sanitizer sees a read behind it. */
static float *tight(size_t count) {
    return zeroed(count, sizeof(float));
}

/* Whole numbers in [-bound, bound]. */
static void fill_whole(float *values, size_t count, int bound, uint64_t seed) {
    random_floats(values, count, (float)bound + 0.999f, seed);
    for (size_t i = 0; i < count; i++) values[i] = truncf(values[i]);
}

/* ---- product ---- */

typedef struct ProductCase {
    size_t rows, panels, blocks, inner, shift;
    size_t first; /* of the panels that are computed, modulo their number */
    bool bias, whole, descending;
} ProductCase;

typedef struct ProductData {
    Product p;
    float *a, *w, *bias;
    Guarded out;
    float *before; /* a copy of out */
} ProductData;

static ProductData product_data(const ProductCase *c) {
    ProductData d = {0};
    const size_t columns = c->panels * PANEL, gap = 5;
    const size_t a_block = c->inner + 3, a_row = c->blocks * a_block + 2;
    const size_t a_count = c->shift + (c->rows - 1) * a_row + (c->blocks - 1) * a_block + c->inner;
    const size_t first = c->first % c->panels, w_count = c->panels * c->blocks * c->inner * PANEL;
    d.a = tight(a_count);
    d.w = tight(w_count);
    d.bias = tight(columns);
    d.out = guarded((c->rows - 1) * (columns + gap * 16) + columns);
    d.before = tight(d.out.count);
    if (c->whole) {
        fill_whole(d.a, a_count, 40, 1);
        fill_whole(d.w, w_count, 40, 2);
        fill_whole(d.bias, columns, 1000, 3);
        fill_whole(d.out.data, d.out.count, 1000, 4);
    } else {
        random_floats(d.a, a_count, 1.0f, 1);
        random_floats(d.w, w_count, 1.0f, 2);
        random_floats(d.bias, columns, 1.0f, 3);
        random_floats(d.out.data, d.out.count, 1.0f, 4);
    }
    memcpy(d.before, d.out.data, d.out.count * sizeof *d.before);
    d.p = (Product){
        .steps = 1,
        .rows = c->rows,
        .panels = c->panels,
        .panel_begin = first,
        .panel_end = c->panels - (c->panels - first) / 3,
        .blocks = c->blocks,
        .inner = c->inner,
        .a = d.a + c->shift,
        .a_row = a_row,
        .a_block = a_block,
        .w = d.w,
        .bias = c->bias ? d.bias : NULL,
        .out = d.out.data,
        .out_row = columns + gap * 16,
        .descending = c->descending,
    };
    return d;
}

/* Where row k of a column's weights stands: groups of four panels side by side; what is left
 * behind them makes one group, or two where it is more than four. */
static size_t weight_at(const Product *p, size_t column, size_t k) {
    const size_t rows = p->blocks * p->inner;
    for (size_t first = 0, count;; first += count) {
        const size_t left = p->panels - first;
        count = left >= 8 ? 4 : left > 4 ? (left + 1) / 2 : left;
        if (column < (first + count) * PANEL)
            return first * PANEL * rows + k * count * PANEL + column - first * PANEL;
    }
}

static bool is_computed(const Product *p, size_t column) {
    return column >= p->panel_begin * PANEL && column < p->panel_end * PANEL;
}

static void product_free(ProductData *d) {
    free(d->a);
    free(d->w);
    free(d->bias);
    free(d->before);
    release(&d->out);
}

/* One element in double (exact for whole numbers) and the sum of its terms' magnitudes. */
static double product_element(const ProductData *d, size_t row, size_t column, double *magnitude) {
    const Product *const p = &d->p;
    double sum = (double)(p->bias ? p->bias[column] : d->before[row * p->out_row + column]);
    *magnitude = fabs(sum);
    for (size_t b = 0; b < p->blocks; b++)
        for (size_t k = 0; k < p->inner; k++) {
            const double term = (double)p->a[row * p->a_row + b * p->a_block + k] *
                                (double)p->w[weight_at(p, column, b * p->inner + k)];
            sum += term;
            *magnitude += fabs(term);
        }
    return sum;
}

/* |computed - exact| <= gamma_n * sum |terms|, gamma_n = n u / (1 - n u), for a chain of n fused
 * multiply-adds, u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, ch. 3). */
static double higham_bound(size_t n, double magnitude) {
    const double nu = (double)n * 0x1p-24;
    return nu / (1.0 - nu) * magnitude;
}

static void check_product(const Kernels *kernels, const ProductCase *c) {
    ProductData d = product_data(c);
    kernels->product(&d.p);
    check_guards(&d.out, "product");
    for (size_t i = 0; i < d.out.count; i++) {
        const size_t row = i / d.p.out_row, column = i % d.p.out_row;
        const double got = (double)d.out.data[i];
        if (!is_computed(&d.p, column)) {
            if (memcmp(&d.out.data[i], &d.before[i], sizeof(float)) != 0)
                fail_msg("product/%s: written beside the panels", kernels->name);
            continue;
        }
        double magnitude;
        const double want = product_element(&d, row, column, &magnitude);
        const double bound = c->whole ? 0.0 : higham_bound(c->blocks * c->inner, magnitude);
        if (!(fabs(got - want) <= bound))
            fail_msg("product/%s: %zu rows, %zu panels, %zu x %zu: [%zu][%zu] is %.9g, expected "
                     "%.9g +- %.2g",
                     kernels->name, c->rows, c->panels, c->blocks, c->inner, row, column, got, want,
                     bound);
    }
    product_free(&d);
}

/* Each size of rows and of the reduction with each number of panels, the rest taken in turns. */
static void products(const Kernels *kernels) {
    size_t turn = 0;
    for (size_t panels = 1; panels <= PANELS_MAX_TESTED; panels++)
        for (size_t size = 1; size <= SIZE_MAX_TESTED; size++)
            for (size_t other = 1; other <= (full ? SIZE_MAX_TESTED : 2); other++) {
                const size_t turned = full ? other : 1 + turn * 29 % SIZE_MAX_TESTED;
                const bool swap = !full && other == 2;
                const ProductCase c = {
                    .rows = swap ? turned : size,
                    .panels = panels,
                    .blocks = 1 + turn / 3 % 3,
                    .inner = swap ? size : turned,
                    .shift = turn % 16,
                    .first = turn % 5 == 0 ? turn / 5 : 0,
                    .descending = turn / 4 % 2,
                    .bias = turn / 2 % 2,
                    .whole = turn % 3 != 0,
                };
                check_product(kernels, &c);
                turn++;
            }
}

static void test_products(void **state) {
    (void)state;
    each_tier(products);
}

/* ---- outer product ---- */

typedef struct OuterData {
    OuterProduct p;
    float *a, *b, *before;
    Guarded c;
} OuterData;

static const float nowhere[PANEL];
static Ahead nothing_ahead = {.end = nowhere};

static OuterData outer_data(size_t steps, size_t inputs, size_t vectors, size_t shift, bool whole) {
    OuterData d = {0};
    const size_t a_row = inputs + 3, b_row = vectors * PANEL + 16;
    const size_t c_row = vectors * PANEL + 16;
    const size_t a_count = shift + (steps - 1) * a_row + inputs;
    const size_t b_count = steps * b_row - 16;
    d.a = tight(a_count);
    d.b = tight(b_count);
    d.c = guarded((inputs - 1) * c_row + vectors * PANEL);
    d.before = tight(d.c.count);
    if (whole) {
        fill_whole(d.a, a_count, 40, 1);
        fill_whole(d.b, b_count, 40, 2);
        fill_whole(d.c.data, d.c.count, 1000, 3);
    } else {
        random_floats(d.a, a_count, 1.0f, 1);
        random_floats(d.b, b_count, 1.0f, 2);
        random_floats(d.c.data, d.c.count, 1.0f, 3);
    }
    memcpy(d.before, d.c.data, d.c.count * sizeof *d.before);
    d.p = (OuterProduct){
        .steps = steps,
        .inputs = inputs,
        .vectors = vectors,
        .a = d.a + shift,
        .a_row = a_row,
        .b = d.b,
        .b_row = b_row,
        .c = d.c.data,
        .c_row = c_row,
        .ahead = &nothing_ahead,
    };
    return d;
}

static void outer_free(OuterData *d) {
    free(d->a);
    free(d->b);
    free(d->before);
    release(&d->c);
}

static void check_outer(const Kernels *kernels, size_t steps, size_t inputs, size_t vectors,
                        size_t shift, bool whole) {
    OuterData d = outer_data(steps, inputs, vectors, shift, whole);
    kernels->outer_product(&d.p);
    check_guards(&d.c, "outer product");
    for (size_t i = 0; i < d.c.count; i++) {
        const size_t input = i / d.p.c_row, column = i % d.p.c_row;
        double sum = (double)d.before[i], magnitude = fabs(sum);
        for (size_t k = 0; k < steps && column < vectors * PANEL; k++) {
            const double term =
                (double)d.p.a[k * d.p.a_row + input] * (double)d.b[k * d.p.b_row + column];
            sum += term;
            magnitude += fabs(term);
        }
        const bool outside = column >= vectors * PANEL;
        const double bound = whole || outside ? 0.0 : higham_bound(steps, magnitude);
        if (!(fabs((double)d.c.data[i] - sum) <= bound))
            fail_msg("outer product/%s: %zu steps, %zu inputs, %zu vectors: [%zu][%zu] is %.9g, "
                     "expected %.9g +- %.2g",
                     kernels->name, steps, inputs, vectors, input, column, (double)d.c.data[i], sum,
                     bound);
    }
    outer_free(&d);
}

static void outer_products(const Kernels *kernels) {
    static const size_t long_steps[] = {127, 128, 129, 255, 256, 257, 400};
    size_t turn = 0;
    for (size_t vectors = 1; vectors <= PANELS_MAX_TESTED; vectors++)
        for (size_t size = 1; size <= SIZE_MAX_TESTED; size++)
            for (size_t other = 1; other <= (full ? SIZE_MAX_TESTED : 2); other++) {
                const size_t turned = full ? other : 1 + turn * 29 % SIZE_MAX_TESTED;
                const bool swap = !full && other == 2;
                check_outer(kernels, swap ? size : turned, swap ? turned : size, vectors, turn % 16,
                            turn % 3 != 0);
                turn++;
            }
    for (size_t i = 0; i < sizeof long_steps / sizeof *long_steps; i++)
        for (size_t inputs = 1; inputs < 14; inputs++)
            check_outer(kernels, long_steps[i], inputs, 1 + inputs % 5, inputs, i % 2);
}

static void test_outer_products(void **state) {
    (void)state;
    each_tier(outer_products);
}

/* What is brought nearer is passed in order, a row after the other, and not beyond a tile's share.
 */
static void lines_ahead(const Kernels *kernels) {
    enum { ROWS = 40, LINES = 3, ROW = 5 * PANEL };
    static const float somewhere[2 * ROWS * ROW];
    OuterData d = outer_data(64, 13, 4, 0, true);
    const float *const last = somewhere + (ROWS - 1) * ROW + LINES * PANEL;
    Ahead ahead = {somewhere, somewhere + LINES * PANEL, ROW, ROW - LINES * PANEL, last};
    d.p.ahead = &ahead;
    for (size_t i = 0; i < 50 && ahead.end <= last; i++) {
        const float *const before = ahead.at;
        kernels->outer_product(&d.p);
        assert_true(ahead.at > before);
        assert_true((size_t)(ahead.at - somewhere) % ROW < LINES * PANEL);
        assert_true(ahead.end - ahead.at <= LINES * PANEL && ahead.end > ahead.at);
    }
    assert_true(ahead.end > last);
    outer_free(&d);
}

static void test_lines_ahead(void **state) {
    (void)state;
    each_tier(lines_ahead);
}

/* ---- their operands ---- */

static void column_blocks(const Kernels *kernels) {
    for (size_t i = 0; i < 400; i++) {
        const size_t rows = 1 + i % 7, columns = 1 + i * 31 % 150, width = 16 + i % 4 * 16;
        const size_t in_row = columns + i % 5, blocks = (columns + width - 1) / width;
        float *const in = tight((rows - 1) * in_row + columns);
        Guarded out = guarded(blocks * rows * width);
        random_floats(in, (rows - 1) * in_row + columns, 1.0f, i);
        const ColumnBlocks p = {rows, columns, in, in_row, width, out.data};
        kernels->column_blocks(&p);
        check_guards(&out, "column blocks");
        for (size_t at = 0; at < out.count; at++) {
            const size_t k = at / width % rows, c = at / width / rows * width + at % width;
            const float want = c < columns ? in[k * in_row + c] : 0.0f;
            assert_memory_equal(&out.data[at], &want, sizeof want);
        }
        release(&out);
        free(in);
    }
}

static void test_column_blocks(void **state) {
    (void)state;
    each_tier(column_blocks);
}

static void sum_rows(const Kernels *kernels) {
    enum { COUNT = 5, FIRST = 2 };
    for (size_t i = 0; i < 300; i++) {
        const size_t rows = 1 + i % 40, columns = 1 + i * 31 % 70;
        const size_t in_row = columns + i % 3, out_row = columns + i % 2;
        const size_t in_count = (rows - 1) * in_row + columns;
        float *const in = tight(in_count);
        int32_t *const index = zeroed(rows, sizeof *index);
        Guarded out = guarded((COUNT - 1) * out_row + columns);
        float *const want = tight(out.count);
        random_floats(in, in_count, 1.0f, i);
        random_floats(out.data, out.count, 1.0f, i + 1);
        memcpy(want, out.data, out.count * sizeof *want);
        for (size_t k = 0; k < rows; k++) {
            index[k] = (int32_t)(k * 7 % 11) - 1; /* -1: none; also below and above the range */
            if (index[k] < FIRST || index[k] >= FIRST + COUNT) continue;
            for (size_t c = 0; c < columns; c++)
                want[(size_t)(index[k] - FIRST) * out_row + c] += in[k * in_row + c];
        }
        const RowSums p = {rows, columns, index, FIRST, COUNT, in, in_row, out.data, out_row};
        kernels->sum_rows(&p);
        check_guards(&out, "sums of rows");
        check_like(out.data, want, out.count, "sums of rows", kernels->name);
        release(&out);
        free(want);
        free(index);
        free(in);
    }
}

static void test_sum_rows(void **state) {
    (void)state;
    each_tier(sum_rows);
}

/* ---- NaN and infinity ---- */

/* One odd number in a spoils its row, one in w its column; the others stay as they are. */
static void odd_numbers(const Kernels *kernels) {
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3 * 2 * 12; i++) {
        const ProductCase c = {.rows = 1 + i % 12, .panels = 1 + i % 5, .blocks = 1, .inner = 19};
        const bool in_a = i % 2;
        ProductData d = product_data(&c), plain = product_data(&c);
        const size_t row = i % c.rows, column = i * 7 % (c.panels * PANEL), k = i % 19;
        kernels->product(&plain.p);
        if (in_a)
            d.a[row * d.p.a_row + k] = odd[i / 2 % 3];
        else
            d.w[weight_at(&d.p, column, k)] = odd[i / 2 % 3];
        kernels->product(&d.p);
        for (size_t at = 0; at < d.out.count; at++) {
            const size_t r = at / d.p.out_row, o = at % d.p.out_row;
            const bool spoilt = is_computed(&d.p, o) && (in_a ? r == row : o == column);
            if (spoilt)
                assert_true(!isfinite(d.out.data[at]));
            else
                assert_memory_equal(&d.out.data[at], &plain.out.data[at], sizeof(float));
        }
        product_free(&d);
        product_free(&plain);
    }
}

static void test_odd_numbers(void **state) {
    (void)state;
    each_tier(odd_numbers);
}

/* ---- the same bits everywhere ---- */

static void products_like_portable(const Kernels *kernels) {
    const Kernels *const portable = kernels_select("portable");
    for (size_t i = 0; i < 600; i++) {
        const ProductCase c = {.rows = 1 + i % 23,
                               .panels = 1 + i % 11,
                               .blocks = 1 + i % 3,
                               .inner = 1 + i * 13 % 67,
                               .bias = i % 2};
        ProductData a = product_data(&c), b = product_data(&c);
        kernels->product(&a.p);
        portable->product(&b.p);
        check_like(a.out.data, b.out.data, a.out.count, "product", kernels->name);
        product_free(&a);
        product_free(&b);
        OuterData e = outer_data(1 + i % 300, 1 + i % 53, 1 + i % 9, 0, false);
        OuterData f = outer_data(1 + i % 300, 1 + i % 53, 1 + i % 9, 0, false);
        kernels->outer_product(&e.p);
        portable->outer_product(&f.p);
        check_like(e.c.data, f.c.data, e.c.count, "outer product", kernels->name);
        outer_free(&e);
        outer_free(&f);
    }
}

static void test_same_bits(void **state) {
    (void)state;
    each_tier(products_like_portable);
}

int main(int argc, char **argv) {
    const char *const environment = getenv("ELMAN_FULL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),    cmocka_unit_test(test_outer_products),
        cmocka_unit_test(test_lines_ahead), cmocka_unit_test(test_column_blocks),
        cmocka_unit_test(test_sum_rows),    cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_same_bits),
    };
    full = (environment && strcmp(environment, "1") == 0) ||
           (argc == 2 && strcmp(argv[1], "--full") == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
