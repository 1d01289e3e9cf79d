/* Fuzz target: the .npy reader. No input may crash it; what it accepts must lie within the file. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    NpyArray array;
    elman_error error = {ELMAN_OK, ""};
    const elman_status status = npy_parse("x", bytes, size, &array, &error);
    if (status != ELMAN_OK) {
        check(status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_UNSUPPORTED, "a refusal is named");
        check(strncmp(error.message, "x: ", 3) == 0, "a refusal starts with the file's name");
        return 0;
    }
    size_t count = 1;
    check(array.rank <= NPY_RANK_MAX, "a rank is small");
    for (size_t i = 0; i < array.rank; i++) count *= array.shape[i];
    check(count == array.count, "the count is the product of the shape");
    check((const uint8_t *)array.data + count * npy_type_size(array.type) == bytes + size,
          "the numbers end with the file");
    for (size_t i = 0; i < count; i++) {
        const double number = npy_number(&array, i);
        const int is_integer = array.type == NPY_INT32 || array.type == NPY_INT64;
        check(!is_integer || (number == floor(number) && fabs(number) <= 0x1p63),
              "an integer is read as one");
    }
    return 0;
}
