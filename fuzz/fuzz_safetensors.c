/* Fuzz target: the safetensors reader. No input may crash it, leak, or make it allocate more than
 * twice the input and a mebibyte; what it accepts must be consistent. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "core/utf8.h"
#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_text(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        const size_t length = utf8_length(text, left);
        check(length > 0, "every string is UTF-8");
        text += length;
        left -= length;
    }
}

static void check_file(const SafetensorsFile *file, const uint8_t *bytes, size_t size) {
    const uint8_t *next = NULL;
    const size_t count = safetensors_count(file);
    for (size_t i = 0; i < count; i++) {
        SafetensorsTensor tensor, found;
        safetensors_at(file, i, &tensor);
        check_text(tensor.name);
        check(strlen(tensor.name) <= SAFETENSORS_NAME_MAX, "a name is short");
        check(tensor.rank <= SAFETENSORS_RANK_MAX, "a rank is small");
        size_t expected = safetensors_type_size(tensor.type);
        for (size_t k = 0; k < tensor.rank; k++) expected *= tensor.shape[k];
        check(expected == tensor.bytes, "a tensor has the size of its shape");
        check(next == NULL || tensor.data == next, "tensors stand side by side");
        next = (const uint8_t *)tensor.data + tensor.bytes;
        check(safetensors_find(file, tensor.name, &found) && found.data == tensor.data &&
                  found.rank == tensor.rank && found.bytes == tensor.bytes,
              "a tensor is found by its name");
    }
    check(count == 0 || next == bytes + size, "the last tensor ends with the file");
    for (size_t i = 0; i < safetensors_metadata_count(file); i++) {
        const SafetensorsPair pair = safetensors_metadata_at(file, i);
        check_text(pair.key);
        check_text(pair.value);
        check(safetensors_metadata(file, pair.key) == pair.value, "metadata is found by its key");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {2 * size + (1 << 20), 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    SafetensorsFile *file = NULL;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, &allocator);
    const elman_status status = safetensors_parse(&memory, "x", bytes, size, &file, &error);
    if (status == ELMAN_OK) {
        check_file(file, bytes, size);
    } else {
        check(status == ELMAN_ERR_FORMAT && file == NULL, "a refusal names the format");
        check(strncmp(error.message, "x: ", 3) == 0, "a refusal starts with the file's name");
    }
    safetensors_close(file);
    budget_check(&budget);
    return 0;
}
