/* What a processor can do at most, measured here and now: what a benchmark's figures are held
 * against (docs/performance.md). */
#ifndef ELMAN_CEILINGS_H
#define ELMAN_CEILINGS_H

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ELMAN_CEILING_SIZES = 13 };

/* Rates are per second, times in seconds. "All" are the threads of the context, together. */
typedef struct elman_ceilings {
    const char *isa; /* of the context: "portable", "avx2" or "avx512" */
    size_t threads;  /* of the context */

    double clock;    /* cycles: additions of whole numbers of which each waits for the one before */
    double peak;     /* float32 operations of one thread; a multiply-add is two */
    double peak_all; /* of all */
    double fma_chain; /* time from one multiply-add to the next that waits for it */

    /* One time step of one unit with one weight a gate: a multiply-add, the activations and the new
     * state, each waiting for the one before. */
    double rnn_chain, lstm_chain, gru_chain;

    double barrier; /* a meeting of all threads; 0 with one */

    /* Bytes read, again and again, from `bytes` bytes: by one thread, by all from so many each. The
     * sizes ascend from 16 KiB to 64 MiB, fewer where more than 1 GiB would be read by all. */
    size_t sizes;
    size_t bytes[ELMAN_CEILING_SIZES];
    double read[ELMAN_CEILING_SIZES];
    double read_all[ELMAN_CEILING_SIZES];
} elman_ceilings;

/* Measures them for the context's instruction set and threads, in about a second. Each is the best
 * of several attempts, since whoever else uses the processor can only slow them down. Errors:
 * MEMORY. */
ELMAN_API elman_status elman_ceilings_measure(elman_context *context, elman_ceilings *ceilings,
                                              elman_error *error);

/* The bytes per second that can be read from `bytes` bytes for each thread: by one thread, or, for
 * another number of `threads`, by all together. Between the sizes measured it is interpolated over
 * the logarithm of the size; outside of them it is that of the nearest. */
ELMAN_API double elman_ceilings_read(const elman_ceilings *ceilings, size_t threads, double bytes);

#ifdef __cplusplus
}
#endif

#endif
