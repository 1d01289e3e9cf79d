/* Forecasts that need no model. */
#ifndef FORECAST_NAIVE_H
#define FORECAST_NAIVE_H

#include <stdbool.h>
#include <stddef.h>

/* The newest step before `origin` with the phase of `step` >= origin in a cycle of `season` steps.
 * False: it would lie before step 0. */
static inline bool phase_before(size_t origin, size_t step, size_t season, size_t *at) {
    const size_t back = ((step - origin) / season + 1) * season;
    *at = step - back;
    return back <= step;
}

/* The last value before `origin` whose step has the phase of `step` >= origin in a cycle of
 * `season` steps and that is not missing (NaN); with season 1 the last value. NaN: there is none.
 */
double naive_seasonal(const double *y, size_t origin, size_t step, size_t season);

/* The line through the first and the last value before `origin`, at `step`. NaN: no values. */
double naive_drift(const double *y, size_t origin, size_t step);

/* The mean of |y_t - y_(t - season)| over the steps below `length` where both are there; NaN: there
 * are none. */
double naive_error(const double *y, size_t length, size_t season);

#endif
