/* The structure of a model (which layers, how wide) and the named tensors that follow from it. */
#ifndef MODEL_STRUCTURE_H
#define MODEL_STRUCTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "cells/cell.h"
#include "core/memory.h"
#include <elman/model.h>

typedef struct Structure {
    elman_input input;
    size_t input_size; /* features, or the vocabulary */
    size_t embedding;
    elman_cell_options *layers;
    size_t layer_count, layer_capacity;
    bool has_head, head_no_bias;
    size_t head_outputs;
    elman_stage *stages; /* behind the head, or in its place where there is none */
    size_t stage_count, stage_capacity;
    elman_output output;
} Structure;

/* What a tensor is to the network. */
typedef enum TensorRole {
    TENSOR_EMBEDDING,
    TENSOR_WEIGHT_IH,
    TENSOR_WEIGHT_HH,
    TENSOR_WEIGHT_PEEPHOLE,
    TENSOR_BIAS_IH,
    TENSOR_BIAS_HH,
    TENSOR_WEIGHT_HR,
    TENSOR_H0,
    TENSOR_C0,
    TENSOR_HEAD_WEIGHT,
    TENSOR_HEAD_BIAS,
    TENSOR_STAGE_WEIGHT,
    TENSOR_STAGE_BIAS
} TensorRole;

enum { TENSOR_NAME_MAX = 64 };

/* All tensors of a structure, in file order, in one block of zeroed memory. */
typedef struct TensorSet {
    elman_tensor *tensors;
    struct TensorPlace {
        TensorRole role;
        size_t layer; /* or the index of a stage */
        bool reverse;
    } * places;
    char (*names)[TENSOR_NAME_MAX];
    size_t count;
    float *data;
    size_t floats; /* in data, padding included */
} TensorSet;

void structure_release(Memory *memory, Structure *structure);
elman_status structure_copy(Memory *memory, Structure *copy, const Structure *structure,
                            elman_error *error);

/* 1 or 2. */
size_t structure_directions(const Structure *structure, size_t layer);

/* The width of h in each direction of a layer: its hidden units', or its projection's. */
size_t structure_width(const Structure *structure, size_t layer);

/* The width of a layer's input; with layer == layer_count, of the head's input. */
size_t structure_inputs(const Structure *structure, size_t layer);

/* The width of the output: the last stage's, the head's, or the last layer's directions together.
 */
size_t structure_outputs(const Structure *structure);

/* The width of what a stage reads; with stage == stage_count, of the output. */
size_t structure_stage_inputs(const Structure *structure, size_t stage);

/* A stage's number, the head being stage 0. */
size_t structure_stage_number(const Structure *structure, size_t stage);

/* The kinds' names, as in model files; NULL for one that does not exist. */
const char *stage_name(elman_stage_kind kind);

/* Whether stages of that kind have a weight and may have a bias. */
bool stage_has_tensors(elman_stage_kind kind);

/* Whether there is one output a sequence, and whether that is made of all steps. */
bool structure_one_output(const Structure *structure);
bool structure_pooled(const Structure *structure);

CellShape structure_cell_shape(const Structure *structure, size_t layer);

/* The cell's implementation, or NULL for a kind that does not exist. */
const Cell *cell_of_kind(elman_cell kind);

/* Whether the structure has a way back, which not all that can be run has; where it has none it
 * cannot be trained, nor serve what reads gates and gradients. The second says UNSUPPORTED and what
 * stands against it. */
bool structure_trained(const Structure *structure);
elman_status structure_check_trained(const Structure *structure, elman_error *error);

/* How many tensors the structure has. */
size_t structure_tensors(const Structure *structure);

/* The numbers in all tensors; false when they do not fit. */
bool structure_parameters(const Structure *structure, size_t *count);

/* The numbers in the state of `batch` rows. */
size_t structure_state_size(const Structure *structure, size_t batch);

/* How many tensors a set has and the floats that they take, each padded to whole vectors; false
 * when they do not fit. */
bool tensor_set_measure(const Structure *structure, size_t *count, size_t *floats);

/* Allocates zeroed tensors. Errors: MEMORY. */
elman_status tensor_set_create(Memory *memory, const Structure *structure, TensorSet *set,
                               elman_error *error);
void tensor_set_release(Memory *memory, TensorSet *set);

/* The data of one tensor, NULL when the structure has none; `layer` (of a stage: its index) and
 * `reverse` are 0 where there is but one. */
float *tensor_set_data(const TensorSet *set, TensorRole role, size_t layer, bool reverse);

/* The tensor of that name, or NULL. */
const elman_tensor *tensor_set_find(const TensorSet *set, const char *name);

#endif
