/* Writes a checkpoint. */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>

#include "core/fail.h"
#include "formats/safetensors.h"
#include "model/model_file.h"
#include "train/options.h"

static json_t *integer(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text) {
    return text != NULL ? json_string(text) : json_null();
}

/* Everything that is no tensor; NULL when memory is short. */
static json_t *describe_run(const elman_trainer *trainer) {
    const TrainProgress *progress = &trainer->progress;
    const bool validated = isfinite(progress->best_loss);
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"format_version", json_integer(CHECKPOINT_VERSION)},
        {"step", integer(progress->step)},
        {"epoch", integer(progress->epoch)},
        {"position", integer(progress->position)},
        {"loss_sum", json_real(progress->loss_sum)},
        {"loss_count", integer(progress->loss_count)},
        {"best_loss", validated ? json_real(progress->best_loss) : json_null()},
        {"best_step", integer(progress->best_step)},
        {"best_epoch", integer(progress->best_epoch)},
        {"train_count", integer(progress->train_count)},
        {"valid_count", integer(progress->valid_count)},
        {"digest", text_or_null(trainer->digest)},
        {"description", text_or_null(trainer->description)},
        {"options", train_options_to_json(&trainer->options)},
    };
    json_t *object = json_object();
    int failed = object == NULL;
    /* Takes every value over, also after a failure. */
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        failed |= json_object_set_new(object, members[i].key, members[i].value) != 0;
    /* Only where it is so: what it adds to a run over tokens is nothing. */
    if (!failed && progress->of_source)
        failed = json_object_set_new(object, "source", json_true()) != 0;
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* The description as text in the context's memory, or NULL. */
static char *describe_run_text(const elman_trainer *trainer) {
    json_t *object = describe_run(trainer);
    if (object == NULL) return NULL;
    const size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
    char *text = size > 0 ? memory_allocate(&trainer->context->memory, size + 1) : NULL;
    if (text != NULL) (void)json_dumpb(object, text, size, JSON_COMPACT);
    json_decref(object);
    return text;
}

typedef char CheckpointName[SAFETENSORS_NAME_MAX + 1];

/* The tensors beside the model's own. */
typedef struct CheckpointTensors {
    SafetensorsTensor *tensors;
    CheckpointName *names;
    size_t count;
} CheckpointTensors;

static void add_block(CheckpointTensors *list, const Optimizer *optimizer, const char *kind,
                      const float *block) {
    for (size_t i = 0; i < optimizer->tensor_count; i++, list->count++) {
        const OptimizerTensor *tensor = &optimizer->tensors[i];
        char *name = list->names[list->count];
        (void)snprintf(name, sizeof(CheckpointName), CHECKPOINT_PREFIX "%s.%s", kind,
                       tensor->weight.name);
        list->tensors[list->count] = (SafetensorsTensor){
            .name = name,
            .type = SAFETENSORS_F32,
            .rank = tensor->weight.rank,
            .shape = {tensor->weight.shape[0], tensor->weight.shape[1]},
            .data = block + tensor->offset,
            .bytes = tensor->weight.count * sizeof(float),
        };
    }
}

/* `list` has room for all of them. */
static void list_tensors(CheckpointTensors *list, const elman_trainer *trainer) {
    const Optimizer *optimizer = &trainer->optimizer;
    for (size_t i = 0; i < OPTIMIZER_MOMENTS; i++)
        if (optimizer->moments[i] != NULL)
            add_block(list, optimizer, optimizer_moment_name(&trainer->options, i),
                      optimizer->moments[i]);
    if (isfinite(trainer->progress.best_loss))
        add_block(list, optimizer, CHECKPOINT_BEST, trainer->best);
    if (trainer->average != NULL) add_block(list, optimizer, CHECKPOINT_AVERAGE, trainer->average);
    if (trainer->state_carried)
        list->tensors[list->count++] = (SafetensorsTensor){
            .name = CHECKPOINT_STATE,
            .type = SAFETENSORS_F32,
            .rank = 1,
            .shape = {trainer->state_size},
            .data = trainer->state,
            .bytes = trainer->state_size * sizeof(float),
        };
}

elman_status checkpoint_write(const elman_trainer *trainer, elman_error *error) {
    Memory *memory = &trainer->context->memory;
    const char *path = trainer->options.checkpoint_path;
    const size_t most = trainer->optimizer.tensor_count * (OPTIMIZER_MOMENTS + 2) + 1;
    CheckpointTensors list = {0};
    elman_status status;
    char *text = describe_run_text(trainer);
    list.tensors = memory_allocate_array(memory, most, sizeof(SafetensorsTensor));
    list.names = memory_allocate_array(memory, most, sizeof(CheckpointName));
    if (text == NULL || list.tensors == NULL || list.names == NULL) {
        status = fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write a checkpoint", path);
        goto done;
    }
    list_tensors(&list, trainer);
    const SafetensorsPair pair = {CHECKPOINT_KEY, text};
    const ModelExtras extras = {list.tensors, list.count, &pair, 1};
    status = model_save_with(trainer->model, path, &extras, error);
done:
    memory_release(memory, list.names);
    memory_release(memory, list.tensors);
    memory_release(memory, text);
    return status;
}
