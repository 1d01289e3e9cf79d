/* The activations of ONNX's recurrent operators. */
#ifndef CONVERT_ORACLE_ONNX_ACTIVATION_H
#define CONVERT_ORACLE_ONNX_ACTIVATION_H

#include "convert/oracle_onnx_call.h"

enum { ORACLE_ACTIVATIONS_MAX = 6 }; /* f, g and h of two directions */

typedef struct OracleActivation {
    double (*function)(double x, double alpha, double beta);
    double alpha, beta;
} OracleActivation;

/* Reads the node's activations; `defaults` are the names of `count` for one direction. */
elman_status oracle_activations(const OracleCall *call, const char *const *defaults, size_t count,
                                size_t directions,
                                OracleActivation activations[ORACLE_ACTIVATIONS_MAX]);

#endif
