/* The processors that a process has: how many, and their caches. */
#ifndef CORE_PROCESSORS_H
#define CORE_PROCESSORS_H

#include <stddef.h>

/* What the text of a cgroup v2 cpu.max file ("150000 100000" or "max 100000") allows, rounded up to
 * whole processors; 0: no limit, or a text that is none. */
size_t processors_from_quota(const char *text);

/* The bytes that the text of a cache's size file ("2048K", "1M") in sysfs means; 0: it is none. */
size_t processor_bytes_from_size(const char *text);

/* Bytes of the cache that one processor has to itself, its second level; 1 MiB when that is not
 * known. */
size_t processor_cache_size(void);

#endif
