/* What a context holds; see elman/context.h for what it promises. */
#ifndef CONTEXT_CONTEXT_H
#define CONTEXT_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/memory.h"
#include "core/pool.h"
#include "kernels/kernels.h"
#include <elman/context.h>
#include <elman/profile.h>

/* What was counted between elman_profile_start and _stop. */
typedef struct Profile {
    bool on;
    uint64_t last; /* nanoseconds, of the mark before */
    uint64_t nanoseconds[ELMAN_PHASE_COUNT];
} Profile;

struct elman_context {
    Memory memory;
    Pool *pool;
    elman_log_function log; /* NULL: messages are dropped */
    void *log_user;
    const Kernels *kernels;
    size_t cache; /* bytes that one processor has to itself */
    Profile profile;
};

#endif
