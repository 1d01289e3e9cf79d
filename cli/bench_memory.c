/* Counts the library's memory through its allocator, and asks Linux for the process's. */
#include "bench_memory.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "bench_job.h"
#include "bench_model.h"

/* The second call finds everything in place. The library aligns to 64 bytes at most; as many stand
 * before each block, for its size. */
enum { CALLS = 2 };
static const size_t header = 64;

typedef struct Counter {
    size_t live, peak; /* bytes */
} Counter;

static void *allocate(void *user, size_t alignment, size_t size) {
    Counter *const counter = user;
    if (alignment > header || size > SIZE_MAX - 2 * header) return NULL;
    size_t *const block = aligned_alloc(header, header + (size + header - 1) / header * header);
    if (!block) return NULL;
    *block = size;
    counter->live += size;
    if (counter->live > counter->peak) counter->peak = counter->live;
    return block + header / sizeof(*block);
}

static void release(void *user, void *pointer) {
    Counter *const counter = user;
    size_t *const block = (size_t *)pointer - header / sizeof(*block);
    counter->live -= *block;
    free(block);
}

/* Makes the most that the process has held what it holds now, without what earlier points freed. */
static void reset_resident(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
    FILE *const file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    (void)fputs("5", file);
    (void)fclose(file);
}

static double most_resident(void) {
    FILE *const file = fopen("/proc/self/status", "r");
    char line[128];
    uint64_t kibibytes = 0;
    if (!file) return 0.0;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %" SCNu64, &kibibytes) == 1) break;
    (void)fclose(file);
    return 1024.0 * (double)kibibytes;
}

elman_status bench_memory(const BenchPoint *point, size_t threads, BenchMemory *memory,
                          elman_error *error) {
    Counter counter = {0, 0};
    const elman_context_options options = {
        .struct_size = sizeof(options),
        .allocator = {allocate, release, &counter},
        .threads = threads,
    };
    elman_context *context = NULL;
    reset_resident();
    elman_status status = elman_context_create(&options, &context, error);
    if (status) return status;
    BenchJob *const job = bench_job_create(context, point, error);
    status = job ? bench_job_run(job, CALLS, error) : error->status;
    *memory = (BenchMemory){bench_bytes(point), (double)counter.peak, most_resident()};
    bench_job_destroy(job);
    elman_context_destroy(context);
    return status;
}
