/* A stream: one sequence, a step at a time, for as long as it lasts.
 *
 * A step allocates nothing, takes no lock and makes no system call. Its numbers are the bits that
 * elman_tape_forward gives for the same sequence. Streams over one network may run in different
 * threads at once; one stream belongs to one thread at a time. */
#ifndef ELMAN_STREAM_H
#define ELMAN_STREAM_H

#include <elman/network.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elman_stream elman_stream;

/* Starts a stream in its initial state. Errors: UNSUPPORTED (a bidirectional layer needs the end of
 * the sequence first, a pooled output all of it), MEMORY. */
ELMAN_API elman_status elman_stream_create(const elman_network *network, elman_stream **stream,
                                           elman_error *error);
ELMAN_API void elman_stream_destroy(elman_stream *stream);

/* Reads one row of `features` numbers, or one token, and writes the output of this step
 * (`output` NULL: the head is not computed). Errors: ARGUMENT (the model's input is of the other
 * kind, or the token is outside the vocabulary; the state is unchanged). */
ELMAN_API elman_status elman_stream_step(elman_stream *stream, const float *input, float *output);
ELMAN_API elman_status elman_stream_step_token(elman_stream *stream, int32_t token, float *output);

/* Back to the initial state (learned, or zeros). */
ELMAN_API void elman_stream_reset(elman_stream *stream);

/* The state as elman_network_state_size(network, 1) numbers. */
ELMAN_API void elman_stream_save(const elman_stream *stream, float *state);
ELMAN_API void elman_stream_load(elman_stream *stream, const float *state);

/* A second stream that goes on from where this one is. */
ELMAN_API elman_status elman_stream_clone(const elman_stream *stream, elman_stream **clone,
                                          elman_error *error);

#ifdef __cplusplus
}
#endif

#endif
