/* Arrays between guards, for kernels that must not write outside, and what tests of kernels share.
 */
#ifndef SUPPORT_GUARDED_H
#define SUPPORT_GUARDED_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* `count` zeroed floats, 64-byte aligned, between guards. */
typedef struct Guarded {
    float *block, *data;
    size_t count;
} Guarded;

Guarded guarded(size_t count);

/* Fails the test when something stands in the guards. */
void check_guards(const Guarded *array, const char *what);
void release(Guarded *array);
void release_all(Guarded *arrays, size_t count);

/* The same bits, or NaN in both. */
void check_like(const float *got, const float *want, size_t count, const char *what,
                const char *tier);

/* Calls check(kernels) for each instruction set that the processor has. */
void each_tier(void (*check)(const Kernels *));

#endif
