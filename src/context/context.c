/* Creates and destroys what a program lends to libelman. */
#include "context/context.h"

#include <stdlib.h>

#include "core/fail.h"
#include "core/options.h"
#include "core/processors.h"

enum { THREADS_MAX = 1024 };

static elman_status check_options(const elman_context_options *options, elman_error *error) {
    if ((options->allocator.allocate == NULL) != (options->allocator.release == NULL))
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_context_options: the allocator has one of allocate and release, "
                    "expected both or none");
    if (options->threads > THREADS_MAX)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "elman_context_options: %zu threads, expected at most %d", options->threads,
                    THREADS_MAX);
    return ELMAN_OK;
}

static elman_status select_kernels(const elman_context_options *options, const Kernels **kernels,
                                   elman_error *error) {
    const char *isa = options->isa;
    if (isa == NULL) isa = getenv("ELMAN_ISA");
    if (isa != NULL && isa[0] == '\0') isa = NULL;
    *kernels = kernels_select(isa);
    if (*kernels != NULL) return ELMAN_OK;
    return fail(error, ELMAN_ERR_UNSUPPORTED,
                "instruction set \"%s\" is unknown or not in this processor, expected portable, "
                "avx2 or avx512",
                isa != NULL ? isa : "");
}

elman_status elman_context_create(const elman_context_options *given, elman_context **result,
                                  elman_error *error) {
    elman_context_options options;
    const Kernels *kernels;
    Memory memory;
    *result = NULL;
    elman_status status =
        options_read(&options, sizeof(options), given, "elman_context_options", error);
    if (status == ELMAN_OK) status = check_options(&options, error);
    if (status == ELMAN_OK) status = select_kernels(&options, &kernels, error);
    if (status != ELMAN_OK) return status;

    memory_init(&memory, &options.allocator);
    elman_context *context = memory_allocate(&memory, sizeof(*context));
    if (context == NULL) return fail(error, ELMAN_ERR_MEMORY, "no memory for a context");
    context->memory = memory;
    context->log = options.log;
    context->log_user = options.log_user;
    context->kernels = kernels;
    context->cache = processor_cache_size();
    const size_t threads = options.threads > 0 ? options.threads : 1;
    status = pool_create(&context->memory, threads, &context->pool, error);
    if (status != ELMAN_OK) {
        elman_context_destroy(context);
        return status;
    }
    *result = context;
    return ELMAN_OK;
}

void elman_context_destroy(elman_context *context) {
    if (context == NULL) return;
    pool_destroy(context->pool);
    Memory memory = context->memory;
    memory_release(&memory, context);
}

size_t elman_context_threads(const elman_context *context) {
    return pool_workers(context->pool);
}
