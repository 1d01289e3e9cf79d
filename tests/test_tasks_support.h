/* What the tests of tasks share: a task with arrays for one batch of it. */
#ifndef TEST_TASKS_SUPPORT_H
#define TEST_TASKS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elman/elman.h>

typedef struct Drawn {
    elman_context *context;
    elman_task *task;
    elman_task_info info;
    elman_task_batch batch;
    size_t positions, targets; /* elements of the arrays */
} Drawn;

/* Opens a task, with room for batches of `rows`. */
static inline void drawn_open(Drawn *d, elman_task_options options, size_t rows) {
    elman_error error = {0};
    options.struct_size = sizeof(options);
    assert_int_equal(elman_context_create(NULL, &d->context, NULL), ELMAN_OK);
    if (elman_task_create(d->context, &options, &d->task, &error)) fail_msg("%s", error.message);
    elman_task_describe(d->task, &d->info);
    d->positions = d->info.steps * rows;
    d->targets = d->info.output == ELMAN_OUTPUT_LAST_STEP ? rows : d->positions;
    d->batch = (elman_task_batch){.struct_size = sizeof(d->batch), .batch = rows};
    d->batch.lengths = calloc(rows, sizeof(size_t));
    if (d->info.input == ELMAN_INPUT_DENSE) {
        d->batch.dense = calloc(d->positions * d->info.input_size, sizeof(float));
    } else {
        d->batch.tokens = calloc(d->positions, sizeof(int32_t));
    }
    if (d->info.classes) d->batch.classes = calloc(d->targets, sizeof(int32_t));
    if (!d->info.classes) d->batch.numbers = calloc(d->targets, sizeof(float));
}

static inline void drawn_close(Drawn *d) {
    free(d->batch.lengths);
    free(d->batch.dense);
    free(d->batch.tokens);
    free(d->batch.classes);
    free(d->batch.numbers);
    elman_task_destroy(d->task);
    elman_context_destroy(d->context);
}

static inline void draw(Drawn *d, elman_task_part part, uint64_t first) {
    elman_error error = {0};
    if (elman_task_generate(d->task, part, first, &d->batch, &error)) fail_msg("%s", error.message);
}

static inline float dense_at(const Drawn *d, size_t step, size_t row, size_t feature) {
    return d->batch.dense[(step * d->batch.batch + row) * d->info.input_size + feature];
}

static inline int32_t token_at(const Drawn *d, size_t step, size_t row) {
    return d->batch.tokens[step * d->batch.batch + row];
}

/* Of a task with targets at every step. */
static inline int32_t class_at(const Drawn *d, size_t step, size_t row) {
    return d->batch.classes[step * d->batch.batch + row];
}

static inline float number_at(const Drawn *d, size_t step, size_t row) {
    return d->batch.numbers[step * d->batch.batch + row];
}

#endif
