/* How elman bench shows what it measured. */
#ifndef CLI_BENCH_VIEW_H
#define CLI_BENCH_VIEW_H

#include <jansson.h>

#include "bench_memory.h"
#include "bench_sample.h"

/* One point at one number of threads. */
typedef struct BenchResult {
    const BenchPoint *point;
    const elman_ceilings *ceilings;
    const BenchTimes *times;
    const BenchMemory *memory; /* NULL: not measured */
    const double *phases;      /* [ELMAN_PHASE_COUNT] seconds; NULL: no profile */
} BenchResult;

void bench_print_ceilings(const elman_ceilings *ceilings);
void bench_print_heading(void);
void bench_print_result(const BenchResult *result);

json_t *bench_json_ceilings(const elman_ceilings *ceilings);
json_t *bench_json_result(const BenchResult *result);

#endif
