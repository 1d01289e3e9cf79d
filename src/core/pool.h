/* Worker threads that carry out one job together.
 *
 * Workers never allocate and never touch the floating-point mode; on Linux a new thread starts with
 * the mode (MXCSR) of the thread that creates it, so they work in the mode that the caller had when
 * it created the pool. Signals are blocked in them, except those that a fault raises. */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/memory.h"
#include <elman/status.h>

typedef struct Pool Pool;

/* One worker's share of a job; `worker` is in [0, workers). */
typedef void (*PoolFunction)(void *argument, size_t worker, size_t workers);

/* Starts `workers` - 1 threads; the caller of pool_run is worker 0. `workers` is at least 1;
 * `memory` must outlive the pool. Errors: MEMORY, IO (a thread could not be started). */
elman_status pool_create(Memory *memory, size_t workers, Pool **pool, elman_error *error);

/* Stops the threads. NULL is legal. */
void pool_destroy(Pool *pool);

size_t pool_workers(const Pool *pool);

/* Whether waiting workers spin: false where there are more of them than processors, and a meeting
 * takes as long as the system needs to switch threads. */
bool pool_spins(const Pool *pool);

/* Every worker calls `function` once; returns when all have. What the caller wrote before is seen
 * by the workers, what they wrote is seen by the caller. One thread at a time; not from a worker.
 */
void pool_run(Pool *pool, PoolFunction function, void *argument);

/* For `worker`, inside a job: returns when every worker of the pool has called it as often as this
 * one has. What any of them wrote before is seen by all of them after. Every worker calls it
 * equally often in one job, also one that has nothing to do. */
void pool_barrier(Pool *pool, size_t worker);

/* For `worker`, in a job: its next barrier does not count for pool_late, since the work before it
 * is unevenly shared. */
void pool_forgive(Pool *pool, size_t worker);

/* Whether all workers look out for a job, or are at one: to wake a sleeping one takes some tens of
 * microseconds. A guess: they may fall asleep the moment after. */
bool pool_awake(const Pool *pool);

/* How many barriers in all jobs so far a worker was so late for, some 80 microseconds, that the
 * others gave up their processors; a job's first barrier does not count. Not during a job. */
size_t pool_late(const Pool *pool);

/* The range of [0, count) that belongs to `worker`: contiguous, in order of the workers, each start
 * a multiple of `grain` (at least 1) or `count`. Ranges differ by at most one grain, and are empty
 * for the last workers when there are too few grains. */
void pool_split(size_t count, size_t grain, size_t worker, size_t workers, size_t *begin,
                size_t *end);

#endif
