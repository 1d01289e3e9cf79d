/* The options of `elman train task`. */
#ifndef CLI_TASK_OPTIONS_H
#define CLI_TASK_OPTIONS_H

#include "train_options.h"
#include <elman/tasks.h>

typedef struct TaskOptions {
    TrainOptions train; /* first, for the groups of options */
    uint64_t length, shortest;
    bool final_only;
    uint64_t valid, test; /* sequences */
    double target;
} TaskOptions;

extern const Option train_task_options[];

/* Whether the options go together and with the task; false after a sentence. `command` stands
 * before it. */
bool task_options_check(const char *command, const char *name, const TaskOptions *options);

/* The same for the library. */
void task_options_task(const TaskOptions *options, const char *name, elman_task_options *task);

#endif
