/* Reads a checkpoint and puts a trainer where the checkpoint's was. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/safetensors.h"
#include "model/model_file.h"
#include "train/checkpoint.h"
#include "train/options.h"

struct elman_checkpoint {
    elman_context *context;
    SafetensorsFile *file;
    char *path; /* for messages */
    json_t *root;
    TrainProgress progress;
};

/* Reads a member that must be an integer of at least 0. */
static bool read_count(const json_t *root, const char *key, uint64_t *count) {
    const json_t *value = json_object_get(root, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *count = (uint64_t)json_integer_value(value);
    return true;
}

/* The first member of the description that is missing or makes no sense; NULL: none. */
static const char *read_description(elman_checkpoint *checkpoint) {
    const json_t *root = checkpoint->root;
    TrainProgress *progress = &checkpoint->progress;
    const struct {
        const char *key;
        uint64_t *count;
    } counts[] = {{"step", &progress->step},
                  {"epoch", &progress->epoch},
                  {"position", &progress->position},
                  {"loss_count", &progress->loss_count},
                  {"best_step", &progress->best_step},
                  {"best_epoch", &progress->best_epoch},
                  {"train_count", &progress->train_count},
                  {"valid_count", &progress->valid_count}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (!read_count(root, counts[i].key, counts[i].count)) return counts[i].key;

    const json_t *source = json_object_get(root, "source");
    progress->of_source = source != NULL;
    if (source != NULL && !json_is_true(source)) return "source";
    const json_t *loss_sum = json_object_get(root, "loss_sum");
    const json_t *best_loss = json_object_get(root, "best_loss");
    const json_t *description = json_object_get(root, "description");
    if (!json_is_real(loss_sum)) return "loss_sum";
    if (!json_is_real(best_loss) && !json_is_null(best_loss)) return "best_loss";
    if (!json_is_string(description) && !json_is_null(description)) return "description";
    if (!json_is_string(json_object_get(root, "digest"))) return "digest";
    if (!json_is_object(json_object_get(root, "options"))) return "options";
    progress->loss_sum = json_real_value(loss_sum);
    progress->best_loss = json_is_null(best_loss) ? INFINITY : json_real_value(best_loss);
    if (progress->best_step > progress->step) return "best_step";
    if (progress->best_epoch > progress->epoch) return "best_epoch";
    return NULL;
}

static elman_status parse_description(elman_checkpoint *checkpoint, elman_error *error) {
    const char *path = checkpoint->path;
    const char *text = safetensors_metadata(checkpoint->file, CHECKPOINT_KEY);
    uint64_t version;
    json_error_t problem;
    if (text == NULL)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: not a checkpoint: its metadata has no key " CHECKPOINT_KEY, path);
    if (strlen(text) > CHECKPOINT_TEXT_MAX)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: " CHECKPOINT_KEY " has %zu bytes, expected at most %d", path, strlen(text),
                    CHECKPOINT_TEXT_MAX);
    checkpoint->root = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (checkpoint->root == NULL)
        return fail(error, ELMAN_ERR_FORMAT, "%s: " CHECKPOINT_KEY " is not JSON: %s", path,
                    problem.text);
    if (!read_count(checkpoint->root, "format_version", &version))
        return fail(error, ELMAN_ERR_FORMAT, "%s: " CHECKPOINT_KEY " lacks a format_version", path);
    if (version != CHECKPOINT_VERSION)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: a checkpoint of format_version %" PRIu64 ", this version reads %d", path,
                    version, CHECKPOINT_VERSION);
    const char *bad = read_description(checkpoint);
    if (bad != NULL)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: " CHECKPOINT_KEY ": %s is missing or makes no sense", path, bad);
    return ELMAN_OK;
}

elman_status checkpoint_from_file(elman_context *context, SafetensorsFile *file, const char *path,
                                  elman_checkpoint **result, elman_error *error) {
    *result = NULL;
    elman_checkpoint *checkpoint = memory_allocate(&context->memory, sizeof(*checkpoint));
    if (checkpoint == NULL) {
        safetensors_close(file);
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for a checkpoint", path);
    }
    checkpoint->context = context;
    checkpoint->file = file;
    checkpoint->path = memory_copy_string(&context->memory, path);
    elman_status status = ELMAN_OK;
    if (checkpoint->path == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "%s: no memory for a checkpoint", path);
    if (status == ELMAN_OK) status = parse_description(checkpoint, error);
    if (status != ELMAN_OK) {
        elman_checkpoint_close(checkpoint);
        return status;
    }
    *result = checkpoint;
    return ELMAN_OK;
}

elman_status elman_checkpoint_open(elman_context *context, const char *path,
                                   elman_checkpoint **result, elman_error *error) {
    SafetensorsFile *file;
    *result = NULL;
    const elman_status status = safetensors_open(&context->memory, path, &file, error);
    return status != ELMAN_OK ? status : checkpoint_from_file(context, file, path, result, error);
}

void elman_checkpoint_close(elman_checkpoint *checkpoint) {
    if (checkpoint == NULL) return;
    Memory *memory = &checkpoint->context->memory;
    json_decref(checkpoint->root);
    safetensors_close(checkpoint->file);
    memory_release(memory, checkpoint->path);
    memory_release(memory, checkpoint);
}

const char *elman_checkpoint_description(const elman_checkpoint *checkpoint) {
    return json_string_value(json_object_get(checkpoint->root, "description"));
}

const char *elman_checkpoint_digest(const elman_checkpoint *checkpoint) {
    return json_string_value(json_object_get(checkpoint->root, "digest"));
}

uint64_t elman_checkpoint_step(const elman_checkpoint *checkpoint) {
    return checkpoint->progress.step;
}

/* Finds a float tensor of the given shape. */
static elman_status find_tensor(const elman_checkpoint *checkpoint, const char *name, size_t rank,
                                const size_t *shape, SafetensorsTensor *tensor,
                                elman_error *error) {
    if (!safetensors_find(checkpoint->file, name, tensor))
        return fail(error, ELMAN_ERR_MISMATCH, "%s: it has no tensor %s", checkpoint->path, name);
    bool same = tensor->type == SAFETENSORS_F32 && tensor->rank == rank;
    for (size_t i = 0; same && i < rank; i++) same = tensor->shape[i] == shape[i];
    if (!same)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "%s: %s has another shape or type than the trainer's", checkpoint->path, name);
    return ELMAN_OK;
}

/* The tensors called `prefix` + the model's names: checked (`block` NULL) or copied to `block`. */
static elman_status read_block(const elman_checkpoint *checkpoint, const Optimizer *optimizer,
                               const char *prefix, float *block, elman_error *error) {
    for (size_t i = 0; i < optimizer->tensor_count; i++) {
        const OptimizerTensor *own = &optimizer->tensors[i];
        char name[SAFETENSORS_NAME_MAX + 1];
        SafetensorsTensor tensor;
        (void)snprintf(name, sizeof(name), "%s%s", prefix, own->weight.name);
        const elman_status status =
            find_tensor(checkpoint, name, own->weight.rank, own->weight.shape, &tensor, error);
        if (status != ELMAN_OK) return status;
        if (block != NULL) memcpy(block + own->offset, tensor.data, tensor.bytes);
    }
    return ELMAN_OK;
}

static elman_status read_moments(const elman_checkpoint *checkpoint, const Optimizer *optimizer,
                                 bool copy, elman_error *error) {
    for (size_t i = 0; i < OPTIMIZER_MOMENTS; i++) {
        if (optimizer->moments[i] == NULL) continue;
        char prefix[32];
        (void)snprintf(prefix, sizeof(prefix), CHECKPOINT_PREFIX "%s.",
                       optimizer_moment_name(optimizer->options, i));
        const elman_status status =
            read_block(checkpoint, optimizer, prefix, copy ? optimizer->moments[i] : NULL, error);
        if (status != ELMAN_OK) return status;
    }
    return ELMAN_OK;
}

/* Something that two models must have in common. */
typedef struct Trait {
    const char *name;
    double stored, own;
} Trait;

static elman_status compare_traits(const char *path, const char *part, const Trait *traits,
                                   size_t count, elman_error *error) {
    for (size_t i = 0; i < count; i++)
        if (traits[i].stored != traits[i].own)
            return fail(error, ELMAN_ERR_MISMATCH,
                        "%s: the %s of its model has %s %.15g, that of the trainer %.15g", path,
                        part, traits[i].name, traits[i].stored, traits[i].own);
    return ELMAN_OK;
}

static elman_status compare_layer(const char *path, size_t index, const elman_model *stored,
                                  const elman_model *model, elman_error *error) {
    elman_cell_options a, b;
    char part[32];
    elman_model_layer(stored, index, &a);
    elman_model_layer(model, index, &b);
    const Trait traits[] = {
        {"cell kind", (double)a.cell, (double)b.cell},
        {"hidden units", (double)a.hidden, (double)b.hidden},
        {"projection", (double)a.projection, (double)b.projection},
        {"bidirectional", a.bidirectional != 0, b.bidirectional != 0},
        {"no_bias", a.no_bias != 0, b.no_bias != 0},
        {"learned_state", a.learned_state != 0, b.learned_state != 0},
        {"dropout", (double)a.dropout, (double)b.dropout},
    };
    (void)snprintf(part, sizeof(part), "layer %zu", index);
    return compare_traits(path, part, traits, sizeof(traits) / sizeof(traits[0]), error);
}

static elman_status compare_structures(const char *path, const elman_model *stored,
                                       const elman_model *model, elman_error *error) {
    elman_model_info a, b;
    elman_model_describe(stored, &a);
    elman_model_describe(model, &b);
    const Trait traits[] = {
        {"input kind", (double)a.input, (double)b.input},
        {"input size", (double)a.input_size, (double)b.input_size},
        {"embedding", (double)a.embedding, (double)b.embedding},
        {"recurrent layers", (double)a.layers, (double)b.layers},
        {"outputs", (double)a.outputs, (double)b.outputs},
        {"output kind", (double)a.output, (double)b.output},
        {"has_head", a.has_head != 0, b.has_head != 0},
        {"head_no_bias", a.head_no_bias != 0, b.head_no_bias != 0},
    };
    elman_status status =
        compare_traits(path, "structure", traits, sizeof(traits) / sizeof(traits[0]), error);
    for (size_t i = 0; status == ELMAN_OK && i < a.layers; i++)
        status = compare_layer(path, i, stored, model, error);
    return status;
}

static elman_status compare_models(const elman_checkpoint *checkpoint, const elman_model *model,
                                   elman_error *error) {
    elman_model *stored = NULL;
    elman_status status =
        model_from_file(checkpoint->context, checkpoint->file, checkpoint->path, &stored, error);
    if (status == ELMAN_OK) status = compare_structures(checkpoint->path, stored, model, error);
    elman_model_destroy(stored);
    return status;
}

/* Everything that can be refused, before anything is changed. */
static elman_status check_restore(const elman_trainer *trainer, const elman_checkpoint *checkpoint,
                                  elman_error *error) {
    const Optimizer *optimizer = &trainer->optimizer;
    if (trainer->running || trainer->progress.step > 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: only a fresh trainer can be restored from a checkpoint", checkpoint->path);
    elman_status status = train_options_compare(
        &trainer->options, json_object_get(checkpoint->root, "options"), checkpoint->path, error);
    if (status == ELMAN_OK) status = compare_models(checkpoint, trainer->model, error);
    if (status == ELMAN_OK) status = read_block(checkpoint, optimizer, "", NULL, error);
    if (status == ELMAN_OK) status = read_moments(checkpoint, optimizer, false, error);
    if (status == ELMAN_OK && isfinite(checkpoint->progress.best_loss))
        status =
            read_block(checkpoint, optimizer, CHECKPOINT_PREFIX CHECKPOINT_BEST ".", NULL, error);
    if (status == ELMAN_OK && trainer->options.average > 0.0)
        status = read_block(checkpoint, optimizer, CHECKPOINT_PREFIX CHECKPOINT_AVERAGE ".", NULL,
                            error);
    return status;
}

elman_status elman_trainer_restore(elman_trainer *trainer, const elman_checkpoint *checkpoint,
                                   elman_error *error) {
    Memory *memory = &trainer->context->memory;
    Optimizer *optimizer = &trainer->optimizer;
    const bool validated = isfinite(checkpoint->progress.best_loss);
    SafetensorsTensor state;
    const bool carried = !trainer->options.independent && !checkpoint->progress.of_source &&
                         safetensors_find(checkpoint->file, CHECKPOINT_STATE, &state);
    elman_status status = check_restore(trainer, checkpoint, error);
    if (status != ELMAN_OK) return status;
    char *digest = memory_copy_string(memory, elman_checkpoint_digest(checkpoint));
    if (digest == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to restore a trainer",
                    checkpoint->path);
    status = trainer_begin_run(trainer, carried, validated, error);
    if (status == ELMAN_OK && carried)
        status = find_tensor(checkpoint, CHECKPOINT_STATE, 1, &trainer->state_size, &state, error);
    if (status != ELMAN_OK) {
        trainer->running = false;
        memory_release(memory, digest);
        return status;
    }

    /* All of it was found before: none of these fails. */
    (void)read_block(checkpoint, optimizer, "", optimizer->weights, NULL);
    (void)read_moments(checkpoint, optimizer, true, NULL);
    if (validated)
        (void)read_block(checkpoint, optimizer, CHECKPOINT_PREFIX CHECKPOINT_BEST ".",
                         trainer->best, NULL);
    if (trainer->average != NULL)
        (void)read_block(checkpoint, optimizer, CHECKPOINT_PREFIX CHECKPOINT_AVERAGE ".",
                         trainer->average, NULL);
    if (carried) memcpy(trainer->state, state.data, state.bytes);
    trainer->state_carried = carried;
    trainer->progress = checkpoint->progress;
    /* Left by a run that failed before its first step. */
    memory_release(memory, trainer->digest);
    trainer->digest = digest;
    return ELMAN_OK;
}
