/* The activations that plain cells can have. */
#include "cells/plain.h"

#include <math.h>

#include "core/special.h"

typedef struct ActivationKind {
    const char *name;
    bool has_alpha, has_beta;
} ActivationKind;

static const ActivationKind kinds[] = {
    [ELMAN_ACTIVATION_USUAL] = {"usual", false, false},
    [ELMAN_ACTIVATION_RELU] = {"relu", false, false},
    [ELMAN_ACTIVATION_TANH] = {"tanh", false, false},
    [ELMAN_ACTIVATION_SIGMOID] = {"sigmoid", false, false},
    [ELMAN_ACTIVATION_AFFINE] = {"affine", true, true},
    [ELMAN_ACTIVATION_LEAKY_RELU] = {"leaky-relu", true, false},
    [ELMAN_ACTIVATION_THRESHOLDED_RELU] = {"thresholded-relu", true, false},
    [ELMAN_ACTIVATION_SCALED_TANH] = {"scaled-tanh", true, true},
    [ELMAN_ACTIVATION_HARD_SIGMOID] = {"hard-sigmoid", true, true},
    [ELMAN_ACTIVATION_ELU] = {"elu", true, false},
    [ELMAN_ACTIVATION_SOFTSIGN] = {"softsign", false, false},
    [ELMAN_ACTIVATION_SOFTPLUS] = {"softplus", false, false},
};

const char *activation_name(elman_activation_kind kind) {
    return (size_t)kind < sizeof kinds / sizeof *kinds ? kinds[kind].name : NULL;
}

bool activation_has_alpha(elman_activation_kind kind) {
    return kinds[kind].has_alpha;
}

bool activation_has_beta(elman_activation_kind kind) {
    return kinds[kind].has_beta;
}

/* Below this a few terms of a series are right to 2^-47, where differences of the functions of
 * core/special.h would no longer be. */
static const double SMALL = 0x1p-12;

static double hyperbolic_tangent(double x) {
    return fabs(x) < SMALL ? x - x * x * x / 3.0 : 2.0 * sigmoid(2.0 * x) - 1.0;
}

/* e^x - 1. */
static double exponential_less_1(double x) {
    return fabs(x) < SMALL ? x + x * x * (0.5 + x / 6.0) : exponential(x) - 1.0;
}

/* Comparisons are written so that a NaN stays one. */
double activation_value(const elman_activation *activation, double x) {
    const double alpha = (double)activation->alpha, beta = (double)activation->beta;
    switch (activation->kind) {
    case ELMAN_ACTIVATION_USUAL:
        break;
    case ELMAN_ACTIVATION_RELU:
        return x < 0.0 ? 0.0 : x;
    case ELMAN_ACTIVATION_TANH:
        return hyperbolic_tangent(x);
    case ELMAN_ACTIVATION_SIGMOID:
        return sigmoid(x);
    case ELMAN_ACTIVATION_AFFINE:
        return alpha * x + beta;
    case ELMAN_ACTIVATION_LEAKY_RELU:
        return x < 0.0 ? alpha * x : x;
    case ELMAN_ACTIVATION_THRESHOLDED_RELU:
        return x < alpha ? 0.0 : x;
    case ELMAN_ACTIVATION_SCALED_TANH:
        return alpha * hyperbolic_tangent(beta * x);
    case ELMAN_ACTIVATION_HARD_SIGMOID:
        x = alpha * x + beta;
        return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
    case ELMAN_ACTIVATION_ELU:
        return x < 0.0 ? alpha * exponential_less_1(x) : x;
    case ELMAN_ACTIVATION_SOFTSIGN:
        return x / (1.0 + fabs(x));
    case ELMAN_ACTIVATION_SOFTPLUS:
        return softplus(x);
    }
    return x;
}
