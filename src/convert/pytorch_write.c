/* From a model of ours to PyTorch: the tensors under their own names, which are PyTorch's. */
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "convert/pytorch_code.h"
#include "core/fail.h"
#include "model/layer_plain.h"

static const char extension[] = ".safetensors";

/* ---- What can be written ---- */

static elman_status refuse_layer(const elman_conversion *conversion, size_t layer, const char *what,
                                 elman_error *error) {
    return fail(error, ELMAN_ERR_UNSUPPORTED,
                "%s: layer %zu has %s than layer 0, one module of PyTorch has the same in all",
                conversion->name, layer, what);
}

static elman_status check_layers(const elman_conversion *conversion, elman_error *error) {
    const Structure *const structure = &conversion->model->structure;
    const elman_cell_options *const first = structure->layers;
    char words[LAYER_PLAIN_WORDS];
    if (structure->stage_count > 0)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: it has more than a linear head behind its recurrent layers, what is "
                    "written for PyTorch has none of that",
                    conversion->name);
    for (size_t i = 0; i < structure->layer_count; i++) {
        const elman_cell_options *const layer = &structure->layers[i];
        if (layer->cell == ELMAN_CELL_GRU_RESET_BEFORE)
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s: layer %zu is a GRU that resets before the product, PyTorch's resets "
                        "behind it",
                        conversion->name, i);
        if (layer_plain(layer))
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s: layer %zu has %s, which PyTorch's cells lack", conversion->name, i,
                        layer_plain_words(layer, words));
        if (layer->cell != first->cell) return refuse_layer(conversion, i, "another cell", error);
        if (layer->hidden != first->hidden)
            return refuse_layer(conversion, i, "other hidden units", error);
        if (layer->projection != first->projection)
            return refuse_layer(conversion, i, "another projection", error);
        if (!layer->bidirectional != !first->bidirectional)
            return refuse_layer(conversion, i, "other directions", error);
        if (!layer->no_bias != !first->no_bias)
            return refuse_layer(conversion, i, "other biases", error);
    }
    return ELMAN_OK;
}

static void name_roles(const elman_model *model, const TensorList *source, PytorchRoles *roles) {
    const Structure *const structure = &model->structure;
    roles->modules[0] = (PytorchModule){"rnn.", structure->layer_count};
    roles->module_count = 1;
    roles->embedding = tensor_list_find(source, "embedding.weight");
    roles->linear_weight = tensor_list_find(source, "head.weight");
    roles->linear_bias = tensor_list_find(source, "head.bias");
    roles->one_hot = structure->input == ELMAN_INPUT_ONE_HOT;
    roles->relu = structure->layers[0].cell == ELMAN_CELL_RNN_RELU;
    roles->output = structure->output;
}

elman_status pytorch_make_tensors(elman_conversion *conversion, elman_error *error) {
    TensorList *const written = &conversion->written;
    elman_status status = check_layers(conversion, error);
    if (!status) status = tensor_list_open_model(written, conversion->model, error);
    if (status) return status;
    conversion->written_roles.name = conversion->name;
    name_roles(conversion->model, written, &conversion->written_roles);
    if (conversion->options.from != ELMAN_CONVERT_ELMAN) return ELMAN_OK;
    for (size_t i = 0; i < written->count && !status; i++)
        status =
            conversion_placed(conversion, &written->tensors[i], written->tensors[i].name, error);
    return status ? status : conversion_note_left_out(conversion, error);
}

/* ---- Writing ---- */

static elman_status write_tensors(const elman_conversion *conversion, const char *path,
                                  elman_error *error) {
    static const char *const outputs[] = {"every-step", "last-step", "mean", "max"};
    const elman_cell cell = conversion->model->structure.layers[0].cell;
    const PytorchRoles *const roles = &conversion->written_roles;
    SafetensorsPair pairs[4] = {{"format", "pt"}, {"elman.output", outputs[roles->output]}};
    size_t count = 2;
    if (roles->one_hot) pairs[count++] = (SafetensorsPair){"elman.input", "one-hot"};
    if (cell == ELMAN_CELL_RNN || cell == ELMAN_CELL_RNN_RELU)
        pairs[count++] = (SafetensorsPair){"elman.nonlinearity", roles->relu ? "relu" : "tanh"};
    return safetensors_write(&conversion->context->memory, path, pairs, count,
                             conversion->written.tensors, conversion->written.count, error);
}

/* `stem` with `ending` behind it, or NULL. */
static char *join(Memory *memory, const char *stem, size_t length, const char *ending) {
    const size_t size = length + strlen(ending) + 1;
    char *const path = memory_allocate(memory, size);
    if (path) snprintf(path, size, "%.*s%s", (int)length, stem, ending);
    return path;
}

static elman_status save_file(const elman_conversion *conversion, const char *path,
                              elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    const size_t length = strlen(path), end = strlen(extension);
    const bool usual = length > end && strcmp(path + length - end, extension) == 0;
    char *const code = join(memory, path, usual ? length - end : length, ".py");
    if (!code) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write it", path);
    elman_status status = write_tensors(conversion, path, error);
    if (!status)
        status = pytorch_write_code(conversion->model, code, usual ? extension : "", error);
    memory_release(memory, code);
    return status;
}

static elman_status save_folder(const elman_conversion *conversion, const char *path,
                                elman_error *error) {
    static const char *const names[] = {"/model.safetensors", "/model.py", "/config.json",
                                        "/README.md"};
    Memory *const memory = &conversion->context->memory;
    elman_conversion_summary summary;
    elman_status status = ELMAN_OK;
    elman_conversion_describe(conversion, &summary);
    for (size_t i = 0; i < sizeof names / sizeof *names && !status; i++) {
        char *const file = join(memory, path, strlen(path), names[i]);
        if (!file) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write it", path);
        switch (i) {
        case 0:
            status = write_tensors(conversion, file, error);
            break;
        case 1:
            status = pytorch_write_code(conversion->model, file, extension, error);
            break;
        case 2:
            status = pytorch_write_config(conversion->model, file, error);
            break;
        default:
            status = pytorch_write_card(conversion->model, &summary, file, error);
            break;
        }
        memory_release(memory, file);
    }
    return status;
}

elman_status pytorch_save(const elman_conversion *conversion, const char *path,
                          elman_error *error) {
    return conversion->options.to == ELMAN_CONVERT_PYTORCH_FOLDER
               ? save_folder(conversion, path, error)
               : save_file(conversion, path, error);
}
