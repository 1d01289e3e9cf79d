/* The double-precision reference of a described network. */
#ifndef SUPPORT_REFERENCES_H
#define SUPPORT_REFERENCES_H

#include "reference/reference.h"
#include "support/passes.h"
#include <elman/model.h>

/* The same network. */
RefNetwork reference_network(const NetworkSpec *spec);

/* The numbers in double, released with free; NULL for NULL. */
double *widen(const float *values, size_t count);

/* All parameters; checks that both sides have the same tensors in the same order. */
double *reference_parameters(const RefNetwork *network, const elman_model *model);

#endif
