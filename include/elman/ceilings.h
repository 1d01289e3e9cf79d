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
    double product;  /* the same where both operands are read from the nearest cache, for as long
                      * as one likes: processors lower their clock under such a load */
    double product_all;
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

/* What the processor does just now, which depends on its clock, and that on what it did before and
 * on who else uses it. */
typedef struct elman_pace {
    double clock;   /* cycles per second, before anything else is measured */
    double product; /* as in elman_ceilings, of all threads that were asked about together */
} elman_pace;

/* Measures it in a few milliseconds, on one thread or, for another number of `threads`, on all. */
ELMAN_API void elman_pace_measure(elman_context *context, size_t threads, elman_pace *pace);

/* The bytes per second that can be read from `bytes` bytes for each thread: by one thread, or, for
 * another number of `threads`, by all together. Between the sizes measured it is interpolated over
 * the logarithm of the size; outside of them it is that of the nearest. */
ELMAN_API double elman_ceilings_read(const elman_ceilings *ceilings, size_t threads, double bytes);

#ifdef __cplusplus
}
#endif

#endif
