/* Splits labelled sequences in two. */
#include "classify/split.h"

#include "core/fail.h"
#include "core/random.h"

/* Of RANDOM_SHUFFLE; epochs count from 1. */
enum { SPLIT_STREAM = 0 };

/* The sequences in random order (Fisher and Yates). */
static void shuffle(uint32_t *order, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = count; i-- > 1;) {
        const uint64_t j = random_below(seed, RANDOM_SHUFFLE, SPLIT_STREAM, i, (uint64_t)i + 1);
        const uint32_t swapped = order[j];
        order[j] = order[i];
        order[i] = swapped;
    }
}

/* The label that a sequence is counted under; those of tokens all under the first. */
static size_t stratum(const elman_labelled *data, size_t index) {
    if (elman_labelled_get_kind(data) == ELMAN_LABELLED_TOKENS) return 0;
    return (size_t)elman_labelled_label(data, index);
}

/* Marks what is kept for validation: of each label its share, rounded, but never all of it. */
static void choose(const elman_labelled *data, double valid, const uint32_t *order, size_t *left,
                   bool *chosen) {
    const size_t count = elman_labelled_count(data), labels = elman_labelled_label_count(data);
    for (size_t i = 0; i < count; i++) left[stratum(data, i)]++;
    for (size_t label = 0; label < labels; label++) {
        const size_t all = left[label];
        left[label] = (size_t)((double)all * valid + 0.5);
        if (all > 0 && left[label] == all) left[label]--;
    }
    for (size_t i = 0; i < count; i++) {
        size_t *of_label = &left[stratum(data, order[i])];
        chosen[order[i]] = *of_label > 0;
        *of_label -= *of_label > 0;
    }
}

elman_status split_create(Memory *memory, const elman_labelled *data, double valid, bool last,
                          uint64_t seed, Split *split, elman_error *error) {
    const size_t count = elman_labelled_count(data), labels = elman_labelled_label_count(data);
    *split = (Split){0};
    uint32_t *order = memory_allocate_array(memory, count, sizeof(*order));
    size_t *left = memory_allocate_array(memory, labels, sizeof(*left));
    bool *chosen = memory_allocate_array(memory, count, sizeof(*chosen));
    split->train = memory_allocate_array(memory, count, sizeof(*split->train));
    split->valid = memory_allocate_array(memory, count, sizeof(*split->valid));
    elman_status status = ELMAN_OK;
    if (order == NULL || left == NULL || chosen == NULL || split->train == NULL ||
        split->valid == NULL) {
        status = fail(error, ELMAN_ERR_MEMORY, "no memory to split %zu sequences", count);
    } else {
        const size_t kept = (size_t)((double)count * valid);
        shuffle(order, count, seed);
        if (!last && valid > 0.0) choose(data, valid, order, left, chosen);
        for (size_t i = 0; i < count; i++) {
            if (last ? i >= count - kept : chosen[i])
                split->valid[split->valid_count++] = (uint32_t)i;
            else
                split->train[split->train_count++] = (uint32_t)i;
        }
        if (split->train_count == 0 || (valid > 0.0 && split->valid_count == 0))
            status = fail(error, ELMAN_ERR_DATA,
                          "%zu sequences are too few to keep the share %g of them for validation",
                          count, valid);
    }
    memory_release(memory, chosen);
    memory_release(memory, left);
    memory_release(memory, order);
    return status;
}

void split_release(Memory *memory, Split *split) {
    memory_release(memory, split->valid);
    memory_release(memory, split->train);
    *split = (Split){0};
}
