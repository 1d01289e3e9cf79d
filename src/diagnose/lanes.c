/* Products and sums of several vectors at once; see lanes.h. */
#include "diagnose/lanes.h"

/* Two rows at a time, since their sums and the vectors' elements fit into sixteen registers. */
void lanes_product(const double *restrict matrix, size_t stride, size_t rows, size_t columns,
                   const double *restrict vectors, double *restrict out) {
    for (size_t r = 0; r < rows; r += 2) {
        const size_t pair = r + 1 < rows;
        const double *const a = matrix + r * stride, *const b = a + pair * stride;
        double first[LANES] = {0}, second[LANES] = {0};
        for (size_t c = 0; c < columns; c++)
            for (size_t k = 0; k < LANES; k++) {
                first[k] += a[c] * vectors[c * LANES + k];
                second[k] += b[c] * vectors[c * LANES + k];
            }
        for (size_t k = 0; k < LANES; k++) {
            out[(r + pair) * LANES + k] = second[k];
            out[r * LANES + k] = first[k];
        }
    }
}

void lanes_dot(const double *a, const double *b, size_t count, double dots[LANES]) {
    double sums[LANES] = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < LANES; k++) sums[k] += a[i * LANES + k] * b[i * LANES + k];
    for (size_t k = 0; k < LANES; k++) dots[k] = sums[k];
}

void lanes_add(double *restrict v, const double factors[LANES], const double *restrict a,
               size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < LANES; k++) v[i * LANES + k] += factors[k] * a[i * LANES + k];
}

void lanes_scale(double *v, const double factors[LANES], size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < LANES; k++) v[i * LANES + k] *= factors[k];
}
