/* From a model of ours to PyTorch: the tensors under their own names, which are PyTorch's. */
#include <stdio.h>
#include <string.h>

#include "convert/conversion.h"
#include "convert/pytorch_code.h"
#include "core/fail.h"
#include "core/files.h"
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

/* Whether something is at `path`, and whether it is code that pytorch_write_code wrote. */
static elman_status look_at(const char *path, bool *exists, bool *is_ours, elman_error *error) {
    static const char mark[] = "written by `elman convert`";
    char start[128] = "";
    FileReader reader;
    size_t count = 0;
    *is_ours = false;
    elman_status status = file_exists(path, exists, error);
    if (status || !*exists) return status;
    status = file_reader_open(&reader, path, error);
    if (!status) status = file_reader_read_some(&reader, start, sizeof start - 1, &count, error);
    file_reader_close(&reader);
    start[count] = '\0';
    *is_ours = !status && strstr(start, mark) != NULL;
    return status;
}

/* Code that somebody else wrote is not replaced: nobody named its file. */
static elman_status spare_code(const char *path, elman_error *error) {
    bool exists, is_ours;
    const elman_status status = look_at(path, &exists, &is_ours, error);
    if (status || !exists || is_ours) return status;
    return fail(error, ELMAN_ERR_ARGUMENT,
                "%s: was not written by elman convert and would be replaced by the module's code: "
                "choose another name",
                path);
}

static elman_status save_file(const elman_conversion *conversion, const char *path,
                              elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    const size_t length = strlen(path), end = strlen(extension);
    const bool usual = length > end && strcmp(path + length - end, extension) == 0;
    if (length > 3 && strcmp(path + length - 3, ".py") == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: is a name for code, expected one for the tensors, such as "
                    "model.safetensors: the code goes beside them",
                    path);
    char *const code = join(memory, path, usual ? length - end : length, ".py");
    if (!code) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write it", path);
    elman_status status = spare_code(code, error);
    if (!status) status = write_tensors(conversion, path, error);
    if (!status)
        status = pytorch_write_code(conversion->model, code, usual ? extension : "", error);
    memory_release(memory, code);
    return status;
}

enum { FOLDER_CODE = 1, FOLDER_FILES = 4 };

static const char *const folder_files[FOLDER_FILES] = {"/model.safetensors", "/model.py",
                                                       "/config.json", "/README.md"};

/* A folder may have files of these names when it is one that elman convert wrote. */
static elman_status spare_folder(Memory *memory, const char *path, elman_error *error) {
    bool exists[FOLDER_FILES] = {false}, is_ours[FOLDER_FILES] = {false};
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < FOLDER_FILES && !status; i++) {
        char *const file = join(memory, path, strlen(path), folder_files[i]);
        if (!file) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write it", path);
        status = look_at(file, &exists[i], &is_ours[i], error);
        memory_release(memory, file);
    }
    for (size_t i = 0; i < FOLDER_FILES && !status && !is_ours[FOLDER_CODE]; i++)
        if (exists[i])
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "%s%s: was not written by elman convert and would be replaced: choose "
                        "another folder",
                        path, folder_files[i]);
    return status;
}

static elman_status save_folder(const elman_conversion *conversion, const char *path,
                                elman_error *error) {
    Memory *const memory = &conversion->context->memory;
    elman_conversion_summary summary;
    elman_status status = spare_folder(memory, path, error);
    elman_conversion_describe(conversion, &summary);
    for (size_t i = 0; i < FOLDER_FILES && !status; i++) {
        char *const file = join(memory, path, strlen(path), folder_files[i]);
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
