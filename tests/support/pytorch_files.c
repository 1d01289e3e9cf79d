/* Reads golden networks, writes files. */
#include "support/pytorch_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

SafetensorsFile *golden_open(Memory *memory) {
    SafetensorsFile *file = NULL;
    elman_error error = {0};
    memory_init(memory, NULL);
    if (safetensors_open(memory, ELMAN_SOURCE_DIR "/tests/convert/golden.safetensors", &file,
                         &error))
        fail_msg("%s", error.message);
    return file;
}

/* The tensor of that name; data NULL when the network has none. */
static SafetensorsTensor of_network(const SafetensorsFile *file, size_t index, const char *what) {
    char name[64];
    SafetensorsTensor tensor = {0};
    snprintf(name, sizeof name, "%zu/%s", index, what);
    safetensors_find(file, name, &tensor);
    return tensor;
}

GoldenNetwork golden_network(const SafetensorsFile *file, size_t index) {
    GoldenNetwork network = {.input = of_network(file, index, "input"),
                             .lengths = of_network(file, index, "lengths"),
                             .output = of_network(file, index, "output"),
                             .final = of_network(file, index, "final"),
                             .output_gradient = of_network(file, index, "output_gradient"),
                             .gradients = of_network(file, index, "gradients"),
                             .state = of_network(file, index, "state")};
    const SafetensorsTensor kind = of_network(file, index, "kind");
    int32_t relu;
    char prefix[24];
    const int length = snprintf(prefix, sizeof prefix, "%zu/", index);
    assert_non_null(kind.data);
    memcpy(&relu, kind.data, sizeof relu);
    network.relu = relu != 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        SafetensorsTensor tensor;
        safetensors_at(file, i, &tensor);
        if (strncmp(tensor.name, prefix, (size_t)length) != 0) continue;
        tensor.name += length;
        if (!strchr(tensor.name, '.')) continue;
        assert_in_range(network.count, 0, GOLDEN_TENSORS_MAX - 1);
        network.parameters[network.count++] = tensor;
        if (strcmp(tensor.name, "rnn.weight_hr_l0") == 0) network.projects = true;
    }
    assert_true(network.count > 0 && network.input.data && network.lengths.data &&
                network.output.data && network.final.data && network.output_gradient.data &&
                network.gradients.data);
    return network;
}

elman_convert_options golden_options(const GoldenNetwork *network) {
    return (elman_convert_options){
        .struct_size = sizeof(elman_convert_options),
        .nonlinearity = network->relu ? ELMAN_NONLINEARITY_RELU : ELMAN_NONLINEARITY_UNSTATED,
    };
}

SafetensorsTensor made_tensor(const char *name, size_t rows, size_t columns) {
    enum { NUMBERS = 1024 };
    static float numbers[NUMBERS];
    const size_t count = rows * (columns ? columns : 1);
    assert_in_range(count, 1, NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++) numbers[i] = (float)(i % 7) / 8.0f;
    return (SafetensorsTensor){.name = name,
                               .type = SAFETENSORS_F32,
                               .rank = columns ? 2 : 1,
                               .shape = {rows, columns},
                               .data = numbers,
                               .bytes = count * sizeof *numbers};
}

void write_tensors(const SafetensorsTensor *tensors, size_t count, const char *path) {
    Memory memory;
    elman_error error = {0};
    memory_init(&memory, NULL);
    if (safetensors_write(&memory, path, NULL, 0, tensors, count, &error))
        fail_msg("%s", error.message);
}
