/* The matrix products: tiles of vectors x rows that stay in registers over the whole reduction. */

/* What fits: accumulators, one operand of each kind, nothing spilled. */
#if defined(VEC_AVX512)
enum { TILE_ROWS = 6, TILE_UNITS = 4 }; /* 24 of 32 registers accumulate */
#elif defined(VEC_AVX2)
enum { TILE_ROWS = 3, TILE_UNITS = 4 }; /* 12 of 16 */
#else
enum { TILE_ROWS = 2, TILE_UNITS = 1 }; /* speed is not the point: small code is */
#endif
enum {
    UNITS_PER_PANEL = PANEL / VEC_LANES, /* a unit: VEC_LANES hidden units side by side */
    WIDE_UNITS = 2 * TILE_UNITS,         /* at one row, more chains hide the latency */
    SLOTS_MAX = 4
};

/* The rows of each tile when `rows` are cut into tiles of nearly equal size, at most `most`. */
VEC_INLINE size_t tile_rows(size_t rows, size_t done, size_t most) {
    const size_t left = rows - done;
    const size_t tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

/* Calls `function(arguments..., ROWS)` with a constant for ROWS, `rows` from 1 to TILE_ROWS. */
#define ROWS_CASE(n, function, ...)                                                                \
    case n:                                                                                        \
        function(__VA_ARGS__, n);                                                                  \
        break;
#if defined(VEC_AVX512)
#define ROWS_BETWEEN(...)                                                                          \
    ROWS_CASE(2, __VA_ARGS__)                                                                      \
    ROWS_CASE(3, __VA_ARGS__)                                                                      \
    ROWS_CASE(4, __VA_ARGS__)                                                                      \
    ROWS_CASE(5, __VA_ARGS__)
#elif defined(VEC_AVX2)
#define ROWS_BETWEEN(...) ROWS_CASE(2, __VA_ARGS__)
#else
#define ROWS_BETWEEN(...)
#endif
#define WITH_ROWS(rows, function, ...)                                                             \
    switch (rows) {                                                                                \
        ROWS_CASE(1, function, __VA_ARGS__)                                                        \
        ROWS_BETWEEN(function, __VA_ARGS__)                                                        \
    default:                                                                                       \
        function(__VA_ARGS__, TILE_ROWS);                                                          \
        break;                                                                                     \
    }

/* acc[u][first + g][r] += sum over k of w[u][(k*G + g)*16 + lanes] * a[r*a_row + k], for U units, G
 * gates and R rows; k ascending. U, G and R are constants where this is inlined. */
VEC_INLINE void accumulate(vec acc[WIDE_UNITS][SLOTS_MAX][TILE_ROWS], const int first, const int G,
                           const int U, const int R, const float *const w[WIDE_UNITS],
                           const size_t count, const float *a, const size_t a_row) {
    for (size_t k = 0; k < count; k++) {
        vec weight[WIDE_UNITS][SLOTS_MAX];
#pragma GCC unroll 8
        for (int u = 0; u < U; u++)
#pragma GCC unroll 4
            for (int g = 0; g < G; g++)
                weight[u][g] = vec_load(w[u] + (k * (size_t)G + (size_t)g) * PANEL);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const vec x = vec_set1(a[(size_t)r * a_row + k]);
#pragma GCC unroll 8
            for (int u = 0; u < U; u++)
#pragma GCC unroll 4
                for (int g = 0; g < G; g++)
                    acc[u][first + g][r] = vec_fma(weight[u][g], x, acc[u][first + g][r]);
        }
    }
}

/* Where unit `unit` of a packed matrix begins. */
VEC_INLINE const float *unit_of(const float *w, size_t panel_stride, size_t unit) {
    return w + unit / UNITS_PER_PANEL * panel_stride + unit % UNITS_PER_PANEL * VEC_LANES;
}

/* U units of R rows, of which `a` and `out` are the first. */
VEC_INLINE void product_tile(const Product *p, const float *a, float *out, size_t unit, const int U,
                             const int R) {
    vec acc[WIDE_UNITS][SLOTS_MAX][TILE_ROWS];
    const float *w[WIDE_UNITS];
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t column = (unit + (size_t)u) * VEC_LANES;
        w[u] = unit_of(p->w, p->w_panel, unit + (size_t)u);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            acc[u][0][r] =
                vec_load(p->bias ? p->bias + column : out + (size_t)r * p->out_row + column);
    }
    for (size_t block = 0; block < p->blocks; block++) {
        accumulate(acc, 0, 1, U, R, w, p->inner, a + block * p->a_block, p->a_row);
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) w[u] += p->inner * PANEL;
    }
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            vec_store(out + (size_t)r * p->out_row + (unit + (size_t)u) * VEC_LANES, acc[u][0][r]);
}

/* All rows of all steps for U units. */
VEC_INLINE void product_units(const Product *p, size_t unit, const int U) {
    for (size_t step = 0; step < p->steps; step++)
        for (size_t row = 0, n; row < p->rows; row += n) {
            const float *const a = p->a + step * p->a_step + row * p->a_row;
            float *const out = p->out + step * p->out_step + row * p->out_row;
            n = tile_rows(p->rows, row, TILE_ROWS);
            WITH_ROWS(n, product_tile, p, a, out, unit, U)
        }
}

/* One row of each step: more units side by side. */
static void product_of_row(const Product *p) {
    const size_t units = p->panels * UNITS_PER_PANEL;
    size_t unit = 0;
    for (; unit + WIDE_UNITS <= units; unit += WIDE_UNITS)
        for (size_t step = 0; step < p->steps; step++)
            product_tile(p, p->a + step * p->a_step, p->out + step * p->out_step, unit, WIDE_UNITS,
                         1);
    for (; unit < units; unit++)
        for (size_t step = 0; step < p->steps; step++)
            product_tile(p, p->a + step * p->a_step, p->out + step * p->out_step, unit, 1, 1);
}

static void product(const Product *p) {
    const size_t units = p->panels * UNITS_PER_PANEL;
    size_t unit = 0;
    if (p->rows == 1) {
        product_of_row(p);
        return;
    }
    for (; unit + TILE_UNITS <= units; unit += TILE_UNITS) product_units(p, unit, TILE_UNITS);
    for (; unit < units; unit++) product_units(p, unit, 1);
}
