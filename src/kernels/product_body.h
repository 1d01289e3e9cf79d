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
 * gates and R rows; k ascending. U, G and R are constants where this is inlined.
 *
 * Where FETCH says so, for each k another of the lines from `ahead` on is fetched into the cache:
 * weights that are read soon and lie too far away to wait for them then. */
VEC_INLINE void accumulate(vec acc[WIDE_UNITS][SLOTS_MAX][TILE_ROWS], const int first, const int G,
                           const int U, const int R, const float *const w[WIDE_UNITS],
                           const size_t count, const float *a, const size_t a_row, const int FETCH,
                           const float *ahead) {
    for (size_t k = 0; k < count; k++) {
        vec weight[WIDE_UNITS][SLOTS_MAX];
        if (FETCH) __builtin_prefetch(ahead + k * PANEL, 0, 2);
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

/* A part of a product: blocks [begin, end) of it, and the weights that are read after it. */
typedef struct ProductPart {
    const Product *p;
    size_t begin, end;
    const float *next; /* NULL: they are not fetched ahead */
} ProductPart;

/* U units of R rows from row `row` on of one step, whose `a` and `out` these are. */
VEC_INLINE void product_tile(const ProductPart *part, const float *a, float *out, size_t row,
                             size_t unit, const int U, const int R) {
    const Product *const p = part->p;
    const bool bias = p->bias && part->begin == 0;
    vec acc[WIDE_UNITS][SLOTS_MAX][TILE_ROWS];
    const float *w[WIDE_UNITS];
    a += row * p->a_row;
    out += row * p->out_row;
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t column = (unit + (size_t)u) * VEC_LANES;
        w[u] = unit_of(p->w, p->w_panel, unit + (size_t)u) + part->begin * p->inner * PANEL;
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            acc[u][0][r] =
                vec_load(bias ? p->bias + column : out + (size_t)r * p->out_row + column);
    }
    const float *ahead = w[0];
    if (part->next) {
        /* Each of the first tiles fetches another panel. */
        const size_t panels = (size_t)(U + UNITS_PER_PANEL - 1) / UNITS_PER_PANEL;
        ahead = part->next + row * panels / p->rows * p->w_panel;
    }
    for (size_t block = part->begin; block < part->end; block++) {
        accumulate(acc, 0, 1, U, R, w, p->inner, a + block * p->a_block, p->a_row, R > 1, ahead);
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) w[u] += p->inner * PANEL;
        ahead += p->inner * PANEL;
    }
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            vec_store(out + (size_t)r * p->out_row + (unit + (size_t)u) * VEC_LANES, acc[u][0][r]);
}

/* All rows of all steps for U units. */
VEC_INLINE void product_part(const ProductPart *part, size_t unit, const int U) {
    const Product *const p = part->p;
    for (size_t step = 0; step < p->steps; step++)
        for (size_t row = 0, n; row < p->rows; row += n) {
            const float *const a = p->a + step * p->a_step;
            float *const out = p->out + step * p->out_step;
            n = tile_rows(p->rows, row, TILE_ROWS);
            WITH_ROWS(n, product_tile, part, a, out, row, unit, U)
        }
}

/* Bytes of weights that tiles of rows read one after the other: they must stay in a cache of the
 * second level, beside those that are fetched for later. */
enum { NEAR_BYTES = 512 * 1024 };

/* U units, the weights in parts that stay near while the rows pass over them. */
VEC_INLINE void product_units(const Product *p, size_t unit, const int U) {
    const size_t panels = (size_t)(U + UNITS_PER_PANEL - 1) / UNITS_PER_PANEL;
    const size_t block_bytes = panels * p->inner * PANEL * sizeof(float);
    const size_t all = block_bytes * p->blocks, parts = (all + NEAR_BYTES - 1) / NEAR_BYTES;
    const size_t count = (p->blocks + parts - 1) / parts;
    const bool far = all / panels * p->panels > NEAR_BYTES;
    const size_t last = (p->panels - 1) * UNITS_PER_PANEL;
    for (size_t begin = 0, end; begin < p->blocks; begin = end) {
        end = p->blocks - begin < count ? p->blocks : begin + count;
        const size_t next = end < p->blocks            ? unit
                            : unit + (size_t)U <= last ? unit + (size_t)U
                                                       : 0;
        const ProductPart part = {
            p, begin, end,
            far ? unit_of(p->w, p->w_panel, next) + end % p->blocks * p->inner * PANEL : NULL};
        product_part(&part, unit, U);
    }
}

/* One row of each step: more units side by side. */
static void product_of_row(const Product *p) {
    const size_t units = p->panels * UNITS_PER_PANEL;
    const ProductPart whole = {p, 0, p->blocks, NULL};
    for (size_t unit = 0; unit < units;) {
        const bool wide = units - unit >= WIDE_UNITS;
        for (size_t step = 0; step < p->steps; step++) {
            const float *const a = p->a + step * p->a_step;
            float *const out = p->out + step * p->out_step;
            if (wide)
                product_tile(&whole, a, out, 0, unit, WIDE_UNITS, 1);
            else
                product_tile(&whole, a, out, 0, unit, 1, 1);
        }
        unit += wide ? WIDE_UNITS : 1;
    }
}

static void product(const Product *p) {
    const size_t units = p->panels * UNITS_PER_PANEL;
    if (p->rows == 1) {
        product_of_row(p);
        return;
    }
    for (size_t unit = 0, n; unit < units; unit += n) {
        n = tile_rows(units, unit, TILE_UNITS);
        switch (n) {
        case 1:
            product_units(p, unit, 1);
            break;
#if !defined(VEC_PORTABLE)
        case 2:
            product_units(p, unit, 2);
            break;
        case 3:
            product_units(p, unit, 3);
            break;
#endif
        default:
            product_units(p, unit, TILE_UNITS);
            break;
        }
    }
}
