/* Philox4x32-10 (core/random.h says from where), a block in each lane. */

enum { PHILOX_BLOCKS = 16 };

/* Ten rounds over the blocks counter[0..3][16]; what is returned stands in the lower halves. */
VEC_INLINE void philox_rounds(uint64_t counter[4][PHILOX_BLOCKS], uint64_t seed) {
    const words multiplier0 = words_set1(UINT64_C(0xD2511F53));
    const words multiplier1 = words_set1(UINT64_C(0xCD9E8D57));
    for (int v = 0; v < PHILOX_BLOCKS; v += WORD_LANES) {
        words c[4];
        uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) c[k] = words_load(&counter[k][v]);
        for (int round = 0; round < 10; round++) {
            const words p0 = words_product(multiplier0, c[0]);
            const words p1 = words_product(multiplier1, c[2]);
            c[0] = words_xor(words_xor(words_upper(p1), c[1]), words_set1(key0));
            c[1] = p1;
            c[2] = words_xor(words_xor(words_upper(p0), c[3]), words_set1(key1));
            c[3] = p0;
            key0 += UINT32_C(0x9E3779B9);
            key1 += UINT32_C(0xBB67AE85);
        }
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) words_store(&counter[k][v], c[k]);
    }
}

static void mask_values(const DropoutMask *d) {
    enum { NUMBERS = 4 * PHILOX_BLOCKS };
    for (size_t first = 0; first < d->count; first += NUMBERS) {
        const size_t left = d->count - first;
        uint64_t blocks[4][PHILOX_BLOCKS];
        float mask[NUMBERS];
        for (uint64_t i = 0; i < PHILOX_BLOCKS; i++) {
            const uint64_t position = d->position + first / 4 + i;
            blocks[0][i] = position;
            blocks[1][i] = position >> 32;
            blocks[2][i] = d->stream;
            blocks[3][i] = d->purpose;
        }
        philox_rounds(blocks, d->seed);
        /* No branches: none could be predicted. */
        for (size_t i = 0; i < PHILOX_BLOCKS; i++)
            for (size_t k = 0; k < 4; k++)
                mask[4 * i + k] = (float)((uint32_t)blocks[k][i] >= d->threshold ? 1 : 0) * d->kept;
        memcpy(d->mask + first, mask, (left < NUMBERS ? left : NUMBERS) * sizeof(float));
    }
}
