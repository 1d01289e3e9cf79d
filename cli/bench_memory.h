/* How much memory a point of elman bench takes. */
#ifndef CLI_BENCH_MEMORY_H
#define CLI_BENCH_MEMORY_H

#include "bench_points.h"

typedef struct BenchMemory {
    double formula;   /* bench_bytes */
    double allocated; /* the most that the library held at once */
    double resident;  /* the most of the process; 0 where the system does not tell */
} BenchMemory;

/* Runs a few calls of the point in a context of its own. */
elman_status bench_memory(const BenchPoint *point, size_t threads, BenchMemory *memory,
                          elman_error *error);

#endif
