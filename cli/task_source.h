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
} TaskSource;

/* Batches of `rows` sequences of a part; false after a sentence. Whatever the result,
 * task_source_close may follow. */
bool task_source_open(TaskSource *source, const elman_task *task, elman_task_part part,
                      size_t rows);
void task_source_close(TaskSource *source);

/* As elman_source's batch, `user` being the TaskSource: sequences that were never seen, those of
 * all positions follow each other. */
elman_status task_source_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                               elman_error *error);

#endif
