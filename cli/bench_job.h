/* One point of elman bench, ready to be run again and again. */
#ifndef CLI_BENCH_JOB_H
#define CLI_BENCH_JOB_H

#include "bench_points.h"

typedef struct BenchJob BenchJob;

/* Makes layer or trainer with weights and data that are the same every time. The context must
 * outlive the job. NULL, with the error filled in, where that fails. */
BenchJob *bench_job_create(elman_context *context, const BenchPoint *point, elman_error *error);
void bench_job_destroy(BenchJob *job);

/* Runs the point so many times:
 *
 *     infer  a pass of a forward_only layer from a zero state; y stays where it is
 *     train  forward and backward with the gradient of x; gradients stay where they are. The
 * weights stay the same and are not packed again. Or a whole training step: packing, forward, loss,
 * backward, clipping by norm, Adam step   a step of a stream, y copied */
elman_status bench_job_run(BenchJob *job, size_t times, elman_error *error);

#endif
