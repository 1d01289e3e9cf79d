/* Location and scale: fitting them, and applying them to targets. */
#include <math.h>
#include <stdlib.h>

#include "core/logarithm.h"
#include "core/quantile.h"
#include "core/special.h"
#include "forecast/view.h"

static Standard fit_robust(const double *values, size_t count) {
    const double range =
        sorted_quantile(values, count, 0.75) - sorted_quantile(values, count, 0.25);
    return (Standard){sorted_quantile(values, count, 0.5), 0.7413 * range};
}

static Standard fit_moments(const double *values, size_t count) {
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++) sum += values[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double difference = values[i] - sum;
        squares += difference * difference / (double)count;
    }
    return (Standard){sum, sqrt(squares)};
}

Standard standard_fit(const double *values, size_t count, elman_scaling scaling, double *sorted) {
    Standard standard = {0.0, 1.0};
    size_t present = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) sorted[present++] = values[i];
    if (present == 0 || scaling == ELMAN_SCALING_NONE) return standard;
    qsort(sorted, present, sizeof(*sorted), compare_doubles);
    if (scaling == ELMAN_SCALING_ROBUST) standard = fit_robust(sorted, present);
    /* Half of the values may be the same, such as zero. */
    if (scaling == ELMAN_SCALING_STANDARD || !(standard.scale > 0.0))
        standard = fit_moments(sorted, present);
    /* What is constant but for rounding has no scale. */
    if (!(standard.scale > 1e-12 * fabs(standard.location)) || !isfinite(standard.scale))
        standard.scale = 1.0;
    return standard;
}

Standard target_standard(const elman_forecaster *forecaster, const double *values, size_t count,
                         double *sorted) {
    if (forecaster->loss != ELMAN_LOSS_NEGATIVE_BINOMIAL)
        return standard_fit(values, count, forecaster->scaling, sorted);
    const double mean = standard_fit(values, count, ELMAN_SCALING_STANDARD, sorted).location;
    return (Standard){0.0, mean > 0.0 ? mean : 1.0};
}

double target_scale(const elman_forecaster *forecaster, const Standard *standard, double y) {
    const double value = forecaster->logarithm ? natural_logarithm(y) : y;
    return (value - standard->location) / standard->scale;
}

double target_unscale(const elman_forecaster *forecaster, const Standard *standard, double x) {
    const double value = standard->location + standard->scale * x;
    return forecaster->logarithm ? exponential(value) : value;
}
