/* Rows into the lanes of vectors: how weights are packed. */

/* Rows [lane, lane + VEC_LANES) and columns [k, k + VEC_LANES), as far as they are there. */
VEC_INLINE void transpose_tile(const Transpose *t, size_t lane, size_t k) {
    const size_t left = t->columns - k;
    vec x[VEC_LANES];
#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++) {
        x[i] = lane + i < t->rows ? vec_load_first(left, t->in + (lane + i) * t->in_row + k)
                                  : vec_set1(0.0f);
    }
    vec_transpose(x);
    for (size_t i = 0; i < VEC_LANES && i < left; i++)
        vec_store(t->out + (k + i) * t->out_row + lane, x[i]);
}

VEC_INLINE void transpose_full_tile(const Transpose *t, size_t lane, size_t k) {
    vec x[VEC_LANES];
#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++) x[i] = vec_load(t->in + (lane + i) * t->in_row + k);
    vec_transpose(x);
#pragma GCC unroll 16
    for (size_t i = 0; i < VEC_LANES; i++) vec_store(t->out + (k + i) * t->out_row + lane, x[i]);
}

static void transpose(const Transpose *t) {
    for (size_t k = 0; k < t->columns; k += VEC_LANES)
        for (size_t lane = 0; lane < PANEL; lane += VEC_LANES) {
            if (lane + VEC_LANES <= t->rows && k + VEC_LANES <= t->columns)
                transpose_full_tile(t, lane, k);
            else
                transpose_tile(t, lane, k);
        }
}
