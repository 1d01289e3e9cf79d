/* Reads .npy files. */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "formats/npy.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    const char *descr;
    NpyType type;
} types[] = {{"<f4", NPY_FLOAT32}, {"<f8", NPY_FLOAT64}, {"<i4", NPY_INT32}, {"<i8", NPY_INT64}};

/* The header: a Python dictionary. */
typedef struct NpyHeader {
    const char *name;
    const char *at, *end;
    NpyArray *array;
    bool has_descr, has_order, has_shape;
    elman_error *error;
} NpyHeader;

size_t npy_type_size(NpyType type) {
    return type == NPY_FLOAT32 || type == NPY_INT32 ? 4 : 8;
}

bool npy_recognise(const void *bytes, size_t size) {
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

static elman_status expected(const NpyHeader *header, const char *what) {
    const size_t left = (size_t)(header->end - header->at);
    return fail(header->error, ELMAN_ERR_FORMAT, "%s: header: found \"%.*s\", expected %s",
                header->name, left > 20 ? 20 : (int)left, header->at, what);
}

static void skip_blanks(NpyHeader *header) {
    while (header->at < header->end && (*header->at == ' ' || *header->at == '\n')) header->at++;
}

/* Steps over `text` if it comes next. */
static bool take(NpyHeader *header, const char *text) {
    const size_t length = strlen(text);
    skip_blanks(header);
    if ((size_t)(header->end - header->at) < length || memcmp(header->at, text, length) != 0)
        return false;
    header->at += length;
    return true;
}

/* A string in either quotes, without escapes; false when none comes next. */
static bool take_string(NpyHeader *header, const char **text, size_t *length) {
    skip_blanks(header);
    if (header->at == header->end || (*header->at != '\'' && *header->at != '"')) return false;
    const char *const from = header->at + 1;
    const char *const to = memchr(from, *header->at, (size_t)(header->end - from));
    if (!to || memchr(from, '\\', (size_t)(to - from))) return false;
    *text = from;
    *length = (size_t)(to - from);
    header->at = to + 1;
    return true;
}

static bool same(const char *text, size_t length, const char *word) {
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

static elman_status read_descr(NpyHeader *header) {
    const char *text;
    size_t length;
    if (!take_string(header, &text, &length))
        return take(header, "[")
                   ? fail(header->error, ELMAN_ERR_UNSUPPORTED,
                          "%s: holds records, expected numbers (<f4, <f8, <i4 or <i8)",
                          header->name)
                   : expected(header, "the name of a type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (same(text, length, types[i].descr)) {
            header->array->type = types[i].type;
            return ELMAN_OK;
        }
    return fail(header->error, ELMAN_ERR_UNSUPPORTED,
                "%s: holds numbers of type %.*s, expected <f4, <f8, <i4 or <i8", header->name,
                length > 20 ? 20 : (int)length, text);
}

static elman_status read_order(NpyHeader *header) {
    if (take(header, "False")) return ELMAN_OK;
    if (take(header, "True"))
        return fail(header->error, ELMAN_ERR_UNSUPPORTED,
                    "%s: is in column-major (Fortran) order, expected row-major", header->name);
    return expected(header, "True or False");
}

static elman_status read_size(NpyHeader *header, size_t *size) {
    *size = 0;
    skip_blanks(header);
    if (header->at == header->end || *header->at < '0' || *header->at > '9')
        return expected(header, "a size");
    for (; header->at < header->end && *header->at >= '0' && *header->at <= '9'; header->at++)
        if (!size_mul(*size, 10, size) || !size_add(*size, (size_t)(*header->at - '0'), size))
            return fail(header->error, ELMAN_ERR_FORMAT, "%s: a size does not fit into 64 bits",
                        header->name);
    return ELMAN_OK;
}

static elman_status read_shape(NpyHeader *header) {
    NpyArray *const array = header->array;
    elman_status status;
    if (!take(header, "(")) return expected(header, "a shape such as (2, 3)");
    while (!take(header, ")")) {
        if (array->rank == NPY_RANK_MAX)
            return fail(header->error, ELMAN_ERR_FORMAT, "%s: more than %d dimensions",
                        header->name, NPY_RANK_MAX);
        if ((status = read_size(header, &array->shape[array->rank++]))) return status;
        if (take(header, ",")) continue;
        if (!take(header, ")") || array->rank == 1) return expected(header, "a comma in the shape");
        break;
    }
    return ELMAN_OK;
}

/* One key and its value. */
static elman_status read_pair(NpyHeader *header) {
    const char *key;
    size_t length;
    bool *seen;
    elman_status (*read)(NpyHeader *);
    if (!take_string(header, &key, &length)) return expected(header, "a key");
    if (same(key, length, "descr")) {
        seen = &header->has_descr;
        read = read_descr;
    } else if (same(key, length, "fortran_order")) {
        seen = &header->has_order;
        read = read_order;
    } else if (same(key, length, "shape")) {
        seen = &header->has_shape;
        read = read_shape;
    } else {
        return fail(header->error, ELMAN_ERR_FORMAT,
                    "%s: header: unknown key \"%.*s\", expected descr, fortran_order and shape",
                    header->name, length > 20 ? 20 : (int)length, key);
    }
    if (*seen)
        return fail(header->error, ELMAN_ERR_FORMAT, "%s: header: the key %.*s appears twice",
                    header->name, (int)length, key);
    *seen = true;
    if (!take(header, ":")) return expected(header, ": behind a key");
    return read(header);
}

static elman_status read_header(NpyHeader *header) {
    elman_status status;
    if (!take(header, "{")) return expected(header, "{");
    while (!take(header, "}")) {
        if ((status = read_pair(header))) return status;
        if (take(header, ",")) continue;
        if (!take(header, "}")) return expected(header, ", or }");
        break;
    }
    skip_blanks(header);
    if (header->at != header->end) return expected(header, "nothing behind the }");
    if (!header->has_descr || !header->has_order || !header->has_shape)
        return fail(header->error, ELMAN_ERR_FORMAT, "%s: header: no key %s", header->name,
                    !header->has_descr   ? "descr"
                    : !header->has_order ? "fortran_order"
                                         : "shape");
    return ELMAN_OK;
}

/* Finds the header in the file: *start and *length. */
static elman_status find_header(const char *name, const unsigned char *bytes, size_t size,
                                size_t *start, size_t *length, elman_error *error) {
    if (!npy_recognise(bytes, size))
        return fail(error, ELMAN_ERR_FORMAT, "%s: does not begin as an .npy file does", name);
    if (size < 8) return fail(error, ELMAN_ERR_FORMAT, "%s: ends before its version", name);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: is of version %d.%d of the format, expected 1.0, 2.0 or 3.0", name,
                    bytes[6], bytes[7]);
    *start = bytes[6] == 1 ? 10 : 12;
    if (size < *start)
        return fail(error, ELMAN_ERR_FORMAT, "%s: ends before its header's length", name);
    *length = bytes[8] | (size_t)bytes[9] << 8;
    if (*start == 12) *length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (*length > size - *start)
        return fail(error, ELMAN_ERR_FORMAT, "%s: its header claims %zu bytes, the file has %zu",
                    name, *length, size - *start);
    return ELMAN_OK;
}

elman_status npy_parse(const char *name, const void *given, size_t size, NpyArray *array,
                       elman_error *error) {
    const unsigned char *const bytes = given;
    size_t start = 0, length = 0, expected_bytes;
    elman_status status = find_header(name, bytes, size, &start, &length, error);
    if (status) return status;
    *array = (NpyArray){.count = 1};
    NpyHeader header = {.name = name,
                        .at = (const char *)bytes + start,
                        .end = (const char *)bytes + start + length,
                        .array = array,
                        .error = error};
    if ((status = read_header(&header))) return status;
    bool fits = true;
    for (size_t i = 0; i < array->rank; i++)
        fits = fits && size_mul(array->count, array->shape[i], &array->count);
    if (!fits || !size_mul(array->count, npy_type_size(array->type), &expected_bytes))
        return fail(error, ELMAN_ERR_FORMAT, "%s: the product of its shape does not fit", name);
    if (expected_bytes != size - start - length)
        return fail(error, ELMAN_ERR_FORMAT, "%s: has %zu bytes of numbers, its shape asks for %zu",
                    name, size - start - length, expected_bytes);
    array->data = bytes + start + length;
    return ELMAN_OK;
}

/* The bytes of one number, the first of them the lowest. */
static uint64_t number_bits(const NpyArray *array, size_t index) {
    const size_t size = npy_type_size(array->type);
    const unsigned char *const bytes = (const unsigned char *)array->data + index * size;
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << 8 * i;
    return bits;
}

int64_t npy_integer(const NpyArray *array, size_t index) {
    const uint64_t bits = number_bits(array, index);
    if (array->type == NPY_INT64) {
        int64_t number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    assert(array->type == NPY_INT32);
    const uint32_t half = (uint32_t)bits;
    int32_t number;
    memcpy(&number, &half, sizeof number);
    return number;
}

double npy_number(const NpyArray *array, size_t index) {
    if (array->type == NPY_INT32 || array->type == NPY_INT64)
        return (double)npy_integer(array, index);
    const uint64_t bits = number_bits(array, index);
    if (array->type == NPY_FLOAT64) {
        double number;
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    const uint32_t half = (uint32_t)bits;
    float number;
    memcpy(&number, &half, sizeof number);
    return (double)number;
}
