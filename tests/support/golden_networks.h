/* The networks of tests/convert/golden.safetensors: PyTorch's, with what it computed. */
#ifndef SUPPORT_GOLDEN_NETWORKS_H
#define SUPPORT_GOLDEN_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "formats/safetensors.h"
#include <elman/convert.h>

enum { GOLDEN_NETWORKS = 500, GOLDEN_TENSORS_MAX = 64 };

/* One network; golden.py tells what each tensor holds. They point into the file. */
typedef struct GoldenNetwork {
    SafetensorsTensor parameters[GOLDEN_TENSORS_MAX]; /* under PyTorch's names */
    size_t count;
    SafetensorsTensor input, lengths, output, final, output_gradient, gradients;
    SafetensorsTensor state; /* data NULL: zeros */
    bool relu;               /* nonlinearity of an nn.RNN */
    bool projects;           /* an nn.LSTM with proj_size */
} GoldenNetwork;

/* The caller closes the file; `memory` must outlive it. A failure fails the test. */
SafetensorsFile *golden_open(Memory *memory);
GoldenNetwork golden_network(const SafetensorsFile *file, size_t index);

/* What its conversion must be told. */
elman_convert_options golden_options(const GoldenNetwork *network);

/* Writes tensors as a file of PyTorch's. */
void golden_write(const SafetensorsTensor *tensors, size_t count, const char *path);

#endif
