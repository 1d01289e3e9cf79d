/* Where the time of a training step goes: seconds in each of its phases, as the calling thread sees
 * them.
 *
 *     elman_profile_start(context);
 *     ... training steps, or passes of a tape ...
 *     elman_profile_stop(context);
 *     elman_profile_read(context, seconds);
 *
 * Only the thread that calls is timed: what it waits for other workers is a phase of its own. */
#ifndef ELMAN_PROFILE_H
#define ELMAN_PROFILE_H

#include <elman/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the order of a step. */
typedef enum elman_phase {
    ELMAN_PHASE_PACK,             /* weights into the order in which the kernels read them */
    ELMAN_PHASE_INPUT,            /* checks, copies, embeddings looked up, initial states */
    ELMAN_PHASE_PROJECT,          /* the product of a layer's input and weight_ih */
    ELMAN_PHASE_RECUR,            /* the recurrence, forward */
    ELMAN_PHASE_JOIN,             /* directions side by side, dropout, pooling: there and back */
    ELMAN_PHASE_HEAD,             /* the linear head, forward */
    ELMAN_PHASE_LOSS,             /* the loss and its gradient */
    ELMAN_PHASE_HEAD_BACK,        /* the gradient of the head's input */
    ELMAN_PHASE_RECUR_BACK,       /* the recurrence, backward */
    ELMAN_PHASE_INPUT_BACK,       /* the gradient of a layer's input */
    ELMAN_PHASE_WEIGHT_GRADIENTS, /* of all tensors */
    ELMAN_PHASE_MEASURE,          /* the gradient's norm, clipping by value */
    ELMAN_PHASE_OPTIMIZER,        /* clipping by norm, the update, the running mean */
    ELMAN_PHASE_WAIT,             /* for workers that have not finished their share */
    ELMAN_PHASE_OTHER,            /* all else, what the caller does between steps included */
    ELMAN_PHASE_COUNT
} elman_phase;

/* Sets all phases to 0 and counts from now on. A profile belongs to its context and is off until it
 * is started; while it is off, nothing is timed. */
ELMAN_API void elman_profile_start(elman_context *context);

/* Counts no more; what was counted stays. */
ELMAN_API void elman_profile_stop(elman_context *context);

/* The seconds in each phase between start and stop, or up to now. Together they are the whole time.
 */
ELMAN_API void elman_profile_read(elman_context *context, double seconds[ELMAN_PHASE_COUNT]);

/* Such as "weight_gradients"; NULL for what is no phase. */
ELMAN_API const char *elman_phase_name(elman_phase phase);

#ifdef __cplusplus
}
#endif

#endif
