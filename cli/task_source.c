/* Batches of a synthetic task. */
#include "task_source.h"

#include <stdlib.h>

#include "message.h"

bool task_source_open(TaskSource *source, const elman_task *task, elman_task_part part, size_t rows,
                      size_t valid) {
    *source = (TaskSource){.task = task, .part = part, .valid = valid};
    elman_task_describe(task, &source->info);
    const size_t positions = source->info.steps * rows;
    elman_task_batch *const batch = &source->batch;
    *batch = (elman_task_batch){.struct_size = sizeof(*batch), .batch = rows};
    batch->lengths = calloc(rows, sizeof(*batch->lengths));
    batch->dense = calloc(positions * source->info.input_size, sizeof(*batch->dense));
    batch->tokens = calloc(positions, sizeof(*batch->tokens));
    batch->classes = calloc(positions, sizeof(*batch->classes));
    batch->numbers = calloc(positions, sizeof(*batch->numbers));
    if (batch->lengths && batch->dense && batch->tokens && batch->classes && batch->numbers) {
        return true;
    }
    message("no memory for %zu sequences of %zu steps", rows, source->info.steps);
    return false;
}

void task_source_close(TaskSource *source) {
    free(source->batch.numbers);
    free(source->batch.classes);
    free(source->batch.tokens);
    free(source->batch.dense);
    free(source->batch.lengths);
}

static elman_status next_batch(void *user, uint64_t epoch, uint64_t position, elman_batch *batch,
                               elman_error *error) {
    TaskSource *const source = user;
    elman_task_batch *const made = &source->batch;
    const bool dense = source->info.input == ELMAN_INPUT_DENSE;
    (void)epoch; /* there is one */
    const elman_status status =
        elman_task_generate(source->task, source->part, position * made->batch, made, error);
    batch->sequence = (elman_sequence){
        .struct_size = sizeof(batch->sequence),
        .steps = made->steps,
        .batch = made->batch,
        .dense = dense ? made->dense : NULL,
        .tokens = dense ? NULL : made->tokens,
        .lengths = made->lengths,
    };
    batch->targets = (elman_targets){
        .struct_size = sizeof(batch->targets),
        .loss = source->info.classes ? ELMAN_LOSS_CROSS_ENTROPY : ELMAN_LOSS_MSE,
        .classes = made->classes,
        .numbers = made->numbers,
    };
    return status;
}

static elman_status validate(void *user, const elman_network *network, elman_loss *loss,
                             elman_error *error) {
    const TaskSource *const source = user;
    elman_task_score score;
    const elman_status status =
        elman_task_evaluate(source->task, network, ELMAN_TASK_VALID, source->valid, &score, error);
    if (!status) *loss = (elman_loss){.mean = score.loss, .count = score.targets};
    return status;
}

elman_source task_source_view(TaskSource *source, uint64_t batches) {
    return (elman_source){
        .struct_size = sizeof(elman_source),
        .user = source,
        .batches = batches,
        .batch = next_batch,
        .validate = source->valid > 0 ? validate : NULL,
    };
}
