/* What a program lends to libelman: memory, threads, a log. */
#ifndef ELMAN_CONTEXT_H
#define ELMAN_CONTEXT_H

#include <stddef.h>

#include <elman/export.h>
#include <elman/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where memory comes from. `allocate` returns `size` bytes (never 0) aligned to `alignment` (a
 * power of two), or NULL; `release` takes back what `allocate` returned. Both may be called from
 * any thread that uses the context, never from its workers. */
typedef struct elman_allocator {
    void *(*allocate)(void *user, size_t alignment, size_t size);
    void (*release)(void *user, void *pointer);
    void *user;
} elman_allocator;

/* Receives one message, a sentence without a final newline. */
typedef void (*elman_log_function)(void *user, const char *message);

typedef struct elman_context_options {
    size_t struct_size;        /* sizeof(elman_context_options) */
    elman_allocator allocator; /* all NULL: aligned_alloc and free */
    elman_log_function log;    /* NULL: messages are dropped */
    void *log_user;
    size_t threads;  /* the most threads a call may use; 0: one */
    const char *isa; /* "portable", "avx2" or "avx512"; NULL: the environment variable
                        ELMAN_ISA, else the best that this processor has */
} elman_context_options;

/* Holds the allocator, the worker threads and the log. One thread at a time may use a context and
 * what was made with it, except where a function says otherwise (elman_stream). It must outlive
 * everything made with it. */
typedef struct elman_context elman_context;

/* Creates a context; `options` may be NULL. Errors: ARGUMENT (options that make no sense, more than
 * 1024 threads), MEMORY, UNSUPPORTED (an instruction set that is unknown or that the processor
 * lacks), IO (a thread could not be started). */
ELMAN_API elman_status elman_context_create(const elman_context_options *options,
                                            elman_context **context, elman_error *error);

/* Stops the workers and releases everything. NULL is legal. */
ELMAN_API void elman_context_destroy(elman_context *context);

/* The most threads that a call with this context may use, at least 1. */
ELMAN_API size_t elman_context_threads(const elman_context *context);

/* The processors that this process may run on (its affinity mask and its control group's quota,
 * rounded up), at least 1. */
ELMAN_API size_t elman_processor_count(void);

#ifdef __cplusplus
}
#endif

#endif
