/* A matrix times LANES vectors, in double. */

/* `count` rows, LANES_ROWS at most; a constant where it matters. */
VEC_INLINE void lanes_rows(const LanesProduct *product, size_t first, size_t count) {
    const double *const matrix = product->matrix + first * product->stride;
    dvec sums[LANES_ROWS];
#pragma GCC unroll 8
    for (size_t r = 0; r < count; r++) sums[r] = dvec_zero();
    for (size_t c = 0; c < product->columns; c++) {
        const dvec vector = dvec_load(product->vectors + c * LANES);
#pragma GCC unroll 8
        for (size_t r = 0; r < count; r++)
            sums[r] = dvec_add_times(sums[r], matrix[r * product->stride + c], vector);
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < count; r++) dvec_store(product->out + (first + r) * LANES, sums[r]);
}

static void lanes_product(const LanesProduct *product) {
    const size_t whole = product->rows - product->rows % LANES_ROWS;
    for (size_t r = 0; r < whole; r += LANES_ROWS) lanes_rows(product, r, LANES_ROWS);
    for (size_t r = whole; r < product->rows; r++) lanes_rows(product, r, 1);
}
