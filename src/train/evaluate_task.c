/* How well a network does on sequences of a synthetic task. */
#include <math.h>
#include <stdbool.h>

#include "core/fail.h"
#include "model/network.h"
#include <elman/tasks.h>

/* The most rows and, where sequences are long, positions of one pass. */
enum { ROWS_MAX = 64, POSITIONS_MAX = 65536 };

/* What measuring holds. */
typedef struct Measuring {
    const elman_task *task;
    elman_task_info info;
    elman_task_batch batch;
    elman_tape *tape;
    float *output;
    double loss;
    size_t targets, targets_right, sequences_right;
} Measuring;

static elman_status check(const elman_task_info *info, const elman_network *network,
                          elman_error *error) {
    const Structure *structure = &network->structure;
    const bool dense = info->input == ELMAN_INPUT_DENSE;
    static const char *const places[] = {"at every step", "at the last step", "of the mean of all",
                                         "of the greatest of all"};
    if (dense != (structure->input == ELMAN_INPUT_DENSE) ||
        structure->input_size != info->input_size)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the task %s needs a model that reads %zu %s, not "
                    "%zu %s",
                    info->name, info->input_size, dense ? "numbers" : "tokens",
                    structure->input_size,
                    structure->input == ELMAN_INPUT_DENSE ? "numbers" : "tokens");
    if (structure->output != info->output || structure_outputs(structure) != info->outputs)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the task %s needs a model with %zu outputs %s, not %zu %s", info->name,
                    info->outputs, places[info->output], structure_outputs(structure),
                    places[structure->output]);
    return ELMAN_OK;
}

static elman_status allocate(Measuring *m, const elman_network *network, size_t rows,
                             elman_error *error) {
    Memory *memory = &network->context->memory;
    const elman_task_info *info = &m->info;
    const bool dense = info->input == ELMAN_INPUT_DENSE;
    const size_t positions = info->steps * rows; /* below 2^20 * 2^6 */
    const size_t targets = info->output == ELMAN_OUTPUT_LAST_STEP ? rows : positions;
    elman_task_batch *batch = &m->batch;
    *batch = (elman_task_batch){.struct_size = sizeof(*batch)};
    if (dense)
        batch->dense = memory_allocate_array(memory, positions * info->input_size, sizeof(float));
    if (!dense) batch->tokens = memory_allocate_array(memory, positions, sizeof(int32_t));
    if (info->classes) batch->classes = memory_allocate_array(memory, targets, sizeof(int32_t));
    if (!info->classes) batch->numbers = memory_allocate_array(memory, targets, sizeof(float));
    batch->lengths = memory_allocate_array(memory, rows, sizeof(size_t));
    m->output = memory_allocate_array(memory, targets * info->outputs, sizeof(float));
    if ((dense ? (void *)batch->dense : (void *)batch->tokens) == NULL || m->output == NULL ||
        (info->classes ? (void *)batch->classes : (void *)batch->numbers) == NULL ||
        batch->lengths == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for sequences of %zu steps", info->steps);
    const elman_tape_options options = {
        .struct_size = sizeof(options), .steps = info->steps, .batch = rows, .forward_only = 1};
    return elman_tape_create(network, &options, &m->tape, error);
}

static void release(Measuring *m, const elman_network *network) {
    Memory *memory = &network->context->memory;
    elman_tape_destroy(m->tape);
    memory_release(memory, m->output);
    memory_release(memory, m->batch.lengths);
    memory_release(memory, m->batch.numbers);
    memory_release(memory, m->batch.classes);
    memory_release(memory, m->batch.tokens);
    memory_release(memory, m->batch.dense);
}

/* Whether no class is likelier than `right`. */
static bool likeliest(const float *logits, size_t count, int32_t right) {
    for (size_t i = 0; i < count; i++)
        if (!(logits[i] <= logits[right])) return false;
    return true;
}

static void count_right(Measuring *m) {
    const size_t rows = m->batch.batch, outputs = m->info.outputs;
    const size_t steps = m->info.output == ELMAN_OUTPUT_LAST_STEP ? 1 : m->batch.steps;
    elman_tape_output(m->tape, m->output);
    for (size_t row = 0; row < rows; row++) {
        bool all = true;
        for (size_t step = 0; step < steps; step++) {
            const size_t at = step * rows + row;
            const int32_t target = m->batch.classes[at];
            if (target < 0) continue;
            const bool right = likeliest(m->output + at * outputs, outputs, target);
            m->targets_right += right;
            all = all && right;
        }
        m->sequences_right += all;
    }
}

static elman_status measure(Measuring *m, elman_task_part part, uint64_t first,
                            elman_error *error) {
    elman_loss loss;
    elman_status status = elman_task_generate(m->task, part, first, &m->batch, error);
    if (status != ELMAN_OK) return status;
    const elman_sequence sequence = {.struct_size = sizeof(sequence),
                                     .steps = m->batch.steps,
                                     .batch = m->batch.batch,
                                     .dense = m->batch.dense,
                                     .tokens = m->batch.tokens,
                                     .lengths = m->batch.lengths};
    status = elman_tape_forward(m->tape, &sequence, error);
    if (status == ELMAN_OK && m->info.classes)
        status = elman_tape_cross_entropy(m->tape, m->batch.classes, &loss, error);
    if (status == ELMAN_OK && !m->info.classes)
        status = elman_tape_mean_squared_error(m->tape, m->batch.numbers, &loss, error);
    if (status != ELMAN_OK) return status;
    m->loss += loss.mean * (double)loss.count;
    m->targets += loss.count;
    if (m->info.classes) count_right(m);
    return ELMAN_OK;
}

elman_status elman_task_evaluate(const elman_task *task, const elman_network *network,
                                 elman_task_part part, size_t sequences, elman_task_score *score,
                                 elman_error *error) {
    Measuring m = {.task = task};
    elman_task_describe(task, &m.info);
    elman_status status = check(&m.info, network, error);
    if (status == ELMAN_OK && sequences == 0)
        status = fail(error, ELMAN_ERR_ARGUMENT, "elman_task_evaluate: 0 sequences, expected some");
    size_t rows = POSITIONS_MAX / m.info.steps;
    if (rows < 1) rows = 1;
    if (rows > ROWS_MAX) rows = ROWS_MAX;
    if (rows > sequences) rows = sequences;
    if (status == ELMAN_OK) status = allocate(&m, network, rows, error);
    for (size_t first = 0; status == ELMAN_OK && first < sequences; first += rows) {
        m.batch.batch = sequences - first < rows ? sequences - first : rows;
        status = measure(&m, part, first, error);
    }
    release(&m, network);
    if (status != ELMAN_OK) return status;
    const double targets = (double)m.targets, count = (double)sequences;
    *score = (elman_task_score){
        .loss = m.loss / targets,
        .targets = m.targets,
        .targets_right = m.info.classes ? (double)m.targets_right / targets : NAN,
        .sequences_right = m.info.classes ? (double)m.sequences_right / count : NAN};
    return ELMAN_OK;
}
