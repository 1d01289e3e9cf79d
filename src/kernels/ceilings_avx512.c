/* What the processor can do at most, with AVX-512. */
#define VEC_AVX512
#define CEILINGS_TIER ceilings_avx512
#define CEILINGS_NAME "avx512"
#include "kernels/ceiling_body.h"
