/* Networks as PyTorch names them: one nn.RNN, nn.LSTM or nn.GRU, with an nn.Embedding before and an
 * nn.Linear behind it. */
#ifndef CONVERT_PYTORCH_H
#define CONVERT_PYTORCH_H

#include "convert/oracle.h"
#include "convert/tensor_list.h"

/* Which tensors of a source are what, and what their names do not tell. */
typedef struct PytorchRoles {
    const char *name;                      /* of the file, for sentences */
    char prefix[SAFETENSORS_NAME_MAX + 1]; /* of the recurrent module's tensors: "rnn.", "" */
    const SafetensorsTensor *embedding;    /* NULL: none */
    const SafetensorsTensor *linear_weight, *linear_bias; /* NULL: none */
    bool one_hot;                                         /* tokens as one-hot rows */
    bool relu;
    elman_output output;
} PytorchRoles;

/* PyTorch's arithmetic. It reads the tensors under the prefix itself. */
typedef struct PytorchOracle {
    Oracle base;
    const TensorList *source;
    const PytorchRoles *roles;
} PytorchOracle;

/* Number `index` of a tensor, as the oracle reads it. */
double pytorch_number(const SafetensorsTensor *tensor, size_t index);

PytorchOracle pytorch_oracle(const TensorList *source, const PytorchRoles *roles);

#endif
