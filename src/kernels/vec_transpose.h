/* Square tiles of VEC_LANES vectors, transposed in registers. After vec.h. */
#ifndef ELMAN_KERNELS_VEC_TRANSPOSE_H
#define ELMAN_KERNELS_VEC_TRANSPOSE_H

#include "kernels/vec.h"

/* The first `count` floats at p, zeros in the other lanes; nothing behind them is read. */

#if defined(VEC_AVX512)

VEC_INLINE vec vec_load_first(size_t count, const float *p) {
    return _mm512_maskz_loadu_ps((__mmask16)(count >= 16 ? 0xffffu : (1u << count) - 1u), p);
}

/* In pairs, then fours: 4 x 4 tiles inside each quarter; then the quarters change places. */
VEC_INLINE void vec_transpose(vec x[VEC_LANES]) {
    vec four[16], eight[16];
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(x[i], x[i + 1]));
        const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(x[i], x[i + 1]));
        const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(x[i + 2], x[i + 3]));
        const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(x[i + 2], x[i + 3]));
        four[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
        four[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
        four[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
        four[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
    }
    /* eight[i], eight[i + 4]: columns i, i + 8 and i + 4, i + 12 of rows 0 to 7; then of 8 to 15.
     */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        eight[i] = _mm512_shuffle_f32x4(four[i], four[i + 4], 0x88);
        eight[i + 4] = _mm512_shuffle_f32x4(four[i], four[i + 4], 0xdd);
        eight[i + 8] = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0x88);
        eight[i + 12] = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0xdd);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        x[i] = _mm512_shuffle_f32x4(eight[i], eight[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(eight[i], eight[i + 8], 0xdd);
    }
}

#elif defined(VEC_AVX2)

VEC_INLINE vec vec_load_first(size_t count, const float *p) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i last = _mm256_set1_epi32(count >= 8 ? 8 : (int)count);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(last, lanes));
}

VEC_INLINE void vec_transpose(vec x[VEC_LANES]) {
    vec four[8];
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(x[i], x[i + 1]));
        const __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(x[i], x[i + 1]));
        const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(x[i + 2], x[i + 3]));
        const __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(x[i + 2], x[i + 3]));
        four[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
        four[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
        four[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
        four[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x31);
    }
}

#else

VEC_INLINE vec vec_load_first(size_t count, const float *p) {
    return count > 0 ? *p : 0.0f;
}

VEC_INLINE void vec_transpose(vec x[VEC_LANES]) {
    (void)x; /* one by one */
}

#endif

#endif
