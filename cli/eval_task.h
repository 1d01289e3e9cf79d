/* elman eval --task: a model measured on a synthetic task. */
#ifndef CLI_EVAL_TASK_H
#define CLI_EVAL_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include <elman/tasks.h>

/* Prints how well the model does on `sequences` of the task's test part; false after a sentence. */
bool eval_task(const char *path, const elman_task_options *options, size_t sequences,
               size_t threads, bool json);

#endif
