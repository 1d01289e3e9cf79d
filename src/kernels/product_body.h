/* The matrix products: tiles of vectors x rows that stay in registers over a part of the reduction
 * whose weights a near cache holds. */

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

/* Where unit `unit` begins in panels so far apart. */
VEC_INLINE const float *unit_of(const float *w, size_t panel_stride, size_t unit) {
    return w + unit / UNITS_PER_PANEL * panel_stride + unit % UNITS_PER_PANEL * VEC_LANES;
}

/* The units that lie side by side in a packed matrix. */
VEC_INLINE size_t units_together(size_t gates) {
    return packed_together(gates) * UNITS_PER_PANEL;
}

/* Whether the next tile of a walk over units [begin, end) may have `width`: so many must be left,
 * and those of a packed matrix either lie side by side or begin with the first of such. */
VEC_INLINE bool tile_fits(size_t begin, size_t end, bool descending, const size_t gates,
                          const size_t width) {
    const size_t together = units_together(gates);
    const size_t edge = width < together ? width : together;
    return end - begin >= width && (descending ? end : begin) % edge == 0;
}

/* Where unit u of a tile from `unit` on, one that fits, begins in a packed matrix whose groups of
 * panels are so far apart. */
VEC_INLINE const float *weights_of(const float *matrix, size_t group, size_t unit, const int u,
                                   const size_t gates) {
    const size_t together = units_together(gates), beside = (size_t)u % together;
    if (gates > 1) return unit_of(matrix, group, unit + (size_t)u);
    return matrix + (unit / together + (size_t)u / together) * group +
           (unit % together + beside) * VEC_LANES;
}

/* acc[u][first + g][r] += sum over k of w[u] in column k and gate g * a[r*a_row + k], for U
 * units, G gates and R rows; k ascending. U, G and R are constants where this is inlined.
 *
 * Where FETCH says so, for each k another of the lines from `ahead` on is fetched into the cache:
 * weights that are read soon and lie too far away to wait for them then. */
VEC_INLINE void accumulate(vec acc[WIDE_UNITS][SLOTS_MAX][TILE_ROWS], const int first, const int G,
                           const int U, const int R, const float *const w[WIDE_UNITS],
                           const size_t count, const float *a, const size_t a_row, const int FETCH,
                           const float *ahead) {
    const size_t lines = packed_column((size_t)G) / PANEL;
    /* One stream of weights: one pointer is enough. */
    const bool beside = U > 1 && (size_t)U <= units_together((size_t)G);
    for (size_t k = 0; k < count; k++) {
        vec weight[WIDE_UNITS][SLOTS_MAX];
        if (FETCH) __builtin_prefetch(ahead + k * PANEL, 0, 2);
#pragma GCC unroll 8
        for (int u = 0; u < U; u++)
#pragma GCC unroll 4
            for (int g = 0; g < G; g++)
                weight[u][g] = vec_load((beside ? w[0] + u * VEC_LANES : w[u]) +
                                        (k * lines + (size_t)g) * PANEL);
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

/* Some units of a product, and blocks [begin, end) of their reduction. */
typedef struct ProductPart {
    const Product *p;
    size_t unit;
    size_t begin, end;
    const float *w;    /* of the first unit and block */
    size_t w_row;      /* from row to row of a group's weights */
    const float *next; /* weights that are read soon after; NULL: they are not fetched ahead */
} ProductPart;

/* acc[u][r] += sum over `count` rows of weights at w of weight[u] * a[r], for U units and R
 * rows of a; for each row of weights one of the lines `ahead` is fetched. */
VEC_INLINE void product_block(vec acc[WIDE_UNITS][TILE_ROWS], const ProductPart *part,
                              const float *w, const float *a, const float *ahead, const int U,
                              const int R) {
    const Product *const p = part->p;
    const size_t count = p->inner, a_row = p->a_row, w_row = part->w_row;
    for (size_t k = 0; k < count; k++, w += w_row) {
        vec weight[WIDE_UNITS];
        if (R > 1) __builtin_prefetch(ahead + k * PANEL, 0, 2);
#pragma GCC unroll 8
        for (int u = 0; u < U; u++) weight[u] = vec_load(w + u * VEC_LANES);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const vec x = vec_set1(a[(size_t)r * a_row + k]);
#pragma GCC unroll 8
            for (int u = 0; u < U; u++) acc[u][r] = vec_fma(weight[u], x, acc[u][r]);
        }
    }
}

/* The next `lines` lines of a list, which may reach beyond a row's end; `none` when all is fetched.
 */
static const float *take_ahead(AheadList *list, size_t lines, const float *none) {
    if (!list || list->at == list->count) return none;
    Ahead *const rows = &list->rows[list->at];
    const float *const at = rows->at;
    if ((size_t)(rows->end - at) > lines * PANEL) {
        rows->at += lines * PANEL;
    } else if (rows->end < rows->last) {
        rows->at = rows->end + rows->skip;
        rows->end += rows->row;
    } else {
        list->at++;
    }
    return at;
}

/* U units of R rows from row `row` on of one step, whose `a` and `out` these are. */
VEC_INLINE void product_tile(const ProductPart *part, const float *a, float *out, size_t row,
                             const int U, const int R) {
    const Product *const p = part->p;
    const size_t column = part->unit * VEC_LANES;
    const float *const bias = p->bias && part->begin == 0 ? p->bias + column : NULL;
    const float *w = part->w;
    const float *next = NULL;
    vec acc[WIDE_UNITS][TILE_ROWS];
    a += row * p->a_row;
    out += row * p->out_row + column;
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            acc[u][r] = vec_load((bias ? bias : out + (size_t)r * p->out_row) + u * VEC_LANES);
    if (part->next) {
        /* Each part of the rows fetches another panel. */
        const size_t panels = (size_t)(U + UNITS_PER_PANEL - 1) / UNITS_PER_PANEL;
        next = part->next + row * panels / p->rows * (part->end - part->begin) * p->inner * PANEL;
    }
    for (size_t block = part->begin; block < part->end; block++) {
        const float *const ahead = R > 1 && !next ? take_ahead(p->ahead, p->inner, w) : next;
        product_block(acc, part, w, a + block * p->a_block, ahead, U, R);
        w += p->inner * part->w_row;
        if (next) next += p->inner * PANEL;
    }
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            vec_store(out + (size_t)r * p->out_row + u * VEC_LANES, acc[u][r]);
}

/* All rows of all steps for U units. */
VEC_INLINE void product_part(const ProductPart *part, const int U) {
    const Product *const p = part->p;
    for (size_t step = 0; step < p->steps; step++)
        for (size_t row = 0, n; row < p->rows; row += n) {
            const float *const a = p->a + step * p->a_step;
            float *const out = p->out + step * p->out_step;
            n = tile_rows(p->rows, row, TILE_ROWS);
            WITH_ROWS(n, product_tile, part, a, out, row, U)
        }
}

/* Bytes of weights that tiles of rows read one after the other: they must stay in a cache of the
 * second level, beside those that are fetched for later. */
enum { NEAR_BYTES = 512 * 1024 };

/* Bytes of weights that stay in a first-level cache beside what else a tile reads. */
enum { PART_BYTES = 32 * 1024 };

/* U units of a group, the weights in parts that stay near while the rows pass over them; meanwhile
 * this tile's share of what is read after each part is fetched, at last that of the group at
 * `next`. */
VEC_INLINE void product_units(const Product *p, PanelGroup group, size_t unit, const float *next,
                              const int U) {
    const size_t rows = p->blocks * p->inner, row = group.count * PANEL;
    /* Of the whole group: lines that are left out leave their part of the cache unused too. */
    const size_t bytes = rows * row * sizeof(float);
    const size_t part_bytes = p->steps * p->rows > TILE_ROWS ? PART_BYTES : NEAR_BYTES;
    const size_t parts = p->rows > 1 ? (bytes + part_bytes - 1) / part_bytes : 1;
    const size_t count = parts > 1 ? (p->blocks + parts - 1) / parts : p->blocks;
    const bool far = (p->panel_end - p->panel_begin) * rows * PANEL * sizeof(float) > NEAR_BYTES;
    const float *const w = p->w + group.first * rows * PANEL;
    const size_t offset = unit - group.first * UNITS_PER_PANEL;
    for (size_t begin = 0, end; begin < p->blocks; begin = end) {
        end = p->blocks - begin < count ? p->blocks : begin + count;
        const float *const after = end < p->blocks ? w + end * p->inner * row : next;
        const size_t share = offset / UNITS_PER_PANEL * (end - begin) * p->inner * PANEL;
        const ProductPart part = {
            .p = p,
            .unit = unit,
            .begin = begin,
            .end = end,
            .w = w + begin * p->inner * row + offset * VEC_LANES,
            .w_row = row,
            .next = far && after ? after + share : NULL,
        };
        product_part(&part, U);
    }
}

#if !defined(VEC_AVX512)
/* One row of each step: as many units side by side as hide the latency. A group of
 * 16 lanes has no more than a tile, whose four chains keep up with the second-level cache. */
static void product_of_row(const Product *p, PanelGroup group, size_t unit) {
    const size_t rows = p->blocks * p->inner, offset = unit - group.first * UNITS_PER_PANEL;
    const ProductPart whole = {
        .p = p,
        .unit = unit,
        .end = p->blocks,
        .w = p->w + group.first * rows * PANEL + offset * VEC_LANES,
        .w_row = group.count * PANEL,
    };
    for (size_t step = 0; step < p->steps; step++)
        product_tile(&whole, p->a + step * p->a_step, p->out + step * p->out_step, 0, WIDE_UNITS,
                     1);
}
#endif

static void product_tiles(const Product *p, PanelGroup group, size_t unit, size_t end,
                          const float *next) {
    for (size_t n; unit < end; unit += n) {
#if !defined(VEC_AVX512)
        if (p->rows == 1 && end - unit >= WIDE_UNITS) {
            n = WIDE_UNITS;
            product_of_row(p, group, unit);
            continue;
        }
#endif
        n = tile_rows(end - unit, 0, TILE_UNITS);
        switch (n) {
        case 1:
            product_units(p, group, unit, next, 1);
            break;
#if !defined(VEC_PORTABLE)
        case 2:
            product_units(p, group, unit, next, 2);
            break;
        case 3:
            product_units(p, group, unit, next, 3);
            break;
#endif
        default:
            product_units(p, group, unit, next, TILE_UNITS);
            break;
        }
    }
}

static void product(const Product *p) {
    for (size_t left = p->panel_end - p->panel_begin; left > 0;) {
        const size_t panel = p->descending ? p->panel_begin + left - 1 : p->panel_end - left;
        const PanelGroup group = panel_group(p->panels, panel);
        const size_t last = group.first + group.count;
        const size_t begin = group.first > p->panel_begin ? group.first : p->panel_begin;
        const size_t end = last < p->panel_end ? last : p->panel_end;
        left -= end - begin;
        const float *next = NULL;
        if (left > 0)
            next = p->w + panel_group(p->panels, p->descending ? begin - 1 : end).first *
                              p->blocks * p->inner * PANEL;
        product_tiles(p, group, begin * UNITS_PER_PANEL, end * UNITS_PER_PANEL, next);
    }
}
