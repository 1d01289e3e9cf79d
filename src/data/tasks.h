/* What the generators of synthetic tasks share: how a task is described and how a row is written.
 */
#ifndef DATA_TASKS_H
#define DATA_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elman/tasks.h>

typedef struct TaskRow TaskRow;
typedef struct TaskKind TaskKind;

/* One kind of task. */
struct TaskKind {
    const char *name, *summary, *paper;
    size_t usual_length, least_length;
    bool even_length;   /* T must be even */
    size_t extra_steps; /* a sequence has T and so many steps */
    size_t features;    /* of dense input; 0: tokens */
    size_t tokens;
    size_t outputs;
    bool last_step; /* output at the last step */
    bool classes;
    /* Writes one sequence. */
    void (*fill)(const TaskRow *row);
    /* Fills in floors and best. */
    void (*measure)(const elman_task *task, elman_task_info *info);
};

struct elman_task {
    elman_context *context;
    const TaskKind *kind;
    size_t length, shortest;
    bool final_only;
    uint64_t seed;
    elman_task_info info;
};

/* One row of a batch that is being written; all of it holds zeros and classes of -1. */
struct TaskRow {
    const elman_task *task;
    uint32_t part;
    uint64_t sequence;
    size_t length; /* T of this row */
    size_t row, batch;
    float *dense;
    int32_t *tokens, *classes;
    float *numbers;
};

/* Draw number `draw` < 2^24 of a sequence. */
double task_uniform(const TaskRow *row, size_t draw);
double task_normal(const TaskRow *row, size_t draw);
uint64_t task_below(const TaskRow *row, size_t draw, uint64_t bound);

/* Steps of a row of that length T. */
size_t task_steps(const TaskKind *kind, size_t length);

void task_put_dense(const TaskRow *row, size_t step, size_t feature, float value);
void task_put_token(const TaskRow *row, size_t step, int32_t token);

/* The target of a step; for output at the last step, `step` is 0. */
void task_put_class(const TaskRow *row, size_t step, int32_t target);
void task_put_number(const TaskRow *row, size_t step, float target);

/* A part of its own, for floors that are measured. */
enum { TASK_PART_FLOOR = 3 };

extern const TaskKind task_adding, task_copy, task_parity, task_temporal_order,
    task_temporal_order_3, task_dyck, task_mackey_glass, task_sine;

#endif
