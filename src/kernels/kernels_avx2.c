/* The kernels for x86-64 processors with AVX2 and FMA. */
#define VEC_AVX2
#define KERNELS_TIER kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels/kernels_body.h"
