/* The spectral radius of a square matrix. */
#ifndef DIAGNOSE_RADIUS_H
#define DIAGNOSE_RADIUS_H

#include <stdbool.h>
#include <stddef.h>

#include "context/context.h"

/* The doubles of `scratch` for spectral_radius; false when they do not fit. */
bool spectral_radius_scratch(size_t n, const elman_context *context, size_t *count);

/* The largest |eigenvalue| of matrix [n][n]: the growth of its powers (Gelfand's formula),
 *
 *     (||A^2N|| / ||A^N||)^(1/N) in Frobenius' norm, by squaring,  N = 65536, above 512 units 512.
 *
 * ||A^N|| is between r^N and c r^N, r being the radius and c the square root of n times the
 * eigenvectors' condition number, so the figure is ln(c) / N of itself off at most: 1e-4, above 512
 * units some 0.5 %. An ill-conditioned eigenvalue is as far off as rounding moves it. The
 * context's workers share the columns; the figure does not depend on how many they are. */
double spectral_radius(elman_context *context, const double *matrix, size_t n, double *scratch);

#endif
