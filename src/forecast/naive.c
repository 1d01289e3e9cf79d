/* Forecasts that need no model: the last value, the last one of the same phase, a straight line. */
#include "forecast/naive.h"

#include <math.h>

double naive_seasonal(const double *y, size_t origin, size_t step, size_t season) {
    size_t at;
    if (!phase_before(origin, step, season, &at)) return NAN;
    for (;; at -= season) {
        if (!isnan(y[at])) return y[at];
        if (at < season) return NAN;
    }
}

double naive_drift(const double *y, size_t origin, size_t step) {
    size_t first = 0, last = origin;
    while (first < origin && isnan(y[first])) first++;
    while (last > first && isnan(y[last - 1])) last--;
    if (first == last) return NAN;
    last--;
    if (first == last) return y[last];
    const double slope = (y[last] - y[first]) / (double)(last - first);
    return y[last] + slope * (double)(step - last);
}

double naive_error(const double *y, size_t length, size_t season) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t t = season; t < length; t++) {
        const double difference = fabs(y[t] - y[t - season]);
        if (isnan(difference)) continue;
        sum += difference;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}
