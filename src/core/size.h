/* Checked arithmetic on sizes: every product or sum that comes from a file passes through here. */
#ifndef CORE_SIZE_H
#define CORE_SIZE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a + b; false, with *out unchanged, when the sum does not fit. */
static inline bool size_add(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

/* *out = a * b; false, with *out unchanged, when the product does not fit. */
static inline bool size_mul(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

/* *out = a rounded up to a multiple of `alignment`, a power of two; false, with *out unchanged,
 * when that does not fit. */
static inline bool size_align(size_t a, size_t alignment, size_t *out) {
    assert(alignment != 0 && (alignment & (alignment - 1)) == 0);
    size_t sum;
    if (!size_add(a, alignment - 1, &sum)) return false;
    *out = sum & ~(alignment - 1);
    return true;
}

#endif
