/* Lists named tensors and finds them. */
#include "convert/tensor_list.h"

#include <string.h>

#include "core/fail.h"
#include "formats/order.h"
#include "model/model.h"

static int compare_names(const void *elements, uint32_t a, uint32_t b) {
    const SafetensorsTensor *const tensors = elements;
    return strcmp(tensors[a].name, tensors[b].name);
}

static elman_status allocate(TensorList *source, size_t count, elman_error *error) {
    source->tensors = memory_allocate_array(source->memory, count, sizeof *source->tensors);
    source->by_name = memory_allocate_array(source->memory, count, sizeof *source->by_name);
    source->count = count;
    if (source->tensors && source->by_name) return ELMAN_OK;
    return fail(error, ELMAN_ERR_MEMORY, "no memory for a list of %zu tensors", count);
}

elman_status tensor_list_open_file(TensorList *source, Memory *memory, SafetensorsFile *file,
                                   elman_error *error) {
    *source = (TensorList){.memory = memory, .file = file};
    const elman_status status = allocate(source, safetensors_count(file), error);
    if (status) return status;
    for (size_t i = 0; i < source->count; i++) safetensors_at(file, i, &source->tensors[i]);
    order_sort(source->by_name, source->count, compare_names, source->tensors);
    return ELMAN_OK;
}

/* Safetensors files cannot name a tensor twice, nested dictionaries can. */
static elman_status check_names(const TensorList *source, const char *name, elman_error *error) {
    for (size_t i = 1; i < source->count; i++)
        if (compare_names(source->tensors, source->by_name[i - 1], source->by_name[i]) == 0)
            return fail(error, ELMAN_ERR_FORMAT, "%s: two tensors are called %s", name,
                        source->tensors[source->by_name[i]].name);
    return ELMAN_OK;
}

elman_status tensor_list_open_torch(TensorList *source, Memory *memory, TorchFile *torch,
                                    const char *name, elman_error *error) {
    *source = (TensorList){.memory = memory, .torch = torch};
    const elman_status status = allocate(source, torch->count, error);
    if (status) return status;
    if (source->count > 0)
        memcpy(source->tensors, torch->tensors, source->count * sizeof *source->tensors);
    order_sort(source->by_name, source->count, compare_names, source->tensors);
    return check_names(source, name, error);
}

elman_status tensor_list_open_model(TensorList *source, const elman_model *model,
                                    elman_error *error) {
    *source = (TensorList){.memory = &model->context->memory};
    const elman_status status = allocate(source, model->weights.count, error);
    if (status) return status;
    for (size_t i = 0; i < source->count; i++) {
        const elman_tensor *const tensor = &model->weights.tensors[i];
        source->tensors[i] = (SafetensorsTensor){
            .name = tensor->name,
            .type = SAFETENSORS_F32,
            .rank = tensor->rank,
            .shape = {tensor->shape[0], tensor->shape[1]},
            .data = tensor->data,
            .bytes = tensor->count * sizeof(float),
        };
    }
    order_sort(source->by_name, source->count, compare_names, source->tensors);
    return ELMAN_OK;
}

void tensor_list_close(TensorList *source) {
    if (!source->memory) return;
    memory_release(source->memory, source->by_name);
    memory_release(source->memory, source->tensors);
    torch_close(source->torch);
    safetensors_close(source->file);
    *source = (TensorList){0};
}

const SafetensorsTensor *tensor_list_find(const TensorList *source, const char *name) {
    size_t low = 0, high = source->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const SafetensorsTensor *const tensor = &source->tensors[source->by_name[middle]];
        const int order = strcmp(tensor->name, name);
        if (order == 0) return tensor;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *tensor_list_metadata(const TensorList *source, const char *key) {
    return source->file ? safetensors_metadata(source->file, key) : NULL;
}
