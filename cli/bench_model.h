/* What a point of elman bench costs: operations, the least time, memory (docs/performance.md). */
#ifndef CLI_BENCH_MODEL_H
#define CLI_BENCH_MODEL_H

#include "bench_points.h"

/* The operations of one call: two for each multiply-add of a product with a weight matrix, and
 * nothing else. With F = 2 G H (I + H) B T for each layer and direction, inference has F; training
 * has three times that (forward, the gradients of x and h, those of the weights), but without the
 * gradient of x for the first layer of a whole training step, and without the products of token
 * input, which is looked up. A head of O outputs adds 2 F O B T for the F features that it reads,
 * in training three times. */
double bench_flops(const BenchPoint *point);

/* The seconds that one call takes by the cost model, on 1 thread or on all that were measured, at
 * the pace of as many. */
double bench_seconds(const BenchPoint *point, const elman_ceilings *ceilings,
                     const elman_pace *pace, size_t threads);

/* The bytes that a whole training step cannot do without: activations, weights, gradients, Adam's
 * two moments, and the weights packed for the forward and for the backward pass. */
double bench_bytes(const BenchPoint *point);

#endif
