/* An allocator for fuzz targets: a leak or more than the budget ends the process, so that the
 * fuzzer reports the input. */
#ifndef FUZZ_BUDGET_H
#define FUZZ_BUDGET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <elman/context.h>

enum { BUDGET_STAMP = 64 }; /* what stands before each block: its size, in one cache line */

typedef struct Budget {
    size_t most;  /* bytes that may be allocated at a time */
    size_t bytes; /* that are */
} Budget;

static inline void *budget_allocate(void *user, size_t alignment, size_t size) {
    Budget *budget = (Budget *)user;
    if (alignment != BUDGET_STAMP || size > budget->most - budget->bytes) {
        (void)fprintf(stderr, "%zu bytes asked for, %zu of %zu are in use\n", size, budget->bytes,
                      budget->most);
        abort();
    }
    const size_t rounded = (size + alignment - 1) / alignment * alignment;
    unsigned char *whole = (unsigned char *)aligned_alloc(alignment, BUDGET_STAMP + rounded);
    if (whole == NULL) abort();
    *(size_t *)(void *)whole = size;
    budget->bytes += size;
    return whole + BUDGET_STAMP;
}

static inline void budget_release(void *user, void *pointer) {
    Budget *budget = (Budget *)user;
    unsigned char *whole = (unsigned char *)pointer - BUDGET_STAMP;
    budget->bytes -= *(size_t *)(void *)whole;
    free(whole);
}

/* What a context or a Memory takes; `budget` must outlive it. */
static inline elman_allocator budget_allocator(Budget *budget) {
    const elman_allocator allocator = {budget_allocate, budget_release, budget};
    return allocator;
}

/* Ends the process when a block has not been released. */
static inline void budget_check(const Budget *budget) {
    if (budget->bytes == 0) return;
    (void)fprintf(stderr, "%zu bytes were not released\n", budget->bytes);
    abort();
}

#endif
