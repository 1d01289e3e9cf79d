/* Losses: what a network's output means, how far it is from what came, and what it predicts.
 *
 * Each position of the output (a step of a row; a row, for a model with one output a sequence) has
 * `width` numbers a_0, a_1, ... and a target y. softplus(a) = ln(1 + e^a).
 *
 *     CROSS_ENTROPY      classes: logits; y is the class; -ln softmax(a)_y, times the class's
 * weight MSE, MAE, HUBER    any width, a target for each number: (a - y)^2, |a - y|, and (Huber,
 * 1964) d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond QUANTILE           one number a
 * level, levels p ascending, never crossing: with the middle index m = levels / 2, q_m = a_m, q_i =
 * q_(i-1) + softplus(a_i) above it and q_i = q_(i+1) - softplus(a_i) below. The mean over the
 * levels of the pinball loss max(p (y - q), (p - 1) (y - q)) (Koenker and Bassett, 1978) GAUSSIAN
 * 2: mu = a_0, sigma = softplus(a_1) + 1e-4; -ln p(y) STUDENT_T          3: mu = a_0, sigma =
 * softplus(a_1) + 1e-4, nu = 2 + softplus(a_2); -ln p(y) NEGATIVE_BINOMIAL  2: mean = s
 * (softplus(a_0) + 1e-6), dispersion alpha = softplus(a_1) + 1e-4, variance mean + alpha mean^2; y
 * counts, s the row's scale; -ln P(y) (as Salinas et al., DeepAR, 2017)
 *
 * Every loss is finite, with finite gradients, for every finite output and target. All of it is
 * computed in double from IEEE operations alone: the same bits on every machine. */
#ifndef ELMAN_LOSS_H
#define ELMAN_LOSS_H

#include <stddef.h>
#include <stdint.h>

#include <elman/export.h>
#include <elman/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum elman_loss_kind {
    ELMAN_LOSS_CROSS_ENTROPY,
    ELMAN_LOSS_MSE,
    ELMAN_LOSS_MAE,
    ELMAN_LOSS_HUBER,
    ELMAN_LOSS_QUANTILE,
    ELMAN_LOSS_GAUSSIAN,
    ELMAN_LOSS_STUDENT_T,
    ELMAN_LOSS_NEGATIVE_BINOMIAL
} elman_loss_kind;

enum { ELMAN_LOSS_QUANTILES_MAX = 99 };

/* A loss and the targets of one batch. */
typedef struct elman_targets {
    size_t struct_size; /* sizeof(elman_targets) */
    elman_loss_kind loss;
    const int32_t *classes; /* CROSS_ENTROPY: [positions], negative: not counted */
    const float
        *class_weights;      /* [classes], each above 0: the loss is the weighted mean; NULL: 1 */
    const float *numbers;    /* the others: [positions][width] for MSE, MAE and HUBER, else
                                [positions]; NaN: not counted */
    const float *scales;     /* NEGATIVE_BINOMIAL: [batch], each above 0; NULL: 1 */
    double huber_delta;      /* HUBER: 1 when 0 */
    const double *quantiles; /* QUANTILE: [quantile_count] levels in (0, 1), ascending */
    size_t quantile_count;   /* 1 to ELMAN_LOSS_QUANTILES_MAX */
} elman_targets;

/* "cross-entropy", "mse", "mae", "huber", "quantile", "gaussian", "student-t", "negative-binomial";
 * NULL for no kind. */
ELMAN_API const char *elman_loss_name(elman_loss_kind kind);

/* The numbers of output that a position needs: quantile_count, 2, 3, 2; 1 for MSE, MAE and HUBER
 * and 0, which is any number, for CROSS_ENTROPY. */
ELMAN_API size_t elman_loss_outputs(elman_loss_kind kind, size_t quantile_count);

/* What a position's output predicts. Of `targets` only loss, quantiles and quantile_count are read;
 * `scale` is the negative binomial's s (1 elsewhere).
 *
 * elman_loss_predict_mean: the mean; the middle quantile for QUANTILE, a_0 for MSE, MAE and HUBER.
 *
 * elman_loss_predict_quantile: the value that the target stays below with probability `level` in
 * (0, 1). QUANTILE: linear between the levels it has, and beyond them along the last two (constant
 * with one level). MSE, MAE and HUBER predict one value at every level. Negative binomial: the
 * least count k with P(y <= k) >= level. At a uniform random level it is a draw from what the
 * output predicts. */
ELMAN_API double elman_loss_predict_mean(const elman_targets *targets, const float *output,
                                         double scale);
ELMAN_API double elman_loss_predict_quantile(const elman_targets *targets, const float *output,
                                             double scale, double level);

#ifdef __cplusplus
}
#endif

#endif
