/* The kernels for x86-64 processors with AVX-512 (F, DQ, BW and VL). */
#define VEC_AVX512
#define KERNELS_TIER kernels_avx512
#define KERNELS_NAME "avx512"
#include "kernels/kernels_body.h"
