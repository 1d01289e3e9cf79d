"""Writes test_special_golden.h: special functions and distributions, computed with 120 digits.

usage: python3 test_special_golden.py > test_special_golden.h    (made with mpmath 1.4.1)
"""
from mpmath import betainc, digamma, erfc, exp, findroot, log, log1p, loggamma, mp, mpf, sqrt

mp.dps = 120


def normal_upper(x):
    return erfc(x / sqrt(2)) / 2


def normal_quantile(p):
    p = mpf(p)
    if p > 0.5:
        return -normal_quantile(1 - p)
    guess = -sqrt(-2 * log(p)) if p < 0.1 else mpf(p - 0.5) * 2.5
    if p < 1e-3:
        s = -guess
        guess = -(s - log(s * 2.5) / s)
    return findroot(lambda x: log(normal_upper(-x)) - log(p), guess)


def student_upper(t, nu):
    """P(T > t), t > 0."""
    t, nu = mpf(t), mpf(nu)
    if nu > 1e9:
        # T's tail is that of a normal variable but for the order of t^4 / nu.
        return normal_upper(t)
    return betainc(nu / 2, mpf(1) / 2, 0, nu / (nu + t * t), regularized=True) / 2


def student_quantile(p, nu):
    p = mpf(p)
    if p > 0.5:
        return -student_quantile(1 - p, nu)
    low, high = mpf(-10), mpf(30)  # of ln t; p falls with t
    while high - low > mpf(10)**-40:
        middle = (low + high) / 2
        if student_upper(exp(middle), nu) > p:
            low = middle
        else:
            high = middle
        if high - low < mpf(10)**-6:
            return -exp(findroot(lambda u: log(student_upper(exp(u), nu)) - log(p), middle))
    return -exp(low)


def count_lower(k, mean, r):
    """P(K <= k), as a sum."""
    mean, r = mpf(mean), mpf(r)
    probability = sum_ = (r / (r + mean))**r
    for i in range(int(k)):
        probability *= (i + r) / (i + 1) * mean / (r + mean)
        sum_ += probability
    return sum_


def table(name, function, rows):
    print("static const Golden golden_%s[] = {" % name)
    for row in rows:
        value = function(*map(mpf, row))
        given = ", ".join(float(v).hex() for v in row)
        print("    {{%s}, %s}," % (given, float(value).hex()))
    print("};\n")


ordinary = [0.0, 2.0**-60, -2.0**-60, 1e-5, -1e-5, 0.1, -0.3, 0.34657359, 0.5, -0.75, 1.0, 1.75, -2.5,
            10.0, -17.3, 36.9, -40.0]

print("/* Special functions to the last bit of a double, by test_special_golden.py; do not edit. */")
print("typedef struct Golden {\n    double given[3], value;\n} Golden;\n")
print("// clang-format off")
table("exponential", exp, [(x,) for x in ordinary + [709.7, 709.78, -708.3, -708.5, -740.0, -745.1]])
table("logarithm_1p", log1p,
      [(x,) for x in ordinary + [-0.999, 1e-300, 3.0, 1e15, 2.0**53 + 2, 1e17, 1e300] if x > -1])
table("softplus", lambda x: log1p(exp(x)),
      [(x,) for x in ordinary + [700.0, -700.0, 1e10, -1e3, 3e38, -3e38]])
table("sigmoid", lambda x: 1 / (1 + exp(-x)),
      [(x,) for x in ordinary + [700.0, -700.0, 1e10, -1e3, 3e38]])
table("log_gamma", loggamma,
      [(x,) for x in (1e-40, 1e-8, 0.1, 0.5, 0.999, 1.0, 1.001, 1.46, 2.0, 2.5, 9.99, 10.0, 12.3, 100.5,
                      1e4, 1e10, 1e38, 1e300)])
table("log_gamma_difference", lambda x, d: loggamma(x + d) - loggamma(x),
      [(1.0, 0.5), (0.5, 0.5), (2.5, 0.5), (9.5, 9.5), (1e4, 1.0), (1e4, 2.0**-30), (1e4, 0.25), (1e4, 1e4),
       (1e10, 0.5), (1e20, 0.5), (1e38, 1e4), (1e38, 1e38), (1e6, 1e4), (0.25, 1e-9), (1e-10, 1e-12),
       (3.0, 0.0), (0.125, 1.0)])
table("digamma_difference", lambda x, d: digamma(x + d) - digamma(x),
      [(1.0, 0.5), (0.5, 0.5), (2.5, 0.5), (1e-39, 3e38), (1e-10, 1e-12), (1e-3, 5.0), (3.0, 0.0),
       (7.0, 1e-8), (12.0, 1e-5)])
table("digamma_difference_large", lambda x, d: digamma(x + d) - digamma(x),
      [(1e4, 1.0), (1e4, 2.0**-30), (1e4, 1e4), (1e4, 1e38), (1e10, 0.5)])
levels = [1e-300, 1e-100, 1e-20, 1e-12, 1e-11, 1e-6, 0.001, 0.025, 0.0749, 0.0751, 0.1, 0.2, 0.3, 0.4999,
          0.5 + 2.0**-40, 0.6, 0.8413, 0.95, 0.975, 0.999, 1 - 2.0**-53]
table("normal_quantile", normal_quantile, [(p,) for p in levels])
table("student_t_upper", student_upper,
      [(t, nu) for nu in (2.0001, 2.5, 7.3, 100.0, 12345.6, 1e40) for t in (1e-8, 0.3, 1.5, 4.0, 12.0)] +
      [(1e6, 2.5), (1e12, 7.3), (300.0, 100.0)])
table("student_t_quantile", student_quantile,
      [(p, nu) for nu in (2.0001, 3.7, 30.5, 1e3, 1e40)
       for p in (1e-100, 1e-12, 1e-4, 0.02, 0.12, 0.13, 0.3, 0.499, 0.7, 0.99)])
table("negative_binomial_lower", count_lower,
      [(0, 1e-3, 0.5), (0, 3.0, 1e4), (2, 3.0, 1e4), (9, 3.0, 1e4), (0, 50.0, 0.1), (7, 50.0, 0.1),
       (400, 50.0, 0.1), (40, 100.0, 20.0), (100, 100.0, 20.0), (180, 100.0, 20.0), (900, 1000.0, 1e4),
       (1000, 1000.0, 1e4), (1100, 1000.0, 1e4), (3000, 1e4, 1.5), (10000, 1e4, 1.5), (5, 1e10, 1e-3)])
