/* Event files, which TensorBoard opens: numbers and histograms by step.
 *
 * A file is one elman_events_begin and then any number of scalars and histograms, appended as they
 * come; its name must contain "tfevents". What is written is handed to the caller piece by piece:
 * nothing is allocated, and the file is the caller's. */
#ifndef ELMAN_TENSORBOARD_H
#define ELMAN_TENSORBOARD_H

#include <elman/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes the next piece of a file; returns non-zero to stop. */
typedef int (*elman_event_write_function)(void *user, const void *bytes, size_t size);

/* A number under a name such as "loss/train", UTF-8. */
typedef struct elman_event_scalar {
    const char *tag;
    double value; /* kept as a float */
} elman_event_scalar;

/* `wall_time`: seconds since 1970. Error of all: CANCELLED (`write` said stop).
 *
 * The beginning of a file. `first_step` above 0: a run goes on with that step; TensorBoard drops
 * what earlier files in the folder hold of it and of later ones. */
ELMAN_API elman_status elman_events_begin(double wall_time, uint64_t first_step,
                                          elman_event_write_function write, void *user,
                                          elman_error *error);
ELMAN_API elman_status elman_events_scalars(double wall_time, uint64_t step,
                                            const elman_event_scalar *scalars, size_t count,
                                            elman_event_write_function write, void *user,
                                            elman_error *error);

/* How `count` numbers are spread: 64 buckets of equal width between the least and the greatest.
 * Those that are not finite are left out. */
ELMAN_API elman_status elman_events_histogram(double wall_time, uint64_t step, const char *tag,
                                              const float *numbers, size_t count,
                                              elman_event_write_function write, void *user,
                                              elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
