/* Fuzz target: the reader of torch.save's files and of their pickles. No input may crash it, leak,
 * or make it allocate more than 320 times the input and a mebibyte; what it accepts must lie within
 * the file. The first byte tells which: '(' and what else begins no archive is a pickle alone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "formats/torch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "not true: %s\n", what);
    abort();
}

static void check_refusal(elman_status status, const elman_error *error) {
    check(status == ELMAN_ERR_FORMAT || status == ELMAN_ERR_UNSUPPORTED, "a refusal is named");
    check(strncmp(error->message, "x: ", 3) == 0, "a refusal starts with the file's name");
}

static void check_file(const TorchFile *file, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < file->count; i++) {
        const SafetensorsTensor *const tensor = &file->tensors[i];
        const uint8_t *const data = tensor->data;
        size_t expected = safetensors_type_size(tensor->type);
        for (size_t k = 0; k < tensor->rank; k++) expected *= tensor->shape[k];
        check(expected == tensor->bytes, "a tensor has the size of its shape");
        check(data >= bytes && tensor->bytes <= size - (size_t)(data - bytes),
              "a tensor lies within the file");
        check(strlen(tensor->name) <= SAFETENSORS_NAME_MAX, "a name is short");
    }
}

static void read_pickle(Memory *memory, const uint8_t *bytes, size_t size) {
    static const char *const globals[] = {"collections OrderedDict",
                                          "torch._utils _rebuild_tensor_v2", NULL};
    Pickle pickle;
    elman_error error = {ELMAN_OK, ""};
    const elman_status status = pickle_read(memory, "x", bytes, size, globals, &pickle, &error);
    if (status) check_refusal(status, &error);
    pickle_release(&pickle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Budget budget = {320 * size + (1 << 20), 0};
    const elman_allocator allocator = budget_allocator(&budget);
    Memory memory;
    TorchFile *file = NULL;
    elman_error error = {ELMAN_OK, ""};
    memory_init(&memory, &allocator);
    if (!zip_recognise(bytes, size)) {
        read_pickle(&memory, bytes, size);
    } else {
        const elman_status status = torch_parse(&memory, "x", bytes, size, &file, &error);
        if (status)
            check_refusal(status, &error);
        else
            check_file(file, bytes, size);
        torch_close(file);
    }
    budget_check(&budget);
    return 0;
}
