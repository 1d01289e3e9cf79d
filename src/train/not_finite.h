/* Where a training step met a number that is not finite. */
#ifndef TRAIN_NOT_FINITE_H
#define TRAIN_NOT_FINITE_H

#include "model/model.h"
#include "train/optimizer.h"

enum { NOT_FINITE_PLACE_MAX = TENSOR_NAME_MAX + 24 };

/* The place of element `element` of the tensor `tensor` of a model. */
elman_not_finite not_finite_place(const elman_model *model, uint64_t step, size_t tensor,
                                  size_t element);

/* "rnn.weight_hh_l0 (forget gate)". */
const char *not_finite_print(const elman_not_finite *place, char text[NOT_FINITE_PLACE_MAX]);

/* The first number of `count` that is not finite; `count`: none. */
size_t not_finite_element(const float *numbers, size_t count);

/* Finds a gradient with such a number, false: none. It is that of the first layer that met one: the
 * nearest to the output where gradients overflowed on their way back, else the nearest to the
 * input. */
bool not_finite_gradient(const Optimizer *optimizer, const elman_model *model, bool loss_is_finite,
                         size_t *tensor);

/* The same of the weights; the first. */
bool not_finite_weight(const Optimizer *optimizer, size_t *tensor);

#endif
