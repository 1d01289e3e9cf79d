"""Fits the rational functions of src/core/distribution.c's normal_quantile and prints them.

usage: python3 test_special_fit.py    (made with mpmath 1.4.1)

Each piece interpolates the quantile at Chebyshev nodes, in 60 digits; the error printed beside it
is that of the function, before its evaluation is rounded.
"""

import textwrap

from mpmath import cos, erfc, erfinv, exp, findroot, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60


def quantile_of_tail(p):
    """x > 0 with P(X > x) = p, p < 1/2."""
    if p > mpf("1e-3"):
        return sqrt(2) * erfinv(1 - 2 * p)
    t = sqrt(-2 * log(p))
    return findroot(lambda x: log(erfc(x / sqrt(2)) / 2) - log(p), t - log(t * sqrt(2 * pi)) / t)


def central(s):
    """quantile(1/2 + q) / q as a function of s = q^2."""
    q = sqrt(s)
    return sqrt(2) * erfinv(2 * q) / q if q else sqrt(2 * pi)


def tail(r):
    """The quantile as a function of r = sqrt(-ln p)."""
    return quantile_of_tail(exp(-r * r))


def fit(name, what, function, low, high, origin, sign, above, below):
    """P(t) / Q(t) with t = sign (x - origin) and Q's constant 1."""
    low, high, origin = mpf(low), mpf(high), mpf(origin)
    count = above + below + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * cos((2 * i + 1) * pi / (2 * count))
        for i in range(count)
    ]
    a, b = matrix(count, count), matrix(count, 1)
    for i, x in enumerate(nodes):
        y, t = function(x), sign * (x - origin)
        for k in range(above + 1):
            a[i, k] = t**k
        for k in range(1, below + 1):
            a[i, above + k] = -y * t**k
        b[i] = y
    c = lu_solve(a, b)
    p, q = list(c[: above + 1]), [mpf(1)] + list(c[above + 1 :])

    def value(x):
        t = sign * (x - origin)
        return sum(v * t**k for k, v in enumerate(p)) / sum(v * t**k for k, v in enumerate(q))

    worst = max(
        abs(value(x) / function(x) - 1)
        for x in (low + (high - low) * i / 400 for i in range(401))
    )
    print("/* %s: relative error %.1e. */" % (what, float(worst)))
    print("static const Fraction %s = {" % name)
    rows = ["{" + ", ".join(float(v).hex() for v in row) + "}" for row in (p, q)]
    print(",\n".join(textwrap.fill(row, 95, initial_indent="    ") for row in rows) + "};\n")


if __name__ == "__main__":
    fit("central", "q = p - 1/2 to 0.425, of 0.180625 - q^2", central, "0", "0.180625", "0.180625", -1, 8, 8)
    fit("tail", "from 1.6 to 5, of sqrt(-ln p) - 1.6", tail, "1.6", "5", "1.6", 1, 8, 7)
    fit("far_tail", "to 27.5, of sqrt(-ln p) - 5", tail, "5", "27.5", "5", 1, 8, 8)
