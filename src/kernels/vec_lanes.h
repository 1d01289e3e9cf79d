/* Vectors of LANES doubles. Every operation is one IEEE operation in each lane; there is no fused
 * multiply-add, which a processor without one would be slow to imitate. After vec.h. */
#ifndef ELMAN_KERNELS_VEC_LANES_H
#define ELMAN_KERNELS_VEC_LANES_H

#include "kernels/kernels.h"
#include "kernels/vec.h"

/* LANES_ROWS: how many sums the registers hold at once. */

#if defined(VEC_AVX512)

typedef __m512d dvec;
enum { LANES_ROWS = 8 };

VEC_INLINE dvec dvec_zero(void) {
    return _mm512_setzero_pd();
}
VEC_INLINE dvec dvec_load(const double *p) {
    return _mm512_loadu_pd(p);
}
VEC_INLINE void dvec_store(double *p, dvec a) {
    _mm512_storeu_pd(p, a);
}
/* sum + x * a, rounded twice */
VEC_INLINE dvec dvec_add_times(dvec sum, double x, dvec a) {
    return _mm512_add_pd(sum, _mm512_mul_pd(_mm512_set1_pd(x), a));
}

#elif defined(VEC_AVX2)

typedef struct dvec {
    __m256d half[2];
} dvec;
enum { LANES_ROWS = 4 };

VEC_INLINE dvec dvec_zero(void) {
    return (dvec){{_mm256_setzero_pd(), _mm256_setzero_pd()}};
}
VEC_INLINE dvec dvec_load(const double *p) {
    return (dvec){{_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}};
}
VEC_INLINE void dvec_store(double *p, dvec a) {
    _mm256_storeu_pd(p, a.half[0]);
    _mm256_storeu_pd(p + 4, a.half[1]);
}
VEC_INLINE dvec dvec_add_times(dvec sum, double x, dvec a) {
    const __m256d factor = _mm256_set1_pd(x);
    for (int i = 0; i < 2; i++)
        sum.half[i] = _mm256_add_pd(sum.half[i], _mm256_mul_pd(factor, a.half[i]));
    return sum;
}

#else

typedef struct dvec {
    double lane[LANES];
} dvec;
enum { LANES_ROWS = 2 };

VEC_INLINE dvec dvec_zero(void) {
    return (dvec){{0}};
}
VEC_INLINE dvec dvec_load(const double *p) {
    dvec a;
    memcpy(a.lane, p, sizeof a.lane);
    return a;
}
VEC_INLINE void dvec_store(double *p, dvec a) {
    memcpy(p, a.lane, sizeof a.lane);
}
VEC_INLINE dvec dvec_add_times(dvec sum, double x, dvec a) {
    for (int i = 0; i < LANES; i++) sum.lane[i] += x * a.lane[i];
    return sum;
}

#endif

#endif
