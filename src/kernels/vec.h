/* Vectors of VEC_LANES floats, for the instruction set that the including file names by defining
 * VEC_AVX512, VEC_AVX2 or VEC_PORTABLE.
 *
 * Every operation is one IEEE operation in each lane (a fused multiply-add rounds once), so a
 * program over vec gives the same bits on every set. Loads and stores take any alignment.
 * Comparisons with NaN are false; vec_min(a, b) is a < b ? a : b, so a NaN in b stays. */
#ifndef ELMAN_KERNELS_VEC_H
#define ELMAN_KERNELS_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VEC_INLINE   static inline __attribute__((always_inline))
#define VEC_NOINLINE static __attribute__((noinline))

#if defined(VEC_AVX512)
#include <immintrin.h>

typedef __m512 vec;
enum { VEC_LANES = 16 };

VEC_INLINE vec vec_load(const float *p) {
    return _mm512_loadu_ps(p);
}
VEC_INLINE void vec_store(float *p, vec a) {
    _mm512_storeu_ps(p, a);
}
VEC_INLINE vec vec_set1(float x) {
    return _mm512_set1_ps(x);
}
VEC_INLINE vec vec_add(vec a, vec b) {
    return _mm512_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b) {
    return _mm512_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b) {
    return _mm512_mul_ps(a, b);
}
VEC_INLINE vec vec_div(vec a, vec b) {
    return _mm512_div_ps(a, b);
}
VEC_INLINE vec vec_sqrt(vec a) {
    return _mm512_sqrt_ps(a);
}
/* a * b + c */
VEC_INLINE vec vec_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}
/* c - a * b */
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) {
    return _mm512_fnmadd_ps(a, b, c);
}
VEC_INLINE vec vec_min(vec a, vec b) {
    return _mm512_min_ps(a, b);
}
VEC_INLINE vec vec_max(vec a, vec b) {
    return _mm512_max_ps(a, b);
}
VEC_INLINE vec vec_abs(vec a) {
    return _mm512_abs_ps(a);
}
/* |a| with the sign of b */
VEC_INLINE vec vec_copysign(vec a, vec b) {
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        _mm512_castps_si512(a), _mm512_castps_si512(b), _mm512_set1_epi32(INT32_MIN), 0xd8));
}
/* a < b ? x : y */
VEC_INLINE vec vec_select_less(vec a, vec b, vec x, vec y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
/* The first `count` lanes of a, `fill` in the others. */
VEC_INLINE vec vec_first(size_t count, vec a, vec fill) {
    const __mmask16 mask = (__mmask16)(count >= 16 ? 0xffffu : (1u << count) - 1u);
    return _mm512_mask_blend_ps(mask, fill, a);
}
/* Lanes to keep: where x is not above, not below a limit. A NaN is neither. */
typedef __mmask16 vec_mask;
VEC_INLINE vec_mask vec_not_above(vec x, vec limit) {
    return _mm512_cmp_ps_mask(x, limit, _CMP_NGT_UQ);
}
VEC_INLINE vec_mask vec_not_below(vec x, vec limit) {
    return _mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ);
}
/* c - a * b; c in the other lanes, where b must be 0 */
VEC_INLINE vec vec_fnma_keep(vec_mask keep, vec a, vec b, vec c) {
    return _mm512_mask3_fnmadd_ps(a, b, c, keep);
}
/* a / b; 0 in the other lanes */
VEC_INLINE vec vec_div_keep(vec_mask keep, vec a, vec b) {
    return _mm512_maskz_div_ps(keep, a, b);
}
/* vec_exponent; 0 in the other lanes */
VEC_INLINE vec vec_exponent_keep(vec_mask keep, vec a) {
    return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(keep, _mm512_castps_si512(a), 23));
}
/* The float whose exponent bits are the last eight bits of a's representation, and no others. */
VEC_INLINE vec vec_exponent(vec a) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
/* 2^n for whole n in [-126, 127] */
VEC_INLINE vec vec_power_of_two(vec n) {
    const __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
}

/* 16 sums in double, lane l for every element whose index is l modulo 16. */
typedef struct Sum16 {
    __m512d lane[2];
} Sum16;

VEC_INLINE Sum16 sum16_zero(void) {
    return (Sum16){{_mm512_setzero_pd(), _mm512_setzero_pd()}};
}
VEC_INLINE __m512d sum16_widen(const float *p) {
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}
VEC_INLINE Sum16 sum16_add(Sum16 s, const float *p) {
    for (int i = 0; i < 2; i++) s.lane[i] = _mm512_add_pd(s.lane[i], sum16_widen(p + 8 * i));
    return s;
}
VEC_INLINE Sum16 sum16_add_squares(Sum16 s, const float *p) {
    for (int i = 0; i < 2; i++) {
        const __m512d x = sum16_widen(p + 8 * i);
        s.lane[i] = _mm512_add_pd(s.lane[i], _mm512_mul_pd(x, x));
    }
    return s;
}
VEC_INLINE void sum16_store(Sum16 s, double out[16]) {
    for (int i = 0; i < 2; i++) _mm512_storeu_pd(out + 8 * i, s.lane[i]);
}

#elif defined(VEC_AVX2)
#include <immintrin.h>

typedef __m256 vec;
enum { VEC_LANES = 8 };

VEC_INLINE vec vec_load(const float *p) {
    return _mm256_loadu_ps(p);
}
VEC_INLINE void vec_store(float *p, vec a) {
    _mm256_storeu_ps(p, a);
}
VEC_INLINE vec vec_set1(float x) {
    return _mm256_set1_ps(x);
}
VEC_INLINE vec vec_add(vec a, vec b) {
    return _mm256_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b) {
    return _mm256_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b) {
    return _mm256_mul_ps(a, b);
}
VEC_INLINE vec vec_div(vec a, vec b) {
    return _mm256_div_ps(a, b);
}
VEC_INLINE vec vec_sqrt(vec a) {
    return _mm256_sqrt_ps(a);
}
VEC_INLINE vec vec_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) {
    return _mm256_fnmadd_ps(a, b, c);
}
VEC_INLINE vec vec_min(vec a, vec b) {
    return _mm256_min_ps(a, b);
}
VEC_INLINE vec vec_max(vec a, vec b) {
    return _mm256_max_ps(a, b);
}
VEC_INLINE vec vec_abs(vec a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
VEC_INLINE vec vec_copysign(vec a, vec b) {
    const vec sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, b));
}
VEC_INLINE vec vec_select_less(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
VEC_INLINE vec vec_first(size_t count, vec a, vec fill) {
    const int n = count >= 8 ? 8 : (int)count;
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lanes);
    return _mm256_blendv_ps(fill, a, _mm256_castsi256_ps(mask));
}
VEC_INLINE vec vec_exponent(vec a) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
typedef __m256 vec_mask;
VEC_INLINE vec_mask vec_not_above(vec x, vec limit) {
    return _mm256_cmp_ps(x, limit, _CMP_NGT_UQ);
}
VEC_INLINE vec_mask vec_not_below(vec x, vec limit) {
    return _mm256_cmp_ps(x, limit, _CMP_NLT_UQ);
}
VEC_INLINE vec vec_fnma_keep(vec_mask keep, vec a, vec b, vec c) {
    return _mm256_fnmadd_ps(_mm256_and_ps(keep, a), b, c);
}
VEC_INLINE vec vec_div_keep(vec_mask keep, vec a, vec b) {
    return _mm256_and_ps(keep, _mm256_div_ps(a, b));
}
VEC_INLINE vec vec_exponent_keep(vec_mask keep, vec a) {
    return _mm256_and_ps(keep, vec_exponent(a));
}
VEC_INLINE vec vec_power_of_two(vec n) {
    const __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}

typedef struct Sum16 {
    __m256d lane[4];
} Sum16;

VEC_INLINE Sum16 sum16_zero(void) {
    const __m256d zero = _mm256_setzero_pd();
    return (Sum16){{zero, zero, zero, zero}};
}
VEC_INLINE __m256d sum16_widen(const float *p) {
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
}
VEC_INLINE Sum16 sum16_add(Sum16 s, const float *p) {
    for (int i = 0; i < 4; i++) s.lane[i] = _mm256_add_pd(s.lane[i], sum16_widen(p + 4 * i));
    return s;
}
VEC_INLINE Sum16 sum16_add_squares(Sum16 s, const float *p) {
    for (int i = 0; i < 4; i++) {
        const __m256d x = sum16_widen(p + 4 * i);
        s.lane[i] = _mm256_add_pd(s.lane[i], _mm256_mul_pd(x, x));
    }
    return s;
}
VEC_INLINE void sum16_store(Sum16 s, double out[16]) {
    for (int i = 0; i < 4; i++) _mm256_storeu_pd(out + 4 * i, s.lane[i]);
}

#elif defined(VEC_PORTABLE)

/* One lane: the compiler has little to unroll, and nothing depends on what it makes of it. */
typedef float vec;
enum { VEC_LANES = 1 };

VEC_INLINE vec vec_load(const float *p) {
    return *p;
}
VEC_INLINE void vec_store(float *p, vec a) {
    *p = a;
}
VEC_INLINE vec vec_set1(float x) {
    return x;
}
VEC_INLINE vec vec_add(vec a, vec b) {
    return a + b;
}
VEC_INLINE vec vec_sub(vec a, vec b) {
    return a - b;
}
VEC_INLINE vec vec_mul(vec a, vec b) {
    return a * b;
}
VEC_INLINE vec vec_div(vec a, vec b) {
    return a / b;
}
VEC_INLINE vec vec_sqrt(vec a) {
    return sqrtf(a);
}
VEC_INLINE vec vec_fma(vec a, vec b, vec c) {
    return fmaf(a, b, c);
}
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) {
    return fmaf(-a, b, c);
}
VEC_INLINE vec vec_min(vec a, vec b) {
    return a < b ? a : b;
}
VEC_INLINE vec vec_max(vec a, vec b) {
    return a > b ? a : b;
}
VEC_INLINE vec vec_abs(vec a) {
    return fabsf(a);
}
VEC_INLINE vec vec_copysign(vec a, vec b) {
    return copysignf(a, b);
}
VEC_INLINE vec vec_select_less(vec a, vec b, vec x, vec y) {
    return a < b ? x : y;
}
VEC_INLINE vec vec_first(size_t count, vec a, vec fill) {
    return count > 0 ? a : fill;
}
VEC_INLINE vec vec_exponent(vec a) {
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    bits <<= 23;
    memcpy(&a, &bits, sizeof a);
    return a;
}
typedef int vec_mask;
VEC_INLINE vec_mask vec_not_above(vec x, vec limit) {
    return !(x > limit);
}
VEC_INLINE vec_mask vec_not_below(vec x, vec limit) {
    return !(x < limit);
}
VEC_INLINE vec vec_fnma_keep(vec_mask keep, vec a, vec b, vec c) {
    return keep ? fmaf(-a, b, c) : c;
}
VEC_INLINE vec vec_div_keep(vec_mask keep, vec a, vec b) {
    return keep ? a / b : 0.0f;
}
VEC_INLINE vec vec_exponent_keep(vec_mask keep, vec a) {
    return keep ? vec_exponent(a) : 0.0f;
}
VEC_INLINE vec vec_power_of_two(vec n) {
    /* A NaN has no whole number to convert; its product with any power is a NaN. */
    if (!(n >= -126.0f && n <= 127.0f)) return 1.0f;
    const uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

typedef struct Sum16 {
    double lane[16];
} Sum16;

VEC_INLINE Sum16 sum16_zero(void) {
    return (Sum16){{0}};
}
VEC_INLINE Sum16 sum16_add(Sum16 s, const float *p) {
    for (int i = 0; i < 16; i++) s.lane[i] += (double)p[i];
    return s;
}
VEC_INLINE Sum16 sum16_add_squares(Sum16 s, const float *p) {
    for (int i = 0; i < 16; i++) s.lane[i] += (double)p[i] * (double)p[i];
    return s;
}
VEC_INLINE void sum16_store(Sum16 s, double out[16]) {
    memcpy(out, s.lane, sizeof s.lane);
}

#else
#error "define VEC_AVX512, VEC_AVX2 or VEC_PORTABLE before including vec.h"
#endif

/* The total of the 16 lanes, added in pairs: the same tree on every instruction set. */
VEC_INLINE double sum16_total(Sum16 s) {
    double lane[16];
    sum16_store(s, lane);
    for (int width = 8; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

#endif
