/* exp, sigmoid and tanh on vectors: IEEE operations and fused multiply-adds alone.
 *
 * Each is a chain of some twenty operations, every one of which waits for the one before. They come
 * by the group, therefore: the first operation of all vectors of a group, the second of all, and so
 * on, since a processor looks only so far ahead for work that need not wait.
 *
 * All three need e^-y. -y = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), and
 * expm1(r) = r + r^2 q(r) with a polynomial q of degree 5, interpolated at Chebyshev nodes; its
 * error is below 0.04 * 2^-24 relative. What is computed is -r and -expm1(r): a sign changes no
 * rounding, and so y need not be negated first. */

#if defined(VEC_AVX512)
enum { GROUP = 6 }; /* vectors */
#elif defined(VEC_AVX2)
enum { GROUP = 3 };
#else
enum { GROUP = 1 };
#endif

#define ROUNDER  12582912.0f /* 1.5 * 2^23: adding it rounds to a whole number */
#define LOG2_E   0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f /* 14 bits: n * LN2_HIGH is exact */
#define LN2_LOW  0x1.7f7d1cp-20f

/* For each i < count, a constant where this is inlined. */
#define EACH(count) _Pragma("GCC unroll 32") for (int i = 0; i < (count); i++)

/* -expm1(r) for r = -y - n ln 2 of `count` vectors, at most GROUP. */
VEC_INLINE void minus_expm1(const vec *y, const vec *n, vec *out, const int count) {
    vec r[GROUP], q[GROUP]; /* r: negated */
    EACH(count) r[i] = vec_fma(n[i], vec_set1(LN2_HIGH), y[i]);
    EACH(count) r[i] = vec_fma(n[i], vec_set1(LN2_LOW), r[i]);
    EACH(count) q[i] = vec_fnma(vec_set1(0x1.a12a42p-13f), r[i], vec_set1(0x1.6d4920p-10f));
    EACH(count) q[i] = vec_fnma(q[i], r[i], vec_set1(0x1.1110e0p-7f));
    EACH(count) q[i] = vec_fnma(q[i], r[i], vec_set1(0x1.5554e4p-5f));
    EACH(count) q[i] = vec_fnma(q[i], r[i], vec_set1(0x1.555556p-3f));
    EACH(count) q[i] = vec_fnma(q[i], r[i], vec_set1(0.5f));
    EACH(count) out[i] = vec_fnma(vec_mul(r[i], r[i]), q[i], r[i]);
}

/* e^x; 0 below -104, infinity above 89, NaN for NaN. */
VEC_INLINE vec exp_vec(vec x) {
    const vec rounder = vec_set1(ROUNDER);
    const vec clamped = vec_max(vec_set1(-104.0f), vec_min(vec_set1(89.0f), x));
    const vec n = vec_sub(vec_fma(clamped, vec_set1(LOG2_E), rounder), rounder);
    /* Two factors, since 2^n alone leaves the range of normal numbers at both ends. */
    const vec half = vec_sub(vec_fma(n, vec_set1(0.5f), rounder), rounder);
    const vec minus_x = vec_sub(vec_set1(0.0f), clamped);
    vec expm1;
    minus_expm1(&minus_x, &n, &expm1, 1);
    const vec mantissa = vec_sub(vec_set1(1.0f), expm1);
    return vec_mul(vec_mul(mantissa, vec_power_of_two(half)), vec_power_of_two(vec_sub(n, half)));
}

/* x = 1 / (1 + e^-x), as s / (s + s e^-x) with s = 2^-64: so e^104 does not overflow and the
 * smallest results keep their accuracy. Each of its operations is monotone, therefore so is the
 * whole. Above 30 the sum is s.
 *
 * A sum with ROUNDER + b has n + b in its last bits, and with b = 127 + k that is the exponent of
 * 2^(n + k): one shift makes s 2^n. (Whether b is odd never matters: LOG2_E has a mantissa of 24
 * bits whose last is 1, so no product with it lies half-way between whole numbers this small.) */
VEC_INLINE void sigmoid_group(vec *x, const int count) {
    const vec scale = vec_set1(0x1p-64f), rounder = vec_set1(ROUNDER + 63.0f);
    vec sum[GROUP], n[GROUP];
    EACH(count) x[i] = vec_min(vec_set1(30.0f), x[i]);
    EACH(count) x[i] = vec_max(vec_set1(-104.0f), x[i]);
    EACH(count) sum[i] = vec_fnma(x[i], vec_set1(LOG2_E), rounder);
    EACH(count) n[i] = vec_sub(sum[i], rounder);
    minus_expm1(x, n, x, count);
    EACH(count) x[i] = vec_sub(vec_set1(1.0f), x[i]);
    /* s e^-x is exact, so its sum with s rounds once. */
    EACH(count) x[i] = vec_fma(x[i], vec_exponent(sum[i]), scale);
    EACH(count) x[i] = vec_div(scale, x[i]);
}

/* x = -m / (m + 2) for m = expm1(-2|x|), with the sign of x. */
VEC_INLINE void tanh_group(vec *x, const int count) {
    const vec one = vec_set1(1.0f), rounder = vec_set1(ROUNDER + 127.0f);
    vec y[GROUP], power[GROUP], n[GROUP];
    EACH(count) y[i] = vec_mul(vec_set1(2.0f), vec_abs(x[i]));
    EACH(count) y[i] = vec_min(vec_set1(20.0f), y[i]);
    EACH(count) power[i] = vec_fnma(y[i], vec_set1(LOG2_E), rounder);
    EACH(count) n[i] = vec_sub(power[i], rounder);
    minus_expm1(y, n, y, count);
    EACH(count) power[i] = vec_exponent(power[i]);
    EACH(count) y[i] = vec_fnma(y[i], power[i], vec_sub(power[i], one));
    EACH(count) y[i] = vec_div(y[i], vec_add(y[i], vec_set1(2.0f)));
    EACH(count) x[i] = vec_copysign(y[i], x[i]);
}

/* The same for any constant count, group by group. */
#define IN_GROUPS(function, x, count)                                                              \
    _Pragma("GCC unroll 8") for (int first = 0; first < (count); first += GROUP)                   \
        function((x) + first, (count)-first < GROUP ? (count)-first : GROUP)

VEC_INLINE void sigmoid_all(vec *x, const int count) {
    IN_GROUPS(sigmoid_group, x, count);
}

VEC_INLINE void tanh_all(vec *x, const int count) {
    IN_GROUPS(tanh_group, x, count);
}

static void exp_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES) vec_store(y + i, exp_vec(vec_load(x + i)));
}

/* Defines a function that maps an array of whole panels. */
#define MAP(name, function)                                                                        \
    static void name(size_t padded, const float *x, float *y) {                                    \
        for (size_t at = 0; at < padded; at += PANEL) {                                            \
            vec values[PANEL / VEC_LANES];                                                         \
            EACH(PANEL / VEC_LANES) values[i] = vec_load(x + at + i * VEC_LANES);                  \
            function(values, PANEL / VEC_LANES);                                                   \
            EACH(PANEL / VEC_LANES) vec_store(y + at + i * VEC_LANES, values[i]);                  \
        }                                                                                          \
    }

MAP(sigmoid_values, sigmoid_all)
MAP(tanh_values, tanh_all)

static void add_values(size_t padded, const float *x, float *y) {
    for (size_t i = 0; i < padded; i += VEC_LANES)
        vec_store(y + i, vec_add(vec_load(y + i), vec_load(x + i)));
}
