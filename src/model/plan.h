/* How workers share a pass. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "model/network.h"
#include <elman/tape.h>

typedef struct Plan {
    size_t workers; /* of the passes through the layers: 1 or all of the context's */
    bool by_panels; /* see CellShare */
} Plan;

/* The plan for `batch` rows: what is asked for or, where that is left open, what an estimate of a
 * step's cycles says is the fastest. It changes no bits. */
Plan plan_pass(const elman_network *network, elman_sharing sharing, size_t batch);

#endif
