/* Softmax cross-entropy of one row. */

/* The greatest of `count` numbers; a NaN among them may be passed over. */
VEC_INLINE float greatest(size_t count, const float *x) {
    const vec lowest = vec_set1(-INFINITY);
    vec top = lowest;
    size_t i = 0;
    for (; i + VEC_LANES <= count; i += VEC_LANES) top = vec_max(top, vec_load(x + i));
    if (i < count) top = vec_max(top, vec_first(count - i, vec_load(x + i), lowest));
    float lanes[VEC_LANES];
    vec_store(lanes, top);
#pragma GCC unroll 4
    for (int width = VEC_LANES / 2; width > 0; width /= 2)
#pragma GCC unroll 8
        for (int l = 0; l < width; l++)
            lanes[l] = lanes[l] > lanes[l + width] ? lanes[l] : lanes[l + width];
    return lanes[0];
}

/* exp(x - highest) of 16 logits, of which `count` are real; 0 for the others. */
VEC_INLINE void shifted_exponentials(size_t count, const float *x, float highest, float *out) {
#pragma GCC unroll 2
    for (size_t j = 0; j < PANEL; j += VEC_LANES) {
        const vec e = exp_vec(vec_sub(vec_load(x + j), vec_set1(highest)));
        vec_store(out + j,
                  count >= PANEL ? e : vec_first(count > j ? count - j : 0, e, vec_set1(0.0f)));
    }
}

static SoftmaxRow cross_entropy(size_t count, const float *logits, size_t target, float scale,
                                float *gradient) {
    const size_t padded = (count + PANEL - 1) / PANEL * PANEL;
    const float highest = greatest(count, logits);
    float lanes[PANEL];
    Sum16 sum = sum16_zero();
    for (size_t i = 0; i < padded; i += PANEL) {
        float *const exponentials = gradient ? gradient + i : lanes;
        if (i + PANEL <= count)
            shifted_exponentials(PANEL, logits + i, highest, exponentials);
        else
            shifted_exponentials(count - i, logits + i, highest, exponentials);
        sum = sum16_add(sum, exponentials);
    }
    const SoftmaxRow result = {sum16_total(sum), (double)(logits[target] - highest)};
    if (gradient) {
        const vec factor = vec_set1((float)((double)scale / result.sum));
        for (size_t i = 0; i < padded; i += VEC_LANES)
            vec_store(gradient + i, vec_mul(vec_load(gradient + i), factor));
        gradient[target] -= scale;
    }
    return result;
}
