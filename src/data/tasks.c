/* Synthetic tasks: the list of them, and batches of their sequences. */
#include "data/tasks.h"

#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/random.h"

/* The place of a task in this list is part of what its sequences depend on: only append. */
static const TaskKind *const kinds[] = {
    &task_adding,           &task_copy, &task_parity,       &task_temporal_order,
    &task_temporal_order_3, &task_dyck, &task_mackey_glass, &task_sine,
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

enum { DRAW_BITS = 24, SEQUENCE_BITS = 40 };

size_t elman_task_count(void) {
    return KIND_COUNT;
}

const char *elman_task_name(size_t index) {
    return index < KIND_COUNT ? kinds[index]->name : NULL;
}

/* Each part of each task is a stream of random numbers of its own. */
static uint32_t stream_of(const TaskRow *row) {
    uint32_t index = 0;
    while (kinds[index] != row->task->kind) index++;
    return index * 4 + row->part;
}

static uint64_t place_of(const TaskRow *row, size_t draw) {
    return row->sequence << DRAW_BITS | draw;
}

double task_uniform(const TaskRow *row, size_t draw) {
    return random_uniform(row->task->seed, RANDOM_TASK, stream_of(row), place_of(row, draw));
}

double task_normal(const TaskRow *row, size_t draw) {
    return random_normal(row->task->seed, RANDOM_TASK, stream_of(row), place_of(row, draw));
}

uint64_t task_below(const TaskRow *row, size_t draw, uint64_t bound) {
    return random_below(row->task->seed, RANDOM_TASK, stream_of(row), place_of(row, draw), bound);
}

size_t task_steps(const TaskKind *kind, size_t length) {
    return length + kind->extra_steps;
}

void task_put_dense(const TaskRow *row, size_t step, size_t feature, float value) {
    row->dense[(step * row->batch + row->row) * row->task->kind->features + feature] = value;
}

void task_put_token(const TaskRow *row, size_t step, int32_t token) {
    row->tokens[step * row->batch + row->row] = token;
}

void task_put_class(const TaskRow *row, size_t step, int32_t target) {
    row->classes[step * row->batch + row->row] = target;
}

void task_put_number(const TaskRow *row, size_t step, float target) {
    row->numbers[step * row->batch + row->row] = target;
}

static elman_status find_kind(const char *name, const TaskKind **kind, elman_error *error) {
    for (size_t i = 0; name != NULL && i < KIND_COUNT; i++) {
        *kind = kinds[i];
        if (strcmp(kinds[i]->name, name) == 0) return ELMAN_OK;
    }
    return fail(error, ELMAN_ERR_ARGUMENT,
                "there is no task %s, expected adding, copy, parity, temporal-order, "
                "temporal-order-3, dyck, mackey-glass or sine",
                name != NULL ? name : "without a name");
}

static elman_status check_length(const TaskKind *kind, const char *what, size_t length, size_t most,
                                 elman_error *error) {
    if (length < kind->least_length || length > most)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: the %slength is %zu, expected %zu to %zu",
                    kind->name, what, length, kind->least_length, most);
    if (kind->even_length && length % 2 != 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: the %slength is %zu, expected an even number",
                    kind->name, what, length);
    return ELMAN_OK;
}

static elman_status check_options(const elman_task_options *options, const TaskKind *kind,
                                  elman_error *error) {
    const size_t length = options->length;
    elman_status status = check_length(kind, "", length, ELMAN_TASK_LENGTH_MAX, error);
    if (status == ELMAN_OK)
        status = check_length(kind, "shortest ", options->shortest, length, error);
    if (status == ELMAN_OK && options->final_only && kind != &task_parity)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: final_only is for parity alone", kind->name);
    return status;
}

static void fill_info(elman_task *task) {
    const TaskKind *kind = task->kind;
    const bool last_step = kind->last_step || task->final_only;
    task->info = (elman_task_info){
        .name = kind->name,
        .summary = kind->summary,
        .paper = kind->paper,
        .length = task->length,
        .steps = task_steps(kind, task->length),
        .input = kind->features > 0 ? ELMAN_INPUT_DENSE : ELMAN_INPUT_ONE_HOT,
        .input_size = kind->features > 0 ? kind->features : kind->tokens,
        .outputs = kind->outputs,
        .output = last_step ? ELMAN_OUTPUT_LAST_STEP : ELMAN_OUTPUT_EVERY_STEP,
        .classes = kind->classes,
    };
    kind->measure(task, &task->info);
}

elman_status elman_task_create(elman_context *context, const elman_task_options *given,
                               elman_task **result, elman_error *error) {
    elman_task_options options;
    const TaskKind *kind = NULL;
    *result = NULL;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_task_options", error);
    if (status == ELMAN_OK) status = find_kind(options.name, &kind, error);
    if (status != ELMAN_OK) return status;
    if (options.length == 0) options.length = kind->usual_length;
    if (options.shortest == 0) options.shortest = options.length;
    status = check_options(&options, kind, error);
    if (status != ELMAN_OK) return status;

    elman_task *task = memory_allocate(&context->memory, sizeof(*task));
    if (task == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a task");
    task->context = context;
    task->kind = kind;
    task->length = options.length;
    task->shortest = options.shortest;
    task->final_only = options.final_only != 0;
    task->seed = options.seed;
    fill_info(task);
    *result = task;
    return ELMAN_OK;
}

void elman_task_destroy(elman_task *task) {
    if (task != NULL) memory_release(&task->context->memory, task);
}

void elman_task_describe(const elman_task *task, elman_task_info *info) {
    *info = task->info;
}

/* T of a row: draw 0 of each sequence. */
static size_t draw_length(const TaskRow *row) {
    const elman_task *task = row->task;
    if (row->part != ELMAN_TASK_TRAIN || task->shortest == task->length) return task->length;
    const size_t unit = task->kind->even_length ? 2 : 1;
    const size_t choices = (task->length - task->shortest) / unit + 1;
    return task->shortest + unit * (size_t)task_below(row, 0, choices);
}

/* What the rows do not write. */
static void clear(const elman_task *task, elman_task_batch *batch) {
    const elman_task_info *info = &task->info;
    const size_t positions = batch->steps * batch->batch;
    const size_t targets = info->output == ELMAN_OUTPUT_LAST_STEP ? batch->batch : positions;
    if (info->input == ELMAN_INPUT_DENSE) {
        memset(batch->dense, 0, positions * info->input_size * sizeof(*batch->dense));
    } else {
        memset(batch->tokens, 0, positions * sizeof(*batch->tokens));
    }
    for (size_t i = 0; i < targets; i++) {
        if (info->classes) batch->classes[i] = -1;
        if (!info->classes) batch->numbers[i] = 0.0f;
    }
}

static elman_status check_batch(const elman_task *task, uint64_t first,
                                const elman_task_batch *batch, elman_error *error) {
    const elman_task_info *info = &task->info;
    const bool dense = info->input == ELMAN_INPUT_DENSE;
    if (batch->struct_size != sizeof(*batch))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_task_batch: struct_size is %zu, expected sizeof(elman_task_batch)",
                    batch->struct_size);
    if ((dense ? (void *)batch->dense : (void *)batch->tokens) == NULL || batch->lengths == NULL ||
        (info->classes ? (void *)batch->classes : (void *)batch->numbers) == NULL)
        return fail(error, ELMAN_ERR_ARGUMENT, "elman_task_batch: %s needs %s, lengths and %s",
                    info->name, dense ? "dense" : "tokens", info->classes ? "classes" : "numbers");
    if (first >> SEQUENCE_BITS != 0 || batch->batch >> SEQUENCE_BITS != 0 ||
        (first + batch->batch) >> SEQUENCE_BITS != 0)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: sequences beyond number 2^40 were asked for",
                    info->name);
    return ELMAN_OK;
}

elman_status elman_task_generate(const elman_task *task, elman_task_part part, uint64_t first,
                                 elman_task_batch *batch, elman_error *error) {
    const elman_status status = check_batch(task, first, batch, error);
    if (status != ELMAN_OK) return status;
    TaskRow row = {.task = task,
                   .part = (uint32_t)part,
                   .batch = batch->batch,
                   .dense = batch->dense,
                   .tokens = batch->tokens,
                   .classes = batch->classes,
                   .numbers = batch->numbers};
    batch->steps = 0;
    for (size_t i = 0; i < batch->batch; i++) {
        row.sequence = first + i;
        batch->lengths[i] = task_steps(task->kind, draw_length(&row));
        if (batch->lengths[i] > batch->steps) batch->steps = batch->lengths[i];
    }
    clear(task, batch);
    for (size_t i = 0; i < batch->batch; i++) {
        row.sequence = first + i;
        row.row = i;
        row.length = batch->lengths[i] - task->kind->extra_steps;
        task->kind->fill(&row);
    }
    return ELMAN_OK;
}
