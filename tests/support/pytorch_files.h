/* Files of PyTorch: the networks of tests/convert/golden.safetensors with what it computed, and
 * made-up tensors. */
#ifndef SUPPORT_PYTORCH_FILES_H
#define SUPPORT_PYTORCH_FILES_H

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

/* Float numbers between 0 and 1, [rows][columns] or, where columns is 0, [rows]; at most 1024. */
SafetensorsTensor made_tensor(const char *name, size_t rows, size_t columns);

/* Writes tensors as a file of PyTorch's. */
void write_tensors(const SafetensorsTensor *tensors, size_t count, const char *path);

#endif
