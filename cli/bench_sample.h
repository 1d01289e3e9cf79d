/* Timing for elman bench: many short samples, without those that other programs disturbed. */
#ifndef CLI_BENCH_SAMPLE_H
#define CLI_BENCH_SAMPLE_H

#include "bench_job.h"

typedef struct BenchSample {
    double seconds;  /* of a call */
    elman_pace pace; /* right after it */
} BenchSample;

/* One job, and how long a call of it takes. */
typedef struct BenchTimes {
    BenchJob *job;
    elman_context *context; /* the job's */
    size_t threads;         /* that the job uses: 1, or all of the context */

    size_t calls;         /* in a sample */
    BenchSample *samples; /* the undisturbed ones from the front */
    size_t count, capacity;
    size_t clean;    /* samples in which the process kept its processors */
    double spent;    /* seconds in all samples */
    double useful;   /* in the clean ones */
    double median;   /* of the clean samples; of all where too few are clean */
    double fifth;    /* their 5th percentile */
    elman_pace pace; /* medians over the same samples */
    bool disturbed;  /* too few were clean */
    double others;   /* share of all processors that other programs used meanwhile; 0: unknown */
} BenchTimes;

/* Samples the jobs in turns, each for `seconds` of clean samples (at least 5), or for three times
 * as long (and as many) where too few are clean. Disturbed is a sample in which the calling thread,
 * or with more of them the process, was sent from its processors and got less than 98 % of their
 * time. */
elman_status bench_sample(BenchTimes *times, size_t count, double seconds, elman_error *error);

void bench_times_release(BenchTimes *times);

#endif
