/* The kernels in portable C. */
#define VEC_PORTABLE
#define KERNELS_TIER kernels_portable
#define KERNELS_NAME "portable"
#include "kernels/kernels_body.h"
