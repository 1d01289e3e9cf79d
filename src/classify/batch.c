/* Fills batches, and runs networks over them. */
#include "classify/batch.h"

#include "core/fail.h"
#include "core/size.h"
#include "formats/order.h"

enum { PASS_ROWS = 64, PASS_POSITIONS = 1 << 15 };

elman_status class_batch_create(const elman_classifier *classifier, size_t rows, size_t steps,
                                ClassBatch *batch, elman_error *error) {
    Memory *memory = &classifier->context->memory;
    size_t positions = 0, numbers = 0;
    *batch = (ClassBatch){.classifier = classifier, .rows = rows, .steps = steps};
    const bool fits =
        size_mul(rows, steps, &positions) && size_mul(positions, classifier->features, &numbers);
    if (fits) {
        if (classifier->features > 0)
            batch->dense = memory_allocate_array(memory, numbers, sizeof(float));
        else
            batch->tokens = memory_allocate_array(memory, positions, sizeof(int32_t));
        batch->classes =
            memory_allocate_array(memory, classifier->tagger ? positions : rows, sizeof(int32_t));
        batch->lengths = memory_allocate_array(memory, rows, sizeof(size_t));
    }
    if ((batch->dense == NULL && batch->tokens == NULL) || batch->classes == NULL ||
        batch->lengths == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu sequences of %zu steps", rows,
                    steps);
    return ELMAN_OK;
}

void class_batch_release(ClassBatch *batch) {
    if (batch->classifier == NULL) return;
    Memory *memory = &batch->classifier->context->memory;
    memory_release(memory, batch->lengths);
    memory_release(memory, batch->classes);
    memory_release(memory, batch->tokens);
    memory_release(memory, batch->dense);
    *batch = (ClassBatch){0};
}

static void fill_numbers(ClassBatch *batch, const float *values, size_t row, size_t rows) {
    const size_t features = batch->classifier->features;
    const FeatureScale *scale = batch->classifier->scale;
    for (size_t step = 0; step < batch->lengths[row]; step++) {
        float *out = batch->dense + (step * rows + row) * features;
        const float *in = values + step * features;
        for (size_t i = 0; i < features; i++)
            out[i] = (float)(((double)in[i] - scale[i].mean) / scale[i].deviation);
    }
}

/* Past a row's length the input is read, though not looked at. */
static void clear_rest(ClassBatch *batch, size_t row, size_t rows, size_t steps) {
    const size_t features = batch->classifier->features;
    for (size_t step = batch->lengths[row]; step < steps; step++) {
        const size_t at = step * rows + row;
        if (batch->tokens != NULL) batch->tokens[at] = 0;
        for (size_t i = 0; i < features; i++) batch->dense[at * features + i] = 0.0F;
        if (batch->classifier->tagger) batch->classes[at] = -1;
    }
}

static void fill_row(ClassBatch *batch, const Encoded *encoded, size_t sequence, size_t row,
                     size_t rows) {
    const elman_labelled *data = encoded->data;
    const size_t length = batch->lengths[row];
    if (batch->dense != NULL) fill_numbers(batch, elman_labelled_values(data, sequence), row, rows);
    for (size_t step = 0; batch->tokens != NULL && step < length; step++)
        batch->tokens[step * rows + row] = encoded->tokens[encoded->first[sequence] + step];
    if (!batch->classifier->tagger) {
        batch->classes[row] = elman_labelled_label(data, sequence);
        return;
    }
    const int32_t *labels = elman_labelled_labels(data, sequence);
    for (size_t step = 0; step < length; step++) batch->classes[step * rows + row] = labels[step];
}

void class_batch_fill(ClassBatch *batch, const Encoded *encoded, const uint32_t *members,
                      size_t rows) {
    size_t steps = 1;
    for (size_t row = 0; row < rows; row++) {
        batch->lengths[row] = encoded->lengths[members[row]];
        if (batch->lengths[row] > steps) steps = batch->lengths[row];
    }
    for (size_t row = 0; row < rows; row++) {
        fill_row(batch, encoded, members[row], row, rows);
        clear_rest(batch, row, rows, steps);
    }
    batch->sequence = (elman_sequence){.struct_size = sizeof(elman_sequence),
                                       .steps = steps,
                                       .batch = rows,
                                       .dense = batch->dense,
                                       .tokens = batch->tokens,
                                       .lengths = batch->lengths};
    batch->targets = (elman_targets){.struct_size = sizeof(elman_targets),
                                     .loss = ELMAN_LOSS_CROSS_ENTROPY,
                                     .classes = batch->classes,
                                     .class_weights = batch->classifier->weights};
}

/* For sorting. */
typedef struct Lengths {
    const size_t *lengths;
    const uint32_t *members;
} Lengths;

static int compare_lengths(const void *elements, uint32_t a, uint32_t b) {
    const Lengths *sorted = elements;
    const size_t one = sorted->lengths[sorted->members[a]];
    const size_t other = sorted->lengths[sorted->members[b]];
    return one < other ? -1 : one > other;
}

void sort_by_length(const Encoded *encoded, const uint32_t *members, uint32_t *order,
                    size_t count) {
    const Lengths sorted = {encoded->lengths, members};
    order_sort(order, count, compare_lengths, &sorted);
}

/* How many of the sequences from order[at] on go into one pass: no more positions than a pass may
 * have, unless one sequence alone has more. They become longer and longer. */
static size_t pass_rows(const Passes *passes, const uint32_t *order, size_t at) {
    size_t rows = 1;
    while (rows < PASS_ROWS && at + rows < passes->count) {
        const size_t longest = passes->encoded->lengths[passes->members[order[at + rows]]];
        if (longest > PASS_POSITIONS / (rows + 1)) break;
        rows++;
    }
    return rows;
}

static elman_status run_pass(const elman_classifier *classifier, const Passes *passes,
                             const uint32_t *order, size_t rows, elman_error *error) {
    uint32_t members[PASS_ROWS];
    elman_tape *tape = NULL;
    ClassBatch batch;
    for (size_t row = 0; row < rows; row++) members[row] = passes->members[order[row]];
    const size_t longest = passes->encoded->lengths[members[rows - 1]];
    elman_tape_options options = {.struct_size = sizeof(options),
                                  .steps = longest > 0 ? longest : 1,
                                  .batch = rows,
                                  .forward_only = 1};
    elman_status status = class_batch_create(classifier, rows, options.steps, &batch, error);
    if (status == ELMAN_OK) {
        class_batch_fill(&batch, passes->encoded, members, rows);
        status = elman_tape_create(passes->network, &options, &tape, error);
    }
    if (status == ELMAN_OK) status = elman_tape_forward(tape, &batch.sequence, error);
    if (status == ELMAN_OK) status = passes->done(passes->user, tape, &batch, order, rows, error);
    elman_tape_destroy(tape);
    class_batch_release(&batch);
    return status;
}

elman_status passes_run(const elman_classifier *classifier, const Passes *passes,
                        elman_error *error) {
    Memory *memory = &classifier->context->memory;
    uint32_t *order = memory_allocate_array(memory, passes->count, sizeof(*order));
    if (order == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu sequences", passes->count);
    sort_by_length(passes->encoded, passes->members, order, passes->count);
    elman_status status = ELMAN_OK;
    for (size_t at = 0; at < passes->count && status == ELMAN_OK;) {
        const size_t rows = pass_rows(passes, order, at);
        status = run_pass(classifier, passes, order + at, rows, error);
        at += rows;
    }
    memory_release(memory, order);
    return status;
}
