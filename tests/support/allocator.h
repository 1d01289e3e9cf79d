/* An allocator that counts, and that fails when it is told to. */
#ifndef SUPPORT_ALLOCATOR_H
#define SUPPORT_ALLOCATOR_H

#include <stddef.h>

#include <elman/context.h>

enum { ALLOW_ALL = -1 };

/* Starts as {.allow = k}: k allocations succeed, all later ones fail. */
typedef struct CountingAllocator {
    long allow;   /* allocations that may still succeed; ALLOW_ALL: any number */
    long count;   /* allocations that were asked for */
    long live;    /* blocks that are allocated now */
    size_t bytes; /* their sum */
    size_t peak;  /* the largest that `bytes` has been */
} CountingAllocator;

/* What a context or a Memory takes; `counting` must outlive it. */
elman_allocator counting_allocator(CountingAllocator *counting);

#endif
