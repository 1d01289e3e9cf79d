/* Dropout masks: which outputs a pass drops. */
#include "core/random.h"
#include "model/tape.h"

void dropout_mask(uint64_t seed, uint64_t pass, size_t layer, size_t index, float rate,
                  size_t count, float *mask) {
    const uint32_t threshold = (uint32_t)((double)rate * 4294967296.0);
    const float kept = 1.0f / (1.0f - rate);
    /* Four numbers a block; 2^36 blocks are set apart for each pass. */
    const uint64_t first = (pass << 36) + (uint64_t)index * ((count + 3) / 4);
    for (size_t i = 0; i < count; i += 4) {
        uint32_t numbers[4];
        random_block(seed, RANDOM_DROPOUT, (uint32_t)layer, first + i / 4, numbers);
        for (size_t k = 0; k < 4 && i + k < count; k++)
            mask[i + k] = numbers[k] < threshold ? 0.0f : kept;
    }
}
