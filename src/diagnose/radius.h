/* The spectral radius of a square matrix. */
#ifndef DIAGNOSE_RADIUS_H
#define DIAGNOSE_RADIUS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/pool.h"

/* The doubles of `scratch` for spectral_radius; false when they do not fit. */
bool spectral_radius_scratch(size_t n, const Pool *pool, size_t *count);

/* The largest |eigenvalue| of matrix [n][n]: the growth of ||A^N|| (Gelfand's formula),
 *
 *     (||A^2N|| / ||A^N||)^(1/N),  N = 1, 2, 4, ... by squaring, in Frobenius' norm,
 *
 * until it changes by less than 1e-5 of itself twice: 1e-4 of itself off at most, but 0.5 % above
 * 512 units, where N stays at 512 or below. An ill-conditioned eigenvalue is as far off as rounding
 * moves it. The pool's workers share the columns; the figure does not depend on how many they are.
 */
double spectral_radius(const double *matrix, size_t n, Pool *pool, double *scratch);

#endif
