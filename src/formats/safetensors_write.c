/* Writes safetensors files: checks, the header, then each tensor's bytes as they are. */
#include "formats/safetensors.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"
#include "core/utf8.h"
#include "formats/json_string.h"
#include "formats/order.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian: this machine needs bytes swapped"
#endif

enum { LENGTH_SIZE = 8, HEADER_ALIGNMENT = 8 };

/* What is written. */
typedef struct Content {
    const char *path;
    const SafetensorsPair *metadata;
    size_t metadata_count;
    const SafetensorsTensor *tensors;
    size_t count;
} Content;

/* A text that is first measured and then written. */
typedef struct Text {
    char *bytes; /* NULL: measure */
    size_t size;
} Text;

static void append(Text *text, const char *piece) {
    const size_t length = strlen(piece);
    if (text->bytes != NULL) memcpy(text->bytes + text->size, piece, length);
    text->size += length;
}

static void append_string(Text *text, const char *value) {
    text->size += json_string_encode(value, text->bytes != NULL ? text->bytes + text->size : NULL);
}

static void append_number(Text *text, size_t number) {
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%zu", number);
    append(text, digits);
}

static bool is_utf8(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        const size_t length = utf8_length(text, left);
        if (length == 0) return false;
        text += length;
        left -= length;
    }
    return true;
}

static elman_status check_tensor(const char *path, const SafetensorsTensor *tensor,
                                 elman_error *error) {
    if (!is_utf8(tensor->name) || strlen(tensor->name) > SAFETENSORS_NAME_MAX ||
        strcmp(tensor->name, "__metadata__") == 0)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: \"%s\" is no name of a tensor, expected at most %d bytes of UTF-8", path,
                    tensor->name, SAFETENSORS_NAME_MAX);
    if (tensor->type >= SAFETENSORS_TYPES || tensor->rank > SAFETENSORS_RANK_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: tensor \"%s\": type %d and %zu dimensions, expected at most %d and %d",
                    path, tensor->name, (int)tensor->type, tensor->rank, SAFETENSORS_TYPES - 1,
                    SAFETENSORS_RANK_MAX);
    size_t bytes = safetensors_type_size(tensor->type);
    bool fits = true;
    for (size_t i = 0; i < tensor->rank && fits; i++)
        fits = size_mul(bytes, tensor->shape[i], &bytes);
    if (!fits || bytes != tensor->bytes || (bytes > 0 && tensor->data == NULL))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: tensor \"%s\": %zu bytes, expected what its shape and type need", path,
                    tensor->name, tensor->data != NULL ? tensor->bytes : 0);
    return ELMAN_OK;
}

static int compare_names(const void *elements, uint32_t a, uint32_t b) {
    const SafetensorsTensor *tensors = elements;
    return strcmp(tensors[a].name, tensors[b].name);
}

static int compare_keys(const void *elements, uint32_t a, uint32_t b) {
    const SafetensorsPair *pairs = elements;
    return strcmp(pairs[a].key, pairs[b].key);
}

/* Finds two equal elements; the second one's index is *twice. */
static elman_status find_twice(Memory *memory, const Content *content, size_t count,
                               OrderCompare compare, const void *elements, uint32_t *twice,
                               bool *found, elman_error *error) {
    uint32_t *order = memory_allocate_array(memory, count, sizeof(*order));
    if (order == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to write %zu names", content->path,
                    count);
    order_sort(order, count, compare, elements);
    *found = false;
    for (size_t i = 1; i < count && !*found; i++) {
        *found = compare(elements, order[i - 1], order[i]) == 0;
        *twice = order[i];
    }
    memory_release(memory, order);
    return ELMAN_OK;
}

static elman_status check_content(Memory *memory, const Content *content, elman_error *error) {
    uint32_t twice = 0;
    bool found = false;
    size_t total = 0;
    if (content->count > SAFETENSORS_TENSORS_MAX ||
        content->metadata_count > SAFETENSORS_METADATA_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: %zu tensors and %zu pairs of metadata, expected at most %d and %d",
                    content->path, content->count, content->metadata_count, SAFETENSORS_TENSORS_MAX,
                    SAFETENSORS_METADATA_MAX);
    for (size_t i = 0; i < content->count; i++) {
        const elman_status status = check_tensor(content->path, &content->tensors[i], error);
        if (status != ELMAN_OK) return status;
        if (!size_add(total, content->tensors[i].bytes, &total))
            return fail(error, ELMAN_ERR_ARGUMENT, "%s: the sum of all sizes does not fit",
                        content->path);
    }
    for (size_t i = 0; i < content->metadata_count; i++)
        if (!is_utf8(content->metadata[i].key) || !is_utf8(content->metadata[i].value))
            return fail(error, ELMAN_ERR_ARGUMENT,
                        "%s: metadata \"%.64s\": holds bytes that are not UTF-8", content->path,
                        content->metadata[i].key);
    elman_status status = find_twice(memory, content, content->count, compare_names,
                                     content->tensors, &twice, &found, error);
    if (status == ELMAN_OK && found)
        status = fail(error, ELMAN_ERR_ARGUMENT, "%s: tensor \"%s\" is given twice", content->path,
                      content->tensors[twice].name);
    if (status == ELMAN_OK)
        status = find_twice(memory, content, content->metadata_count, compare_keys,
                            content->metadata, &twice, &found, error);
    if (status == ELMAN_OK && found)
        status = fail(error, ELMAN_ERR_ARGUMENT, "%s: metadata \"%.64s\" is given twice",
                      content->path, content->metadata[twice].key);
    return status;
}

static void append_tensor(Text *text, const SafetensorsTensor *tensor, size_t *offset) {
    append_string(text, tensor->name);
    append(text, ":{\"dtype\":\"");
    append(text, safetensors_type_name(tensor->type));
    append(text, "\",\"shape\":[");
    for (size_t i = 0; i < tensor->rank; i++) {
        if (i > 0) append(text, ",");
        append_number(text, tensor->shape[i]);
    }
    append(text, "],\"data_offsets\":[");
    append_number(text, *offset);
    *offset += tensor->bytes;
    append(text, ",");
    append_number(text, *offset);
    append(text, "]}");
}

/* The sizes of elements in the order in which tensors are written. */
static const size_t element_sizes[] = {8, 4, 2, 1};
enum { ELEMENT_SIZES = sizeof(element_sizes) / sizeof(element_sizes[0]) };

static void append_header(Text *text, const Content *content) {
    const char *separator = "";
    size_t offset = 0;
    append(text, "{");
    if (content->metadata_count > 0) {
        append(text, "\"__metadata__\":{");
        for (size_t i = 0; i < content->metadata_count; i++) {
            if (i > 0) append(text, ",");
            append_string(text, content->metadata[i].key);
            append(text, ":");
            append_string(text, content->metadata[i].value);
        }
        append(text, "}");
        separator = ",";
    }
    for (size_t k = 0; k < ELEMENT_SIZES; k++)
        for (size_t i = 0; i < content->count; i++) {
            if (safetensors_type_size(content->tensors[i].type) != element_sizes[k]) continue;
            append(text, separator);
            append_tensor(text, &content->tensors[i], &offset);
            separator = ",";
        }
    append(text, "}");
    while (text->size % HEADER_ALIGNMENT != 0) append(text, " ");
}

/* Makes the length field and the header: one block of *size bytes. */
static elman_status make_start(Memory *memory, const Content *content, char **start, size_t *size,
                               elman_error *error) {
    Text measured = {NULL, 0};
    append_header(&measured, content);
    if (measured.size > SAFETENSORS_HEADER_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT, "%s: a header of %zu bytes, expected at most %d",
                    content->path, measured.size, SAFETENSORS_HEADER_MAX);
    *size = LENGTH_SIZE + measured.size;
    *start = memory_allocate(memory, *size);
    if (*start == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its header of %zu bytes",
                    content->path, measured.size);
    Text text = {*start + LENGTH_SIZE, 0};
    append_header(&text, content);
    for (size_t i = 0; i < LENGTH_SIZE; i++) (*start)[i] = (char)(text.size >> (8 * i) & 0xff);
    return ELMAN_OK;
}

static elman_status write_data(FileWriter *writer, const Content *content, elman_error *error) {
    for (size_t k = 0; k < ELEMENT_SIZES; k++)
        for (size_t i = 0; i < content->count; i++) {
            const SafetensorsTensor *tensor = &content->tensors[i];
            if (safetensors_type_size(tensor->type) != element_sizes[k]) continue;
            const elman_status status =
                file_writer_write(writer, tensor->data, tensor->bytes, error);
            if (status != ELMAN_OK) return status;
        }
    return ELMAN_OK;
}

elman_status safetensors_write(Memory *memory, const char *path, const SafetensorsPair *metadata,
                               size_t metadata_count, const SafetensorsTensor *tensors,
                               size_t count, elman_error *error) {
    const Content content = {path, metadata, metadata_count, tensors, count};
    FileWriter *writer = NULL;
    char *start = NULL;
    size_t size = 0;
    elman_status status = check_content(memory, &content, error);
    if (status != ELMAN_OK) goto done;
    status = make_start(memory, &content, &start, &size, error);
    if (status != ELMAN_OK) goto done;
    status = file_writer_open(memory, path, &writer, error);
    if (status != ELMAN_OK) goto done;
    status = file_writer_write(writer, start, size, error);
    if (status != ELMAN_OK) goto done;
    status = write_data(writer, &content, error);
    if (status != ELMAN_OK) goto done;
    status = file_writer_commit(writer, error);
    writer = NULL;
done:
    file_writer_abort(writer);
    memory_release(memory, start);
    return status;
}
