/* Marks between the phases of a step; see elman/profile.h. */
#ifndef CONTEXT_PROFILE_H
#define CONTEXT_PROFILE_H

#include "context/context.h"

/* Adds the time since the mark before to a phase. */
void profile_charge(Profile *profile, elman_phase phase);

/* The end of a stretch of work in `phase`: what has passed since the calling thread's mark before
 * is counted there. Worker 0 is the calling thread; marks of others mean nothing. */
static inline void profile_mark(elman_context *context, size_t worker, elman_phase phase) {
    if (context->profile.on && worker == 0) profile_charge(&context->profile, phase);
}

#endif
