/* Dropout masks on every instruction set: the numbers of core/random.h, four to a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "kernels/kernels.h"
#include "support/guarded.h"

enum { COUNT_MAX = 150 };

static void check_mask(const Kernels *kernels, size_t count, uint64_t position) {
    Guarded mask = guarded(count);
    const DropoutMask numbers = {
        .count = count,
        .seed = UINT64_C(0xfedcba9876543210),
        .purpose = RANDOM_DROPOUT,
        .stream = 3,
        .position = position,
        .threshold = UINT32_C(0x90000000),
        .kept = 2.5f,
        .mask = mask.data,
    };
    kernels->dropout_mask(&numbers);
    check_guards(&mask, "dropout mask");
    for (size_t i = 0; i < count; i++) {
        uint32_t block[4];
        random_block(numbers.seed, RANDOM_DROPOUT, numbers.stream, position + i / 4, block);
        const float want = block[i % 4] < numbers.threshold ? 0.0f : 2.5f;
        if (mask.data[i] != want)
            fail_msg("dropout/%s: number %zu of %zu from %llx is %g, expected %g", kernels->name, i,
                     count, (unsigned long long)position, (double)mask.data[i], (double)want);
    }
    release(&mask);
}

/* Positions whose low word is about to overflow, and the last of all. */
static void check_tier(const Kernels *kernels) {
    static const uint64_t positions[] = {0, UINT64_C(0xfffffffe), UINT64_C(0xfffffffffffffffd)};
    for (size_t count = 1; count <= COUNT_MAX; count++)
        for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
            check_mask(kernels, count, positions[i]);
}

static void masks_are_made_of_the_stream_s_numbers(void **state) {
    (void)state;
    each_tier(check_tier);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks_are_made_of_the_stream_s_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
