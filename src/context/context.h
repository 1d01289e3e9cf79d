/* What a context holds; see elman/context.h for what it promises. */
#ifndef CONTEXT_CONTEXT_H
#define CONTEXT_CONTEXT_H

#include "core/memory.h"
#include "core/pool.h"
#include "kernels/kernels.h"
#include <elman/context.h>

struct elman_context {
    Memory memory;
    Pool *pool;
    elman_log_function log; /* NULL: messages are dropped */
    void *log_user;
    const Kernels *kernels;
};

#endif
