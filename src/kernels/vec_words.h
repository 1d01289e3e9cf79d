/* Vectors of WORD_LANES words of 64 bits, for the instruction set that vec.h names. */
#ifndef ELMAN_KERNELS_VEC_WORDS_H
#define ELMAN_KERNELS_VEC_WORDS_H

#include "kernels/vec.h"

#if defined(VEC_AVX512)

typedef __m512i words;
enum { WORD_LANES = 8 };

VEC_INLINE words words_load(const uint64_t *p) {
    return _mm512_loadu_si512(p);
}
VEC_INLINE void words_store(uint64_t *p, words a) {
    _mm512_storeu_si512(p, a);
}
VEC_INLINE words words_set1(uint64_t x) {
    return _mm512_set1_epi64((long long)x);
}
/* The product of the lower halves. */
VEC_INLINE words words_product(words a, words b) {
    return _mm512_mul_epu32(a, b);
}
/* The upper halves. */
VEC_INLINE words words_upper(words a) {
    return _mm512_srli_epi64(a, 32);
}
VEC_INLINE words words_xor(words a, words b) {
    return _mm512_xor_si512(a, b);
}

#elif defined(VEC_AVX2)

typedef __m256i words;
enum { WORD_LANES = 4 };

VEC_INLINE words words_load(const uint64_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE void words_store(uint64_t *p, words a) {
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}
VEC_INLINE words words_set1(uint64_t x) {
    return _mm256_set1_epi64x((long long)x);
}
VEC_INLINE words words_product(words a, words b) {
    return _mm256_mul_epu32(a, b);
}
VEC_INLINE words words_upper(words a) {
    return _mm256_srli_epi64(a, 32);
}
VEC_INLINE words words_xor(words a, words b) {
    return _mm256_xor_si256(a, b);
}

#else

typedef uint64_t words;
enum { WORD_LANES = 1 };

VEC_INLINE words words_load(const uint64_t *p) {
    return *p;
}
VEC_INLINE void words_store(uint64_t *p, words a) {
    *p = a;
}
VEC_INLINE words words_set1(uint64_t x) {
    return x;
}
VEC_INLINE words words_product(words a, words b) {
    return (uint64_t)(uint32_t)a * (uint32_t)b;
}
VEC_INLINE words words_upper(words a) {
    return a >> 32;
}
VEC_INLINE words words_xor(words a, words b) {
    return a ^ b;
}

#endif

#endif
