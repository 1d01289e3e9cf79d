/* Philox4x32-10 and the distributions over it. */
#include "core/random.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/logarithm.h"

void random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = UINT64_C(0xD2511F53) * c[0];
        const uint64_t p1 = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += UINT32_C(0x9E3779B9); /* the golden ratio */
        k1 += UINT32_C(0xBB67AE85); /* sqrt(3) - 1 */
    }
    memcpy(out, c, sizeof(c));
}

/* The block of attempt 0, 1, 2, ...: the attempt fills the 24 bits that a purpose leaves free. */
static void random_attempt(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position,
                           uint32_t attempt, uint32_t out[4]) {
    assert(purpose < 256 && attempt < (UINT32_C(1) << 24));
    const uint32_t counter[4] = {(uint32_t)position, (uint32_t)(position >> 32), stream,
                                 purpose | attempt << 8};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    random_philox(counter, key, out);
}

void random_block(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position,
                  uint32_t out[4]) {
    random_attempt(seed, purpose, stream, position, 0, out);
}

static uint64_t join(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

static double unit(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

double random_uniform(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position) {
    uint32_t block[4];
    random_block(seed, purpose, stream, position, block);
    return unit(join(block[0], block[1]));
}

double random_normal(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position) {
    double x, square;
    uint32_t attempt = 0;
    do {
        uint32_t block[4];
        random_attempt(seed, purpose, stream, position, attempt++, block);
        x = 2.0 * unit(join(block[0], block[1])) - 1.0;
        const double y = 2.0 * unit(join(block[2], block[3])) - 1.0;
        square = x * x + y * y;
    } while (square >= 1.0 || square == 0.0);
    return x * sqrt(-2.0 * natural_logarithm(square) / square);
}

uint64_t random_below(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position,
                      uint64_t bound) {
    assert(bound > 0);
    /* 2^64 mod bound: the values below it would make the first remainders more likely. */
    const uint64_t excess = (0 - bound) % bound;
    uint64_t bits;
    uint32_t attempt = 0;
    do {
        uint32_t block[4];
        random_attempt(seed, purpose, stream, position, attempt++, block);
        bits = join(block[0], block[1]);
    } while (bits < excess);
    return bits % bound;
}
