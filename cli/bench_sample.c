/* Samples jobs in turns. */
#include "bench_sample.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "machine.h"

static const size_t samples_least = 5, patience = 3;
static const double sample_seconds = 10e-3;
static const double share_least = 0.98; /* of the processors' time, in a clean sample */

/* What the system has given to this process. */
typedef struct Usage {
    double wall, cpu;
    long preempted; /* times */
} Usage;

static double seconds_of(clockid_t clock) {
    struct timespec now = {0, 0};
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Workers that wait for work sleep, so that of several threads only all together tell anything. */
static Usage look_at_usage(size_t threads) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (Usage){
        .wall = machine_seconds(),
        .cpu = seconds_of(threads > 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID),
        .preempted = usage.ru_nivcsw,
    };
}

static bool is_clean(const Usage *before, const Usage *after, size_t threads) {
    const double share = (after->cpu - before->cpu) / (after->wall - before->wall);
    if (threads > 1 && after->preempted == before->preempted) return true;
    return share >= share_least * (double)threads;
}

static bool keep(BenchTimes *times, BenchSample sample, bool clean) {
    if (times->count == times->capacity) {
        const size_t capacity = times->capacity * 2 + 64;
        BenchSample *const more = realloc(times->samples, capacity * sizeof(*more));
        if (!more) return false;
        times->samples = more;
        times->capacity = capacity;
    }
    times->samples[times->count++] = sample;
    if (!clean) return true;
    const BenchSample first_disturbed = times->samples[times->clean];
    times->samples[times->clean++] = sample;
    times->samples[times->count - 1] = first_disturbed;
    return true;
}

static elman_status no_memory(elman_error *error) {
    *error = (elman_error){ELMAN_ERR_MEMORY, "no memory for the samples"};
    return ELMAN_ERR_MEMORY;
}

static elman_status take_sample(BenchTimes *times, elman_error *error) {
    const Usage before = look_at_usage(times->threads);
    const elman_status status = bench_job_run(times->job, times->calls, error);
    const Usage after = look_at_usage(times->threads);
    const double passed = after.wall - before.wall;
    const bool clean = is_clean(&before, &after, times->threads);
    if (status) return status;
    times->spent += passed;
    if (clean) times->useful += passed;
    BenchSample sample = {.seconds = passed / (double)times->calls};
    elman_pace_measure(times->context, times->threads, &sample.pace);
    return keep(times, sample, clean) ? ELMAN_OK : no_memory(error);
}

/* Runs the job twice as often each time until that takes long enough to tell how often it fits into
 * a sample. */
static elman_status calibrate(BenchTimes *times, elman_error *error) {
    elman_status status = bench_job_run(times->job, 1, error);
    times->calls = 1;
    while (!status) {
        const double begin = machine_seconds();
        status = bench_job_run(times->job, times->calls, error);
        const double passed = machine_seconds() - begin;
        if (passed >= sample_seconds / 4) {
            const double calls = sample_seconds / passed * (double)times->calls;
            times->calls = calls > 1.0 ? (size_t)calls : 1;
            return status;
        }
        times->calls *= 2;
    }
    return status;
}

static bool is_done(const BenchTimes *times, double seconds) {
    if (times->clean >= samples_least && times->useful >= seconds) return true;
    return times->count >= patience * samples_least && times->spent >= (double)patience * seconds;
}

static int compare(double x, double y) {
    return (x > y) - (x < y);
}

static int by_seconds(const void *a, const void *b) {
    return compare(((const BenchSample *)a)->seconds, ((const BenchSample *)b)->seconds);
}

static int by_clock(const void *a, const void *b) {
    return compare(((const BenchSample *)a)->pace.clock, ((const BenchSample *)b)->pace.clock);
}

static int by_product(const void *a, const void *b) {
    return compare(((const BenchSample *)a)->pace.product, ((const BenchSample *)b)->pace.product);
}

static void summarise(BenchTimes *times) {
    times->disturbed = times->clean < samples_least;
    const size_t count = times->disturbed ? times->count : times->clean;
    const BenchSample *const low = &times->samples[(count - 1) / 2];
    const BenchSample *const high = &times->samples[count / 2];
    qsort(times->samples, count, sizeof(*low), by_clock);
    times->pace.clock = 0.5 * (low->pace.clock + high->pace.clock);
    qsort(times->samples, count, sizeof(*low), by_product);
    times->pace.product = 0.5 * (low->pace.product + high->pace.product);
    qsort(times->samples, count, sizeof(*low), by_seconds);
    times->median = 0.5 * (low->seconds + high->seconds);
    times->fifth = times->samples[count / 20].seconds;
}

/* A sample of each job that needs more of them. */
static elman_status take_turn(BenchTimes *times, size_t count, double seconds, size_t *done,
                              elman_error *error) {
    elman_status status = ELMAN_OK;
    *done = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (is_done(&times[i], seconds)) {
            ++*done;
            continue;
        }
        /* Threads that slept while others had their turn wake up outside a short sample. */
        if (count > 1 && times[i].calls > 1) status = bench_job_run(times[i].job, 1, error);
        if (!status) status = take_sample(&times[i], error);
    }
    return status;
}

/* For how long others than this process have kept processors busy; negative when unknown. */
static double others_seconds(void) {
    return machine_busy_seconds() - seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

elman_status bench_sample(BenchTimes *times, size_t count, double seconds, elman_error *error) {
    elman_status status = ELMAN_OK;
    for (size_t i = 0; i < count && !status; i++) status = calibrate(&times[i], error);
    const double begin = machine_seconds(), before = others_seconds();
    for (size_t done = 0; done < count && !status;)
        status = take_turn(times, count, seconds, &done, error);
    const double passed = machine_seconds() - begin, busy = others_seconds() - before;
    const double others = busy / (passed * (double)elman_processor_count());
    for (size_t i = 0; i < count && !status; i++) {
        summarise(&times[i]);
        times[i].others = others > 0.0 && machine_busy_seconds() > 0.0 ? others : 0.0;
    }
    return status;
}

void bench_times_release(BenchTimes *times) {
    bench_job_destroy(times->job);
    free(times->samples);
}
