/* Losses of one position as their definitions read, in long double by the C library's functions. */
#include "losses.h"

#include <math.h>

static const long double PI = 3.14159265358979323846264338327950288L;

static long double softplus(long double a) {
    return a > 0.0L ? a + log1pl(expl(-a)) : log1pl(expl(a));
}

long double reference_huber(long double a, long double y, long double delta) {
    const long double d = fabsl(a - y);
    return d <= delta ? d * d / 2.0L : delta * (d - delta / 2.0L);
}

long double reference_quantile(size_t count, const double *levels, const long double *a,
                               long double y) {
    const size_t middle = count / 2;
    long double sum = 0.0L;
    for (size_t i = 0; i < count; i++) {
        const long double p = (long double)levels[i];
        long double q = a[middle];
        for (size_t j = middle + 1; j <= i; j++) q += softplus(a[j]);
        for (size_t j = i; j < middle; j++) q -= softplus(a[j]);
        sum += fmaxl(p * (y - q), (p - 1.0L) * (y - q));
    }
    return sum / (long double)count;
}

long double reference_gaussian(const long double *a, long double y) {
    const long double sigma = softplus(a[1]) + (long double)1e-4;
    const long double z = (y - a[0]) / sigma;
    return logl(sigma * sqrtl(2.0L * PI)) + z * z / 2.0L;
}

long double reference_student_t(const long double *a, long double y) {
    const long double sigma = softplus(a[1]) + (long double)1e-4, nu = 2.0L + softplus(a[2]);
    const long double z = (y - a[0]) / sigma;
    const long double density = tgammal((nu + 1.0L) / 2.0L) /
                                (tgammal(nu / 2.0L) * sqrtl(nu * PI) * sigma) *
                                powl(1.0L + z * z / nu, -(nu + 1.0L) / 2.0L);
    return -logl(density);
}

long double reference_negative_binomial(const long double *a, long double y, long double scale) {
    const long double mean = scale * (softplus(a[0]) + (long double)1e-6);
    const long double r = 1.0L / (softplus(a[1]) + (long double)1e-4);
    return -(lgammal(y + r) - lgammal(r) - lgammal(y + 1.0L) + r * logl(r / (r + mean)) +
             y * logl(mean / (r + mean)));
}
