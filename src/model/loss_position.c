/* The losses of one position of the output and their gradients, in double.
 *
 * Written as they are so that nothing overflows or cancels for any outputs and targets that floats
 * hold: differences of logarithms are logarithms of quotients, and powers of them never taken. */
#include <math.h>

#include "core/logarithm.h"
#include "core/special.h"
#include "model/loss.h"

static const double HALF_LN_PI = 0x1.250d048e7a1bdp-1;
static const double HALF_LN_2PI = 0x1.d67f1c864beb5p-1;

static const double SPREAD_MIN = 1e-4, DEGREES_MIN = 2.0, COUNT_MEAN_MIN = 1e-6;

double loss_spread(double a) {
    return softplus(a) + SPREAD_MIN;
}

double loss_degrees(double a) {
    return DEGREES_MIN + softplus(a);
}

double loss_count_mean(double a, double scale) {
    return scale * (softplus(a) + COUNT_MEAN_MIN);
}

void loss_quantiles(const elman_targets *targets, const double *a, double *q) {
    const size_t count = targets->quantile_count, middle = count / 2;
    q[middle] = a[middle];
    for (size_t i = middle + 1; i < count; i++) q[i] = q[i - 1] + softplus(a[i]);
    for (size_t i = middle; i-- > 0;) q[i] = q[i + 1] - softplus(a[i]);
}

double loss_of_difference(const elman_targets *targets, double d, double *gradient) {
    const double sign = d > 0.0 ? 1.0 : d < 0.0 ? -1.0 : d;
    if (targets->loss == ELMAN_LOSS_MSE) {
        *gradient = 2.0 * d;
        return d * d;
    }
    if (targets->loss == ELMAN_LOSS_MAE) {
        *gradient = sign;
        return fabs(d);
    }
    const double delta = targets->huber_delta > 0.0 ? targets->huber_delta : 1.0;
    if (fabs(d) > delta) {
        *gradient = sign * delta;
        return delta * (fabs(d) - 0.5 * delta);
    }
    *gradient = d;
    return 0.5 * d * d;
}

static double quantile(const elman_targets *targets, const double *a, double y, double *gradient) {
    const size_t count = targets->quantile_count, middle = count / 2;
    const double share = 1.0 / (double)count;
    double q[ELMAN_LOSS_QUANTILES_MAX], sum = 0.0;
    loss_quantiles(targets, a, q);
    for (size_t i = 0; i < count; i++) {
        const double p = targets->quantiles[i], d = y - q[i];
        sum += d > 0.0 ? p * d : (p - 1.0) * d;
        gradient[i] = d > 0.0 ? -p * share : d < 0.0 ? (1.0 - p) * share : d;
    }
    /* An output moves its own quantile and all that are further from the middle. */
    for (size_t i = count - 1; i > middle; i--) gradient[i - 1] += gradient[i];
    double below = 0.0;
    for (size_t i = 0; i < middle; i++) {
        below += gradient[i];
        gradient[i] = -below * sigmoid(a[i]);
    }
    gradient[middle] += below;
    for (size_t i = middle + 1; i < count; i++) gradient[i] *= sigmoid(a[i]);
    return sum * share;
}

static double gaussian(const double *a, double y, double *gradient) {
    const double sigma = loss_spread(a[1]), z = (y - a[0]) / sigma;
    gradient[0] = -z / sigma;
    gradient[1] = (1.0 - z * z) / sigma * sigmoid(a[1]);
    return HALF_LN_2PI + natural_logarithm(sigma) + 0.5 * z * z;
}

static double student_t(const double *a, double y, double *gradient) {
    const double sigma = loss_spread(a[1]), nu = loss_degrees(a[2]);
    const double z = (y - a[0]) / sigma, square = z * z;
    const double log_kernel = logarithm_1p(square / nu);
    gradient[0] = -(nu + 1.0) * (z / (nu + square)) / sigma;
    gradient[1] = nu * ((1.0 - square) / (nu + square)) / sigma * sigmoid(a[1]);
    const double by_nu = 1.0 / nu - digamma_difference(0.5 * nu, 0.5) + log_kernel -
                         (nu + 1.0) / nu * (square / (nu + square));
    gradient[2] = 0.5 * by_nu * sigmoid(a[2]);
    return HALF_LN_PI + 0.5 * natural_logarithm(nu) - log_gamma_difference(0.5 * nu, 0.5) +
           natural_logarithm(sigma) + 0.5 * (nu + 1.0) * log_kernel;
}

/* ln Gamma(y + r) - ln Gamma(r) - ln Gamma(y + 1). */
static double log_ways(double y, double r) {
    if (y < r) return log_gamma_difference(r, y) - log_gamma(y + 1.0);
    return log_gamma_difference(y, r) - natural_logarithm(y) - log_gamma(r);
}

/* With r = 1 / alpha the probability of y is exp(log_ways(y, r)) (r / (r + mean))^r (mean / (r +
 * mean))^y, for a y between two counts as well. */
static double negative_binomial(const double *a, double y, double scale, double *gradient) {
    const double mean = loss_count_mean(a[0], scale), alpha = loss_spread(a[1]), r = 1.0 / alpha;
    const double log_zero = logarithm_1p(alpha * mean);
    gradient[0] = (mean - y) / (1.0 + alpha * mean) / mean * scale * sigmoid(a[0]);
    const double by_r = log_zero - digamma_difference(r, y) + (y - mean) / (r + mean);
    gradient[1] = -r * r * by_r * sigmoid(a[1]);
    return r * log_zero + y * logarithm_1p(r / mean) - log_ways(y, r);
}

double loss_of_position(const elman_targets *targets, const double *a, double y, double scale,
                        double *gradient) {
    switch (targets->loss) {
    case ELMAN_LOSS_QUANTILE:
        return quantile(targets, a, y, gradient);
    case ELMAN_LOSS_GAUSSIAN:
        return gaussian(a, y, gradient);
    case ELMAN_LOSS_STUDENT_T:
        return student_t(a, y, gradient);
    default:
        return negative_binomial(a, y, scale, gradient);
    }
}
