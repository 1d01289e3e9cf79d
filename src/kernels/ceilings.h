/* Loops that do one thing as fast as the processor can, for measuring it. What they compute has no
 * meaning; it goes to `sink`, so that no compiler leaves it out. */
#ifndef ELMAN_KERNELS_CEILINGS_H
#define ELMAN_KERNELS_CEILINGS_H

#include <stddef.h>

#include "kernels/kernels.h"

enum {
    STREAM_GRAIN = 256,    /* floats; what stream_read reads is a multiple of it */
    TILE_FLOATS = 64 * 96, /* of tile_burst's operands: 24 KiB */
};

typedef struct Ceilings {
    const char *name; /* of the kernels for the same instruction set */
    /* Independent multiply-adds of vectors; returns how many numbers were multiplied. */
    size_t (*fma_burst)(size_t rounds, float sink[PANEL]);
    /* The same as a product's inner loop has them: a tile of accumulators in registers, both
     * operands read, from the nearest cache. `memory` [TILE_FLOATS]. */
    size_t (*tile_burst)(size_t rounds, const float *memory, float sink[PANEL]);
    /* Multiply-adds of which each waits for the one before; returns how many. */
    size_t (*fma_chain)(size_t rounds, float sink[PANEL]);
    /* The same with additions of whole numbers, one a cycle. */
    size_t (*add_chain)(size_t rounds, float sink[PANEL]);
    /* Reads `count` floats so many times. */
    void (*stream_read)(size_t rounds, size_t count, const float *x, float sink[PANEL]);
    /* `rounds` time steps of one vector of units with one weight a gate: the product's last
     * multiply-add, the activations and the new state, which the next step waits for. `state` is h,
     * before and after; c starts as h. */
    void (*rnn_chain)(size_t rounds, float state[PANEL]);
    void (*lstm_chain)(size_t rounds, float state[PANEL]);
    void (*gru_chain)(size_t rounds, float state[PANEL]);
} Ceilings;

/* One for each instruction set that this build has. */
extern const Ceilings ceilings_portable;
#ifndef ELMAN_PORTABLE_ONLY
extern const Ceilings ceilings_avx2;
extern const Ceilings ceilings_avx512;
#endif

/* Those for the same instruction set as the kernels. */
const Ceilings *ceilings_select(const Kernels *kernels);

#endif
