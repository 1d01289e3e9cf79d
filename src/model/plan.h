/* How workers share a pass. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "model/network.h"
#include <elman/tape.h>

typedef struct Plan {
    elman_sharing sharing; /* ELMAN_SHARE_ROWS, _UNITS or _LAYERS */
    size_t workers;        /* 1 or all of the context's */
    size_t chunk;          /* LAYERS: the steps of a layer that its worker takes at a time */
    bool watched; /* meetings follow each other so fast that one for which a worker is late, since
                     another program has its processor, costs more than the plan brings */
} Plan;

/* A pass to be planned. */
typedef struct PlanPass {
    const elman_network *network;
    elman_sharing sharing;   /* what was asked for */
    size_t steps, batch;     /* of this pass */
    size_t inputs_from;      /* the first layer with a product over inputs, or their gradient */
    const size_t *worker_of; /* from plan_layers */
    bool apart;              /* where the choice is free: none whose workers meet */
    bool awake;              /* no worker sleeps */
} PlanPass;

/* Whether work of so many multiply-adds is worth sharing. */
bool plan_shares(const elman_network *network, double multiply_adds, bool awake);

/* The plan: what is asked for or, where that is left open, what an estimate of its cycles says is
 * the fastest. It changes no bits. */
Plan plan_pass(const PlanPass *pass);

/* Where layers are shared: the worker of each layer, neighbours to one worker, about as much work
 * to each. Counts from 0 in every stack of layers that lies between bidirectional ones, whose two
 * directions go to workers 0 and 1. */
void plan_layers(const elman_network *network, size_t batch, size_t *worker_of);

/* The layers that are shared as one: a bidirectional one, or all between two of those. From the
 * first of them to the one behind the last, and from that to the first. */
size_t plan_stack_end(const Structure *structure, size_t first);
size_t plan_stack_begin(const Structure *structure, size_t end);

#endif
