/* What the processor can do at most, with plain C. */
#define VEC_PORTABLE
#define CEILINGS_TIER ceilings_portable
#define CEILINGS_NAME "portable"
#include "kernels/ceiling_body.h"
