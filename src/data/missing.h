/* Missing numbers: what is said about them, and straight lines in their place. */
#ifndef DATA_MISSING_H
#define DATA_MISSING_H

#include <stdbool.h>
#include <stddef.h>

#define MISSING_HINT "missing values are refused unless they are interpolated or masked"

/* Puts straight lines between the numbers of values[0 .. count) where some are NaN, and the nearest
 * number before the first and behind the last. False when there is no number. */
bool interpolate(double *values, size_t count);

/* The same for values[0], values[stride], ..., `count` of them. */
bool interpolate_floats(float *values, size_t count, size_t stride);

#endif
