/* Quantiles of the normal, Student's t and the negative binomial distribution. */
#include "core/distribution.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/logarithm.h"
#include "core/special.h"

static const double HALF_LN_PI = 0x1.250d048e7a1bdp-1;

/* ---- Normal ---- */

/* (above[0] + above[1] t + ...) / (below[0] + below[1] t + ...); the coefficients and the errors
 * are of tests/test_special_fit.py. All are positive and t >= 0: nothing cancels. */
typedef struct Fraction {
    double above[9], below[9];
} Fraction;

/* q = p - 1/2 to 0.425, of 0.180625 - q^2: relative error 7.0e-17. */
static const Fraction central = {
    {0x1.b18d91e9eef75p+1, 0x1.2983594fd7e7fp+7, 0x1.3e873207f0ef8p+11, 0x1.51edecb555ec5p+14,
     0x1.75ccbc4a8f65fp+16, 0x1.a11714cc49c9bp+17, 0x1.a273b0aa578a2p+17, 0x1.214cd08b4e4e1p+16,
     0x1.e8603e9431aedp+11},
    {0x1.0000000000000p+0, 0x1.776318ab2437dp+5, 0x1.b3a456a404a18p+9, 0x1.ff0e0daee92acp+12,
     0x1.41a3f69d2d15ap+15, 0x1.aabcb49f39b9cp+16, 0x1.122c69e2df947p+17, 0x1.1a96b28ee4223p+16,
     0x1.25b3b754cc15ep+13}};

/* from 1.6 to 5, of sqrt(-ln p) - 1.6: relative error 1.8e-16. */
static const Fraction tail = {{0x1.6c665fde9526bp+0, 0x1.27ebd88b923cbp+2, 0x1.718ce21db0e36p+2,
                               0x1.d9be3159be557p+1, 0x1.57a1139b9345ap+0, 0x1.2029719c813d5p-2,
                               0x1.0c290425c5de8p-5, 0x1.e4bd557506610p-10, 0x1.2b5f16e640bd2p-15},
                              {0x1.0000000000000p+0, 0x1.0637c9632ad3dp+1, 0x1.af6bf6e58c1b2p+0,
                               0x1.6ead3f95ff560p-1, 0x1.57c28e02e2f2ap-3, 0x1.5b40079ffebb8p-6,
                               0x1.4c37a83b51cc6p-10, 0x1.a75cda09183bdp-16}};

/* to 27.5, of sqrt(-ln p) - 5: relative error 1.4e-15. */
static const Fraction far_tail = {
    {0x1.aa1b1c13ee51cp+2, 0x1.6ac06a67258bap+2, 0x1.f2992057750f7p+0, 0x1.6430d4adc056dp-2,
     0x1.1bef99e19f1bap-5, 0x1.f8bfb5215d33dp-10, 0x1.d95fc43807706p-15, 0x1.9b4ea153cb013p-21,
     0x1.e0be918aafebfp-29},
    {0x1.0000000000000p+0, 0x1.42d1683935ecdp-1, 0x1.3ca58ef7fd278p-3, 0x1.3298d75659d50p-6,
     0x1.34791be58054fp-10, 0x1.38998cdd1dd10p-15, 0x1.1c335cd82209fp-21, 0x1.53efd2dc1293ep-29,
     0x1.2b82dc8fa60f8p-57}};

static double fraction(const Fraction *f, double t) {
    double above = 0.0, below = 0.0;
    for (int i = 8; i >= 0; i--) {
        above = above * t + f->above[i];
        below = below * t + f->below[i];
    }
    return above / below;
}

double normal_quantile(double p) {
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) return q * fraction(&central, 0.180625 - q * q);
    const double root = sqrt(-natural_logarithm(q < 0.0 ? p : 1.0 - p));
    const double x = root < 5.0 ? fraction(&tail, root - 1.6) : fraction(&far_tail, root - 5.0);
    return q < 0.0 ? -x : x;
}

/* ---- Student's t and the negative binomial, by the incomplete beta function ---- */

/* I_x(a, b) B(a, b) / (x^a y^b) with y = 1 - x: the continued fraction 9 of Didonato and Morris
 * (ACM TOMS 18, 1992), in which nothing cancels however near 1 x or y is, by Lentz's method (1976;
 * Thompson and Barnett 1986). For x < (a + 1) / (a + b + 2); it takes some sqrt(a) terms there. */
static double beta_fraction(double a, double b, double x, double y) {
    const double lambda = a * y - b * x;
    double value = a / (a + 1.0) * (lambda + 1.0);
    double c = value, d = 0.0;
    for (int i = 1; i <= 100000; i++) {
        const double n = i, m = a + 2.0 * n;
        const double ratio = n * (b - n) * x / (m - 1.0);
        const double alpha = (a + n - 1.0) / (m - 1.0) * (a + b + n - 1.0) * x * ratio;
        const double beta = n + ratio + (a + n) / (m + 1.0) * (lambda + 1.0 + n * (1.0 + y));
        d = 1.0 / (beta + alpha * d);
        c = beta + alpha / c;
        const double factor = c * d;
        value *= factor;
        if (fabs(factor - 1.0) <= 0x1p-52) break;
    }
    return 1.0 / value;
}

/* I_x(a, b) and 1 - I_x(a, b) for x = odds / (1 + odds), the odds above 0. */
static Tails beta_tails(double a, double b, double odds) {
    const double x = odds / (1.0 + odds), y = 1.0 / (1.0 + odds);
    const double large = a > b ? a : b, small = a > b ? b : a;
    const double log_front = log_gamma_difference(large, small) - log_gamma(small) -
                             a * logarithm_1p(1.0 / odds) - b * logarithm_1p(odds);
    const double front = exponential(log_front);
    Tails tails;
    /* x < (a + 1) / (a + b + 2), by the smaller of x and y, which rounding leaves alone. */
    if (x < y ? x * (a + b + 2.0) < a + 1.0 : y * (a + b + 2.0) > b + 1.0) {
        tails.lower = front * beta_fraction(a, b, x, y);
        tails.upper = 1.0 - tails.lower;
    } else {
        tails.upper = front * beta_fraction(b, a, y, x);
        tails.lower = 1.0 - tails.upper;
    }
    return tails;
}

/* P(|T| > t) is I_x(nu / 2, 1 / 2) with x = nu / (nu + t^2), t > 0 (26.7.1). */
static Tails student_t_two_sided(double t, double nu) {
    return beta_tails(0.5 * nu, 0.5, nu / t / t);
}

Tails student_t_tails(double t, double nu) {
    if (t == 0.0) return (Tails){0.5, 0.5};
    const double outside = 0.5 * student_t_two_sided(fabs(t), nu).lower;
    return t > 0.0 ? (Tails){1.0 - outside, outside} : (Tails){outside, 1.0 - outside};
}

/* ln of the density, without the part that depends on t. */
static double student_t_constant(double nu) {
    return log_gamma_difference(0.5 * nu, 0.5) - 0.5 * natural_logarithm(nu) - HALF_LN_PI;
}

/* t >= 0 with P(0 < T <= t) = inside: Newton's method. The left side is concave in t, so that from
 * 0 on no step goes too far. */
static double student_t_inside(double inside, double nu) {
    const double constant = student_t_constant(nu);
    double t = inside / exponential(constant);
    for (int i = 0; i < 50 && t > 0.0; i++) {
        const double density = exponential(constant - 0.5 * (nu + 1.0) * logarithm_1p(t * t / nu));
        const double step = (inside - 0.5 * student_t_two_sided(t, nu).upper) / density;
        t += step;
        if (fabs(step) <= 1e-15 * t) break;
    }
    return t;
}

/* t > 0 with P(T > t) = outside: Newton's method for the logarithms of both. ln P is concave in
 * ln t, so that every step after the first comes from above. */
static double student_t_outside(double outside, double nu) {
    const double constant = student_t_constant(nu), log_outside = natural_logarithm(outside);
    /* P(T > t) < density(1) nu^((nu + 1) / 2) t^-nu / nu, as good as equal far out; or, where the
     * tail is nearly normal, the first correction of that (26.7.5). */
    const double z = -normal_quantile(outside);
    double log_t = (constant - log_outside - natural_logarithm(nu)) / nu +
                   0.5 * (nu + 1.0) / nu * natural_logarithm(nu);
    if (nu > 2.0 * z * z) log_t = natural_logarithm(z + z * (z * z + 1.0) / (4.0 * nu));
    for (int i = 0; i < 60; i++) {
        const double t = exponential(log_t);
        const double probability = 0.5 * student_t_two_sided(t, nu).lower;
        if (probability == 0.0) {
            log_t -= 0.5; /* Too far out for a double. */
            continue;
        }
        const double log_probability = natural_logarithm(probability);
        const double log_density = constant - 0.5 * (nu + 1.0) * logarithm_1p(t * t / nu);
        const double slope = exponential(log_t + log_density - log_probability);
        const double step = (log_probability - log_outside) / slope;
        log_t += step;
        if (fabs(step) <= 1e-14) break;
    }
    return exponential(log_t);
}

double student_t_quantile(double p, double nu) {
    const double outside = p < 0.5 ? p : 1.0 - p;
    const double t =
        outside < 0.125 ? student_t_outside(outside, nu) : student_t_inside(0.5 - outside, nu);
    return p < 0.5 ? -t : t;
}

/* P(K <= k) is I_x(r, k + 1) with x = r / (r + mean) (26.5.26). */
Tails negative_binomial_tails(double k, double mean, double r) {
    return beta_tails(r, k + 1.0, r / mean);
}

static bool reaches(double p, double k, double mean, double r) {
    const Tails tails = negative_binomial_tails(k, mean, r);
    return p <= 0.5 ? tails.lower >= p : tails.upper <= 1.0 - p;
}

/* A count near the quantile: the distribution as mean times a chi-squared variable over its degrees
 * of freedom, by Wilson and Hilferty (1931; 26.4.17), which suits large means best. */
static double guess(double p, double mean, double r) {
    const double spread = (1.0 / mean + 1.0 / r) / 9.0;
    const double root = 1.0 - spread + normal_quantile(p) * sqrt(spread);
    const double k = floor(mean * root * root * root);
    return root > 0.0 && k > 0.0 ? k : 0.0;
}

/* The quantile of a large mean, above `low`: a bracket around the guess, then bisection; by the
 * geometric mean while the ends are of different sizes. */
static double search(double p, double mean, double r, double low) {
    double high = guess(p, mean, r), step = 1.0 + floor(0.05 * high);
    if (high <= low) high = low + 1.0;
    if (reaches(p, high, mean, r)) {
        for (double k = high - step; k > low; k = high - step, step *= 4.0) {
            if (!reaches(p, k, mean, r)) {
                low = k;
                break;
            }
            high = k;
        }
    } else {
        do {
            low = high;
            high += step;
            step *= 4.0;
        } while (!reaches(p, high, mean, r));
    }
    for (;;) {
        const double ratio = (high + 1.0) / (low + 2.0);
        const double k =
            floor(ratio > 4.0 ? (low + 2.0) * sqrt(ratio) - 1.0 : low + 0.5 * (high - low));
        if (k <= low || k >= high) return high;
        *(reaches(p, k, mean, r) ? &high : &low) = k;
    }
}

/* Small counts are summed up one by one, the others searched. */
double negative_binomial_quantile(double p, double mean, double r) {
    const double factor = mean / (r + mean);
    double probability = exponential(-r * logarithm_1p(mean / r));
    if (probability < 1e-280) return search(p, mean, r, -1.0);
    double sum = probability, k = 0.0;
    for (; k < 100.0; k += 1.0) {
        if (sum >= p) return k;
        probability *= (k + r) / (k + 1.0) * factor;
        sum += probability;
    }
    return search(p, mean, r, k - 1.0);
}
