/* Special functions in double from IEEE operations alone: the same bits on every machine.
 *
 * Errors are given in units u = 2^-53 and relative, unless it says otherwise;
 * tests/test_special.c holds them against values of many digits. A NaN gives a NaN. */
#ifndef CORE_SPECIAL_H
#define CORE_SPECIAL_H

/* e^x, within 4u; where the result is denormal, within 2^-1074. */
double exponential(double x);

/* ln(1 + x) for x > -1, within 8u. */
double logarithm_1p(double x);

/* ln(1 + e^x), within 8u, and its derivative 1 / (1 + e^-x), within 8u. */
double softplus(double x);
double sigmoid(double x);

/* ln Gamma(x) for x > 0, within 64u max(1, |ln Gamma(x)|). */
double log_gamma(double x);

/* ln Gamma(x + d) - ln Gamma(x) for x > 0 and 0 <= d <= max(x, 1): without the cancellation, within
 * 32u max(1, the difference). */
double log_gamma_difference(double x, double d);

/* psi(x + d) - psi(x) for x > 0 and d >= 0, where psi = (ln Gamma)': within 32u of itself
 * and u / max(x, 10)^2 more. */
double digamma_difference(double x, double d);

#endif
