/* exp, sigmoid and tanh on vectors: IEEE operations and fused multiply-adds alone.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), and
 * expm1(r) = r + r^2 q(r) with a polynomial q of degree 5, interpolated at Chebyshev nodes; its
 * error is below 0.04 * 2^-24 relative. */

#define ROUNDER  12582912.0f /* 1.5 * 2^23: adding it rounds to a whole number */
#define LOG2_E   0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f /* 14 bits: n * LN2_HIGH is exact */
#define LN2_LOW  0x1.7f7d1cp-20f

typedef struct Reduced {
    vec n;     /* whole */
    vec expm1; /* of r */
} Reduced;

VEC_INLINE Reduced exp_reduce(vec x) {
    const vec rounder = vec_set1(ROUNDER);
    const vec n = vec_sub(vec_fma(x, vec_set1(LOG2_E), rounder), rounder);
    const vec r = vec_fnma(n, vec_set1(LN2_LOW), vec_fnma(n, vec_set1(LN2_HIGH), x));
    vec q = vec_set1(0x1.a12a42p-13f);
    q = vec_fma(q, r, vec_set1(0x1.6d4920p-10f));
    q = vec_fma(q, r, vec_set1(0x1.1110e0p-7f));
    q = vec_fma(q, r, vec_set1(0x1.5554e4p-5f));
    q = vec_fma(q, r, vec_set1(0x1.555556p-3f));
    q = vec_fma(q, r, vec_set1(0.5f));
    return (Reduced){n, vec_fma(vec_mul(r, r), q, r)};
}

/* e^x; 0 below -104, infinity above 89, NaN for NaN. */
VEC_INLINE vec exp_vec(vec x) {
    const vec clamped = vec_max(vec_set1(-104.0f), vec_min(vec_set1(89.0f), x));
    const Reduced e = exp_reduce(clamped);
    /* Two factors, since 2^n alone leaves the range of normal numbers at both ends. */
    const vec rounder = vec_set1(ROUNDER);
    const vec half = vec_sub(vec_fma(e.n, vec_set1(0.5f), rounder), rounder);
    const vec mantissa = vec_add(vec_set1(1.0f), e.expm1);
    return vec_mul(vec_mul(mantissa, vec_power_of_two(half)), vec_power_of_two(vec_sub(e.n, half)));
}

/* 1 / (1 + e^-x), as s / (s + s e^-x) with s = 2^-64: so e^104 does not overflow and the smallest
 * results keep their accuracy. Each of its operations is monotone, therefore so is the whole.
 * Above 30 the sum is s. */
VEC_INLINE vec sigmoid_vec(vec x) {
    const vec scale = vec_set1(0x1p-64f);
    const vec minus_x = vec_sub(vec_set1(0.0f), x);
    const Reduced e = exp_reduce(vec_max(vec_set1(-30.0f), vec_min(vec_set1(104.0f), minus_x)));
    const vec power = vec_power_of_two(vec_sub(e.n, vec_set1(64.0f)));
    const vec scaled = vec_mul(vec_add(vec_set1(1.0f), e.expm1), power);
    return vec_div(scale, vec_add(scale, scaled));
}

/* -m / (m + 2) for m = expm1(-2|x|), with the sign of x. */
VEC_INLINE vec tanh_vec(vec x) {
    const vec one = vec_set1(1.0f);
    const vec y = vec_max(vec_set1(-20.0f), vec_mul(vec_set1(-2.0f), vec_abs(x)));
    const Reduced e = exp_reduce(y);
    const vec power = vec_power_of_two(e.n);
    const vec m = vec_fma(e.expm1, power, vec_sub(power, one));
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
