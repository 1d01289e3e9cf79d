/* Writes .npy files: the header and the numbers as bytes. */
#include <stdio.h>
#include <string.h>

#include "formats/npy.h"

size_t npy_header(const NpyArray *array, unsigned char header[NPY_HEADER_MAX]) {
    static const char *const names[] = {"<f4", "<f8", "<i4", "<i8"};
    char text[NPY_HEADER_MAX];
    int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        names[array->type]);
    for (size_t i = 0; i < array->rank; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%zu%s", array->shape[i],
                         array->rank == 1      ? ","
                         : i + 1 < array->rank ? ", "
                                               : "");
    used += snprintf(text + used, sizeof text - (size_t)used, "), }");
    const size_t length = (size_t)used, size = (10 + length + 1 + 63) / 64 * 64;
    memset(header, ' ', size);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (unsigned char)((size - 10) & 0xFF);
    header[9] = (unsigned char)((size - 10) >> 8);
    memcpy(header + 10, text, length);
    header[size - 1] = '\n';
    return size;
}

size_t npy_encode(const NpyArray *array, size_t first, unsigned char *bytes, size_t most) {
    const size_t size = npy_type_size(array->type), left = array->count - first;
    const size_t count = left < most / size ? left : most / size;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *const from = (const unsigned char *)array->data + (first + i) * size;
        uint64_t bits = 0;
        if (size == 8) {
            memcpy(&bits, from, 8);
        } else {
            uint32_t half;
            memcpy(&half, from, 4);
            bits = half;
        }
        for (size_t k = 0; k < size; k++) bytes[i * size + k] = (unsigned char)(bits >> 8 * k);
    }
    return count * size;
}
