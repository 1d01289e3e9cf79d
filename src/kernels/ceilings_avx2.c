/* What the processor can do at most, with AVX2 and FMA. */
#define VEC_AVX2
#define CEILINGS_TIER ceilings_avx2
#define CEILINGS_NAME "avx2"
#include "kernels/ceiling_body.h"
