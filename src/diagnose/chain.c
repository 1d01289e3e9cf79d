/* Products of recurrent Jacobians; see chain.h. */
#include "diagnose/chain.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/logarithm.h"
#include "core/random.h"
#include "core/size.h"

enum { STREAM_LARGEST = 16, STREAM_GROWTH = 17, BISECTIONS = 200, SCALE_LEAST = -1000 };

static const double tolerance = 1e-6;

elman_status chain_work_create(Memory *memory, const Jacobian *jacobian, size_t steps,
                               ChainWork *work, elman_error *error) {
    const size_t vector = jacobian->state * LANES;
    const size_t fixed = jacobian_work_size(jacobian) + (1 + CHAIN_VECTORS) * vector;
    size_t count;
    *work = (ChainWork){0};
    double *const block = size_mul(steps, LANES, &count) && size_add(count, fixed, &count)
                              ? memory_allocate_array(memory, count, sizeof *block)
                              : NULL;
    if (!block) return fail(error, ELMAN_ERR_MEMORY, "no memory for products of Jacobians");
    work->jacobian = jacobian_work(jacobian, block);
    work->vector = block + jacobian_work_size(jacobian);
    work->basis = work->vector + vector;
    work->scale = work->basis + CHAIN_VECTORS * vector;
    return ELMAN_OK;
}

void chain_work_release(Memory *memory, ChainWork *work) {
    memory_release(memory, work->jacobian.factors);
    *work = (ChainWork){0};
}

static void at_step(const Chain *chain, const ChainWork *work, size_t step) {
    size_t places[LANES] = {0};
    for (size_t k = 0; k < chain->count; k++)
        places[k] = jacobian_place(chain->jacobian, chain->row[k], chain->visit[k] + step);
    jacobian_at(chain->jacobian, places, chain->count, &work->jacobian);
}

/* 1 / norms, and 0 for 0. */
static void reciprocals(const double norms[LANES], double out[LANES]) {
    for (size_t k = 0; k < LANES; k++) out[k] = norms[k] > 0.0 ? 1.0 / norms[k] : 0.0;
}

static void norms_of(const double *v, size_t count, double norms[LANES]) {
    lanes_dot(v, v, count, norms);
    for (size_t k = 0; k < LANES; k++) norms[k] = sqrt(norms[k]);
}

static void random_directions(double *v, size_t count, uint64_t seed, uint32_t stream) {
    double norms[LANES], factors[LANES];
    for (size_t i = 0; i < count * LANES; i++)
        v[i] = random_normal(seed, RANDOM_DIAGNOSE, stream, i);
    norms_of(v, count, norms);
    reciprocals(norms, factors);
    lanes_scale(v, factors, count);
}

/* ---- The largest singular value ---- */

/* Chooses powers of two that keep the products of many steps within the range of numbers, from what
 * happens to one vector, and returns the exponents of their product. */
static void choose_scales(const Chain *chain, const ChainWork *work, const double *start,
                          int exponents[LANES]) {
    const size_t n = chain->jacobian->state;
    memcpy(work->vector, start, n * LANES * sizeof *start);
    memset(exponents, 0, LANES * sizeof *exponents);
    for (size_t step = 0; step < chain->steps; step++) {
        double norms[LANES];
        at_step(chain, work, step);
        jacobian_apply(chain->jacobian, &work->jacobian, work->vector);
        norms_of(work->vector, n, norms);
        for (size_t k = 0; k < LANES; k++) {
            int exponent = 0;
            if (norms[k] > 0.0 && isfinite(norms[k])) (void)frexp(norms[k], &exponent);
            if (exponent < SCALE_LEAST) exponent = SCALE_LEAST;
            exponents[k] += exponent;
            work->scale[step * LANES + k] = ldexp(1.0, -exponent);
        }
        lanes_scale(work->vector, work->scale + step * LANES, n);
    }
}

/* work->vector = P^T P v, P being scaled. */
static void apply_square(const Chain *chain, const ChainWork *work, const double *v) {
    const size_t n = chain->jacobian->state;
    memcpy(work->vector, v, n * LANES * sizeof *v);
    for (size_t step = 0; step < chain->steps; step++) {
        at_step(chain, work, step);
        jacobian_apply(chain->jacobian, &work->jacobian, work->vector);
        lanes_scale(work->vector, work->scale + step * LANES, n);
    }
    for (size_t step = chain->steps; step-- > 0;) {
        at_step(chain, work, step);
        lanes_scale(work->vector, work->scale + step * LANES, n);
        jacobian_apply_transposed(chain->jacobian, &work->jacobian, work->vector);
    }
}

/* The tridiagonal matrix that Lanczos iterations make of P^T P. */
typedef struct Tridiagonal {
    size_t count;
    double diagonal[CHAIN_VECTORS][LANES];
    double beside[CHAIN_VECTORS][LANES]; /* [i]: between i and i + 1 */
} Tridiagonal;

/* Whether an eigenvalue is above x: Sturm's sequence. */
static bool above(const Tridiagonal *t, size_t k, double x) {
    double d = 1.0;
    for (size_t i = 0; i < t->count; i++) {
        const double beside = i > 0 ? t->beside[i - 1][k] : 0.0;
        d = t->diagonal[i][k] - x - (i > 0 ? beside * beside / d : 0.0);
        if (d > 0.0) return true;
        if (d == 0.0) d = -DBL_MIN;
    }
    return false;
}

/* The largest eigenvalue, which is `least` or more, by bisection. */
static double largest_eigenvalue(const Tridiagonal *t, size_t k, double least) {
    double low = least, high = least;
    for (size_t i = 0; i < t->count; i++) {
        const double left = i > 0 ? t->beside[i - 1][k] : 0.0;
        const double right = i + 1 < t->count ? t->beside[i][k] : 0.0;
        high = fmax(high, t->diagonal[i][k] + left + right);
    }
    for (size_t i = 0; i < BISECTIONS && high - low > 4.0 * DBL_EPSILON * high; i++) {
        const double middle = low + 0.5 * (high - low);
        if (above(t, k, middle))
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Makes the last vector of the tridiagonal matrix's basis's image, in work->vector, orthogonal to
 * all of them. */
static void orthogonalise(const ChainWork *work, size_t vectors, size_t states) {
    for (size_t i = 0; i < vectors; i++) {
        double dots[LANES];
        const double *const v = work->basis + i * states * LANES;
        lanes_dot(v, work->vector, states, dots);
        for (size_t k = 0; k < LANES; k++) dots[k] = -dots[k];
        lanes_add(work->vector, dots, v, states);
    }
}

/* One iteration: from basis vector t->count to the next one. A lane whose space is exhausted goes
 * on with zeros. */
static void iterate(const Chain *chain, const ChainWork *work, Tridiagonal *t) {
    const size_t n = chain->jacobian->state, i = t->count++;
    const double *const v = work->basis + i * n * LANES;
    double *const next = work->basis + (i + 1) * n * LANES;
    double before[LANES], factors[LANES];
    apply_square(chain, work, v);
    norms_of(work->vector, n, before);
    lanes_dot(v, work->vector, n, t->diagonal[i]);
    orthogonalise(work, t->count, n);
    orthogonalise(work, t->count, n);
    norms_of(work->vector, n, t->beside[i]);
    for (size_t k = 0; k < LANES; k++)
        if (t->beside[i][k] <= (double)n * DBL_EPSILON * before[k]) t->beside[i][k] = 0.0;
    reciprocals(t->beside[i], factors);
    memcpy(next, work->vector, n * LANES * sizeof *next);
    lanes_scale(next, factors, n);
}

void chain_largest(const Chain *chain, const ChainWork *work, size_t most, uint64_t seed,
                   double largest[LANES]) {
    const size_t n = chain->jacobian->state, end = most < n ? most : n;
    Tridiagonal t = {0};
    int exponents[LANES];
    double squares[LANES] = {0};
    random_directions(work->basis, n, seed, STREAM_LARGEST);
    choose_scales(chain, work, work->basis, exponents);
    for (size_t still = 0; t.count < end && (still < 2 || n <= most);) {
        iterate(chain, work, &t);
        bool changed = false;
        for (size_t k = 0; k < chain->count; k++) {
            const double square = largest_eigenvalue(&t, k, squares[k]);
            if (!(square - squares[k] <= tolerance * square)) changed = true;
            squares[k] = square;
        }
        still = changed ? 0 : still + 1;
    }
    for (size_t k = 0; k < LANES; k++)
        largest[k] = k < chain->count ? ldexp(sqrt(squares[k]), exponents[k]) : 0.0;
}

/* ---- Lyapunov exponents ---- */

/* Vectors [state][LANES] to orthonormal ones; norms[k] is what vector k had of its own. */
static void gram_schmidt(double *v, size_t states, double norms[LANES]) {
    double before[LANES];
    norms_of(v, states, before);
    for (size_t k = 0; k < LANES; k++) {
        for (size_t j = 0; j < 2 * k; j++) {
            const size_t other = j % k; /* twice: rounding leaves a part the first time */
            double dot = 0.0;
            for (size_t i = 0; i < states; i++) dot += v[i * LANES + other] * v[i * LANES + k];
            for (size_t i = 0; i < states; i++) v[i * LANES + k] -= dot * v[i * LANES + other];
        }
        double square = 0.0;
        for (size_t i = 0; i < states; i++) square += v[i * LANES + k] * v[i * LANES + k];
        norms[k] = sqrt(square);
        if (norms[k] <= (double)states * DBL_EPSILON * before[k]) norms[k] = 0.0;
        const double factor = norms[k] > 0.0 ? 1.0 / norms[k] : 0.0;
        for (size_t i = 0; i < states; i++) v[i * LANES + k] *= factor;
    }
}

void chain_growth(const Chain *chain, const ChainWork *work, size_t transient, uint64_t seed,
                  double growth[LANES]) {
    const Jacobian *const jacobian = chain->jacobian;
    const size_t n = jacobian->state;
    Chain all = *chain; /* the first lane's places for every direction */
    double norms[LANES];
    for (size_t k = 0; k < LANES; k++) {
        all.row[k] = chain->row[0];
        all.visit[k] = chain->visit[0];
        growth[k] = 0.0;
    }
    all.count = LANES;
    random_directions(work->vector, n, seed, STREAM_GROWTH);
    gram_schmidt(work->vector, n, norms);
    for (size_t step = 0; step < chain->steps; step++) {
        at_step(&all, work, step);
        jacobian_apply(jacobian, &work->jacobian, work->vector);
        gram_schmidt(work->vector, n, norms);
        for (size_t k = 0; k < LANES; k++)
            if (step >= transient || norms[k] == 0.0) growth[k] += natural_logarithm(norms[k]);
    }
}
