/* Several vectors at once, in double: element i of vector k at [i * LANES + k].
 *
 * One matrix read for all of them costs little more than for one, and every sum runs over i in
 * ascending order, so that what a vector gets depends on neither its neighbours nor the threads.
 * Arrays may not overlap unless said otherwise. */
#ifndef DIAGNOSE_LANES_H
#define DIAGNOSE_LANES_H

#include <stddef.h>

enum { LANES = 8 };

/* out [rows][LANES] = matrix [rows][columns], its rows `stride` apart, times vectors
 * [columns][LANES]. */
void lanes_product(const double *restrict matrix, size_t stride, size_t rows, size_t columns,
                   const double *restrict vectors, double *restrict out);

/* dots[k] = a . b of vector k; `a` may be `b`. */
void lanes_dot(const double *a, const double *b, size_t count, double dots[LANES]);

/* v += factors[k] a */
void lanes_add(double *restrict v, const double factors[LANES], const double *restrict a,
               size_t count);

/* v *= factors[k] */
void lanes_scale(double *v, const double factors[LANES], size_t count);

#endif
