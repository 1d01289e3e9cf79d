/* Losses of one position of the output; elman/loss.h says what each is. */
#ifndef MODEL_LOSS_H
#define MODEL_LOSS_H

#include <elman/loss.h>

/* Checks what concerns the loss alone, not the targets: the kind, the parameters that it reads, the
 * arrays that it needs, and that an output of `width` numbers suits it. Errors: ARGUMENT. */
elman_status loss_check(const elman_targets *targets, size_t width, elman_error *error);

/* What outputs stand for: sigma of GAUSSIAN and STUDENT_T and alpha of NEGATIVE_BINOMIAL; nu; the
 * mean of NEGATIVE_BINOMIAL; the quantiles q [quantile_count], which rise. */
double loss_spread(double a);
double loss_degrees(double a);
double loss_count_mean(double a, double scale);
void loss_quantiles(const elman_targets *targets, const double *a, double *q);

/* MSE, MAE and HUBER of one number: the loss of the difference d = a - y, its derivative by a in
 * *gradient. Where there is none (MAE at 0) it is 0. */
double loss_of_difference(const elman_targets *targets, double d, double *gradient);

/* QUANTILE, GAUSSIAN, STUDENT_T and NEGATIVE_BINOMIAL of one position: the loss of the outputs a
 * [elman_loss_outputs] for the target y, its derivatives by them in `gradient`. `scale` is read by
 * NEGATIVE_BINOMIAL alone. Finite for every |a|, |y| and scale that floats can hold; where a
 * quantile meets the target its derivative is 0. */
double loss_of_position(const elman_targets *targets, const double *a, double y, double scale,
                        double *gradient);

#endif
