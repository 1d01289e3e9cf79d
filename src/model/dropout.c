/* Dropout masks: which outputs a pass drops. */
#include "core/random.h"
#include "model/tape.h"

void dropout_mask(const Kernels *kernels, uint64_t seed, uint64_t pass, size_t layer, size_t index,
                  float rate, size_t count, float *mask) {
    const DropoutMask numbers = {
        .count = count,
        .seed = seed,
        .purpose = RANDOM_DROPOUT,
        .stream = (uint32_t)layer,
        /* Four numbers a block; 2^36 blocks are set apart for each pass. */
        .position = (pass << 36) + (uint64_t)index * ((count + 3) / 4),
        .threshold = (uint32_t)((double)rate * 4294967296.0),
        .kept = 1.0f / (1.0f - rate),
        .mask = mask,
    };
    kernels->dropout_mask(&numbers);
}
