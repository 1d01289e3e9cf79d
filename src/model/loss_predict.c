/* What outputs predict: means and quantiles. */
#include <math.h>
#include <stdbool.h>

#include "core/distribution.h"
#include "model/loss.h"

enum { OUTPUTS_MAX = ELMAN_LOSS_QUANTILES_MAX };

/* Levels below this count as it. */
static const double LEVEL_MIN = 1e-300;

/* The outputs in double; false when one is not finite or there is nothing to predict from. */
static bool read_outputs(const elman_targets *targets, const float *output, double *a) {
    const size_t count = elman_loss_outputs(targets->loss, targets->quantile_count);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(output[i])) return false;
        a[i] = (double)output[i];
    }
    return count > 0;
}

double elman_loss_predict_mean(const elman_targets *targets, const float *output, double scale) {
    double a[OUTPUTS_MAX];
    if (!read_outputs(targets, output, a)) return NAN;
    if (targets->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL) return loss_count_mean(a[0], scale);
    return targets->loss == ELMAN_LOSS_QUANTILE ? a[targets->quantile_count / 2] : a[0];
}

/* Linear through the two levels around `level`, or the two nearest. */
static double between_quantiles(const elman_targets *targets, const double *a, double level) {
    const size_t count = targets->quantile_count;
    const double *const p = targets->quantiles;
    double q[OUTPUTS_MAX];
    size_t upper = 1;
    loss_quantiles(targets, a, q);
    if (count == 1) return q[0];
    while (upper + 1 < count && p[upper] < level) upper++;
    const double share = (level - p[upper - 1]) / (p[upper] - p[upper - 1]);
    const double value = q[upper - 1] + share * (q[upper] - q[upper - 1]);
    /* Rounded up at the end of a piece it would be above where the next one begins. */
    return share <= 1.0 && value > q[upper] ? q[upper] : value;
}

double elman_loss_predict_quantile(const elman_targets *targets, const float *output, double scale,
                                   double level) {
    double a[OUTPUTS_MAX];
    if (!read_outputs(targets, output, a) || !(level > 0.0 && level < 1.0)) return NAN;
    if (level < LEVEL_MIN) level = LEVEL_MIN;
    switch (targets->loss) {
    case ELMAN_LOSS_QUANTILE:
        return between_quantiles(targets, a, level);
    case ELMAN_LOSS_GAUSSIAN:
        return a[0] + loss_spread(a[1]) * normal_quantile(level);
    case ELMAN_LOSS_STUDENT_T:
        return a[0] + loss_spread(a[1]) * student_t_quantile(level, loss_degrees(a[2]));
    case ELMAN_LOSS_NEGATIVE_BINOMIAL:
        return negative_binomial_quantile(level, loss_count_mean(a[0], scale),
                                          1.0 / loss_spread(a[1]));
    default:
        return a[0];
    }
}
