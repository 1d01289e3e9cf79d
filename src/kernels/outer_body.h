/* Outer products summed over steps, the gradients of weights, and how their operands are packed and
 * their sums unpacked. */

/* A tile of U units of VEC_LANES columns by R inputs stays in registers over all steps. What fits
 * besides the operands: 24 of 32 accumulators with AVX-512, 12 of 16 with AVX2. A tile has at least
 * 8 of them where there is a choice, so that two multiply-adds a cycle hide their latency. */
#define TILES_TO_2(TILE, U)  TILE(U, 1) TILE(U, 2)
#define TILES_TO_3(TILE, U)  TILES_TO_2(TILE, U) TILE(U, 3)
#define TILES_TO_4(TILE, U)  TILES_TO_3(TILE, U) TILE(U, 4)
#define TILES_TO_6(TILE, U)  TILES_TO_4(TILE, U) TILE(U, 5) TILE(U, 6)
#define TILES_TO_8(TILE, U)  TILES_TO_6(TILE, U) TILE(U, 7) TILE(U, 8)
#define TILES_TO_12(TILE, U) TILES_TO_8(TILE, U) TILE(U, 9) TILE(U, 10) TILE(U, 11) TILE(U, 12)
enum { OUTER_INPUTS = 12 };
#if defined(VEC_AVX512)
enum { OUTER_UNITS = 4, AHEAD_STEPS = 2 };
static const unsigned char outer_inputs[] = {12, 12, 8, 6}; /* the most of a tile of 1, 2, ... */
#define OUTER_TILES(TILE)                                                                          \
    TILES_TO_12(TILE, 1) TILES_TO_12(TILE, 2) TILES_TO_8(TILE, 3) TILES_TO_6(TILE, 4)
#elif defined(VEC_AVX2)
enum { OUTER_UNITS = 4, AHEAD_STEPS = 4 };
static const unsigned char outer_inputs[] = {12, 6, 4, 3};
#define OUTER_TILES(TILE)                                                                          \
    TILES_TO_12(TILE, 1) TILES_TO_6(TILE, 2) TILES_TO_4(TILE, 3) TILES_TO_3(TILE, 4)
#else
enum { OUTER_UNITS = 1, AHEAD_STEPS = 8 };
static const unsigned char outer_inputs[] = {2};
#define OUTER_TILES(TILE) TILES_TO_2(TILE, 1)
#endif

/* How much of `left` to take next when it is cut into equal parts of at most `most`. */
VEC_INLINE size_t outer_part(size_t left, size_t most) {
    const size_t parts = (left + most - 1) / most;
    return (left + parts - 1) / parts;
}

/* acc[r][u] += a[r] * b[u], for one step. */
VEC_INLINE void outer_step(vec acc[OUTER_INPUTS][OUTER_UNITS], const float *a, const float *b,
                           const int U, const int R) {
    vec column[OUTER_UNITS];
#pragma GCC unroll 4
    for (int u = 0; u < U; u++) column[u] = vec_load(b + u * VEC_LANES);
#pragma GCC unroll 12
    for (int r = 0; r < R; r++) {
        const vec x = vec_set1(a[r]);
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) acc[r][u] = vec_fma(column[u], x, acc[r][u]);
    }
}

VEC_INLINE void outer_tile(const OuterProduct *p, size_t unit, size_t input, const int U,
                           const int R) {
    vec acc[OUTER_INPUTS][OUTER_UNITS];
    const float *a = p->a + input, *b = p->b + unit * VEC_LANES;
    float *const c = p->c + input * p->c_row + unit * VEC_LANES;
#pragma GCC unroll 12
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) acc[r][u] = vec_load(c + (size_t)r * p->c_row + u * VEC_LANES);
    const int lines = p->ahead->end <= p->ahead->last;
    const float *at = lines ? p->ahead->at : a, *end = lines ? p->ahead->end : NULL;
    const size_t row = p->ahead->row, skip = p->ahead->skip, a_row = p->a_row, b_row = p->b_row;
    for (size_t k = p->steps / AHEAD_STEPS; k > 0; k--) {
        __builtin_prefetch(at, 0, 2);
        at += PANEL;
        const int over = at == end;
        at += over ? skip : 0;
        end += over ? row : 0;
#pragma GCC unroll 4
        for (int i = 0; i < AHEAD_STEPS; i++, a += a_row, b += b_row) outer_step(acc, a, b, U, R);
    }
    for (size_t k = p->steps % AHEAD_STEPS; k > 0; k--, a += a_row, b += b_row)
        outer_step(acc, a, b, U, R);
    if (lines) {
        p->ahead->at = at;
        p->ahead->end = end;
    }
#pragma GCC unroll 12
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) vec_store(c + (size_t)r * p->c_row + u * VEC_LANES, acc[r][u]);
}

#define OUTER_TILE(U, R)                                                                           \
    static void outer_tile_##U##_##R(const OuterProduct *p, size_t unit, size_t input) {           \
        outer_tile(p, unit, input, U, R);                                                          \
    }
#define OUTER_ENTRY(U, R) [U - 1][R - 1] = outer_tile_##U##_##R,
typedef void (*OuterTile)(const OuterProduct *p, size_t unit, size_t input);
OUTER_TILES(OUTER_TILE)
static const OuterTile outer_tiles[OUTER_UNITS][OUTER_INPUTS] = {OUTER_TILES(OUTER_ENTRY)};

/* The units are cut into tiles of equal width where that is possible: 6 units into 3 and 3. */
static void outer_product(const OuterProduct *p) {
    const size_t units = p->vectors * PANEL / VEC_LANES;
    for (size_t unit = 0, wide; unit < units; unit += wide) {
        wide = outer_part(units - unit, OUTER_UNITS);
        const size_t most = outer_inputs[wide - 1];
        for (size_t input = 0, n; input < p->inputs; input += n) {
            n = outer_part(p->inputs - input, most);
            outer_tiles[wide - 1][n - 1](p, unit, input);
        }
    }
}

/* One block's columns of all rows: `whole` vectors and the first lanes of another. */
VEC_INLINE void copy_columns(const ColumnBlocks *p, size_t first, float *out, size_t whole,
                             size_t lanes) {
    const float *in = p->in + first;
    for (size_t k = 0; k < p->rows; k++, in += p->in_row, out += p->width) {
        for (size_t i = 0; i < whole; i++)
            vec_store(out + i * VEC_LANES, vec_load(in + i * VEC_LANES));
        if (lanes > 0)
            vec_store(out + whole * VEC_LANES, vec_load_first(lanes, in + whole * VEC_LANES));
    }
}

/* Block by block, so that all rows take the same way: where they alternate between a wide block and
 * a narrow one, copying costs several times as much. */
static void column_blocks(const ColumnBlocks *p) {
    enum { USUAL = 48 / VEC_LANES };
    float *out = p->out;
    for (size_t first = 0; first < p->columns; first += p->width, out += p->rows * p->width) {
        const size_t left = p->columns - first, count = left < p->width ? left : p->width;
        if (count == USUAL * VEC_LANES)
            copy_columns(p, first, out, USUAL, 0);
        else
            copy_columns(p, first, out, count / VEC_LANES, count % VEC_LANES);
    }
}

static void sum_rows(const RowSums *p) {
    for (size_t k = 0; k < p->rows; k++) {
        const size_t at = (size_t)p->index[k] - p->first;
        if (p->index[k] < 0 || at >= p->count) continue;
        const float *const in = p->in + k * p->in_row;
        float *const out = p->out + at * p->out_row;
        size_t i = 0;
        for (; i + VEC_LANES <= p->columns; i += VEC_LANES)
            vec_store(out + i, vec_add(vec_load(out + i), vec_load(in + i)));
        for (; i < p->columns; i++) out[i] += in[i];
    }
}
