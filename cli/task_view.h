/* Synthetic tasks and results on them, for people and as JSON. */
#ifndef CLI_TASK_VIEW_H
#define CLI_TASK_VIEW_H

#include <stdbool.h>

#include <jansson.h>

#include <elman/tasks.h>

/* Whether there is a task of that name; false after a sentence, with `command` before it. */
bool task_known(const char *command, const char *name);

/* What `input` the task needs a model for: {"name", "length", ...}. */
json_t *task_describe(const elman_task_info *info);

/* {"loss", "sequences", "targets", ...} */
json_t *task_describe_score(const elman_task_score *score, size_t sequences);

/* The task and its floors, and the score beside them, from what the two above returned; `score` may
 * be NULL. */
void task_print(const json_t *task, const json_t *score);

#endif
