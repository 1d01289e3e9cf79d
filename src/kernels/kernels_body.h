/* All kernels of one tier. The including file says which set vec.h shall use (VEC_...), the name of
 * the table (KERNELS_TIER) and of the tier (KERNELS_NAME). */
#include "kernels/kernels.h"
#include "kernels/tiers.h"
#include "kernels/vec.h"
#include "kernels/vec_lanes.h"
#include "kernels/vec_transpose.h"
#include "kernels/vec_words.h"

#include "kernels/activation_body.h"
#include "kernels/product_body.h"

#include "kernels/cell_body.h"
#include "kernels/loss_body.h"
#include "kernels/step_activation_body.h"

#include "kernels/step_body.h"
#include "kernels/lanes_body.h"
#include "kernels/outer_body.h"
#include "kernels/random_body.h"
#include "kernels/transpose_body.h"
#include "kernels/update_body.h"

const Kernels KERNELS_TIER = {
    .name = KERNELS_NAME,
    .product = product,
    .outer_product = outer_product,
    .column_blocks = column_blocks,
    .sum_rows = sum_rows,
    .transpose = transpose,
    .lanes_product = lanes_product,
    .rnn_tanh_forward = rnn_tanh_forward,
    .rnn_relu_forward = rnn_relu_forward,
    .lstm_forward = lstm_forward,
    .lstmp_forward = lstmp_forward,
    .gru_forward = gru_forward,
    .gru_reset_before_forward = gru_reset_before_forward,
    .gru_reset_before_forward2 = gru_reset_before_forward2,
    .project1 = project1,
    .project3 = project3,
    .project4 = project4,
    .rnn_tanh_backward = rnn_tanh_backward,
    .rnn_relu_backward = rnn_relu_backward,
    .lstm_backward = lstm_backward,
    .gru_backward = gru_backward,
    .gru_reset_before_backward = gru_reset_before_backward,
    .gru_reset_before_backward2 = gru_reset_before_backward2,
    .exp = exp_values,
    .tanh = tanh_values,
    .sigmoid = sigmoid_values,
    .add = add_values,
    .dropout_mask = mask_values,
    .cross_entropy = cross_entropy,
    .sum_of_squares = sum_of_squares,
    .adam = adam_update,
    .sgd = sgd_update,
    .rmsprop = rmsprop_update,
    .clip = clip_values,
    .rnn_tanh_step = rnn_tanh_step,
    .rnn_relu_step = rnn_relu_step,
    .lstm_step = lstm_step,
    .lstmp_step = lstmp_step,
    .gru_step = gru_step,
    .gru_before_step = gru_before_step,
};
