/* Sums over several vectors at once; see lanes.h. */
#include "diagnose/lanes.h"

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
