/* Exponential, logarithms and the gamma function's relatives from IEEE operations alone.
 *
 * Series: Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 4.2.1 (exponential),
 * 6.1.41 (Stirling's, of the logarithm of the gamma function) and 6.3.18 (of its derivative). The
 * last two are used from 10 on, where the first term left out is below 2^-58; smaller arguments are
 * raised to that by Gamma(x + 1) = x Gamma(x). */
#include "core/special.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/logarithm.h"

/* ln 2 in two parts; k times the first is exact for |k| < 2^20. */
static const double LN2_HIGH = 0x1.62e42feep-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;
static const double ONE_OVER_LN2 = 0x1.71547652b82fep+0;

static const double HALF_LN_2PI = 0x1.d67f1c864beb5p-1;

enum { STIRLING_FROM = 10 };

/* 2^k for -1022 <= k <= 1023. */
static double power_of_2(int k) {
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof(power));
    return power;
}

/* e^r = 1 + r (1 + r/2 (1 + r/3 (...))) for |r| <= ln(2) / 2; r^14 / 14! is below 2^-57. */
static double exponential_series(double r) {
    double sum = 1.0;
    for (int n = 13; n >= 2; n--) sum = 1.0 + sum * r / n;
    return 1.0 + sum * r;
}

double exponential(double x) {
    if (isnan(x)) return x;
    if (x > 709.79) return INFINITY;
    if (x < -745.2) return 0.0;
    const double k = floor(x * ONE_OVER_LN2 + 0.5);
    const double sum = exponential_series((x - k * LN2_HIGH) - k * LN2_LOW);
    const int power = (int)k;
    /* In two factors, so that neither overflows and only the last product is rounded. */
    if (power > 1023) return sum * 2.0 * power_of_2(power - 1);
    if (power < -1022) return sum * power_of_2(power + 100) * 0x1p-100;
    return sum * power_of_2(power);
}

double logarithm_1p(double x) {
    const double sum = 1.0 + x;
    if (sum == 1.0) return x;
    if (!(x < 0x1p54)) return natural_logarithm(x);
    /* ln(sum + lost) = ln(sum) + lost / sum, to first order; `lost` is exact. */
    const double lost = x < 1.0 ? x - (sum - 1.0) : 1.0 - (sum - x);
    return natural_logarithm(sum) + lost / sum;
}

double softplus(double x) {
    return (x > 0.0 ? x : 0.0) + logarithm_1p(exponential(-fabs(x)));
}

double sigmoid(double x) {
    const double power = exponential(-fabs(x));
    return (x < 0.0 ? power : 1.0) / (1.0 + power);
}

/* ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2), x >= 10. */
static double stirling(double x) {
    static const double terms[] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                                   1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
    const double square = 1.0 / (x * x);
    double sum = 0.0;
    for (size_t i = sizeof(terms) / sizeof(*terms); i-- > 0;) sum = sum * square + terms[i];
    return sum / x;
}

/* ln x - psi(x) - 1 / (2x), x >= 10. */
static double stirling_derivative(double x) {
    static const double terms[] = {1.0 / 12,  -1.0 / 120,       1.0 / 252, -1.0 / 240,
                                   1.0 / 132, -691.0 / 32760.0, 1.0 / 12,  -3617.0 / 8160};
    const double square = 1.0 / (x * x);
    double sum = 0.0;
    for (size_t i = sizeof(terms) / sizeof(*terms); i-- > 0;) sum = (sum + terms[i]) * square;
    return sum;
}

double log_gamma(double x) {
    double product = 1.0;
    for (; x < STIRLING_FROM; x += 1.0) product *= x;
    return (x - 0.5) * natural_logarithm(x) - x + HALF_LN_2PI + stirling(x) -
           natural_logarithm(product);
}

double log_gamma_difference(double x, double d) {
    double product = 1.0;
    for (; x < STIRLING_FROM; x += 1.0) product *= 1.0 + d / x;
    return (x - 0.5) * logarithm_1p(d / x) + d * (natural_logarithm(x + d) - 1.0) +
           (stirling(x + d) - stirling(x)) - natural_logarithm(product);
}

double digamma_difference(double x, double d) {
    double sum = 0.0;
    for (; x < STIRLING_FROM; x += 1.0) sum += d / (x + d) / x;
    return sum + logarithm_1p(d / x) + 0.5 * (d / (x + d) / x) +
           (stirling_derivative(x) - stirling_derivative(x + d));
}
