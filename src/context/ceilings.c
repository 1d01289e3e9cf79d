/* Measures what the processor can do at most. */
#include <elman/ceilings.h>

#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/clock.h"
#include "core/fail.h"
#include "kernels/ceilings.h"

enum {
    ATTEMPTS = 5,         /* without a better one end a measurement, */
    ATTEMPTS_MOST = 15,   /* and so many end it in any case */
    SMALLEST = 16 * 1024, /* bytes */
    MEETINGS = 20         /* in one attempt */
};
static const size_t most_bytes = (size_t)1 << 30; /* of all threads together */
static const double attempt_seconds = 1.5e-3, meetings_seconds = 0.2, warm_up_seconds = 0.1,
                    clock_seconds = 20e-6, pace_seconds = 1e-3;

/* What one attempt does, on each thread that takes part. */
typedef struct Probe Probe;
struct Probe {
    const Ceilings *loops;
    /* Goes through `rounds`; returns how much was done. */
    double (*run)(const Probe *probe, size_t worker, size_t rounds);
    size_t rounds;
    void (*chain)(size_t rounds, float state[PANEL]); /* of a cell */
    const float *memory; /* [workers][stride], of which `count` are read */
    size_t count, stride;
};

static double run_burst(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float sink[PANEL];
    (void)worker;
    return 2.0 * (double)probe->loops->fma_burst(rounds, sink);
}

/* Numbers around 0, of both signs, whose sums stay small. */
static double run_tile(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float sink[PANEL], memory[TILE_FLOATS];
    (void)worker;
    for (size_t i = 0; i < TILE_FLOATS; i++) memory[i] = (float)(i * 37 % 64) / 64 - 0.5f;
    return 2.0 * (double)probe->loops->tile_burst(rounds, memory, sink);
}

static double run_fma_chain(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float sink[PANEL];
    (void)worker;
    return (double)probe->loops->fma_chain(rounds, sink);
}

static double run_add_chain(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float sink[PANEL];
    (void)worker;
    return (double)probe->loops->add_chain(rounds, sink);
}

static double run_cell_chain(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float state[PANEL] = {0};
    (void)worker;
    probe->chain(rounds, state);
    return (double)rounds;
}

static double run_read(const Probe *probe, size_t worker, size_t rounds) {
    _Alignas(MEMORY_ALIGNMENT) float sink[PANEL];
    probe->loops->stream_read(rounds, probe->count, probe->memory + worker * probe->stride, sink);
    return (double)rounds * (double)probe->count * sizeof(float);
}

static void run_share(void *argument, size_t worker, size_t workers) {
    const Probe *const probe = argument;
    (void)workers;
    (void)probe->run(probe, worker, probe->rounds);
}

/* Seconds that the caller alone, or all workers, take. */
static double time_attempt(elman_context *context, Probe *probe, bool all) {
    const uint64_t begin = clock_nanoseconds();
    if (all)
        pool_run(context->pool, run_share, probe);
    else
        run_share(probe, 0, 1);
    const uint64_t nanoseconds = clock_nanoseconds() - begin;
    return nanoseconds > 0 ? (double)nanoseconds * 1e-9 : 1e-9;
}

/* How often a probe repeats what it does until that takes so long. */
static size_t rounds_for(elman_context *context, Probe probe, double seconds) {
    probe.rounds = 1;
    while (time_attempt(context, &probe, false) < seconds) probe.rounds *= 2;
    return probe.rounds;
}

/* The highest rate of several attempts, of all that take part together. */
static double measure(elman_context *context, Probe probe, bool all) {
    double best = 0.0;
    probe.rounds = rounds_for(context, probe, attempt_seconds);
    const double done = probe.run(&probe, 0, probe.rounds);
    for (int i = 0, worse = 0; i < ATTEMPTS_MOST && worse < ATTEMPTS; i++, worse++) {
        const double rate = done / time_attempt(context, &probe, all);
        if (rate > best * 1.01) worse = 0;
        if (rate > best) best = rate;
    }
    return all ? best * (double)pool_workers(context->pool) : best;
}

/* Keeps all threads busy for a while: the system takes its time to give each a processor of its
 * own, and the processor to reach its clock. */
static void warm_up(elman_context *context, Probe probe) {
    const uint64_t start = clock_nanoseconds();
    probe.rounds = rounds_for(context, probe, attempt_seconds);
    while ((double)(clock_nanoseconds() - start) * 1e-9 < warm_up_seconds)
        (void)time_attempt(context, &probe, true);
}

static void meet(void *argument, size_t worker, size_t workers) {
    elman_context *const context = argument;
    (void)workers;
    for (int i = 0; i < MEETINGS; i++) pool_barrier(context->pool, worker);
}

/* The shortest time from one barrier to the next. Few make an attempt, so that on a busy machine
 * some attempts stay undisturbed. */
static double measure_barrier(elman_context *context) {
    const uint64_t start = clock_nanoseconds();
    double best = INFINITY, passed = 0.0;
    if (pool_workers(context->pool) == 1) return 0.0;
    while (passed < meetings_seconds) {
        const uint64_t begin = clock_nanoseconds();
        pool_run(context->pool, meet, context);
        const uint64_t end = clock_nanoseconds();
        const double seconds = (double)(end - begin) * 1e-9 / MEETINGS;
        if (seconds < best) best = seconds;
        passed = (double)(end - start) * 1e-9;
    }
    return best;
}

static elman_status measure_reads(elman_context *context, Probe probe, elman_ceilings *ceilings,
                                  elman_error *error) {
    const size_t threads = ceilings->threads;
    size_t sizes = 1;
    while (sizes < ELMAN_CEILING_SIZES && ((size_t)SMALLEST << sizes) <= most_bytes / threads)
        sizes++;
    probe.stride = ((size_t)SMALLEST << (sizes - 1)) / sizeof(float);
    float *const memory =
        memory_allocate_array(&context->memory, threads, probe.stride * sizeof(float));
    if (!memory)
        return fail(error, ELMAN_ERR_MEMORY, "no memory for %zu threads to read %zu bytes each",
                    threads, probe.stride * sizeof(float));
    probe.run = run_read;
    probe.memory = memory;
    ceilings->sizes = sizes;
    for (size_t i = 0; i < sizes; i++) {
        ceilings->bytes[i] = (size_t)SMALLEST << i;
        probe.count = ceilings->bytes[i] / sizeof(float);
        ceilings->read[i] = measure(context, probe, false);
        ceilings->read_all[i] = threads > 1 ? measure(context, probe, true) : ceilings->read[i];
    }
    memory_release(&context->memory, memory);
    return ELMAN_OK;
}

/* The time that one of a chain takes. */
static double measure_chain(elman_context *context, Probe probe,
                            double (*run)(const Probe *, size_t, size_t)) {
    probe.run = run;
    return 1.0 / measure(context, probe, false);
}

static double measure_cell_chain(elman_context *context, Probe probe,
                                 void (*chain)(size_t, float *)) {
    probe.chain = chain;
    return measure_chain(context, probe, run_cell_chain);
}

elman_status elman_ceilings_measure(elman_context *context, elman_ceilings *ceilings,
                                    elman_error *error) {
    Probe probe = {.loops = ceilings_select(context->kernels), .run = run_burst};
    memset(ceilings, 0, sizeof *ceilings);
    ceilings->isa = context->kernels->name;
    ceilings->threads = pool_workers(context->pool);
    /* The peak first: under products the processor lowers its clock, and takes its time to raise it
     * again. */
    warm_up(context, probe);
    ceilings->peak = measure(context, probe, false);
    ceilings->peak_all = ceilings->threads > 1 ? measure(context, probe, true) : ceilings->peak;
    ceilings->clock = 1.0 / measure_chain(context, probe, run_add_chain);
    ceilings->fma_chain = measure_chain(context, probe, run_fma_chain);
    ceilings->rnn_chain = measure_cell_chain(context, probe, probe.loops->rnn_chain);
    ceilings->lstm_chain = measure_cell_chain(context, probe, probe.loops->lstm_chain);
    ceilings->gru_chain = measure_cell_chain(context, probe, probe.loops->gru_chain);
    ceilings->barrier = measure_barrier(context);
    probe.run = run_tile;
    warm_up(context, probe);
    ceilings->product = measure(context, probe, false);
    ceilings->product_all =
        ceilings->threads > 1 ? measure(context, probe, true) : ceilings->product;
    return measure_reads(context, probe, ceilings, error);
}

/* The rate of all that take part together, at one attempt. */
static double rate_now(elman_context *context, Probe probe, double seconds, bool all) {
    probe.rounds = rounds_for(context, probe, seconds);
    const double done = probe.run(&probe, 0, probe.rounds);
    const double rate = done / time_attempt(context, &probe, all);
    return all ? rate * (double)pool_workers(context->pool) : rate;
}

void elman_pace_measure(elman_context *context, size_t threads, elman_pace *pace) {
    const Ceilings *const loops = ceilings_select(context->kernels);
    const Probe clock = {.loops = loops, .run = run_add_chain};
    const Probe tile = {.loops = loops, .run = run_tile};
    pace->clock = rate_now(context, clock, clock_seconds, false);
    pace->product = rate_now(context, tile, pace_seconds, threads != 1);
}

double elman_ceilings_read(const elman_ceilings *ceilings, size_t threads, double bytes) {
    const double *const rates = threads > 1 ? ceilings->read_all : ceilings->read;
    const size_t last = ceilings->sizes - 1;
    if (!(bytes > (double)ceilings->bytes[0])) return rates[0];
    if (bytes >= (double)ceilings->bytes[last]) return rates[last];
    const double at = log2(bytes / (double)ceilings->bytes[0]); /* sizes double */
    const size_t below = (size_t)at;
    const double part = at - (double)below;
    return rates[below] * (1.0 - part) + rates[below + 1] * part;
}
