/* Heapsort of indices: J. W. J. Williams, "Algorithm 232", Communications of the ACM 7(6), 1964. */
#include "formats/order.h"

#include <stdbool.h>

typedef struct Heap {
    uint32_t *order;
    OrderCompare compare;
    const void *elements;
} Heap;

static bool before(const Heap *heap, uint32_t a, uint32_t b) {
    const int difference = heap->compare(heap->elements, a, b);
    return difference != 0 ? difference < 0 : a < b;
}

/* Lets order[root] sink until no child belongs behind it. */
static void sink(const Heap *heap, size_t root, size_t count) {
    uint32_t *order = heap->order;
    const uint32_t moving = order[root];
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) break;
        if (child + 1 < count && before(heap, order[child], order[child + 1])) child++;
        if (!before(heap, moving, order[child])) break;
        order[root] = order[child];
        root = child;
    }
    order[root] = moving;
}

void order_sort(uint32_t *order, size_t count, OrderCompare compare, const void *elements) {
    const Heap heap = {order, compare, elements};
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = count / 2; i > 0; i--) sink(&heap, i - 1, count);
    for (size_t i = count; i > 1; i--) {
        const uint32_t last = order[0];
        order[0] = order[i - 1];
        order[i - 1] = last;
        sink(&heap, 0, i - 1);
    }
}
