/* What there is to ask of an ONNX model that has been read. */
#include "formats/onnx.h"

#include <assert.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"

size_t onnx_type_size(OnnxType type) {
    switch (type) {
    case ONNX_BOOL:
        return 1;
    case ONNX_FLOAT:
    case ONNX_INT32:
        return 4;
    case ONNX_DOUBLE:
    case ONNX_INT64:
        break;
    }
    return 8;
}

const char *onnx_type_name(OnnxType type) {
    static const char *const names[] = {"float", "double", "int32", "int64", "bool"};
    return names[type];
}

int64_t onnx_type_number(OnnxType type) {
    static const int64_t numbers[] = {
        [ONNX_FLOAT] = 1, [ONNX_DOUBLE] = 11, [ONNX_INT32] = 6, [ONNX_INT64] = 7, [ONNX_BOOL] = 9};
    return numbers[type];
}

bool onnx_type_of(int64_t number, OnnxType *type) {
    for (int i = ONNX_FLOAT; i <= ONNX_BOOL; i++) {
        if (onnx_type_number((OnnxType)i) != number) continue;
        *type = (OnnxType)i;
        return true;
    }
    return false;
}

/* An element's bits as its file has them. */
static uint64_t element_bits(const OnnxTensor *tensor, size_t index) {
    const size_t size = onnx_type_size(tensor->type);
    const unsigned char *const bytes = tensor->bytes + index * size;
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << 8 * i;
    return bits;
}

int64_t onnx_integer(const OnnxTensor *tensor, size_t index) {
    assert(tensor->type != ONNX_FLOAT && tensor->type != ONNX_DOUBLE);
    const void *const elements = tensor->elements;
    if (elements)
        return tensor->type == ONNX_INT64 ? ((const int64_t *)elements)[index]
                                          : ((const int32_t *)elements)[index];
    const uint64_t bits = element_bits(tensor, index);
    if (tensor->type != ONNX_INT32) return (int64_t)bits;
    return (int32_t)(uint32_t)bits;
}

double onnx_number(const OnnxTensor *tensor, size_t index) {
    const bool is_float = tensor->type == ONNX_FLOAT;
    if (!is_float && tensor->type != ONNX_DOUBLE) return (double)onnx_integer(tensor, index);
    if (tensor->elements)
        return is_float ? (double)((const float *)tensor->elements)[index]
                        : ((const double *)tensor->elements)[index];
    const uint64_t bits = element_bits(tensor, index);
    if (is_float) {
        const uint32_t half = (uint32_t)bits;
        float number;
        memcpy(&number, &half, sizeof number);
        return (double)number;
    }
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

const OnnxAttribute *onnx_attribute(const OnnxNode *node, const char *name) {
    for (size_t i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0) return &node->attributes[i];
    return NULL;
}

elman_status onnx_recognise(const char *path, bool *is, elman_error *error) {
    enum { VERSION_FIELD = 0x08, VERSION_MAX = 0x7F };
    FileReader reader;
    unsigned char start[9] = {0};
    *is = false;
    elman_status status = file_reader_open(&reader, path, error);
    if (!status && reader.size >= sizeof start) {
        status = file_reader_read(&reader, start, sizeof start, error);
        /* A brace there is where the header of a safetensors file begins. */
        *is = !status && start[0] == VERSION_FIELD && start[1] > 0 && start[1] <= VERSION_MAX &&
              start[8] != '{';
    }
    file_reader_close(&reader);
    return status;
}

#ifdef ELMAN_HAVE_ONNX

bool onnx_is_read(void) {
    return true;
}

#else

bool onnx_is_read(void) {
    return false;
}

static elman_status left_out(const char *name, OnnxModel **model, elman_error *error) {
    *model = NULL;
    return fail(error, ELMAN_ERR_UNSUPPORTED,
                "%s: is read as an ONNX model, which this build cannot do", name);
}

elman_status onnx_open(Memory *memory, const char *path, OnnxModel **model, elman_error *error) {
    (void)memory;
    return left_out(path, model, error);
}

elman_status onnx_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                        OnnxModel **model, elman_error *error) {
    (void)memory;
    (void)bytes;
    (void)size;
    return left_out(name, model, error);
}

void onnx_close(OnnxModel *model) {
    (void)model;
}

#endif
