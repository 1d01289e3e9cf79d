/* The sequences of a synthetic task as batches, without end. */
#ifndef CLI_TASK_SOURCE_H
#define CLI_TASK_SOURCE_H

#include <stdbool.h>

#include <elman/tasks.h>
#include <elman/train.h>

typedef struct TaskSource {
    const elman_task *task;
    elman_task_info info;
    elman_task_part part;
    elman_task_batch batch;
    size_t valid; /* sequences to validate on; 0: none */
} TaskSource;

/* Batches of `rows` sequences of a part; false after a sentence. Whatever the result,
 * task_source_close may follow. */
bool task_source_open(TaskSource *source, const elman_task *task, elman_task_part part, size_t rows,
                      size_t valid);
void task_source_close(TaskSource *source);

/* As elman_trainer_run takes it: one epoch of so many batches, whose sequences follow each other,
 * so that each is new. */
elman_source task_source_view(TaskSource *source, uint64_t batches);

#endif
