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
                unit_of(s->start[row + (size_t)r], s->start_panel, unit + (size_t)u);
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
        w[u] =
            weights_of(s->w_ih, s->inputs * packed_column((size_t)gates), unit, u, (size_t)gates);
    accumulate(acc, 0, gates, U, R, w, s->inputs, s->x + row * s->x_row, s->x_row, 0, NULL);
}

/* A part of the product with h: columns [begin, end) of all, whose weights stay in the
 * first-level cache while tile after tile of rows passes over them. */
typedef struct HiddenPart {
    size_t begin, end, all;
    size_t row;  /* the first of those that pass */
    vec *paused; /* their sums between two parts */
} HiddenPart;

/* The sums of a tile of row `row` at the end of a part. */
VEC_INLINE vec *paused_sums(const HiddenPart *part, size_t row, const int slots, const int U) {
    return part->paused + (row - part->row) * (size_t)(slots * U);
}

/* Takes up the sums of the part before, of `slots` slots; false when this is the first. */
VEC_INLINE bool resume_part(const HiddenPart *part, Accumulators acc, size_t row, const int slots,
                            const int U, const int R) {
    if (part->begin == 0) return false;
    const vec *const sums = paused_sums(part, row, slots, U);
    EACH(U * slots * R) acc[i / R / slots][i / R % slots][i % R] = sums[i];
    return true;
}

/* Whether another part follows, until which the sums are kept. */
VEC_INLINE bool pause_part(const HiddenPart *part, Accumulators acc, size_t row, const int slots,
                           const int U, const int R) {
    if (part->end == part->all) return false;
    vec *const sums = paused_sums(part, row, slots, U);
    EACH(U * slots * R) sums[i] = acc[i / R / slots][i / R % slots][i % R];
    return true;
}

/* Whether so much of a packed matrix is too far away to be read without being fetched ahead. */
VEC_INLINE bool far_weights(size_t panels, size_t columns, const size_t gates) {
    return panels * columns * gates * PANEL * sizeof(float) > NEAR_BYTES;
}

/* acc += R a for `gates` gates of the packed matrix w_hh, beginning at slot `first`. */
VEC_INLINE void hidden_product(const CellForward *s, const HiddenPart *part, Accumulators acc,
                               const float *a, const float *w_hh, size_t unit, size_t row,
                               const int first, const int gates, const int U, const int R) {
    const size_t column = packed_column((size_t)gates), group = part->all * column;
    const size_t count = part->end - part->begin;
    const float *w[WIDE_UNITS];
#pragma GCC unroll 8
    for (int u = 0; u < U; u++)
        w[u] = weights_of(w_hh, group, unit, u, (size_t)gates) + part->begin * column;
    const int fetch = R > 1 && (gates > 1 || U >= TILE_UNITS);
    const float *ahead = w[0];
    if (fetch && far_weights(s->panel_end - s->panel_begin, part->all, (size_t)gates)) {
        /* The same part of the next panels, of which each tile of rows fetches some lines. After
         * the last there are none: the next step begins with them. */
        const size_t next = unit / units_together((size_t)gates) + (s->descending ? (size_t)-1 : 1);
        const size_t panel = next * packed_together((size_t)gates);
        if (panel >= s->panel_begin && panel < s->panel_end)
            ahead = w_hh + next * group + part->begin * column +
                    row * count * (column / PANEL) / s->rows * PANEL;
    }
    accumulate(acc, first, gates, U, R, w, count, a + row * s->h_row + part->begin, s->h_row, fetch,
               ahead);
}

/* One tile after its products: its U units of R rows, by unit and, within one, by row. */
typedef struct Tile {
    const CellForward *s;
    size_t unit, row;
    size_t state_row; /* of the arrays that state_at is for */
} Tile;

/* Where element n of a tile stands in the state arrays, and its slot 0 in the gates. */
VEC_INLINE size_t state_at(const Tile *tile, const int n, const int R) {
    return (tile->row + (size_t)(n % R)) * tile->state_row +
           (tile->unit + (size_t)(n / R)) * VEC_LANES;
}

VEC_INLINE float *gates_at(const Tile *tile, const int n, const int R) {
    const CellForward *const s = tile->s;
    return gates_of(s->gates, s->gates_row, s->gates_panel, tile->row + (size_t)(n % R),
                    tile->unit + (size_t)(n / R));
}

/* Takes one slot of a tile out of its accumulators. */
VEC_INLINE void take(Accumulators acc, const int slot, const int U, const int R, vec *values) {
    EACH(U * R) values[i] = acc[i / R][slot][i % R];
}

VEC_INLINE void keep(const Tile *tile, const int slot, const int U, const int R,
                     const vec *values) {
    EACH(U * R) vec_store(gates_at(tile, i, R) + slot * PANEL, values[i]);
}

enum { TILE_MOST = WIDE_UNITS > TILE_UNITS *TILE_ROWS ? WIDE_UNITS : TILE_UNITS *TILE_ROWS };

VEC_INLINE void rnn_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                         const int U, const int R, const int relu) {
    const Tile tile = {s, unit, row, s->h_row};
    Accumulators acc;
    vec h[TILE_MOST];
    start_tile(s, acc, unit, row, 1, U, R);
    input_product(s, acc, unit, row, 1, U, R);
    hidden_product(s, part, acc, s->h, s->w_hh, unit, row, 0, 1, U, R);
    take(acc, 0, U, R, h);
    if (relu) {
        /* max(0, a) as a comparison, so that a NaN stays one */
        EACH(U * R) h[i] = vec_max(vec_set1(0.0f), h[i]);
    } else {
        tanh_all(h, U * R);
    }
    EACH(U * R) vec_store(s->h_next + state_at(&tile, i, R), h[i]);
}

VEC_INLINE void rnn_tanh_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                              const int U, const int R) {
    rnn_tile(s, part, unit, row, U, R, 0);
}

VEC_INLINE void rnn_relu_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                              const int U, const int R) {
    rnn_tile(s, part, unit, row, U, R, 1);
}

/* `state_row`: of c and of what o tanh(c') goes to. */
VEC_INLINE void lstm_units(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                           const size_t state_row, const int U, const int R) {
    const Tile tile = {s, unit, row, state_row};
    Accumulators acc;
    vec i_f[2 * TILE_MOST], g[TILE_MOST], o[TILE_MOST], c[TILE_MOST];
    vec *const in = i_f, *const forget = i_f + U * R;
    if (!resume_part(part, acc, row, 4, U, R)) {
        start_tile(s, acc, unit, row, 4, U, R);
        input_product(s, acc, unit, row, 4, U, R);
    }
    hidden_product(s, part, acc, s->h, s->w_hh, unit, row, 0, 4, U, R);
    if (pause_part(part, acc, row, 4, U, R)) return;
    take(acc, 0, U, R, in);
    take(acc, 1, U, R, forget);
    take(acc, 2, U, R, g);
    take(acc, 3, U, R, o);
    sigmoid_all(i_f, 2 * U * R);
    tanh_all(g, U * R);
    EACH(U * R)
    c[i] = vec_fma(forget[i], vec_load(s->c + state_at(&tile, i, R)), vec_mul(in[i], g[i]));
    EACH(U * R) vec_store(s->c_next + state_at(&tile, i, R), c[i]);
    if (s->gates) {
        keep(&tile, 0, U, R, in);
        keep(&tile, 1, U, R, forget);
        keep(&tile, 2, U, R, g);
    }
    sigmoid_all(o, U * R);
    tanh_all(c, U * R);
    EACH(U * R) vec_store(s->h_next + state_at(&tile, i, R), vec_mul(o[i], c[i]));
    if (!s->gates) return;
    keep(&tile, 3, U, R, o);
    EACH(U * R) vec_store(s->extra + state_at(&tile, i, R), c[i]);
}

VEC_INLINE void lstm_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                          const int U, const int R) {
    lstm_units(s, part, unit, row, s->h_row, U, R);
}

VEC_INLINE void lstmp_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                           const int U, const int R) {
    lstm_units(s, part, unit, row, (s->hidden + PANEL - 1) / PANEL * PANEL, U, R);
}

/* h' = z (h - n) + n */
VEC_INLINE void mix(const Tile *tile, const vec *z, const vec *n, const int U, const int R) {
    const CellForward *const s = tile->s;
    EACH(U * R) {
        const size_t at = state_at(tile, i, R);
        vec_store(s->h_next + at, vec_fma(z[i], vec_sub(vec_load(s->h + at), n[i]), n[i]));
    }
}

VEC_INLINE void gru_tile(const CellForward *s, const HiddenPart *part, size_t unit, size_t row,
                         const int U, const int R) {
    const Tile tile = {s, unit, row, s->h_row};
    Accumulators acc;
    vec r_z[2 * TILE_MOST], n[TILE_MOST], nh[TILE_MOST];
    vec *const reset = r_z, *const z = r_z + U * R;
    if (!resume_part(part, acc, row, 4, U, R)) {
        start_tile(s, acc, unit, row, 4, U, R);
        input_product(s, acc, unit, row, 3, U, R);
    }
    hidden_product(s, part, acc, s->h, s->w_hh, unit, row, 1, 3, U, R);
    if (pause_part(part, acc, row, 4, U, R)) return;
    take(acc, 0, U, R, n);
    take(acc, 1, U, R, reset);
    take(acc, 2, U, R, z);
    take(acc, 3, U, R, nh);
    sigmoid_all(r_z, 2 * U * R);
    EACH(U * R) n[i] = vec_fma(reset[i], nh[i], n[i]);
    tanh_all(n, U * R);
    mix(&tile, z, n, U, R);
    if (!s->gates) return;
    keep(&tile, 0, U, R, n);
    keep(&tile, 1, U, R, reset);
    keep(&tile, 2, U, R, z);
    keep(&tile, 3, U, R, nh);
}

/* First half of the GRU that resets before the product: r and z, and n's part from x. */
VEC_INLINE void gru_before_tile1(const CellForward *s, const HiddenPart *part, size_t unit,
                                 size_t row, const int U, const int R) {
    const Tile tile = {s, unit, row, s->h_row};
    Accumulators acc;
    vec r_z[2 * TILE_MOST], n[TILE_MOST];
    if (!resume_part(part, acc, row, 4, U, R)) {
        start_tile(s, acc, unit, row, 4, U, R);
        input_product(s, acc, unit, row, 3, U, R);
    }
    hidden_product(s, part, acc, s->h, s->w_hh, unit, row, 1, 2, U, R);
    if (pause_part(part, acc, row, 4, U, R)) return;
    take(acc, 0, U, R, n);
    take(acc, 1, U, R, r_z);
    take(acc, 2, U, R, r_z + U * R);
    sigmoid_all(r_z, 2 * U * R);
    EACH(U * R) {
        const size_t at = state_at(&tile, i, R);
        vec_store(s->extra + at, vec_mul(r_z[i], vec_load(s->h + at)));
    }
    keep(&tile, 0, U, R, n);
    keep(&tile, 1, U, R, r_z);
    keep(&tile, 2, U, R, r_z + U * R);
}

/* Second half: n, from r * h of all units. */
VEC_INLINE void gru_before_tile2(const CellForward *s, const HiddenPart *part, size_t unit,
                                 size_t row, const int U, const int R) {
    const Tile tile = {s, unit, row, s->h_row};
    Accumulators acc;
    vec n[TILE_MOST], z[TILE_MOST];
    EACH(U * R) acc[i / R][0][i % R] = vec_load(gates_at(&tile, i, R));
    hidden_product(s, part, acc, s->extra, s->w_hh + s->panels * s->hidden * 2 * PANEL, unit, row,
                   0, 1, U, R);
    take(acc, 0, U, R, n);
    tanh_all(n, U * R);
    EACH(U * R) z[i] = vec_load(gates_at(&tile, i, R) + 2 * PANEL);
    mix(&tile, z, n, U, R);
    keep(&tile, 0, U, R, n);
}

/* Vectors of units that are wholly padding are not computed: they stay zeros. */
VEC_INLINE size_t real_units(size_t hidden, size_t panel_end) {
    const size_t units = (hidden + VEC_LANES - 1) / VEC_LANES, end = panel_end * UNITS_PER_PANEL;
    return units < end ? units : end;
}

/* The rows that pass over a part of the weights at a time. */
enum { PART_ROWS = 64 };

/* The most of `all` columns in a part. One tile of rows reads the weights but once; and of one gate
 * they come fast enough from the second-level cache: parts cost more than they bring. */
VEC_INLINE size_t part_columns(size_t all, size_t rows, const size_t gates) {
    if (rows <= TILE_ROWS || gates == 1) return all;
    return PART_BYTES / (packed_column(gates) * sizeof(float));
}

/* Defines a function that covers all rows of U units. `columns`: the member that tells how wide h
 * is. */
#define FORWARD_ROWS(name, tile, columns, gates, U)                                                \
    VEC_NOINLINE void name(const CellForward *s, size_t unit) {                                    \
        vec paused[(gates) == 1 ? 1 : PART_ROWS * (U)*SLOTS_MAX];                                  \
        for (size_t first = 0, rows; first < s->rows; first += rows) {                             \
            rows = tile_rows(s->rows, first, PART_ROWS);                                           \
            HiddenPart part = {.all = s->columns, .row = first, .paused = paused};                 \
            const size_t most = part_columns(s->columns, rows, gates);                             \
            for (; part.begin < part.all; part.begin = part.end) {                                 \
                part.end = part.begin + tile_rows(part.all, part.begin, most);                     \
                for (size_t row = first, n; row < first + rows; row += n) {                        \
                    n = tile_rows(first + rows, row, TILE_ROWS);                                   \
                    WITH_ROWS(n, tile, s, &part, unit, row, U)                                     \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* The units of one row side by side, so that the links of one chain fill the others' latency. When
 * most weights come from the second-level cache, four chains keep up with it, and one stream of
 * weights comes faster than two by turns. */
VEC_INLINE size_t row_units(size_t hidden, const size_t gates, const size_t most) {
    const bool stream = UNITS_PER_PANEL == 1 && (gates == 4 || gates == 1) && hidden > 64;
    return stream ? 4 / gates : most;
}

/* Defines a function for one row of U units. */
#define FORWARD_ROW(name, tile, columns, U)                                                        \
    VEC_NOINLINE void name(const CellForward *s, size_t unit) {                                    \
        const HiddenPart whole = {.end = s->columns, .all = s->columns};                           \
        tile(s, &whole, unit, 0, U, 1);                                                            \
    }

/* Defines a function that covers its units with `wide` of them at a time, one at a time where those
 * do not fit; where there is one row, first of all with `row`. */
#define FORWARD(name, tile, columns, gates, wide, row)                                             \
    FORWARD_ROWS(name##_wide, tile, columns, gates, wide)                                          \
    FORWARD_ROWS(name##_narrow, tile, columns, gates, 1)                                           \
    FORWARD_ROW(name##_row_most, tile, columns, row)                                               \
    FORWARD_ROW(name##_row_wide, tile, columns, wide)                                              \
    FORWARD_ROW(name##_row_narrow, tile, columns, 1)                                               \
    static void name(const CellForward *s) {                                                       \
        const size_t begin = s->panel_begin * UNITS_PER_PANEL;                                     \
        const size_t end = real_units(s->hidden, s->panel_end);                                    \
        const bool one = s->rows == 1;                                                             \
        const size_t most = one ? row_units(s->hidden, gates, row) : (wide);                       \
        for (size_t done = begin, width; done < end; done += width) {                              \
            const size_t from = s->descending ? begin : done;                                      \
            const size_t to = s->descending ? begin + end - done : end;                            \
            width = tile_fits(from, to, s->descending, gates, wide) ? (wide) : 1;                  \
            if (tile_fits(from, to, s->descending, gates, most)) width = most;                     \
            const size_t unit = s->descending ? to - width : from;                                 \
            if (!one && width == (wide))                                                           \
                name##_wide(s, unit);                                                              \
            else if (!one)                                                                         \
                name##_narrow(s, unit);                                                            \
            else if (width == (row))                                                               \
                name##_row_most(s, unit);                                                          \
            else if (width == (wide))                                                              \
                name##_row_wide(s, unit);                                                          \
            else                                                                                   \
                name##_row_narrow(s, unit);                                                        \
        }                                                                                          \
    }

FORWARD(rnn_tanh_forward, rnn_tanh_tile, hidden, 1, TILE_UNITS, WIDE_UNITS)
FORWARD(rnn_relu_forward, rnn_relu_tile, hidden, 1, TILE_UNITS, WIDE_UNITS)
FORWARD(lstm_forward, lstm_tile, hidden, 4, 1, 2)
FORWARD(lstmp_forward, lstmp_tile, columns, 4, 1, 2)
FORWARD(gru_forward, gru_tile, hidden, 3, 1, 2)
FORWARD(gru_reset_before_forward, gru_before_tile1, hidden, 2, 1, 2)
FORWARD(gru_reset_before_forward2, gru_before_tile2, hidden, 1, TILE_UNITS, WIDE_UNITS)

/* Inputs [begin, end) of a projection, and the weights that are read after them. */
typedef struct InputPart {
    size_t begin, end;
    const float *next; /* fetched ahead; NULL: they are not far */
} InputPart;

/* The start, or what the part before left in `out`, plus the product with a part of x, for U units
 * of R rows; `done` of all rows came before. */
VEC_INLINE void project_tile(const Projection *p, const InputPart *part, size_t done,
                             const float *x, float *out, size_t unit, const int slots,
                             const int gates, const int fetch, const int U, const int R) {
    const size_t column = packed_column((size_t)gates), count = part->end - part->begin;
    Accumulators acc;
    const float *w[WIDE_UNITS];
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) {
        const float *const start = unit_of(p->start, (size_t)slots * PANEL, unit + (size_t)u);
        w[u] =
            weights_of(p->w_ih, p->inputs * column, unit, u, (size_t)gates) + part->begin * column;
        EACH(R) {
            float *const at = gates_of(out, p->out_row, p->out_panel, (size_t)i, unit + (size_t)u);
            const float *const from = part->begin == 0 ? start : at;
#pragma GCC unroll 4
            for (int g = 0; g < gates; g++) acc[u][g][i] = vec_load(from + g * PANEL);
#pragma GCC unroll 4
            for (int g = gates; g < slots; g++)
                vec_store(at + g * PANEL, vec_load(from + g * PANEL));
        }
    }
    const float *ahead = w[0];
    if (fetch) ahead = part->next + done * count * (column / PANEL) / (p->steps * p->rows) * PANEL;
    accumulate(acc, 0, gates, U, R, w, count, x + part->begin, p->x_row, fetch, ahead);
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) EACH(R) {
            float *const at = gates_of(out, p->out_row, p->out_panel, (size_t)i, unit + (size_t)u);
#pragma GCC unroll 4
            for (int g = 0; g < gates; g++) vec_store(at + g * PANEL, acc[u][g][i]);
        }
}

/* All rows of all steps for U units. */
#define PROJECT_UNITS(name, slots, gates)                                                          \
    VEC_INLINE void name##_tile(const Projection *p, const InputPart *part, size_t done,           \
                                const float *x, float *out, size_t unit, const int fetch,          \
                                const int U, const int R) {                                        \
        project_tile(p, part, done, x, out, unit, slots, gates, fetch, U, R);                      \
    }                                                                                              \
    VEC_INLINE void name##_part(const Projection *p, const InputPart *part, size_t unit,           \
                                const int fetch, const int U) {                                    \
        for (size_t step = 0; step < p->steps; step++)                                             \
            for (size_t row = 0, n; row < p->rows; row += n) {                                     \
                const float *const x = p->x + step * p->x_step + row * p->x_row;                   \
                float *const out = p->out + step * p->out_step + row * p->out_row;                 \
                const size_t done = step * p->rows + row;                                          \
                n = tile_rows(p->rows, row, TILE_ROWS);                                            \
                WITH_ROWS(n, name##_tile, p, part, done, x, out, unit, fetch, U)                   \
            }                                                                                      \
    }                                                                                              \
    VEC_INLINE void name##_units(const Projection *p, size_t unit, const int U) {                  \
        const size_t column = packed_column(gates);                                                \
        const size_t most = part_columns(p->inputs, p->steps * p->rows, gates);                    \
        const size_t next = unit / units_together(gates) + 1;                                      \
        const bool far = ((gates) > 1 || (U) >= TILE_UNITS) &&                                     \
                         far_weights(p->panel_end - p->panel_begin, p->inputs, gates) &&           \
                         next * packed_together(gates) < p->panel_end;                             \
        for (InputPart part = {0, 0, NULL}; part.begin < p->inputs; part.begin = part.end) {       \
            part.end = part.begin + tile_rows(p->inputs, part.begin, most);                        \
            if (far) part.next = p->w_ih + (next * p->inputs + part.begin) * column;               \
            if (part.next)                                                                         \
                name##_part(p, &part, unit, 1, U);                                                 \
            else                                                                                   \
                name##_part(p, &part, unit, 0, U);                                                 \
        }                                                                                          \
    }

#define PROJECT(name, slots, gates, wide)                                                          \
    PROJECT_UNITS(name, slots, gates)                                                              \
    static void name(const Projection *p) {                                                        \
        const size_t end = real_units(p->hidden, p->panel_end);                                    \
        size_t unit = p->panel_begin * UNITS_PER_PANEL;                                            \
        while (unit < end)                                                                         \
            if (tile_fits(unit, end, false, gates, wide)) {                                        \
                name##_units(p, unit, wide);                                                       \
                unit += (wide);                                                                    \
            } else {                                                                               \
                name##_units(p, unit, 1);                                                          \
                unit++;                                                                            \
            }                                                                                      \
    }

PROJECT(project1, 1, 1, TILE_UNITS)
PROJECT(project3, 4, 3, 1)
PROJECT(project4, 4, 4, 1)

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

/* The gates of padding count as products with zeros: they must be numbers. */
VEC_INLINE void clear_padding(const CellBackward *s, size_t row, size_t unit, const int slots) {
    for (; unit < s->panel_end * UNITS_PER_PANEL; unit++) {
        float *const kept = gates_of(s->gates, s->gates_row, s->gates_panel, row, unit);
#pragma GCC unroll 4
        for (int slot = 0; slot < slots; slot++) vec_store(kept + slot * PANEL, vec_set1(0.0f));
    }
}

/* Defines a function that calls `body(s, row, column, at, kept)` for each vector of each row. */
#define BACKWARD(name, body, slots)                                                                \
    static void name(const CellBackward *s) {                                                      \
        const size_t begin = s->panel_begin * UNITS_PER_PANEL;                                     \
        const size_t end = real_units(s->hidden, s->panel_end);                                    \
        for (size_t row = 0; row < s->rows; row++) {                                               \
            for (size_t unit = begin; unit < end; unit++)                                          \
                body(s, row, unit *VEC_LANES, row * s->h_row + unit * VEC_LANES,                   \
                     gates_of(s->gates, s->gates_row, s->gates_panel, row, unit));                 \
            clear_padding(s, row, end > begin ? end : begin, slots);                               \
        }                                                                                          \
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

BACKWARD(rnn_tanh_backward, rnn_tanh_point, 1)
BACKWARD(rnn_relu_backward, rnn_relu_point, 1)
BACKWARD(lstm_backward, lstm_point, 4)
BACKWARD(gru_backward, gru_point, 4)
BACKWARD(gru_reset_before_backward, gru_before_point1, 4)
BACKWARD(gru_reset_before_backward2, gru_before_point2, 0)
