/* Sorts indices: in place, without recursion, without an allocation, n log n in the worst case, so
 * that no file can make it slow. */
#ifndef FORMATS_ORDER_H
#define FORMATS_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Below, at or above 0 as element `a` belongs before, beside or behind element `b`. */
typedef int (*OrderCompare)(const void *elements, uint32_t a, uint32_t b);

/* Fills order[0 .. count) with the indices of `elements` in ascending order, equal ones by index.
 */
void order_sort(uint32_t *order, size_t count, OrderCompare compare, const void *elements);

#endif
