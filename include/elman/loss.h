/* Losses: what a network's output means, how far it is from what came, and what it predicts.
 *
 * Each position of the output (a step of a row; a row, for a model with one output a sequence) has
 * `width` numbers a_0, a_1, ... and a target y. softplus(a) = ln(1 + e^a).
 *
 * CROSS_ENTROPY, any width: a are the classes' logits, y is the class.
 *     -ln softmax(a)_y, times the class's weight
 *
 * MSE, MAE, HUBER, any width, one target for each number, d = a - y:
 *     d^2
 *     |d|
 *     d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond (Huber, 1964)
 *
 * QUANTILE, one number for each of the levels p_0 < p_1 < ...: quantiles that never cross. With the
 * middle one m = levels / 2 (rounded down),
 *     q_m = a_m,  q_i = q_(i-1) + softplus(a_i) above,  q_i = q_(i+1) - softplus(a_i) below
 *     the mean over the levels of max(p (y - q), (p - 1) (y - q)), the pinball loss (Koenker and
 *     Bassett, 1978)
 *
 * GAUSSIAN, width 2: -ln of the normal density at y with
 *     mu = a_0,  sigma = softplus(a_1) + 1e-4
 *
 * STUDENT_T, width 3: -ln of the density at y of mu + sigma T, T of Student's t distribution:
 *     mu = a_0,  sigma = softplus(a_1) + 1e-4,  degrees of freedom nu = 2 + softplus(a_2)
 *
 * NEGATIVE_BINOMIAL, width 2: -ln P(y), y a count, s the row's scale (as Salinas et al., DeepAR,
 * 2017; alpha near 0 is nearly Poisson's distribution),
 *     mean = s (softplus(a_0) + 1e-6),  alpha = softplus(a_1) + 1e-4
 *     variance = mean + alpha mean^2
 * A target below 0 is refused. One between two counts is allowed: the factorials are those of the
 * gamma function, so the loss is smooth in y.
 *
 * Every loss is finite, with finite gradients, for every finite output and target: a gradient with
 * respect to an output is held within +-1e30. A derivative that has two sides (of |d| at 0, of the
 * pinball loss at y = q) is 0. All of it is computed in double from IEEE operations alone, and
 * rounded to float once: the same bits on every machine. (MSE, MAE and HUBER take the difference d
 * in float; the cross-entropy's exponentials are the network's, in float.) */
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

/* A loss and the targets of one batch. What another loss reads is not looked at. */
typedef struct elman_targets {
    size_t struct_size; /* sizeof(elman_targets) */
    elman_loss_kind loss;
    const int32_t *classes; /* CROSS_ENTROPY: [positions], negative: not counted */
    /* CROSS_ENTROPY: [width], each above 0: the loss is the weighted mean; NULL: 1 each */
    const float *class_weights;
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

/* What a position's output predicts. Of `targets` only loss, quantiles and quantile_count are read
 * (as elman_tape_loss accepts them); `scale` is the negative binomial's s, and not read elsewhere.
 * NaN where an output is not finite and for CROSS_ENTROPY.
 *
 * elman_loss_predict_mean: the mean; the middle quantile for QUANTILE, a_0 for MSE, MAE and HUBER.
 *
 * elman_loss_predict_quantile: the value that the target stays below with probability `level` in
 * (0, 1); NaN for a level outside. It never falls when the level rises. QUANTILE: linear between
 * the levels it has, and beyond them along the last two (constant with one level). MSE, MAE and
 * HUBER predict one value at every level. Negative binomial: the least count k with P(y <= k) >=
 * level. At a uniform random level it is a draw from what the output predicts. */
ELMAN_API double elman_loss_predict_mean(const elman_targets *targets, const float *output,
                                         double scale);
ELMAN_API double elman_loss_predict_quantile(const elman_targets *targets, const float *output,
                                             double scale, double level);

#ifdef __cplusplus
}
#endif

#endif
