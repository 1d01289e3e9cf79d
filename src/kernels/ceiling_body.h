/* All loops of kernels/ceilings.h. The including file says which set vec.h shall use (VEC_...), the
 * name of the table (CEILINGS_TIER) and of the tier (CEILINGS_NAME). */
#include "kernels/ceilings.h"
#include "kernels/vec.h"

/* The functions over arrays, which the kernels' table has, are of no use here. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "kernels/activation_body.h"

#include "kernels/step_activation_body.h"

/* Independent chains: more than (latency of a multiply-add) x (those begun in a cycle), and as many
 * as stay in registers. */
#if defined(VEC_AVX512)
enum { BURST_CHAINS = 24 };
#elif defined(VEC_AVX2)
enum { BURST_CHAINS = 12 };
#else
enum { BURST_CHAINS = 8 };
#endif

static size_t fma_burst(size_t rounds, float sink[PANEL]) {
    /* a = a / 2 + 1/2 stays near 1: neither denormal nor infinite. */
    const vec half = vec_set1(0.5f);
    vec a[BURST_CHAINS];
    for (int i = 0; i < BURST_CHAINS; i++) a[i] = vec_set1(1.0f + (float)i / 64);
    for (size_t n = 0; n < rounds; n++) {
#pragma GCC unroll 24
        for (int i = 0; i < BURST_CHAINS; i++) a[i] = vec_fma(a[i], half, half);
    }
    for (int i = 1; i < BURST_CHAINS; i++) a[0] = vec_add(a[0], a[i]);
    vec_store(sink, a[0]);
    return rounds * BURST_CHAINS * VEC_LANES;
}

/* A tile: accumulators, and for each link of their chains the weights and the numbers that they are
 * multiplied with. */
#if defined(VEC_AVX512)
enum { BURST_UNITS = 4, BURST_ROWS = 6 };
#elif defined(VEC_AVX2)
enum { BURST_UNITS = 2, BURST_ROWS = 6 };
#else
enum { BURST_UNITS = 1, BURST_ROWS = 4 };
#endif
enum { BURST_LINKS = 64 };
_Static_assert(BURST_LINKS *(BURST_UNITS *VEC_LANES + BURST_ROWS) <= TILE_FLOATS,
               "both operands are in the memory that tile_burst is given");

static size_t tile_burst(size_t rounds, const float *memory, float sink[PANEL]) {
    const float *const weights = memory;
    const float *const rows = memory + (size_t)BURST_LINKS * BURST_UNITS * VEC_LANES;
    vec a[BURST_UNITS][BURST_ROWS];
    for (int u = 0; u < BURST_UNITS; u++)
        for (int r = 0; r < BURST_ROWS; r++) a[u][r] = vec_set1(0.0f);
    for (size_t n = 0; n < rounds; n++)
        for (size_t k = 0; k < BURST_LINKS; k++) {
            vec w[BURST_UNITS];
#pragma GCC unroll 4
            for (int u = 0; u < BURST_UNITS; u++)
                w[u] = vec_load(weights + (k * BURST_UNITS + (size_t)u) * VEC_LANES);
#pragma GCC unroll 6
            for (int r = 0; r < BURST_ROWS; r++) {
                const vec x = vec_set1(rows[(size_t)r * BURST_LINKS + k]);
#pragma GCC unroll 4
                for (int u = 0; u < BURST_UNITS; u++) a[u][r] = vec_fma(w[u], x, a[u][r]);
            }
        }
    for (int u = 0; u < BURST_UNITS; u++)
        for (int r = 0; r < BURST_ROWS; r++) a[0][0] = vec_add(a[0][0], a[u][r]);
    vec_store(sink, a[0][0]);
    return rounds * BURST_LINKS * BURST_UNITS * BURST_ROWS * VEC_LANES;
}

enum { CHAIN_LINKS = 8 };

static size_t fma_chain(size_t rounds, float sink[PANEL]) {
    const vec half = vec_set1(0.5f);
    vec a = vec_set1(1.5f);
    for (size_t n = 0; n < rounds; n++) {
#pragma GCC unroll 8
        for (int i = 0; i < CHAIN_LINKS; i++) a = vec_fma(a, half, half);
    }
    vec_store(sink, a);
    return rounds * CHAIN_LINKS;
}

static size_t add_chain(size_t rounds, float sink[PANEL]) {
    uint32_t sum = (uint32_t)rounds, term = sum | 1;
    for (size_t n = 0; n < rounds; n++) {
        /* A register is added, since some processors fold constants that are added one after the
         * other; the empty statements keep the compiler from doing so. */
#pragma GCC unroll 8
        for (int i = 0; i < CHAIN_LINKS; i++) {
            sum += term;
            __asm__ volatile("" : "+r"(sum), "+r"(term));
        }
    }
    sink[0] = (float)sum;
    return rounds * CHAIN_LINKS;
}

static void stream_read(size_t rounds, size_t count, const float *x, float sink[PANEL]) {
    enum { SUMS = STREAM_GRAIN / PANEL };
    vec sum[SUMS];
    for (int i = 0; i < SUMS; i++) sum[i] = vec_set1(0.0f);
    for (size_t round = 0; round < rounds; round++)
        for (size_t n = 0; n < count; n += (size_t)SUMS * VEC_LANES) {
#pragma GCC unroll 16
            for (int i = 0; i < SUMS; i++)
                sum[i] = vec_add(sum[i], vec_load(x + n + (size_t)i * VEC_LANES));
        }
    for (int i = 1; i < SUMS; i++) sum[0] = vec_add(sum[0], sum[i]);
    vec_store(sink, sum[0]);
}

/* The chains of the shortest kind that the set has, which is AVX2's (step_body.h). */
#if defined(VEC_AVX512)
static void rnn_chain(size_t rounds, float state[PANEL]) {
    ceilings_avx2.rnn_chain(rounds, state);
}

static void lstm_chain(size_t rounds, float state[PANEL]) {
    ceilings_avx2.lstm_chain(rounds, state);
}

static void gru_chain(size_t rounds, float state[PANEL]) {
    ceilings_avx2.gru_chain(rounds, state);
}
#else
/* What stands for a gate's product: one multiply-add, different for each gate. */
VEC_INLINE vec one_product(vec h, float weight) {
    return vec_fma(h, vec_set1(weight), vec_set1(0.125f));
}

static void rnn_chain(size_t rounds, float state[PANEL]) {
    vec h = vec_load(state);
    for (size_t n = 0; n < rounds; n++) h = step_tanh(one_product(h, 0.5f));
    vec_store(state, h);
}

static void lstm_chain(size_t rounds, float state[PANEL]) {
    vec h = vec_load(state), c = h;
    for (size_t n = 0; n < rounds; n++) {
        const vec i = step_sigmoid(one_product(h, 0.5f)), f = step_sigmoid(one_product(h, 0.25f));
        const vec g = step_tanh(one_product(h, 0.75f)), o = step_sigmoid(one_product(h, 1.0f));
        c = vec_fma(f, c, vec_mul(i, g));
        h = vec_mul(o, step_tanh(c));
    }
    vec_store(state, h);
}

static void gru_chain(size_t rounds, float state[PANEL]) {
    vec h = vec_load(state);
    for (size_t n = 0; n < rounds; n++) {
        const vec r = step_sigmoid(one_product(h, 0.5f)), z = step_sigmoid(one_product(h, 0.25f));
        const vec a = step_tanh(vec_fma(r, one_product(h, 0.75f), one_product(h, 0.125f)));
        h = vec_fma(z, vec_sub(h, a), a);
    }
    vec_store(state, h);
}
#endif

const Ceilings CEILINGS_TIER = {
    .name = CEILINGS_NAME,
    .fma_burst = fma_burst,
    .tile_burst = tile_burst,
    .fma_chain = fma_chain,
    .add_chain = add_chain,
    .stream_read = stream_read,
    .rnn_chain = rnn_chain,
    .lstm_chain = lstm_chain,
    .gru_chain = gru_chain,
};
