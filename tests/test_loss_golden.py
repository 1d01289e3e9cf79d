"""Writes test_loss_golden.h: losses of one position and their gradients, computed with 150 digits.

usage: python3 test_loss_golden.py > test_loss_golden.h    (made with mpmath 1.4.1)

Hard points: outputs and targets at the ends of what floats hold, and where a formula written down
plainly would cancel.
"""
import struct

from mpmath import exp, log, log1p, loggamma, mp, mpf, pi

mp.dps = 150


def as_float(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def softplus(a):
    return a + log1p(exp(-a)) if a > 0 else log1p(exp(a))


SPREAD, COUNT = mpf(1e-4), mpf(1e-6)  # the doubles


def gaussian(y, scale, mu, b):
    sigma = softplus(b) + SPREAD
    return log(2 * pi) / 2 + log(sigma) + ((y - mu) / sigma)**2 / 2


def student_t(y, scale, mu, b, c):
    sigma, nu = softplus(b) + SPREAD, 2 + softplus(c)
    return (loggamma(nu / 2) - loggamma((nu + 1) / 2) + log(nu * pi) / 2 + log(sigma) +
            (nu + 1) / 2 * log1p(((y - mu) / sigma)**2 / nu))


def negative_binomial(y, scale, a, b):
    mean, alpha = scale * (softplus(a) + COUNT), softplus(b) + SPREAD
    r = 1 / alpha
    return (loggamma(r) + loggamma(y + 1) - loggamma(y + r) + r * log1p(alpha * mean) +
            y * log1p(r / mean))


def rows(kind, function, points):
    for y, scale, *a in points:
        y, scale, *a = map(as_float, (y, scale, *a))
        exact = [mpf(x) for x in (y, scale, *a)]
        value = function(*exact)
        gradient = []
        for i in range(len(a)):
            at = exact[2 + i]
            h = mpf(10)**-30 * max(1, abs(at))
            f = lambda x: function(*exact[:2 + i], x, *exact[3 + i:])
            gradient.append((f(at + h) - f(at - h)) / (2 * h))
        show = lambda values: "{" + ", ".join(float(v).hex() for v in values) + "}"
        print("    {ELMAN_LOSS_%s, %s, %s, %s,\n     %s, %s}," %
              (kind, float(y).hex(), float(scale).hex(), show(a), float(value).hex(), show(gradient)))


print("/* Losses to the last bit of a double, by test_loss_golden.py; do not edit. */")
print("#include <elman/loss.h>\n")
print("typedef struct Golden {\n    elman_loss_kind kind;\n    double y, scale, output[3], value, "
      "gradient[3];\n} Golden;\n")
print("// clang-format off\nstatic const Golden golden[] = {")
BIG = 3.4028234e38
rows("GAUSSIAN", gaussian, [(0, 1, 0, 0), (1e30, 1, 0, 0), (BIG, 1, -BIG, -40), (3, 1, 3, BIG),
                            (-2.5, 1, 1.5, -3), (BIG, 1, -BIG, BIG)])
rows("STUDENT_T", student_t, [(0, 1, 0, 0, 0), (1e30, 1, 0, 0, 0), (2, 1, -1, 1, -30), (2, 1, -1, 1, 1e6),
                              (2, 1, -1, 1, BIG), (BIG, 1, -BIG, -40, -40), (1e30, 1, 0, 0, BIG),
                              (0.3, 1, 0.2, -2, 12)])
rows("NEGATIVE_BINOMIAL", negative_binomial,
     [(0, 1, 0, 0), (1, 1, 1, -20), (0, 1, 3, -BIG), (3, 1, 2, -40), (1000, 100, 10, -40),
      (1000000, 1, 1e6, -40), (1e30, 1, 0, 0), (1e30, 1e30, 1, -40), (BIG, 1, -50, -40),
      (BIG, BIG, BIG, BIG), (7, 1, 2, BIG), (0, 1, 2, BIG), (0.5, 1, 0.25, 0.5), (1e-6, 1, 1, -40),
      (12, 1e-3, 4, 1), (2e4, 2e4, 0.5, -7)])
print("};")
