/* Tensors of an ONNX model: typed, raw, or in a file beside it. */
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"
#include "formats/onnx_read.h"

/* A tensor and where it stands, for messages. */
typedef struct TensorPlace {
    OnnxReader *reader;
    const char *what, *name;
} TensorPlace;

static elman_status refuse(const TensorPlace *place, elman_status status, const char *why) {
    return fail(place->reader->error, status, "%s: %s \"%s\": %s", place->reader->model.path,
                place->what, place->name, why);
}

static elman_status read_shape(const TensorPlace *place, const Onnx__TensorProto *from,
                               OnnxTensor *tensor) {
    if (from->n_dims > ONNX_RANK_MAX)
        return refuse(place, ELMAN_ERR_UNSUPPORTED, "has more than 8 dimensions");
    tensor->rank = from->n_dims;
    tensor->count = 1;
    for (size_t i = 0; i < from->n_dims; i++) {
        if (from->dims[i] < 0) return refuse(place, ELMAN_ERR_FORMAT, "has a negative dimension");
        tensor->shape[i] = (size_t)from->dims[i];
        if (!size_mul(tensor->count, tensor->shape[i], &tensor->count))
            return refuse(place, ELMAN_ERR_FORMAT, "the product of its shape does not fit");
    }
    return ELMAN_OK;
}

/* The list that holds the elements of a tensor of its type. */
static const void *typed_elements(const Onnx__TensorProto *from, OnnxType type, size_t *count) {
    switch (type) {
    case ONNX_FLOAT:
        *count = from->n_float_data;
        return from->float_data;
    case ONNX_DOUBLE:
        *count = from->n_double_data;
        return from->double_data;
    case ONNX_INT64:
        *count = from->n_int64_data;
        return from->int64_data;
    case ONNX_INT32:
    case ONNX_BOOL:
        break;
    }
    *count = from->n_int32_data;
    return from->int32_data;
}

/* The bytes that a tensor's raw data must have. */
static bool raw_bytes(const OnnxTensor *tensor, size_t *bytes) {
    return size_mul(tensor->count, onnx_type_size(tensor->type), bytes);
}

/* Reads a size in decimal digits; NULL leaves it as it is. */
static bool read_size(const char *text, size_t *size) {
    if (!text) return true;
    *size = 0;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || !size_mul(*size, 10, size) ||
            !size_add(*size, (size_t)(*text - '0'), size))
            return false;
    return true;
}

/* Whether a path stays in its folder: relative, without a step up. */
static bool stays_inside(const char *location) {
    if (location[0] == '\0' || location[0] == '/' || strchr(location, '\\')) return false;
    for (const char *part = location; part; part = strchr(part, '/')) {
        if (*part == '/') part++;
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == '\0')) return false;
    }
    return true;
}

/* Whether a symbolic link stands in `path` behind its folder: it could lead anywhere. */
static bool has_link(char *path, size_t folder) {
    for (char *part = path + folder, *end; part; part = end ? end + 1 : NULL) {
        end = strchr(part, '/');
        if (end) *end = '\0';
        const bool is_link = file_is_link(path);
        if (end) *end = '/';
        if (is_link) return true;
    }
    return false;
}

/* Opens a file of external data, each once. */
static elman_status open_data(const TensorPlace *place, const char *location, OnnxData **opened) {
    OnnxReader *const reader = place->reader;
    const char *const path = reader->model.path;
    for (OnnxData *data = reader->data; data; data = data->next)
        if (strcmp(data->location, location) == 0) {
            *opened = data;
            return ELMAN_OK;
        }
    const char *const slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    OnnxData *const data = onnx_reader_take(reader, 1, sizeof *data);
    char *const whole = onnx_reader_take(reader, folder + strlen(location) + 1, 1);
    if (!data || !whole) return onnx_reader_no_memory(reader);
    memcpy(whole, path, folder);
    memcpy(whole + folder, location, strlen(location) + 1);
    if (has_link(whole, folder))
        return refuse(place, ELMAN_ERR_UNSUPPORTED,
                      "its external data is behind a symbolic link, which may lead out of the "
                      "model's folder");
    const elman_status status =
        file_read(reader->memory, whole, ONNX_BYTES_MAX, &data->bytes, &data->size, reader->error);
    if (status) return status;
    data->location = location;
    data->next = reader->data;
    reader->data = data;
    *opened = data;
    return ELMAN_OK;
}

static elman_status read_external(const TensorPlace *place, const Onnx__TensorProto *from,
                                  OnnxTensor *tensor) {
    const char *location = NULL, *offset_text = NULL, *length_text = NULL;
    size_t offset = 0, wanted, length;
    OnnxData *data = NULL;
    if (!raw_bytes(tensor, &wanted))
        return refuse(place, ELMAN_ERR_FORMAT, "its size does not fit");
    for (size_t i = 0; i < from->n_external_data; i++) {
        const char *const key = from->external_data[i]->key;
        const char *const value = from->external_data[i]->value;
        if (!key) continue;
        if (strcmp(key, "location") == 0) location = value;
        if (strcmp(key, "offset") == 0) offset_text = value;
        if (strcmp(key, "length") == 0) length_text = value;
    }
    length = wanted;
    if (!location || !read_size(offset_text, &offset) || !read_size(length_text, &length))
        return refuse(place, ELMAN_ERR_FORMAT,
                      "its external data has no location, or an offset or length that is no size");
    if (!place->reader->has_folder || !stays_inside(location))
        return refuse(place, ELMAN_ERR_UNSUPPORTED,
                      "its external data is not in the model's folder, expected a relative path "
                      "without \"..\" beside a file");
    const elman_status status = open_data(place, location, &data);
    if (status) return status;
    if (length != wanted || offset > data->size || length > data->size - offset)
        return fail(place->reader->error, ELMAN_ERR_FORMAT,
                    "%s: %s \"%s\": its shape needs %zu bytes of %s, which has %zu, from byte %zu "
                    "on",
                    place->reader->model.path, place->what, place->name, wanted, location,
                    data->size, offset);
    tensor->bytes = data->bytes + offset;
    return ELMAN_OK;
}

elman_status onnx_tensor_read(OnnxReader *reader, const char *what, const Onnx__TensorProto *from,
                              const char *name, OnnxTensor *tensor) {
    const TensorPlace place = {reader, what, name};
    size_t count, bytes;
    elman_status status;
    if (!onnx_type_of(from->data_type, &tensor->type))
        return fail(reader->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: %s \"%s\": its elements are of type %d, expected float, double, int32, "
                    "int64 or bool",
                    reader->model.path, what, name, (int)from->data_type);
    if ((status = read_shape(&place, from, tensor))) return status;
    if (from->segment) return refuse(&place, ELMAN_ERR_UNSUPPORTED, "is a segment of a tensor");
    if (from->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return read_external(&place, from, tensor);
    if (from->has_raw_data) {
        /* An empty field may have no address. */
        tensor->bytes = from->raw_data.data ? from->raw_data.data : (const unsigned char *)"";
        if (raw_bytes(tensor, &bytes) && bytes == from->raw_data.len) return ELMAN_OK;
        return refuse(&place, ELMAN_ERR_FORMAT, "has not as many bytes as its shape asks for");
    }
    tensor->elements = typed_elements(from, tensor->type, &count);
    if (count != tensor->count)
        return fail(reader->error, ELMAN_ERR_FORMAT,
                    "%s: %s \"%s\": has %zu elements of its type, its shape asks for %zu",
                    reader->model.path, what, name, count, tensor->count);
    return ELMAN_OK;
}
