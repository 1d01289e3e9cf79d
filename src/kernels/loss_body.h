/* Softmax cross-entropy of one row. */

static SoftmaxRow cross_entropy(size_t count, const float *logits, size_t target, float scale,
                                float *gradient) {
    const size_t padded = (count + PANEL - 1) / PANEL * PANEL;
    const vec lowest = vec_set1(-INFINITY);
    vec top = lowest;
    for (size_t i = 0; i < padded; i += VEC_LANES)
        top = vec_max(top, vec_first(i < count ? count - i : 0, vec_load(logits + i), lowest));
    float lanes[PANEL];
    vec_store(lanes, top);
    float highest = lanes[0];
    for (int i = 1; i < VEC_LANES; i++) highest = lanes[i] > highest ? lanes[i] : highest;

    Sum16 sum = sum16_zero();
    for (size_t i = 0; i < padded; i += PANEL) {
        float *const exponentials = gradient ? gradient + i : lanes;
        for (size_t j = 0; j < PANEL; j += VEC_LANES) {
            const size_t left = i + j < count ? count - i - j : 0;
            const vec shifted = vec_sub(vec_load(logits + i + j), vec_set1(highest));
            vec_store(exponentials + j, vec_first(left, exp_vec(shifted), vec_set1(0.0f)));
        }
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
