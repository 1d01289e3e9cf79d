/* From the values of a pickle to named tensors. */
#include "formats/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/grow.h"
#include "core/size.h"

#define TORCH_FILE_MAX ((size_t)UINT32_MAX)

enum { DEPTH_MAX = 8, LOOKS_MAX = 1 << 20 };

static const char tensor_global[] = "torch._utils _rebuild_tensor_v2",
                  parameter_global[] = "torch._utils _rebuild_parameter";

/* All names that a state dict needs; storages of numbers from STORAGE_FIRST on. */
static const char *const globals[] = {"collections OrderedDict", tensor_global,
                                      parameter_global,          "torch FloatStorage",
                                      "torch DoubleStorage",     "torch HalfStorage",
                                      "torch BFloat16Storage",   "torch LongStorage",
                                      "torch IntStorage",        "torch ShortStorage",
                                      "torch CharStorage",       "torch ByteStorage",
                                      "torch BoolStorage",       NULL};
static const SafetensorsType storage_types[] = {
    SAFETENSORS_F32, SAFETENSORS_F64, SAFETENSORS_F16, SAFETENSORS_BF16, SAFETENSORS_I64,
    SAFETENSORS_I32, SAFETENSORS_I16, SAFETENSORS_I8,  SAFETENSORS_U8,   SAFETENSORS_BOOL};

enum { STORAGE_FIRST = 3, STORAGES = sizeof storage_types / sizeof *storage_types };

typedef struct Walk {
    TorchFile *file;
    const char *path;
    size_t folder; /* the length of "archive/" */
    const char *folder_name;
    size_t looks;
    char name[SAFETENSORS_NAME_MAX + 1];
    elman_error *error;
} Walk;

static elman_status bad_tensor(const Walk *w, const char *what) {
    return fail(w->error, ELMAN_ERR_FORMAT, "%s: %s: %s", w->path, w->name, what);
}

static const ZipMember *find_member(const TorchFile *file, const char *name, size_t length) {
    for (size_t i = 0; i < file->archive.count; i++) {
        const ZipMember *const member = &file->archive.members[i];
        if (member->name_length == length && memcmp(member->name, name, length) == 0) return member;
    }
    return NULL;
}

/* ("storage", its type, its key, where it was, its numbers) */
static elman_status read_storage(const Walk *w, const PickleValue *value, SafetensorsType *type,
                                 const ZipMember **member) {
    const Pickle *const pickle = &w->file->pickle;
    const PickleValue *const told = value ? pickle_item(pickle, value, 0) : NULL;
    if (!value || value->kind != PICKLE_PERSISTENT || told->kind != PICKLE_TUPLE ||
        told->count != 5)
        return bad_tensor(w, "expected a storage of five parts");
    const PickleValue *const kind = pickle_item(pickle, told, 1);
    const PickleValue *const key = pickle_item(pickle, told, 2);
    size_t k = 0;
    while (k < STORAGES &&
           (kind->kind != PICKLE_GLOBAL || kind->text != globals[STORAGE_FIRST + k]))
        k++;
    if (k == STORAGES || key->kind != PICKLE_TEXT)
        return bad_tensor(w, "expected a storage of numbers with a name");
    *type = storage_types[k];
    char path[2 * SAFETENSORS_NAME_MAX];
    if (w->folder > SAFETENSORS_NAME_MAX || key->length > 64)
        return bad_tensor(w, "the name of its storage is too long");
    const int length = snprintf(path, sizeof path, "%.*sdata/%.*s", (int)w->folder, w->folder_name,
                                (int)key->length, key->text);
    *member = find_member(w->file, path, (size_t)length);
    return *member ? ELMAN_OK : bad_tensor(w, "its storage is not in the archive");
}

/* Reads a shape, which must be that of numbers one behind the other. */
static elman_status read_shape(const Walk *w, const PickleValue *shape, const PickleValue *stride,
                               SafetensorsTensor *tensor, size_t *count) {
    const Pickle *const pickle = &w->file->pickle;
    if (!shape || !stride || shape->kind != PICKLE_TUPLE || stride->kind != PICKLE_TUPLE ||
        shape->count != stride->count || shape->count > SAFETENSORS_RANK_MAX)
        return bad_tensor(w, "expected a shape and strides of at most 8 dimensions");
    *count = 1;
    tensor->rank = shape->count;
    for (size_t i = tensor->rank; i > 0; i--) {
        const PickleValue *const extent = pickle_item(pickle, shape, i - 1);
        const PickleValue *const step = pickle_item(pickle, stride, i - 1);
        if (extent->kind != PICKLE_NUMBER || step->kind != PICKLE_NUMBER || extent->number < 0)
            return bad_tensor(w, "expected a shape of whole numbers");
        if (extent->number > 1 && (step->number < 0 || (uint64_t)step->number != *count))
            return fail(w->error, ELMAN_ERR_UNSUPPORTED,
                        "%s: %s: its numbers are not one behind the other: save what "
                        "contiguous() gives",
                        w->path, w->name);
        tensor->shape[i - 1] = (size_t)extent->number;
        if (!size_mul(*count, tensor->shape[i - 1], count))
            return bad_tensor(w, "the product of its shape does not fit");
    }
    return ELMAN_OK;
}

/* Adds a tensor under the walk's name. */
static elman_status keep_tensor(const Walk *w, SafetensorsTensor tensor) {
    TorchFile *const file = w->file;
    if (file->count == SAFETENSORS_TENSORS_MAX)
        return fail(w->error, ELMAN_ERR_UNSUPPORTED, "%s: more than %d tensors", w->path,
                    SAFETENSORS_TENSORS_MAX);
    SafetensorsTensor *const grown =
        memory_grow(file->memory, file->tensors, file->count, 1, &file->capacity, sizeof *grown);
    if (grown) file->tensors = grown;
    tensor.name = grown ? memory_copy_string(file->memory, w->name) : NULL;
    if (!tensor.name)
        return fail(w->error, ELMAN_ERR_MEMORY, "%s: no memory for its tensors", w->path);
    grown[file->count++] = tensor;
    return ELMAN_OK;
}

/* (storage, offset, shape, stride, ...) */
static elman_status add_tensor(Walk *w, const PickleValue *arguments) {
    const Pickle *const pickle = &w->file->pickle;
    const PickleValue *const offset = pickle_item(pickle, arguments, 1);
    SafetensorsTensor tensor = {0};
    const ZipMember *member = NULL;
    size_t count = 0, first = 0;
    elman_status status = read_storage(w, pickle_item(pickle, arguments, 0), &tensor.type, &member);
    if (!status)
        status = read_shape(w, pickle_item(pickle, arguments, 2), pickle_item(pickle, arguments, 3),
                            &tensor, &count);
    if (status) return status;
    const size_t size = safetensors_type_size(tensor.type);
    if (!offset || offset->kind != PICKLE_NUMBER || offset->number < 0 ||
        !size_mul((size_t)offset->number, size, &first) || !size_mul(count, size, &tensor.bytes) ||
        first > member->size || tensor.bytes > member->size - first)
        return bad_tensor(w, "lies outside its storage");
    tensor.data = member->data + first;
    return keep_tensor(w, tensor);
}

/* A call is a tensor, or a parameter of one. */
static elman_status add_call(Walk *w, const PickleValue *call) {
    const Pickle *const pickle = &w->file->pickle;
    const PickleValue *global = pickle_item(pickle, call, 0);
    const PickleValue *arguments = pickle_item(pickle, call, 1);
    if (global->text == parameter_global) {
        const PickleValue *const inner = pickle_item(pickle, arguments, 0);
        if (!inner || inner->kind != PICKLE_CALL)
            return bad_tensor(w, "expected a parameter of a tensor");
        global = pickle_item(pickle, inner, 0);
        arguments = pickle_item(pickle, inner, 1);
    }
    return global->text == tensor_global ? add_tensor(w, arguments)
                                         : bad_tensor(w, "expected a tensor");
}

/* A dictionary that is being walked through: the item of its next key. */
typedef struct Level {
    uint32_t next;
    size_t name; /* length of the names so far */
} Level;

/* Puts a key behind the name of `length` bytes, a number in decimal; false when it is neither text
 * nor number or the name too long. */
static bool put_key(Walk *w, size_t length, const PickleValue *key) {
    const size_t room = SAFETENSORS_NAME_MAX - length;
    if (key->kind == PICKLE_NUMBER)
        return (size_t)snprintf(w->name + length, room + 1, "%" PRId64, key->number) <= room;
    if (key->kind != PICKLE_TEXT || memchr(key->text, 0, key->length) || key->length > room)
        return false;
    memcpy(w->name + length, key->text, key->length);
    w->name[length + key->length] = '\0';
    return true;
}

static elman_status walk(Walk *w) {
    const Pickle *const pickle = &w->file->pickle;
    const PickleValue *const top = &pickle->values[pickle->result];
    Level levels[DEPTH_MAX] = {{top->first, 0}};
    size_t depth = 1;
    if (top->kind != PICKLE_DICT)
        return fail(w->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: its pickle is no dictionary of tensors, as state_dict() gives one",
                    w->path);
    while (depth > 0) {
        Level *const level = &levels[depth - 1];
        if (!level->next) {
            depth--;
            continue;
        }
        if (w->looks++ == LOOKS_MAX)
            return fail(w->error, ELMAN_ERR_UNSUPPORTED, "%s: its pickle has too many entries",
                        w->path);
        const PickleItem key = pickle->items[level->next], item = pickle->items[key.next];
        const PickleValue *const value = &pickle->values[item.value];
        level->next = item.next;
        if (value->kind != PICKLE_CALL && value->kind != PICKLE_DICT) continue;
        if (!put_key(w, level->name, &pickle->values[key.value]))
            return fail(
                w->error, ELMAN_ERR_UNSUPPORTED,
                "%s: a tensor stands under a key that is neither a number nor a text, or under "
                "names of more than %d bytes",
                w->path, SAFETENSORS_NAME_MAX);
        const size_t length = strlen(w->name);
        elman_status status = ELMAN_OK;
        if (value->kind == PICKLE_CALL) {
            status = add_call(w, value);
        } else if (depth == DEPTH_MAX || length == SAFETENSORS_NAME_MAX) {
            status = bad_tensor(w, "dictionaries stand too deep in one another");
        } else {
            w->name[length] = '.';
            levels[depth++] = (Level){value->first, length + 1};
        }
        if (status) return status;
    }
    return ELMAN_OK;
}

/* The pickle is the member whose name ends in "/data.pkl". */
static elman_status read_pickle(Walk *w) {
    static const char ending[] = "data.pkl";
    const size_t length = sizeof ending - 1;
    TorchFile *const file = w->file;
    for (size_t i = 0; i < file->archive.count; i++) {
        const ZipMember *const member = &file->archive.members[i];
        if (member->name_length < length ||
            memcmp(member->name + member->name_length - length, ending, length) != 0)
            continue;
        w->folder = member->name_length - length;
        w->folder_name = member->name;
        return pickle_read(file->memory, w->path, member->data, member->size, globals,
                           &file->pickle, w->error);
    }
    return fail(w->error, ELMAN_ERR_FORMAT, "%s: is an archive without a data.pkl", w->path);
}

static elman_status read_tensors(TorchFile *file, const char *name, const unsigned char *bytes,
                                 size_t size, elman_error *error) {
    Walk w = {.file = file, .path = name, .error = error};
    elman_status status = zip_open(file->memory, name, bytes, size, &file->archive, error);
    if (!status) status = read_pickle(&w);
    return status ? status : walk(&w);
}

elman_status torch_parse(Memory *memory, const char *name, const unsigned char *bytes, size_t size,
                         TorchFile **out, elman_error *error) {
    TorchFile *const file = memory_allocate(memory, sizeof *file);
    *out = NULL;
    if (!file) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", name);
    file->memory = memory;
    const elman_status status = read_tensors(file, name, bytes, size, error);
    if (status)
        torch_close(file);
    else
        *out = file;
    return status;
}

elman_status torch_open(Memory *memory, const char *path, TorchFile **file, elman_error *error) {
    unsigned char *bytes = NULL;
    size_t size;
    *file = NULL;
    elman_status status = file_read(memory, path, TORCH_FILE_MAX, &bytes, &size, error);
    if (!status) status = torch_parse(memory, path, bytes, size, file, error);
    if (status)
        memory_release(memory, bytes);
    else
        (*file)->own_bytes = bytes;
    return status;
}

elman_status torch_recognise(const char *path, bool *is, elman_error *error) {
    FileReader reader;
    unsigned char start[4];
    *is = false;
    elman_status status = file_reader_open(&reader, path, error);
    if (!status && reader.size >= sizeof start) {
        status = file_reader_read(&reader, start, sizeof start, error);
        *is = !status && zip_recognise(start, sizeof start);
    }
    file_reader_close(&reader);
    return status;
}

void torch_close(TorchFile *file) {
    if (!file) return;
    for (size_t i = 0; i < file->count; i++)
        memory_release(file->memory, (char *)file->tensors[i].name);
    memory_release(file->memory, file->tensors);
    pickle_release(&file->pickle);
    zip_close(&file->archive);
    memory_release(file->memory, file->own_bytes);
    memory_release(file->memory, file);
}
