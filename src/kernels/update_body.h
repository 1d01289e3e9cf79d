/* What an optimiser does to one run of weights, and the sums that clipping needs. */

/* Lane l of 16 sums the squares of the elements whose index is l modulo 16. A float's square is
 * exact in double and never overflows, so the sum is finite exactly when every element is. */
static double sum_of_squares(size_t padded, const float *x) {
    Sum16 sum = sum16_zero();
    for (size_t i = 0; i < padded; i += PANEL) sum = sum16_add_squares(sum, x + i);
    return sum16_total(sum);
}

static void clip_values(size_t padded, float limit, float *x) {
    const vec high = vec_set1(limit), low = vec_set1(-limit);
    for (size_t i = 0; i < padded; i += VEC_LANES)
        vec_store(x + i, vec_min(high, vec_max(low, vec_load(x + i))));
}

typedef struct UpdateLanes {
    Sum16 change, weights;
} UpdateLanes;

VEC_INLINE UpdateLanes update_begin(void) {
    return (UpdateLanes){sum16_zero(), sum16_zero()};
}

/* Stores new weights, and the old ones where the gradient was; notes by how much each changed. */
VEC_INLINE void replace_weights(float *w, float *gradient, float *change, vec old_w, vec new_w) {
    vec_store(w, new_w);
    vec_store(gradient, old_w);
    vec_store(change, vec_sub(new_w, old_w));
}

/* Adds up 16 changes and 16 new weights. */
VEC_INLINE UpdateLanes update_add(UpdateLanes lanes, const float *change, const float *w) {
    return (UpdateLanes){sum16_add_squares(lanes.change, change),
                         sum16_add_squares(lanes.weights, w)};
}

VEC_INLINE UpdateSums update_end(UpdateLanes lanes) {
    return (UpdateSums){sum16_total(lanes.change), sum16_total(lanes.weights)};
}

/*     g = factor gradient + decay w
 *     m' = beta1 m + (1 - beta1) g,    v' = beta2 v + (1 - beta2) g^2
 *     w' = shrink w - rate m' / (root sqrt(v') + epsilon)
 *
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1;
 * Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, for shrink. Where the
 * corrections of m and v enter is PyTorch's choice. */
static UpdateSums adam_update(size_t padded, float *w, float *m, float *v, float *gradient,
                              const AdamStep *step) {
    const vec factor = vec_set1(step->factor);
    const vec rate = vec_set1(step->rate), root = vec_set1(step->root);
    const vec beta1 = vec_set1(step->beta1), rest1 = vec_set1(step->rest1);
    const vec beta2 = vec_set1(step->beta2), rest2 = vec_set1(step->rest2);
    const vec epsilon = vec_set1(step->epsilon);
    const vec decay = vec_set1(step->decay), shrink = vec_set1(step->shrink);
    UpdateLanes lanes = update_begin();
    for (size_t i = 0; i < padded; i += PANEL) {
        float change[PANEL];
        for (size_t l = 0; l < PANEL; l += VEC_LANES) {
            const size_t at = i + l;
            const vec old_w = vec_load(w + at);
            const vec g = vec_fma(decay, old_w, vec_mul(factor, vec_load(gradient + at)));
            const vec new_m = vec_fma(beta1, vec_load(m + at), vec_mul(rest1, g));
            const vec new_v = vec_fma(beta2, vec_load(v + at), vec_mul(vec_mul(rest2, g), g));
            const vec quotient = vec_div(new_m, vec_fma(root, vec_sqrt(new_v), epsilon));
            vec_store(m + at, new_m);
            vec_store(v + at, new_v);
            replace_weights(w + at, gradient + at, change + l, old_w,
                            vec_fnma(rate, quotient, vec_mul(shrink, old_w)));
        }
        lanes = update_add(lanes, change, w + i);
    }
    return update_end(lanes);
}

/*     g = factor gradient + decay w,    velocity' = momentum velocity + g
 *     w' = w - rate velocity'
 *
 * Without a velocity, w' = w - rate g. Source: Sutskever et al., "On the importance of
 * initialization and momentum in deep learning", ICML 2013, in PyTorch's form, where the rate is
 * outside the velocity. */
static UpdateSums sgd_update(size_t padded, float *w, float *velocity, float *gradient,
                             const SgdStep *step) {
    const vec factor = vec_set1(step->factor);
    const vec rate = vec_set1(step->rate), momentum = vec_set1(step->momentum);
    const vec decay = vec_set1(step->decay);
    UpdateLanes lanes = update_begin();
    for (size_t i = 0; i < padded; i += PANEL) {
        float change[PANEL];
        for (size_t l = 0; l < PANEL; l += VEC_LANES) {
            const size_t at = i + l;
            const vec old_w = vec_load(w + at);
            vec g = vec_fma(decay, old_w, vec_mul(factor, vec_load(gradient + at)));
            if (velocity != NULL) {
                g = vec_fma(momentum, vec_load(velocity + at), g);
                vec_store(velocity + at, g);
            }
            replace_weights(w + at, gradient + at, change + l, old_w, vec_fnma(rate, g, old_w));
        }
        lanes = update_add(lanes, change, w + i);
    }
    return update_end(lanes);
}

/*     g = factor gradient + decay w,    square' = alpha square + (1 - alpha) g^2
 *     velocity' = momentum velocity + g / (sqrt(square') + epsilon),    w' = w - rate velocity'
 *
 * Without a velocity, the quotient takes its place. Source: Tieleman and Hinton, "Lecture 6.5:
 * rmsprop", Coursera, 2012, in PyTorch's form. */
static UpdateSums rmsprop_update(size_t padded, float *w, float *square, float *velocity,
                                 float *gradient, const RmspropStep *step) {
    const vec factor = vec_set1(step->factor);
    const vec rate = vec_set1(step->rate), momentum = vec_set1(step->momentum);
    const vec alpha = vec_set1(step->alpha), rest = vec_set1(step->rest);
    const vec epsilon = vec_set1(step->epsilon), decay = vec_set1(step->decay);
    UpdateLanes lanes = update_begin();
    for (size_t i = 0; i < padded; i += PANEL) {
        float change[PANEL];
        for (size_t l = 0; l < PANEL; l += VEC_LANES) {
            const size_t at = i + l;
            const vec old_w = vec_load(w + at);
            const vec g = vec_fma(decay, old_w, vec_mul(factor, vec_load(gradient + at)));
            const vec new_square =
                vec_fma(alpha, vec_load(square + at), vec_mul(vec_mul(rest, g), g));
            vec direction = vec_div(g, vec_add(vec_sqrt(new_square), epsilon));
            vec_store(square + at, new_square);
            if (velocity != NULL) {
                direction = vec_fma(momentum, vec_load(velocity + at), direction);
                vec_store(velocity + at, direction);
            }
            replace_weights(w + at, gradient + at, change + l, old_w,
                            vec_fnma(rate, direction, old_w));
        }
        lanes = update_add(lanes, change, w + i);
    }
    return update_end(lanes);
}
