/* One step of one sequence, of which nothing is kept: what a stream waits for. The equations and
 * their chains are those of cell_body.h, without rows, kept gates and units that are padding alone.
 */

enum { STEP_UNITS = 8 }; /* at most so many side by side */

typedef vec StepAccumulators[STEP_UNITS][SLOTS_MAX];

/* Loads what `slots` slots of U units start from. */
VEC_INLINE void step_start(const CellStep *s, StepAccumulators acc, size_t unit, const int slots,
                           const int U) {
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const float *const start = unit_of(s->start, (size_t)slots * PANEL, unit + (size_t)u);
#pragma GCC unroll 4
        for (int g = 0; g < slots; g++) acc[u][g] = vec_load(start + g * PANEL);
    }
}

/* acc[u][first + g] += w a for U units and G gates of a packed matrix of `count` columns. */
VEC_INLINE void step_product(StepAccumulators acc, const float *w, size_t unit, const float *a,
                             size_t count, const int first, const int G, const int U) {
    const size_t column = packed_column((size_t)G);
    const float *row[STEP_UNITS];
    if (count == 0) return; /* tokens have no matrix */
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) row[u] = weights_of(w, count * column, unit, u, (size_t)G);
    for (size_t k = 0; k < count; k++) {
        const vec x = vec_set1(a[k]);
#pragma GCC unroll 8
        for (int u = 0; u < U; u++)
#pragma GCC unroll 4
            for (int g = 0; g < G; g++) {
                const vec weight = vec_load(row[u] + k * column + g * PANEL);
                acc[u][first + g] = vec_fma(weight, x, acc[u][first + g]);
            }
    }
}

VEC_INLINE void rnn_step_tile(const CellStep *s, size_t unit, const int U, const int relu) {
    StepAccumulators acc;
    step_start(s, acc, unit, 1, U);
    step_product(acc, s->w_ih, unit, s->x, s->inputs, 0, 1, U);
    step_product(acc, s->w_hh, unit, s->h, s->hidden, 0, 1, U);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
        vec_store(s->h_next + (unit + (size_t)u) * VEC_LANES,
                  relu ? vec_max(vec_set1(0.0f), acc[u][0]) : step_tanh(acc[u][0]));
}

VEC_INLINE void rnn_tanh_step_tile(const CellStep *s, size_t unit, const int U) {
    rnn_step_tile(s, unit, U, 0);
}

VEC_INLINE void rnn_relu_step_tile(const CellStep *s, size_t unit, const int U) {
    rnn_step_tile(s, unit, U, 1);
}

/* `columns`: the width of h; `out`: where o tanh(c') goes. */
VEC_INLINE void lstm_step_units(const CellStep *s, size_t unit, const size_t columns, float *out,
                                const int U) {
    StepAccumulators acc;
    step_start(s, acc, unit, 4, U);
    step_product(acc, s->w_ih, unit, s->x, s->inputs, 0, 4, U);
    step_product(acc, s->w_hh, unit, s->h, columns, 0, 4, U);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t at = (unit + (size_t)u) * VEC_LANES;
        const vec g = step_tanh(acc[u][2]);
        const vec i = step_sigmoid(acc[u][0]), f = step_sigmoid(acc[u][1]);
        const vec c = vec_fma(f, vec_load(s->c + at), vec_mul(i, g));
        const vec o = step_sigmoid(acc[u][3]);
        vec_store(s->c + at, c);
        vec_store(out + at, vec_mul(o, step_tanh(c)));
    }
}

VEC_INLINE void lstm_step_tile(const CellStep *s, size_t unit, const int U) {
    lstm_step_units(s, unit, s->hidden, s->h_next, U);
}

VEC_INLINE void lstmp_step_tile(const CellStep *s, size_t unit, const int U) {
    lstm_step_units(s, unit, s->columns, s->scratch, U);
}

VEC_INLINE void gru_step_tile(const CellStep *s, size_t unit, const int U) {
    StepAccumulators acc;
    step_start(s, acc, unit, 4, U);
    step_product(acc, s->w_ih, unit, s->x, s->inputs, 0, 3, U);
    step_product(acc, s->w_hh, unit, s->h, s->hidden, 1, 3, U);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t at = (unit + (size_t)u) * VEC_LANES;
        const vec reset = step_sigmoid(acc[u][1]), z = step_sigmoid(acc[u][2]);
        const vec n = step_tanh(vec_fma(reset, acc[u][3], acc[u][0]));
        vec_store(s->h_next + at, vec_fma(z, vec_sub(vec_load(s->h + at), n), n));
    }
}

/* The three rows of s->scratch: r * h, z, and n's part from x. */
VEC_INLINE float *step_scratch(const CellStep *s, size_t row, size_t at) {
    return s->scratch + row * ((s->hidden + PANEL - 1) / PANEL * PANEL) + at;
}

/* First half of the GRU that resets before the product. */
VEC_INLINE void gru_before_step_tile1(const CellStep *s, size_t unit, const int U) {
    StepAccumulators acc;
    step_start(s, acc, unit, 4, U);
    step_product(acc, s->w_ih, unit, s->x, s->inputs, 0, 3, U);
    step_product(acc, s->w_hh, unit, s->h, s->hidden, 1, 2, U);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t at = (unit + (size_t)u) * VEC_LANES;
        const vec reset = step_sigmoid(acc[u][1]);
        vec_store(step_scratch(s, 0, at), vec_mul(reset, vec_load(s->h + at)));
        vec_store(step_scratch(s, 1, at), step_sigmoid(acc[u][2]));
        vec_store(step_scratch(s, 2, at), acc[u][0]);
    }
}

/* Second half: n, from r * h of all units. */
VEC_INLINE void gru_before_step_tile2(const CellStep *s, size_t unit, const int U) {
    const size_t panels = (s->hidden + PANEL - 1) / PANEL;
    StepAccumulators acc;
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
        acc[u][0] = vec_load(step_scratch(s, 2, (unit + (size_t)u) * VEC_LANES));
    step_product(acc, s->w_hh + panels * s->hidden * 2 * PANEL, unit, s->scratch, s->hidden, 0, 1,
                 U);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const size_t at = (unit + (size_t)u) * VEC_LANES;
        const vec n = step_tanh(acc[u][0]), z = vec_load(step_scratch(s, 1, at));
        vec_store(s->h_next + at, vec_fma(z, vec_sub(vec_load(s->h + at), n), n));
    }
}

/* Defines `name`, which calls `tile(s, unit, U)` for all units of a cell of so many gates, `wide`
 * of them at a time, then `narrow`, then `pair`, then one. Side by side, since while a link of one
 * chain is under way the others have theirs. Functions of their own, since a loop around them would
 * hold all constants in registers, of which there are not enough. */
#define STEP_TILE(name, tile, U)                                                                   \
    VEC_NOINLINE void name(const CellStep *s, size_t unit) {                                       \
        tile(s, unit, U);                                                                          \
    }
#define STEP(name, tile, gates, wide, narrow, pair)                                                \
    STEP_TILE(name##_tiles_wide, tile, wide)                                                       \
    STEP_TILE(name##_tiles_narrow, tile, narrow)                                                   \
    STEP_TILE(name##_tiles_pair, tile, pair)                                                       \
    STEP_TILE(name##_tiles_single, tile, 1)                                                        \
    static void name(const CellStep *s) {                                                          \
        const size_t units = (s->hidden + VEC_LANES - 1) / VEC_LANES;                              \
        const size_t most = row_units(s->hidden, gates, wide);                                     \
        size_t width = 0;                                                                          \
        for (size_t done = 0; done < units; done += width) {                                       \
            const size_t from = s->descending ? 0 : done, to = from + units - done;                \
            width = 1;                                                                             \
            if (most == (wide) && tile_fits(from, to, s->descending, gates, wide))                 \
                width = wide;                                                                      \
            else if (tile_fits(from, to, s->descending, gates, narrow))                            \
                width = narrow;                                                                    \
            else if (tile_fits(from, to, s->descending, gates, pair))                              \
                width = pair;                                                                      \
            const size_t unit = s->descending ? to - width : from;                                 \
            if (width == (wide)) {                                                                 \
                name##_tiles_wide(s, unit);                                                        \
            } else if (width == (narrow)) {                                                        \
                name##_tiles_narrow(s, unit);                                                      \
            } else if (width == (pair)) {                                                          \
                name##_tiles_pair(s, unit);                                                        \
            } else {                                                                               \
                name##_tiles_single(s, unit);                                                      \
            }                                                                                      \
        }                                                                                          \
    }

STEP(rnn_tanh_step_wide, rnn_tanh_step_tile, 1, 8, 4, 2)
STEP(rnn_relu_step_wide, rnn_relu_step_tile, 1, 8, 4, 2)
STEP(lstm_step_wide, lstm_step_tile, 4, 2, 1, 1)
STEP(lstmp_step_units, lstmp_step_tile, 4, 2, 1, 1)
STEP(gru_step_wide, gru_step_tile, 3, 2, 1, 1)
STEP(gru_before_step_part1, gru_before_step_tile1, 2, 2, 1, 1)
STEP(gru_before_step_part2, gru_before_step_tile2, 1, 8, 4, 2)

static void gru_before_step_wide(const CellStep *s) {
    gru_before_step_part1(s);
    gru_before_step_part2(s);
}

static void lstmp_step_wide(const CellStep *s) {
    const size_t panels = (s->columns + PANEL - 1) / PANEL;
    const Product projection = {
        .steps = 1,
        .rows = 1,
        .panels = panels,
        .panel_end = panels,
        .blocks = 1,
        .inner = s->hidden,
        .a = s->scratch,
        .w = s->w_hr,
        .out = s->h_next,
        .descending = s->descending,
    };
    lstmp_step_units(s);
    for (size_t i = 0; i < panels * PANEL; i += VEC_LANES) vec_store(s->h_next + i, vec_set1(0.0f));
    product(&projection);
}

/* Defines the kernel `name`. Up to 16 hidden units a step is one chain of latencies, and AVX2's is
 * the shorter one: its divisions take 11 cycles, those of 16 lanes 18. */
#if defined(VEC_AVX512)
#define STEP_KERNEL(name)                                                                          \
    static void name(const CellStep *s) {                                                          \
        if (s->hidden <= PANEL && s->inputs <= 8) {                                                \
            kernels_avx2.name(s);                                                                  \
        } else {                                                                                   \
            name##_wide(s);                                                                        \
        }                                                                                          \
    }
#else
#define STEP_KERNEL(name)                                                                          \
    static void name(const CellStep *s) {                                                          \
        name##_wide(s);                                                                            \
    }
#endif

STEP_KERNEL(rnn_tanh_step)
STEP_KERNEL(rnn_relu_step)
STEP_KERNEL(lstm_step)
STEP_KERNEL(lstmp_step)
STEP_KERNEL(gru_step)
STEP_KERNEL(gru_before_step)
