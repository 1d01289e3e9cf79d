/* Sigmoid and tanh for a single step, which is one chain of latencies. */

/* The functions of activation_body.h, with the same bits, for a chain that nothing else keeps
 * company. Where those clamp x, masks put the lanes outside right, beside the chain: what they pass
 * through it does not matter, and a clamp would be one link or two more. */

VEC_INLINE vec step_minus_expm1(vec y, vec n) {
    vec expm1;
    minus_expm1(&y, &n, &expm1, 1);
    return expm1;
}

/* Above 30 the sum is s, below -104 the quotient 0. s e^-x is exact, so its sum with s rounds once.
 */
VEC_INLINE vec step_sigmoid(vec x) {
    const vec scale = vec_set1(0x1p-64f), rounder = vec_set1(ROUNDER + 63.0f);
    const vec rounded = vec_fnma(x, vec_set1(LOG2_E), rounder);
    const vec_mask keep = vec_not_above(x, vec_set1(30.0f));
    const vec minus = vec_sub(step_minus_expm1(x, vec_sub(rounded, rounder)), vec_set1(1.0f));
    const vec sum = vec_fnma_keep(keep, minus, vec_exponent_keep(keep, rounded), scale);
    return vec_div_keep(vec_not_below(x, vec_set1(-104.0f)), scale, sum);
}

/* Above 10, m is -1. */
VEC_INLINE vec step_tanh(vec x) {
    const vec rounder = vec_set1(ROUNDER + 127.0f), size = vec_abs(x);
    const vec rounded = vec_fnma(size, vec_set1(2.0f * LOG2_E), rounder);
    const vec_mask keep = vec_not_above(size, vec_set1(10.0f));
    const vec power = vec_exponent_keep(keep, rounded);
    const vec y = vec_mul(vec_set1(2.0f), size);
    const vec m = vec_fnma_keep(keep, step_minus_expm1(y, vec_sub(rounded, rounder)), power,
                                vec_sub(power, vec_set1(1.0f)));
    return vec_copysign(vec_div(m, vec_add(m, vec_set1(2.0f))), x);
}
