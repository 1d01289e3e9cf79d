/* Sums over several vectors at once, in double: element i of vector k at [i * LANES + k], as
 * Kernels.lanes_product has them.
 *
 * One matrix read for all of them costs little more than for one, and every sum runs over i in
 * ascending order, so that what a vector gets depends on neither its neighbours nor the threads. */
#ifndef DIAGNOSE_LANES_H
#define DIAGNOSE_LANES_H

#include "kernels/kernels.h"

/* dots[k] = a . b of vector k; `a` may be `b`. */
void lanes_dot(const double *a, const double *b, size_t count, double dots[LANES]);

/* v += factors[k] a; the two may not overlap. */
void lanes_add(double *restrict v, const double factors[LANES], const double *restrict a,
               size_t count);

/* v *= factors[k] */
void lanes_scale(double *v, const double factors[LANES], size_t count);

#endif
