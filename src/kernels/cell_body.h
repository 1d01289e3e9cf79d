/* One time step of each cell, forward (products and activations fused in registers) and backward
 * (element by element). The equations stand in src/cells. */

typedef vec Accumulators[WIDE_UNITS][SLOTS_MAX][TILE_ROWS];

/* Where slot 0 of unit `unit` stands in a row of gates. */
VEC_INLINE float *gates_of(float *gates, size_t row_stride, size_t panel_stride, size_t row,
                           size_t unit) {
    return gates + row * row_stride + unit / UNITS_PER_PANEL * panel_stride +
           unit % UNITS_PER_PANEL * VEC_LANES;
}

/* Loads what `slots` slots of U units x R rows start from. */
VEC_INLINE void start_tile(const CellForward *s, Accumulators acc, size_t unit, size_t row,
                           const int slots, const int U, const int R) {
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const float *const start =
                unit_of(s->start[row + (size_t)r], (size_t)slots * PANEL, unit + (size_t)u);
#pragma GCC unroll 4
            for (int g = 0; g < slots; g++) acc[u][g][r] = vec_load(start + g * PANEL);
        }
}

/* acc += W x for `gates` gates, beginning at slot 0. */
VEC_INLINE void input_product(const CellForward *s, Accumulators acc, size_t unit, size_t row,
                              const int gates, const int U, const int R) {
    const float *w[WIDE_UNITS];
    if (s->inputs == 0) return;
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
        w[u] = unit_of(s->w_ih, s->inputs * (size_t)gates * PANEL, unit + (size_t)u);
    accumulate(acc, 0, gates, U, R, w, s->inputs, s->x + row * s->x_row, s->x_row);
}

/* acc += R a for `gates` gates of the packed matrix w_hh, beginning at slot `first`. */
VEC_INLINE void hidden_product(const CellForward *s, Accumulators acc, const float *a,
                               const float *w_hh, size_t unit, size_t row, const int first,
                               const int gates, const int U, const int R) {
    const float *w[WIDE_UNITS];
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
        w[u] = unit_of(w_hh, s->hidden * (size_t)gates * PANEL, unit + (size_t)u);
    accumulate(acc, first, gates, U, R, w, s->hidden, a + row * s->h_row, s->h_row);
}

VEC_INLINE void rnn_tile(const CellForward *s, size_t unit, size_t row, const int U, const int R,
                         const int relu) {
    Accumulators acc;
    start_tile(s, acc, unit, row, 1, U, R);
    input_product(s, acc, unit, row, 1, U, R);
    hidden_product(s, acc, s->h, s->w_hh, unit, row, 0, 1, U, R);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const vec a = acc[u][0][r];
            /* max(0, a) as a comparison, so that a NaN stays one */
            const vec h = relu ? vec_max(vec_set1(0.0f), a) : tanh_vec(a);
            vec_store(s->h_next + (row + (size_t)r) * s->h_row + (unit + (size_t)u) * VEC_LANES, h);
        }
}

VEC_INLINE void rnn_tanh_tile(const CellForward *s, size_t unit, size_t row, const int U,
                              const int R) {
    rnn_tile(s, unit, row, U, R, 0);
}

VEC_INLINE void rnn_relu_tile(const CellForward *s, size_t unit, size_t row, const int U,
                              const int R) {
    rnn_tile(s, unit, row, U, R, 1);
}

VEC_INLINE void lstm_tile(const CellForward *s, size_t unit, size_t row, const int U, const int R) {
    Accumulators acc;
    start_tile(s, acc, unit, row, 4, U, R);
    input_product(s, acc, unit, row, 4, U, R);
    hidden_product(s, acc, s->h, s->w_hh, unit, row, 0, 4, U, R);
#pragma GCC unroll 2
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const size_t n = row + (size_t)r;
            const size_t at = n * s->h_row + (unit + (size_t)u) * VEC_LANES;
            const vec i = sigmoid_vec(acc[u][0][r]), f = sigmoid_vec(acc[u][1][r]);
            const vec g = tanh_vec(acc[u][2][r]), o = sigmoid_vec(acc[u][3][r]);
            const vec c = vec_fma(f, vec_load(s->c + at), vec_mul(i, g));
            const vec tanh_c = tanh_vec(c);
            vec_store(s->c_next + at, c);
            vec_store(s->h_next + at, vec_mul(o, tanh_c));
            if (!s->gates) continue;
            float *const kept =
                gates_of(s->gates, s->gates_row, s->gates_panel, n, unit + (size_t)u);
            vec_store(kept, i);
            vec_store(kept + PANEL, f);
            vec_store(kept + 2 * PANEL, g);
            vec_store(kept + 3 * PANEL, o);
            vec_store(s->extra + at, tanh_c);
        }
}

VEC_INLINE void gru_tile(const CellForward *s, size_t unit, size_t row, const int U, const int R) {
    Accumulators acc;
    start_tile(s, acc, unit, row, 4, U, R);
    input_product(s, acc, unit, row, 3, U, R);
    hidden_product(s, acc, s->h, s->w_hh, unit, row, 1, 3, U, R);
#pragma GCC unroll 2
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const size_t m = row + (size_t)r;
            const size_t at = m * s->h_row + (unit + (size_t)u) * VEC_LANES;
            const vec reset = sigmoid_vec(acc[u][1][r]), z = sigmoid_vec(acc[u][2][r]);
            const vec n = tanh_vec(vec_fma(reset, acc[u][3][r], acc[u][0][r]));
            const vec h = vec_load(s->h + at);
            vec_store(s->h_next + at, vec_fma(z, vec_sub(h, n), n));
            if (!s->gates) continue;
            float *const kept =
                gates_of(s->gates, s->gates_row, s->gates_panel, m, unit + (size_t)u);
            vec_store(kept, n);
            vec_store(kept + PANEL, reset);
            vec_store(kept + 2 * PANEL, z);
            vec_store(kept + 3 * PANEL, acc[u][3][r]);
        }
}

/* First half of the GRU that resets before the product: r and z, and n's part from x. */
VEC_INLINE void gru_before_tile1(const CellForward *s, size_t unit, size_t row, const int U,
                                 const int R) {
    Accumulators acc;
    start_tile(s, acc, unit, row, 4, U, R);
    input_product(s, acc, unit, row, 3, U, R);
    hidden_product(s, acc, s->h, s->w_hh, unit, row, 1, 2, U, R);
#pragma GCC unroll 2
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const size_t m = row + (size_t)r;
            const size_t at = m * s->h_row + (unit + (size_t)u) * VEC_LANES;
            const vec reset = sigmoid_vec(acc[u][1][r]), z = sigmoid_vec(acc[u][2][r]);
            float *const kept =
                gates_of(s->gates, s->gates_row, s->gates_panel, m, unit + (size_t)u);
            vec_store(s->extra + at, vec_mul(reset, vec_load(s->h + at)));
            vec_store(kept, acc[u][0][r]);
            vec_store(kept + PANEL, reset);
            vec_store(kept + 2 * PANEL, z);
        }
}

/* Second half: n, from r * h of all units. */
VEC_INLINE void gru_before_tile2(const CellForward *s, size_t unit, size_t row, const int U,
                                 const int R) {
    Accumulators acc;
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++)
            acc[u][0][r] = vec_load(gates_of(s->gates, s->gates_row, s->gates_panel,
                                             row + (size_t)r, unit + (size_t)u));
    hidden_product(s, acc, s->extra, s->w_hh + s->panels * s->hidden * 2 * PANEL, unit, row, 0, 1,
                   U, R);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const size_t m = row + (size_t)r;
            const size_t at = m * s->h_row + (unit + (size_t)u) * VEC_LANES;
            float *const kept =
                gates_of(s->gates, s->gates_row, s->gates_panel, m, unit + (size_t)u);
            const vec n = tanh_vec(acc[u][0][r]), z = vec_load(kept + 2 * PANEL);
            vec_store(s->h_next + at, vec_fma(z, vec_sub(vec_load(s->h + at), n), n));
            vec_store(kept, n);
        }
}

/* Defines a function that covers all units and rows with tiles of `wide` units, fewer at the end,
 * and of `single` units where there is one row. */
#define FORWARD(name, tile, wide, single)                                                          \
    static void name(const CellForward *s) {                                                       \
        const size_t units = s->panels * UNITS_PER_PANEL;                                          \
        for (size_t unit = 0; unit < units;) {                                                     \
            const size_t left = units - unit;                                                      \
            if (s->rows == 1 && left >= (single)) {                                                \
                tile(s, unit, 0, single, 1);                                                       \
                unit += (single);                                                                  \
                continue;                                                                          \
            }                                                                                      \
            for (size_t row = 0, n; row < s->rows; row += n) {                                     \
                n = tile_rows(s->rows, row, TILE_ROWS);                                            \
                if (left >= (wide)) {                                                              \
                    WITH_ROWS(n, tile, s, unit, row, wide)                                         \
                } else {                                                                           \
                    WITH_ROWS(n, tile, s, unit, row, 1)                                            \
                }                                                                                  \
            }                                                                                      \
            unit += left >= (wide) ? (wide) : 1;                                                   \
        }                                                                                          \
    }

FORWARD(rnn_tanh_forward, rnn_tanh_tile, TILE_UNITS, WIDE_UNITS)
FORWARD(rnn_relu_forward, rnn_relu_tile, TILE_UNITS, WIDE_UNITS)
FORWARD(lstm_forward, lstm_tile, 1, 2)
FORWARD(gru_forward, gru_tile, 1, 2)
FORWARD(gru_before_part1, gru_before_tile1, 1, 2)
FORWARD(gru_before_part2, gru_before_tile2, TILE_UNITS, WIDE_UNITS)

static void gru_reset_before_forward(const CellForward *s) {
    gru_before_part1(s);
    gru_before_part2(s);
}

/* ---- backward ---- */

/* dh' of one vector: what came back through time plus what comes from above. */
VEC_INLINE vec incoming(const CellBackward *s, size_t row, size_t column, size_t at) {
    const vec dh = vec_load(s->dh + at);
    return s->dy ? vec_add(dh, vec_load(s->dy + row * s->dy_row + column)) : dh;
}

/* a * (1 - a) */
VEC_INLINE vec sigmoid_slope(vec a) {
    return vec_fnma(a, a, a);
}

/* 1 - a^2 */
VEC_INLINE vec tanh_slope(vec a) {
    return vec_fnma(a, a, vec_set1(1.0f));
}

/* Defines a function that calls `body(s, row, column, at, kept)` for each vector of each row. */
#define BACKWARD(name, body)                                                                       \
    static void name(const CellBackward *s) {                                                      \
        const size_t units = s->panels * UNITS_PER_PANEL;                                          \
        for (size_t row = 0; row < s->rows; row++)                                                 \
            for (size_t unit = 0; unit < units; unit++)                                            \
                body(s, row, unit *VEC_LANES, row * s->h_row + unit * VEC_LANES,                   \
                     gates_of(s->gates, s->gates_row, s->gates_panel, row, unit));                 \
    }

VEC_INLINE void rnn_tanh_point(const CellBackward *s, size_t row, size_t column, size_t at,
                               float *kept) {
    const vec dh = incoming(s, row, column, at);
    vec_store(kept, vec_mul(dh, tanh_slope(vec_load(s->h_next + at))));
    vec_store(s->dh + at, vec_set1(0.0f));
}

VEC_INLINE void rnn_relu_point(const CellBackward *s, size_t row, size_t column, size_t at,
                               float *kept) {
    const vec zero = vec_set1(0.0f), dh = incoming(s, row, column, at);
    vec_store(kept, vec_select_less(zero, vec_load(s->h_next + at), dh, zero));
    vec_store(s->dh + at, zero);
}

VEC_INLINE void lstm_point(const CellBackward *s, size_t row, size_t column, size_t at,
                           float *kept) {
    const vec i = vec_load(kept), f = vec_load(kept + PANEL);
    const vec g = vec_load(kept + 2 * PANEL), o = vec_load(kept + 3 * PANEL);
    const vec tanh_c = vec_load(s->extra + at);
    const vec dh = incoming(s, row, column, at);
    const vec dc = vec_fma(vec_mul(dh, o), tanh_slope(tanh_c), vec_load(s->dc + at));
    vec_store(kept, vec_mul(vec_mul(dc, g), sigmoid_slope(i)));
    vec_store(kept + PANEL, vec_mul(vec_mul(dc, vec_load(s->c + at)), sigmoid_slope(f)));
    vec_store(kept + 2 * PANEL, vec_mul(vec_mul(dc, i), tanh_slope(g)));
    vec_store(kept + 3 * PANEL, vec_mul(vec_mul(dh, tanh_c), sigmoid_slope(o)));
    vec_store(s->dc + at, vec_mul(dc, f));
    vec_store(s->dh + at, vec_set1(0.0f));
}

VEC_INLINE void gru_point(const CellBackward *s, size_t row, size_t column, size_t at,
                          float *kept) {
    const vec n = vec_load(kept), r = vec_load(kept + PANEL);
    const vec z = vec_load(kept + 2 * PANEL), nh = vec_load(kept + 3 * PANEL);
    const vec dh = incoming(s, row, column, at);
    const vec dn = vec_mul(vec_fnma(dh, z, dh), tanh_slope(n));
    const vec dz = vec_mul(vec_mul(dh, vec_sub(vec_load(s->h + at), n)), sigmoid_slope(z));
    vec_store(kept, dn);
    vec_store(kept + PANEL, vec_mul(vec_mul(dn, nh), sigmoid_slope(r)));
    vec_store(kept + 2 * PANEL, dz);
    vec_store(kept + 3 * PANEL, vec_mul(dn, r));
    vec_store(s->dh + at, vec_mul(dh, z));
}

VEC_INLINE void gru_before_point1(const CellBackward *s, size_t row, size_t column, size_t at,
                                  float *kept) {
    const vec n = vec_load(kept), z = vec_load(kept + 2 * PANEL);
    const vec dh = incoming(s, row, column, at);
    const vec dn = vec_mul(vec_fnma(dh, z, dh), tanh_slope(n));
    const vec dz = vec_mul(vec_mul(dh, vec_sub(vec_load(s->h + at), n)), sigmoid_slope(z));
    vec_store(kept, dn);
    vec_store(kept + 2 * PANEL, dz);
    vec_store(kept + 3 * PANEL, dn);
    vec_store(s->dh + at, vec_mul(dh, z));
}

VEC_INLINE void gru_before_point2(const CellBackward *s, size_t row, size_t column, size_t at,
                                  float *kept) {
    (void)row;
    (void)column;
    const vec r = vec_load(kept + PANEL), d = vec_load(s->extra + at);
    vec_store(kept + PANEL, vec_mul(vec_mul(d, vec_load(s->h + at)), sigmoid_slope(r)));
    vec_store(s->dh + at, vec_fma(d, r, vec_load(s->dh + at)));
}

BACKWARD(rnn_tanh_backward, rnn_tanh_point)
BACKWARD(rnn_relu_backward, rnn_relu_point)
BACKWARD(lstm_backward, lstm_point)
BACKWARD(gru_backward, gru_point)
BACKWARD(gru_reset_before_backward, gru_before_point1)
BACKWARD(gru_reset_before_backward2, gru_before_point2)
