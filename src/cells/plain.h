/* Cells with what the fast ones lack: other activations, a clip, f = 1 - i, peepholes. One row and
 * one panel after the other in scalar C; a pass may share rows between workers, not panels.
 *
 *     RNN                h' = f(W x + b + R h + b')
 *     LSTM               i = f(. + p_i * c),   f = f(. + p_f * c) or 1 - i,   g = g(.)
 *                        c' = f * c + i * g,   o = f(. + p_o * c'),   h' = o * h(c')
 *     GRU                r, z = f(.),   h' = (1 - z) * n + z * h
 *       reset after:     n = g(W x + b + r * (R h + b'))
 *       reset before:    n = g(W x + b + R (r * h) + b')
 *
 * with a clip on the argument of every activation, h's too.
 *
 * Sums and activations are computed in double: a pre-activation starts from its bias (or a token's
 * row), a float, then come the products with x and those with h, ascending, each product exact and
 * each sum rounded. h', c' and r * h are rounded to float. So a step has the same bits wherever it
 * runs, and is nearer to the equations than those of the fast cells.
 *
 * Source: the operators RNN, GRU and LSTM of ONNX (opset 14); peepholes: Gers, Schraudolph and
 * Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3, 2002. */
#ifndef CELLS_PLAIN_H
#define CELLS_PLAIN_H

#include "cells/cell.h"
#include <elman/model.h>

enum { PLAIN_ACTIVATIONS = 3 };

/* What one direction of a plain layer computes. */
typedef struct PlainCell {
    elman_activation activations[PLAIN_ACTIVATIONS]; /* f, g, h; none of them USUAL */
    double clip;                                     /* 0: none */
    bool input_forget;
} PlainCell;

/* The names of the kinds, as in model files; NULL for one that does not exist. */
const char *activation_name(elman_activation_kind kind);

/* Whether an activation of that kind reads alpha, and beta. */
bool activation_has_alpha(elman_activation_kind kind);
bool activation_has_beta(elman_activation_kind kind);

/* The activation's value; its kind is not USUAL. */
double activation_value(const elman_activation *activation, double x);

#endif
