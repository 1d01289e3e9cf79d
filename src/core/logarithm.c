/* The natural logarithm from IEEE operations alone.
 *
 * x = 2^k m with sqrt(1/2) <= m < sqrt(2), so ln x = k ln 2 + ln m. With f = m - 1 (exact) and
 * s = f / (2 + f),
 *
 *     ln(1 + f) = 2 atanh(s) = 2s + s R,    R = 2 s^2/3 + 2 s^4/5 + 2 s^6/7 + ...
 *               = f - (f^2/2 - s (f^2/2 + R))      since 2s = f - s f,
 *
 * whose leading term f carries no rounding error. |s| <= 0.1716, so that the first term left out of
 * R, 2 s^24/25, is below 2^-64. The series is atanh's, Abramowitz and Stegun 4.6.33. */
#include "core/logarithm.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts; k times the first is exact for every exponent of a double. */
static const double LN2_HIGH = 0x1.62e42feep-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;

static double series(double z) {
    double sum = 0.0;
    for (int n = 23; n >= 3; n -= 2) sum = (sum + 2.0 / n) * z;
    return sum;
}

double natural_logarithm(double x) {
    if (isnan(x) || x < 0.0) return NAN;
    if (x == 0.0) return -INFINITY;
    if (isinf(x)) return x;

    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    exponent += (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52;
    double m;
    memcpy(&m, &bits, sizeof(m));
    if (m >= 0x1.6a09e667f3bcdp+0) { /* sqrt(2) */
        m *= 0.5;
        exponent++;
    }

    const double f = m - 1.0;
    const double s = f / (2.0 + f);
    const double half_square = 0.5 * f * f;
    const double tail = s * (half_square + series(s * s));
    const double k = exponent;
    return k * LN2_HIGH - ((half_square - (tail + k * LN2_LOW)) - f);
}
