/* Quantiles of distributions in double from IEEE operations alone: the same bits on every machine.
 *
 * Levels p are in [1e-300, 1). Errors are those that tests/test_special.c and its golden values
 * hold. */
#ifndef CORE_DISTRIBUTION_H
#define CORE_DISTRIBUTION_H

/* P(X <= x) and P(X > x), each within a relative error of 2e-13, and 1e-11 for the negative
 * binomial, whose tails add up many logarithms. */
typedef struct Tails {
    double lower, upper;
} Tails;

/* x with P(X <= x) = p, X normal with mean 0 and variance 1: within a relative 3e-15. */
double normal_quantile(double p);

/* Student's t with nu degrees of freedom, 2 <= nu <= 1e40, no integer needed. The quantile is
 * within a relative 1e-12. */
Tails student_t_tails(double t, double nu);
double student_t_quantile(double p, double nu);

/* Counts with the mean `mean` > 0 and the variance mean + mean^2 / r, 1e-40 <= r <= 1e6:
 * P(k) = Gamma(k + r) / (Gamma(r) k!) (r / (r + mean))^r (mean / (r + mean))^k. The tails are those
 * of a count k >= 0; the quantile is the least k with P(X <= k) >= p, as far as doubles tell counts
 * and probabilities apart. */
Tails negative_binomial_tails(double k, double mean, double r);
double negative_binomial_quantile(double p, double mean, double r);

#endif
