/* exp, sigmoid and tanh on vectors: IEEE operations and fused multiply-adds alone.
 *
 * All three need e^-y. -y = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), and
 * expm1(r) = r + r^2 q(r) with a polynomial q of degree 5, interpolated at Chebyshev nodes; its
 * error is below 0.04 * 2^-24 relative. What is computed is -r and -expm1(r): a sign changes no
 * rounding, and so y need not be negated first. */

#define ROUNDER  12582912.0f /* 1.5 * 2^23: adding it rounds to a whole number */
#define LOG2_E   0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f /* 14 bits: n * LN2_HIGH is exact */
#define LN2_LOW  0x1.7f7d1cp-20f

/* -expm1(r) for r = -y - n ln 2. */
VEC_INLINE vec minus_expm1(vec y, vec n) {
    const vec minus_r = vec_fma(n, vec_set1(LN2_LOW), vec_fma(n, vec_set1(LN2_HIGH), y));
    vec q = vec_set1(0x1.a12a42p-13f);
    q = vec_fnma(q, minus_r, vec_set1(0x1.6d4920p-10f));
    q = vec_fnma(q, minus_r, vec_set1(0x1.1110e0p-7f));
    q = vec_fnma(q, minus_r, vec_set1(0x1.5554e4p-5f));
    q = vec_fnma(q, minus_r, vec_set1(0x1.555556p-3f));
    q = vec_fnma(q, minus_r, vec_set1(0.5f));
    return vec_fnma(vec_mul(minus_r, minus_r), q, minus_r);
}

/* e^x; 0 below -104, infinity above 89, NaN for NaN. */
VEC_INLINE vec exp_vec(vec x) {
    const vec rounder = vec_set1(ROUNDER);
    const vec clamped = vec_max(vec_set1(-104.0f), vec_min(vec_set1(89.0f), x));
    const vec n = vec_sub(vec_fma(clamped, vec_set1(LOG2_E), rounder), rounder);
    /* Two factors, since 2^n alone leaves the range of normal numbers at both ends. */
    const vec half = vec_sub(vec_fma(n, vec_set1(0.5f), rounder), rounder);
    const vec minus_x = vec_sub(vec_set1(0.0f), clamped);
    const vec mantissa = vec_sub(vec_set1(1.0f), minus_expm1(minus_x, n));
    return vec_mul(vec_mul(mantissa, vec_power_of_two(half)), vec_power_of_two(vec_sub(n, half)));
}

/* 1 / (1 + e^-x), as s / (s + s e^-x) with s = 2^-64: so e^104 does not overflow and the smallest
 * results keep their accuracy. Each of its operations is monotone, therefore so is the whole.
 * Above 30 the sum is s.
 *
 * A sum with ROUNDER + b has n + b in its last bits, and with b = 127 + k that is the exponent of
 * 2^(n + k): one shift makes s 2^n. (Whether b is odd never matters: LOG2_E has a mantissa of 24
 * bits whose last is 1, so no product with it lies half-way between whole numbers this small.) */
VEC_INLINE vec sigmoid_vec(vec x) {
    const vec scale = vec_set1(0x1p-64f), rounder = vec_set1(ROUNDER + 63.0f);
    const vec y = vec_max(vec_set1(-104.0f), vec_min(vec_set1(30.0f), x));
    const vec sum = vec_fnma(y, vec_set1(LOG2_E), rounder);
    const vec mantissa = vec_sub(vec_set1(1.0f), minus_expm1(y, vec_sub(sum, rounder)));
    return vec_div(scale, vec_add(scale, vec_mul(mantissa, vec_exponent(sum))));
}

/* -m / (m + 2) for m = expm1(-2|x|), with the sign of x. */
VEC_INLINE vec tanh_vec(vec x) {
    const vec one = vec_set1(1.0f), rounder = vec_set1(ROUNDER + 127.0f);
    const vec y = vec_min(vec_set1(20.0f), vec_mul(vec_set1(2.0f), vec_abs(x)));
    const vec sum = vec_fnma(y, vec_set1(LOG2_E), rounder);
    const vec power = vec_exponent(sum);
    const vec m = vec_fnma(minus_expm1(y, vec_sub(sum, rounder)), power, vec_sub(power, one));
    return vec_copysign(vec_div(m, vec_add(m, vec_set1(2.0f))), x);
}

static void exp_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES) vec_store(y + i, exp_vec(vec_load(x + i)));
}

static void sigmoid_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES) vec_store(y + i, sigmoid_vec(vec_load(x + i)));
}

static void tanh_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES) vec_store(y + i, tanh_vec(vec_load(x + i)));
}

static void add_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES)
        vec_store(y + i, vec_add(vec_load(y + i), vec_load(x + i)));
}
