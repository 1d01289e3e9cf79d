/* The tables of kernels, one for each instruction set that this build has. */
#ifndef ELMAN_KERNELS_TIERS_H
#define ELMAN_KERNELS_TIERS_H

#include "kernels/kernels.h"

extern const Kernels kernels_portable;
#ifndef ELMAN_PORTABLE_ONLY
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

#endif
