/* Networks as PyTorch names them: an nn.RNN, nn.LSTM or nn.GRU, or several one behind the other,
 * with an nn.Embedding before and an nn.Linear behind them. */
#ifndef CONVERT_PYTORCH_H
#define CONVERT_PYTORCH_H

#include "convert/oracle.h"
#include "convert/tensor_list.h"

enum { PYTORCH_MODULES_MAX = 16 };

/* One recurrent module. */
typedef struct PytorchModule {
    char prefix[SAFETENSORS_NAME_MAX + 1]; /* of its tensors: "rnn.", "" */
    size_t layers;
} PytorchModule;

/* Which tensors of a source are what, and what their names do not tell. */
typedef struct PytorchRoles {
    const char *name;                           /* of the file, for sentences */
    PytorchModule modules[PYTORCH_MODULES_MAX]; /* one behind the other */
    size_t module_count;
    const SafetensorsTensor *embedding;                   /* NULL: none */
    const SafetensorsTensor *linear_weight, *linear_bias; /* NULL: none */
    bool one_hot;                                         /* tokens as one-hot rows */
    bool relu;
    elman_output output;
} PytorchRoles;

/* The tensor of one kind ("weight_ih", ...) of a layer, which is counted through all modules; NULL
 * when there is none. */
const SafetensorsTensor *pytorch_find(const TensorList *source, const PytorchRoles *roles,
                                      const char *kind, size_t layer, bool reverse);

/* PyTorch's arithmetic. It reads the tensors under the prefixes itself. */
typedef struct PytorchOracle {
    Oracle base;
    const TensorList *source;
    const PytorchRoles *roles;
} PytorchOracle;

/* Number `index` of a tensor, as the oracle reads it. */
double pytorch_number(const SafetensorsTensor *tensor, size_t index);

PytorchOracle pytorch_oracle(const TensorList *source, const PytorchRoles *roles);

#endif
