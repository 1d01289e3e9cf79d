/* Random numbers that depend on where they are used and on nothing else.
 *
 * A number is a function of (seed, purpose, stream, position): no state is carried, so a run gives
 * the same numbers at any thread count and after any interruption. The generator is Philox4x32-10:
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stdint.h>

/* What the numbers are for. The values are part of what makes a run reproducible: never change one,
 * only append. All are below 256. */
enum RandomPurpose {
    RANDOM_INIT = 1,     /* initial weights; stream: the tensor, position: the element */
    RANDOM_DROPOUT = 2,  /* dropout masks */
    RANDOM_SHUFFLE = 3,  /* the order of the training data */
    RANDOM_SAMPLE = 4,   /* drawing from a model's output */
    RANDOM_TASK = 5,     /* synthetic tasks; stream: task and part, position: sequence and draw */
    RANDOM_PATH = 6,     /* paths of a forecast; stream: the series, position: path and step */
    RANDOM_UNKNOWN = 7,  /* rare words to hide; stream: the epoch, position: the word's place */
    RANDOM_DIAGNOSE = 8, /* positions and directions that a diagnosis looks at; stream: which */
    RANDOM_CONVERT = 9   /* what both sides of a conversion read; stream: numbers or tokens */
};

/* 128 random bits. The key is the seed; the counter is (position low, position high, stream,
 * purpose). `purpose` is below 256. */
void random_block(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position,
                  uint32_t out[4]);

/* The generator itself: ten rounds over `counter` under `key`. */
void random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Uniform in [0, 1), a multiple of 2^-53. */
double random_uniform(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position);

/* Normal with mean 0 and variance 1: Marsaglia's polar method. Pairs that the method rejects are
 * followed by blocks whose counter carries the attempt in the upper 24 bits of the purpose word, so
 * that no other call's numbers are used up. */
double random_normal(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position);

/* Uniform in [0, bound), without bias; bound is above 0. Rejected draws as in random_normal. */
uint64_t random_below(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t position,
                      uint64_t bound);

#endif
