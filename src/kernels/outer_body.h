/* Outer products summed over steps: the gradients of weights. Tiles as in product_body.h. */

/* Steps that an outer product takes at a time: a block of b stays in the first-level cache while
 * all inputs pass over it. */
enum { OUTER_BLOCK = 128 };

typedef struct OuterBlock {
    const OuterProduct *p;
    size_t first, steps;
} OuterBlock;

/* One tile of c: U units of VEC_LANES columns, R inputs. */
VEC_INLINE void outer_tile(const OuterBlock *block, size_t unit, size_t input, const int U,
                           const int R) {
    const OuterProduct *const p = block->p;
    vec acc[TILE_UNITS][TILE_ROWS];
    const float *b[TILE_UNITS];
    float *c[TILE_UNITS];
#pragma GCC unroll 4
    for (int u = 0; u < U; u++) {
        const size_t n = unit + (size_t)u;
        b[u] = unit_of(p->b, p->b_vector, n) + block->first * p->b_row;
        c[u] = p->c + n / UNITS_PER_PANEL * p->c_vector + n % UNITS_PER_PANEL * VEC_LANES +
               input * p->c_row;
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) acc[u][r] = vec_load(c[u] + (size_t)r * p->c_row);
    }
    const float *a = p->a + block->first * p->a_row + input;
    for (size_t k = 0; k < block->steps; k++, a += p->a_row) {
        vec column[TILE_UNITS];
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) column[u] = vec_load(b[u] + k * p->b_row);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const vec x = vec_set1(a[r]);
#pragma GCC unroll 4
            for (int u = 0; u < U; u++) acc[u][r] = vec_fma(column[u], x, acc[u][r]);
        }
    }
#pragma GCC unroll 4
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) vec_store(c[u] + (size_t)r * p->c_row, acc[u][r]);
}

static void outer_product(const OuterProduct *p) {
    const size_t units = p->vectors * UNITS_PER_PANEL;
    for (size_t first = 0; first < p->steps; first += OUTER_BLOCK) {
        const size_t left = p->steps - first;
        const OuterBlock block = {p, first, left < OUTER_BLOCK ? left : OUTER_BLOCK};
        for (size_t unit = 0; unit < units;) {
            const size_t wide = units - unit >= TILE_UNITS ? TILE_UNITS : 1;
            for (size_t input = 0, n; input < p->inputs; input += n) {
                n = tile_rows(p->inputs, input, TILE_ROWS);
                if (wide == TILE_UNITS) {
                    WITH_ROWS(n, outer_tile, &block, unit, input, TILE_UNITS)
                } else {
                    WITH_ROWS(n, outer_tile, &block, unit, input, 1)
                }
            }
            unit += wide;
        }
    }
}
