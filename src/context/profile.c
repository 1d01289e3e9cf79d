/* Counts the time of each phase, in whole nanoseconds: no mark touches the floating-point state. */
#include "context/profile.h"

#include <string.h>

#include "core/clock.h"

void profile_charge(Profile *profile, elman_phase phase) {
    const uint64_t now = clock_nanoseconds();
    profile->nanoseconds[phase] += now - profile->last;
    profile->last = now;
}

void elman_profile_start(elman_context *context) {
    Profile *const profile = &context->profile;
    memset(profile->nanoseconds, 0, sizeof profile->nanoseconds);
    profile->last = clock_nanoseconds();
    profile->on = true;
}

void elman_profile_stop(elman_context *context) {
    profile_mark(context, 0, ELMAN_PHASE_OTHER);
    context->profile.on = false;
}

void elman_profile_read(elman_context *context, double seconds[ELMAN_PHASE_COUNT]) {
    profile_mark(context, 0, ELMAN_PHASE_OTHER);
    for (size_t i = 0; i < ELMAN_PHASE_COUNT; i++)
        seconds[i] = (double)context->profile.nanoseconds[i] * 1e-9;
}

const char *elman_phase_name(elman_phase phase) {
    static const char *const names[ELMAN_PHASE_COUNT] = {
        [ELMAN_PHASE_PACK] = "pack",
        [ELMAN_PHASE_INPUT] = "input",
        [ELMAN_PHASE_PROJECT] = "project",
        [ELMAN_PHASE_RECUR] = "recur",
        [ELMAN_PHASE_JOIN] = "join",
        [ELMAN_PHASE_HEAD] = "head",
        [ELMAN_PHASE_LOSS] = "loss",
        [ELMAN_PHASE_HEAD_BACK] = "head_back",
        [ELMAN_PHASE_RECUR_BACK] = "recur_back",
        [ELMAN_PHASE_INPUT_BACK] = "input_back",
        [ELMAN_PHASE_WEIGHT_GRADIENTS] = "weight_gradients",
        [ELMAN_PHASE_MEASURE] = "measure",
        [ELMAN_PHASE_OPTIMIZER] = "optimizer",
        [ELMAN_PHASE_WAIT] = "wait",
        [ELMAN_PHASE_OTHER] = "other",
    };
    return (size_t)phase < ELMAN_PHASE_COUNT ? names[phase] : NULL;
}
