/* Losses of one position as their definitions read, in long double by the C library's functions. */
#ifndef REFERENCE_LOSSES_H
#define REFERENCE_LOSSES_H

#include <stddef.h>

/* a: the outputs, y: the target. */
long double reference_huber(long double a, long double y, long double delta);
long double reference_quantile(size_t count, const double *levels, const long double *a,
                               long double y);
long double reference_gaussian(const long double *a, long double y);
long double reference_student_t(const long double *a, long double y);
long double reference_negative_binomial(const long double *a, long double y, long double scale);

#endif
